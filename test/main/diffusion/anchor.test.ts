/** The anchor of stage 2: its gradient against differences, its units against a closed form, its place in the loop. */
import { describe, expect, it } from 'vitest';
import { f32 } from '../../../common/ndarray.ts';
import type { F32 } from '../../../common/ndarray.ts';
import { fillNormal, random } from '../../../common/random.ts';
import { DEFAULT_REFINE } from '../../../common/recipe.ts';
import { anchored, precisionAt, precisionOf } from '../../../main/diffusion/anchor.ts';
import { initialState, refineOnce } from '../../../main/diffusion/refine.ts';
import { expectClose } from '../../support/close.ts';

const SEED = 41;
/** Float32 storage of values near 1, differences over 1e-2 of a quadratic (exact but for rounding). */
const ROUNDING = 1e-4;
const normal = (shape: readonly number[], source: ReturnType<typeof random>): F32 => f32(shape, fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1)), source));

describe('the anchor', () => {
  it('weighs a value by the variance that its decoder leaves', () => {
    // sigma 2, r 0.6: 1 / (4 x 0.64). Unknown r: 1 / 4. Negative r tells nothing. A constant value is not held; r of 1 is held 100 times its spread.
    expectClose(precisionOf(Float32Array.of(2, 2, 0, 1), [0.6, -0.5, 0.9, 1]), Float32Array.of(0.390625, 0.25, 0, 100), { relative: 1e-6 }, SEED);
    expect([...precisionOf(Float32Array.of(2, 0.5), null)]).toEqual([0.25, 4]);
  });

  it('has the gradient of a mean of p (x - x0)^2 over the values of an image', () => {
    const source = random(SEED), x = normal([2, 3, 4], source), from = normal([2, 3, 4], source), precision = normal([12], source).data.map((value) => value * value), weight = 0.7;
    const value = (data: Float32Array): number => data.reduce((sum, each, i) => sum + (weight * precision[i % 12]! * (each - from.data[i]!) ** 2) / 12, 0);
    const { data } = anchored(f32(x.shape, new Float32Array(24)), x, { from, precision }, weight);
    const slopes = Float32Array.from(data, (_, i) => { const up = x.data.slice(), down = x.data.slice(); up[i]! += 0.01; down[i]! -= 0.01; return (value(up) - value(down)) / (up[i]! - down[i]!); });
    expectClose(data, slopes, { absolute: ROUNDING, relative: ROUNDING }, SEED);
  });

  it('takes the nearest place for latents of another side', () => {
    expect([...precisionAt(Float32Array.of(1, 2, 3, 4), [1, 2, 2], 4)]).toEqual([1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
    expect([...precisionAt(Float32Array.from({ length: 16 }, (_, i) => i), [1, 4, 4], 2)]).toEqual([5, 7, 13, 15]);
  });

  it('brings z and c back where the loss of the features pulls nowhere', async () => {
    const source = random(SEED + 1), z0 = normal([1, 2, 2, 2], source), c0 = normal([1, 3, 2], source), apart = (a: F32, b: F32): number => Math.max(...a.data.map((value, i) => Math.abs(value - b.data[i]!)));
    const targets = { decoded: [() => ({ value: 1, gradient: new Float32Array(1) })], true: [null], anchor: { weight: 1, z: { from: z0, precision: new Float32Array(8).fill(1) }, c: { from: c0, precision: new Float32Array(6).fill(1) } } };
    const moved = (array: F32): F32 => f32(array.shape, array.data.map((value) => value + 0.2)), choice = { ...DEFAULT_REFINE, enabled: true, iterations: 40, rateZ: 0.01, rateC: 0.01, stopChange: 0 };
    let state = initialState(moved(z0), moved(c0));
    for (;;) {
      const judged = await refineOnce(state, choice, targets, () => Promise.resolve({ latents: z0, features: f32([1, 1], Float32Array.of(0)), values: f32([1, 3, 1, 1], new Float32Array(3)),
        gradient: () => Promise.resolve({ z: f32(z0.shape, new Float32Array(8)), c: f32(c0.shape, new Float32Array(6)) }) }), new AbortController().signal);
      state = judged.state;
      if (judged.finished) break;
    }
    // 40 steps of about 0.01 undo 0.2 and swing by less than half of it.
    expect(apart(state.z, z0)).toBeLessThan(0.1);
    expect(apart(state.c, c0)).toBeLessThan(0.1);
  });
});
