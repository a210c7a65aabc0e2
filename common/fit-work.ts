/** How much work a ridge fit is, to say beforehand how long one will take: by comparison with a fit that was timed on this computer. */
export interface FitExtent {
  /** Training images. */
  readonly rows: number;
  readonly voxels: number;
  readonly targets: number;
  readonly alphas: number;
  readonly folds: number;
}

/**
 * Multiply-adds of a cross-validated fit with X z-scored in folds, in the cheaper of the two forms (n = the lesser of rows and voxels): a Gram matrix per
 * fold and for all rows, a factorisation of n^3/3 per penalty and fold and per penalty, and products with the targets. A count, not a time.
 */
export function fitWork({ rows, voxels, targets, alphas, folds }: FitExtent): number {
  const n = Math.min(rows, voxels), fits = alphas * (folds + 1);
  return (folds + 1) * rows * voxels * n / 2 + fits * n ** 3 / 3 + alphas * n * targets * (rows + n) + rows * n * targets;
}

/** Seconds that fits will take together, by the pace of timed ones of the same computer; null without any. */
export function secondsFor(planned: readonly FitExtent[], timed: readonly { readonly extent: FitExtent; readonly seconds: number }[]): number | null {
  const work = timed.reduce((sum, { extent }) => sum + fitWork(extent), 0), seconds = timed.reduce((sum, each) => sum + each.seconds, 0);
  return work > 0 && seconds > 0 ? planned.reduce((sum, extent) => sum + fitWork(extent), 0) * (seconds / work) : null;
}
