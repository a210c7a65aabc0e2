/**
 * Products: the few large operations that everything else in this package is made of. A parameter of every routine, so that the same
 * algorithm runs on ONNX Runtime (`session-products.ts`), on whatever provider, and on plain loops (`plain-products.ts`).
 *
 * Matrices are row-major, float32 or float64, both operands alike. None may exceed `LARGEST_BYTES`: callers work in blocks.
 */
import { isDType } from '../../common/ndarray.ts';
import type { F32, F64, NdArray } from '../../common/ndarray.ts';

export type Real = 'float32' | 'float64';
export type Matrix<D extends Real = Real> = NdArray<D>;

/** Which operand is transposed: `ab` = A B, `aTb` = A' B, `abT` = A B'. */
export type Form = 'ab' | 'aTb' | 'abT';

/** One term of a prediction: `[rows, q] x [q, columns]`. */
export interface Term {
  readonly left: F32;
  readonly right: F32;
}

/** A block row `[items, inner, columns]` of a batch of triangular matrices, read from column `offset` on. */
export interface BatchTerm {
  readonly upper: F64;
  readonly offset: number;
}

/** Column sums over the rows of a block, `[columns]` each: squared residual, prediction, squared prediction. */
export interface ResidualSums {
  readonly squaredError: Float32Array;
  readonly prediction: Float32Array;
  readonly squaredPrediction: Float32Array;
}

export interface Products {
  /** op(A) op(B). */
  multiply<D extends Real>(form: Form, a: Matrix<D>, b: Matrix<D>): Promise<Matrix<D>>;
  /** base + sign op(A) op(B), in a new array. */
  accumulate<D extends Real>(base: Matrix<D>, sign: 1 | -1, form: Form, a: Matrix<D>, b: Matrix<D>): Promise<Matrix<D>>;
  /** A B for every item of a batch: `[items, rows, inner] x [items, inner, columns]`. */
  multiplyBatch(a: F64, b: F64): Promise<F64>;
  /** base - sum over terms of (columns offset .. offset + rows)' (columns from offset on) of the term, for every item; base is `[items, rows, columns]`. */
  downdateBatch(base: F64, terms: readonly BatchTerm[]): Promise<F64>;
  /** Sums of target - prediction and of prediction, where prediction = sum of the terms; the predictions themselves never leave the engine. */
  residualSums(terms: readonly Term[], target: F32): Promise<ResidualSums>;
  /** Frees native memory. */
  release(): Promise<void>;
}

/** No tensor above this (inside Electron one native block above 1 GiB ends the process). */
export const LARGEST_BYTES = 0.9 * 2 ** 30;

/** Result shape and inner extent of a product. Throws RangeError if the operands do not fit. */
export function productShape(form: Form, a: NdArray, b: NdArray): { readonly rows: number; readonly columns: number; readonly inner: number } {
  const [a0 = 0, a1 = 0] = a.shape;
  const [b0 = 0, b1 = 0] = b.shape;
  const [rows, inner] = form === 'aTb' ? [a1, a0] : [a0, a1];
  const [otherInner, columns] = form === 'abT' ? [b1, b0] : [b0, b1];
  if (a.shape.length !== 2 || b.shape.length !== 2 || inner !== otherInner || a.dtype !== b.dtype) {
    throw new RangeError(`product ${form} of ${a.dtype}[${a.shape.join(', ')}] and ${b.dtype}[${b.shape.join(', ')}]`);
  }
  return { rows, columns, inner };
}

/** The array with the dtype that was asked for; a runtime that answers with another is a bug. */
export function ofType<D extends Real>(array: NdArray | undefined, dtype: D): Matrix<D> {
  if (array === undefined || !isDType(array, dtype)) throw new Error(`expected a ${dtype} result, got ${array?.dtype ?? 'none'}`);
  return array;
}
