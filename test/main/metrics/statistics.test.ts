import { describe, expect, it } from 'vitest';
import { f32, ndarray } from '../../../common/ndarray.ts';
import { permutation, random } from '../../../common/random.ts';
import { bootstrapIdentification, bootstrapMean } from '../../../main/metrics/bootstrap.ts';
import { nWayTopK, similarityMatrix, topKProbability, twoWayIdentification } from '../../../main/metrics/identification.ts';
import { ncsnrFromTrials, noiseCeilingPercent } from '../../../main/metrics/noise-ceiling.ts';
import { holm, pairedSignFlip } from '../../../main/metrics/permutation.ts';
import golden from '../../golden/metrics/metrics.json' with { type: 'json' };
import { expectClose } from '../../support/close.ts';
import { featureRows } from './fixture.ts';

const SEED = 86;

describe('n-way top-k', () => {
  it('equals the hypergeometric distribution of SciPy', () => {
    for (const [distractors = 0, m = 0, ways = 0, k = 0, expected = NaN] of golden.hypergeom) {
      expectClose(topKProbability(distractors, m, ways, k), expected, { absolute: 1e-12 });
    }
  });
  it('of real similarities agrees with SciPy', () => {
    const { truth, recon } = featureRows();
    const similarity = similarityMatrix(truth, recon);
    expectClose(nWayTopK(similarity, 5, 1)[3] ?? NaN, golden.features.top1_of_5_item_3, { absolute: 1e-12 });
    expectClose(nWayTopK(similarity, 5, 2)[3] ?? NaN, golden.features.top2_of_5_item_3, { absolute: 1e-12 });
  });
  it('equals simulation within three standard errors, ties broken at random', () => {
    // Column 0: right item 0.5, two better, three ties, five worse.
    const items = 11;
    const data = new Float64Array(items * items);
    [0.5, 0.9, 0.8, 0.5, 0.5, 0.5, 0.1, 0.2, 0.3, 0.0, -0.4].forEach((r, i) => { data[i * items] = r; });
    const exact = nWayTopK(ndarray('float64', [items, items], data), 6, 2)[0] ?? NaN;
    const source = random(SEED);
    const draws = 40_000;
    let hits = 0;
    for (let draw = 0; draw < draws; draw++) {
      const order = permutation(items - 1, source);
      let beaten = 0;
      for (let d = 0; d < 5; d++) {
        const r = data[((order[d] ?? 0) + 1) * items] ?? 0;
        if (r > 0.5) beaten++;
      }
      const tied = Array.from({ length: 5 }, (_, d) => data[((order[d] ?? 0) + 1) * items] ?? 0).filter((r) => r === 0.5).length;
      // Place of the right item among itself and the tied ones that were drawn: uniform.
      beaten += source.integer(tied + 1);
      if (beaten < 2) hits++;
    }
    const error = Math.sqrt((exact * (1 - exact)) / draws);
    expectClose(hits / draws, exact, { absolute: 3 * error }, SEED);
  });
  it('two-way identification is two-way top-1', () => {
    const { truth, recon } = featureRows();
    const similarity = similarityMatrix(truth, recon);
    for (const direction of ['recon->truth', 'truth->recon'] as const) {
      expectClose(nWayTopK(similarity, 2, 1, direction), twoWayIdentification(similarity, direction), { absolute: 1e-12 });
    }
  });
  it('refuses more ways than items', () => {
    const { truth, recon } = featureRows();
    expect(() => nWayTopK(similarityMatrix(truth, recon), 13, 1)).toThrow('13-way');
  });
});

describe('bootstrap', () => {
  it('interval of a mean is that of the normal theory for many images', () => {
    const source = random(SEED);
    const scores = Float64Array.from({ length: 400 }, () => 0.3 + 0.1 * source.normal());
    const { mean, low, high } = bootstrapMean(scores, { resamples: 4000 });
    const sd = Math.sqrt(scores.reduce((sum, s) => sum + (s - mean) ** 2, 0) / 399);
    const half = (1.96 * sd) / 20;
    // Monte Carlo error of a 2.5 % quantile from 4000 draws is about 4 % of the half width.
    expectClose([low, high], [mean - half, mean + half], { absolute: 0.12 * half }, SEED);
  });
  it('is the same for the same seed and moves with another', () => {
    const scores = [0.1, 0.4, 0.2, 0.9, 0.5];
    expect(bootstrapMean(scores, { seed: 4 })).toEqual(bootstrapMean(scores, { seed: 4 }));
    expect(bootstrapMean(scores, { seed: 4, resamples: 50 })).not.toEqual(bootstrapMean(scores, { seed: 5, resamples: 50 }));
  });
  it('identification is resampled for both axes and contains its estimate', () => {
    const { truth, recon } = featureRows();
    const similarity = similarityMatrix(truth, recon);
    for (const direction of ['recon->truth', 'truth->recon'] as const) {
      const { mean, low, high } = bootstrapIdentification(similarity, direction, { resamples: 1000 });
      expectClose(mean, twoWayIdentification(similarity, direction).reduce((sum, s) => sum + s, 0) / 12, { absolute: 1e-7 });
      expect(low).toBeLessThan(mean);
      expect(high).toBeGreaterThan(mean);
    }
  });
});

describe('paired sign-flip test', () => {
  it('visits all sign patterns for few images, as SciPy', () => {
    const { difference, p } = golden.sign_flip;
    const result = pairedSignFlip(difference, new Float64Array(difference.length));
    expect(result.exact).toBe(true);
    expectClose(result.p, p, { absolute: 1e-12 });
  });
  it('is uniform under the null and small under a clear effect', () => {
    const source = random(SEED);
    const ps = Array.from({ length: 200 }, (_, draw) =>
      pairedSignFlip(Float64Array.from({ length: 30 }, () => source.normal()), new Float64Array(30), { flips: 400, seed: draw }).p);
    const below = ps.filter((p) => p < 0.25).length / 200;
    // Binomial standard error 0.031, three of them.
    expectClose(below, 0.25, { absolute: 0.093 }, SEED);
    expect(pairedSignFlip(Float64Array.from({ length: 30 }, () => 1 + source.normal()), new Float64Array(30)).p).toBeLessThan(0.001);
  });
  it('equal systems have p = 1', () => {
    expect(pairedSignFlip([1, 2, 3], [1, 2, 3]).p).toBe(1);
  });
  it('Holm adjusts as by hand', () => {
    expectClose(holm(golden.holm.p), golden.holm.adjusted, { absolute: 1e-15 });
  });
});

describe('noise ceiling', () => {
  it('follows the mixture formula', () => {
    // ncsnr 1; A = 2 images of three trials, B = 1 of two, C = 1 of one: mean(1/n) = (2/3 + 1/2 + 1)/4 = 0.541666...
    expectClose(noiseCeilingPercent(Float32Array.of(0, 1, 2), [3, 3, 2, 1]), [0, 100 / (1 + 13 / 24), 400 / (4 + 13 / 24)], { relative: 1e-6 });
    expectClose(noiseCeilingPercent(Float32Array.of(1), [3, 3]), [75], { relative: 1e-6 });
  });
  it('refuses rows without trials', () => {
    expect(() => noiseCeilingPercent(Float32Array.of(1), [3, 0])).toThrow('image row 1');
  });
  it('ncsnr of simulated trials is the ratio that was put in', () => {
    const source = random(SEED);
    const images = 1500;
    const ratios = [0, 0.5, 1.5];
    const data = new Float32Array(images * 3 * ratios.length);
    const ids = new Int32Array(images * 3);
    for (let image = 0; image < images; image++) {
      const signal = ratios.map((ratio) => ratio * source.normal());
      for (let repeat = 0; repeat < 3; repeat++) {
        const trial = image * 3 + repeat;
        ids[trial] = image;
        signal.forEach((value, v) => { data[trial * ratios.length + v] = value + source.normal(); });
      }
    }
    const found = ncsnrFromTrials(f32([images * 3, ratios.length], data), ids);
    // The total variance 1.25 from 1500 images has an SE of about 0.035, so a ratio of 0.5 has one of 0.035; three of them.
    expectClose(found.subarray(1), ratios.slice(1), { absolute: 0.11 }, SEED);
    expect(found[0] ?? NaN, `seed ${SEED}`).toBeLessThan(0.25);
  });
});
