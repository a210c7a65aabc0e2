/** Bootstrap intervals over images (percentile method). Seeded: the same scores and seed give the same interval. */
import { random } from '../../common/random.ts';
import { quantileOfSorted } from './correlation.ts';
import type { Direction } from './identification.ts';
import type { F64 } from '../../common/ndarray.ts';

export interface BootstrapOptions {
  readonly resamples?: number;
  /** Coverage, e.g. 0.95. */
  readonly level?: number;
  readonly seed?: number;
}

export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  readonly level: number;
  readonly resamples: number;
}

const DEFAULTS = { resamples: 10_000, level: 0.95, seed: 1 } as const;

function interval(images: number, mean: number, options: BootstrapOptions, statistic: (counts: Int32Array) => number): Interval {
  if (images === 0) throw new RangeError('an interval over no images');
  const { resamples, level, seed } = { ...DEFAULTS, ...options };
  const source = random(seed);
  const counts = new Int32Array(images);
  const means = Float64Array.from({ length: resamples }, () => {
    counts.fill(0);
    for (let i = 0; i < images; i++) {
      const pick = source.integer(images);
      counts[pick] = (counts[pick] ?? 0) + 1;
    }
    return statistic(counts);
  }).sort();
  return { mean, low: quantileOfSorted(means, (1 - level) / 2), high: quantileOfSorted(means, (1 + level) / 2), level, resamples };
}

/** Interval of the mean of per-image scores. */
export function bootstrapMean(scores: ArrayLike<number>, options: BootstrapOptions = {}): Interval {
  const values = Float64Array.from(scores);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return interval(values.length, mean, options, (counts) => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += (counts[i] ?? 0) * (values[i] ?? 0);
    return sum / values.length;
  });
}

/**
 * Interval of two-way identification: images are resampled for rows and columns together, and copies of the item itself are not distractors
 * (method.md 5.7). Needs the similarity matrix, because resampling s_j alone would ignore that distractors are a sample too.
 */
export function bootstrapIdentification(similarity: F64, direction: Direction, options: BootstrapOptions = {}): Interval {
  const [items = 0] = similarity.shape;
  // 1. wins[j, i] = 1, 1/2 or 0: does j beat distractor i?
  const wins = new Float32Array(items * items);
  for (let j = 0; j < items; j++) {
    const right = similarity.data[j * items + j] ?? 0;
    for (let i = 0; i < items; i++) {
      const r = (direction === 'recon->truth' ? similarity.data[i * items + j] : similarity.data[j * items + i]) ?? 0;
      wins[j * items + i] = i === j ? 0 : r < right ? 1 : r === right ? 0.5 : 0;
    }
  }
  // 2. Weighted accuracy, weights = how often each image was drawn.
  const accuracy = (counts: Int32Array): number => {
    let total = 0;
    for (let j = 0; j < items; j++) {
      const copies = counts[j] ?? 0;
      if (copies === 0 || copies === items) continue;
      let beaten = 0;
      for (let i = 0; i < items; i++) beaten += (counts[i] ?? 0) * (wins[j * items + i] ?? 0);
      total += (copies * beaten) / (items - copies);
    }
    return total / items;
  };
  return interval(items, accuracy(new Int32Array(items).fill(1)), options, accuracy);
}
