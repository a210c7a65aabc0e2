/**
 * How well features are decoded: unit-wise r (one unit, across images; "profile correlation") and pattern r (one image, across units).
 * Pattern r of raw values is inflated by the mean profile that all images share: pass z-scored values (training statistics).
 */
import { clampUnit, isConstant, pearson } from './pearson.ts';
import type { F32 } from '../../common/ndarray.ts';

function sameShape(a: F32, b: F32): readonly [number, number] {
  const [rows = 0, columns = 0] = a.shape;
  if (a.shape.length !== 2 || b.shape.length !== 2 || b.shape[0] !== rows || b.shape[1] !== columns) {
    throw new RangeError(`correlation of [${a.shape.join(', ')}] with [${b.shape.join(', ')}]`);
  }
  return [rows, columns];
}

/** Correlation over images of every unit: `[images, units]` twice -> `[units]`; 0 where a unit is constant. Row-wise passes, memory order. */
export function unitCorrelation(truth: F32, decoded: F32): Float32Array {
  const [images, units] = sameShape(truth, decoded);
  // 1. Means over images.
  const meanA = columnMeans(truth, images, units);
  const meanB = columnMeans(decoded, images, units);
  // 2. Co-moments.
  const ab = new Float64Array(units);
  const aa = new Float64Array(units);
  const bb = new Float64Array(units);
  for (let i = 0; i < images; i++) {
    for (let u = 0; u < units; u++) {
      const x = (truth.data[i * units + u] ?? 0) - (meanA[u] ?? 0);
      const y = (decoded.data[i * units + u] ?? 0) - (meanB[u] ?? 0);
      ab[u] = (ab[u] ?? 0) + x * y;
      aa[u] = (aa[u] ?? 0) + x * x;
      bb[u] = (bb[u] ?? 0) + y * y;
    }
  }
  // 3. r, with the same rule for constants as `pearson`.
  return Float32Array.from(ab, (sum, u) => {
    const x = aa[u] ?? 0;
    const y = bb[u] ?? 0;
    const flat = isConstant(x, images, meanA[u] ?? 0) || isConstant(y, images, meanB[u] ?? 0);
    return flat ? 0 : clampUnit(sum / Math.sqrt(x * y));
  });
}

/** Correlation over units of every image: `[images, units]` twice -> `[images]`. */
export function patternCorrelation(truth: F32, decoded: F32): Float32Array {
  const [images, units] = sameShape(truth, decoded);
  return Float32Array.from({ length: images }, (_, i) =>
    pearson(truth.data.subarray(i * units, (i + 1) * units), decoded.data.subarray(i * units, (i + 1) * units)));
}

function columnMeans(array: F32, rows: number, columns: number): Float64Array {
  const mean = new Float64Array(columns);
  for (let i = 0; i < rows; i++) for (let u = 0; u < columns; u++) mean[u] = (mean[u] ?? 0) + (array.data[i * columns + u] ?? 0);
  return mean.map((sum) => sum / rows);
}

/** First quartile, median and third quartile (linear interpolation between order statistics, NumPy's default). */
export function quartiles(values: ArrayLike<number>): { readonly q1: number; readonly median: number; readonly q3: number } {
  if (values.length === 0) throw new RangeError('quartiles of nothing');
  const sorted = Float64Array.from(values).sort();
  return { q1: quantileOfSorted(sorted, 0.25), median: quantileOfSorted(sorted, 0.5), q3: quantileOfSorted(sorted, 0.75) };
}

/** Quantile of ascending values, linear interpolation. */
export function quantileOfSorted(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const below = sorted[low] ?? NaN;
  const above = sorted[Math.min(low + 1, sorted.length - 1)] ?? NaN;
  return below + (at - low) * (above - below);
}
