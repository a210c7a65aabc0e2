/**
 * RIDGE_SOLVERS: ways to minimise |Y - X W|^2 + alpha |W|^2 for centred X and Y, as a table. The linear ones give the same predictions.
 *
 *   dual:        C = (K + alpha I)^-1 Y, K = X X', W = X' C. Cholesky factor per penalty.
 *   dual-eigen:  the same through one eigendecomposition of K: many penalties on few rows.
 *   primal:      W = (X' X + alpha I)^-1 X' Y. Cholesky factor per penalty.
 *   fastl2lir:   voxels chosen per target, penalised bias: another model (fastl2lir.ts), as published.
 *
 * Gram matrices are in double precision, factorisations too unless the penalty dominates rounding; products with targets are single. For the dual forms, K of centred X has the constant vector in its
 * null space, so the resolvent of the problem with a free intercept is R = (K + alpha I)^-1 - 1 1'/(n alpha), with R 1 = 0.
 */
import { throwIfAborted } from '../../common/errors.ts';
import { f32, ndarray, zeros } from '../../common/ndarray.ts';
import { cholesky, inverse } from '../linalg/cholesky.ts';
import { eigh } from '../linalg/eigh.ts';
import { columnGram, rowGram } from '../linalg/gram.ts';
import { invertPositive } from '../linalg/positive.ts';
import { asType, largestEigenvalue, PANEL_WIDTH, panelCount, panelRange, symmetricRows } from '../linalg/panels.ts';
import { prepareFastL2lir } from './fastl2lir.ts';
import { applyChunks, applyDouble, keeper, lastDouble } from './inverses.ts';
import type { SolveOptions } from './solve-options.ts';
import type { F32, F64 } from '../../common/ndarray.ts';
import type { Panels } from '../linalg/panels.ts';
import { LARGEST_BYTES, ofType } from '../linalg/products.ts';
import type { Matrix, Products, Real } from '../linalg/products.ts';

/** A solver with its Gram matrix. `watch`: signal and progress of the call; those of the preparation unless given. */
export interface PreparedRidge {
  readonly form: 'primal' | 'dual';
  /** Precision in which A + alpha I is inverted. */
  precision(alpha: number): Real;
  /** What weights are a linear function of, for centred targets `[rows, targets]`: dual Y itself, primal X' Y `[voxels, targets]`. */
  basis(y: F32, watch?: SolveOptions): Promise<F32>;
  /** Weights of one penalty from (columns of) a basis: dual `[rows, targets]`, primal `[voxels, targets]`. */
  weights(alpha: number, basis: F32, watch?: SolveOptions): Promise<F32>;
  /** The same in double precision throughout. The inverse of the last penalty is kept until another is asked for. */
  exact(alpha: number, basis: F64, watch?: SolveOptions): Promise<F64>;
  /** Drops inverses of other penalties where that makes room for those of these; true if all of these will be kept. */
  makeRoom(alphas: readonly number[]): boolean;
  /** Dual forms: R of the head of this file. */
  readonly resolvent?: (alpha: number, watch?: SolveOptions) => Promise<Panels>;
}

/** Weights are linear in the targets: one factorisation serves all of them. */
export interface LinearSolver {
  readonly kind: 'linear';
  readonly name: string;
  readonly form: 'primal' | 'dual';
  readonly title: string;
  /** x: centred (and, on request, scaled) `[rows, voxels]`. */
  readonly prepare: (x: F32, products: Products, options: SolveOptions) => Promise<PreparedRidge>;
}

/** Every target has voxels of its own. */
export interface SelectingSolver {
  readonly kind: 'selecting';
  readonly name: string;
  readonly form: 'primal';
  readonly title: string;
  readonly prepare: typeof prepareFastL2lir;
}

export type RidgeSolver = LinearSolver | SelectingSolver;

/** (K + alpha I)^-1 of `size` centred rows, minus its part along the constant vector; in place. */
function withoutConstant(inverted: Panels, alpha: number): Panels {
  const constant = 1 / (inverted.size * alpha);
  for (const { data } of inverted.panels) for (let i = 0; i < data.length; i++) data[i] = (data[i] ?? 0) - constant;
  return inverted;
}

/** Dual form from any way to make R of `size` rows. */
function dual(size: number, precision: (alpha: number) => Real, makeResolvent: (alpha: number, dtype: Real, watch: SolveOptions) => Promise<Panels>, products: Products, options: SolveOptions): PreparedRidge {
  const kept = keeper(options.keep);
  const double = lastDouble((alpha, watch) => makeResolvent(alpha, 'float64', watch));
  const make = (alpha: number, watch: SolveOptions): Promise<Panels> => { double.drop(); return makeResolvent(alpha, precision(alpha), watch); };
  return {
    form: 'dual', precision,
    resolvent: async (alpha, watch = options) => {
      const matrix = await make(alpha, watch);
      kept.put(alpha, matrix);
      return matrix;
    },
    basis: (y) => Promise.resolve(y),
    weights: async (alpha, basis, watch = options) => applyChunks(kept.get(alpha) ?? kept.put(alpha, await make(alpha, watch)), basis, products, watch.signal),
    exact: async (alpha, basis, watch = options) => applyDouble(await double.get(alpha, watch), basis, products, watch.signal),
    makeRoom: (alphas) => kept.makeRoom(alphas, size),
  };
}

/**
 * Single precision perturbs A by about 1e-7 of its largest eigenvalue, so it changes a penalty by less than 1e-3 of itself up to this ratio.
 * Small matrices gain nothing from it.
 */
export const SINGLE_UP_TO = 1000;
export const SINGLE_FROM_SIZE = 512;

/** Precision in which A + alpha I may be inverted: single where the penalty dominates rounding, at half the cost. */
export function precisionFor(largest: number, size: number, alpha: number): Real {
  return size >= SINGLE_FROM_SIZE && largest <= SINGLE_UP_TO * alpha ? 'float32' : 'float64';
}

/** (A + alpha I)^-1, in the precision of A unless told otherwise: whole where it fits into one tensor, else in panels. */
export async function invertShifted(matrix: Panels, alpha: number, products: Products, options: SolveOptions, dtype: Real = matrix.dtype): Promise<Panels> {
  const { signal } = options;
  const { size } = matrix;
  if (fitsWhole(size)) {
    return { dtype, size, width: size, panels: [await invertPositive(shifted(matrix, alpha, dtype), products, { signal, progress: (share) => options.progress?.(share, 'factorisation') })] };
  }
  const factor = await cholesky(matrix, alpha, products, { signal, dtype, progress: (share) => options.progress?.(share / 3, 'factorisation') });
  return inverse(factor, products, { signal, progress: (share) => options.progress?.((1 + 2 * share) / 3, 'factorisation') });
}

/** True if a double-precision matrix of this size may be one tensor. */
export function fitsWhole(size: number): boolean {
  return size * size * 8 <= LARGEST_BYTES;
}

/** The same matrix as one panel, which is quicker to read, where it may be one tensor. */
export function whole(matrix: Panels): Panels {
  const { dtype, size } = matrix;
  return fitsWhole(size) && size > 0 ? { dtype, size, width: size, panels: [symmetricRows(matrix, 0, size)] } : matrix;
}

/** A + alpha I, `[n, n]`. */
export function shifted(matrix: Panels, alpha: number, dtype: Real): Matrix {
  const { size } = matrix;
  const only = matrix.panels[0];
  const source = only !== undefined && matrix.width >= size ? only : symmetricRows(matrix, 0, size);
  const result = source.dtype === dtype ? ndarray(dtype, source.shape, source.data.slice()) : asType(source, dtype);
  for (let i = 0; i < size; i++) result.data[i * (size + 1)] = (result.data[i * (size + 1)] ?? 0) + alpha;
  return result;
}

async function prepareDual(x: F32, products: Products, options: SolveOptions): Promise<PreparedRidge> {
  return dualOf(whole(await rowGram(x, products, { signal: options.signal, progress: (share) => options.progress?.(share, 'kernel of the voxels') })), products, options);
}

/** Dual form of a kernel of centred rows. */
export function dualOf(gram: Panels, products: Products, options: SolveOptions): PreparedRidge {
  const largest = largestEigenvalue(gram);
  return dual(gram.size, (alpha) => precisionFor(largest, gram.size, alpha), async (alpha, dtype, watch) => withoutConstant(await invertShifted(gram, alpha, products, watch, dtype), alpha), products, options);
}

async function prepareDualEigen(x: F32, products: Products, options: SolveOptions): Promise<PreparedRidge> {
  const gram = await rowGram(x, products, { signal: options.signal, progress: (share) => options.progress?.(share, 'kernel of the voxels') });
  const { size } = gram;
  options.progress?.(0, 'eigenvectors of the kernel');
  const { values, vectors } = await eigh(ofType(symmetricRows(gram, 0, size), 'float64'), products, options.signal);
  return dual(size, () => 'float64', async (alpha, _dtype, watch) => {
    // R = Q' diag(1/(lambda + alpha)) Q - constant part; vectors are rows.
    const scaled = ndarray('float64', [size, size], vectors.data.slice());
    values.forEach((value, i) => {
      const weight = 1 / (Math.max(value, 0) + alpha);
      for (let j = i * size; j < (i + 1) * size; j++) scaled.data[j] = (scaled.data[j] ?? 0) * weight;
    });
    const panels: F64[] = [];
    for (let p = 0; p < panelCount(size, PANEL_WIDTH); p++) {
      throwIfAborted(watch.signal);
      const [from, to] = panelRange({ size, width: PANEL_WIDTH }, p);
      const columns = zeros('float64', [size, to - from]);
      for (let i = 0; i < size; i++) columns.data.set(vectors.data.subarray(i * size + from, i * size + to), i * (to - from));
      const full = await products.multiply('aTb', scaled, columns);
      panels.push(ndarray('float64', [to, to - from], full.data.subarray(0, to * (to - from))));
    }
    return withoutConstant({ dtype: 'float64', size, width: PANEL_WIDTH, panels }, alpha);
  }, products, options);
}

async function preparePrimal(x: F32, products: Products, options: SolveOptions): Promise<PreparedRidge> {
  const gram = await columnGram(x, products, { signal: options.signal, progress: (share) => options.progress?.(share, 'covariance of the voxels') });
  const kept = keeper(options.keep);
  const largest = largestEigenvalue(gram);
  const precision = (alpha: number): Real => precisionFor(largest, gram.size, alpha);
  const double = lastDouble((alpha, watch) => invertShifted(gram, alpha, products, watch, 'float64'));
  return {
    form: 'primal', precision,
    basis: (y, watch = options) => crossProducts(x, y, products, watch.signal),
    weights: async (alpha, basis, watch = options) => {
      double.drop();
      const chunks = kept.get(alpha) ?? kept.put(alpha, await invertShifted(gram, alpha, products, watch, precision(alpha)));
      return applyChunks(chunks, basis, products, watch.signal);
    },
    exact: async (alpha, basis, watch = options) => applyDouble(await double.get(alpha, watch), basis, products, watch.signal),
    makeRoom: (alphas) => kept.makeRoom(alphas, gram.size),
  };
}

/** Rows of a matrix per product, so that one call ends within a fraction of a second. */
const MOST_PER_CALL = 1.5e10;

/** X' Y over row batches. */
export async function crossProducts(x: F32, y: F32, products: Products, signal: AbortSignal | undefined): Promise<F32> {
  const [count = 0, voxels = 0] = x.shape;
  const [, columns = 0] = y.shape;
  const step = Math.max(1, Math.floor(MOST_PER_CALL / (voxels * columns)));
  let out: F32 | null = null;
  for (let from = 0; from < count; from += step) {
    throwIfAborted(signal);
    const to = Math.min(count, from + step);
    const left = f32([to - from, voxels], x.data.subarray(from * voxels, to * voxels));
    const right = f32([to - from, columns], y.data.subarray(from * columns, to * columns));
    out = out === null ? await products.multiply('aTb', left, right) : await products.accumulate<'float32'>(out, 1, 'aTb', left, right);
  }
  return out ?? zeros('float32', [voxels, columns]);
}

export const RIDGE_SOLVERS = {
  dual: { kind: 'linear', name: 'dual', form: 'dual', title: 'dual (Cholesky)', prepare: prepareDual },
  'dual-eigen': { kind: 'linear', name: 'dual-eigen', form: 'dual', title: 'dual (eigendecomposition)', prepare: prepareDualEigen },
  primal: { kind: 'linear', name: 'primal', form: 'primal', title: 'primal (Cholesky)', prepare: preparePrimal },
  fastl2lir: { kind: 'selecting', name: 'fastl2lir', form: 'primal', title: 'FastL2LiR (as published)', prepare: prepareFastL2lir },
} as const satisfies Readonly<Record<string, RidgeSolver>>;

export type RidgeSolverName = keyof typeof RIDGE_SOLVERS;

/** The solver for a shape, and why. */
export function chooseSolver(rows: number, voxels: number): { readonly name: 'dual' | 'primal'; readonly reason: string } {
  return voxels < rows
    ? { name: 'primal', reason: `${voxels} voxels are fewer than ${rows} rows: factors of ${voxels} x ${voxels}` }
    : { name: 'dual', reason: `${rows} rows are not more than ${voxels} voxels: factors of ${rows} x ${rows}` };
}

