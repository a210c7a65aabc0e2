/**
 * Penalty per target by cross-validation, and the out-of-fold facts of the chosen one (mean, deviation, r), from column sums only: the
 * out-of-fold predictions themselves never leave the engine.
 *
 * Loss of a penalty = mean over folds of the fold's mean squared error (himalaya's and scikit-learn's convention; leave-one-out is one fold of
 * all rows). Ties go to the larger penalty.
 */
import { throwIfAborted } from '../../common/errors.ts';
import { f32, rows as rowsOf } from '../../common/ndarray.ts';
import type { F32 } from '../../common/ndarray.ts';
import type { Products } from '../linalg/products.ts';
import type { SmootherBatch } from './smoother.ts';

export type SelectionRule =
  /** Least loss; losses within rounding of it count as equal, and the largest penalty of those wins. */
  | 'best'
  /** Largest penalty whose loss is within one standard deviation (over folds) of the least. */
  | 'conservative';

/** Losses come from single-precision products: a relative difference below this is rounding. */
const TIE = 1e-6;

export interface CrossValidation {
  /** Index into the penalties of every target. */
  readonly chosen: Uint16Array;
  /** Mean squared error of every penalty and target, `[alphas, targets]`. */
  readonly losses: F32;
  /** Out-of-fold predictions of the chosen penalty over all rows: mean (in target units) and population SD, `[targets]`. */
  readonly predictionMean: Float32Array;
  readonly predictionDeviation: Float32Array;
  /** 1 - residual / total sum of squares; 0 for constant targets. */
  readonly r2: Float32Array;
  /** Pearson correlation of out-of-fold predictions with the truth, pooled over folds; 0 where undefined. */
  readonly r: Float32Array;
}

export interface TargetBlock {
  readonly from: number;
  readonly to: number;
  /** Centred, fold order. */
  read(): Promise<F32>;
}

export interface SelectionInput {
  readonly rows: number;
  readonly targets: number;
  readonly alphas: readonly number[];
  readonly folds: number;
  readonly blocks: readonly TargetBlock[];
  readonly rule: SelectionRule;
  /** Mean and sum of squares about it of every target. */
  readonly targetMean: Float64Array;
  readonly targetSquares: Float64Array;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((done: number, total: number, what: string) => void) | undefined;
}

/** Targets per product call at most: what keeps one call within a fraction of a second. */
const MOST_PER_CALL = 1.5e10;

/** Runs every smoother over every target block and chooses. Throws CancelledError when the signal fires. */
export async function selectPenalties(input: SelectionInput, batches: AsyncIterable<SmootherBatch>, products: Products): Promise<CrossValidation> {
  const { targets, alphas, folds } = input;
  // 1. Sums per (fold, alpha, target), over the rows of the fold.
  const errors = new Float64Array(folds * alphas.length * targets);
  const foldRows = new Float64Array(folds * alphas.length);
  const sums = new Float64Array(alphas.length * targets);
  const squares = new Float64Array(alphas.length * targets);
  const total = input.rows * alphas.length;
  let done = 0;
  for await (const batch of batches) {
    const batchRows = batch.reduce((sum, { rows: [from, to] }) => sum + to - from, 0);
    for (const block of input.blocks) {
      const y = await block.read();
      for (const smoother of batch) {
        const right = await smoother.rights(y);
        const [from, to] = smoother.rows;
        const inner = smoother.lefts.reduce((sum, left) => sum + (left.shape[1] ?? 0), 0);
        const step = Math.max(1, Math.floor(MOST_PER_CALL / (inner * (block.to - block.from))));
        for (let low = from; low < to; low += step) {
          throwIfAborted(input.signal);
          const high = Math.min(to, low + step);
          const terms = smoother.lefts.map((left, i) => ({ left: rowsOf(left, low - from, high - from), right: required(right[i]) }));
          const part = await products.residualSums(terms, rowsOf(y, low, high));
          const at = (smoother.fold * alphas.length + smoother.alpha) * targets + block.from;
          const pooled = smoother.alpha * targets + block.from;
          for (let j = 0; j < block.to - block.from; j++) {
            errors[at + j] = (errors[at + j] ?? 0) + (part.squaredError[j] ?? 0);
            sums[pooled + j] = (sums[pooled + j] ?? 0) + (part.prediction[j] ?? 0);
            squares[pooled + j] = (squares[pooled + j] ?? 0) + (part.squaredPrediction[j] ?? 0);
          }
        }
        done += ((to - from) * (block.to - block.from)) / targets;
        input.progress?.(done, total, 'cross-validation');
      }
    }
    for (const { fold, alpha, rows: [from, to] } of batch) foldRows[fold * alphas.length + alpha] = (foldRows[fold * alphas.length + alpha] ?? 0) + to - from;
    if (batchRows === 0) throw new RangeError('a batch of smoothers without rows');
  }
  return choose(input, errors, foldRows, sums, squares);
}

function choose(input: SelectionInput, errors: Float64Array, foldRows: Float64Array, sums: Float64Array, squares: Float64Array): CrossValidation {
  const { targets, alphas, folds, rows } = input;
  const count = alphas.length;
  // 2. Loss per (alpha, target) and its spread over folds.
  const losses = f32([count, targets], new Float32Array(count * targets));
  const chosen = new Uint16Array(targets);
  const result = {
    chosen, losses,
    predictionMean: new Float32Array(targets), predictionDeviation: new Float32Array(targets), r2: new Float32Array(targets), r: new Float32Array(targets),
  };
  const bySize = alphas.map((alpha, index) => ({ alpha, index })).sort((a, b) => b.alpha - a.alpha);
  const foldLoss = (fold: number, alpha: number, j: number): number => (errors[(fold * count + alpha) * targets + j] ?? 0) / (foldRows[fold * count + alpha] ?? NaN);
  const mean = new Float64Array(count);
  for (let j = 0; j < targets; j++) {
    let best = 0;
    for (let a = 0; a < count; a++) {
      let sum = 0;
      for (let fold = 0; fold < folds; fold++) sum += foldLoss(fold, a, j);
      mean[a] = sum / folds;
      losses.data[a * targets + j] = sum / folds;
      if ((mean[a] ?? 0) < (mean[best] ?? 0)) best = a;
    }
    // 3. The largest penalty that is as good.
    let allowed = (mean[best] ?? 0) * (1 + TIE);
    if (input.rule === 'conservative') {
      let variance = 0;
      for (let fold = 0; fold < folds; fold++) variance += (foldLoss(fold, best, j) - (mean[best] ?? 0)) ** 2;
      allowed = Math.max(allowed, (mean[best] ?? 0) + Math.sqrt(variance / folds));
    }
    const pick = bySize.find(({ index }) => (mean[index] ?? Infinity) <= allowed)?.index ?? best;
    chosen[j] = pick;
    // 4. Out-of-fold moments of the choice. Targets are centred, so sum(y) = 0 and sum(y p) = (sum(y^2) + sum(p^2) - sum((y-p)^2)) / 2.
    let error = 0;
    for (let fold = 0; fold < folds; fold++) error += errors[(fold * count + pick) * targets + j] ?? 0;
    const p = sums[pick * targets + j] ?? 0;
    const pp = squares[pick * targets + j] ?? 0;
    const yy = input.targetSquares[j] ?? 0;
    const spread = pp - (p * p) / rows;
    result.predictionMean[j] = (input.targetMean[j] ?? 0) + p / rows;
    result.predictionDeviation[j] = Math.sqrt(Math.max(0, spread / rows));
    if (yy > 0) {
      result.r2[j] = 1 - error / yy;
      result.r[j] = spread > 0 ? Math.max(-1, Math.min(1, (yy + pp - error) / 2 / Math.sqrt(yy * spread))) : 0;
    }
  }
  return result;
}

function required(right: F32 | undefined): F32 {
  if (right === undefined) throw new RangeError('a smoother has fewer right than left factors');
  return right;
}
