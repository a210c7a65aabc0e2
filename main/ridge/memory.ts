/**
 * How a fit fits into memory: what must be held whatever the number of targets, and how many targets are worked on at a time in what is left.
 * Sizes are of arrays; the runtime and the JavaScript engine take `RUNTIME` beside them.
 */
import { UserError } from '../../common/errors.ts';

/** Bytes that a fit may take unless told otherwise. */
export const DEFAULT_MEMORY = 8e9;
const RUNTIME = 4e8;
/** Bytes of one block of targets (or of one part of the weights) at most: larger ones gain nothing. */
const BLOCK_BYTES = 1.2e8;
/** Fewest targets in a block for products to be worth it. */
const FEWEST = 64;

export interface FitShape {
  readonly rows: number;
  readonly voxels: number;
  readonly targets: number;
  readonly form: 'primal' | 'dual';
  /** Folds that keep a kernel of their own; 0 if they share one. */
  readonly ownKernels: number;
  /** True if smoothers are remembered for a second use, at the cost of inverses. */
  readonly remembers?: boolean;
  /** Bytes that are held beside the fit for its whole length. */
  readonly beside?: number;
}

export interface MemoryPlan {
  /** Targets in a block. */
  readonly blockTargets: number;
  /** True if all centred targets are kept between passes. */
  readonly keepTargets: boolean;
  /** Bytes for inverses kept from cross-validation for the weights. */
  readonly keptInverses: number;
  /** Bytes for smoothers kept for a second use. */
  readonly keptSmoothers: number;
  /** What the plan takes at most, in bytes. */
  readonly estimate: number;
}

/** Plans a fit below `ceiling` bytes. Throws UserError (`usage`) naming the least that would do. */
export function planMemory({ rows, voxels, targets, form, ownKernels, remembers = false, beside = 0 }: FitShape, ceiling: number): MemoryPlan {
  const size = form === 'dual' ? rows : voxels;
  // 1. X as given and in fold order; a Gram matrix, a shifted copy and the blocks of its inverse in double; smoothers in single precision.
  const fixed = RUNTIME + beside + 8 * rows * voxels + 8 * size * size * 3 + 4 * rows * size
    + (ownKernels > 0 ? 4 * rows * voxels + ownKernels * 5 * size * size : 0);
  // 2. A target: raw, centred, picked and as result.
  const perTarget = 4 * (4 * rows + (form === 'primal' ? 3 * voxels : 0));
  const least = fixed + perTarget * Math.min(targets, FEWEST);
  if (!(ceiling >= least)) {
    throw new UserError('usage', `a memory ceiling of ${gigabytes(ceiling)} is too low for ${rows} rows and ${voxels} voxels`, {
      expected: `at least ${gigabytes(least)}`, found: gigabytes(ceiling), fix: 'Raise the ceiling, use fewer voxels (regions), or average repeats.',
    });
  }
  const free = ceiling - fixed;
  const narrow = Math.floor(Math.min(BLOCK_BYTES / (4 * Math.max(rows, form === 'primal' ? voxels : 0)), (free * 0.2) / perTarget));
  const blockTargets = Math.max(1, Math.min(targets, Math.max(Math.min(targets, FEWEST), narrow)));
  const keepTargets = rows * targets * 4 <= Math.min(1e9, free * 0.3);
  const keptInverses = Math.min(4e9, free * (remembers ? 0.2 : 0.4));
  const keptSmoothers = remembers ? Math.min(2e9, free * 0.2) : 0;
  return { blockTargets, keepTargets, keptInverses, keptSmoothers, estimate: fixed + perTarget * blockTargets + (keepTargets ? rows * targets * 4 : 0) + keptInverses + keptSmoothers };
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}
