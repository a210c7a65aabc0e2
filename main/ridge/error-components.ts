/**
 * What a decoder gets wrong: principal components of its errors on images that it has not seen.
 *
 *   e_i = y_i - prediction_i  of training image i, the prediction out of fold and as later ones will be used (variance-matched or not);
 *   E = [e_i], E E' / m = V diag(lambda) V';  direction_k = lambda_k^-1/2 m^-1/2 V_k' E,  deviation_k = sqrt(lambda_k)
 *
 * A decoded value plus sum_k deviation_k u_k direction_k, with u standard normal, is where the truth may lie: errors of neighbouring places and of words
 * that go together are errors in common, and a few directions hold nearly all of them. Directions are orthonormal rows. Computed from the Gram matrix of
 * at most `MOST_IMAGES` images, so that memory and time do not grow with the number of trials.
 */
import { f32, ndarray, zeros } from '../../common/ndarray.ts';
import type { F32 } from '../../common/ndarray.ts';
import { leadingEigen } from '../linalg/leading-eigen.ts';
import type { Products } from '../linalg/products.ts';

export interface ErrorComponents {
  /** Orthonormal rows, most error first, `[components, targets]`. */
  readonly directions: F32;
  /** SD of the errors along each, `[components]`. */
  readonly deviation: Float32Array;
}

/** Images whose errors are read, evenly spaced over the training images. */
export const MOST_IMAGES = 1000;
export const MOST_COMPONENTS = 128;
/** Share of the errors' variance that the components hold. */
export const HELD_SHARE = 0.9;
/** Variance against the largest, below which a component is rounding. */
const LEAST = 1e-6;

export interface ErrorCollector {
  /** What it holds while a fit goes on. */
  readonly bytes: number;
  /** Predictions `[images, targets.length]` less the targets' means, as a fit hands them on; every target once. */
  readonly add: (targets: Int32Array, predictions: F32) => void;
  /** Throws CancelledError when the signal fires. */
  readonly finish: (products: Products, signal?: AbortSignal) => Promise<ErrorComponents>;
}

/** Collects the errors of decoding `truth` `[images, targets]`; `matched`: predictions are brought to the contrast of the truth first (variance-matching.ts). */
export function collectErrors(truth: F32, matched: boolean): ErrorCollector {
  const [images = 0, width = 0] = truth.shape, kept = Math.min(images, MOST_IMAGES);
  const rows = Int32Array.from({ length: kept }, (_, k) => Math.floor((k * images) / kept)), errors = zeros('float32', [kept, width]);
  return {
    bytes: errors.data.byteLength,
    add: (targets, predictions) => {
      const block = predictions.shape[1] ?? 0;
      for (let k = 0; k < block; k++) {
        const target = targets[k] ?? 0;
        const y = moments((i) => truth.data[i * width + target]!, images), p = moments((i) => predictions.data[i * block + k]!, images);
        // A constant prediction is left at the mean, as variance matching does.
        const gain = !matched ? 1 : p.deviation > 1e-6 * y.deviation && p.deviation > 0 ? y.deviation / p.deviation : 0;
        const offset = matched ? p.mean : 0;
        rows.forEach((row, m) => { errors.data[m * width + target] = truth.data[row * width + target]! - y.mean - gain * (predictions.data[row * block + k]! - offset); });
      }
    },
    finish: (products, signal) => componentsOf(errors, products, signal),
  };
}

function moments(value: (i: number) => number, count: number): { readonly mean: number; readonly deviation: number } {
  let mean = 0, square = 0;
  for (let i = 0; i < count; i++) mean += value(i);
  mean /= count;
  for (let i = 0; i < count; i++) square += (value(i) - mean) ** 2;
  return { mean, deviation: Math.sqrt(square / count) };
}

/** Components of errors `[images, targets]` about zero. */
export async function componentsOf(errors: F32, products: Products, signal?: AbortSignal): Promise<ErrorComponents> {
  const [images = 0, width = 0] = errors.shape;
  // 1. Spectrum of the images' Gram matrix: that of the targets' covariance, but for zeros. Its trace is all the variance there is.
  const gram = await products.multiply('abT', errors, errors);
  let all = 0;
  for (let i = 0; i < images; i++) all += gram.data[i * images + i]!;
  const { values, vectors } = await leadingEigen(ndarray('float64', [images, images], Float64Array.from(gram.data)), Math.min(MOST_COMPONENTS, width), products, signal);
  const kept: number[] = [], variance = (k: number): number => values[k] ?? 0, held = (): number => kept.reduce((sum, k) => sum + variance(k), 0);
  for (let k = 0; k < values.length && variance(k) > LEAST * variance(0) && held() < HELD_SHARE * all; k++) kept.push(k);
  if (kept.length === 0) return { directions: zeros('float32', [0, width]), deviation: new Float32Array(0) };
  // 2. Directions among the targets.
  const mix = zeros('float32', [kept.length, images]);
  kept.forEach((k, row) => { const size = Math.sqrt(variance(k)); for (let i = 0; i < images; i++) mix.data[row * images + i] = (vectors.data[k * images + i] ?? 0) / size; });
  const directions = await products.multiply('ab', mix, errors);
  return { directions: f32([kept.length, width], directions.data), deviation: Float32Array.from(kept, (k) => Math.sqrt(variance(k) / images)) };
}
