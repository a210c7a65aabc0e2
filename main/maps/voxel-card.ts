/** What a click on a voxel shows: its weights as small pictures, and the images where it mattered most. */
import { f32 } from '../../common/ndarray.ts';
import type { F32 } from '../../common/ndarray.ts';

/** Norm over channels of one voxel's weights to a latent `[channels, height, width]` -> `[height, width]`. */
export function latentWeights(row: Float32Array, shape: readonly [number, number, number]): F32 {
  const [channels, height, width] = shape;
  requireLength(row, channels * height * width);
  return f32([height, width], norms(height * width, channels, (pixel, channel) => row[channel * height * width + pixel] ?? 0));
}

/** Norm per token of one voxel's weights to text states `[tokens, width]` -> `[tokens]`. Tokens that were not decoded are 0: pass `skip` of them first. */
export function tokenWeights(row: Float32Array, tokens: number, width: number, skip = 0): F32 {
  requireLength(row, (tokens - skip) * width);
  return f32([tokens], norms(tokens, width, (token, k) => (token < skip ? 0 : (row[(token - skip) * width + k] ?? 0))));
}

/**
 * Norm per patch of one voxel's weights to CLIP image features of `layers` blocks, each `[1 + side * side, width]` token-major with the class
 * token first -> `[side, side]`. `start` is where the blocks begin in the row.
 */
export function patchWeights(row: Float32Array, side: number, width: number, layers = 1, start = 0): F32 {
  const tokens = 1 + side * side;
  if (row.length < start + layers * tokens * width) throw new RangeError(`${row.length} weights for ${layers} blocks of ${tokens} x ${width}`);
  return f32([side, side], norms(side * side, layers * width, (patch, k) => row[start + (Math.floor(k / width) * tokens + 1 + patch) * width + (k % width)] ?? 0));
}

/** Indices of the `count` largest and smallest values, most extreme first; NaN is ignored. */
export function extremes(values: ArrayLike<number>, count: number): { readonly largest: readonly number[]; readonly smallest: readonly number[] } {
  const order = Array.from({ length: values.length }, (_, i) => i).filter((i) => !Number.isNaN(values[i] ?? NaN)).sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0));
  return { largest: order.slice(0, count), smallest: order.reverse().slice(0, count) };
}

function norms(places: number, components: number, at: (place: number, component: number) => number): Float32Array {
  return Float32Array.from({ length: places }, (_, place) => {
    let sum = 0;
    for (let k = 0; k < components; k++) sum += at(place, k) ** 2;
    return Math.sqrt(sum);
  });
}

function requireLength(row: Float32Array, length: number): void {
  if (row.length !== length) throw new RangeError(`${row.length} weights, expected ${length}`);
}
