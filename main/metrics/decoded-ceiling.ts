/**
 * How much of a decoded value is lost to trial noise, and what accuracy would be without it.
 *
 * A decoder reads the mean of n trials of an image; the truth (a feature of the picture) has no noise. Its prediction is d_i = s_i + e_i, with s_i what
 * the decoder would say with endless trials and e_i trial noise. Then
 *
 *   corr(y, d) = corr(y, s) sqrt(NC),   NC = var(s) / var(d)
 *
 * (correction for attenuation, Spearman 1904; noise is independent of truth and image). NC is NSD's noise ceiling (Allen et al. 2022) of the decoded
 * value instead of a voxel: signal / (signal + noise m), m = mean over images of 1/n. Because a linear decoder is applied to single trials as well,
 *
 *   noise  = mean over images with n > 1 of the variance of its trials' decoded values (n - 1),
 *   var(d) = variance over images of the decoded value of the mean of trials (images - 1),
 *   NC     = 1 - noise m / var(d), at least 0.
 *
 * sqrt(NC) is the ceiling of r, r / sqrt(NC) the accuracy without trial noise of this decoder: not a bound for a better one. A ratio is given only where
 * NC is at least `LEAST_CEILING`, is not clipped, and can exceed 1 by sampling.
 */
import { LEAST_CEILING } from '../../common/decoding-measures.ts';
import type { F32 } from '../../common/ndarray.ts';

export interface TrialRows {
  /** Image of every trial as a row number of the averaged rows, `[trials]`. */
  readonly imageOfTrial: Int32Array;
  readonly images: number;
}

/** Mean over images of 1/n, or null if no image has two trials. Throws RangeError for an image without trials. */
export function meanInverseTrials({ imageOfTrial, images }: TrialRows): number | null {
  const counts = countTrials(imageOfTrial, images);
  let sum = 0, repeated = false;
  for (const [image, n] of counts.entries()) {
    if (n < 1) throw new RangeError(`image row ${image} has no trials`);
    sum += 1 / n;
    repeated ||= n > 1;
  }
  return repeated ? sum / images : null;
}

/**
 * NC in [0, 1] per unit, `[units]`, from the decoded values of single trials `[trials, units]`. NaN for a unit whose decoded value does not vary over
 * images. Null if nothing can be said: no image was shown twice, or there are fewer than two images.
 */
export function decodedCeiling(trials: F32, rows: TrialRows): Float32Array | null {
  const { imageOfTrial, images } = rows, [count = 0, units = 0] = trials.shape;
  if (count !== imageOfTrial.length) throw new RangeError(`${count} trials but ${imageOfTrial.length} image numbers`);
  const inverse = meanInverseTrials(rows);
  if (inverse === null || images < 2) return null;
  const counts = countTrials(imageOfTrial, images);
  // 1. Decoded value of the mean of trials = mean of the trials' decoded values, `[images, units]`.
  const mean = new Float64Array(images * units);
  imageOfTrial.forEach((image, t) => {
    for (let u = 0; u < units; u++) mean[image * units + u] = (mean[image * units + u] ?? 0) + (trials.data[t * units + u] ?? 0) / (counts[image] ?? 1);
  });
  // 2. Squared differences of the trials to it, each image weighted by 1/(n - 1).
  const noise = new Float64Array(units), repeated = counts.reduce((sum, n) => sum + (n > 1 ? 1 : 0), 0);
  imageOfTrial.forEach((image, t) => {
    const n = counts[image] ?? 1;
    if (n < 2) return;
    for (let u = 0; u < units; u++) {
      const d = (trials.data[t * units + u] ?? 0) - (mean[image * units + u] ?? 0);
      noise[u] = (noise[u] ?? 0) + (d * d) / (n - 1) / repeated;
    }
  });
  // 3. Variance over images.
  const centre = new Float64Array(units), total = new Float64Array(units);
  for (let i = 0; i < images; i++) for (let u = 0; u < units; u++) centre[u] = (centre[u] ?? 0) + (mean[i * units + u] ?? 0) / images;
  for (let i = 0; i < images; i++) for (let u = 0; u < units; u++) total[u] = (total[u] ?? 0) + ((mean[i * units + u] ?? 0) - (centre[u] ?? 0)) ** 2 / (images - 1);
  return Float32Array.from(total, (variance, u) => (variance > FLAT * (centre[u] ?? 0) ** 2 ? Math.max(0, 1 - ((noise[u] ?? 0) * inverse) / variance) : Number.NaN));
}

/** A variance below this share of the squared mean is rounding of float32 ((1e-6)^2), not variation. */
const FLAT = 1e-12;

/** r / sqrt(NC), NaN where either is unknown or NC is below `LEAST_CEILING`. `[units]` */
export function withoutNoise(r: Float32Array, ceiling: Float32Array): Float32Array {
  return r.map((value, u) => { const share = ceiling[u] ?? Number.NaN; return share >= LEAST_CEILING ? value / Math.sqrt(share) : Number.NaN; });
}

function countTrials(imageOfTrial: Int32Array, images: number): Int32Array {
  const counts = new Int32Array(images);
  for (const image of imageOfTrial) counts[image] = (counts[image] ?? 0) + 1;
  return counts;
}
