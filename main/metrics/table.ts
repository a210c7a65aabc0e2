/**
 * METRICS: every metric by name and version. A metric scores reconstruction j against truth `pairing[j]`, one number per reconstruction,
 * so that the shuffled baseline is the same code with another pairing.
 *
 * `pixels` metrics take pictures `float32 [images, height, width, 3]` in [0, 1]; `features` metrics take rows `float32 [images, features]`.
 */
import { cosineSimilarity } from './clip-similarity.ts';
import { identityPairing, similarityMatrix, twoWayIdentification } from './identification.ts';
import { meanSquaredError } from './mse.ts';
import { pearson } from './pearson.ts';
import { ssim2d, SSIM_WINDOW, ssimFieldV1 } from './ssim.ts';
import { sizeOf } from '../../common/ndarray.ts';
import type { Direction } from './identification.ts';
import type { F32 } from '../../common/ndarray.ts';

export interface Metric {
  readonly name: string;
  /** Raised whenever the numbers change. */
  readonly version: number;
  readonly title: string;
  readonly better: 'higher' | 'lower';
  readonly needs: 'pixels' | 'features';
  /** Score of a perfect reconstruction. */
  readonly perfect: number;
  /** Least images for which it is defined. */
  readonly leastImages: number;
  /** Least height and width of the pictures for which it is defined; 1 where it takes features. */
  readonly leastPixels: number;
  readonly definition: string;
  /** What all pairings share is computed once; the function returned gives one score per reconstruction. */
  readonly scorer: (truth: F32, recon: F32) => (pairing: Int32Array) => Float64Array;
}

type PairScore = (truth: Float32Array, recon: Float32Array, shape: readonly number[]) => number;

const perPair = (score: PairScore): Metric['scorer'] => (truth, recon) => {
  const item = truth.shape.slice(1);
  const width = sizeOf(item);
  return (pairing) => Float64Array.from(pairing, (own, j) =>
    score(truth.data.subarray(own * width, (own + 1) * width), recon.data.subarray(j * width, (j + 1) * width), item));
};

const identify = (direction: Direction): Metric['scorer'] => (truth, recon) => {
  const similarity = similarityMatrix(truth, recon);
  return (pairing) => twoWayIdentification(similarity, direction, pairing);
};

const size = (shape: readonly number[]): readonly [number, number] => [shape[0] ?? 0, shape[1] ?? 0];

const ONE_IMAGE = { version: 1, leastImages: 1, leastPixels: 1 } as const;

export const METRICS = {
  pcc: {
    ...ONE_IMAGE, name: 'pcc', title: 'PCC', better: 'higher', needs: 'pixels', perfect: 1,
    definition: 'Pearson correlation of all RGB values of an image (PixCorr)', scorer: perPair(pearson),
  },
  ssim_2d: {
    ...ONE_IMAGE, leastPixels: SSIM_WINDOW, name: 'ssim_2d', title: 'SSIM', better: 'higher', needs: 'pixels', perfect: 1,
    definition: 'Two-dimensional grey SSIM, Gaussian sigma 1.5, 11 taps', scorer: perPair((a, b, shape) => ssim2d(a, b, ...size(shape))),
  },
  ssim_field_v1: {
    ...ONE_IMAGE, leastPixels: SSIM_WINDOW, name: 'ssim_field_v1', title: 'SSIM (as published before 2023)', better: 'higher', needs: 'pixels', perfect: 1,
    definition: 'Mean of one-dimensional SSIMs of the columns (scikit-image up to 0.19)', scorer: perPair((a, b, shape) => ssimFieldV1(a, b, ...size(shape))),
  },
  mse: {
    ...ONE_IMAGE, name: 'mse', title: 'MSE', better: 'lower', needs: 'pixels', perfect: 0,
    definition: 'Mean squared difference of RGB values in [0, 1]', scorer: perPair(meanSquaredError),
  },
  clip_similarity: {
    ...ONE_IMAGE, name: 'clip_similarity', title: 'CLIP similarity', better: 'higher', needs: 'features', perfect: 1,
    definition: 'Cosine of projected CLIP image embeddings', scorer: perPair(cosineSimilarity),
  },
  two_way: {
    version: 1, leastImages: 2, leastPixels: 1, name: 'two_way', title: 'Two-way identification', better: 'higher', needs: 'features', perfect: 1,
    definition: 'Share of other truths less correlated with the reconstruction than its own; ties one half', scorer: identify('recon->truth'),
  },
  two_way_truth_to_recon: {
    version: 1, leastImages: 2, leastPixels: 1, name: 'two_way_truth_to_recon', title: 'Two-way identification (truth to recon)', better: 'higher', needs: 'features', perfect: 1,
    definition: 'Share of other reconstructions less correlated with the truth than its own; ties one half', scorer: identify('truth->recon'),
  },
} as const satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof METRICS;

/** Scores of a metric for matching pairs, `[images]`. Throws RangeError on wrong shapes or too few images. */
export function scoreImages(metric: Metric, truth: F32, recon: F32): Float64Array {
  checkShapes(metric, truth, recon);
  return metric.scorer(truth, recon)(identityPairing(recon.shape[0] ?? 0));
}

/** Above this many shifts the baseline is estimated from evenly spaced ones. */
const MOST_SHIFTS = 24;

/**
 * Mean score of wrong pairs: reconstruction j against truth (j + s) mod N, averaged over cyclic shifts s. Up to 25 images all shifts are used,
 * which is exactly the mean over all wrong pairs; above, 24 shifts spread evenly over 1 .. N - 1. No randomness. Throws RangeError for one image.
 */
export function shuffledBaseline(metric: Metric, truth: F32, recon: F32): number {
  checkShapes(metric, truth, recon);
  const images = recon.shape[0] ?? 0;
  if (images < 2) throw new RangeError('a shuffled baseline needs at least two images');
  const shifts = Math.min(images - 1, MOST_SHIFTS);
  const score = metric.scorer(truth, recon);
  let sum = 0;
  for (let k = 0; k < shifts; k++) {
    const shift = 1 + Math.floor((k * (images - 1)) / shifts);
    const scores = score(Int32Array.from({ length: images }, (_, j) => (j + shift) % images));
    sum += scores.reduce((total, score) => total + score, 0) / images;
  }
  return sum / shifts;
}

function checkShapes(metric: Metric, truth: F32, recon: F32): void {
  const same = truth.shape.length === recon.shape.length && truth.shape.every((extent, axis) => extent === recon.shape[axis]);
  const rank = metric.needs === 'pixels' ? 4 : 2;
  if (!same || truth.shape.length !== rank || (metric.needs === 'pixels' && truth.shape[3] !== 3)) {
    throw new RangeError(`${metric.name} needs two equal arrays [images, ${metric.needs === 'pixels' ? 'height, width, 3' : 'features'}], got [${truth.shape.join(', ')}] and [${recon.shape.join(', ')}]`);
  }
  if ((truth.shape[0] ?? 0) < metric.leastImages) throw new RangeError(`${metric.name} needs at least ${metric.leastImages} images`);
}
