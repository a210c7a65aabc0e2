/** Axes of stage 2: coordinates there and back, gradients against differences, units against a closed form, their place in the loop. */
import { describe, expect, it } from 'vitest';
import { f32, rows } from '../../../common/ndarray.ts';
import type { F32 } from '../../../common/ndarray.ts';
import { fillNormal, random } from '../../../common/random.ts';
import { DEFAULT_REFINE } from '../../../common/recipe.ts';
import { initialState, refineOnce } from '../../../main/diffusion/refine.ts';
import type { Searches } from '../../../main/diffusion/refine.ts';
import { atNearest, axesAt, componentAxes, coordinatesOf, placed, precisionOf, slopesAt, spreadAxes, valueAxes } from '../../../main/diffusion/search-axes.ts';
import type { SearchAxes } from '../../../main/diffusion/search-axes.ts';
import { expectClose } from '../../support/close.ts';

const SEED = 41;
/** Float32 storage of values near 1, differences over 1e-2 of a quadratic (exact but for rounding). */
const ROUNDING = 1e-4;
const WIDTH = 12;
const normal = (shape: readonly number[], source: ReturnType<typeof random>): F32 => f32(shape, fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1)), source));

/** Orthonormal rows by Gram-Schmidt in double precision. */
function orthonormal(count: number, width: number, source: ReturnType<typeof random>): F32 {
  const made: number[][] = [];
  for (let k = 0; k < count; k++) {
    let row = [...fillNormal(new Float32Array(width), source)];
    for (const other of made) { const along = row.reduce((sum, x, i) => sum + x * (other[i] ?? 0), 0); row = row.map((x, i) => x - along * (other[i] ?? 0)); }
    const size = Math.hypot(...row);
    made.push(row.map((x) => x / size));
  }
  return f32([count, width], Float32Array.from(made.flat()));
}

const KINDS: { readonly [name: string]: (source: ReturnType<typeof random>) => SearchAxes } = {
  components: (source) => componentAxes(orthonormal(5, WIDTH, source), Float32Array.of(3, 2, 1, 0.5, 0.2)),
  values: (source) => valueAxes(normal([WIDTH], source).data.map((value) => value * value)),
  'values by spread': (source) => spreadAxes(normal([WIDTH], source).data.map((value, i) => (i === 4 ? 0 : Math.abs(value) + 0.1))),
};

describe.each(Object.entries(KINDS))('%s', (_, make) => {
  it('lead to a point and back', () => {
    const source = random(SEED), axes = make(source), search = { from: normal([2, 3, 4], source), axes }, u = normal([2, axes.unit.length], source).data.map((value, i) => ((axes.unit[i % axes.unit.length] ?? 0) > 0 ? value : 0));
    expectClose(coordinatesOf(placed(u, search), search), u, { absolute: 1e-5, relative: 1e-5 }, SEED);
    expect(placed(new Float32Array(u.length), search)).toEqual(search.from);
  });

  it('have the gradient of loss and anchor with respect to the coordinates', () => {
    const source = random(SEED + 2), axes = make(source), search = { from: normal([2, 3, 4], source), axes }, count = axes.unit.length, u = normal([2, count], source).data, pull = normal([2, 3, 4], source).data, weight = 0.7;
    // A loss that is linear in x, and the anchor as its definition says.
    const value = (at: Float32Array): number => placed(at, search).data.reduce((sum, x, i) => sum + pull[i]! * x, 0) + at.reduce((sum, each, i) => sum + (weight * axes.precision[i % count]! * each * each) / count, 0);
    const slopes = Float32Array.from(u, (_each, i) => { const up = u.slice(), down = u.slice(); up[i]! += 0.01; down[i]! -= 0.01; return (value(up) - value(down)) / (up[i]! - down[i]!); });
    // A sum of 24 float32 values of size 1, divided by 0.02.
    expectClose(slopesAt(f32([2, 3, 4], pull), u, search, weight), slopes, { absolute: 10 * ROUNDING, relative: 10 * ROUNDING }, SEED + 2);
  });

  it('refuse points of another size', () => {
    const source = random(SEED), axes = make(source), from = normal([1, 3, 4], source);
    expect(() => coordinatesOf(normal([1, 3, 5], source), { from, axes })).toThrow(RangeError);
    expect(() => coordinatesOf(normal([1, 3, 5], source), { from: normal([1, 3, 5], source), axes })).toThrow(RangeError);
  });
});

describe('units', () => {
  it('weigh a value by the variance that its decoder leaves', () => {
    // sigma 2, r 0.6: 1 / (4 x 0.64). Unknown r: 1 / 4. Negative r tells nothing. A constant value is not held; r of 1 is held 100 times its spread.
    expectClose(precisionOf(Float32Array.of(2, 2, 0, 1), [0.6, -0.5, 0.9, 1]), Float32Array.of(0.390625, 0.25, 0, 100), { relative: 1e-6 }, SEED);
    expect([...precisionOf(Float32Array.of(2, 0.5), null)]).toEqual([0.25, 4]);
  });
  it('do not move what never varies', () => {
    const axes = spreadAxes(Float32Array.of(2, 0)), from = f32([1, 2], Float32Array.of(1, 1));
    expect([...placed(Float32Array.of(1, 1), { from, axes }).data]).toEqual([3, 1]);
  });
});

describe('latents of another side', () => {
  it('take the nearest place', () => {
    expect([...atNearest(Float32Array.of(1, 2, 3, 4), [1, 2, 2], 4)]).toEqual([1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
    expect([...atNearest(Float32Array.from({ length: 16 }, (_, i) => i), [1, 4, 4], 2)]).toEqual([5, 7, 13, 15]);
  });
  it.each([4, 3, 6])('keep directions orthonormal and steps of the same size at side %i', (side) => {
    const source = random(SEED + 3), shape = [2, 4, 4], axes = componentAxes(orthonormal(6, 32, source), Float32Array.of(4, 3, 2, 1, 0.5, 0.25)), at = axesAt(axes, shape, side), width = 2 * side * side;
    const directions = f32([at.unit.length, width], at.directions ?? new Float32Array(0));
    for (let a = 0; a < at.unit.length; a++) for (let b = 0; b <= a; b++) expectClose(rows(directions, a, a + 1).data.reduce((sum, x, i) => sum + x * rows(directions, b, b + 1).data[i]!, 0), a === b ? 1 : 0, { absolute: 1e-5 }, SEED + 3);
    // The first direction is only brought there: a unit of it is the nearest places' own step.
    const from = f32([1, 2, side, side], new Float32Array(width)), first = new Float32Array(at.unit.length);
    first[0] = 1;
    expectClose(placed(first, { from, axes: at }).data, atNearest((axes.directions ?? new Float32Array(0)).slice(0, 32).map((x) => 4 * x), shape, side), { absolute: 1e-5 }, SEED + 3);
  });
});

describe('in the loop', () => {
  /** A loss that pulls nowhere. */
  const flat = Object.assign(() => ({ value: 1, gradient: new Float32Array(1) }), { left: 0 });
  const still = (z: F32, c: F32) => () => Promise.resolve({ latents: z, features: f32([1, 1], Float32Array.of(0)), values: f32([1, 3, 1, 1], new Float32Array(3)),
    gradient: () => Promise.resolve({ z: f32(z.shape, new Float32Array(z.data.length)), c: f32(c.shape, new Float32Array(c.data.length)) }) });
  const run = async (search: Searches, choice: typeof DEFAULT_REFINE, from: { readonly z: F32; readonly c: F32 }) => {
    let state = { ...initialState(search), ...from };
    for (;;) {
      const judged = await refineOnce(state, choice, { decoded: [flat], agreed: new Float64Array(1), true: [null], search }, still(from.z, from.c), new AbortController().signal);
      state = judged.state;
      if (judged.finished) return state;
    }
  };
  it('z and c come back where the loss of the features pulls nowhere', async () => {
    const source = random(SEED + 1), z0 = normal([1, 3, 2, 2], source), c0 = normal([1, 3, 4], source), axes = KINDS['components']?.(source) ?? valueAxes(new Float32Array(0));
    const search: Searches = { z: { from: z0, axes }, c: { from: c0, axes: valueAxes(new Float32Array(12).fill(1)) } };
    const choice = { ...DEFAULT_REFINE, enabled: true, iterations: 40, rateZ: 0.01, rateC: 0.01, anchor: 1, stopChange: 0 };
    const state = await run(search, choice, { z: placed(new Float32Array(axes.unit.length).fill(0.2), search.z), c: placed(new Float32Array(12).fill(0.2), search.c) });
    // 40 steps of about 0.01 undo 0.2 and swing by less than half of it.
    for (const [x, where] of [[state.z, search.z], [state.c, search.c]] as const) expect(Math.max(...coordinatesOf(x, where).map(Math.abs))).toBeLessThan(0.1);
  });
  it('nothing leaves the directions of the errors', async () => {
    const source = random(SEED + 4), z0 = normal([1, 3, 2, 2], source), c0 = normal([1, 3, 4], source), axes = KINDS['components']?.(source) ?? valueAxes(new Float32Array(0)), search: Searches = { z: { from: z0, axes }, c: { from: c0, axes } };
    const pull = normal([1, 12], source).data;
    const judged = await refineOnce(initialState(search), { ...DEFAULT_REFINE, enabled: true, rateZ: 0.05 }, { decoded: [flat], agreed: new Float64Array(1), true: [null], search }, () => Promise.resolve({
      latents: z0, features: f32([1, 1], Float32Array.of(0)), values: f32([1, 3, 1, 1], new Float32Array(3)), gradient: () => Promise.resolve({ z: f32(z0.shape, pull), c: f32(c0.shape, pull) }),
    }), new AbortController().signal);
    const moved = judged.state.z.data.map((x, i) => x - z0.data[i]!), within = placed(coordinatesOf(judged.state.z, search.z), search.z).data.map((x, i) => x - z0.data[i]!);
    expect(Math.hypot(...moved)).toBeGreaterThan(0.1);
    expectClose(within, moved, { absolute: 1e-5 }, SEED + 4);
  });
});
