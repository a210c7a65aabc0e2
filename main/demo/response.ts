/**
 * Single-trial betas of a demo subject, as NSD stores them: int16, 300 times percent signal change, `[voxels, 750]` a session.
 *
 * beta = mean + gain of the session * noise SD * (snr * planted signal + noise), rounded and clipped to int16.
 */
import { throwIfAborted } from '../../common/errors.ts';
import type { Random } from '../../common/random.ts';
import { SESSION_TRIALS } from './design.ts';
import { noiseOf } from './noise.ts';
import type { Planted } from './planted.ts';
import type { Grid } from './volume.ts';

export const BETA_SCALE = 300;
/** Percent signal change: median noise SD of a trial, its log spread, and the mean response of a visual voxel per unit of snr. */
const NOISE_PSC = { median: 1.5, spread: 0.25 };
const MEAN_PSC = { visual: 1.6, elsewhere: 0.15 };
const SESSION = { gain: 0.05, shift: 0.1 };

export interface ResponseInput {
  readonly grid: Grid;
  /** Voxels of the brain mask (0-based, i fastest, ascending). */
  readonly voxels: Int32Array;
  /** Row of `planted` for each of them, -1 = none. */
  readonly plantedRow: Int32Array;
  readonly planted: Planted;
  /** 1-based position of each trial. */
  readonly masterordering: Int32Array;
  readonly pictures: number;
}

/** One session after the other. */
export async function sessionsOf(input: ResponseInput, source: Random, signal: AbortSignal | undefined, onTrial: (done: number, total: number) => void): Promise<readonly Int16Array[]> {
  const { voxels, plantedRow, planted, masterordering, pictures } = input;
  const sessions = masterordering.length / SESSION_TRIALS, count = voxels.length;
  const noise = noiseOf(input.grid, voxels, sessions, source.fork('noise'));
  const own = source.fork('voxels'), made: Int16Array[] = [];
  const scale = Float32Array.from(voxels, () => NOISE_PSC.median * Math.exp(NOISE_PSC.spread * own.normal()));
  const mean = Float32Array.from(voxels, (_, v) => {
    const snr = planted.snr[plantedRow[v] ?? -1] ?? 0;
    return (MEAN_PSC.elsewhere + MEAN_PSC.visual * snr) * (1 + 0.3 * own.normal());
  });
  // The signal picture by picture, so that a trial reads one contiguous row.
  const active = voxels.map((_, v) => v).filter((v) => (planted.snr[plantedRow[v] ?? -1] ?? 0) > 0);
  const signals = new Float32Array(pictures * active.length);
  active.forEach((v, a) => {
    const row = plantedRow[v] ?? 0, snr = planted.snr[row] ?? 0;
    for (let n = 0; n < pictures; n++) signals[n * active.length + a] = snr * (planted.signal[row * pictures + n] ?? 0);
  });
  const trial = new Float32Array(count);
  for (let session = 0; session < sessions; session++) {
    const out = new Int16Array(count * SESSION_TRIALS), run = source.fork(`session/${session}`);
    const gain = Float32Array.from(voxels, () => 1 + SESSION.gain * run.normal()), shift = Float32Array.from(voxels, () => SESSION.shift * run.normal());
    for (let t = 0; t < SESSION_TRIALS; t++) {
      trial.fill(0);
      noise.add(trial, session, t / SESSION_TRIALS);
      const picture = (masterordering[session * SESSION_TRIALS + t] ?? 1) - 1;
      for (let a = 0; a < active.length; a++) { const v = active[a] ?? 0; trial[v] = (trial[v] ?? 0) + (signals[picture * active.length + a] ?? 0); }
      for (let v = 0; v < count; v++) {
        const beta = BETA_SCALE * ((mean[v] ?? 0) + (shift[v] ?? 0) + (gain[v] ?? 1) * (scale[v] ?? 1) * (trial[v] ?? 0));
        out[v * SESSION_TRIALS + t] = Math.max(-32768, Math.min(32767, Math.round(beta)));
      }
      if (t % 50 === 49) {
        // Lets a cancel or a progress message through.
        await new Promise((resolve) => { setImmediate(resolve); });
        throwIfAborted(signal);
        onTrial(session * SESSION_TRIALS + t + 1, masterordering.length);
      }
    }
    made.push(out);
  }
  return made;
}
