import { describe, expect, it } from 'vitest';
import { LEAST_CEILING } from '../../../common/decoding-measures.ts';
import { f32, ndarray } from '../../../common/ndarray.ts';
import { random } from '../../../common/random.ts';
import { unitCorrelation } from '../../../main/metrics/correlation.ts';
import { decodedCeiling, meanInverseTrials, withoutNoise } from '../../../main/metrics/decoded-ceiling.ts';
import { similarityMatrix } from '../../../main/metrics/identification.ts';
import { shuffledPairBounds, shuffledUnitBounds } from '../../../main/metrics/shuffled-null.ts';
import { expectClose } from '../../support/close.ts';

const SEED = 404;

/** Decoded value = slope of the truth + what the decoder gets wrong + noise of each trial; every part standard normal. */
interface World { readonly right: number; readonly wrong: number; readonly noise: number }

function simulate({ right, wrong, noise }: World, images: number, units: number, trialsOf: (image: number) => number) {
  const source = random(SEED), truth = new Float32Array(images * units), averaged = new Float32Array(images * units);
  const rows: number[] = [], imageOfTrial: number[] = [];
  for (let i = 0; i < images; i++) {
    const fixed = Array.from({ length: units }, (_, u) => { const y = source.normal(); truth[i * units + u] = y; return right * y + wrong * source.normal(); });
    const n = trialsOf(i);
    for (let t = 0; t < n; t++) {
      imageOfTrial.push(i);
      fixed.forEach((value, u) => {
        const decoded = value + noise * source.normal();
        rows.push(decoded);
        averaged[i * units + u] = (averaged[i * units + u] ?? 0) + decoded / n;
      });
    }
  }
  return {
    truth: f32([images, units], truth), averaged: f32([images, units], averaged),
    trials: f32([imageOfTrial.length, units], rows), place: { imageOfTrial: Int32Array.from(imageOfTrial), images },
  };
}

const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('noise ceiling of decoded values', () => {
  // 1500 images: the standard error of a variance ratio is about 0.03 a unit; 24 units bring it to 0.006. Three of them:
  const TOLERANCE = 0.02;
  it.each<[string, World, (image: number) => number, number]>([
    ['three trials each', { right: 0.6, wrong: 0.5, noise: 1 }, () => 3, 1 / 3],
    ['three, two and one trials', { right: 0.8, wrong: 0.2, noise: 0.7 }, (i) => 3 - (i % 3), (1 / 3 + 1 / 2 + 1) / 3],
  ])('%s: ceiling and accuracy without noise are those of the closed form', (_name, world, trialsOf, inverse) => {
    const { truth, averaged, trials, place } = simulate(world, 1500, 24, trialsOf);
    const signal = world.right ** 2 + world.wrong ** 2, variance = signal + world.noise ** 2 * inverse;
    expectClose(meanInverseTrials(place) ?? Number.NaN, inverse, { absolute: 1e-12 }, SEED);
    const ceiling = decodedCeiling(trials, place);
    if (ceiling === null) throw new Error('no ceiling of repeated images');
    expectClose(mean(ceiling), signal / variance, { absolute: TOLERANCE }, SEED);
    const r = unitCorrelation(truth, averaged);
    expectClose(mean(r), world.right / Math.sqrt(variance), { absolute: TOLERANCE }, SEED);
    expectClose(mean(withoutNoise(r, ceiling)), world.right / Math.sqrt(signal), { absolute: TOLERANCE }, SEED);
  });

  it('of noise alone is about zero, and no ratio is given', () => {
    const { truth, averaged, trials, place } = simulate({ right: 0, wrong: 0, noise: 1 }, 1500, 12, () => 3);
    const ceiling = decodedCeiling(trials, place);
    if (ceiling === null) throw new Error('no ceiling of repeated images');
    expect(Math.max(...ceiling)).toBeLessThan(LEAST_CEILING);
    expect([...withoutNoise(unitCorrelation(truth, averaged), ceiling)].every(Number.isNaN)).toBe(true);
  });

  it('is 1 without noise, NaN for a unit that does not vary', () => {
    const { trials, place } = simulate({ right: 1, wrong: 0.3, noise: 0 }, 10, 2, () => 2);
    for (let t = 0; t < place.imageOfTrial.length; t++) trials.data[2 * t + 1] = 7;
    const [varies = Number.NaN, constant = 0] = decodedCeiling(trials, place) ?? [];
    expectClose(varies, 1, { absolute: 1e-6 });
    expect(constant).toBeNaN();
  });

  it('says nothing where no image was shown twice or there is one image, and refuses an image without trials', () => {
    expect(decodedCeiling(f32([3, 1], [1, 2, 3]), { imageOfTrial: Int32Array.of(0, 1, 2), images: 3 })).toBeNull();
    expect(decodedCeiling(f32([2, 1], [1, 2]), { imageOfTrial: Int32Array.of(0, 0), images: 1 })).toBeNull();
    expect(() => decodedCeiling(f32([2, 1], [1, 2]), { imageOfTrial: Int32Array.of(0, 0), images: 2 })).toThrow('image row 1 has no trials');
  });
});

describe('shuffled bounds', () => {
  const normal = (images: number, units: number, name: string) => { const source = random(SEED).fork(name); return f32([images, units], Float32Array.from({ length: images * units }, () => source.normal())); };

  it('of independent units are those of the distribution of r: 1.96 / sqrt(N - 1) to first order, 0.063 at 982 images', () => {
    // Student: |r| < t / sqrt(N - 2 + t^2), t the 97.5 % quantile (2.0106 for 48, 1.9624 for 980 degrees of freedom). Quantile of 100 x 400 draws: 1 %.
    for (const [images, t] of [[50, 2.0106], [982, 1.9624]] as const) {
      const bounds = shuffledUnitBounds(normal(images, 400, 'truth'), normal(images, 400, 'decoded'), { shuffles: 100, seed: SEED });
      expectClose(bounds?.unit ?? Number.NaN, t / Math.sqrt(images - 2 + t * t), { relative: 0.02 }, SEED);
    }
    expectClose(1.9624 / Math.sqrt(980 + 1.9624 ** 2), 0.063, { absolute: 5e-4 });
  });

  it('of the median are wide where units are copies of one another, narrow where they are independent', () => {
    const one = normal(40, 1, 'one'), other = normal(40, 1, 'other');
    const copies = (array: typeof one) => f32([40, 50], Float32Array.from({ length: 2000 }, (_, i) => array.data[Math.floor(i / 50)] ?? 0));
    const same = shuffledUnitBounds(copies(one), copies(other), { shuffles: 400, seed: SEED }), apart = shuffledUnitBounds(normal(40, 50, 'a'), normal(40, 50, 'b'), { shuffles: 400, seed: SEED });
    // One-sided 95 % of r itself: 1.686 / sqrt(38 + 1.686^2) = 0.264, from 400 shuffles.
    expectClose(same?.median ?? Number.NaN, 0.264, { absolute: 0.05 }, SEED);
    expect(apart?.median ?? 1).toBeLessThan(0.12);
  });

  it('are 1 for two images, absent for one, and leave constant units out', () => {
    const pair = f32([2, 2], [1, 5, 2, 5]);
    const bounds = shuffledUnitBounds(pair, pair, { shuffles: 20, seed: SEED });
    expectClose(bounds?.unit ?? Number.NaN, 1, { absolute: 1e-12 });
    expect(bounds?.units).toBe(1);
    expect(shuffledUnitBounds(f32([1, 2], [1, 2]), f32([1, 2], [1, 2]), { shuffles: 20, seed: SEED })).toBeNull();
    expect(shuffledPairBounds(ndarray('float64', [1, 1], Float64Array.of(1)), { shuffles: 20, seed: SEED })).toBeNull();
  });

  it('of identification lie about 1.645 / sqrt(12 N) above one half, and both depend on the seed alone', () => {
    const similarity = similarityMatrix(normal(60, 80, 'x'), normal(60, 80, 'y'));
    const bounds = shuffledPairBounds(similarity, { shuffles: 1000, seed: SEED });
    expectClose(bounds?.identification ?? Number.NaN, 0.5 + 1.645 / Math.sqrt(12 * 60), { absolute: 0.015 }, SEED);
    expect(shuffledPairBounds(similarity, { shuffles: 1000, seed: SEED })).toEqual(bounds);
  });
});
