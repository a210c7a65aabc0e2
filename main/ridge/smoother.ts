/**
 * Smoothers: for a fold and a penalty, the matrices whose product with the targets predicts the held-out rows exactly as a refit on the other
 * rows with a free intercept would. They do not depend on the targets, so one smoother serves all of them.
 *
 * Three routes, same numbers:
 *   shared (dual, X not rescaled in folds): one factorisation of all rows per penalty. With R the centred resolvent (solvers.ts) the held-out
 *     residual of fold f is R_ff^-1 (R Y)_f (block form of the leave-one-out identity e_i = (R y)_i / R_ii), so the prediction is
 *     -R_ff^-1 R_f,rest Y_rest.
 *   refit (dual, X z-scored in folds): K_f,rest (K_rest + alpha I)^-1 + 1 1'/n_rest, K from X standardised with the statistics of the rest.
 *   primal (fewer voxels than rows): [X_f (X'X + alpha I)^-1 | 1] times [X | 1/n]' Y of the rest.
 * Leave-one-out: I - diag(1/R_ii) R.
 *
 * Rows are in fold order throughout (folds.ts).
 */
import { UserError, throwIfAborted } from '../../common/errors.ts';
import { f32, ndarray, rows, zeros } from '../../common/ndarray.ts';
import { rowGram, columnGram } from '../linalg/gram.ts';
import { asType, diagonal, largestEigenvalue, symmetricBlock, symmetricRows } from '../linalg/panels.ts';
import { submatrix } from '../linalg/submatrix.ts';
import { outside } from './folds.ts';
import { crossProducts, invertShifted, precisionFor } from './solvers.ts';
import { applyStandard, columnStatistics, scaleOf } from './standardise.ts';
import type { F32 } from '../../common/ndarray.ts';
import type { Panels, Range } from '../linalg/panels.ts';
import type { Matrix, Products } from '../linalg/products.ts';
import type { PreparedRidge, SolveOptions } from './solvers.ts';
import type { Standardise } from './standardise.ts';

/** Predicts the rows `rows` (fold order) for penalty `alpha` (index): sum of left x right over the terms. */
export interface Smoother {
  readonly fold: number;
  readonly alpha: number;
  readonly rows: Range;
  readonly lefts: readonly F32[];
  /** The other factors for a block of centred targets in fold order, `[rows, targets]`. */
  readonly rights: (y: F32) => Promise<readonly F32[]> | readonly F32[];
}

/** Smoothers that are held at the same time; targets are read once per batch. */
export type SmootherBatch = readonly Smoother[];

export interface SmootherProblem {
  /** Centred with the statistics of all rows, in fold order, `[rows, voxels]`; not scaled if `standardise` is 'zscore'. */
  readonly x: F32;
  readonly alphas: readonly number[];
  readonly folds: readonly Range[];
  readonly standardise: Standardise;
  readonly prepared: PreparedRidge;
}

/** Multiply-adds per product call, as elsewhere. */
const MOST_PER_CALL = 8e9;
/** Rows of the leave-one-out smoother per product. */
const LEAVE_ONE_OUT_ROWS = 1024;

/** Batches of smoothers for every fold and penalty. */
export function foldSmoothers(problem: SmootherProblem, products: Products, options: SolveOptions): AsyncGenerator<SmootherBatch> {
  if (problem.prepared.form === 'primal') return primalSmoothers(problem, products, options);
  if (problem.standardise === 'zscore') return refitSmoothers(problem, products, options);
  return sharedSmoothers(problem, products, options);
}

/** True if the smoothers of one penalty can be made alone and cheaply, as a search that skips penalties needs. */
export function hasSharedSmoothers(problem: SmootherProblem): boolean {
  return problem.prepared.resolvent !== undefined && problem.standardise === 'none';
}

async function* sharedSmoothers(problem: SmootherProblem, products: Products, options: SolveOptions): AsyncGenerator<SmootherBatch> {
  const of = sharedSmoothersOf(problem, products, options);
  for (const alpha of problem.alphas.keys()) yield of(alpha);
}

/** The smoothers of all folds for one penalty (by index), on demand. */
export function sharedSmoothersOf(problem: SmootherProblem, products: Products, options: SolveOptions): (alpha: number) => Promise<SmootherBatch> {
  const resolvent = resolventOf(problem.prepared);
  const count = problem.x.shape[0] ?? 0;
  return async (alpha) => {
    const matrix = await resolvent(problem.alphas[alpha] ?? NaN);
    const batch: Smoother[] = [];
    for (const [fold, range] of problem.folds.entries()) {
      // 1. R_ff^-1, `[fold rows, fold rows]`.
      const inverted = symmetricRows(await invertShifted(submatrix(matrix, [range]), 0, products, { signal: options.signal }), 0, range[1] - range[0]);
      // 2. -R_ff^-1 R_f,rest, for the rows before and after the fold.
      const rest = outside(count, range);
      const lefts: F32[] = [];
      for (const part of rest) lefts.push(await foldLeft(matrix, inverted, range, part, products, options));
      batch.push({ fold, alpha, rows: range, lefts, rights: (y) => rest.map(([from, to]) => rows(y, from, to)) });
    }
    return batch;
  };
}

/** -inverted R[range, part] in single precision, by chunks of columns. */
async function foldLeft(matrix: Panels, inverted: Matrix, range: Range, part: Range, products: Products, options: SolveOptions): Promise<F32> {
  const height = range[1] - range[0];
  const width = part[1] - part[0];
  const out = zeros('float32', [height, width]);
  const step = Math.max(1, Math.floor(MOST_PER_CALL / (height * height)));
  for (let from = part[0]; from < part[1]; from += step) {
    throwIfAborted(options.signal);
    const to = Math.min(part[1], from + step);
    const product = await products.multiply('ab', inverted, symmetricBlock(matrix, range, [from, to]));
    for (let i = 0; i < height; i++) {
      const at = i * width + from - part[0];
      for (let j = 0; j < to - from; j++) out.data[at + j] = -(product.data[i * (to - from) + j] ?? 0);
    }
  }
  return out;
}

async function* refitSmoothers(problem: SmootherProblem, products: Products, options: SolveOptions): AsyncGenerator<SmootherBatch> {
  const count = problem.x.shape[0] ?? 0;
  for (const [fold, range] of problem.folds.entries()) {
    const rest = outside(count, range);
    const kept = rest.reduce((sum, [from, to]) => sum + to - from, 0);
    const gram = await rowGram(standardisedBy(problem, rest), products, { signal: options.signal, progress: (share) => options.progress?.(share, `fold ${fold + 1}: kernel`) });
    const own = submatrix(gram, rest);
    const largest = largestEigenvalue(own);
    const cross = restColumns(gram, range, rest, kept);
    const batch: Smoother[] = [];
    for (const [alpha, penalty] of problem.alphas.entries()) {
      const inverted = await invertShifted(own, penalty, products, options, precisionFor(largest, own.size, penalty));
      const left = await timesSymmetric(cross, inverted, products, options);
      for (let i = 0; i < left.data.length; i++) left.data[i] = (left.data[i] ?? 0) + 1 / kept;
      batch.push({ fold, alpha, rows: range, ...splitColumns(left, rest) });
    }
    yield batch;
  }
}

/** A B in single precision for a symmetric B, by panels of B's columns. */
async function timesSymmetric(left: Matrix, matrix: Panels, products: Products, options: SolveOptions): Promise<F32> {
  const a = asType(left, matrix.dtype);
  const [height = 0, inner = 0] = a.shape;
  const out = zeros('float32', [height, matrix.size]);
  const step = Math.max(1, Math.floor(MOST_PER_CALL / (height * inner)));
  for (let from = 0; from < matrix.size; from += step) {
    throwIfAborted(options.signal);
    const to = Math.min(matrix.size, from + step);
    const product = await products.multiply('ab', a, symmetricBlock(matrix, [0, matrix.size], [from, to]));
    for (let i = 0; i < height; i++) out.data.set(product.data.subarray(i * (to - from), (i + 1) * (to - from)), i * matrix.size + from);
  }
  return out;
}

/** X standardised with the statistics of some rows. */
function standardisedBy(problem: SmootherProblem, rest: readonly Range[]): F32 {
  const statistics = columnStatistics(problem.x, rest);
  return applyStandard(problem.x, statistics.mean, scaleOf(statistics, problem.standardise));
}

function restColumns(gram: Panels, range: Range, rest: readonly Range[], kept: number): Matrix {
  const height = range[1] - range[0];
  const out = new Float64Array(height * kept);
  let at = 0;
  for (const part of rest) {
    const block = symmetricBlock(gram, range, part);
    const width = part[1] - part[0];
    for (let i = 0; i < height; i++) out.set(block.data.subarray(i * width, (i + 1) * width), i * kept + at);
    at += width;
  }
  return ndarray('float64', [height, kept], out);
}

/** Left factor over the rest, cut where the fold was taken out. */
function splitColumns(left: F32, rest: readonly Range[]): Pick<Smoother, 'lefts' | 'rights'> {
  const [height = 0, width = 0] = left.shape;
  let at = 0;
  const lefts = rest.map(([from, to]) => {
    const part = new Float32Array(height * (to - from));
    for (let i = 0; i < height; i++) part.set(left.data.subarray(i * width + at, i * width + at + to - from), i * (to - from));
    at += to - from;
    return f32([height, to - from], part);
  });
  return { lefts, rights: (y) => rest.map(([from, to]) => rows(y, from, to)) };
}

async function* primalSmoothers(problem: SmootherProblem, products: Products, options: SolveOptions): AsyncGenerator<SmootherBatch> {
  const [count = 0, voxels = 0] = problem.x.shape;
  for (const [fold, range] of problem.folds.entries()) {
    const rest = outside(count, range);
    const kept = rest.reduce((sum, [from, to]) => sum + to - from, 0);
    // 1. X with the statistics of the rest, and a last column 1/n that turns X' Y into the mean.
    const standard = standardisedBy(problem, rest);
    const extended = extend(standard, 1 / kept);
    const training = await restGram(standard, rest, products, options, fold);
    const own = ndarray('float64', [range[1] - range[0], voxels], new Float64Array(rows(standard, ...range).data));
    // 2. [X_f (X'X + alpha I)^-1 | 1] per penalty.
    const largest = largestEigenvalue(training);
    const batch: Smoother[] = [];
    let memo: { readonly y: F32; readonly right: F32 } | null = null;
    const rights = async (y: F32): Promise<readonly F32[]> => {
      if (memo?.y !== y) memo = { y, right: await crossOf(extended, y, rest, products, options) };
      return [memo.right];
    };
    for (const [alpha, penalty] of problem.alphas.entries()) {
      const inverted = await invertShifted(training, penalty, products, options, precisionFor(largest, voxels, penalty));
      batch.push({ fold, alpha, rows: range, lefts: [extend(await timesSymmetric(own, inverted, products, options), 1)], rights });
    }
    yield batch;
  }
}

/** The matrix with one more column of a constant. */
function extend(matrix: F32, constant: number): F32 {
  const [height = 0, width = 0] = matrix.shape;
  const out = new Float32Array(height * (width + 1)).fill(constant);
  for (let i = 0; i < height; i++) out.set(matrix.data.subarray(i * width, (i + 1) * width), i * (width + 1));
  return f32([height, width + 1], out);
}

async function restGram(x: F32, rest: readonly Range[], products: Products, options: SolveOptions, fold: number): Promise<Panels> {
  const [, voxels = 0] = x.shape;
  const kept = rest.reduce((sum, [from, to]) => sum + to - from, 0);
  const training = new Float32Array(kept * voxels);
  let at = 0;
  for (const part of rest) { training.set(rows(x, ...part).data, at * voxels); at += part[1] - part[0]; }
  return columnGram(f32([kept, voxels], training), products, { signal: options.signal, progress: (share) => options.progress?.(share, `fold ${fold + 1}: covariance`) });
}

async function crossOf(extended: F32, y: F32, rest: readonly Range[], products: Products, options: SolveOptions): Promise<F32> {
  let sum: F32 | null = null;
  for (const part of rest) {
    const product = await crossProducts(rows(extended, ...part), rows(y, ...part), products, options.signal);
    if (sum === null) sum = product;
    else for (let i = 0; i < product.data.length; i++) sum.data[i] = (sum.data[i] ?? 0) + (product.data[i] ?? 0);
  }
  if (sum === null) throw new RangeError('a fold holds every row');
  return sum;
}

/** Smoothers of exact leave-one-out, one batch per penalty. Throws UserError (`unsupported`) for X scaled in folds or a primal solver. */
export async function* leaveOneOutSmoothers(problem: SmootherProblem, _products: Products, options: SolveOptions): AsyncGenerator<SmootherBatch> {
  if (problem.standardise === 'zscore') {
    throw new UserError('unsupported', 'leave-one-out with z-scoring inside folds needs a refit per row', { expected: 'standardise none', found: 'zscore', fix: 'Z-score X beforehand, or use k folds.' });
  }
  const resolvent = resolventOf(problem.prepared);
  const count = problem.x.shape[0] ?? 0;
  for (const [alpha, penalty] of problem.alphas.entries()) {
    const matrix = await resolvent(penalty);
    const scale = diagonal(matrix);
    const batch: Smoother[] = [];
    for (let from = 0; from < count; from += LEAVE_ONE_OUT_ROWS) {
      throwIfAborted(options.signal);
      const to = Math.min(count, from + LEAVE_ONE_OUT_ROWS);
      const block = symmetricRows(matrix, from, to);
      const left = new Float32Array(block.data.length);
      for (let i = 0; i < to - from; i++) {
        const inverse = 1 / (scale[from + i] ?? NaN);
        for (let j = 0; j < count; j++) left[i * count + j] = j === from + i ? 0 : -inverse * (block.data[i * count + j] ?? 0);
      }
      batch.push({ fold: 0, alpha, rows: [from, to], lefts: [f32([to - from, count], left)], rights: (y) => [y] });
    }
    yield batch;
  }
}

function resolventOf(prepared: PreparedRidge): (alpha: number) => Promise<Panels> {
  if (prepared.resolvent === undefined) throw new UserError('unsupported', 'leave-one-out needs a dual solver', { expected: 'solver dual or dual-eigen', found: 'primal', fix: 'Choose the dual solver, or use k folds.' });
  return prepared.resolvent;
}
