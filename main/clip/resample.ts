/**
 * Resizing of 8-bit pictures exactly as Pillow does it (libImaging/Resample.c), antialiased, to the byte.
 *
 * Horizontal pass, rounding to 8 bits, vertical pass. Weights are the filter stretched by the reduction factor, normalised, and held
 * as integers of 22 fractional bits. Pillow 13 takes the vertical pass first where the height shrinks much more than the width, which
 * changes last bits; pictures that keep their shape are the same in all versions. Shapes: uint8 `[height, width, channels]` in and out.
 */
import { ndarray } from '../../common/ndarray.ts';
import type { U8 } from '../../common/ndarray.ts';

export type Resample = 'bilinear' | 'bicubic';

/** Keys' cubic with a = -1/2. */
function cubic(x: number): number {
  const t = Math.abs(x);
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
  if (t < 2) return ((-0.5 * t + 2.5) * t - 4) * t + 2;
  return 0;
}

const FILTERS: { readonly [R in Resample]: { readonly support: number; readonly weight: (x: number) => number } } = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: cubic },
};

const BITS = 22;
const ONE = 2 ** BITS;

interface Window { readonly first: number; readonly weights: readonly number[] }

/** Source pixels and integer weights of every output pixel along one axis. */
function windows(from: number, to: number, resample: Resample): readonly Window[] {
  const { support, weight } = FILTERS[resample], scale = from / to, stretch = Math.max(scale, 1), reach = support * stretch, squeeze = 1 / stretch;
  return Array.from({ length: to }, (_, out) => {
    const centre = (out + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5)), last = Math.min(from, Math.trunc(centre + reach + 0.5));
    const raw = Array.from({ length: last - first }, (_, k) => weight((k + first - centre + 0.5) * squeeze));
    const total = raw.reduce((sum, w) => sum + w, 0);
    return { first, weights: raw.map((w) => { const share = (w / total) * ONE; return Math.trunc(share < 0 ? share - 0.5 : share + 0.5); }) };
  });
}

/** Resamples the middle axis of `[outer, from, inner]`. */
function pass(data: Uint8Array, outer: number, from: number, inner: number, to: number, resample: Resample): Uint8Array {
  const out = new Uint8Array(outer * to * inner), table = windows(from, to, resample);
  for (let o = 0; o < outer; o++) {
    for (let t = 0; t < to; t++) {
      const { first, weights } = table[t]!;
      for (let i = 0; i < inner; i++) {
        let sum = ONE / 2, at = (o * from + first) * inner + i;
        for (const weight of weights) { sum += data[at]! * weight; at += inner; }
        const value = Math.floor(sum / ONE);
        out[(o * to + t) * inner + i] = value < 0 ? 0 : value > 255 ? 255 : value;
      }
    }
  }
  return out;
}

/** A picture of another size. An axis that keeps its extent is not filtered. */
export function resize(image: U8, height: number, width: number, resample: Resample): U8 {
  const [h, w, channels] = image.shape;
  if (h === undefined || w === undefined || channels === undefined || image.shape.length !== 3) throw new RangeError(`expected [height, width, channels], got [${image.shape.join(', ')}]`);
  if (!(Number.isInteger(height) && Number.isInteger(width) && height > 0 && width > 0)) throw new RangeError(`cannot resize to ${height} x ${width}`);
  let data = image.data;
  if (width !== w) data = pass(data, h, w, channels, width, resample);
  if (height !== h) data = pass(data, 1, h, width * channels, height, resample);
  return ndarray('uint8', [height, width, channels], data);
}
