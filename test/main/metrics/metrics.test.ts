import { describe, expect, it } from 'vitest';
import { f32 } from '../../../common/ndarray.ts';
import { permutation, random } from '../../../common/random.ts';
import { patternCorrelation, quartiles, unitCorrelation } from '../../../main/metrics/correlation.ts';
import { similarityMatrix, twoWayIdentification } from '../../../main/metrics/identification.ts';
import { pearson } from '../../../main/metrics/pearson.ts';
import { ssim2d, ssimFieldV1 } from '../../../main/metrics/ssim.ts';
import { METRICS, scoreImages, shuffledBaseline } from '../../../main/metrics/table.ts';
import golden from '../../golden/metrics/metrics.json' with { type: 'json' };
import { expectClose } from '../../support/close.ts';
import { featureRows, HEIGHT, picture, WIDTH } from './fixture.ts';
import type { F32 } from '../../../common/ndarray.ts';
import type { Metric } from '../../../main/metrics/table.ts';

/** float32 inputs may differ by an ulp (6e-8) between NumPy's and this engine's sine. */
const GOLDEN = { absolute: 2e-6 };
const TABLE: readonly Metric[] = Object.values(METRICS);
const SEED = 20230414;

/** Random pictures or features in [0, 1]. */
function sample(metric: Metric, images: number, seed: number): F32 {
  const shape = metric.needs === 'pixels' ? [images, 12, 13, 3] : [images, 30];
  const source = random(seed);
  return f32(shape, Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => source.uniform()));
}

describe('every metric of the table', () => {
  for (const metric of TABLE) {
    it(`${metric.name} gives its perfect score to the truth itself and a worse one to anything else`, () => {
      const truth = sample(metric, 6, SEED);
      expectClose(scoreImages(metric, truth, truth), new Float64Array(6).fill(metric.perfect), { absolute: 1e-12 }, SEED);
      const mean = scoreImages(metric, truth, sample(metric, 6, SEED + 1)).reduce((sum, s) => sum + s, 0) / 6;
      expect(metric.better === 'higher' ? metric.perfect - mean : mean - metric.perfect, `seed ${SEED}`).toBeGreaterThan(0.02);
    });
    it(`${metric.name} is found under its own name`, () => {
      expect(Object.entries(METRICS).find(([, entry]) => entry === metric)?.[0]).toBe(metric.name);
    });
    it(`${metric.name} refuses arrays of other shapes and too few images`, () => {
      expect(() => scoreImages(metric, sample(metric, 3, 1), sample(metric, 4, 1))).toThrow(metric.name);
      expect(() => scoreImages(metric, sample(metric, 0, 1), sample(metric, 0, 1))).toThrow(metric.name);
    });
    it(`${metric.name}: the shuffled baseline of few images is the mean over all wrong pairs`, () => {
      const truth = sample(metric, 5, SEED);
      const recon = sample(metric, 5, SEED + 2);
      const score = metric.scorer(truth, recon);
      let sum = 0;
      for (let j = 0; j < 5; j++) {
        for (let i = 0; i < 5; i++) {
          if (i === j) continue;
          // Only position j is moved off its truth; the others do not matter for score j.
          sum += score(Int32Array.from({ length: 5 }, (_, k) => (k === j ? i : k)))[j] ?? NaN;
        }
      }
      expectClose(shuffledBaseline(metric, truth, recon), sum / 20, { absolute: 1e-12 }, SEED);
    });
  }
  it('two-way baselines are one half', () => {
    for (const metric of [METRICS.two_way, METRICS.two_way_truth_to_recon]) {
      const truth = sample(metric, 200, SEED);
      expectClose(shuffledBaseline(metric, truth, truth), 0.5, { absolute: 0.03 }, SEED);
    }
  });
});

describe('pixel scores against scikit-image and NumPy', () => {
  for (const kind of ['noisy', 'other', 'flat'] as const) {
    for (const name of ['ssim_2d', 'ssim_field_v1', 'pcc', 'mse'] as const) {
      it(`${name} of the ${kind} picture`, () => {
        expectClose(scoreImages(METRICS[name], picture('truth'), picture(kind)), [golden.pairs[kind][name]], GOLDEN);
      });
    }
  }
  it('the two SSIMs differ, except on identical pictures', () => {
    const truth = picture('truth').data;
    const flat = picture('flat').data;
    // Both means are over the same rows; the one-dimensional window sees less structure, so a flat guess scores higher (method.md 5.1).
    expect(ssimFieldV1(truth, flat, HEIGHT, WIDTH)).toBeGreaterThan(1.5 * ssim2d(truth, flat, HEIGHT, WIDTH));
    expectClose([ssim2d(truth, truth, HEIGHT, WIDTH), ssimFieldV1(truth, truth, HEIGHT, WIDTH)], [1, 1], { absolute: 1e-12 });
  });
  it('pictures smaller than the window are refused', () => {
    expect(() => ssim2d(new Float32Array(300), new Float32Array(300), 10, 10)).toThrow('at least 11 pixels');
  });
});

describe('feature scores against NumPy', () => {
  const { truth, recon } = featureRows();
  it('similarity matrix', () => expectClose(similarityMatrix(truth, recon).data, golden.features.similarity, GOLDEN));
  it('recon to truth', () => expectClose(scoreImages(METRICS.two_way, truth, recon), golden.features.recon_to_truth, GOLDEN));
  it('truth to recon', () => expectClose(scoreImages(METRICS.two_way_truth_to_recon, truth, recon), golden.features.truth_to_recon, GOLDEN));
  it('cosine', () => expectClose(scoreImages(METRICS.clip_similarity, truth, recon), golden.features.cosine, GOLDEN));
  it('unit-wise r', () => expectClose(unitCorrelation(truth, recon), golden.features.unit_r, GOLDEN));
  it('pattern r', () => expectClose(patternCorrelation(truth, recon), golden.features.pattern_r, GOLDEN));
  it('quartiles', () => {
    const { q1, median, q3 } = quartiles(Float64Array.from({ length: 12 }, (_, i) => truth.data[i * 20] ?? NaN));
    expectClose([q1, median, q3], golden.features.quartiles, GOLDEN);
  });
});

describe('degenerate vectors', () => {
  it('a constant vector correlates with nothing and identifies at chance', () => {
    expect(pearson(new Float32Array(9).fill(0.3), Float32Array.from({ length: 9 }, (_, i) => i))).toBe(0);
    const truth = sample(METRICS.two_way, 8, SEED);
    expectClose(scoreImages(METRICS.two_way, truth, f32([8, 30], new Float32Array(240).fill(0.7))), new Float64Array(8).fill(0.5), {});
  });
  it('large offsets do not change r', () => {
    const a = Float64Array.from({ length: 50 }, (_, i) => Math.sin(i));
    const b = Float64Array.from({ length: 50 }, (_, i) => Math.sin(i) + Math.cos(3 * i));
    expectClose(pearson(a.map((v) => v + 1e6), b.map((v) => v - 1e6)), pearson(a, b), { absolute: 1e-9 });
  });
});

describe('two-way identification by chance', () => {
  it('of shuffled pairs has mean 0.5 and SD about sqrt(1/(12 N))', () => {
    const images = 60;
    const draws = 400;
    const source = random(SEED);
    // Similarities of unrelated items: uniform independent entries, as ranks only matter.
    const truth = f32([images, 40], Float32Array.from({ length: images * 40 }, () => source.normal()));
    const recon = f32([images, 40], Float32Array.from({ length: images * 40 }, () => source.normal()));
    const similarity = similarityMatrix(truth, recon);
    const means = Array.from({ length: draws }, () => {
      const scores = twoWayIdentification(similarity, 'recon->truth', permutation(images, source));
      return scores.reduce((sum, s) => sum + s, 0) / images;
    });
    const mean = means.reduce((sum, m) => sum + m, 0) / draws;
    const sd = Math.sqrt(means.reduce((sum, m) => sum + (m - mean) ** 2, 0) / (draws - 1));
    const theory = Math.sqrt(1 / (12 * images));
    // Four standard errors of the mean; 15 % for an SD from 400 draws (its own SE is 3.5 %) and the mild dependence between columns.
    expectClose(mean, 0.5, { absolute: (4 * theory) / Math.sqrt(draws) }, SEED);
    expectClose(sd, theory, { relative: 0.15 }, SEED);
  });
});
