/**
 * Values of a volume at fractional voxel coordinates, by the rules of NSD's own mapping utility (MATLAB version).
 *
 * Coordinates are 1-based: 1.0 is the centre of the first voxel. A coordinate is invalid if any component is 9999 or outside
 * [1, extent]; the result is then `bad`. Volumes are in file order, first index fastest. Values are float64.
 * Source: nsd-data-format 6.2; cubic = separable 4x4x4 cubic convolution with a = -1/2 (Keys 1981, "Catmull-Rom"), edges repeated.
 */
export const NO_COORDINATE = 9999;

export type Interpolation = 'nearest' | 'linear' | 'cubic' | 'wta';

export interface Volume {
  /** `[x, y, z]` extents. */
  readonly shape: readonly [number, number, number];
  /** Element (i, j, k), 0-based, at `i + x (j + y k)`. */
  readonly data: ArrayLike<number>;
}

/** Linear 0-based voxel index of the voxel nearest to a 1-based coordinate (halves round up, as MATLAB's `round`), or -1. */
export function nearestVoxel(shape: readonly [number, number, number], x: number, y: number, z: number): number {
  const [X, Y, Z] = shape;
  if (!isInside(x, X) || !isInside(y, Y) || !isInside(z, Z)) return -1;
  return round(x) - 1 + X * (round(y) - 1 + Y * (round(z) - 1));
}

const isInside = (value: number, extent: number): boolean => value !== NO_COORDINATE && value >= 1 && value <= extent;
const round = (value: number): number => Math.floor(value + 0.5);

/** Weights of the samples at -1, 0, +1, +2 for fraction `d`. */
export function cubicWeights(d: number): readonly [number, number, number, number] {
  const d2 = d * d;
  const d3 = d2 * d;
  return [(-d + 2 * d2 - d3) / 2, (2 - 5 * d2 + 3 * d3) / 2, (d + 4 * d2 - 3 * d3) / 2, (-d2 + d3) / 2];
}

const linearWeights = (d: number): readonly number[] => [1 - d, d];
const KERNEL = { linear: { first: 0, weights: linearWeights }, cubic: { first: -1, weights: cubicWeights } } as const;

/**
 * A volume at points. `coordinates` holds all x, then all y, then all z (`[3, points]`, as the transform files do).
 *
 * Non-finite voxels contaminate every point whose kernel touches them, even with weight zero, as in the original.
 */
export function interpolate(volume: Volume, coordinates: Float32Array, method: Interpolation, bad = NaN): Float64Array {
  const points = coordinates.length / 3;
  const out = new Float64Array(points);
  for (let p = 0; p < points; p++) {
    const x = coordinates[p] ?? NaN;
    const y = coordinates[points + p] ?? NaN;
    const z = coordinates[2 * points + p] ?? NaN;
    const [X, Y, Z] = volume.shape;
    if (!isInside(x, X) || !isInside(y, Y) || !isInside(z, Z)) out[p] = bad;
    else if (method === 'nearest') out[p] = volume.data[nearestVoxel(volume.shape, x, y, z)] ?? NaN;
    else if (method === 'wta') out[p] = winner(volume, x, y, z);
    else out[p] = convolve(volume, method, x, y, z);
  }
  return out;
}

/** Sum over the kernel's neighbourhood; sample positions beyond the border take the edge voxel. */
function convolve({ shape, data }: Volume, method: 'linear' | 'cubic', x: number, y: number, z: number): number {
  const { first, weights } = KERNEL[method];
  const [X, Y, Z] = shape;
  const axis = (value: number): { readonly base: number; readonly w: readonly number[] } => {
    const base = Math.floor(value);
    return { base: base + first - 1, w: weights(value - base) };
  };
  const ax = axis(x), ay = axis(y), az = axis(z);
  const clamp = (index: number, extent: number): number => Math.max(0, Math.min(extent - 1, index));
  let sum = 0;
  for (let c = 0; c < az.w.length; c++) {
    const wz = az.w[c] ?? 0;
    const planeAt = X * Y * clamp(az.base + c, Z);
    for (let b = 0; b < ay.w.length; b++) {
      const wyz = wz * (ay.w[b] ?? 0);
      const rowAt = planeAt + X * clamp(ay.base + b, Y);
      for (let a = 0; a < ax.w.length; a++) {
        sum += wyz * (ax.w[a] ?? 0) * (data[rowAt + clamp(ax.base + a, X)] ?? NaN);
      }
    }
  }
  return sum;
}

/** Each label as a 0/1 volume, trilinear, the largest wins; the smaller label on a tie. */
function winner({ shape, data }: Volume, x: number, y: number, z: number): number {
  const [X, Y, Z] = shape;
  const votes = new Map<number, number>();
  const fx = Math.floor(x), fy = Math.floor(y), fz = Math.floor(z);
  for (let corner = 0; corner < 8; corner++) {
    const a = corner & 1, b = (corner >> 1) & 1, c = corner >> 2;
    const weight = (a === 1 ? x - fx : 1 - x + fx) * (b === 1 ? y - fy : 1 - y + fy) * (c === 1 ? z - fz : 1 - z + fz);
    if (weight === 0) continue;
    const at = Math.min(X - 1, fx + a - 1) + X * (Math.min(Y - 1, fy + b - 1) + Y * Math.min(Z - 1, fz + c - 1));
    const label = data[at] ?? NaN;
    votes.set(label, (votes.get(label) ?? 0) + weight);
  }
  let best = NaN;
  let most = -1;
  for (const [label, weight] of votes) {
    if (weight > most || (weight === most && label < best)) { best = label; most = weight; }
  }
  return best;
}

/** Plain mean per vertex over depths, in which NaN propagates. All arrays `[vertices]`. */
export function meanOverDepths(depths: readonly Float64Array[]): Float64Array {
  const out = new Float64Array(depths[0]?.length ?? 0);
  for (const values of depths) for (let v = 0; v < out.length; v++) out[v] = (out[v] ?? 0) + (values[v] ?? NaN);
  for (let v = 0; v < out.length; v++) out[v] = (out[v] ?? NaN) / depths.length;
  return out;
}

/** `out[i] = native[index[i] - 1]` (1-based indices, as in `white-to-fsaverage`). Throws `RangeError` for an index outside. */
export function gather(native: ArrayLike<number>, index: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: index.length }, (_, i) => {
    const at = index[i] ?? NaN;
    if (!Number.isInteger(at) || at < 1 || at > native.length) throw new RangeError(`index ${at} of ${native.length} vertices`);
    return native[at - 1] ?? NaN;
  });
}
