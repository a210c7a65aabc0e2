/**
 * Stage 2's view of the networks: a picture of (z, c) under one noise, its features, and their gradients with respect to z and c.
 * What is optimised and how is `refine.ts`.
 */
import { UserError } from '../../common/errors.ts';
import type { RefineChoice, SamplerChoice } from '../../common/recipe.ts';
import { f32 } from '../../common/ndarray.ts';
import type { F32 } from '../../common/ndarray.ts';
import type { Pack } from '../runtime/models.ts';
import type { Session } from '../runtime/session.ts';
import { adjoint } from './adjoint.ts';
import type { UnetGradient } from './adjoint.ts';
import { encoderInput } from './encoder-input.ts';
import type { GradientSessions } from './gradient-session.ts';
import { pictureFeatures } from './picture-features.ts';
import { firstStep, noiseIndex, sample } from './sample.ts';
import type { Visit } from './sample.ts';
import type { UnetRole } from '../runtime/pack-description.ts';
import { levelsAt, makeSchedule } from './schedule.ts';
import type { Schedule, ScheduleConfig } from './schedule.ts';
import { SCHEDULERS } from './schedulers/index.ts';
import { rowsPerRun } from './unet.ts';

export interface RefinerOptions {
  readonly pack: Pack;
  readonly unet: Session;
  readonly decoder: Session;
  readonly encoder: Session;
  readonly gradients: GradientSessions;
  readonly config: ScheduleConfig;
  readonly sampler: SamplerChoice;
  readonly refine: RefineChoice;
  /** `[1, tokens, width]` */
  readonly unconditional: F32;
  /** Images that are refined side by side. */
  readonly images: number;
}

export interface Pass {
  readonly latents: F32;
  /** Decoder values, `[images, 3, side, side]`. */
  readonly values: F32;
  readonly features: F32;
  /** Gradients with respect to z and, if c is adjusted, c, given that of the features. */
  gradient(features: F32, signal: AbortSignal): Promise<{ readonly z: F32; readonly c: F32 | null }>;
}

export interface Refiner {
  /** z, noise `[images, channels, height, width]`, c `[images, tokens, width]`. */
  pass(z: F32, c: F32, noise: F32, signal: AbortSignal): Promise<Pass>;
  /**
   * One walk whose first steps are pushed down the gradient of a loss of the predicted clean sample (method.md 4.3 D, normalised): returns the final latents.
   * `judge` gets values and features of that sample at each pushed step and answers the gradient of the loss.
   */
  guided(z: F32, c: F32, noise: F32, judge: (values: F32, features: F32) => Promise<F32>, signal: AbortSignal): Promise<F32>;
  /** Calls of the network per walk, and those that are pushed in mode `guided`. */
  readonly calls: { readonly walk: number; readonly pushed: number };
}

/** Pictures per run of the gradient networks: large ones one at a time. */
export const rowsFor = (pixels: number, images: number): number => (pixels > 256 ? 1 : images);

/** Rows of one run of the UNet's gradient: images, twice where both branches of the guidance are differentiated. */
export function gradientRows(sampler: SamplerChoice, refine: RefineChoice, latentShape: readonly number[], images: number): number {
  return Math.min(rowsPerRun(latentShape), (sampler.guidance !== 1 && refine.mode !== 'conditional' ? 2 : 1) * images);
}

/** Steps of MindDiffuser's 50 by which its noise is stronger than the first step expects (method.md 0, fact 6). */
export function noiseLead(sampler: SamplerChoice, steps = sampler.steps): number {
  return sampler.noise === 'as-published' ? Math.max(1, Math.round((3 * steps) / 50)) : 0;
}

export function makeRefiner({ pack, unet, decoder, encoder, gradients, config, sampler, refine, unconditional, images }: RefinerOptions): Refiner {
  const { roles } = pack, role = roles.unet, latentShape = sampler.side === null ? pack.latentShape : [pack.latentShape[0] ?? 4, sampler.side, sampler.side];
  const side = Math.round(pack.pixels * ((latentShape[1] ?? 1) / (pack.latentShape[1] ?? 1)));
  const steps = refine.mode === 'coarse' ? Math.min(refine.coarseSteps, sampler.steps) : sampler.steps, schedule: Schedule = makeSchedule(config, steps);
  const scheduler = SCHEDULERS[sampler.scheduler], lead = noiseLead(sampler, steps), first = firstStep(schedule, sampler.strength);
  const branches = refine.mode === 'conditional' ? 'conditional' : 'both';
  const rows = gradientRows(sampler, refine, latentShape, images), wantsContext = refine.c && refine.mode !== 'guided';
  const pictures = pictureFeatures({ pack, decoder, encoder, gradients, input: encoderInput(side, roles.imageEncoder, refine.clamp), latentShape, rows: rowsFor(side, images) });
  const unetGradient = (): Promise<UnetGradient> => gradients.open('unet', {
    wrt: [role.sample, ...(wantsContext ? [role.context] : [])], of: [role.output],
    shapes: { [role.sample]: [rows, ...latentShape], [role.timestep]: timeShape(unet.inputs, role, rows), [role.context]: [rows, pack.contextLength, roles.textEncoder.width] },
  }).then((session) => ({ session, role, rows, context: wantsContext }));
  const walk = { schedule, scheduler: sampler.scheduler, strength: sampler.strength, guidance: sampler.guidance, noiseLead: lead };
  const walked = schedule.timesteps.length - first, pushed = refine.mode === 'guided' ? Math.max(1, Math.round(refine.guidedShare * walked)) : 0;
  const signalOf = Math.sqrt(levelsAt(schedule, noiseIndex(first, lead)).now);
  return {
    calls: { walk: walked + (scheduler.tries && walked > 1 ? 1 : 0), pushed },
    pass: async (z, c, noise, signal) => {
      const visits: Visit[] = [];
      const latents = await sample(unet, role, z, noise, c, unconditional, { ...walk, signal, onVisit: (visit) => { visits.push(visit); } });
      const { values, features } = await pictures.look(latents);
      return {
        latents, values, features,
        gradient: async (gradient, stop) => {
          const final = await pictures.back(latents, values, gradient);
          const { start, context } = await adjoint(await unetGradient(), visits, final, c, unconditional, {
            schedule, scheduler, guidance: sampler.guidance, branches, last: refine.mode === 'truncated' ? refine.lastSteps : null, signal: stop,
          });
          return { z: f32(z.shape, start.data.map((value) => signalOf * value)), c: context };
        },
      };
    },
    guided: async (z, c, noise, judge, signal) => {
      if (config.prediction !== 'epsilon') throw new UserError('unsupported', `the mode "guided" is for networks that predict noise; this one predicts ${config.prediction}`, { expected: 'epsilon', found: config.prediction, fix: 'Choose another gradient mode.' });
      let done = 0;
      return sample(unet, role, z, noise, c, unconditional, {
        ...walk, signal,
        steer: async (visit, output) => {
          if (done++ >= pushed) return output;
          const index = schedule.timesteps.indexOf(visit.timestep), { now } = levelsAt(schedule, index), keep = Math.sqrt(now), sigma = Math.sqrt(1 - now);
          // 1. The clean sample that the output means, its picture, and the loss's gradient there.
          const clean = f32(output.shape, output.data.map((e, i) => (visit.sample.data[i]! - sigma * e) / keep));
          const { values, features } = await pictures.look(clean);
          const gradient = await pictures.back(clean, values, await judge(values, features));
          // 2. With respect to the noisy sample: directly, and through the network.
          const through = await adjoint(await unetGradient(), [{ ...visit, index, corrects: false, remembered: 0 }], gradient, c, unconditional, { schedule, scheduler: { title: 'clean', tries: false, step: cleanStep }, guidance: sampler.guidance, branches: 'both', last: null, signal });
          return push(output, through.start, sigma * refine.guidedScale);
        },
      });
    },
  };
}

/** "Step" whose next sample is the clean one: its adjoint is that of the prediction. */
const cleanStep: (typeof SCHEDULERS)['ddim']['step'] = (input) => {
  const result = SCHEDULERS.ddim.step(input);
  return { ...result, previous: result.predictedOriginal };
};

/** e + share |e| g / |g| for each image: up the gradient in the noise is down the loss in the sample. */
function push(output: F32, gradient: F32, share: number): F32 {
  const images = output.shape[0] ?? 0, width = images === 0 ? 0 : output.data.length / images, data = output.data.slice();
  const norm = (array: Float32Array, n: number): number => Math.sqrt(array.subarray(n * width, (n + 1) * width).reduce((sum, value) => sum + value * value, 0));
  for (let n = 0; n < images; n++) {
    const along = norm(gradient.data, n), gain = along === 0 ? 0 : (share * norm(output.data, n)) / along;
    for (let i = n * width; i < (n + 1) * width; i++) data[i] = data[i]! + gain * gradient.data[i]!;
  }
  return f32(output.shape, data);
}

/** A timestep is a number, one for all rows, or, where the network gives its extent the name of the sample's rows, one for each. */
export function timeShape(inputs: readonly { readonly name: string; readonly shape: readonly (number | string | null)[] | null }[], role: Pick<UnetRole, 'sample' | 'timestep'>, rows: number): readonly number[] {
  const shapeOf = (name: string): readonly (number | string | null)[] => inputs.find((input) => input.name === name)?.shape ?? [null], time = shapeOf(role.timestep), [first] = time;
  return time.length === 0 ? [] : [typeof first === 'string' && first === shapeOf(role.sample)[0] ? rows : 1];
}
