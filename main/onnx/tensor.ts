/** Initializers and arrays: reading the elements of a tensor that is inside the file, and making one from an array. */
import { UserError } from '../../common/errors.ts';
import { BYTES, ndarray, sizeOf } from '../../common/ndarray.ts';
import type { DataOf, DType, NdArray } from '../../common/ndarray.ts';
import type { Initializer } from './graph.ts';

const VIEW: { readonly [D in DType]: (buffer: ArrayBuffer, offset: number, length: number) => DataOf[D] } = {
  float64: (b, o, n) => new Float64Array(b, o, n),
  float32: (b, o, n) => new Float32Array(b, o, n),
  float16: (b, o, n) => new Uint16Array(b, o, n),
  int64: (b, o, n) => new BigInt64Array(b, o, n),
  uint64: (b, o, n) => new BigUint64Array(b, o, n),
  int32: (b, o, n) => new Int32Array(b, o, n),
  uint32: (b, o, n) => new Uint32Array(b, o, n),
  int16: (b, o, n) => new Int16Array(b, o, n),
  uint16: (b, o, n) => new Uint16Array(b, o, n),
  int8: (b, o, n) => new Int8Array(b, o, n),
  uint8: (b, o, n) => new Uint8Array(b, o, n),
  bool: (b, o, n) => new Uint8Array(b, o, n),
};

/** An initializer over the elements of an array (shared, not copied). */
export function initializerOf(name: string, array: NdArray): Initializer {
  const { buffer, byteOffset, byteLength } = array.data;
  return { name, dtype: array.dtype, shape: [...array.shape], source: { kind: 'inline', bytes: new Uint8Array(buffer, byteOffset, byteLength) } };
}

/** The elements of an inline initializer; a view where the alignment allows it, else a copy. External data throws. */
export function arrayOf<D extends DType>(initializer: Initializer & { readonly dtype: D }): NdArray<D>;
export function arrayOf(initializer: Initializer): NdArray;
export function arrayOf(initializer: Initializer): NdArray {
  const { source, dtype, shape, name } = initializer;
  if (source.kind === 'external') {
    throw new UserError('unsupported', `the elements of "${name}" are in ${source.location} and are not read here`, { file: source.location, expected: 'a tensor inside the .onnx file', found: 'external data' });
  }
  const aligned = source.bytes.byteOffset % BYTES[dtype] === 0 && source.bytes.buffer instanceof ArrayBuffer;
  const bytes = aligned ? source.bytes : Uint8Array.from(source.bytes);
  return ndarray(dtype, shape, VIEW[dtype](bytes.buffer as ArrayBuffer, bytes.byteOffset, sizeOf(shape)));
}

/** Bytes that the elements of a tensor take. */
export function byteLengthOf(dtype: DType, shape: readonly number[]): number {
  return sizeOf(shape) * BYTES[dtype];
}
