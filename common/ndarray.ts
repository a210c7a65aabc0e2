/**
 * NdArray: dtype, shape, typed array, row-major (last index fastest). The only currency between packages.
 *
 * float16 is held as its raw bits in a Uint16Array, bool as 0/1 in a Uint8Array.
 */
export interface DataOf {
  float64: Float64Array;
  float32: Float32Array;
  float16: Uint16Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int8: Int8Array;
  uint8: Uint8Array;
  bool: Uint8Array;
}

export type DType = keyof DataOf;

export interface NdArray<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly data: DataOf[D];
}

export type F32 = NdArray<'float32'>;
export type F64 = NdArray<'float64'>;
export type U8 = NdArray<'uint8'>;
export type I32 = NdArray<'int32'>;

/** A dtype whose elements are ordinary numbers (not bigint, not raw half bits). */
export type RealDType = Exclude<DType, 'int64' | 'uint64' | 'float16'>;

export const BYTES: { readonly [D in DType]: number } = {
  float64: 8, float32: 4, float16: 2, int64: 8, uint64: 8, int32: 4, uint32: 4, int16: 2, uint16: 2, int8: 1, uint8: 1, bool: 1,
};

const ALLOCATE: { readonly [D in DType]: (length: number) => DataOf[D] } = {
  float64: (n) => new Float64Array(n),
  float32: (n) => new Float32Array(n),
  float16: (n) => new Uint16Array(n),
  int64: (n) => new BigInt64Array(n),
  uint64: (n) => new BigUint64Array(n),
  int32: (n) => new Int32Array(n),
  uint32: (n) => new Uint32Array(n),
  int16: (n) => new Int16Array(n),
  uint16: (n) => new Uint16Array(n),
  int8: (n) => new Int8Array(n),
  uint8: (n) => new Uint8Array(n),
  bool: (n) => new Uint8Array(n),
};

/** Number of elements of a shape; 1 for a scalar shape `[]`. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

/** Wraps data that already exists. Throws if its length is not the product of the shape. */
export function ndarray<D extends DType>(dtype: D, shape: readonly number[], data: DataOf[D]): NdArray<D> {
  if (data.length !== sizeOf(shape)) {
    throw new RangeError(`a ${dtype} array of shape [${shape.join(', ')}] needs ${sizeOf(shape)} elements, got ${data.length}`);
  }
  return { dtype, shape, data };
}

/** A new array of zeros. */
export function zeros<D extends DType>(dtype: D, shape: readonly number[]): NdArray<D> {
  return { dtype, shape, data: ALLOCATE[dtype](sizeOf(shape)) };
}

/** float32 array over existing or copied numbers; the commonest call in the house. */
export function f32(shape: readonly number[], data: Float32Array | readonly number[]): F32 {
  return ndarray('float32', shape, data instanceof Float32Array ? data : Float32Array.from(data));
}

/** True if the array has this dtype; narrows. */
export function isDType<D extends DType>(array: NdArray, dtype: D): array is NdArray<D> {
  return array.dtype === dtype;
}

/** Rows `from` (inclusive) to `to` (exclusive) of the first axis, as a view on the same memory. */
export function rows<D extends DType>(array: NdArray<D>, from: number, to: number): NdArray<D> {
  const width = sizeOf(array.shape.slice(1));
  const data = array.data.subarray(from * width, to * width) as DataOf[D];
  return ndarray(array.dtype, [to - from, ...array.shape.slice(1)], data);
}

/** `float32[shape]`, for messages. */
export function describe(array: NdArray): string {
  return `${array.dtype}[${array.shape.join(', ')}]`;
}
