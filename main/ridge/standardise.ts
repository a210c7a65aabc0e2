/** Centring and scaling of columns with statistics of chosen rows. Means and deviations in double precision, two passes. */
import { UserError } from '../../common/errors.ts';
import { f32 } from '../../common/ndarray.ts';
import type { F32 } from '../../common/ndarray.ts';
import type { Range } from '../linalg/panels.ts';

export type Standardise = 'none' | 'zscore';

export interface ColumnStatistics {
  readonly mean: Float64Array;
  /** Population standard deviation (divided by n). */
  readonly deviation: Float64Array;
}

/** Mean and deviation of every column over the rows of the ranges. Throws UserError (`bad-input`) on a value that is not finite, naming where. */
export function columnStatistics(x: F32, ranges: readonly Range[] = [[0, x.shape[0] ?? 0]], name = 'X'): ColumnStatistics {
  const [, width = 0] = x.shape;
  const mean = new Float64Array(width);
  const deviation = new Float64Array(width);
  let count = 0;
  for (const [from, to] of ranges) {
    count += to - from;
    for (let i = from; i < to; i++) for (let j = 0; j < width; j++) mean[j] = (mean[j] ?? 0) + (x.data[i * width + j] ?? 0);
  }
  for (let j = 0; j < width; j++) {
    mean[j] = (mean[j] ?? 0) / count;
    if (!Number.isFinite(mean[j])) throw notFinite(x, ranges, j, name);
  }
  for (const [from, to] of ranges) {
    for (let i = from; i < to; i++) {
      for (let j = 0; j < width; j++) deviation[j] = (deviation[j] ?? 0) + ((x.data[i * width + j] ?? 0) - (mean[j] ?? 0)) ** 2;
    }
  }
  for (let j = 0; j < width; j++) deviation[j] = Math.sqrt((deviation[j] ?? 0) / count);
  return { mean, deviation };
}

function notFinite(x: F32, ranges: readonly Range[], column: number, name: string): UserError {
  const [, width = 0] = x.shape;
  for (const [from, to] of ranges) {
    for (let i = from; i < to; i++) {
      const value = x.data[i * width + column] ?? 0;
      if (!Number.isFinite(value)) {
        return new UserError('bad-input', `${name} has ${value} at row ${i}, column ${column}`, { expected: 'finite numbers', found: `${value}`, fix: 'Remove that row or column, or repair the file it came from.' });
      }
    }
  }
  return new UserError('bad-input', `column ${column} of ${name} overflows`, { expected: 'numbers whose sum is finite', found: 'an infinite sum', fix: 'Rescale the data.' });
}

/** Divisors of the columns: 1 without scaling, and for constant columns, which carry nothing after centring. */
export function scaleOf(statistics: ColumnStatistics, standardise: Standardise): Float64Array {
  return statistics.deviation.map((deviation, j) =>
    standardise === 'none' || deviation <= 1e-7 * Math.abs(statistics.mean[j] ?? 0) || deviation === 0 ? 1 : deviation);
}

/** (x - mean) / scale, `[rows, columns]`, a new array. */
export function applyStandard(x: F32, mean: ArrayLike<number>, scale: ArrayLike<number>): F32 {
  const [rows = 0, width = 0] = x.shape;
  const out = new Float32Array(rows * width);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < width; j++) out[i * width + j] = ((x.data[i * width + j] ?? 0) - (mean[j] ?? 0)) / (scale[j] ?? 1);
  }
  return f32([rows, width], out);
}
