/**
 * The way back through a walk: gradients with respect to z and c from the gradient with respect to the final latents (method.md 4.2).
 *
 * x_i      latents that the network was asked about at call i, stored on the way forward (no other activation is kept)
 * step     next = A x_i + B e_i + sum over memory k of M_k m_k, and likewise each entry of the memory that is handed on (`coefficients.ts`)
 * e_i      guided output: w e(x_i, t, c) + (1 - w) e(x_i, t, c0)
 *
 *   cotangent of e:  h = B g + sum_k b_k g_k       (g of next, g_k of the memory handed on)
 *   g <- A g + sum_k a_k g_k + J_x'(w h; (1 - w) h),   dL/dc += J_c'(w h) of the conditional branch
 *   dL/dz = sqrt(alphaBar of the noised level) g
 *
 * Float32 as the networks; sums of two float32 numbers at a time. A branch whose factor is 0 is not run.
 */
import { throwIfAborted, UserError } from '../../common/errors.ts';
import { f32, isDType, zeros } from '../../common/ndarray.ts';
import type { F32, NdArray } from '../../common/ndarray.ts';
import type { UnetRole } from '../runtime/pack-description.ts';
import type { Session } from '../runtime/session.ts';
import { filledRows, inRuns, putRows } from './chunk.ts';
import { repeat, stack } from './sample.ts';
import type { Visit } from './sample.ts';
import type { Schedule } from './schedule.ts';
import { weightsOf } from './schedulers/coefficients.ts';
import type { Scheduler } from './schedulers/scheduler.ts';
import { timeFeed } from './unet.ts';

export interface AdjointOptions {
  readonly schedule: Schedule;
  readonly scheduler: Scheduler;
  readonly guidance: number;
  /** `conditional` leaves out the Jacobian of the unconditional branch (biased unless guidance is 1). */
  readonly branches: 'both' | 'conditional';
  /** Calls at the end of the walk whose network is differentiated; the earlier ones keep only their linear path. Null = all. */
  readonly last: number | null;
  readonly signal?: AbortSignal | undefined;
}

/** Session of the UNet with its vector-Jacobian product, for `rows` rows. `context` is false if it gives no gradient of the context. */
export interface UnetGradient {
  readonly session: Session;
  readonly role: UnetRole;
  readonly rows: number;
  readonly context: boolean;
}

interface Pulled { readonly sample: F32; readonly context: F32 | null }

function answer(results: Readonly<Record<string, NdArray>>, name: string): F32 {
  const value = results[name];
  if (value === undefined || !isDType(value, 'float32')) throw new UserError('model-missing', `the UNet's gradient has no float32 output "${name}"`, { expected: name, found: Object.keys(results).join(', ') });
  return value;
}

/** J' h of every row, in runs of the session's size. */
async function pull({ session, role, rows, context }: UnetGradient, sample: F32, timestep: number, contexts: F32, cotangent: F32): Promise<Pulled> {
  const total = sample.shape[0] ?? 0, pulled = { sample: zeros('float32', sample.shape), context: context ? zeros('float32', contexts.shape) : null };
  const time = timeFeed(session.inputs.find((input) => input.name === role.timestep), timestep);
  const [forSample, forContext] = [`${role.sample}_grad`, `${role.context}_grad`];
  await inRuns(total, rows, async (from, counted) => {
    const results = await session.run({
      [role.sample]: filledRows(sample, from, rows), [role.timestep]: time, [role.context]: filledRows(contexts, from, rows), [`${role.output}_grad`]: filledRows(cotangent, from, rows),
    }, { outputs: context ? [forSample, forContext] : [forSample] });
    putRows(pulled.sample, answer(results, forSample), from, counted);
    if (pulled.context !== null) putRows(pulled.context, answer(results, forContext), from, counted);
  });
  return pulled;
}

/** into += weight * from */
function addScaled(into: Float32Array, from: Float32Array, weight: number): void {
  if (weight === 0) return;
  for (let i = 0; i < into.length; i++) into[i] = into[i]! + weight * from[i]!;
}

const scaled = (array: F32, weight: number): F32 => f32(array.shape, array.data.map((value) => weight * value));

export interface WalkGradient {
  /** With respect to the noised latents that the walk began with, `[images, channels, height, width]`. */
  readonly start: F32;
  /** With respect to the conditional context, `[images, tokens, width]`; null if the session gives none. */
  readonly context: F32 | null;
}

/**
 * `visits` in the order of the walk; `gradient` of the final latents; contexts as `sample` had them. With eta 0 only. Throws `CancelledError` between
 * calls.
 */
export async function adjoint(unet: UnetGradient, visits: readonly Visit[], gradient: F32, context: F32, unconditional: F32, options: AdjointOptions): Promise<WalkGradient> {
  const { schedule, scheduler, guidance, branches, last } = options, images = gradient.shape[0] ?? 0, size = gradient.data.length;
  const conditional = guidance, free = branches === 'both' ? 1 - guidance : 0;
  const total = unet.context ? zeros('float32', context.shape) : null;
  const contexts = free === 0 ? context : stack(context, repeat(unconditional, images));
  let g: F32 = gradient;
  let memory: readonly F32[] = [];
  for (const [k, visit] of [...visits.entries()].reverse()) {
    throwIfAborted(options.signal);
    const weights = weightsOf(scheduler.step, schedule, visit.index, visit.remembered, visit.corrects);
    // 1. What flows to each input of the step, through the next sample and through the memory handed on.
    const into = Array.from({ length: 2 + visit.remembered }, (_, input) => {
      const sum = new Float32Array(size);
      addScaled(sum, g.data, weights.previous[input] ?? 0);
      memory.forEach((each, entry) => { addScaled(sum, each.data, weights.memory[entry]?.[input] ?? 0); });
      return f32(gradient.shape, sum);
    });
    const [toSample = gradient, toOutput = gradient, ...toMemory] = into;
    // 2. Through the network.
    if (last === null || k >= visits.length - last) {
      const cotangent = free === 0 ? scaled(toOutput, conditional) : stack(scaled(toOutput, conditional), scaled(toOutput, free));
      const pulled = await pull(unet, free === 0 ? visit.sample : stack(visit.sample, visit.sample), visit.timestep, contexts, cotangent);
      addScaled(toSample.data, pulled.sample.data.subarray(0, size), 1);
      if (free !== 0) addScaled(toSample.data, pulled.sample.data.subarray(size), 1);
      if (total !== null && pulled.context !== null) addScaled(total.data, pulled.context.data.subarray(0, total.data.length), 1);
    }
    g = toSample;
    memory = toMemory;
  }
  return { start: g, context: total };
}
