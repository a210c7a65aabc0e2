/**
 * Noise ceiling of averaged responses (Allen et al. 2022, NSD): NC = 100 * ncsnr^2 / (ncsnr^2 + mean(1/n)) percent of variance.
 *
 * ncsnr = SD of the signal over SD of the noise of one trial; n = trials averaged in a row. For A, B, C images with 3, 2, 1 trials,
 * mean(1/n) = (A/3 + B/2 + C)/(A + B + C). A variance fraction: compare it with R^2, or its root with r.
 */

/** NC in percent, `[voxels]`, from ncsnr `[voxels]` and the trials averaged per image row. Throws RangeError on a row without trials. */
export function noiseCeilingPercent(ncsnr: Float32Array, repeats: ArrayLike<number>): Float32Array {
  if (repeats.length === 0) throw new RangeError('a noise ceiling needs at least one image');
  let inverse = 0;
  for (let i = 0; i < repeats.length; i++) {
    const trials = repeats[i] ?? 0;
    if (!(trials >= 1)) throw new RangeError(`image row ${i} averages ${trials} trials`);
    inverse += 1 / trials;
  }
  inverse /= repeats.length;
  return ncsnr.map((ratio) => {
    const signal = ratio * ratio;
    return signal === Infinity ? 100 : (100 * signal) / (signal + inverse);
  });
}

/**
 * ncsnr per voxel from repeated trials `[trials, voxels]` and the image of each trial: noise variance = mean over images of the variance over
 * repeats (n - 1), signal variance = max(total - noise, 0). Trials should be z-scored per session, as NSD does. Images seen once carry no
 * noise estimate and are left out of it. Throws RangeError if no image repeats.
 */
export function ncsnrFromTrials(trials: { readonly shape: readonly number[]; readonly data: Float32Array }, images: Int32Array): Float32Array {
  const [count = 0, voxels = 0] = trials.shape;
  if (count !== images.length) throw new RangeError(`${count} trials but ${images.length} image numbers`);
  const byImage = new Map<number, number[]>();
  images.forEach((image, trial) => {
    const list = byImage.get(image);
    if (list === undefined) byImage.set(image, [trial]);
    else list.push(trial);
  });
  const repeated = [...byImage.values()].filter((list) => list.length > 1);
  if (repeated.length === 0) throw new RangeError('no image has two trials: noise cannot be estimated');
  const out = new Float32Array(voxels);
  for (let v = 0; v < voxels; v++) {
    const at = (trial: number): number => trials.data[trial * voxels + v] ?? 0;
    let noise = 0;
    for (const list of repeated) noise += variance(list.map(at));
    noise /= repeated.length;
    const total = variance(Array.from({ length: count }, (_, trial) => at(trial)));
    out[v] = noise > 0 ? Math.sqrt(Math.max(total - noise, 0) / noise) : 0;
  }
  return out;
}

function variance(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}
