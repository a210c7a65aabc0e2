/** Element type codes of TensorProto.DataType (onnx.proto) and the dtypes of the house. */
import type { DType } from '../../common/ndarray.ts';

export const CODE_OF: { readonly [D in DType]: number } = {
  float32: 1, uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6, int64: 7, bool: 9, float16: 10, float64: 11, uint32: 12, uint64: 13,
};

const DTYPE_OF: ReadonlyMap<number, DType> = new Map((Object.keys(CODE_OF) as DType[]).map((dtype) => [CODE_OF[dtype], dtype]));

/** Names of the codes that are valid ONNX and that we refuse. */
const REFUSED: ReadonlyMap<number, string> = new Map([
  [0, 'undefined'], [8, 'string'], [14, 'complex64'], [15, 'complex128'], [16, 'bfloat16'], [17, 'float8e4m3fn'], [18, 'float8e4m3fnuz'],
  [19, 'float8e5m2'], [20, 'float8e5m2fnuz'], [21, 'uint4'], [22, 'int4'], [23, 'float4e2m1'], [24, 'float8e8m0'],
]);

/** The dtype of a code, or null. */
export function dtypeOf(code: number): DType | null {
  return DTYPE_OF.get(code) ?? null;
}

/** Name of any code, for messages. */
export function nameOfCode(code: number): string {
  return DTYPE_OF.get(code) ?? REFUSED.get(code) ?? `element type ${code}`;
}
