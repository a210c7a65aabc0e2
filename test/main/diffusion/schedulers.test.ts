import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { f32, sizeOf } from '../../../common/ndarray.ts';
import type { F32 } from '../../../common/ndarray.ts';
import { random } from '../../../common/random.ts';
import { callsOf } from '../../../main/diffusion/sample.ts';
import { addNoise, betasOf, levelsAt, makeSchedule, scheduleConfig, STABLE_DIFFUSION } from '../../../main/diffusion/schedule.ts';
import { SCHEDULERS } from '../../../main/diffusion/schedulers/index.ts';
import type { SchedulerName } from '../../../common/recipe.ts';
import { expectClose } from '../../support/close.ts';

interface Loop {
  readonly scheduler: SchedulerName; readonly config: Readonly<Record<string, unknown>>; readonly steps: number; readonly eta: number; readonly skip: number; readonly timesteps: readonly number[];
  readonly noisedSum: number; readonly sum: number; readonly meanAbs: number; readonly at: readonly number[]; readonly values: readonly number[]; readonly lastOriginal?: readonly number[];
}
interface Golden { readonly shape: readonly number[]; readonly loops: readonly Loop[]; readonly spacings: readonly { readonly spacing: 'leading' | 'linspace' | 'trailing'; readonly steps: number; readonly timesteps: readonly number[] }[] }
const golden = JSON.parse(readFileSync(new URL('../../golden/diffusion/schedulers.json', import.meta.url), 'utf8')) as Golden;

/** The reference holds alphas and samples in float32; up to fifty steps add up. */
const LOOP = { absolute: 2e-5, relative: 2e-5 };
/** Published values have five digits (method.md 8.1). */
const PUBLISHED = 1e-5;

const wave = (phase: number, scale = 1): F32 => f32(golden.shape, Float32Array.from({ length: sizeOf(golden.shape) }, (_, k) => scale * Math.sin(0.61 * k + phase)));
const toy = (sample: F32, t: number): F32 => f32(sample.shape, sample.data.map((x) => 0.4 * x + (0.1 * Math.cos(x) * t) / 1000));

describe('the schedule', () => {
  it.each([[1, 0.9983], [681, 0.09464], [741, 0.06036], [801, 0.03655], [981, 0.00578], [0, 0.99915], [999, 0.00466]])('has the published alpha at t = %s', (t, alpha) => {
    expectClose(makeSchedule(STABLE_DIFFUSION, 50).alphaBars[t] ?? Number.NaN, alpha, { absolute: PUBLISHED });
  });

  it.each(golden.spacings.map((entry) => [entry.spacing, entry.steps, entry] as const))('walks the timesteps of %s spacing with %s steps', (spacing, steps, entry) => {
    expect(makeSchedule({ ...STABLE_DIFFUSION, spacing }, steps).timesteps).toEqual(entry.timesteps);
  });

  it('takes the levels between steps from the list itself', () => {
    for (const spacing of ['leading', 'linspace', 'trailing'] as const) {
      const schedule = makeSchedule({ ...STABLE_DIFFUSION, spacing }, 7);
      const levels = schedule.timesteps.map((_, index) => levelsAt(schedule, index));
      levels.slice(1).forEach((level, k) => expect(level.now).toBe(levels[k]?.next));
      expect(levels.at(-1)?.next).toBe(schedule.alphaBars[0]);
    }
  });

  it('refuses steps that leave the training range', () => {
    expect(() => makeSchedule(STABLE_DIFFUSION, 1000)).toThrow(/timestep 1000/);
    expect(() => makeSchedule(STABLE_DIFFUSION, 0)).toThrow(/0 steps/);
    expect(() => levelsAt(makeSchedule(STABLE_DIFFUSION, 10), 10)).toThrow(/no step 10/);
  });

  it('reads a scheduler configuration and names what it refuses', () => {
    const raw = golden.loops[0]?.config ?? {};
    expect(scheduleConfig(raw)).toEqual(STABLE_DIFFUSION);
    expect(() => scheduleConfig({ ...raw, beta_schedule: 'squaredcos_cap_v2' })).toThrow(/"beta_schedule" should be one of linear, scaled_linear/);
    expect(() => scheduleConfig({ ...raw, clip_sample: true })).toThrow(/clip_sample/);
    expect(() => scheduleConfig({ ...raw, beta_end: undefined })).toThrow(/beta_end/);
    expect(betasOf(STABLE_DIFFUSION).at(-1)).toBeCloseTo(0.012, 12);
  });
});

describe('full loops on a toy network are those of diffusers', () => {
  it.each(golden.loops.map((loop) => [`${loop.scheduler} ${loop.steps} steps from ${loop.skip}, eta ${loop.eta}, ${String(loop.config['prediction_type'])}, ${String(loop.config['timestep_spacing'])}, ${String(loop.config['beta_schedule'])}, offset ${String(loop.config['steps_offset'])}, one ${String(loop.config['set_alpha_to_one'])}`, loop] as const))('%s', (_, loop) => {
    const schedule = makeSchedule(scheduleConfig(loop.config), loop.steps);
    expect(schedule.timesteps).toEqual(loop.timesteps);
    let sample = addNoise(schedule, loop.skip, wave(0.2), wave(1.3, 1.2)), memory: readonly F32[] = [], original = sample;
    expectClose(sample.data.reduce((sum, x) => sum + x, 0), loop.noisedSum, { absolute: LOOP.absolute * sample.data.length });
    const { step, tries } = SCHEDULERS[loop.scheduler];
    for (const { index, timestep, corrects } of callsOf(schedule, loop.skip, tries)) {
      const result = step({ schedule, index, output: toy(sample, timestep), sample, eta: loop.eta, noise: loop.eta > 0 ? wave(2 + index) : null, memory, corrects });
      ({ previous: sample, memory, predictedOriginal: original } = result);
    }
    expectClose(loop.at.map((k) => sample.data[k] ?? Number.NaN), loop.values, LOOP);
    if (loop.lastOriginal !== undefined) expectClose(loop.at.map((k) => original.data[k] ?? Number.NaN), loop.lastOriginal, LOOP);
    expectClose(sample.data.reduce((sum, x) => sum + x, 0), loop.sum, { absolute: LOOP.absolute * sample.data.length });
    expectClose(sample.data.reduce((sum, x) => sum + Math.abs(x), 0) / sample.data.length, loop.meanAbs, LOOP);
  });

  it('and every scheduler of the table has some', () => {
    expect(Object.keys(SCHEDULERS).filter((name) => golden.loops.filter((loop) => loop.scheduler === name).length < 2)).toEqual([]);
  });
});

describe('DDIM', () => {
  const seed = 11;
  const schedule = makeSchedule(STABLE_DIFFUSION, 10), source = random(seed);
  const draw = (): F32 => f32([1, 4, 4, 4], Float32Array.from({ length: 64 }, () => source.normal()));

  it('told the true noise, walks any noised latent back to where it came from', () => {
    const z = draw(), noise = draw();
    let sample = addNoise(schedule, 0, z, noise);
    for (let index = 0; index < 10; index++) sample = SCHEDULERS.ddim.step({ schedule, index, output: noise, sample, eta: 0, noise: null, memory: [] }).previous;
    const last = makeSchedule({ ...STABLE_DIFFUSION, spacing: 'linspace' }, 2); // its last timestep is 0
    // Float32 along ten steps; the last level is alphaBar_0, so a trace of noise remains.
    expectClose(sample.data, addNoise(last, 1, z, noise).data, { absolute: 2e-5 }, seed);
  });

  it('says so when eta needs noise that is not there', () => {
    const x = draw();
    expect(() => SCHEDULERS.ddim.step({ schedule, index: 0, output: x, sample: x, eta: 0.5, noise: null, memory: [] })).toThrow(/needs noise/);
  });
});
