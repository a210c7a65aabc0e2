/** What a fit is asked for, and the parts that every kind of fit shares: checks, folds, centred blocks of targets, progress. */
import { UserError, throwIfAborted } from '../../common/errors.ts';
import type { F32 } from '../../common/ndarray.ts';
import type { Products } from '../linalg/products.ts';
import type { ArrayStore } from './artefact.ts';
import type { CheckpointStore } from './checkpoint.ts';
import { assignFolds, sortByFold } from './folds.ts';
import type { FoldChoice, Folds } from './folds.ts';
import type { OutOfFoldSink } from './out-of-fold.ts';
import type { PenaltySearch, SelectionRule, TargetBlock } from './select.ts';
import type { RidgeSolverName } from './solvers.ts';
import { applyStandard, columnStatistics } from './standardise.ts';
import type { Standardise } from './standardise.ts';
import { reorderRows } from './targets.ts';
import type { TargetSource } from './targets.ts';

export interface FitOptions {
  /** `[rows, voxels]`; one row per image (or trial). */
  readonly x: F32;
  readonly y: TargetSource;
  /** Absolute penalties. Several need folds. */
  readonly alphas: readonly number[];
  /** Null: no cross-validation; then exactly one penalty. */
  readonly folds: FoldChoice | null;
  readonly standardise?: Standardise;
  readonly rule?: SelectionRule;
  /** By the amount of work unless given (`chooseSearch`). */
  readonly search?: PenaltySearch;
  /** By shape unless given. */
  readonly solver?: RidgeSolverName;
  /** Only for the solver fastl2lir: voxels chosen for every target; 0 for all. */
  readonly voxelsPerTarget?: number;
  /** Band of every voxel, 0, 1, ...: banded ridge (`fit-banded.ts`). */
  readonly bands?: ArrayLike<number>;
  /** Mixes of bands that are tried, each a weight per band; drawn at random unless given. */
  readonly mixes?: readonly (readonly number[])[];
  /** Bytes that the fit may take in all (`memory.ts`); 8 GB unless given. */
  readonly memory?: number;
  /** Bytes of `memory` that whoever takes the out-of-fold predictions holds. */
  readonly beside?: number;
  readonly provenance?: Readonly<Record<string, string | number>>;
}

export interface FitDependencies {
  readonly products: Products;
  /** Where weights go as they are made. */
  readonly store: ArrayStore;
  /** Where a fit that is killed goes on from; nothing is kept without it. */
  readonly checkpoint?: CheckpointStore | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Takes out-of-fold predictions of every target at its own penalty (out-of-fold.ts); costs a second walk over the smoothers. Not called without folds. */
  readonly outOfFold?: OutOfFoldSink | undefined;
  /** `done` of `total`, and what is being done. */
  readonly progress?: ((done: number, total: number, what: string) => void) | undefined;
}

/** Penalties from `alpha / rows`, the unit of recipes. */
export function absolutePenalties(perRow: readonly number[], rows: number): number[] {
  return perRow.map((alpha) => alpha * rows);
}

export function checkOptions({ x, y, alphas, folds }: FitOptions): void {
  const [rows = 0, voxels = 0] = x.shape;
  if (x.shape.length !== 2 || rows < 2 || voxels < 1) {
    throw new UserError('bad-input', `X is [${x.shape.join(', ')}]`, { expected: '[rows, voxels] with at least 2 rows and 1 voxel', found: `[${x.shape.join(', ')}]`, fix: 'Give one row per image.' });
  }
  if (y.rows !== rows || y.targets < 1) {
    throw new UserError('bad-input', `X has ${rows} rows, Y has ${y.rows} rows and ${y.targets} targets`, { expected: `Y of ${rows} rows and at least 1 target`, found: `[${y.rows}, ${y.targets}]`, fix: 'Rows of X and Y must be the same images in the same order.' });
  }
  if (alphas.length === 0 || alphas.length > 65535 || !alphas.every((alpha) => Number.isFinite(alpha) && alpha > 0)) {
    throw new UserError('usage', `penalties ${alphas.join(', ')}`, { expected: 'at least one positive number', found: alphas.join(', '), fix: 'Give alphas such as 1,10,100.' });
  }
  if (folds === null && alphas.length > 1) {
    throw new UserError('usage', 'several penalties need folds to choose among them', { expected: 'one penalty, or folds', found: `${alphas.length} penalties`, fix: 'Ask for at least 2 folds.' });
  }
}

export function foldsOf(rows: number, choice: FoldChoice | null): Folds {
  if (choice === null || choice.kind === 'leave-one-out') return { order: Int32Array.from({ length: rows }, (_, i) => i), ranges: [[0, rows]] };
  return sortByFold(assignFolds(rows, choice));
}

export interface TargetStatistics {
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
  readonly squares: Float64Array;
}

/** Blocks of centred targets in fold order; the first reads also collect their statistics. */
export async function targetBlocks(y: TargetSource, order: Int32Array, width: number, keep: boolean, signal: AbortSignal | undefined): Promise<{ readonly blocks: readonly TargetBlock[]; readonly statistics: TargetStatistics }> {
  const statistics: TargetStatistics = { mean: new Float64Array(y.targets), deviation: new Float64Array(y.targets), squares: new Float64Array(y.targets) };
  const blocks: TargetBlock[] = [];
  for (let from = 0; from < y.targets; from += width) {
    throwIfAborted(signal);
    const to = Math.min(y.targets, from + width);
    const raw = await y.read(from, to);
    const found = columnStatistics(raw, undefined, `Y (targets ${from} to ${to - 1})`);
    statistics.mean.set(found.mean, from);
    statistics.deviation.set(found.deviation, from);
    statistics.squares.set(found.deviation.map((deviation) => deviation * deviation * y.rows), from);
    const ones = new Float64Array(to - from).fill(1);
    const centred = (block: F32): F32 => reorderRows(applyStandard(block, found.mean, ones), order);
    const kept = keep ? centred(raw) : null;
    blocks.push({ from, to, read: async () => kept ?? centred(await y.read(from, to)) });
  }
  return { blocks, statistics };
}

/** Shares of the whole per phase; rough, for the progress bar. */
const PHASES = { prepare: [0, 0.1], select: [0.1, 0.85], solve: [0.85, 1] } as const;

export function phases(progress: FitDependencies['progress'], total: number): (phase: keyof typeof PHASES, share: number | null, what: string) => void {
  let last = 0;
  return (phase, share, what) => {
    const [from, to] = PHASES[phase];
    if (share !== null) last = Math.max(last, total * (from + (to - from) * share));
    progress?.(last, total, what);
  };
}

export function median(values: Float32Array): number {
  const sorted = Float32Array.from(values).sort();
  const middle = (sorted.length - 1) / 2;
  return Number((((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2).toPrecision(7));
}

