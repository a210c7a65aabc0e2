import { describe, expect, it } from 'vitest';
import { f32 } from '../../../common/ndarray.ts';
import { random } from '../../../common/random.ts';
import { contributionShares, dualReadout, readout } from '../../../main/maps/contribution.ts';
import { percentileRanks } from '../../../main/maps/percentile.ts';
import { regionMeans, regionSizes, regionSums } from '../../../main/maps/regions.ts';
import { extremes, latentWeights, patchWeights, tokenWeights } from '../../../main/maps/voxel-card.ts';
import { addPatterns, addWeights, emptySums, finishSums, patternFacts } from '../../../main/maps/voxel-sums.ts';
import { plainProducts } from '../../../main/linalg/plain-products.ts';
import { memoryStore } from '../../../main/ridge/artefact.ts';
import { predict, primalWeights } from '../../../main/ridge/decoder.ts';
import { fitDecoder } from '../../../main/ridge/fit.ts';
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
    // cov(x, p) and sd(p) over the rows; the map is a_v sd(p) with a_v = cov / var(p).
    const { covariance, deviation } = covariances(x, await predict(decoder, x, plainProducts()));
    const sums = emptySums(2);
    addPatterns(sums, { covariance, decodedDeviation: deviation, r: [0.9] });
    addWeights(sums, { weights, targetDeviation: decoder.yDeviation, r: [0.9] });
    const maps = finishSums(sums);
    // 1.02 in the population; 4 / sqrt(4000) = 0.06 bounds the sampling error of x2's zero.
    expectClose(maps.pattern.map((value) => value / (deviation[0] ?? NaN)), [1.02, 0], { absolute: 0.06 }, SEED);
    const scale = decoder.yDeviation[0] ?? NaN;
    expectClose(maps.weight, exact.map((value) => Math.abs(value) / scale), { absolute: 0.015 }, SEED);
    expectClose(maps.accuracy, maps.weight, STORED);
  });

  it('gives the same pattern from out-of-fold predictions', async () => {
    const sums = emptySums(2);
    let deviation = NaN;
    await fitDecoder({ x, y: arrayTargets(y), alphas: [0.01 * rows], folds: { kind: 'k-fold', folds: 5 } }, {
      products: plainProducts(), store: memoryStore(),
      outOfFold: async (_targets, predictions, r) => {
        const facts = await patternFacts(f32(x.shape, x.data.map((value, at) => value - (columnMean(at % 2)))), predictions, r, (a, b) => plainProducts().multiply('aTb', a, b));
        addPatterns(sums, facts);
        deviation = facts.decodedDeviation[0] ?? NaN;
      },
    });
    expectClose(finishSums(sums).pattern.map((value) => value / deviation), [1.02, 0], { absolute: 0.06 }, SEED);
  });

  function columnMean(v: number): number {
    let sum = 0;
    for (let i = 0; i < rows; i++) sum += x.data[2 * i + v] ?? NaN;
    return sum / rows;
  }
});

describe('patterns of a decoder that decodes nothing', () => {
  // 40 rows, 200 voxels, targets of noise: in its own training rows a decoder finds what it has learnt by heart.
  const x = normal(40, 200, SEED + 20), y = normal(40, 30, SEED + 21);
  it('are strong from predictions of training rows, and weigh nothing from out-of-fold predictions', async () => {
    const products = plainProducts();
    const r: number[] = [];
    const decoder = await fitDecoder({ x, y: arrayTargets(y), alphas: [1], folds: { kind: 'k-fold', folds: 5 } }, {
      products, store: memoryStore(), outOfFold: (_targets, _predictions, found) => { r.push(...found); return Promise.resolve(); },
    });
    const own = await predict(decoder, x, products);
    const correlation = (f: number): number => {
      const { deviation } = covariances(y, own);
      const { covariance } = covariances(f32([40, 1], Array.from({ length: 40 }, (_, i) => y.data[i * 30 + f] ?? NaN)), f32([40, 1], Array.from({ length: 40 }, (_, i) => own.data[i * 30 + f] ?? NaN)));
      return (covariance.data[0] ?? NaN) / ((deviation[f] ?? NaN) * (decoder.yDeviation[f] ?? NaN));
    };
    expect(Math.min(...[0, 10, 20].map(correlation))).toBeGreaterThan(0.9);
    // 30 independent targets: the mean of r has a standard error of 1 / sqrt(30 * 40) = 0.03, and held-out r of noise is biased below 0.
    expect(r.length).toBe(30);
    expect(r.reduce((sum, value) => sum + value, 0) / 30, `seed ${SEED}`).toBeLessThan(0.09);
  });
});

/** cov(x_v, p_f) `[voxels, targets]` and sd(p_f) `[targets]`, as slow loops. */
function covariances(x: F32, p: F32): { readonly covariance: F32; readonly deviation: Float64Array } {
  const [rows = 0, voxels = 0] = x.shape;
  const [, targets = 0] = p.shape;
  const column = (matrix: F32, width: number, j: number): Float64Array => {
    const values = Float64Array.from({ length: rows }, (_, i) => matrix.data[i * width + j] ?? NaN);
    const mean = values.reduce((sum, value) => sum + value, 0) / rows;
    return values.map((value) => value - mean);
  };
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * (b[i] ?? NaN), 0) / rows;
  return {
    covariance: f32([voxels, targets], Array.from({ length: voxels * targets }, (_, n) => dot(column(x, voxels, Math.floor(n / targets)), column(p, targets, n % targets)))),
    deviation: Float64Array.from({ length: targets }, (_, f) => Math.sqrt(dot(column(p, targets, f), column(p, targets, f)))),
  };
}

describe('pattern facts', () => {
  it('are the covariance and deviation of centred predictions', async () => {
    const x = normal(60, 5, SEED), p = f32([60, 7], normal(60, 7, SEED + 1).data.map((value, at) => value + (at % 7) * 10));
    const { covariance, deviation } = covariances(x, p);
    const centredX = f32(x.shape, x.data.map((value, at) => { let sum = 0; for (let i = 0; i < 60; i++) sum += x.data[i * 5 + (at % 5)] ?? NaN; return value - sum / 60; }));
    const facts = await patternFacts(centredX, p, new Float64Array(7).fill(1), (a, b) => plainProducts().multiply('aTb', a, b));
    // Single-precision storage of predictions up to 70.
    expectClose(facts.covariance.data, covariance.data, { absolute: 2e-5 }, SEED);
    expectClose(facts.decodedDeviation, deviation, { absolute: 2e-5 }, SEED);
  });
});

describe('voxel sums', () => {
  const x = normal(60, 5, SEED);
  const p = normal(60, 7, SEED + 1);
  const weights = normal(5, 7, SEED + 2);
  const r = Float64Array.from({ length: 7 }, (_, f) => 0.2 * f - 0.3);
  const targetDeviation = Float64Array.from({ length: 7 }, (_, f) => 0.5 + f);

  it('follow their formulas, whatever the blocks', () => {
    const { covariance, deviation } = covariances(x, p);
    const of = (from: number, to: number) => (matrix: F32): F32 => f32([5, to - from], Array.from({ length: 5 * (to - from) }, (_, n) => matrix.data[Math.floor(n / (to - from)) * 7 + from + (n % (to - from))] ?? NaN));
    const accuracy = Array.from(r, (value) => Math.max(value, 0));
    const sum = (f: (target: number) => number): number => accuracy.reduce((total, _value, target) => total + f(target), 0);
    const at = (matrix: F32, v: number, f: number): number => matrix.data[v * 7 + f] ?? NaN;
    const scaled = (v: number, f: number): number => at(weights, v, f) / (targetDeviation[f] ?? NaN);
    const voxels = [0, 1, 2, 3, 4];
    for (const cuts of [[0, 7], [0, 3, 7]]) {
      const sums = emptySums(5);
      for (let k = 1; k < cuts.length; k++) {
        const [from = 0, to = 0] = [cuts[k - 1], cuts[k]];
        const cut = of(from, to);
        addPatterns(sums, { covariance: cut(covariance), decodedDeviation: deviation.subarray(from, to), r: r.subarray(from, to) });
        addWeights(sums, { weights: cut(weights), targetDeviation: targetDeviation.subarray(from, to), r: r.subarray(from, to) });
      }
      const maps = finishSums(sums);
      expectClose(maps.pattern, voxels.map((v) => Math.sqrt(sum((f) => (accuracy[f] ?? NaN) ** 2 * (at(covariance, v, f) / (deviation[f] ?? NaN)) ** 2) / sum((f) => (accuracy[f] ?? NaN) ** 2))), STORED, SEED);
      expectClose(maps.weight, voxels.map((v) => Math.sqrt(sum((f) => scaled(v, f) ** 2))), STORED, SEED);
      expectClose(maps.accuracy, voxels.map((v) => sum((f) => (accuracy[f] ?? NaN) * Math.abs(scaled(v, f))) / sum((f) => accuracy[f] ?? NaN)), STORED, SEED);
    }
  });
  it('are undefined where nothing was decoded', () => {
    const sums = emptySums(5);
    const { covariance } = covariances(x, p);
    addPatterns(sums, { covariance, decodedDeviation: new Float64Array(7), r: new Float64Array(7).fill(-0.1) });
    addWeights(sums, { weights, targetDeviation, r: new Float64Array(7).fill(-0.1) });
    const maps = finishSums(sums);
    expect([...maps.pattern, ...maps.accuracy].every((value) => Number.isNaN(value))).toBe(true);
    expect(maps.weight.every((value) => value > 0)).toBe(true);
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
  it('percentile ranks share ties and leave the undefined alone', () => {
    const ranks = percentileRanks([1, 2, NaN, 2, 3]);
    expectClose([ranks[0], ranks[1], ranks[3], ranks[4]].map((rank) => rank ?? NaN), [0, 50, 50, 100], {});
    expect(ranks[2]).toBeNaN();
    expectClose(percentileRanks([7]), [50], {});
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
