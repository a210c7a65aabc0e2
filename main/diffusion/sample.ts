/**
 * Stage 1: from a decoded latent z and a decoded text state c to the latent of a picture (method.md 3).
 *
 * Everything random is passed in, so that a run is repeated by storing its noise and not by hoping that two generators agree.
 */
import { throwIfAborted, UserError } from '../../common/errors.ts';
import { f32, sizeOf } from '../../common/ndarray.ts';
import type { F32 } from '../../common/ndarray.ts';
import type { UnetRole } from '../runtime/pack-description.ts';
import type { Session } from '../runtime/session.ts';
import { guide } from './guidance.ts';
import { addNoise, timestepAt } from './schedule.ts';
import type { Schedule } from './schedule.ts';
import { SCHEDULERS } from './schedulers/index.ts';
import type { SchedulerName } from './schedulers/index.ts';
import { predict, rowsPerRun } from './unet.ts';

/** MindDiffuser's sampler: noise at DDIM index 37 (t = 741) of 50, 35 steps walked back from t = 681 (method.md 0, fact 6). */
export const AS_PUBLISHED = { steps: 50, strength: 0.7, guidance: 5, noiseLead: 3 } as const;

export interface SampleOptions {
  readonly schedule: Schedule;
  readonly scheduler?: SchedulerName;
  /** Share of the steps that are walked, (0, 1]: the last `floor(steps * strength)`, at least one. */
  readonly strength: number;
  /** Guidance scale; exactly 1 runs the conditional branch alone. */
  readonly guidance: number;
  /** Steps of the schedule by which the noise is stronger than the first step expects: 0 is consistent, 3 of 50 as published. */
  readonly noiseLead?: number;
  /** Share of fresh noise per step, [0, 1]; above 0 needs `stepNoise`. */
  readonly eta?: number;
  /** Standard normal deviates of z's shape for a step index. */
  readonly stepNoise?: (index: number) => F32;
  /** Rows per run of the UNet, two for each image under guidance; what memory allows unless given. */
  readonly rows?: number;
  readonly signal?: AbortSignal;
  /** After each step; `predictedOriginal` is what the picture would be now, `[images, channels, height, width]`. */
  readonly onStep?: (done: number, total: number, predictedOriginal: F32) => void;
}

/** Index of the first step that is walked. */
export function firstStep(schedule: Schedule, strength: number): number {
  if (!(strength > 0 && strength <= 1)) throw new UserError('bad-input', `strength ${strength} is not possible`, { expected: 'a number above 0 and at most 1', found: `${strength}` });
  const steps = schedule.timesteps.length;
  // 1e-9: 50 * 0.7 is 34.999... in floating point and means 35.
  return steps - Math.max(1, Math.min(steps, Math.floor(steps * strength + 1e-9)));
}

function stack(first: F32, second: F32): F32 {
  const data = new Float32Array(first.data.length + second.data.length);
  data.set(first.data);
  data.set(second.data, first.data.length);
  return f32([(first.shape[0] ?? 0) + (second.shape[0] ?? 0), ...first.shape.slice(1)], data);
}

/** One context for every image. */
function repeat(context: F32, count: number): F32 {
  const width = sizeOf(context.shape.slice(1)), data = new Float32Array(count * width);
  for (let n = 0; n < count; n++) data.set(context.data.subarray(0, width), n * width);
  return f32([count, ...context.shape.slice(1)], data);
}

/**
 * z, noise `[images, channels, height, width]`; context `[images, tokens, width]`; unconditional `[1, tokens, width]`, the states of the
 * empty text at the same length. Returns the final latents, scaled as z. Throws `CancelledError` between steps.
 */
export async function sample(session: Session, role: UnetRole, z: F32, noise: F32, context: F32, unconditional: F32, options: SampleOptions): Promise<F32> {
  const { schedule, guidance, eta = 0, noiseLead = 0 } = options, images = z.shape[0] ?? 0, step = SCHEDULERS[options.scheduler ?? 'ddim'];
  if (context.shape[0] !== images) throw new RangeError(`${images} latents but ${context.shape[0] ?? 0} contexts`);
  if (unconditional.shape[1] !== context.shape[1] || unconditional.shape[2] !== context.shape[2]) throw new RangeError(`the unconditional context [${unconditional.shape.join(', ')}] does not fit [${context.shape.join(', ')}]`);
  const guided = guidance !== 1, rows = options.rows ?? rowsPerRun(z.shape.slice(1));
  // 1. Where the walk begins, and how strong the noise is there.
  const first = firstStep(schedule, options.strength), total = schedule.timesteps.length - first;
  let latents = addNoise(schedule, Math.max(0, first - noiseLead), z, noise);
  // 2. Both branches side by side: conditional rows, then unconditional rows.
  const contexts = guided ? stack(context, repeat(unconditional, images)) : context;
  let memory: readonly F32[] = [];
  for (let index = first; index < schedule.timesteps.length; index++) {
    throwIfAborted(options.signal);
    // 3. What the network says at this noise level, [2 images, channels, height, width] under guidance.
    const said = await predict(session, role, guided ? stack(latents, latents) : latents, timestepAt(schedule, index), contexts, rows);
    // 4. Guidance: back to [images, channels, height, width].
    const output = guided ? guide(f32(latents.shape, said.data.subarray(0, latents.data.length)), f32(latents.shape, said.data.subarray(latents.data.length)), guidance) : said;
    // 5. One step nearer to the picture.
    const next = step({ schedule, index, output, sample: latents, eta, noise: eta > 0 ? (options.stepNoise?.(index) ?? null) : null, memory });
    latents = next.previous;
    memory = next.memory;
    options.onStep?.(index - first + 1, total, next.predictedOriginal);
  }
  return latents;
}
