/**
 * Pictures as a CLIP image encoder wants them: shortest side resized, centre crop, to [0, 1], minus mean, over standard deviation.
 * Source: transformers' CLIPImageProcessor with Pillow, whose numbers are the golden values.
 */
import { ndarray, rows, zeros } from '../../common/ndarray.ts';
import type { F32, U8 } from '../../common/ndarray.ts';
import { resize } from './resample.ts';
import type { Resample } from './resample.ts';

export interface Preprocessing {
  /** Side of the square that the encoder reads. */
  readonly pixels: number;
  /** Per colour channel, of values in [0, 1]. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly resample: Resample;
}

/** ImageNet's statistics, which MindDiffuser feeds CLIP with (method.md 0, fact 7). A preset, never a default. */
export const IMAGENET_STATISTICS = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

/** Crop of the middle `[side, side, channels]`. */
function centreCrop(image: U8, side: number): U8 {
  const [height = 0, width = 0, channels = 0] = image.shape, top = Math.floor((height - side) / 2), left = Math.floor((width - side) / 2);
  const out = new Uint8Array(side * side * channels);
  for (let y = 0; y < side; y++) out.set(image.data.subarray(((top + y) * width + left) * channels, ((top + y) * width + left + side) * channels), y * side * channels);
  return ndarray('uint8', [side, side, channels], out);
}

/** uint8 `[images, height, width, 3]` -> float32 `[images, 3, pixels, pixels]`. */
export function preprocess(images: U8, options: Preprocessing): F32 {
  const [count, height, width, channels] = images.shape, { pixels, mean, std, resample } = options;
  if (count === undefined || height === undefined || width === undefined || channels !== 3) throw new RangeError(`expected [images, height, width, 3], got [${images.shape.join(', ')}]`);
  if (mean.length !== 3 || std.length !== 3 || std.some((value) => value <= 0)) throw new RangeError('mean and std need three values each, std above 0');
  const out = zeros('float32', [count, 3, pixels, pixels]), area = pixels * pixels, short = Math.min(height, width);
  const longer = (extent: number): number => (extent === short ? pixels : Math.trunc((pixels * extent) / short));
  for (let n = 0; n < count; n++) {
    // 1. Shortest side to `pixels`.
    const image = ndarray('uint8', [height, width, 3], rows(images, n, n + 1).data);
    const square = centreCrop(resize(image, longer(height), longer(width), resample), pixels);
    // 2. Channels first, normalised.
    for (let c = 0; c < 3; c++) {
      const centre = mean[c]!, scale = std[c]!, base = (n * 3 + c) * area;
      for (let k = 0; k < area; k++) out.data[base + k] = (square.data[k * 3 + c]! / 255 - centre) / scale;
    }
  }
  return out;
}
