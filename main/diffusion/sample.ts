/**
 * Stage 1: from a decoded latent z and a decoded text state c to the latent of a picture (method.md 3).
 *
 * Everything random is passed in, so that a run is repeated by storing its noise and not by hoping that two generators agree.
 */
import { throwIfAborted, UserError } from '../../common/errors.ts';
import type { SchedulerName } from '../../common/recipe.ts';
import { f32, sizeOf } from '../../common/ndarray.ts';
import type { F32 } from '../../common/ndarray.ts';
import type { UnetRole } from '../runtime/pack-description.ts';
import type { Session } from '../runtime/session.ts';
import { guide } from './guidance.ts';
import { addNoise } from './schedule.ts';
import type { Schedule } from './schedule.ts';
import { SCHEDULERS } from './schedulers/index.ts';
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
  /** Before each evaluation of the network: what the adjoint needs to come back this way. */
  readonly onVisit?: (visit: Visit) => void;
  /** Replaces what the network said, guidance applied, before the step is made. */
  readonly steer?: (visit: Visit, output: F32) => Promise<F32>;
}

/** One evaluation of the network: the step `index` of the schedule, asked at timestep `timestep`. */
export interface Call {
  readonly index: number;
  readonly timestep: number;
  readonly corrects: boolean;
}

export interface Visit extends Call {
  /** What the network was asked about, `[images, channels, height, width]`. */
  readonly sample: F32;
  /** Entries of the scheduler's memory. */
  readonly remembered: number;
}

/** The evaluations of a walk from step `first` on; a scheduler that tries makes its first step twice. */
export function callsOf(schedule: Schedule, first: number, tries: boolean): readonly Call[] {
  const calls = schedule.timesteps.slice(first).map((timestep, k): Call => ({ index: first + k, timestep, corrects: false })), [, second] = calls;
  return tries && second !== undefined ? [...calls.slice(0, 1), { ...second, index: first, corrects: true }, ...calls.slice(1)] : calls;
}

/** Index of the level to which z is noised: `noiseLead` steps above the first that is walked. */
export function noiseIndex(first: number, noiseLead: number): number {
  return Math.max(0, first - noiseLead);
}

/** Index of the first step that is walked. */
export function firstStep(schedule: Schedule, strength: number): number {
  if (!(strength > 0 && strength <= 1)) throw new UserError('bad-input', `strength ${strength} is not possible`, { expected: 'a number above 0 and at most 1', found: `${strength}` });
  const steps = schedule.timesteps.length;
  // 1e-9: 50 * 0.7 is 34.999... in floating point and means 35.
  return steps - Math.max(1, Math.min(steps, Math.floor(steps * strength + 1e-9)));
}

export function stack(first: F32, second: F32): F32 {
  const data = new Float32Array(first.data.length + second.data.length);
  data.set(first.data);
  data.set(second.data, first.data.length);
  return f32([(first.shape[0] ?? 0) + (second.shape[0] ?? 0), ...first.shape.slice(1)], data);
}

/** One context for every image. */
export function repeat(context: F32, count: number): F32 {
  const width = sizeOf(context.shape.slice(1)), data = new Float32Array(count * width);
  for (let n = 0; n < count; n++) data.set(context.data.subarray(0, width), n * width);
  return f32([count, ...context.shape.slice(1)], data);
}

/**
 * z, noise `[images, channels, height, width]`; context `[images, tokens, width]`; unconditional `[1, tokens, width]`, the states of the
 * empty text at the same length. Returns the final latents, scaled as z. Throws `CancelledError` between steps.
 */
export async function sample(session: Session, role: UnetRole, z: F32, noise: F32, context: F32, unconditional: F32, options: SampleOptions): Promise<F32> {
  const { schedule, guidance, eta = 0, noiseLead = 0 } = options, images = z.shape[0] ?? 0, scheduler = SCHEDULERS[options.scheduler ?? 'ddim'];
  if (context.shape[0] !== images) throw new RangeError(`${images} latents but ${context.shape[0] ?? 0} contexts`);
  if (unconditional.shape[1] !== context.shape[1] || unconditional.shape[2] !== context.shape[2]) throw new RangeError(`the unconditional context [${unconditional.shape.join(', ')}] does not fit [${context.shape.join(', ')}]`);
  const guided = guidance !== 1, rows = options.rows ?? rowsPerRun(z.shape.slice(1));
  // 1. Where the walk begins, and how strong the noise is there.
  const first = firstStep(schedule, options.strength), calls = callsOf(schedule, first, scheduler.tries);
  let latents = addNoise(schedule, noiseIndex(first, noiseLead), z, noise);
  // 2. Both branches side by side: conditional rows, then unconditional rows.
  const contexts = guided ? stack(context, repeat(unconditional, images)) : context;
  let memory: readonly F32[] = [];
  for (const [k, call] of calls.entries()) {
    throwIfAborted(options.signal);
    const visit: Visit = { ...call, sample: latents, remembered: memory.length };
    options.onVisit?.(visit);
    // 3. What the network says at this noise level, [2 images, channels, height, width] under guidance.
    const said = await predict(session, role, guided ? stack(latents, latents) : latents, call.timestep, contexts, rows);
    // 4. Guidance: back to [images, channels, height, width].
    const free = guided ? guide(f32(latents.shape, said.data.subarray(0, latents.data.length)), f32(latents.shape, said.data.subarray(latents.data.length)), guidance) : said;
    const output = options.steer === undefined ? free : await options.steer(visit, free);
    // 5. One step nearer to the picture.
    const next = scheduler.step({ schedule, index: call.index, output, sample: latents, eta, noise: eta > 0 ? (options.stepNoise?.(call.index) ?? null) : null, memory, corrects: call.corrects });
    latents = next.previous;
    memory = next.memory;
    options.onStep?.(k + 1, calls.length, next.predictedOriginal);
  }
  return latents;
}
