/** Paired comparison of two systems on the same images, and correction for a family of metrics. */
import { random } from '../../common/random.ts';

export interface SignFlipResult {
  readonly meanDifference: number;
  /** Two-sided. */
  readonly p: number;
  /** True if all 2^n sign patterns were visited; otherwise `flips` random ones. */
  readonly exact: boolean;
  readonly flips: number;
}

/** Up to this many images every sign pattern is visited (65 536). */
const EXACT_IMAGES = 16;
/** Sums that differ only by rounding are equal: relative to the sum of magnitudes. */
const SAME = 1e-12;

/**
 * Sign-flip permutation test of mean(a - b) = 0 (two-sided). Under the null the sign of each image's difference is arbitrary. Random version:
 * p = (1 + extreme) / (1 + flips), never zero. Throws RangeError if the lengths differ or are zero.
 */
export function pairedSignFlip(a: ArrayLike<number>, b: ArrayLike<number>, options: { readonly flips?: number; readonly seed?: number } = {}): SignFlipResult {
  const images = a.length;
  if (images === 0 || b.length !== images) throw new RangeError(`paired test of ${images} and ${b.length} images`);
  const differences = Float64Array.from({ length: images }, (_, i) => (a[i] ?? 0) - (b[i] ?? 0));
  const observed = Math.abs(differences.reduce((sum, d) => sum + d, 0));
  const threshold = observed - SAME * differences.reduce((sum, d) => sum + Math.abs(d), 0);
  const meanDifference = differences.reduce((sum, d) => sum + d, 0) / images;
  if (images <= EXACT_IMAGES) {
    const patterns = 2 ** images;
    let extreme = 0;
    for (let pattern = 0; pattern < patterns; pattern++) {
      let sum = 0;
      for (let i = 0; i < images; i++) sum += (pattern >>> i) & 1 ? -(differences[i] ?? 0) : (differences[i] ?? 0);
      if (Math.abs(sum) >= threshold) extreme++;
    }
    return { meanDifference, p: extreme / patterns, exact: true, flips: patterns };
  }
  const flips = options.flips ?? 10_000;
  const source = random(options.seed ?? 1);
  let extreme = 0;
  for (let flip = 0; flip < flips; flip++) {
    let sum = 0;
    for (let i = 0; i < images; i++) sum += source.uniform() < 0.5 ? -(differences[i] ?? 0) : (differences[i] ?? 0);
    if (Math.abs(sum) >= threshold) extreme++;
  }
  return { meanDifference, p: (1 + extreme) / (1 + flips), exact: false, flips };
}

/** Holm's step-down adjustment (1979): adjusted p-values in the order given, monotone, at most 1. */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((p, index) => ({ p, index })).sort((x, y) => x.p - y.p);
  const adjusted = new Array<number>(pValues.length).fill(1);
  let running = 0;
  order.forEach(({ p, index }, rank) => {
    running = Math.max(running, Math.min(1, (pValues.length - rank) * p));
    adjusted[index] = running;
  });
  return adjusted;
}
