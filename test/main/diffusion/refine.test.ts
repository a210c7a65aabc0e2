/** Stage 2 on the demo pack: gradients of the whole loss by finite differences, and what the loop promises. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { f32, rows, sizeOf } from '../../../common/ndarray.ts';
import type { F32 } from '../../../common/ndarray.ts';
import { refineCost, samplerCost } from '../../../common/gradient-modes.ts';
import { fillNormal, random } from '../../../common/random.ts';
import { DEFAULT_RECIPE, DEFAULT_REFINE, finalistIterations } from '../../../common/recipe.ts';
import type { GradientMode, RefineChoice, SamplerChoice } from '../../../common/recipe.ts';
import { FEATURE_LOSSES } from '../../../main/diffusion/feature-loss.ts';
import type { FeatureLoss } from '../../../main/diffusion/feature-loss.ts';
import { initialState, refineOnce } from '../../../main/diffusion/refine.ts';
import type { RefineTargets, Searches } from '../../../main/diffusion/refine.ts';
import { gradientSessions } from '../../../main/diffusion/gradient-session.ts';
import type { GradientSessions } from '../../../main/diffusion/gradient-session.ts';
import { makeRefiner } from '../../../main/diffusion/refiner.ts';
import type { Refiner } from '../../../main/diffusion/refiner.ts';
import { valueAxes } from '../../../main/diffusion/search-axes.ts';
import { scheduleConfig } from '../../../main/diffusion/schedule.ts';
import { SCHEDULERS } from '../../../main/diffusion/schedulers/index.ts';
import type { SchedulerName } from '../../../common/recipe.ts';
import { openPack, openRole } from '../../../main/runtime/models.ts';
import type { Pack } from '../../../main/runtime/models.ts';
import type { Session } from '../../../main/runtime/session.ts';
import { expectClose } from '../../support/close.ts';

const SEED = 23;
const DIRECTIONS = 20;
/** The bound; the loss is float32 through some 7 network evaluations, each good to about 1e-6 of its values. */
const FINITE = 1e-2;
/** Length of a step along a unit direction. The loss bends within hundredths; rounding moves it by 1e-7 where a step moves it by 1e-3. */
const STEP = 0.001;
const never = new AbortController().signal;

let pack: Pack, unet: Session, decoder: Session, encoder: Session, z: F32, c: F32, noise: F32, empty: F32, target: Float32Array, loss: FeatureLoss, gradients: GradientSessions;
const SAMPLER: SamplerChoice = { ...DEFAULT_RECIPE.sampler, steps: 4, strength: 0.75 };
// Value by value and held by nothing: the loop itself.
const FULL: RefineChoice = { ...DEFAULT_REFINE, enabled: true, mode: 'full', along: 'values', anchor: 0, noise: 'fixed' };
const searches = (): Searches => ({ z: { from: z, axes: valueAxes(new Float32Array(z.data.length)) }, c: { from: c, axes: valueAxes(new Float32Array(c.data.length)) } });

function refiner(choice: Partial<RefineChoice> = {}, sampler: Partial<SamplerChoice> = {}, unconditional = empty, images = 1): Refiner {
  return makeRefiner({ pack, unet, decoder, encoder, gradients, config: scheduleConfig(pack.schedulerConfig), sampler: { ...SAMPLER, ...sampler }, refine: { ...FULL, ...choice }, unconditional, images });
}

beforeAll(async () => {
  pack = await openPack(fileURLToPath(new URL('../../../resources/models/demo', import.meta.url)));
  [unet, decoder, encoder] = await Promise.all([openRole(pack, 'unet', { threads: 1 }), openRole(pack, 'vaeDecoder', { threads: 1 }), openRole(pack, 'imageEncoder', { threads: 1 })]);
  gradients = gradientSessions(pack, { threads: 1 });
  const source = random(SEED), normal = (shape: readonly number[], scale = 1): F32 => f32(shape, fillNormal(new Float32Array(sizeOf(shape)), source).map((value) => scale * value));
  // Pale latents, so that few pixels sit where clamping bends the loss.
  z = normal([1, ...pack.latentShape], 0.4);
  c = normal([1, pack.contextLength, pack.roles.textEncoder.width], 0.5);
  noise = normal(z.shape);
  empty = normal([1, pack.contextLength, pack.roles.textEncoder.width], 0.5);
  const first = await refiner().pass(z, c, noise, never);
  const { features } = await refiner().pass(normal(z.shape, 0.4), c, noise, never);
  target = features.data.slice();
  const units = first.features.data.length, facts = { layers: pack.taps.length, mean: new Float32Array(units), deviation: new Float32Array(units).fill(1), r: Float32Array.from({ length: units }, () => source.between(-0.2, 0.9)), matched: true, keptShare: 1 };
  loss = FEATURE_LOSSES['z-units'](facts, target);
});
afterAll(async () => {
  await gradients.release();
  await Promise.all([unet, decoder, encoder].map((session) => session.release()));
});

const value = async (on: Refiner, atZ: F32, atC: F32): Promise<number> => loss((await on.pass(atZ, atC, noise, never)).features.data).value;
async function gradientOf(on: Refiner): Promise<{ readonly z: F32; readonly c: F32 | null }> {
  const pass = await on.pass(z, c, noise, never);
  return pass.gradient(f32(pass.features.shape, loss(pass.features.data).gradient), never);
}
const moved = (array: F32, direction: Float32Array, by: number): F32 => f32(array.shape, array.data.map((x, i) => x + by * direction[i]!));
const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

/** A direction of length 1 over z and c, half of it along the gradient so that the change stands above rounding. */
function direction(source: ReturnType<typeof random>, gradient: { readonly z: F32; readonly c: F32 | null }): { readonly z: Float32Array; readonly c: Float32Array } {
  const whole = fillNormal(new Float32Array(z.data.length + c.data.length), source), own = Float32Array.of(...gradient.z.data, ...(gradient.c?.data ?? new Float32Array(c.data.length)));
  const unit = (array: Float32Array): Float32Array => { const norm = Math.sqrt(dot(array, array)); return array.map((x) => x / norm); };
  const along = unit(own), mixed = unit(unit(whole).map((x, i) => x + along[i]!));
  return { z: mixed.subarray(0, z.data.length), c: mixed.subarray(z.data.length) };
}

/** Central difference. */
async function slope(on: Refiner, d: { readonly z: Float32Array; readonly c: Float32Array }): Promise<number> {
  return (await value(on, moved(z, d.z, STEP), moved(c, d.c, STEP)) - await value(on, moved(z, d.z, -STEP), moved(c, d.c, -STEP))) / (2 * STEP);
}

describe('the gradient of the whole loss, through sampler, decoder and image encoder', () => {
  it(`agrees with finite differences along ${DIRECTIONS} directions`, async () => {
    const on = refiner(), gradient = await gradientOf(on), source = random(SEED + 1);
    for (let k = 0; k < DIRECTIONS; k++) {
      const d = direction(source, gradient), analytic = dot(gradient.z.data, d.z) + dot(gradient.c?.data ?? new Float32Array(c.data.length), d.c);
      expectClose(analytic, await slope(on, d), { relative: FINITE }, SEED + 1);
    }
  }, 120_000);

  it.each(Object.keys(SCHEDULERS).filter((name): name is SchedulerName => name !== 'ddim'))('and with %s, whose history couples steps', async (scheduler) => {
    const on = refiner({}, { scheduler }), gradient = await gradientOf(on), source = random(SEED + 2);
    for (let k = 0; k < 2; k++) {
      const d = direction(source, gradient);
      expectClose(dot(gradient.z.data, d.z) + dot(gradient.c?.data ?? new Float32Array(c.data.length), d.c), await slope(on, d), { relative: FINITE }, SEED + 2);
    }
  }, 120_000);

  it('takes exactly nothing from the unconditional branch when guidance is 1', async () => {
    const other = f32(empty.shape, empty.data.map((x) => 3 - x));
    const a = await gradientOf(refiner({}, { guidance: 1 })), b = await gradientOf(refiner({}, { guidance: 1 }, other)), alone = await gradientOf(refiner({ mode: 'conditional' }, { guidance: 1 }, other));
    expect(b).toEqual(a);
    expect(alone).toEqual(a);
    // ... and something where it is not.
    const c3 = await gradientOf(refiner({}, { guidance: 3 })), d3 = await gradientOf(refiner({ mode: 'conditional' }, { guidance: 3 }));
    expect(d3.z).not.toEqual(c3.z);
  }, 60_000);

  it('is the whole one when every step is among the last', async () => {
    const whole = await gradientOf(refiner()), all = await gradientOf(refiner({ mode: 'truncated', lastSteps: 99 })), few = await gradientOf(refiner({ mode: 'truncated', lastSteps: 1 }));
    expect(all).toEqual(whole);
    expect(few.z).not.toEqual(whole.z);
  }, 60_000);
});

describe('the loop', () => {
  // Steps so small that following the gradient must lower the loss, whatever the networks.
  const SHORT: RefineChoice = { ...FULL, iterations: 3, rateZ: 5e-4, rateC: 5e-4 };
  const targetsOf = (): RefineTargets => ({ decoded: [loss], agreed: new Float64Array(1), true: [null], search: searches() });
  const walk = async (choice: RefineChoice, on: Refiner, from = initialState(searches())) => {
    const targets = targetsOf();
    for (let state = from; ;) {
      const judged = await refineOnce(state, choice, targets, (atZ, atC) => on.pass(atZ, atC, noise, never), never);
      if (judged.finished) return judged.state;
      state = judged.state;
    }
  };

  it('lowers the loss, chooses its lowest, and adjusts only what it may', async () => {
    const on = refiner(), both = await walk(SHORT, on), onlyZ = await walk({ ...SHORT, c: false }, on);
    expect(both.decoded).toHaveLength(4);
    expect(Math.min(...both.decoded)).toBe(both.decoded[both.chosen[0] ?? 0]);
    expect(both.decoded[both.chosen[0] ?? 0]).toBeLessThan(both.decoded[0] ?? 0);
    expect(onlyZ.bestC).toEqual(c);
    expect(onlyZ.z).not.toEqual(z);
  }, 60_000);

  it('goes on from any state as if it had never stopped', async () => {
    const on = refiner(), whole = await walk(SHORT, on);
    const first = await refineOnce(initialState(searches()), SHORT, targetsOf(), (atZ, atC) => on.pass(atZ, atC, noise, never), never);
    expect(await walk(SHORT, on, first.state)).toEqual(whole);
  }, 60_000);

  it('leaves an image that agrees with its target, if the recipe says so', async () => {
    const on = refiner(), first = (await value(on, z, c)), judge = async (leaveAgreed: boolean, agreed: number) => (await refineOnce(initialState(searches()), { ...SHORT, leaveAgreed }, { ...targetsOf(), agreed: Float64Array.of(agreed) }, (atZ, atC) => on.pass(atZ, atC, noise, never), never));
    const left = await judge(true, first * 1.01);
    expect([left.finished, [...left.state.stopped], [...left.state.chosen]]).toEqual([true, [0], [0]]);
    expect([left.state.bestZ, left.state.bestC]).toEqual([z, c]);
    expect((await judge(true, first * 0.99)).finished).toBe(false);
    expect((await judge(false, first * 1.01)).finished).toBe(false);
  }, 60_000);

  // Losses that fall by 1 % an iteration and jump by 10 % either way; then ones that only jump. A window of 8: iterations 0 to 3 against 5 to 8.
  it.each([
    ['goes on while the halves of the window say that the loss falls', 'fresh', 0.99, -1], ['stops where they are alike', 'fresh', 1, 8], ['looks at single losses where they can be compared', 'fixed', 0.99, 8],
  ] as const)('%s (noise %s)', async (_, noiseKind, fall, stops) => {
    const losses = Array.from({ length: 10 }, (_unused, i) => fall ** i * (i % 2 === 0 ? (i < 8 ? 0.9 : 1) : 1.1)), flat = (features: Float32Array) => ({ value: features[0] ?? 0, gradient: new Float32Array(1) });
    const targets: RefineTargets = { decoded: [Object.assign(flat, { left: 0 })], agreed: new Float64Array(1), true: [null], search: searches() }, choice: RefineChoice = { ...SHORT, iterations: 9, stopWindow: 8, stopChange: 0.005, noise: noiseKind };
    let judged = { state: initialState(targets.search), finished: false };
    while (!judged.finished) {
      judged = await refineOnce(judged.state, choice, targets, (atZ, atC, at) => Promise.resolve({ latents: atZ, values: f32([1, 3, 1, 1], new Float32Array(3)), features: f32([1, 1], Float32Array.of(losses[at] ?? 0)), gradient: () => Promise.resolve({ z: f32(atZ.shape, new Float32Array(atZ.data.length)), c: f32(atC.shape, new Float32Array(atC.data.length)) }) }), never);
    }
    expect(judged.state.stopped[0]).toBe(stops);
  });

  it('stops an image whose loss no longer falls', async () => {
    const still = await walk({ ...SHORT, rateZ: 0, rateC: 0, iterations: 9, stopWindow: 2, stopChange: 0.01 }, refiner());
    expect(Array.from(still.stopped)).toEqual([2]);
    expect(still.decoded).toHaveLength(3);
  }, 60_000);

  it('and images side by side do not feel each other', async () => {
    const two = (array: F32): F32 => f32([2, ...array.shape.slice(1)], Float32Array.of(...array.data, ...array.data.map((x) => -x)));
    const pair = refiner({}, {}, empty, 2);
    const pass = await pair.pass(two(z), two(c), two(noise), never), width = pass.features.data.length / 2;
    const cotangent = new Float32Array(2 * width);
    cotangent.set(loss(pass.features.data.subarray(0, width)).gradient);
    const both = await pass.gradient(f32(pass.features.shape, cotangent), never), alone = await gradientOf(refiner());
    const scale = Math.max(...alone.z.data.map(Math.abs));
    expectClose(rows(both.z, 0, 1).data, alone.z.data, { absolute: 1e-3 * scale }, SEED); // another batch, other rounding
    expect(rows(both.z, 1, 2).data.every((value) => value === 0)).toBe(true);
  }, 60_000);

  // Rates at which the first update overflows float32, in the real networks.
  it('stops an image whose loss is no number any more, and keeps what came before', async () => {
    for (const noiseKind of ['fixed', 'fresh'] as const) {
      const lost = await walk({ ...SHORT, rateZ: 1e38, rateC: 1e38, iterations: 9, noise: noiseKind }, refiner());
      expect([Array.from(lost.decoded.slice(1)), Array.from(lost.stopped), Array.from(lost.chosen)], noiseKind).toEqual([[Number.NaN], [1], [0]]);
      expect([lost.bestZ, lost.bestC]).toEqual([z, c]);
    }
  }, 60_000);
});

describe('the guided walk', () => {
  it('pushes down the slope of the loss of the clean sample that it predicts', async () => {
    // One call, pushed: the final latents are linear in the output, so the push is read off two walks, and a moved start moves the sample that is judged.
    const sampler: Partial<SamplerChoice> = { steps: 4, strength: 0.25 }, judged: number[] = [];
    const latentsOf = async (guidedScale: number, start: F32): Promise<F32> => refiner({ mode: 'guided', guidedShare: 1, guidedScale }, sampler).guided(start, c, noise, (_, features) => {
      const { value: at, gradient } = loss(features.data);
      judged.push(at);
      return Promise.resolve(f32(features.shape, gradient));
    }, never);
    const before = await latentsOf(0, z), after = await latentsOf(0.1, z), moves = after.data.map((x, i) => x - before.data[i]!), length = Math.sqrt(dot(moves, moves)), down = moves.map((x) => x / length);
    const lossAt = async (start: F32): Promise<number> => { await latentsOf(0, start); return judged.at(-1) ?? Number.NaN; };
    const slopeAlong = async (d: Float32Array): Promise<number> => (await lossAt(moved(z, d, STEP)) - await lossAt(moved(z, d, -STEP))) / (2 * STEP);
    // The gradient is -steepest times the direction moved: along any other direction the slope is its share.
    const steepest = await slopeAlong(down), source = random(SEED + 3);
    expect(steepest).toBeLessThan(0);
    for (let k = 0; k < 4; k++) {
      const free = fillNormal(new Float32Array(z.data.length), source), norm = Math.sqrt(dot(free, free)), mixed = free.map((x, i) => x / norm + down[i]!), size = Math.sqrt(dot(mixed, mixed)), d = mixed.map((x) => x / size);
      expectClose(await slopeAlong(d), steepest * dot(down, d), { relative: FINITE }, SEED + 3);
    }
  }, 60_000);
});

describe('the cost that is shown before Run is the cost that is paid', () => {
  const CHOICES: readonly (readonly [GradientMode, Partial<RefineChoice>])[] = [['full', {}], ['coarse', { coarseSteps: 3 }], ['conditional', {}], ['truncated', { lastSteps: 2 }], ['guided', { guidedShare: 0.5 }]];
  const SAMPLERS: readonly Partial<SamplerChoice>[] = [{ guidance: 1 }, { guidance: 3, scheduler: 'pndm', steps: 5, strength: 1 }];
  /** Rows that a session was asked for. */
  const counted = (session: Session, rowsOf: string, count: (rows: number) => void): Session => ({ ...session, run: (feeds, options) => { count(feeds[rowsOf]?.shape[0] ?? 0); return session.run(feeds, options); } });

  it.each(SAMPLERS.flatMap((sampler) => CHOICES.map(([mode, choice]) => [mode, JSON.stringify(sampler), choice, sampler] as const)))('%s, %s', async (mode, _, choice, change) => {
    const sampler = { ...SAMPLER, ...change }, refine: RefineChoice = { ...FULL, ...choice, mode, iterations: 1, rateZ: 0, rateC: 0 }, { sample: name } = pack.roles.unet;
    let forward = 0, back = 0;
    const on = makeRefiner({
      pack, decoder, encoder, config: scheduleConfig(pack.schedulerConfig), sampler, refine, unconditional: empty, images: 1, unet: counted(unet, name, (count) => { forward += count; }),
      gradients: { ...gradients, open: async (role, options) => { const session = await gradients.open(role, options); return role === 'unet' ? counted(session, name, (count) => { back += count; }) : session; } },
    });
    const cost = refineCost(sampler, refine), final = samplerCost(sampler);
    if (mode === 'guided') {
      await on.guided(z, c, noise, (_values, features) => Promise.resolve(f32(features.shape, loss(features.data).gradient)), never);
      expect({ iteration: 3 * back, all: forward + 3 * back }).toEqual(cost);
      return;
    }
    const targets: RefineTargets = { decoded: [loss], agreed: new Float64Array(1), true: [null], search: searches() }, pass = (atZ: F32, atC: F32) => on.pass(atZ, atC, noise, never);
    const first = await refineOnce(initialState(targets.search), refine, targets, pass, never);
    expect(forward + 3 * back, 'an iteration').toBe(cost.iteration);
    expect((await refineOnce(first.state, refine, targets, pass, never)).finished).toBe(true);
    // What was kept is drawn, and the loop's own choice, which need not be among it.
    const drawn = finalistIterations(refine).length + 1;
    expect(forward + 3 * back + drawn * final, 'all').toBe(cost.all);
    expect(refineCost(sampler, { ...refine, noise: 'fresh' }).all, 'fresh: the last is kept').toBe(forward + 3 * back + final);
  }, 60_000);
});
