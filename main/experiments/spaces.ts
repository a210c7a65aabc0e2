/**
 * Feature spaces, as a table: a fourth space is an entry here, not code elsewhere.
 *
 * z: mean latent of the first stage (method.md 1.2). c: last hidden state of the text encoder, averaged over the captions of
 * an image, token by token (1.3). clip: second MLP layer of every block of the image encoder, before the residual (1.4).
 * pixels: the image itself in [0, 1], for data sets decoded without a generator.
 */
import type { Dataset } from '../../common/dataset.ts';
import type { F32, U8 } from '../../common/ndarray.ts';
import { f32, rows } from '../../common/ndarray.ts';
import { throwIfAborted } from '../../common/errors.ts';
import type { SpaceName } from '../../common/recipe.ts';
import type { Networks } from './networks.ts';

export interface SpaceContext {
  readonly dataset: Dataset;
  readonly networks: () => Promise<Networks>;
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number, what: string) => void;
}

export interface Space {
  readonly name: SpaceName;
  readonly title: string;
  /** Version of the definition; part of every key. */
  readonly version: number;
  /** Relative cost of extracting and fitting, for the progress bar. */
  readonly weight: number;
  /** True if it needs the networks of the pack. */
  readonly needsPack: boolean;
  /** Features of the images in order: named arrays; `features` is `[images, targets]`. */
  extract(imageIds: Int32Array, context: SpaceContext): Promise<Extracted>;
}

export interface Extracted {
  /** `[images, targets]` */
  readonly features: F32;
  /** Shape of one image's features, e.g. `[4, 16, 16]`; its product is `targets`. */
  readonly shape: readonly number[];
  /** clip only: final embedding `[images, width]`. */
  readonly embedding?: F32;
}

const BATCH = 32;

/** Walks the images in batches; `encode` returns the rows of one batch per named output. */
async function inBatches(
  imageIds: Int32Array, context: SpaceContext, encode: (ids: Int32Array) => Promise<readonly F32[]>,
): Promise<F32[]> {
  const outputs: { data: Float32Array; shape: number[]; width: number }[] = [];
  for (let from = 0; from < imageIds.length; from += BATCH) {
    throwIfAborted(context.signal);
    const ids = imageIds.slice(from, Math.min(from + BATCH, imageIds.length));
    const parts = await encode(ids);
    parts.forEach((part, index) => {
      const width = part.data.length / ids.length;
      outputs[index] ??= { data: new Float32Array(imageIds.length * width), shape: part.shape.slice(1), width };
      outputs[index].data.set(part.data, from * width);
    });
    context.progress(Math.min(from + BATCH, imageIds.length), imageIds.length, 'images');
  }
  return outputs.map((output) => f32([imageIds.length, ...output.shape], output.data));
}

function flat(array: F32): F32 {
  const images = array.shape[0] ?? 0;
  return f32([images, images === 0 ? 0 : array.data.length / images], array.data);
}

/** uint8 `[n, h, w, 1|3]` to `[n, h*w*channels]` in [0, 1]. */
export function pixelsOf(images: U8): F32 {
  const n = images.shape[0] ?? 0;
  const data = new Float32Array(images.data.length);
  for (let i = 0; i < data.length; i++) data[i] = (images.data[i] ?? 0) / 255;
  return f32([n, n === 0 ? 0 : data.length / n], data);
}

export const SPACES: { readonly [Name in SpaceName]: Space } = {
  z: {
    name: 'z', title: 'Image latent z', version: 1, weight: 1, needsPack: true,
    async extract(imageIds, context) {
      const networks = await context.networks();
      const [latents] = await inBatches(imageIds, context, async (ids) => [await networks.encodeLatents(await context.dataset.stimuli(ids, context.signal))]);
      if (latents === undefined) throw new RangeError('no images to encode');
      return { features: flat(latents), shape: latents.shape.slice(1) };
    },
  },
  c: {
    name: 'c', title: 'Text states c', version: 1, weight: 2, needsPack: true,
    async extract(imageIds, context) {
      const networks = await context.networks();
      const [states] = await inBatches(imageIds, context, async (ids) => {
        const captions = await context.dataset.captions(ids, context.signal);
        const encoded = await networks.encodeTexts(captions.flat());
        return [meanPerImage(encoded, captions.map((list) => list.length))];
      });
      if (states === undefined) throw new RangeError('no images to encode');
      return { features: flat(states), shape: states.shape.slice(1) };
    },
  },
  clip: {
    name: 'clip', title: 'Image features Z_CLIP', version: 1, weight: 3, needsPack: true,
    async extract(imageIds, context) {
      const networks = await context.networks();
      const [taps, embedding] = await inBatches(imageIds, context, async (ids) => {
        const encoded = await networks.encodeImages(await context.dataset.stimuli(ids, context.signal));
        return [encoded.taps, encoded.embedding];
      });
      if (taps === undefined || embedding === undefined) throw new RangeError('no images to encode');
      return { features: flat(taps), shape: taps.shape.slice(1), embedding };
    },
  },
  pixels: {
    name: 'pixels', title: 'Pixels', version: 1, weight: 1, needsPack: false,
    async extract(imageIds, context) {
      const images = await context.dataset.stimuli(imageIds, context.signal);
      context.progress(imageIds.length, imageIds.length, 'images');
      return { features: pixelsOf(images), shape: images.shape.slice(1) };
    },
  },
};

/** Averages consecutive groups of rows: `[sum(counts), ...]` to `[counts.length, ...]`. */
export function meanPerImage(encoded: F32, counts: readonly number[]): F32 {
  const width = encoded.data.length / (encoded.shape[0] ?? 1);
  const out = new Float32Array(counts.length * width);
  let row = 0;
  counts.forEach((count, image) => {
    const group = rows(encoded, row, row + count).data;
    for (let r = 0; r < count; r++) {
      for (let j = 0; j < width; j++) out[image * width + j] = (out[image * width + j] ?? 0) + (group[r * width + j] ?? 0) / count;
    }
    row += count;
  });
  return f32([counts.length, ...encoded.shape.slice(1)], out);
}
