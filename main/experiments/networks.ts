/** The networks of a model pack as the experiment uses them: arrays in, arrays out. Sessions are opened on first use. */
import path from 'node:path';
import { UserError } from '../../common/errors.ts';
import type { F32, U8 } from '../../common/ndarray.ts';
import { f32, ndarray, sizeOf } from '../../common/ndarray.ts';
import type { RefineChoice, SamplerChoice } from '../../common/recipe.ts';
import { encodeImages, encodeTexts } from '../clip/encode.ts';
import { resize } from '../clip/resample.ts';
import { gradientSessions } from '../diffusion/gradient-session.ts';
import { makeRefiner, noiseLead } from '../diffusion/refiner.ts';
import type { Refiner } from '../diffusion/refiner.ts';
import { sample } from '../diffusion/sample.ts';
import { makeSchedule, scheduleConfig } from '../diffusion/schedule.ts';
import { decodePictures, encodePictures } from '../diffusion/vae.ts';
import { openPack, openRole } from '../runtime/models.ts';
import type { Role } from '../runtime/pack-description.ts';
import type { Provider, Session } from '../runtime/session.ts';
import { packTokeniser } from './pack-tokeniser.ts';

export interface SampleRequest {
  /** Scaled latents to start from, `[images, channels, height, width]`. */
  readonly latents: F32;
  /** Text states, `[images, tokens, width]`. */
  readonly context: F32;
  /** Standard normal, as the latents. */
  readonly noise: F32;
  readonly sampler: SamplerChoice;
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number) => void;
}

export interface Networks {
  readonly name: string;
  readonly shapes: { readonly latentShape: readonly number[]; readonly contextShape: readonly number[] };
  /** Mean latents times the scaling factor, `[images, channels, height, width]`; pictures of any size. */
  encodeLatents(images: U8): Promise<F32>;
  /** Last hidden states, `[texts, tokens, width]`. */
  encodeTexts(texts: readonly string[]): Promise<F32>;
  /** `taps [images, layers, tokens, width]`, `embedding [images, width]`. */
  encodeImages(images: U8): Promise<{ readonly taps: F32; readonly embedding: F32 }>;
  /** Stage 1: noised latents walked back under the text states; scaled latents. */
  sample(request: SampleRequest): Promise<F32>;
  /** Scaled latents to pictures, uint8 `[images, height, width, 3]`. */
  decode(latents: F32): Promise<U8>;
  /**
   * Latents brought to another side through their picture (decoded, resized, encoded); as they are for null or their own. Throws UserError
   * (`unsupported`) if the pack's networks were exported for one side.
   */
  atSide(latents: F32, side: number | null): Promise<F32>;
  /** Stage 2's gradients for this many images side by side. */
  refiner(options: { readonly sampler: SamplerChoice; readonly refine: RefineChoice; readonly images: number }): Promise<Refiner>;
  release(): Promise<void>;
}

/** Hash of a pack that changes whenever its networks do. */
export async function packHash(folder: string): Promise<string> {
  return (await openPack(folder)).hash;
}

/**
 * `provider` runs every network that it can open; what it cannot runs on the processor. Throws UserError (`model-missing`) for the first thing that the
 * pack lacks.
 */
export async function openNetworks(folder: string, provider: Provider = 'cpu'): Promise<Networks> {
  const pack = await openPack(folder);
  const tokeniser = await packTokeniser(pack);
  const sessions = new Map<Role, Promise<Session>>();
  const session = (role: Role): Promise<Session> => {
    const held = sessions.get(role) ?? openRole(pack, role, { provider }).catch((error: unknown) => { if (provider === 'cpu') throw error; return openRole(pack, role); });
    sessions.set(role, held);
    held.catch(() => { sessions.delete(role); });
    return held;
  };
  const gradients = gradientSessions(pack, { provider });
  const { textEncoder, imageEncoder, vaeEncoder, vaeDecoder, unet } = pack.roles;
  const config = scheduleConfig(pack.schedulerConfig, path.join(pack.dir, pack.scheduler));
  /** The empty prompt, encoded once. */
  let unconditional: Promise<F32> | null = null;
  const texts = async (list: readonly string[]): Promise<F32> => encodeTexts(await session('textEncoder'), textEncoder, tokeniser, list, pack.contextLength);
  return {
    name: `${pack.name} ${pack.version}`,
    shapes: { latentShape: pack.latentShape, contextShape: [pack.contextLength, textEncoder.width] },
    encodeTexts: texts,
    encodeImages: async (images) => {
      const { taps, embedding } = await encodeImages(await session('imageEncoder'), imageEncoder, pack.taps, images);
      return { taps: stacked(taps), embedding };
    },
    encodeLatents: async (images) => encodePictures(await session('vaeEncoder'), vaeEncoder, fitted(images, pack.pixels), pack.latentShape),
    sample: async ({ latents, noise, context, sampler, signal, progress }) => {
      const schedule = makeSchedule(config, sampler.steps);
      return sample(await session('unet'), unet, latents, noise, context, await (unconditional ??= texts([''])), {
        schedule, scheduler: sampler.scheduler, strength: sampler.strength, guidance: sampler.guidance, noiseLead: noiseLead(sampler), signal, onStep: progress,
      });
    },
    decode: async (latents) => decodePictures(await session('vaeDecoder'), vaeDecoder, latents),
    atSide: async (latents, side) => {
      if (side === null || side === latents.shape[2]) return latents;
      const only = (await session('unet')).inputs.find((input) => input.name === unet.sample)?.shape[2];
      if (typeof only === 'number' && only !== side) {
        throw new UserError('unsupported', `the networks of ${pack.name} were exported for ${only} x ${only} latents and cannot walk at ${side} x ${side}`, { file: path.join(pack.dir, unet.file), expected: `sampler.side ${only}, or null`, found: `${side}`, fix: 'Leave sampler.side out, or export the networks with open height and width.' });
      }
      const pictures = await decodePictures(await session('vaeDecoder'), vaeDecoder, latents), pixels = Math.round((pack.pixels * side) / (pack.latentShape[1] ?? side));
      return encodePictures(await session('vaeEncoder'), vaeEncoder, fitted(pictures, pixels), [pack.latentShape[0] ?? 4, side, side]);
    },
    refiner: async ({ sampler, refine, images }) => makeRefiner({
      pack, gradients, unet: await session('unet'), decoder: await session('vaeDecoder'), encoder: await session('imageEncoder'), config, sampler, refine, images, unconditional: await (unconditional ??= texts([''])),
    }),
    release: async () => {
      await gradients.release();
      for (const opened of sessions.values()) await (await opened).release();
    },
  };
}

/** Layers side by side: each `[images, tokens, width]` to `[images, layers, tokens, width]`. */
function stacked(layers: readonly F32[]): F32 {
  const [images = 0, ...rest] = layers[0]?.shape ?? [];
  const width = sizeOf(rest), data = new Float32Array(images * layers.length * width);
  layers.forEach((layer, l) => {
    for (let n = 0; n < images; n++) data.set(layer.data.subarray(n * width, (n + 1) * width), (n * layers.length + l) * width);
  });
  return f32([images, layers.length, ...rest], data);
}

/** Pictures of any size as the autoencoder reads them. */
function fitted(images: U8, pixels: number): U8 {
  const [count = 0, height = 0, width = 0, channels = 3] = images.shape;
  if (height === pixels && width === pixels && channels === 3) return images;
  const data = new Uint8Array(count * pixels * pixels * 3), size = height * width * channels;
  for (let n = 0; n < count; n++) {
    const one = ndarray('uint8', [height, width, channels], images.data.subarray(n * size, (n + 1) * size));
    data.set(resize(channels === 3 ? one : coloured(one), pixels, pixels, 'bicubic').data, n * pixels * pixels * 3);
  }
  return ndarray('uint8', [count, pixels, pixels, 3], data);
}

/** Grey to RGB. */
function coloured(image: U8): U8 {
  const [height = 0, width = 0, channels = 1] = image.shape;
  return ndarray('uint8', [height, width, 3], Uint8Array.from({ length: height * width * 3 }, (_, i) => image.data[Math.floor(i / 3) * channels] ?? 0));
}
