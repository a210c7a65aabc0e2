/**
 * Voxel maps of one feature space, accumulated over blocks of targets (method.md 6.3). Targets are in units of their own SD, so that no
 * target counts for its scale.
 *
 *   pattern_v  = sqrt( sum_f r_f^2 a_vf^2 / sum_f r_f^2 ),  a_vf = cov(x_v, yhat_f) / sd(yhat_f)     (Haufe et al. 2014, per target)
 *   weight_v   = sqrt( sum_f w_vf^2 )
 *   accuracy_v = sum_f |w_vf| max(r_f, 0) / sum_f max(r_f, 0)
 *
 * r_f is a correlation of held-out predictions of target f with the truth; negative or undefined ones count as 0. yhat should be held-out too:
 * predictions of rows that a decoder was fitted to follow their noise, and patterns from them follow what it over-fitted.
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

export interface PatternFacts {
  /** cov(x_v, yhat_f), `[voxels, targets]`; x standardised. */
  readonly covariance: F32;
  /** SD of yhat_f over the rows of the covariance, `[targets]`. */
  readonly decodedDeviation: ArrayLike<number>;
  /** Held-out r, `[targets]`; NaN counts as 0. */
  readonly r: ArrayLike<number>;
}

export interface WeightFacts {
  /** Weights of standardised x, in target units, `[voxels, targets]`. */
  readonly weights: F32;
  /** SD of the true target over training rows, `[targets]`. */
  readonly targetDeviation: ArrayLike<number>;
  /** Held-out r, `[targets]`; NaN counts as 0. */
  readonly r: ArrayLike<number>;
}

export function addPatterns(sums: VoxelSums, { covariance, decodedDeviation, r }: PatternFacts): void {
  const [voxels = 0, targets = 0] = covariance.shape;
  const gains = new Float64Array(targets);
  for (let f = 0; f < targets; f++) {
    const given = r[f] ?? 0, rf = given > 0 ? given : 0, decoded = decodedDeviation[f] ?? 0;
    if (!(decoded > 0)) continue;
    gains[f] = rf / decoded;
    sums.squaredR += rf * rf;
  }
  for (let v = 0; v < voxels; v++) {
    const row = v * targets;
    let sum = sums.pattern[v] ?? 0;
    for (let f = 0; f < targets; f++) { const a = (covariance.data[row + f] ?? 0) * (gains[f] ?? 0); sum += a * a; }
    sums.pattern[v] = sum;
  }
}

export function addWeights(sums: VoxelSums, { weights, targetDeviation, r }: WeightFacts): void {
  const [voxels = 0, targets = 0] = weights.shape;
  const accuracies = new Float64Array(targets), gains = new Float64Array(targets);
  for (let f = 0; f < targets; f++) {
    const given = r[f] ?? 0, rf = given > 0 ? given : 0, deviation = targetDeviation[f] ?? 0;
    accuracies[f] = rf;
    gains[f] = deviation > 0 ? 1 / deviation : 0;
    sums.sumR += rf;
  }
  for (let v = 0; v < voxels; v++) {
    const row = v * targets;
    let squares = sums.weight[v] ?? 0, accuracy = sums.accuracy[v] ?? 0;
    for (let f = 0; f < targets; f++) {
      const w = (weights.data[row + f] ?? 0) * (gains[f] ?? 0);
      squares += w * w;
      accuracy += Math.abs(w) * (accuracies[f] ?? 0);
    }
    sums.weight[v] = squares;
    sums.accuracy[v] = accuracy;
  }
}

/**
 * Pattern facts of decoded rows. `x` standardised `[rows, voxels]` and `decoded` `[rows, targets]` of the same rows; both are centred here, so
 * that predictions that were made fold by fold may have any mean. `cross` is A' B.
 */
export async function patternFacts(x: F32, decoded: F32, r: ArrayLike<number>, cross: (a: F32, b: F32) => Promise<F32>): Promise<PatternFacts> {
  const [rows = 0, targets = 0] = decoded.shape;
  const mean = new Float64Array(targets), squares = new Float64Array(targets);
  for (let i = 0; i < rows; i++) for (let f = 0; f < targets; f++) mean[f] = (mean[f] ?? 0) + (decoded.data[i * targets + f] ?? 0) / rows;
  const centred: F32 = { ...decoded, data: new Float32Array(rows * targets) };
  for (let i = 0; i < rows; i++) {
    for (let f = 0; f < targets; f++) {
      const value = (decoded.data[i * targets + f] ?? 0) - (mean[f] ?? 0);
      centred.data[i * targets + f] = value;
      squares[f] = (squares[f] ?? 0) + value * value;
    }
  }
  const covariance = await cross(x, centred);
  for (let at = 0; at < covariance.data.length; at++) covariance.data[at] = (covariance.data[at] ?? 0) / rows;
  return { covariance, decodedDeviation: squares.map((sum) => Math.sqrt(sum / rows)), r };
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
