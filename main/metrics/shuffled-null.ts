/**
 * What accuracy of decoding would be by chance: the pairing of truth and prediction is shuffled over images, many times, and the measure taken again.
 *
 * Shuffles are uniform permutations (the identity can occur, which makes the bounds no smaller than they should be). The same seed gives the same bounds.
 * Sources: method.md 5.7 (permutation of the pairing for chance); Nichols and Holmes 2002 (permutation tests).
 */
import type { F32, F64 } from '../../common/ndarray.ts';
import { permutation, random } from '../../common/random.ts';
import { quantileOfSorted } from './correlation.ts';
import { twoWayIdentification } from './identification.ts';
import { isConstant } from './pearson.ts';

export interface ShuffleOptions {
  readonly shuffles: number;
  readonly seed: number;
}

export interface UnitBounds {
  /** |r| of a single unit stays below this in 95 % of shuffles and units. */
  readonly unit: number;
  /** The median r over units stays below this in 95 % of shuffles: wider than one would think, because units are correlated. */
  readonly median: number;
  /** Units that the bounds were taken from. */
  readonly units: number;
}

/** Units taken at most, evenly spaced: quantiles of a thousand are exact enough and cost little. */
const MOST_UNITS = 1024;

/** Bounds of r over images, `[images, units]` twice. Constant units are left out. Null without two images or any unit that varies. */
export function shuffledUnitBounds(truth: F32, decoded: F32, { shuffles, seed }: ShuffleOptions): UnitBounds | null {
  const [images = 0, width = 0] = truth.shape;
  if (decoded.shape[0] !== images || decoded.shape[1] !== width) throw new RangeError(`shuffling [${truth.shape.join(', ')}] against [${decoded.shape.join(', ')}]`);
  // 1. Evenly spaced units, standardised over images: r = <a, b>, `[units, images]`.
  const step = Math.max(1, width / MOST_UNITS), a: Float64Array[] = [], b: Float64Array[] = [];
  for (let at = 0; at < width; at += step) {
    const unit = Math.floor(at), x = unitColumn(truth, unit), y = unitColumn(decoded, unit);
    if (x !== null && y !== null) { a.push(x); b.push(y); }
  }
  if (images < 2 || a.length === 0) return null;
  // 2. Shuffles.
  const source = random(seed), all = new Float64Array(shuffles * a.length), medians = new Float64Array(shuffles), rs = new Float64Array(a.length);
  for (let s = 0; s < shuffles; s++) {
    const order = permutation(images, source);
    for (let u = 0; u < a.length; u++) {
      const x = a[u], y = b[u];
      let r = 0;
      if (x !== undefined && y !== undefined) for (let i = 0; i < images; i++) r += (x[i] ?? 0) * (y[order[i] ?? 0] ?? 0);
      rs[u] = r;
      all[s * a.length + u] = Math.abs(r);
    }
    medians[s] = quantileOfSorted(Float64Array.from(rs).sort(), 0.5);
  }
  return { unit: quantileOfSorted(all.sort(), 0.95), median: quantileOfSorted(medians.sort(), 0.95), units: a.length };
}

/** One column, centred and of length one; null if it is constant. */
function unitColumn(array: F32, column: number): Float64Array | null {
  const [rows = 0, width = 0] = array.shape;
  const values = Float64Array.from({ length: rows }, (_, i) => array.data[i * width + column] ?? 0);
  const mean = values.reduce((sum, value) => sum + value, 0) / rows;
  let squares = 0;
  for (let i = 0; i < rows; i++) { const d = (values[i] ?? 0) - mean; values[i] = d; squares += d * d; }
  return isConstant(squares, rows, mean) ? null : values.map((value) => value / Math.sqrt(squares));
}

export interface PairBounds {
  /** Mean over images of the correlation of truth and prediction over units stays below this in 95 % of shuffles. */
  readonly pattern: number;
  /** Two-way identification stays below this in 95 % of shuffles; its mean is one half. */
  readonly identification: number;
}

/** Bounds from correlations of every truth with every prediction, `[images, images]`. Null without two images. */
export function shuffledPairBounds(similarity: F64, { shuffles, seed }: ShuffleOptions): PairBounds | null {
  const images = similarity.shape[0] ?? 0;
  if (images < 2) return null;
  const source = random(seed), patterns = new Float64Array(shuffles), identified = new Float64Array(shuffles);
  for (let s = 0; s < shuffles; s++) {
    const own = permutation(images, source);
    let sum = 0;
    own.forEach((truth, j) => { sum += similarity.data[truth * images + j] ?? 0; });
    patterns[s] = sum / images;
    identified[s] = twoWayIdentification(similarity, 'recon->truth', own).reduce((total, score) => total + score, 0) / images;
  }
  return { pattern: quantileOfSorted(patterns.sort(), 0.95), identification: quantileOfSorted(identified.sort(), 0.95) };
}
