/**
 * Products: the few large operations that everything else in this package is made of. A parameter of every routine, so that the same
 * algorithm runs on ONNX Runtime (`session-products.ts`), on whatever provider, and on plain loops (`plain-products.ts`).
 *
 * Matrices are row-major, float32 or float64, both operands alike. None may exceed `LARGEST_BYTES`: callers work in blocks.
 */
import { isDType } from '../../common/ndarray.ts';
import type { F32, NdArray } from '../../common/ndarray.ts';

export type Real = 'float32' | 'float64';
export type Matrix<D extends Real = Real> = NdArray<D>;

/** Which operand is transposed: `ab` = A B, `aTb` = A' B, `abT` = A B'. */
export type Form = 'ab' | 'aTb' | 'abT';

/** One term of a prediction: `[rows, q] x [q, columns]`. */
export interface Term {
  readonly left: F32;
  readonly right: F32;
}

/** The upper triangle of a symmetric matrix by rows, in memory that threads share (`triangle.ts`): row i holds columns i .. n - 1. */
export interface Triangle {
  readonly size: number;
  /** Whole rows, one after the other. */
  readonly pieces: readonly Float64Array<SharedArrayBuffer>[];
  /** First row of every piece, and the size. */
  readonly firsts: readonly number[];
}

/** For every item the rows and columns of a subset of one positive definite matrix, and a right-hand side of its own. */
export interface Subsystems {
  readonly matrix: Triangle;
  /** Unknowns of every item, at least 1. */
  readonly size: number;
  readonly count: number;
  /** `[count, size]`: rows of the matrix, ascending in every item. */
  readonly subsets: Int32Array<SharedArrayBuffer>;
  /** `[count, size]`: right-hand sides; the solutions replace them. */
  readonly right: Float64Array<SharedArrayBuffer>;
}

export interface SubsystemOptions {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((share: number) => void) | undefined;
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
  /** A[S, S] w = r for many subsets S of one matrix, double precision; the solutions replace the right-hand sides. Throws UserError (`bad-input`) naming the first item and pivot that is not positive. */
  solveSubsystems(systems: Subsystems, options?: SubsystemOptions): Promise<void>;
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
