/**
 * Smoothers of the dual form with X standardised inside folds: every fold has a kernel of its own, so a penalty costs one Cholesky factor per
 * fold (of the other rows) and a solve for the held-out rows; no inverse is formed.
 *
 *   prediction of fold f = [K_f,rest (K_rest + alpha I)^-1 + 1 1'/n_rest] Y_rest, K from X standardised with the statistics of the rest.
 *
 * The kernels of all folds are kept (packed triangles in double precision): folds x 4 rows^2 bytes, about.
 */
import { throwIfAborted } from '../../common/errors.ts';
import { f32, rows, zeros } from '../../common/ndarray.ts';
import { rowGram } from '../linalg/gram.ts';
import { asType, largestEigenvalue, leading, symmetricBlock } from '../linalg/panels.ts';
import { factorPositive, solvePositive } from '../linalg/positive.ts';
import { outside } from './folds.ts';
import { MOST_PER_CALL, foldStandard, penaltyPieces } from './smoother.ts';
import { fitsWhole, invertShifted, precisionFor, shifted } from './solvers.ts';
import { applyStandard } from './standardise.ts';
import type { F32 } from '../../common/ndarray.ts';
import type { Panels, Range } from '../linalg/panels.ts';
import type { Matrix, Products } from '../linalg/products.ts';
import type { Smoother, SmootherProblem, SmootherSource } from './smoother.ts';
import type { SolveOptions } from './solve-options.ts';

interface FoldKernel {
  /** K of the rest. */
  readonly own: Panels;
  /** K of held-out rows with the rest, `[fold rows, rest rows]`. */
  readonly cross: Matrix;
  readonly largest: number;
}

export function refitSmoothers(problem: SmootherProblem, products: Products, options: SolveOptions): SmootherSource {
  const count = problem.x.shape[0] ?? 0;
  const pieces = penaltyPieces(problem);
  const kernels = new Map<number, FoldKernel>();
  const kernelOf = async (fold: number, range: Range, watch: SolveOptions): Promise<FoldKernel> => {
    const held = kernels.get(fold);
    if (held !== undefined) return held;
    const made = await foldKernel(problem, fold, range, products, watch);
    kernels.set(fold, made);
    return made;
  };
  return {
    pieces, byPenalty: true,
    make: async (piece, watch = options) => {
      const made: Smoother[] = [];
      for (const place of pieces[piece] ?? []) {
        const { own, cross, largest } = await kernelOf(place.fold, place.rows, watch);
        const penalty = problem.alphas[place.alpha] ?? NaN;
        const left = await resolved(cross, own, penalty, largest, products, watch);
        for (let i = 0; i < left.data.length; i++) left.data[i] = (left.data[i] ?? 0) + 1 / own.size;
        made.push({ ...place, ...splitColumns(left, outside(count, place.rows)) });
      }
      return made;
    },
  };
}

/** Kernel of all rows with the fold last, so that both parts are blocks of it. */
async function foldKernel(problem: SmootherProblem, fold: number, range: Range, products: Products, options: SolveOptions): Promise<FoldKernel> {
  const [count = 0, voxels = 0] = problem.x.shape;
  const rest = outside(count, range);
  const { mean, scale } = foldStandard(problem, rest);
  const turned = zeros('float32', [count, voxels]);
  let at = 0;
  for (const part of [...rest, range]) {
    turned.data.set(applyStandard(rows(problem.x, ...part), mean, scale).data, at * voxels);
    at += part[1] - part[0];
  }
  const gram = await rowGram(turned, products, { signal: options.signal, progress: (share) => options.progress?.(share, `fold ${fold + 1}: kernel`) });
  const kept = count - (range[1] - range[0]);
  const own = leading(gram, kept);
  return { own, cross: symmetricBlock(gram, [kept, count], [0, kept]), largest: largestEigenvalue(own) };
}

/** cross (own + penalty I)^-1 in single precision; computed in single where the penalty dominates rounding. */
async function resolved(cross: Matrix, own: Panels, penalty: number, largest: number, products: Products, options: SolveOptions): Promise<F32> {
  const dtype = precisionFor(largest, own.size, penalty);
  const report = (share: number): void => options.progress?.(share, 'factorisation');
  if (!fitsWhole(own.size)) return timesSymmetric(cross, await invertShifted(own, penalty, products, options, dtype), products, options);
  const factor = await factorPositive(shifted(own, penalty, dtype), products, { signal: options.signal, progress: (share) => { report(share / 2); } });
  const left = await solvePositive(factor, asType(cross, dtype), products, { signal: options.signal, progress: (share) => { report((1 + share) / 2); } });
  return f32(left.shape, left.data instanceof Float32Array ? left.data : new Float32Array(left.data));
}

/** A B in single precision for a symmetric B, by panels of B's columns. */
export async function timesSymmetric(left: Matrix, matrix: Panels, products: Products, options: SolveOptions): Promise<F32> {
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
