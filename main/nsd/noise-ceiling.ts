/**
 * Noise ceiling: the share of variance of an averaged response that is signal.
 *
 * Source: NSD Data Manual, "Functional data (NSD)": NC = 100 ncsnr^2 / (ncsnr^2 + 1/n) for averages over n trials; for a mixture
 * of images with different numbers of trials, 1/n becomes its mean over the images (A/3 + B/2 + C/1 over A + B + C).
 * The ceiling bounds R^2; its square root (as a fraction) bounds Pearson r. It is derived for session-z-scored betas.
 */

/** Mean of 1/n over images. `repeats` `[images]`, each at least 1; images without trials are left out. */
export function meanInverseRepeats(repeats: ArrayLike<number>): number {
  let sum = 0;
  let images = 0;
  for (let i = 0; i < repeats.length; i++) {
    const n = repeats[i] ?? 0;
    if (n < 1) continue;
    sum += 1 / n;
    images += 1;
  }
  if (images === 0) throw new RangeError('a noise ceiling needs at least one image with a trial');
  return sum / images;
}

/** Percent of variance, 0..100, per voxel; NaN stays NaN (invalid voxel). `ncsnr` `[voxels]`. */
export function noiseCeilingPercent(ncsnr: Float32Array, inverseRepeats: number): Float32Array {
  return Float32Array.from(ncsnr, (snr) => (100 * snr * snr) / (snr * snr + inverseRepeats));
}
