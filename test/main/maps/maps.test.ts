import { describe, expect, it } from 'vitest';
import { f32 } from '../../../common/ndarray.ts';
import { random } from '../../../common/random.ts';
import { contributionShares, dualReadout, readout } from '../../../main/maps/contribution.ts';
import { patternBlock, patternMap } from '../../../main/maps/pattern.ts';
import { regionMeans, regionSizes, regionSums } from '../../../main/maps/regions.ts';
import { extremes, latentWeights, patchWeights, percentile, tokenWeights } from '../../../main/maps/voxel-card.ts';
import { weightMaps } from '../../../main/maps/weight.ts';
import { plainProducts } from '../../../main/linalg/plain-products.ts';
import { memoryStore } from '../../../main/ridge/artefact.ts';
import { fitDecoder, predict, primalWeights } from '../../../main/ridge/decoder.ts';
import { arrayTargets } from '../../../main/ridge/targets.ts';
import { expectClose } from '../../support/close.ts';
import type { F32 } from '../../../common/ndarray.ts';

const SEED = 1914;
/** float32 storage of values about 1. */
const STORED = { absolute: 1e-6 };

function normal(rows: number, columns: number, seed: number): F32 {
  const source = random(seed);
  return f32([rows, columns], Float32Array.from({ length: rows * columns }, () => source.normal()));
}

describe('the suppressor example', () => {
  // x1 = s + n, x2 = n: the decoder subtracts the noise, so x2 gets weight without carrying any signal (method.md 6.2).
  // s, n of variance 1 and penalty such that w = (0.98, -0.97), a = (1.02, 0.00): penalty = 0.01 of the number of rows.
  const rows = 4000;
  const source = random(SEED);
  const s = Float64Array.from({ length: rows }, () => source.normal());
  const n = Float64Array.from({ length: rows }, () => source.normal());
  const x = f32([rows, 2], Float32Array.from({ length: rows * 2 }, (_, i) => (i % 2 === 0 ? (s[i >> 1] ?? 0) : 0) + (n[i >> 1] ?? 0)));
  const y = f32([rows, 1], Float32Array.from(s));
  const fitted = fitDecoder({ x, y: arrayTargets(y), alphas: [0.01 * rows], folds: null }, { products: plainProducts(), store: memoryStore() });

  it('gives weights (0.98, -0.97) and a pattern (1.02, 0)', async () => {
    const decoder = await fitted;
    const weights = await primalWeights(decoder, plainProducts());
    // In the population: (C + 0.01 I) w = (1, 0), C = [[2, 1], [1, 1]]: w = (1.01, -1) / (2.01 * 1.01 - 1) = (0.980, -0.971).
    const determinant = 2.01 * 1.01 - 1;
    const exact = [1.01 / determinant, -1 / determinant];
    // Sampling error of coefficients from 4000 rows without noise in y: below 0.005.
    expectClose(weights.data, exact, { absolute: 0.01 }, SEED);
    expectClose(exact, [0.98, -0.97], { absolute: 0.005 });
    const pattern = patternBlock(x, await predict(decoder, x, plainProducts()), { unit: 'target' });
    // cov(x1, p) / var(p) in the population is 1.02; 4 / sqrt(4000) = 0.06 bounds the sampling error of x2's zero.
    expectClose(pattern, [1.02, 0], { absolute: 0.06 }, SEED);
  });
});

describe('pattern map', () => {
  const responses = normal(60, 5, SEED);
  const predictions = normal(60, 7, SEED + 1);
  const r = Float64Array.from({ length: 7 }, (_, f) => 0.2 * f - 0.3);

  it('is the weighted root mean square of cov(x, p) / sd(p), whatever the blocks', () => {
    const expected = Float64Array.from({ length: 5 }, (_, v) => {
      let sum = 0;
      let total = 0;
      for (let f = 0; f < 7; f++) {
        const p = Array.from({ length: 60 }, (_x, i) => predictions.data[i * 7 + f] ?? NaN);
        const xs = Array.from({ length: 60 }, (_x, i) => responses.data[i * 5 + v] ?? NaN);
        const mp = p.reduce((a, b) => a + b, 0) / 60;
        const mx = xs.reduce((a, b) => a + b, 0) / 60;
        const cov = p.reduce((a, b, i) => a + (b - mp) * ((xs[i] ?? NaN) - mx), 0) / 60;
        const variance = p.reduce((a, b) => a + (b - mp) ** 2, 0) / 60;
        const w = Math.max(r[f] ?? NaN, 0) ** 2;
        sum += w * ((cov / variance) * Math.sqrt(variance)) ** 2;
        total += w;
      }
      return Math.sqrt(sum / total);
    });
    const whole = patternMap(responses);
    whole.add(predictions, r);
    expectClose(whole.values(), expected, STORED, SEED);
    const parts = patternMap(responses);
    for (const [from, to] of [[0, 3], [3, 7]] as const) {
      parts.add(f32([60, to - from], Float32Array.from({ length: 60 * (to - from) }, (_, n) => predictions.data[Math.floor(n / (to - from)) * 7 + from + (n % (to - from))] ?? NaN)), r.subarray(from, to));
    }
    expectClose(parts.values(), expected, STORED, SEED);
  });
  it('ignores constant predictions and undecodable targets', () => {
    const map = patternMap(responses);
    map.add(f32([60, 2], new Float32Array(120).fill(0.1)), [0.9, -0.5]);
    expectClose(map.values(), new Float64Array(5), {});
  });
});

describe('weight maps', () => {
  it('follow their formulas, whatever the blocks', () => {
    const maps = weightMaps(2);
    maps.add(f32([2, 2], [3, 0, 1, -1]), [0.5, -0.2]);
    maps.add(f32([2, 1], [-4, 0]), [0.25]);
    expectClose(maps.norm(), [5, Math.sqrt(2)], STORED);
    expectClose(maps.accuracyWeighted(), [(0.5 * 3 + 0.25 * 4) / 0.75, 0.5 / 0.75], STORED);
    expectClose(maps.signedMean(), [-1 / 3, 0], STORED);
    expectClose(maps.selectionFrequency(), [2 / 3, 2 / 3], STORED);
  });
});

describe('contribution shares', () => {
  it('are x_v <W_v, d> / <d, d>, sum to one, and do not care for the form of the weights', () => {
    const rows = normal(6, 9, SEED);
    const dual = normal(6, 4, SEED + 1);
    const weights = f32([9, 4], Float32Array.from({ length: 36 }, (_, n) => {
      let sum = 0;
      for (let k = 0; k < 6; k++) sum += (rows.data[k * 9 + Math.floor(n / 4)] ?? NaN) * (dual.data[k * 4 + (n % 4)] ?? NaN);
      return sum;
    }));
    const x = normal(1, 9, SEED + 2).data;
    const d = Array.from({ length: 4 }, (_, f) => x.reduce((sum, value, v) => sum + value * (weights.data[v * 4 + f] ?? NaN), 0));
    const shares = contributionShares(x, readout(weights, d));
    const length = d.reduce((sum, value) => sum + value * value, 0);
    const expected = Array.from(x, (value, v) => (value * d.reduce((sum, component, f) => sum + component * (weights.data[v * 4 + f] ?? NaN), 0)) / length);
    expectClose(shares, expected, { absolute: 1e-5 }, SEED);
    expectClose(shares.reduce((sum, share) => sum + share, 0), 1, { absolute: 1e-5 }, SEED);
    expectClose(contributionShares(x, dualReadout(rows, dual, d)), expected, { absolute: 1e-5 }, SEED);
  });
  it('of an image that is decoded as the mean are zero', () => {
    expectClose(contributionShares([0, 0], Float64Array.of(1, 2)), [0, 0], {});
    expectClose(contributionShares([1, 1], Float64Array.of(1, -1)), [0, 0], {});
  });
});

describe('regions', () => {
  it('sum, count and average their voxels; unknown labels are left out', () => {
    const labels = [2, 2, 5, 9, 0];
    const values = [1, 2, 3, 4, 50];
    expectClose(regionSums(values, labels, [5, 2, 9, 7]), [3, 3, 4, 0], {});
    expectClose(regionSizes(labels, [5, 2, 9, 7]), [1, 2, 1, 0], {});
    expectClose(regionMeans(values, labels, [5, 2, 9]), [3, 1.5, 4], {});
    expect(regionMeans(values, labels, [7])[0]).toBeNaN();
  });
});

describe('voxel card', () => {
  it('percentile counts ties half', () => {
    expectClose([percentile([1, 2, 2, 3], 0), percentile([1, 2, 2, 3], 1), percentile([1, 2, 2, 3], 3)], [12.5, 50, 87.5], {});
    expect(() => percentile([1], 3)).toThrow('no voxel 3');
  });
  it('pictures are norms over the right axes', () => {
    expectClose(latentWeights(Float32Array.of(3, 0, 0, 1, 4, 2, 0, 0), [2, 2, 2]).data, [5, 2, 0, 1], STORED);
    expectClose(tokenWeights(Float32Array.of(3, 4, 0, 1), 3, 2, 1).data, [0, 5, 1], STORED);
    // Two layers of [class, 4 patches] x 1 behind one other weight.
    expectClose(patchWeights(Float32Array.of(9, 100, 3, 0, 1, 0, 100, 4, 2, 0, 0), 2, 1, 2, 1).data, [5, 2, 1, 0], STORED);
  });
  it('extremes are ordered and skip undefined values', () => {
    expect(extremes([0.1, NaN, -2, 5, 3], 2)).toEqual({ largest: [3, 4], smallest: [2, 0] });
  });
});
