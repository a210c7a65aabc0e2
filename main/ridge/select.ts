/**
 * Penalty per target by cross-validation, and the out-of-fold facts of the chosen one (mean, deviation, r), from column sums only: the
 * out-of-fold predictions themselves never leave the engine.
 *
 * Loss of a penalty = mean over folds of the fold's mean squared error (himalaya's and scikit-learn's convention; leave-one-out is one fold of
 * all rows). Ties go to the larger penalty.
 */
import { throwIfAborted } from '../../common/errors.ts';
import { f32, rows as rowsOf } from '../../common/ndarray.ts';
import { pickColumns } from './targets.ts';
import type { F32 } from '../../common/ndarray.ts';
import type { Products } from '../linalg/products.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Smoother, SmootherPlace, SmootherSource } from './smoother.ts';

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
  /** Mean squared error of every penalty and target, `[alphas, targets]`; NaN where a bracket search did not try it. */
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
  readonly checkpoint: Checkpoint;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((done: number, total: number, what: string) => void) | undefined;
}

/** Multiply-adds per product call: a fraction of a second. */
const MOST_PER_CALL = 1e10;

/**
 * How penalties are tried.
 *   exhaustive: every penalty for every target.
 *   bracket: from the middle of the grid, each target moves towards larger penalties while its loss does not rise, otherwise towards smaller
 *     ones while it falls. The same choice as exhaustive whenever the loss has one minimum along the grid, at about a third of the work.
 */
export type PenaltySearch = 'exhaustive' | 'bracket';

/** Column sums so far, per (fold, alpha, target) and (alpha, target). */
export interface Tally {
  readonly errors: Float64Array;
  readonly foldRows: Float64Array;
  readonly sums: Float64Array;
  readonly squares: Float64Array;
}

/** Nothing tried yet. */
export function emptyTally({ folds, alphas, targets }: SelectionInput): Tally {
  return {
    errors: new Float64Array(folds * alphas.length * targets).fill(NaN), foldRows: new Float64Array(folds * alphas.length),
    sums: new Float64Array(alphas.length * targets), squares: new Float64Array(alphas.length * targets),
  };
}

/** Every penalty for every target. Throws CancelledError when the signal fires. */
export async function selectPenalties(input: SelectionInput, source: SmootherSource, products: Products): Promise<CrossValidation> {
  const tally = emptyTally(input);
  const total = input.rows * input.alphas.length * input.targets;
  let done = 0;
  for (const piece of source.pieces.keys()) {
    const smoothers = once(() => source.make(piece));
    for (const block of input.blocks) {
      await evaluate(input, tally, { source, piece, smoothers, block, columns: null }, products, (work) => { done += work; input.progress?.(done, total, 'cross-validation'); });
    }
    countRows(input, tally, source.pieces[piece] ?? []);
  }
  return choose(input, tally);
}

/** Made when first asked for: not at all if a checkpoint has every result. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let held: Promise<T> | null = null;
  return () => (held ??= make());
}

/** Bracket search (`PenaltySearch`). Each penalty's smoothers are made at most once. Only for rule 'best' and sources by penalty. */
export async function bracketPenalties(input: SelectionInput, source: SmootherSource, products: Products): Promise<CrossValidation> {
  const tally = emptyTally(input);
  const ascending = input.alphas.map((alpha, index) => ({ alpha, index })).sort((a, b) => a.alpha - b.alpha).map(({ index }) => index);
  const start = Math.floor(ascending.length / 2);
  let active = Array.from({ length: input.targets }, (_, j) => j);
  let work = 0;
  // Usually three to four penalties per target; the bar only has to move on.
  const expected = input.rows * input.targets * Math.min(4, ascending.length);
  const visit = async (place: number): Promise<number> => {
    const piece = ascending[place] ?? 0;
    const smoothers = once(() => source.make(piece));
    for (const block of input.blocks) {
      const columns = active.filter((j) => j >= block.from && j < block.to).map((j) => j - block.from);
      if (columns.length === 0) continue;
      const all = columns.length === block.to - block.from;
      await evaluate(input, tally, { source, piece, smoothers, block, columns: all ? null : columns }, products, (more) => { work += more; input.progress?.(Math.min(work, 0.98 * expected), expected, 'cross-validation'); });
    }
    countRows(input, tally, source.pieces[piece] ?? []);
    return piece;
  };
  // 1. The middle, then upwards: a target goes on while the loss does not rise.
  let last = await visit(start);
  let left: number[] = active;
  for (let place = start + 1; place < ascending.length && active.length > 0; place++) {
    const alpha = await visit(place);
    const previous = last;
    const [on, stopped] = split(active, (j) => meanLoss(input, tally, alpha, j) <= meanLoss(input, tally, previous, j) * (1 + TIE));
    if (place === start + 1) left = stopped;
    active = on;
    last = alpha;
  }
  // 2. Downwards for the targets that did not improve upwards: while the loss falls.
  active = ascending.length === start + 1 ? active : left;
  last = ascending[start] ?? 0;
  for (let place = start - 1; place >= 0 && active.length > 0; place--) {
    const alpha = await visit(place);
    const previous = last;
    active = active.filter((j) => meanLoss(input, tally, alpha, j) * (1 + TIE) < meanLoss(input, tally, previous, j));
    last = alpha;
  }
  return choose(input, tally);
}

function split(items: readonly number[], test: (item: number) => boolean): readonly [number[], number[]] {
  const yes: number[] = [];
  const no: number[] = [];
  for (const item of items) (test(item) ? yes : no).push(item);
  return [yes, no];
}

/** One piece of smoothers on one block of targets, all of them or some columns. */
interface Share {
  readonly source: SmootherSource;
  readonly piece: number;
  readonly smoothers: () => Promise<readonly Smoother[]>;
  readonly block: TargetBlock;
  readonly columns: readonly number[] | null;
}

/** Adds the column sums of one share, from the checkpoint if it has them. */
async function evaluate(input: SelectionInput, tally: Tally, share: Share, products: Products, worked: (work: number) => void): Promise<void> {
  const { source, piece, block, columns } = share;
  const { alphas, targets, checkpoint } = input;
  const places = source.pieces[piece] ?? [];
  const width = columns?.length ?? block.to - block.from;
  const name = `sums-${piece}-${block.from}`;
  const length = places.length * 3 * width;
  const kept = await checkpoint.kept(name, length);
  const sums = kept ?? await columnSums(input, share, products, worked);
  if (kept === null) await checkpoint.keep(name, sums);
  else worked(places.reduce((sum, { rows: [from, to] }) => sum + to - from, 0) * width);
  for (const [index, place] of places.entries()) {
    const at = (place.fold * alphas.length + place.alpha) * targets + block.from;
    const pooled = place.alpha * targets + block.from;
    const own = index * 3 * width;
    for (let k = 0; k < width; k++) {
      const j = columns === null ? k : (columns[k] ?? 0);
      const before = tally.errors[at + j] ?? NaN;
      tally.errors[at + j] = (Number.isNaN(before) ? 0 : before) + (sums[own + k] ?? 0);
      tally.sums[pooled + j] = (tally.sums[pooled + j] ?? 0) + (sums[own + width + k] ?? 0);
      tally.squares[pooled + j] = (tally.squares[pooled + j] ?? 0) + (sums[own + 2 * width + k] ?? 0);
    }
  }
}

/** Squared residual, prediction and squared prediction summed over the rows of every smoother: `[smoothers, 3, columns]`. */
async function columnSums(input: SelectionInput, { smoothers, block, columns }: Share, products: Products, worked: (work: number) => void): Promise<Float64Array> {
  const all = await block.read();
  const y = columns === null ? all : pickColumns(all, columns);
  const [, width = 0] = y.shape;
  const made = await smoothers();
  const out = new Float64Array(made.length * 3 * width);
  for (const [index, smoother] of made.entries()) {
    const right = await smoother.rights(y);
    const [from, to] = smoother.rows;
    const inner = smoother.lefts.reduce((sum, part) => sum + (part.shape[1] ?? 0), 0);
    const step = Math.max(1, Math.floor(MOST_PER_CALL / (inner * width)));
    const own = index * 3 * width;
    for (let low = from; low < to; low += step) {
      throwIfAborted(input.signal);
      const high = Math.min(to, low + step);
      const terms = smoother.lefts.map((part, i) => ({ left: rowsOf(part, low - from, high - from), right: required(right[i]) }));
      const found = await products.residualSums(terms, rowsOf(y, low, high));
      for (let k = 0; k < width; k++) {
        out[own + k] = (out[own + k] ?? 0) + (found.squaredError[k] ?? 0);
        out[own + width + k] = (out[own + width + k] ?? 0) + (found.prediction[k] ?? 0);
        out[own + 2 * width + k] = (out[own + 2 * width + k] ?? 0) + (found.squaredPrediction[k] ?? 0);
      }
      worked((high - low) * width);
    }
  }
  return out;
}

function countRows({ alphas }: SelectionInput, { foldRows }: Tally, places: readonly SmootherPlace[]): void {
  for (const { fold, alpha, rows: [from, to] } of places) foldRows[fold * alphas.length + alpha] = (foldRows[fold * alphas.length + alpha] ?? 0) + to - from;
}

/** Mean squared error of a fold; NaN where the penalty was not tried. */
function foldLoss({ alphas, targets }: SelectionInput, { errors, foldRows }: Tally, fold: number, alpha: number, j: number): number {
  return (errors[(fold * alphas.length + alpha) * targets + j] ?? NaN) / (foldRows[fold * alphas.length + alpha] ?? NaN);
}

/** Mean over folds of the fold's mean squared error. */
function meanLoss(input: SelectionInput, tally: Tally, alpha: number, j: number): number {
  let sum = 0;
  for (let fold = 0; fold < input.folds; fold++) sum += foldLoss(input, tally, fold, alpha, j);
  return sum / input.folds;
}

/** Penalty per target, losses and out-of-fold facts from complete sums. */
export function choose(input: SelectionInput, tally: Tally): CrossValidation {
  const { targets, alphas, folds, rows } = input;
  const { errors, sums, squares } = tally;
  const count = alphas.length;
  // 1. Loss per (alpha, target).
  const losses = f32([count, targets], new Float32Array(count * targets));
  const chosen = new Uint16Array(targets);
  const result = {
    chosen, losses,
    predictionMean: new Float32Array(targets), predictionDeviation: new Float32Array(targets), r2: new Float32Array(targets), r: new Float32Array(targets),
  };
  const bySize = alphas.map((alpha, index) => ({ alpha, index })).sort((a, b) => b.alpha - a.alpha);
  const mean = new Float64Array(count);
  for (let j = 0; j < targets; j++) {
    let best = 0;
    for (let a = 0; a < count; a++) {
      const loss = meanLoss(input, tally, a, j);
      mean[a] = Number.isNaN(loss) ? Infinity : loss;
      losses.data[a * targets + j] = loss;
      if ((mean[a] ?? 0) < (mean[best] ?? 0)) best = a;
    }
    // 2. The largest penalty that is as good.
    let allowed = (mean[best] ?? 0) * (1 + TIE);
    if (input.rule === 'conservative') {
      let variance = 0;
      for (let fold = 0; fold < folds; fold++) variance += (foldLoss(input, tally, fold, best, j) - (mean[best] ?? 0)) ** 2;
      allowed = Math.max(allowed, (mean[best] ?? 0) + Math.sqrt(variance / folds));
    }
    const pick = bySize.find(({ index }) => (mean[index] ?? Infinity) <= allowed)?.index ?? best;
    chosen[j] = pick;
    // 3. Out-of-fold moments of the choice. Targets are centred, so sum(y) = 0 and sum(y p) = (sum(y^2) + sum(p^2) - sum((y-p)^2)) / 2.
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
