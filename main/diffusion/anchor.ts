/**
 * The anchor of stage 2: z and c are held where they were decoded, each value as firmly as its decoder knows it.
 *
 *   A = a mean over values i of p_i (x_i - x0_i)^2,  p_i = 1 / (sigma_i^2 (1 - r_i^2)),  dA/dx_i = 2 a p_i (x_i - x0_i) / n
 *
 * x0 the decoded value; sigma_i the training SD and r_i the cross-validated correlation of value i, so that sigma_i^2 (1 - r_i^2) is the variance that its ridge
 * regression leaves: minus the logarithm of a normal prior about the decoded value, up to the factor a that balances it with the loss of the picture's features.
 * Without it Adam moves every value by its rate, also those that the loss hardly depends on and the decoder knows best. Values that never vary are not held.
 */
import type { F32 } from '../../common/ndarray.ts';
import { f32, sizeOf } from '../../common/ndarray.ts';

export interface Held {
  /** What was decoded, `[images, ...]`. */
  readonly from: F32;
  /** p of every value of one image. */
  readonly precision: Float32Array;
}

export interface Anchor {
  /** a; 0 holds nothing. */
  readonly weight: number;
  readonly z: Held;
  readonly c: Held;
}

/** Least share of the variance that a decoder is taken to leave: cross-validated r of 0.995 and above are not told apart. */
const LEAST_LEFT = 0.01;

/** p of every value from its training SD and cross-validated r; `r` null = the decoder says nothing of this input: sigma alone. */
export function precisionOf(deviation: Float32Array, r: ArrayLike<number> | null): Float32Array {
  return deviation.map((sd, i) => (sd > 0 ? 1 / (sd * sd * Math.max(LEAST_LEFT, 1 - Math.max(0, r?.[i] ?? 0) ** 2)) : 0));
}

/** p of latents `[channels, height, width]` for another side: that of the nearest place. */
export function precisionAt(precision: Float32Array, shape: readonly number[], side: number): Float32Array {
  const [channels = 0, height = 0, width = 0] = shape;
  if (height === side && width === side) return precision;
  const out = new Float32Array(channels * side * side);
  for (let k = 0; k < channels; k++) {
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) out[(k * side + y) * side + x] = precision[(k * height + Math.floor(((y + 0.5) * height) / side)) * width + Math.floor(((x + 0.5) * width) / side)] ?? 0;
    }
  }
  return out;
}

/** `gradient` plus that of the anchor at `x`, `[images, ...]`. Throws RangeError for shapes that do not belong together. */
export function anchored(gradient: F32, x: F32, { from, precision }: Held, weight: number): F32 {
  const width = sizeOf(x.shape.slice(1));
  if (gradient.data.length !== x.data.length || from.data.length !== x.data.length || precision.length !== width) {
    throw new RangeError(`an anchor of ${from.data.length} values, ${precision.length} to an image, for [${x.shape.join(', ')}]`);
  }
  if (weight === 0) return gradient;
  return f32(gradient.shape, gradient.data.map((g, i) => g + (2 * weight * precision[i % width]! * (x.data[i]! - from.data[i]!)) / width));
}
