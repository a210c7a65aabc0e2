/**
 * Smoothers: for a fold and a penalty, the matrices whose product with the targets predicts the held-out rows exactly as a refit on the other
 * rows with a free intercept would. They do not depend on the targets, so one smoother serves all of them.
 *
 * Routes, same numbers:
 *   shared (dual, X not rescaled in folds): one factorisation of all rows per penalty. With R the centred resolvent (solvers.ts) the held-out
 *     residual of fold f is R_ff^-1 (R Y)_f (block form of the leave-one-out identity e_i = (R y)_i / R_ii), so the prediction is
 *     -R_ff^-1 R_f,rest Y_rest.
 *   refit (dual, X z-scored in folds; refit-smoothers.ts): K_f,rest (K_rest + alpha I)^-1 + 1 1'/n_rest.
 *   primal (fewer voxels than rows; primal-smoothers.ts): [X_f (X'X + alpha I)^-1 | 1] times [X | 1/n]' Y of the rest.
 * Leave-one-out: I - diag(1/R_ii) R.
 *
 * Rows are in fold order throughout (folds.ts).
 */
import { UserError, throwIfAborted } from '../../common/errors.ts';
import { f32, rows, zeros } from '../../common/ndarray.ts';
import { diagonal, symmetricBlock, symmetricRows } from '../linalg/panels.ts';
import { outside } from './folds.ts';
import { invertShifted } from './solvers.ts';
import { columnStatistics, scaleOf } from './standardise.ts';
import type { F32 } from '../../common/ndarray.ts';
import type { Panels, Range } from '../linalg/panels.ts';
import type { Matrix, Products } from '../linalg/products.ts';
import type { SolveOptions } from './solve-options.ts';
import type { PreparedRidge } from './solvers.ts';
import type { Standardise } from './standardise.ts';

/** Which rows of which fold a smoother predicts, with which penalty (index). */
export interface SmootherPlace {
  readonly fold: number;
  readonly alpha: number;
  readonly rows: Range;
}

/** Predicts its rows (fold order): sum of left x right over the terms. */
export interface Smoother extends SmootherPlace {
  readonly lefts: readonly F32[];
  /** The other factors for a block of centred targets in fold order, `[rows, targets]`. */
  readonly rights: (y: F32) => Promise<readonly F32[]> | readonly F32[];
}

/** Smoothers in pieces that are made, and held, one at a time. */
export interface SmootherSource {
  /** What each piece will hold. */
  readonly pieces: readonly (readonly SmootherPlace[])[];
  /** True if piece p is penalty p with all folds: what a search that skips penalties needs. */
  readonly byPenalty: boolean;
  /** `watch`: signal and progress of this call; those the source was made with unless given. */
  make(piece: number, watch?: SolveOptions): Promise<readonly Smoother[]>;
}

export interface SmootherProblem {
  /** Centred with the statistics of all rows, in fold order, `[rows, voxels]`. */
  readonly x: F32;
  readonly alphas: readonly number[];
  readonly folds: readonly Range[];
  readonly standardise: Standardise;
  readonly prepared: PreparedRidge;
}

/** Multiply-adds per product call, as elsewhere. */
export const MOST_PER_CALL = 8e9;
/** Rows of the leave-one-out smoother per product. */
const LEAVE_ONE_OUT_ROWS = 1024;

/** Places of one penalty with all folds. */
export function penaltyPieces({ alphas, folds }: Pick<SmootherProblem, 'alphas' | 'folds'>): readonly (readonly SmootherPlace[])[] {
  return alphas.map((_, alpha) => folds.map((range, fold) => ({ fold, alpha, rows: range })));
}

/** Dual form, X as it is in every fold. */
export function sharedSmoothers(problem: SmootherProblem, products: Products, options: SolveOptions): SmootherSource {
  const resolvent = resolventOf(problem.prepared);
  const count = problem.x.shape[0] ?? 0;
  const pieces = penaltyPieces(problem);
  return {
    pieces, byPenalty: true,
    make: async (piece, watch = options) => {
      const matrix = await resolvent(problem.alphas[piece] ?? NaN, watch);
      const made: Smoother[] = [];
      for (const place of pieces[piece] ?? []) {
        const range = place.rows;
        // 1. R_ff^-1, `[fold rows, fold rows]`.
        const own: Panels = { dtype: matrix.dtype, size: range[1] - range[0], width: range[1] - range[0], panels: [symmetricBlock(matrix, range, range)] };
        const inverted = symmetricRows(await invertShifted(own, 0, products, { signal: watch.signal }), 0, own.size);
        // 2. -R_ff^-1 R_f,rest, for the rows before and after the fold.
        const rest = outside(count, range);
        const lefts: F32[] = [];
        for (const part of rest) lefts.push(await foldLeft(matrix, inverted, range, part, products, watch));
        made.push({ ...place, lefts, rights: (y) => rest.map(([from, to]) => rows(y, from, to)) });
      }
      return made;
    },
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
    const { data } = await products.multiply('ab', inverted, symmetricBlock(matrix, range, [from, to]));
    for (let i = 0; i < height; i++) {
      const at = i * width + from - part[0];
      for (let j = 0; j < to - from; j++) out.data[at + j] = -(data[i * (to - from) + j] ?? 0);
    }
  }
  return out;
}

/** Means and divisors of the columns of X over some rows, as a fold sees them. */
export function foldStandard(problem: SmootherProblem, rest: readonly Range[]): { readonly mean: Float64Array; readonly scale: Float64Array } {
  const statistics = columnStatistics(problem.x, rest);
  return { mean: statistics.mean, scale: scaleOf(statistics, problem.standardise) };
}

/** Exact leave-one-out, one piece per penalty. Throws UserError (`unsupported`) for X scaled in folds or a primal solver. */
export function leaveOneOutSmoothers(problem: SmootherProblem, options: SolveOptions): SmootherSource {
  if (problem.standardise === 'zscore') {
    throw new UserError('unsupported', 'leave-one-out with z-scoring inside folds needs a refit per row', { expected: 'standardise none', found: 'zscore', fix: 'Z-score X beforehand, or use k folds.' });
  }
  const resolvent = resolventOf(problem.prepared);
  const count = problem.x.shape[0] ?? 0;
  const ranges = Array.from({ length: Math.ceil(count / LEAVE_ONE_OUT_ROWS) }, (_, i): Range => [i * LEAVE_ONE_OUT_ROWS, Math.min(count, (i + 1) * LEAVE_ONE_OUT_ROWS)]);
  const pieces = problem.alphas.map((_, alpha) => ranges.map((range) => ({ fold: 0, alpha, rows: range })));
  return {
    pieces, byPenalty: true,
    make: async (piece, watch = options) => {
      const matrix = await resolvent(problem.alphas[piece] ?? NaN, watch);
      const scale = diagonal(matrix);
      return (pieces[piece] ?? []).map((place) => {
        throwIfAborted(watch.signal);
        const [from, to] = place.rows;
        const block = symmetricRows(matrix, from, to);
        const left = new Float32Array(block.data.length);
        for (let i = 0; i < to - from; i++) {
          const inverse = 1 / (scale[from + i] ?? NaN);
          for (let j = 0; j < count; j++) left[i * count + j] = j === from + i ? 0 : -inverse * (block.data[i * count + j] ?? 0);
        }
        return { ...place, lefts: [f32([to - from, count], left)], rights: (y: F32) => [y] };
      });
    },
  };
}

function resolventOf(prepared: PreparedRidge): (alpha: number, watch?: SolveOptions) => Promise<Panels> {
  if (prepared.resolvent === undefined) throw new UserError('unsupported', 'leave-one-out needs a dual solver', { expected: 'solver dual or dual-eigen', found: 'primal', fix: 'Choose the dual solver, or use k folds.' });
  return prepared.resolvent;
}

/**
 * The same source, which remembers pieces up to so many bytes: for a second pass (out-of-fold predictions of the chosen penalties) and for
 * other targets of the same rows.
 */
export function rememberPieces(source: SmootherSource, most: number): SmootherSource {
  const kept = new Map<number, readonly Smoother[]>();
  let bytes = 0;
  return {
    ...source,
    make: async (piece, watch) => {
      const held = kept.get(piece);
      if (held !== undefined) return held;
      const made = await source.make(piece, watch);
      const size = made.reduce((sum, { lefts }) => lefts.reduce((all, left) => all + left.data.byteLength, sum), 0);
      if (bytes + size <= most) { kept.set(piece, made); bytes += size; }
      return made;
    },
  };
}
