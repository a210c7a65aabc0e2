/**
 * How exactly weights solve their system, in double precision and without the Gram matrix: from X, the targets and the weights as they are stored.
 *
 *   dual:    r = Y - X W - alpha C with W = X' C (less its mean: the intercept is free);  correction dW = X' (K + alpha I)^-1 r
 *   primal:  r = X' (Y - X W) - alpha W;                                                   correction dW = (X' X + alpha I)^-1 r
 *
 * `residual` is |r| over |Y| (dual) or |X' Y| (primal). It overstates what is wrong with weights where the system is badly conditioned, so the
 * judgement is by `error`: |weights as they are used - (W + dW)| / |W + dW|, what one step of iterative refinement would change.
 *
 * Source: Golub and Van Loan, Matrix Computations, 3.5.3 (iterative refinement with a residual of higher precision).
 */
import { throwIfAborted } from '../../common/errors.ts';
import { f32, ndarray, rows as rowsOf, zeros } from '../../common/ndarray.ts';
import type { F32, F64 } from '../../common/ndarray.ts';
import type { Products } from '../linalg/products.ts';

/** Largest relative error of a target's weights (Frobenius norm) that passes: what parity with a direct solve in double precision asks for. */
export const WEIGHT_TOLERANCE = 1e-4;

export interface Solved {
  /** Centred and scaled, `[rows, voxels]`. */
  readonly x: F32;
  /** Centred targets `[rows, k]`. */
  readonly y: F32;
  readonly form: 'primal' | 'dual';
  /** Dual `[rows, k]` or primal `[voxels, k]`, as stored: single precision, unless only the solve is to be judged. */
  readonly weights: F32 | F64;
  /** Penalty of each of the k targets. */
  readonly penalties: readonly number[];
  /** Inverse times right sides `[rows or voxels, m]` that share a penalty; precise to a few digits is enough. */
  readonly correct: (penalty: number, right: F64) => Promise<F64>;
}

export interface Verdict {
  readonly residual: number;
  readonly error: number;
}

/** One verdict per target; a target without variance has nothing to get wrong. */
export async function verifyWeights(solved: Solved, products: Products, signal?: AbortSignal): Promise<Verdict[]> {
  const { x, form, penalties } = solved;
  const y = doubled(solved.y), given = doubled(solved.weights), k = penalties.length;
  const used = form === 'primal' ? given : solved.weights.dtype === 'float32' ? doubled(await products.multiply('aTb', x, f32(solved.weights.shape, solved.weights.data))) : null;
  // 1. Right side of the correction and what it is measured by.
  const { w, right } = await residualOf({ x, form, penalties }, y, given, products, signal);
  const size = norms(form === 'dual' ? y : await transposedTimes(x, y, products, signal));
  // 2. The correction, penalty by penalty.
  const correction = zeros('float64', right.shape);
  for (const penalty of new Set(penalties)) {
    const own = penalties.flatMap((each_, t) => (each_ === penalty ? [t] : []));
    const found = await solved.correct(penalty, columns(right, own));
    own.forEach((t, i) => { for (let row = 0; row < (right.shape[0] ?? 0); row++) correction.data[row * k + t] = found.data[row * own.length + i] ?? NaN; });
  }
  const change = form === 'primal' ? correction : await transposedTimes(x, correction, products, signal);
  // 3. Refined weights against those in use.
  const gap = zeros('float64', w.shape), better = zeros('float64', w.shape);
  each(better, (at) => (w.data[at] ?? NaN) + (change.data[at] ?? NaN));
  each(gap, (at) => (better.data[at] ?? NaN) - ((used ?? w).data[at] ?? NaN));
  const [left, gaps, sizes] = [norms(right), norms(gap), norms(better)];
  return penalties.map((_, t) => ({ residual: ratio(left[t], size[t]), error: ratio(gaps[t], sizes[t]) }));
}

/** Primal weights W and the residual r of the head of this file. */
async function residualOf({ x, form, penalties }: Pick<Solved, 'x' | 'form' | 'penalties'>, y: F64, weights: F64, products: Products, signal?: AbortSignal): Promise<{ readonly w: F64; readonly right: F64 }> {
  const w = form === 'primal' ? weights : await transposedTimes(x, weights, products, signal);
  const left = await times(x, w, products, signal);
  each(left, (at) => (y.data[at] ?? NaN) - (left.data[at] ?? NaN));
  const right = form === 'primal' ? await transposedTimes(x, left, products, signal) : left;
  each(right, (at, t) => (right.data[at] ?? NaN) - (penalties[t] ?? NaN) * (weights.data[at] ?? NaN));
  if (form === 'primal') return { w, right };
  const [height = 0, width = 1] = right.shape;
  const means = new Float64Array(width);
  right.data.forEach((value, at) => { means[at % width] = (means[at % width] ?? 0) + value / height; });
  each(right, (at, t) => (right.data[at] ?? NaN) - (means[t] ?? NaN));
  return { w, right };
}

/** Weights of one penalty plus the corrections of so many steps of iterative refinement, in double precision. `solved.correct` should be double too. */
export async function refined(solved: Omit<Solved, 'weights' | 'penalties'> & { readonly penalty: number; readonly weights: F64 }, steps: number, products: Products, signal?: AbortSignal): Promise<F64> {
  const { x, form, penalty } = solved;
  const weights = doubled(solved.weights), y = doubled(solved.y);
  const penalties = Array.from({ length: weights.shape[1] ?? 0 }, () => penalty);
  for (let step = 0; step < steps; step++) {
    const { right } = await residualOf({ x, form, penalties }, y, weights, products, signal);
    const change = await solved.correct(penalty, right);
    each(weights, (at) => (weights.data[at] ?? NaN) + (change.data[at] ?? NaN));
  }
  return weights;
}

function ratio(part = NaN, whole = NaN): number {
  return part === 0 ? 0 : part / whole;
}

/** A copy in double precision. */
export function doubled(matrix: F32 | F64): F64 {
  return ndarray('float64', matrix.shape, new Float64Array(matrix.data));
}

/** Entries of rows of X that are converted to double at a time. */
const CONVERTED = 4e6;

function* batches(x: F32): Generator<{ readonly from: number; readonly to: number; readonly part: F64 }> {
  const [height = 0, width = 0] = x.shape;
  const step = Math.max(1, Math.floor(CONVERTED / width));
  for (let from = 0; from < height; from += step) {
    const to = Math.min(height, from + step);
    yield { from, to, part: doubled(rowsOf(x, from, to)) };
  }
}

/** X B in double precision. */
async function times(x: F32, b: F64, products: Products, signal?: AbortSignal): Promise<F64> {
  const [height = 0] = x.shape, [, k = 0] = b.shape;
  const out = zeros('float64', [height, k]);
  for (const { from, part } of batches(x)) {
    throwIfAborted(signal);
    out.data.set((await products.multiply('ab', part, b)).data, from * k);
  }
  return out;
}

/** X' B in double precision. */
export async function transposedTimes(x: F32, b: F64, products: Products, signal?: AbortSignal): Promise<F64> {
  let sum: F64 | null = null;
  for (const { from, to, part } of batches(x)) {
    throwIfAborted(signal);
    const own = rowsOf(b, from, to);
    sum = sum === null ? await products.multiply('aTb', part, own) : await products.accumulate<'float64'>(sum, 1, 'aTb', part, own);
  }
  return sum ?? zeros('float64', [x.shape[1] ?? 0, b.shape[1] ?? 0]);
}

function each(matrix: F64, value: (at: number, column: number) => number): void {
  const [, width = 1] = matrix.shape;
  for (let at = 0; at < matrix.data.length; at++) matrix.data[at] = value(at, at % width);
}

function columns({ data, shape: [height = 0, width = 0] }: F64, picked: readonly number[]): F64 {
  const out = zeros('float64', [height, picked.length]);
  for (let i = 0; i < height; i++) for (let j = 0; j < picked.length; j++) out.data[i * picked.length + j] = data[i * width + (picked[j] ?? 0)] ?? NaN;
  return out;
}

/** Euclidean norm of every column. */
function norms(matrix: F64): Float64Array {
  const [, width = 1] = matrix.shape;
  const sums = new Float64Array(width);
  matrix.data.forEach((value, at) => { sums[at % width] = (sums[at % width] ?? 0) + value * value; });
  return sums.map(Math.sqrt);
}
