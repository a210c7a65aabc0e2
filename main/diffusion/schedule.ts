/**
 * Schedule: the noise levels that a sampler walks, computed once and never recomputed elsewhere.
 *
 * Notation: beta_i noise added at training step i, alphaBar_i = prod_{k<=i} (1 - beta_k) in float64, t_0 > t_1 > ... the timesteps walked.
 * Forward process: x_t = sqrt(alphaBar_t) z + sqrt(1 - alphaBar_t) noise.
 * Source: Ho et al. 2020; Rombach et al. 2022 ("scaled linear" betas); spacing as diffusers names it. The step before the last timestep is the
 * next entry of the list, and after the last comes `finalAlphaBar`; diffusers subtracts a fixed stride instead, which is the same
 * for leading spacing, and for trailing where the stride is whole.
 */
import { UserError } from '../../common/errors.ts';
import { f32 } from '../../common/ndarray.ts';
import type { F32 } from '../../common/ndarray.ts';

export type Prediction = 'epsilon' | 'v_prediction' | 'sample';
export type Spacing = 'leading' | 'linspace' | 'trailing';
export type BetaSchedule = 'linear' | 'scaled_linear';

export interface ScheduleConfig {
  readonly trainSteps: number;
  readonly betaStart: number;
  readonly betaEnd: number;
  readonly betas: BetaSchedule;
  readonly spacing: Spacing;
  /** Added to every timestep of leading spacing; 1 for Stable Diffusion. */
  readonly offset: number;
  /** What the last step lands on: 1, or alphaBar_0 (Stable Diffusion). */
  readonly finalAlphaOne: boolean;
  /** What the network predicts. */
  readonly prediction: Prediction;
}

/** Stable Diffusion v1. */
export const STABLE_DIFFUSION: ScheduleConfig = {
  trainSteps: 1000, betaStart: 0.00085, betaEnd: 0.012, betas: 'scaled_linear', spacing: 'leading', offset: 1, finalAlphaOne: false, prediction: 'epsilon',
};

export interface Schedule {
  readonly config: ScheduleConfig;
  /** Descending, `[steps]`. */
  readonly timesteps: readonly number[];
  /** alphaBar of every training step, `[trainSteps]`. */
  readonly alphaBars: Float64Array;
  readonly finalAlphaBar: number;
}

/** Half to even, as NumPy rounds. */
function roundEven(value: number): number {
  const floor = Math.floor(value), rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** beta_i, `[trainSteps]`. Scaled linear: squares of evenly spaced roots. */
export function betasOf({ trainSteps, betaStart, betaEnd, betas }: ScheduleConfig): Float64Array {
  return Float64Array.from({ length: trainSteps }, (_, i) => {
    const share = trainSteps === 1 ? 0 : i / (trainSteps - 1);
    if (betas === 'linear') return betaStart + share * (betaEnd - betaStart);
    return (Math.sqrt(betaStart) + share * (Math.sqrt(betaEnd) - Math.sqrt(betaStart))) ** 2;
  });
}

const TIMESTEPS: { readonly [S in Spacing]: (trainSteps: number, steps: number, offset: number) => number[] } = {
  leading: (train, steps, offset) => Array.from({ length: steps }, (_, k) => (steps - 1 - k) * Math.floor(train / steps) + offset),
  linspace: (train, steps) => Array.from({ length: steps }, (_, k) => roundEven(steps === 1 ? 0 : ((steps - 1 - k) * (train - 1)) / (steps - 1))),
  trailing: (train, steps) => Array.from({ length: steps }, (_, k) => roundEven(train - (k * train) / steps) - 1),
};

/** The levels for a number of steps. Throws `UserError` (`bad-input`) where they leave the training range. */
export function makeSchedule(config: ScheduleConfig, steps: number): Schedule {
  if (!Number.isInteger(steps) || steps < 1 || steps > config.trainSteps) {
    throw new UserError('bad-input', `the sampler cannot take ${steps} steps`, { expected: `a whole number from 1 to ${config.trainSteps}`, found: `${steps}`, fix: 'Choose another number of steps.' });
  }
  const timesteps = TIMESTEPS[config.spacing](config.trainSteps, steps, config.offset), first = timesteps[0] ?? 0;
  if (first >= config.trainSteps) throw new UserError('bad-input', `timestep ${first} is beyond the ${config.trainSteps} that the model was trained with`, { expected: `at most ${config.trainSteps - 1}`, found: `${first}`, fix: 'Choose fewer steps, or offset 0.' });
  const alphaBars = new Float64Array(config.trainSteps);
  let product = 1;
  betasOf(config).forEach((beta, i) => { product *= 1 - beta; alphaBars[i] = product; });
  return { config, timesteps, alphaBars, finalAlphaBar: config.finalAlphaOne ? 1 : (alphaBars[0] ?? 1) };
}

/** Timestep of an index of the walk. */
export function timestepAt(schedule: Schedule, index: number): number {
  const timestep = schedule.timesteps[index];
  if (timestep === undefined) throw new RangeError(`the schedule has ${schedule.timesteps.length} steps, no step ${index}`);
  return timestep;
}

/** alphaBar before step `index`, and after it. */
export function levelsAt(schedule: Schedule, index: number): { readonly now: number; readonly next: number } {
  const now = schedule.alphaBars[timestepAt(schedule, index)], after = schedule.timesteps[index + 1];
  const next = after === undefined ? schedule.finalAlphaBar : schedule.alphaBars[after];
  if (now === undefined || next === undefined) throw new RangeError(`step ${index} is outside the training range`);
  return { now, next };
}

/** x_t = sqrt(alphaBar_t) z + sqrt(1 - alphaBar_t) noise, for the timestep of an index; shapes equal. */
export function addNoise(schedule: Schedule, index: number, original: F32, noise: F32): F32 {
  if (noise.data.length !== original.data.length) throw new RangeError(`noise has ${noise.data.length} values, the latents ${original.data.length}`);
  const { now } = levelsAt(schedule, index), signal = Math.sqrt(now), sigma = Math.sqrt(1 - now);
  return f32(original.shape, original.data.map((value, i) => signal * value + sigma * noise.data[i]!));
}

/** The clean sample and the noise that a network's output means, at noise level alphaBar (Salimans and Ho 2022 for v). */
export function interpret(prediction: Prediction, alphaBar: number, output: number, sample: number): { readonly original: number; readonly noise: number } {
  const signal = Math.sqrt(alphaBar), sigma = Math.sqrt(1 - alphaBar);
  switch (prediction) {
    case 'epsilon': return { original: (sample - sigma * output) / signal, noise: output };
    case 'sample': return { original: output, noise: (sample - signal * output) / sigma };
    case 'v_prediction': return { original: signal * sample - sigma * output, noise: signal * output + sigma * sample };
    default: { const never: never = prediction; return never; }
  }
}

/** How each option is called in a `scheduler_config.json` of diffusers, and what its absence means there. */
export function scheduleConfig(raw: Readonly<Record<string, unknown>>, file = 'scheduler_config.json'): ScheduleConfig {
  const wrong = (key: string, expected: string): UserError => {
    const found = raw[key] === undefined ? 'nothing' : JSON.stringify(raw[key]);
    return new UserError('model-missing', `${file}: "${key}" should be ${expected}, found ${found}`, { file, expected: `"${key}": ${expected}`, found, fix: 'Use the scheduler configuration that belongs to the model.' });
  };
  const number = (key: string): number => { const value = raw[key]; if (typeof value !== 'number' || !Number.isFinite(value)) throw wrong(key, 'a number'); return value; };
  const choice = <T extends string>(key: string, choices: readonly T[], absent: T): T => {
    const value = raw[key] ?? absent, found = choices.find((item) => item === value);
    if (found === undefined) throw wrong(key, `one of ${choices.join(', ')}`);
    return found;
  };
  const flag = (key: string, absent: boolean): boolean => { const value = raw[key] ?? absent; if (typeof value !== 'boolean') throw wrong(key, 'true or false'); return value; };
  if (raw['trained_betas'] !== undefined && raw['trained_betas'] !== null) throw wrong('trained_betas', 'null (listed betas are not supported)');
  for (const key of ['clip_sample', 'thresholding', 'rescale_betas_zero_snr']) if (flag(key, false)) throw wrong(key, 'false (not meant for latents)');
  return {
    trainSteps: number('num_train_timesteps'), betaStart: number('beta_start'), betaEnd: number('beta_end'), betas: choice('beta_schedule', ['linear', 'scaled_linear'], 'linear'),
    spacing: choice('timestep_spacing', ['leading', 'linspace', 'trailing'], 'leading'), offset: raw['steps_offset'] === undefined ? 0 : number('steps_offset'),
    finalAlphaOne: flag('set_alpha_to_one', false), prediction: choice('prediction_type', ['epsilon', 'v_prediction', 'sample'], 'epsilon'),
  };
}
