/**
 * Where stage 2 searches: z and c as points x = x0 + sum_k unit_k u_k direction_k about what was decoded, u the coordinates that Adam moves.
 *
 *   errors   direction_k the components of the decoder's errors, unit_k their SD (main/ridge/error-components.ts): steps go where the decoded value is
 *            uncertain, and values whose errors go together move together. Gradients of networks have much to say about single values that no decoder's
 *            error looks like; along these directions it is left out.
 *   values   every value its own axis: unit 1 is Adam on z and c themselves, as published; unit sigma for an input that was not decoded.
 *
 * The anchor holds x where it was decoded: A = a * mean over k of p_k u_k^2, minus the logarithm of a normal prior, up to the factor a that balances it with
 * the loss of the picture's features. In units of the errors' SD p_k is 1. For values in their own unit p_i = 1 / (sigma_i^2 (1 - r_i^2)), the variance that
 * ridge leaves: sigma_i the training SD, r_i the cross-validated correlation of value i.
 */
import type { F32 } from '../../common/ndarray.ts';
import { f32, sizeOf } from '../../common/ndarray.ts';

export interface SearchAxes {
  /** Orthonormal rows `[axes, values of an image]`; null = every value its own axis. */
  readonly directions: Float32Array | null;
  /** Length of one unit of u along each axis. */
  readonly unit: Float32Array;
  /** p of each axis. */
  readonly precision: Float32Array;
}

export interface Search {
  /** x0: what was decoded, `[images, ...]`. */
  readonly from: F32;
  readonly axes: SearchAxes;
}

/** Least share of the variance that a decoder is taken to leave: cross-validated r of 0.995 and above are not told apart. */
const LEAST_LEFT = 0.01;

/** p of every value from its training SD and cross-validated r; `r` null = the decoder says nothing of this input: sigma alone. */
export function precisionOf(deviation: Float32Array, r: ArrayLike<number> | null): Float32Array {
  return deviation.map((sd, i) => (sd > 0 ? 1 / (sd * sd * Math.max(LEAST_LEFT, 1 - Math.max(0, r?.[i] ?? 0) ** 2)) : 0));
}

/** Values in their own unit, held by `precision`. */
export const valueAxes = (precision: Float32Array): SearchAxes => ({ directions: null, unit: new Float32Array(precision.length).fill(1), precision });

/** Values in units of `deviation`; one that never varies is not moved. */
export const spreadAxes = (deviation: Float32Array): SearchAxes => ({ directions: null, unit: deviation, precision: deviation.map((sd) => (sd > 0 ? 1 : 0)) });

/** Components, `[axes, values]` and their deviations. */
export const componentAxes = (directions: F32, deviation: Float32Array): SearchAxes => ({ directions: directions.data, unit: deviation, precision: new Float32Array(deviation.length).fill(1) });

/** `[rows, channels * height * width]` at another side: every place takes the nearest one's value. */
export function atNearest(values: Float32Array, shape: readonly number[], side: number): Float32Array {
  const [channels = 0, height = 0, width = 0] = shape, planes = channels === 0 ? 0 : values.length / (height * width);
  if (height === side && width === side) return values;
  const out = new Float32Array(planes * side * side);
  for (let plane = 0; plane < planes; plane++) {
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) out[(plane * side + y) * side + x] = values[(plane * height + Math.floor(((y + 0.5) * height) / side)) * width + Math.floor(((x + 0.5) * width) / side)] ?? 0;
    }
  }
  return out;
}

/**
 * The axes of latents `[channels, height, width]` for another side, as latents themselves are brought there. Directions are made orthonormal again by
 * Gram-Schmidt, most error first; a unit is as long as the direction has become, and one that lies within those before it is dropped.
 */
export function axesAt(axes: SearchAxes, shape: readonly number[], side: number): SearchAxes {
  if (shape[1] === side && shape[2] === side) return axes;
  const { directions } = axes;
  if (directions === null) return { directions, unit: atNearest(axes.unit, shape, side), precision: atNearest(axes.precision, shape, side) };
  const wide = atNearest(directions, shape, side), width = wide.length / axes.unit.length, rows: Float32Array[] = [], kept: number[] = [], unit: number[] = [];
  for (let k = 0; k < axes.unit.length; k++) {
    const row = wide.slice(k * width, (k + 1) * width), before = norm(row);
    for (const other of rows) { const along = dot(row, other); for (let i = 0; i < width; i++) row[i] = row[i]! - along * other[i]!; }
    const left = norm(row);
    if (!(left > 1e-3 * before)) continue;
    rows.push(row.map((value) => value / left));
    kept.push(k);
    unit.push(axes.unit[k]! * left);
  }
  const out = new Float32Array(rows.length * width);
  rows.forEach((row, k) => { out.set(row, k * width); });
  return { directions: out, unit: Float32Array.from(unit), precision: Float32Array.from(kept, (k) => axes.precision[k]!) };
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
const norm = (a: Float32Array): number => Math.sqrt(dot(a, a));

/** Along each axis of each image: `data` `[images, values]` times the directions. */
function along(data: Float32Array, images: number, { directions, unit }: SearchAxes): Float32Array {
  if (directions === null) return data.slice();
  const axes = unit.length, width = images === 0 ? 0 : data.length / images, out = new Float32Array(images * axes);
  for (let n = 0; n < images; n++) {
    const row = data.subarray(n * width, (n + 1) * width);
    for (let k = 0; k < axes; k++) out[n * axes + k] = dot(row, directions.subarray(k * width, (k + 1) * width));
  }
  return out;
}

function checked({ from, axes }: Search, x: F32): number {
  const width = sizeOf(x.shape.slice(1)), held = axes.directions === null ? axes.unit.length : axes.directions.length / Math.max(1, axes.unit.length);
  if (from.data.length !== x.data.length || axes.precision.length !== axes.unit.length || (held !== width && axes.unit.length > 0)) {
    throw new RangeError(`a search of ${axes.unit.length} axes over ${held} values from ${from.data.length}, for [${x.shape.join(', ')}]`);
  }
  return x.shape[0] ?? 0;
}

/** u of `x`, `[images, axes]`. Throws RangeError for shapes that do not belong together. */
export function coordinatesOf(x: F32, search: Search): Float32Array {
  const images = checked(search, x), { unit } = search.axes, apart = x.data.map((value, i) => value - search.from.data[i]!);
  return along(apart, images, search.axes).map((value, i) => { const size = unit[i % unit.length]!; return size > 0 ? value / size : 0; });
}

/** Gradient with respect to u of the loss whose gradient at x is given, plus that of the anchor with weight a: `unit_k direction_k . g + 2 a p_k u_k / axes`. */
export function slopesAt(gradient: F32, u: Float32Array, search: Search, weight: number): Float32Array {
  const images = checked(search, gradient), { unit, precision } = search.axes, axes = unit.length;
  return along(gradient.data, images, search.axes).map((slope, i) => unit[i % axes]! * slope + (2 * weight * precision[i % axes]! * u[i]!) / axes);
}

/** x of the coordinates. */
export function placed(u: Float32Array, search: Search): F32 {
  const { from, axes: { directions, unit } } = search, images = from.shape[0] ?? 0, axes = unit.length, data = from.data.slice();
  if (directions === null) return f32(from.shape, data.map((value, i) => value + unit[i % axes]! * u[i]!));
  const width = images === 0 ? 0 : data.length / images;
  for (let n = 0; n < images; n++) {
    // Summed in double precision, rounded once.
    const sum = Float64Array.from(data.subarray(n * width, (n + 1) * width));
    for (let k = 0; k < axes; k++) {
      const by = unit[k]! * u[n * axes + k]!;
      if (by !== 0) for (let i = 0; i < width; i++) sum[i] = sum[i]! + by * directions[k * width + i]!;
    }
    data.set(sum, n * width);
  }
  return f32(from.shape, data);
}
