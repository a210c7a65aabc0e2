/** Latents -> picture -> image features, and gradients back along the same path. The networks' own weights never change. */
import { UserError } from '../../common/errors.ts';
import { f32, isDType, sizeOf, zeros } from '../../common/ndarray.ts';
import type { F32, NdArray } from '../../common/ndarray.ts';
import type { Pack } from '../runtime/models.ts';
import type { Session } from '../runtime/session.ts';
import { filledRows, inRuns, putRows } from './chunk.ts';
import type { EncoderInput } from './encoder-input.ts';
import type { GradientSessions } from './gradient-session.ts';
import { decodeValues } from './vae.ts';

export interface PictureFeatures {
  /** What the decoder makes of latents, float32 `[n, 3, side, side]`, about [-1, 1], and its features, `[n, layers * tokens * width]`. */
  look(latents: F32): Promise<{ readonly values: F32; readonly features: F32 }>;
  /** Gradient with respect to the latents, given that of the features. */
  back(latents: F32, values: F32, gradient: F32): Promise<F32>;
}

export interface PictureFeatureOptions {
  readonly pack: Pack;
  readonly decoder: Session;
  /** With its taps exposed, as `openRole` gives it. */
  readonly encoder: Session;
  readonly gradients: GradientSessions;
  readonly input: EncoderInput;
  /** Shape of one image's latents; the pack's unless the walk runs at another size. */
  readonly latentShape: readonly number[];
  /** Pictures per run of the gradient networks. */
  readonly rows: number;
}

function answer(results: Readonly<Record<string, NdArray>>, name: string, network: string): F32 {
  const value = results[name];
  if (value === undefined || !isDType(value, 'float32')) throw new UserError('model-missing', `${network} has no float32 output "${name}"`, { expected: name, found: Object.keys(results).join(', ') });
  return value;
}

export function pictureFeatures({ pack, decoder, encoder, gradients, input, latentShape, rows }: PictureFeatureOptions): PictureFeatures {
  const { vaeDecoder, imageEncoder } = pack.roles, { taps } = pack;
  /** Opened on first use: a mode that only looks needs no gradient networks. */
  const pictureGradient = (): Promise<Session> => gradients.open('vaeDecoder', { wrt: [vaeDecoder.latent], of: [vaeDecoder.picture], shapes: { [vaeDecoder.latent]: [rows, ...latentShape] } });
  const imageGradient = (): Promise<Session> => gradients.open('imageEncoder', { wrt: [imageEncoder.input], of: taps, shapes: { [imageEncoder.input]: [rows, 3, imageEncoder.pixels, imageEncoder.pixels] } });
  /** Runs of the image encoder share the batch of its gradient, so that both round alike. */
  const featuresOf = async (pixels: F32): Promise<F32> => {
    const total = pixels.shape[0] ?? 0;
    const whole: F32[] = [];
    await inRuns(total, rows, async (from, counted) => {
      const results = await encoder.run({ [imageEncoder.input]: filledRows(pixels, from, rows) }, { outputs: [...taps] });
      taps.forEach((name, layer) => {
        const tap = answer(results, name, 'the image encoder'), width = sizeOf(tap.shape.slice(1));
        if (whole.length === 0) whole.push(zeros('float32', [total, taps.length * width]));
        const all = whole[0] ?? zeros('float32', [0]);
        for (let n = 0; n < counted; n++) all.data.set(tap.data.subarray(n * width, (n + 1) * width), ((from + n) * taps.length + layer) * width);
      });
    });
    const [all] = whole;
    if (all === undefined) throw new RangeError('no pictures to look at');
    return all;
  };
  return {
    look: async (latents) => {
      const values = await decodeValues(decoder, vaeDecoder, latents, { batch: rows });
      return { values, features: await featuresOf(input.forward(values)) };
    },
    back: async (latents, values, gradient) => {
      const picture = await pictureGradient(), image = await imageGradient(), total = latents.shape[0] ?? 0, pixels = input.forward(values), width = sizeOf(gradient.shape.slice(1)) / taps.length;
      const forPixels = zeros('float32', pixels.shape), forLatents = zeros('float32', latents.shape);
      await inRuns(total, rows, async (from, counted) => {
        const feeds: Record<string, F32> = { [imageEncoder.input]: filledRows(pixels, from, rows) };
        const part = filledRows(gradient, from, rows);
        taps.forEach((name, layer) => {
          const cotangent = new Float32Array(rows * width);
          // Filled rows are copies; their gradient is computed and not used.
          for (let n = 0; n < rows; n++) cotangent.set(part.data.subarray((n * taps.length + layer) * width, (n * taps.length + layer + 1) * width), n * width);
          const declared = image.inputs.find((each) => each.name === `${name}_grad`)?.shape ?? [];
          feeds[`${name}_grad`] = f32(declared.every((dim) => typeof dim === 'number') ? declared : [rows, width], cotangent);
        });
        putRows(forPixels, answer(await image.run(feeds, { outputs: [`${imageEncoder.input}_grad`] }), `${imageEncoder.input}_grad`, 'the gradient of the image encoder'), from, counted);
      });
      const forValues = input.backward(values, forPixels);
      await inRuns(total, rows, async (from, counted) => {
        // The decoder reads z / scale, so its gradient with respect to z is that of its input over scale.
        const raw = filledRows(latents, from, rows);
        const results = await picture.run({ [vaeDecoder.latent]: f32(raw.shape, raw.data.map((value) => value / vaeDecoder.scalingFactor)), [`${vaeDecoder.picture}_grad`]: filledRows(forValues, from, rows) }, { outputs: [`${vaeDecoder.latent}_grad`] });
        const pulled = answer(results, `${vaeDecoder.latent}_grad`, 'the gradient of the decoder');
        putRows(forLatents, f32(pulled.shape, pulled.data.map((value) => value / vaeDecoder.scalingFactor)), from, counted);
      });
      return forLatents;
    },
  };
}
