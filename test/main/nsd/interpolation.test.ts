import { describe, expect, it } from 'vitest';
import { random } from '../../../common/random.ts';
import { cubicWeights, gather, interpolate, meanOverDepths, nearestVoxel, NO_COORDINATE } from '../../../main/nsd/interpolation.ts';

const SEED = 3;
const SHAPE = [6, 7, 8] as const;
/** Coordinates are float32: rounding of about 1e-7 times gradients of order 50. */
const TOLERANCE = 1e-4;

function volume(value: (x: number, y: number, z: number) => number): { shape: readonly [number, number, number]; data: Float64Array } {
  const data = new Float64Array(6 * 7 * 8);
  for (let z = 1; z <= 8; z++) for (let y = 1; y <= 7; y++) for (let x = 1; x <= 6; x++) data[x - 1 + 6 * (y - 1 + 7 * (z - 1))] = value(x, y, z);
  return { shape: SHAPE, data };
}

function points(count: number, margin: number): Float32Array {
  const source = random(SEED);
  const out = new Float32Array(3 * count);
  SHAPE.forEach((extent, axis) => { for (let p = 0; p < count; p++) out[axis * count + p] = source.between(1 + margin, extent - margin); });
  return out;
}

describe('interpolation of a volume at 1-based coordinates', () => {
  it('by cubic convolution reproduces products of quadratics away from the border', () => {
    const f = (x: number, y: number, z: number): number => (x * x - 3 * x) * (0.5 * y * y + 1) - z * z + 2 * z;
    const at = points(50, 1);
    const got = interpolate(volume(f), at, 'cubic');
    got.forEach((value, p) => { expect(Math.abs(value - f(at[p] ?? 0, at[50 + p] ?? 0, at[100 + p] ?? 0)), `seed ${SEED}, point ${p}`).toBeLessThan(TOLERANCE * 10); });
  });

  it('by trilinear weights reproduces a trilinear function everywhere, the last voxel included', () => {
    const f = (x: number, y: number, z: number): number => 2 * x - y * z + x * y * z;
    expect(interpolate(volume(f), Float32Array.of(6, 7, 8), 'linear')[0]).toBeCloseTo(f(6, 7, 8), 9);
    const at = points(50, 0);
    interpolate(volume(f), at, 'linear').forEach((value, p) => {
      expect(Math.abs(value - f(at[p] ?? 0, at[50 + p] ?? 0, at[100 + p] ?? 0)), `seed ${SEED}, point ${p}`).toBeLessThan(TOLERANCE);
    });
  });

  it('repeats the edge voxel beyond the border in cubic', () => {
    // Along x only: samples -1, 0, 1, 2 around 1.5 are v1, v1, v2, v3 because there is no voxel 0.
    const source = volume((x) => x ** 3);
    const [a, b, c, d] = cubicWeights(0.5);
    expect(interpolate(source, Float32Array.of(1.5, 4, 4), 'cubic')[0]).toBeCloseTo(a * 1 + b * 1 + c * 8 + d * 27, 9);
  });

  it('has cubic weights that sum to one and equal Catmull-Rom at one half', () => {
    expect(cubicWeights(0.5)).toEqual([-0.0625, 0.5625, 0.5625, -0.0625]);
    for (const d of [0, 0.1, 0.77, 1]) expect(cubicWeights(d).reduce((sum, w) => sum + w, 0)).toBeCloseTo(1, 12);
  });

  it('gives the bad value for 9999 and outside [1, extent], and not at the limits', () => {
    const source = volume((x) => x);
    const xs = [NO_COORDINATE, 0.99, 1, 6, 6.01, 3];
    const at = Float32Array.from([...xs, ...xs.map((_, i) => (i === 5 ? NO_COORDINATE : 2)), ...xs.map(() => 2)]);
    for (const method of ['nearest', 'linear', 'cubic', 'wta'] as const) {
      expect([...interpolate(source, at, method, -7)], method).toEqual([-7, -7, 1, 6, -7, -7]);
    }
  });

  it('takes the nearest voxel with halves up, the label that wins, and lets NaN contaminate', () => {
    expect(nearestVoxel(SHAPE, 2.5, 1, 1)).toBe(2);
    expect(nearestVoxel(SHAPE, 2.49, 1, 1)).toBe(1);
    const labels = volume((x, y) => (x <= 3 ? 5 : y <= 3 ? 9 : 2));
    // x = 3.4: labels 5 with 0.6; x = 3.6, y = 3.3: 5 with 0.4, 9 with 0.6 * 0.7 = 0.42.
    expect(interpolate(labels, Float32Array.of(3.4, 3.3, 2), 'wta')[0]).toBe(5);
    expect(interpolate(labels, Float32Array.of(3.6, 3.3, 2), 'wta')[0]).toBe(9);
    const hole = volume((x, y, z) => (x === 3 && y === 3 && z === 3 ? NaN : 1));
    expect(interpolate(hole, Float32Array.of(2.5, 2.5, 2.5), 'linear')[0]).toBeNaN();
    expect(interpolate(hole, Float32Array.of(4.5, 4.5, 4.5), 'linear')[0]).toBe(1);
    expect(interpolate(hole, Float32Array.of(4.5, 4.5, 4.5), 'cubic')[0]).toBeNaN();
  });

  it('averages depths with NaN propagating and gathers by 1-based indices', () => {
    expect([...meanOverDepths([Float64Array.of(1, NaN), Float64Array.of(2, 1), Float64Array.of(6, 1)])]).toEqual([3, NaN]);
    expect([...gather([10, 20, 30], [3, 1, 1])]).toEqual([30, 10, 10]);
    expect(() => gather([10], [0])).toThrow(RangeError);
  });
});
