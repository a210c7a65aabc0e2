/**
 * Smoothers of the primal form, one piece per fold (all penalties), because the cross products of X and the targets are shared by them:
 *
 *   prediction of fold f = [X_f (X'X + alpha I)^-1 | 1] times [X | 1/n_rest]' Y of the rest, X standardised with the statistics of the rest.
 */
import { ndarray, f32, rows } from '../../common/ndarray.ts';
import { columnGram } from '../linalg/gram.ts';
import { largestEigenvalue } from '../linalg/panels.ts';
import { outside } from './folds.ts';
import { timesSymmetric } from './refit-smoothers.ts';
import { foldStandard } from './smoother.ts';
import { crossProducts, invertShifted, precisionFor } from './solvers.ts';
import { applyStandard } from './standardise.ts';
import type { F32 } from '../../common/ndarray.ts';
import type { Panels, Range } from '../linalg/panels.ts';
import type { Products } from '../linalg/products.ts';
import type { Smoother, SmootherProblem, SmootherSource } from './smoother.ts';
import type { SolveOptions } from './solve-options.ts';

export function primalSmoothers(problem: SmootherProblem, products: Products, options: SolveOptions): SmootherSource {
  const [count = 0, voxels = 0] = problem.x.shape;
  const pieces = problem.folds.map((range, fold) => problem.alphas.map((_, alpha) => ({ fold, alpha, rows: range })));
  return {
    pieces, byPenalty: false,
    make: async (fold, watch = options) => {
      const range = problem.folds[fold] ?? [0, 0];
      const rest = outside(count, range);
      const kept = count - (range[1] - range[0]);
      // 1. X with the statistics of the rest, and a last column 1/n that turns X' Y into the mean.
      const { mean, scale } = foldStandard(problem, rest);
      const standard = applyStandard(problem.x, mean, scale);
      const extended = extend(standard, 1 / kept);
      const training = await restGram(standard, rest, products, watch, fold);
      const own = ndarray('float64', [range[1] - range[0], voxels], new Float64Array(rows(standard, ...range).data));
      // 2. [X_f (X'X + alpha I)^-1 | 1] per penalty.
      const largest = largestEigenvalue(training);
      let memo: { readonly y: F32; readonly right: F32 } | null = null;
      const rights = async (y: F32): Promise<readonly F32[]> => {
        if (memo?.y !== y) memo = { y, right: await crossOf(extended, y, rest, products, { signal: options.signal }) };
        return [memo.right];
      };
      const made: Smoother[] = [];
      for (const place of pieces[fold] ?? []) {
        const penalty = problem.alphas[place.alpha] ?? NaN;
        const inverted = await invertShifted(training, penalty, products, watch, precisionFor(largest, voxels, penalty));
        made.push({ ...place, lefts: [extend(await timesSymmetric(own, inverted, products, watch), 1)], rights });
      }
      return made;
    },
  };
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
