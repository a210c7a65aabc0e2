/** The small parts of stage 2, each against a route of its own: closed forms, slow loops, differences. */
import { describe, expect, it } from 'vitest';
import { f32, ndarray, sizeOf } from '../../../common/ndarray.ts';
import type { F32 } from '../../../common/ndarray.ts';
import { random } from '../../../common/random.ts';
import { adamStep, noMoments } from '../../../main/diffusion/adam.ts';
import { encoderInput } from '../../../main/diffusion/encoder-input.ts';
import { FEATURE_LOSSES, keptUnits } from '../../../main/diffusion/feature-loss.ts';
import type { LossFacts } from '../../../main/diffusion/feature-loss.ts';
import { noiseLead } from '../../../main/diffusion/refiner.ts';
import { callsOf } from '../../../main/diffusion/sample.ts';
import { makeSchedule, STABLE_DIFFUSION } from '../../../main/diffusion/schedule.ts';
import { weightsOf } from '../../../main/diffusion/schedulers/coefficients.ts';
import { SCHEDULERS } from '../../../main/diffusion/schedulers/index.ts';
import { preprocess } from '../../../main/clip/preprocess.ts';
import { DEFAULT_RECIPE } from '../../../common/recipe.ts';
import { expectClose } from '../../support/close.ts';

const SEED = 17;
/** Sums of a few float32 numbers of order one. */
const ROUNDING = { absolute: 5e-6 };

describe('a scheduler\'s step', () => {
  it.each(Object.entries(SCHEDULERS))('%s is the linear map that its weights say, memory included', (_, scheduler) => {
    const schedule = makeSchedule(STABLE_DIFFUSION, 7), source = random(SEED), draw = (): F32 => f32([5], Float32Array.from({ length: 5 }, () => source.normal()));
    let memory: readonly F32[] = [], sample = draw();
    for (const call of callsOf(schedule, 2, scheduler.tries)) {
      const output = draw(), inputs = [sample, output, ...memory], weights = weightsOf(scheduler.step, schedule, call.index, memory.length, call.corrects);
      const result = scheduler.step({ schedule, index: call.index, output, sample, eta: 0, noise: null, memory, corrects: call.corrects });
      const combined = (w: Float32Array): number[] => Array.from({ length: 5 }, (__, i) => inputs.reduce((sum, each, k) => sum + (w[k] ?? 0) * (each.data[i] ?? 0), 0));
      expectClose(result.previous.data, combined(weights.previous), { absolute: 2e-5 }, SEED);
      expectClose(result.predictedOriginal.data, combined(weights.original), { absolute: 1e-4 }, SEED); // divided by the smallest signal, 0.07
      expect(weights.memory).toHaveLength(result.memory.length);
      result.memory.forEach((each, k) => { expectClose(each.data, combined(weights.memory[k] ?? new Float32Array(0)), { absolute: 1e-4 }, SEED); });
      ({ previous: sample, memory } = result);
    }
  });

  it('PNDM makes its first step twice, and 50 steps cost 51 evaluations', () => {
    const schedule = makeSchedule(STABLE_DIFFUSION, 50);
    expect(callsOf(schedule, 0, true)).toHaveLength(51);
    expect(callsOf(schedule, 0, true).slice(0, 3).map(({ index, timestep, corrects }) => [index, timestep, corrects])).toEqual([[0, 981, false], [0, 961, true], [1, 961, false]]);
    expect(callsOf(schedule, 49, true)).toHaveLength(1);
  });
});

it('the noise as published is three steps of fifty stronger than consistent', () => {
  const sampler = { ...DEFAULT_RECIPE.sampler, steps: 50 };
  expect([noiseLead(sampler), noiseLead({ ...sampler, noise: 'as-published' }), noiseLead({ ...sampler, steps: 10, noise: 'as-published' })]).toEqual([0, 3, 1]);
});

it('Adam is its own recursion written out in double precision', () => {
  const gradients = [[0.5, -2], [0.1, 3], [-1, 1e-3]], rate = 0.03;
  let x: Float32Array = Float32Array.of(1, -1), moments = noMoments(2);
  const m = [0, 0], v = [0, 0], slow = [1, -1];
  gradients.forEach((g, k) => {
    ({ x, moments } = adamStep(x, Float32Array.from(g), moments, k + 1, rate, () => true));
    g.forEach((each, i) => {
      m[i] = 0.9 * (m[i] ?? 0) + 0.1 * each;
      v[i] = 0.999 * (v[i] ?? 0) + 0.001 * each * each;
      slow[i] = (slow[i] ?? 0) - (rate * ((m[i] ?? 0) / (1 - 0.9 ** (k + 1)))) / (Math.sqrt((v[i] ?? 0) / (1 - 0.999 ** (k + 1))) + 1e-8);
    });
  });
  expectClose(x, slow, ROUNDING);
  expect(adamStep(x, Float32Array.of(9, 9), moments, 4, rate, (i) => i === 0).x[1]).toBe(x[1]);
});

describe('the losses', () => {
  const source = random(SEED + 1), layers = 3, units = 8, draw = (scale = 1): Float32Array => Float32Array.from({ length: layers * units }, () => scale * source.normal());
  const facts: LossFacts = { layers, mean: draw(), deviation: draw().map((x) => Math.abs(x) + 0.1), r: draw(0.5), matched: false, keptShare: 1 }, target = draw(), features = draw();

  it('published is the sum of its terms', () => {
    const kept = keptUnits(facts, 0.25), masked = target.map((t, u) => t * (kept[u] ?? 0));
    const norms = Array.from({ length: layers }, (_, i) => Math.hypot(...masked.slice(i * units, (i + 1) * units))), total = norms.reduce((sum, n) => sum + 1 / n, 0);
    let expected = 0;
    for (let i = 0; i < layers; i++) {
      let sum = 0;
      for (let u = i * units; u < (i + 1) * units; u++) sum += ((masked[u] ?? 0) - (kept[u] ?? 0) * (features[u] ?? 0)) ** 2;
      expected += (1 / (norms[i] ?? 1) / total) * ([1.5, 1.2, 1][i] ?? 1) * (sum / units);
    }
    expectClose(FEATURE_LOSSES.published(facts, target)(features).value, expected, { relative: 1e-6 });
    for (let i = 0; i < layers; i++) expect(kept.slice(i * units, (i + 1) * units).reduce((sum, k) => sum + k, 0)).toBe(units / 4);
  });

  it('z-units weighs squared differences in SD by squared accuracy', () => {
    let sum = 0, weights = 0;
    features.forEach((g, u) => { const w = Math.max(facts.r?.[u] ?? 0, 0) ** 2; weights += w; sum += w * (((target[u] ?? 0) - g) / (facts.deviation[u] ?? 1)) ** 2; });
    expectClose(FEATURE_LOSSES['z-units'](facts, target)(features).value, sum / weights, { relative: 1e-6 });
  });

  it('z-units counts the best decoded share of each layer\'s units', () => {
    const keptShare = 0.5, r = Float32Array.from({ length: layers * units }, (_, u) => 0.05 + (0.9 * ((7 * u) % units)) / units); // each layer a different order of 8 values
    let sum = 0, weights = 0;
    for (let layer = 0; layer < layers; layer++) {
      const best = Array.from({ length: units }, (_, u) => layer * units + u).sort((a, b) => (r[b] ?? 0) - (r[a] ?? 0)).slice(0, units * keptShare);
      for (const u of best) { const w = (r[u] ?? 0) ** 2; weights += w; sum += w * (((target[u] ?? 0) - (features[u] ?? 0)) / (facts.deviation[u] ?? 1)) ** 2; }
    }
    const loss = FEATURE_LOSSES['z-units']({ ...facts, r, keptShare }, target), all = FEATURE_LOSSES['z-units']({ ...facts, r }, target);
    expectClose(loss(features).value, sum / weights, { relative: 1e-6 });
    expect(loss(features).gradient.filter((g) => g !== 0)).toHaveLength(layers * units * keptShare);
    expect(loss.left).toBeLessThan(all.left);
  });

  it.each([[0.1, 1], [0.3, 3], [0.25, 3], [0.01, 1], [1, 10]])('a share of %f of ten units is %i of them', (share, kept) => {
    const facts = { layers: 1, mean: new Float32Array(10), r: Float32Array.from({ length: 10 }, (_, u) => (u + 1) / 11) };
    expect(keptUnits(facts, share).reduce((sum, each) => sum + each, 0)).toBe(kept);
  });

  it.each(Object.entries(FEATURE_LOSSES))('%s has the gradient of its value, and none at the target', (_, make) => {
    const loss = make(facts, target), { gradient } = loss(features), h = 1e-3;
    const slopes = Array.from(features, (g, u) => { const at = (by: number): number => loss(features.map((each, k) => (k === u ? g + by : each))).value; return (at(h) - at(-h)) / (2 * h); });
    expectClose(gradient, slopes, { absolute: 1e-3 * Math.max(...slopes.map(Math.abs)) }, SEED + 1); // features are float32: a step of 1e-3 is good to four digits
    const own = loss(target);
    expect(own.value).toBe(0);
    expect(own.gradient.every((g) => g === 0)).toBe(true);
  });

  // By drawing: y of SD sigma about mu, ridge's prediction p of SD r sigma with y - p independent of it, or p / r for full contrast.
  it.each([['published', false, 1], ['z-units', false, 1], ['z-units', true, 1], ['z-units', true, 0.25]] as const)('%s says what is left at the truth (contrast restored: %s, share %s)', (name, matched, keptShare) => {
    const known: LossFacts = { ...facts, keptShare, r: Float32Array.from({ length: layers * units }, (_, u) => 0.3 + 0.02 * u), matched }, draws = random(SEED + 3), DRAWS = 4000;
    let loss = 0, left = 0;
    for (let k = 0; k < DRAWS; k++) {
      const truth = new Float32Array(layers * units), decoded = new Float32Array(layers * units);
      for (let u = 0; u < truth.length; u++) {
        const r = known.r?.[u] ?? 0, sd = known.deviation[u] ?? 1, p = r * sd * draws.normal();
        truth[u] = (known.mean[u] ?? 0) + p + Math.sqrt(1 - r * r) * sd * draws.normal();
        decoded[u] = (known.mean[u] ?? 0) + (matched ? p / r : p);
      }
      const made = FEATURE_LOSSES[name](known, decoded);
      loss += made(truth).value;
      left += made.left;
    }
    // 24 squared normals a draw, 6 where a quarter counts: the mean of 4000 is good to 1 %, unequal weights taken as twice that.
    expect(Math.abs(loss / left - 1), `seed ${SEED + 3}`).toBeLessThan(0.03);
    expect(FEATURE_LOSSES[name]({ ...known, r: null }, target).left).toBe(0);
  });

  it('count all units that vary alike where nothing can be decoded', () => {
    const flat = FEATURE_LOSSES['z-units']({ ...facts, r: new Float32Array(layers * units).fill(-1) }, target)(features).value;
    expectClose(flat, features.reduce((sum, g, u) => sum + (((target[u] ?? 0) - g) / (facts.deviation[u] ?? 1)) ** 2, 0) / (layers * units), { relative: 1e-6 });
  });
});

describe('the way from decoder values to the encoder\'s input', () => {
  const role = { pixels: 7, mean: [0.48, 0.46, 0.41], std: [0.27, 0.26, 0.28], resample: 'bicubic' as const }, side = 18, source = random(SEED + 2);
  const values = f32([1, 3, side, side], Float32Array.from({ length: 3 * side * side }, () => source.between(-1.2, 1.2)));

  it('is what pictures go through, but for rounding to bytes', () => {
    const picture = ndarray('uint8', [1, side, side, 3], Uint8Array.from({ length: side * side * 3 }, (_, k) => Math.round(255 * Math.min(1, Math.max(0, (values.data[(k % 3) * side * side + Math.floor(k / 3)] ?? 0) / 2 + 0.5)))));
    // A byte is 1/255; it is rounded three times on the way.
    expectClose(encoderInput(side, role, 'exact').forward(values).data, preprocess(picture, role).data, { absolute: (2.5 / 255) / 0.26 }, SEED + 2);
  });

  it.each(['exact', 'through'] as const)('has the transpose of its own slope; saturated pixels: %s', (clamp) => {
    const input = encoderInput(side, role, clamp), cotangent = f32([1, 3, 7, 7], Float32Array.from({ length: 3 * 49 }, () => source.normal())), gradient = input.backward(values, cotangent), h = 1e-2;
    const dot = (a: F32): number => a.data.reduce((sum, x, i) => sum + x * (cotangent.data[i] ?? 0), 0);
    for (let k = 0; k < 40; k++) {
      const at = source.integer(sizeOf(values.shape)), x = values.data[at] ?? 0, moved = (by: number): F32 => f32(values.shape, values.data.map((each, i) => (i === at ? each + by : each)));
      if (Math.abs(Math.abs(x) - 1) < 2 * h) continue; // the kink
      const slope = (dot(input.forward(moved(h))) - dot(input.forward(moved(-h)))) / (2 * h);
      if (Math.abs(x) > 1) { expect(slope).toBe(0); if (clamp === 'exact') expect(gradient.data[at]).toBe(0); else expect(gradient.data[at]).not.toBe(0); }
      else expectClose(gradient.data[at] ?? 0, slope, { absolute: 2e-3 }, SEED + 2);
    }
  });
});
