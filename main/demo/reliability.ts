/**
 * Volumes that NSD computes from the betas, computed from the demo's betas by the same rules (nsd-data-format 1.4).
 *
 * ncsnr: betas z-scored per voxel and session; only pictures with all three trials; noise variance = mean over pictures of
 * the sample variance over the three trials; total variance 1; signal variance = max(0, 1 - noise variance);
 * ncsnr = sqrt(signal variance / noise variance). R2 here is the share (%) of the betas' variance that lies between
 * pictures: NSD's is of the time series, which the demo does not have.
 */
import { REPEATS, SESSION_TRIALS } from './design.ts';

export interface Reliability {
  /** Per voxel. */
  readonly ncsnr: Float32Array;
  /** Mean of the stored betas (300 times percent signal change). */
  readonly meanbeta: Float32Array;
  readonly R2: Float32Array;
  /** Mean of the stored betas of each session. */
  readonly sessionMeans: readonly Float32Array[];
}

/** `sessions[s]` is `[voxels, 750]` as stored; `trialsOf` is `[positions, 3]`, 1-based trials. */
export function reliabilityOf(sessions: readonly Int16Array[], voxels: number, trialsOf: Int32Array): Reliability {
  const trials = sessions.length * SESSION_TRIALS, positions = trialsOf.length / REPEATS;
  const sessionMeans = sessions.map(() => new Float32Array(voxels));
  const made = { ncsnr: new Float32Array(voxels), meanbeta: new Float32Array(voxels), R2: new Float32Array(voxels) };
  const z = new Float64Array(trials);
  for (let v = 0; v < voxels; v++) {
    let whole = 0;
    sessions.forEach((session, s) => {
      const from = v * SESSION_TRIALS;
      let mean = 0, square = 0;
      for (let t = 0; t < SESSION_TRIALS; t++) mean += session[from + t] ?? 0;
      mean /= SESSION_TRIALS;
      for (let t = 0; t < SESSION_TRIALS; t++) square += ((session[from + t] ?? 0) - mean) ** 2;
      const size = Math.sqrt(square / (SESSION_TRIALS - 1)) || 1;
      for (let t = 0; t < SESSION_TRIALS; t++) z[s * SESSION_TRIALS + t] = ((session[from + t] ?? 0) - mean) / size;
      const into = sessionMeans[s];
      if (into !== undefined) into[v] = mean;
      whole += mean;
    });
    let noise = 0, between = 0;
    for (let p = 0; p < positions; p++) {
      let sum = 0, square = 0;
      for (let r = 0; r < REPEATS; r++) { const value = z[(trialsOf[p * REPEATS + r] ?? 1) - 1] ?? 0; sum += value; square += value * value; }
      noise += (square - (sum * sum) / REPEATS) / (REPEATS - 1);
      between += (sum * sum) / REPEATS;
    }
    noise /= positions;
    made.ncsnr[v] = noise > 0 ? Math.sqrt(Math.max(0, 1 - noise) / noise) : 0;
    made.meanbeta[v] = whole / sessions.length;
    made.R2[v] = (100 * between) / trials;
  }
  return { ...made, sessionMeans };
}
