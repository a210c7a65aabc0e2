/**
 * Typed arrays from and to raw bytes in either byte order, and between first-index-fastest (Fortran, MATLAB) and
 * last-index-fastest (C) memory order. All functions allocate exactly the size of what they are given.
 */
import { BYTES, ndarray, sizeOf, zeros } from '../../common/ndarray.ts';
import type { DataOf, DType, NdArray } from '../../common/ndarray.ts';

const HOST_IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

const OVER: { readonly [D in DType]: (buffer: ArrayBuffer) => DataOf[D] } = {
  float64: (buffer) => new Float64Array(buffer),
  float32: (buffer) => new Float32Array(buffer),
  float16: (buffer) => new Uint16Array(buffer),
  int64: (buffer) => new BigInt64Array(buffer),
  uint64: (buffer) => new BigUint64Array(buffer),
  int32: (buffer) => new Int32Array(buffer),
  uint32: (buffer) => new Uint32Array(buffer),
  int16: (buffer) => new Int16Array(buffer),
  uint16: (buffer) => new Uint16Array(buffer),
  int8: (buffer) => new Int8Array(buffer),
  uint8: (buffer) => new Uint8Array(buffer),
  bool: (buffer) => new Uint8Array(buffer),
};

function swapInPlace(buffer: ArrayBuffer, width: number): void {
  const bytes = Buffer.from(buffer);
  if (width === 2) bytes.swap16();
  else if (width === 4) bytes.swap32();
  else if (width === 8) bytes.swap64();
}

/** Copies raw bytes into a typed array. `bytes.length` must be a multiple of the element size. */
export function decodeElements<D extends DType>(dtype: D, bytes: Uint8Array, littleEndian: boolean): DataOf[D] {
  const buffer = new ArrayBuffer(bytes.length);
  new Uint8Array(buffer).set(bytes);
  if (littleEndian !== HOST_IS_LITTLE_ENDIAN) swapInPlace(buffer, BYTES[dtype]);
  return OVER[dtype](buffer);
}

/** Copies a typed array into raw bytes. */
export function encodeElements(array: NdArray, littleEndian: boolean): Uint8Array {
  const { data } = array;
  const buffer = new ArrayBuffer(data.byteLength);
  new Uint8Array(buffer).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  if (littleEndian !== HOST_IS_LITTLE_ENDIAN) swapInPlace(buffer, BYTES[array.dtype]);
  return new Uint8Array(buffer);
}

/** The bytes of an array, little-endian; a view of the array itself where the machine is. */
export function littleEndianBytes(array: NdArray): Uint8Array {
  const { data } = array;
  return HOST_IS_LITTLE_ENDIAN ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : encodeElements(array, true);
}

/** The array with its axes reversed, `[a, b, c] -> [c, b, a]`, copied into C order. */
export function reverseAxes<D extends DType>(array: NdArray<D>): NdArray<D> {
  const shape = [...array.shape].reverse();
  const axes = shape.filter((extent) => extent !== 1);
  if (axes.length <= 1) return ndarray(array.dtype, shape, array.data);
  const out = zeros(array.dtype, shape);
  const to: Exclude<DataOf[DType], BigInt64Array | BigUint64Array> | BigInt64Array | BigUint64Array = out.data;
  const from: typeof to = array.data;
  if (to instanceof BigInt64Array && from instanceof BigInt64Array) permute(from, to, axes);
  else if (to instanceof BigUint64Array && from instanceof BigUint64Array) permute(from, to, axes);
  else if (!(to instanceof BigInt64Array) && !(to instanceof BigUint64Array) && !(from instanceof BigInt64Array) && !(from instanceof BigUint64Array)) permute(from, to, axes);
  return out;
}

/** Step 1: strides of the source for each axis of the destination. Step 2: walk the destination in order, odometer style. */
function permute<T extends number | bigint>(from: { readonly [index: number]: T }, to: { [index: number]: T; readonly length: number }, shape: readonly number[]): void {
  const rank = shape.length;
  const strides = new Float64Array(rank);
  let stride = 1;
  for (let axis = 0; axis < rank; axis++) { strides[axis] = stride; stride *= shape[axis] ?? 1; }
  const index = new Float64Array(rank);
  const inner = shape[rank - 1] ?? 1;
  const innerStride = strides[rank - 1] ?? 1;
  let source = 0;
  for (let at = 0; at < to.length; at += inner) {
    for (let i = 0, s = source; i < inner; i++, s += innerStride) to[at + i] = from[s] as T;
    for (let axis = rank - 2; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      source += strides[axis] ?? 0;
      if (next < (shape[axis] ?? 1)) { index[axis] = next; break; }
      source -= next * (strides[axis] ?? 0);
      index[axis] = 0;
    }
  }
}

/** Data that lie first-index-fastest in a shape, as a C-order array of that same shape. */
export function fromFortran<D extends DType>(dtype: D, shape: readonly number[], data: DataOf[D]): NdArray<D> {
  return reverseAxes(ndarray(dtype, [...shape].reverse(), data));
}

/** The elements of a C-order array, first index fastest. */
export function toFortran<D extends DType>(array: NdArray<D>): NdArray<D> {
  return reverseAxes(array);
}

/** Elements as ordinary numbers; float16 bits are expanded, 64-bit integers beyond 2^53 are rounded. A float64 array is given back itself. */
export function toFloat64(array: NdArray): Float64Array {
  const { data } = array;
  if (data instanceof Float64Array) return data;
  const out = new Float64Array(sizeOf(array.shape));
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let i = 0; i < out.length; i++) out[i] = Number(data[i]);
  } else if (array.dtype === 'float16') {
    for (let i = 0; i < out.length; i++) out[i] = halfToNumber(data[i] ?? 0);
  } else {
    out.set(data);
  }
  return out;
}

/** Value of IEEE 754 binary16 bits. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
