/**
 * Voxel maps of one feature space, accumulated over blocks of targets (method.md 6.3). Targets are in units of their own SD, so that no
 * target counts for its scale.
 *
 *   pattern_v  = sqrt( sum_f r_f^2 a_vf^2 / sum_f r_f^2 ),  a_vf = cov(x_v, yhat_f) / sd(yhat_f)     (Haufe et al. 2014, per target)
 *   weight_v   = sqrt( sum_f w_vf^2 )
 *   accuracy_v = sum_f |w_vf| max(r_f, 0) / sum_f max(r_f, 0)
 *
 * r_f is the held-out correlation of target f; negative or undefined ones count as 0.
 */
import type { F32 } from '../../common/ndarray.ts';

export interface VoxelSums {
  readonly pattern: Float64Array;
  readonly weight: Float64Array;
  readonly accuracy: Float64Array;
  /** Sums of r^2 and of r over the targets so far. */
  squaredR: number;
  sumR: number;
}

export function emptySums(voxels: number): VoxelSums {
  return { pattern: new Float64Array(voxels), weight: new Float64Array(voxels), accuracy: new Float64Array(voxels), squaredR: 0, sumR: 0 };
}

export interface TargetBlockFacts {
  /** cov(x_v, yhat_f), `[voxels, targets]`; x standardised. */
  readonly covariance: F32;
  /** Weights of standardised x, in target units, `[voxels, targets]`. */
  readonly weights: F32;
  /** SD of yhat_f over the rows of the covariance, `[targets]`. */
  readonly decodedDeviation: ArrayLike<number>;
  /** SD of the true target over training rows, `[targets]`. */
  readonly targetDeviation: ArrayLike<number>;
  /** Held-out r, `[targets]`; NaN counts as 0. */
  readonly r: ArrayLike<number>;
}

export function addBlock(sums: VoxelSums, { covariance, weights, decodedDeviation, targetDeviation, r }: TargetBlockFacts): void {
  const [voxels = 0, targets = 0] = covariance.shape;
  for (let f = 0; f < targets; f++) {
    const given = r[f] ?? 0, rf = given > 0 ? given : 0;
    const decoded = decodedDeviation[f] ?? 0, deviation = targetDeviation[f] ?? 0;
    const patternGain = decoded > 0 ? rf / decoded : 0, weightGain = deviation > 0 ? 1 / deviation : 0;
    if (decoded > 0) sums.squaredR += rf * rf;
    sums.sumR += rf;
    for (let v = 0; v < voxels; v++) {
      const a = (covariance.data[v * targets + f] ?? 0) * patternGain, w = (weights.data[v * targets + f] ?? 0) * weightGain;
      sums.pattern[v] = (sums.pattern[v] ?? 0) + a * a;
      sums.weight[v] = (sums.weight[v] ?? 0) + w * w;
      sums.accuracy[v] = (sums.accuracy[v] ?? 0) + Math.abs(w) * rf;
    }
  }
}

export interface SpaceMaps {
  readonly pattern: Float32Array;
  readonly weight: Float32Array;
  readonly accuracy: Float32Array;
}

/** The maps; where no target was decoded at all (sum of r = 0) pattern and accuracy are NaN. */
export function finishSums(sums: VoxelSums): SpaceMaps {
  return {
    pattern: Float32Array.from(sums.pattern, (sum) => (sums.squaredR > 0 ? Math.sqrt(sum / sums.squaredR) : Number.NaN)),
    weight: Float32Array.from(sums.weight, Math.sqrt),
    accuracy: Float32Array.from(sums.accuracy, (sum) => (sums.sumR > 0 ? sum / sums.sumR : Number.NaN)),
  };
}
