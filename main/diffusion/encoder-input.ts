/**
 * From the decoder's values to what the image encoder reads, and the way back for gradients.
 *
 *   p = clamp(x / 2 + 1/2, 0, 1);  s = R p R' per channel;  input = (s - mean) / std
 *
 * R is the antialiased resampling of `clip/resample.ts` (Keys' cubic with a = -1/2, or the triangle, stretched when shrinking) without its rounding to
 * 8 bits, which has no gradient. Square pictures: nothing is cropped. Shapes `[n, 3, side, side]` float32, sums in float64.
 */
import { zeros } from '../../common/ndarray.ts';
import type { F32 } from '../../common/ndarray.ts';
import type { ImageEncoderRole } from '../runtime/pack-description.ts';

export interface EncoderInput {
  forward(values: F32): F32;
  /** Gradient with respect to the decoder's values, given that of the encoder's input. */
  backward(values: F32, gradient: F32): F32;
}

interface Taps { readonly first: number; readonly weights: readonly number[] }

const FILTERS: { readonly [R in ImageEncoderRole['resample']]: { readonly support: number; readonly weight: (x: number) => number } } = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: (x) => { const t = Math.abs(x); return t < 1 ? (1.5 * t - 2.5) * t * t + 1 : t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0; } },
};

function tapsOf(from: number, to: number, resample: ImageEncoderRole['resample']): readonly Taps[] {
  if (from === to) return Array.from({ length: to }, (_, i) => ({ first: i, weights: [1] }));
  const { support, weight } = FILTERS[resample], scale = from / to, stretch = Math.max(scale, 1);
  return Array.from({ length: to }, (_, out) => {
    const centre = (out + 0.5) * scale, reach = support * stretch;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5)), last = Math.min(from, Math.trunc(centre + reach + 0.5));
    const raw = Array.from({ length: last - first }, (_, k) => weight((k + first - centre + 0.5) / stretch)), total = raw.reduce((sum, w) => sum + w, 0);
    return { first, weights: raw.map((w) => w / total) };
  });
}

/** Resamples the middle axis of `[outer, from, inner]`; `back` applies the transpose to `[outer, to, inner]`. */
function pass(data: Float64Array, taps: readonly Taps[], outer: number, from: number, inner: number, back: boolean): Float64Array {
  const to = taps.length, out = new Float64Array(outer * (back ? from : to) * inner);
  for (let o = 0; o < outer; o++) taps.forEach(({ first, weights }, t) => {
    weights.forEach((w, k) => {
      const far = (o * from + first + k) * inner, near = (o * to + t) * inner;
      for (let i = 0; i < inner; i++) {
        if (back) out[far + i] = out[far + i]! + w * data[near + i]!;
        else out[near + i] = out[near + i]! + w * data[far + i]!;
      }
    });
  });
  return out;
}

/** `side`: of the decoder's pictures. `clamp` `through` gives saturated pixels the gradient of unsaturated ones. */
export function encoderInput(side: number, role: Pick<ImageEncoderRole, 'pixels' | 'mean' | 'std' | 'resample'>, clamp: 'exact' | 'through'): EncoderInput {
  const { pixels } = role, taps = tapsOf(side, pixels, role.resample), area = side * side, inArea = pixels * pixels;
  const centre = (channel: number): number => role.mean[channel] ?? 0, scale = (channel: number): number => role.std[channel] ?? 1;
  return {
    forward: (values) => {
      const count = values.shape[0] ?? 0, out = zeros('float32', [count, 3, pixels, pixels]);
      for (let plane = 0; plane < count * 3; plane++) {
        const p = Float64Array.from(values.data.subarray(plane * area, (plane + 1) * area), (value) => Math.min(1, Math.max(0, value / 2 + 0.5)));
        const s = pass(pass(p, taps, side, side, 1, false), taps, 1, side, pixels, false);
        for (let k = 0; k < inArea; k++) out.data[plane * inArea + k] = (s[k]! - centre(plane % 3)) / scale(plane % 3);
      }
      return out;
    },
    backward: (values, gradient) => {
      const count = values.shape[0] ?? 0, out = zeros('float32', values.shape);
      for (let plane = 0; plane < count * 3; plane++) {
        const ds = Float64Array.from(gradient.data.subarray(plane * inArea, (plane + 1) * inArea), (value) => value / scale(plane % 3));
        const dp = pass(pass(ds, taps, 1, side, pixels, true), taps, side, side, 1, true);
        for (let k = 0; k < area; k++) {
          const share = values.data[plane * area + k]! / 2 + 0.5;
          out.data[plane * area + k] = clamp === 'exact' && (share <= 0 || share >= 1) ? 0 : dp[k]! / 2;
        }
      }
      return out;
    },
  };
}
