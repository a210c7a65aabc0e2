/**
 * Pictures to latents and back with the first-stage autoencoder (KL-regularised, Rombach et al. 2022).
 *
 * z = scale * mean of q(z|x); a sample of q adds deviation * noise, exp(logvar / 2) with logvar clamped to [-30, 20] as trained.
 * Picture in [-1, 1]; decoded x -> clamp(x / 2 + 1/2, 0, 1) -> 8 bits.
 */
import { throwIfAborted, UserError } from '../../common/errors.ts';
import { f32, isDType, ndarray, rows, sizeOf, zeros } from '../../common/ndarray.ts';
import type { F32, U8 } from '../../common/ndarray.ts';
import type { VaeDecoderRole, VaeEncoderRole } from '../runtime/pack-description.ts';
import type { Session } from '../runtime/session.ts';

export interface VaeOptions {
  /** Pictures per run; 1 keeps Stable Diffusion's activations below the limits of one process. */
  readonly batch?: number;
  readonly signal?: AbortSignal;
  readonly progress?: (done: number, total: number) => void;
}

const DEFAULT_BATCH = 8;

/** uint8 `[n, height, width, 3]` -> float32 `[n, 3, height, width]` in [-1, 1]. */
export function toNetwork(images: U8): F32 {
  const [count = 0, height = 0, width = 0, channels] = images.shape, area = height * width;
  if (channels !== 3) throw new RangeError(`expected [images, height, width, 3], got [${images.shape.join(', ')}]`);
  const out = zeros('float32', [count, 3, height, width]);
  for (let n = 0; n < count; n++) for (let c = 0; c < 3; c++) for (let k = 0; k < area; k++) out.data[(n * 3 + c) * area + k] = (images.data[(n * area + k) * 3 + c]! / 255) * 2 - 1;
  return out;
}

/** float32 `[n, 3, height, width]` in [-1, 1], values beyond clamped -> uint8 `[n, height, width, 3]`. */
export function toPicture(values: F32): U8 {
  const [count = 0, channels, height = 0, width = 0] = values.shape, area = height * width;
  if (channels !== 3) throw new RangeError(`expected [images, 3, height, width], got [${values.shape.join(', ')}]`);
  const out = zeros('uint8', [count, height, width, 3]);
  for (let n = 0; n < count; n++) for (let c = 0; c < 3; c++) for (let k = 0; k < area; k++) {
    const share = Math.min(1, Math.max(0, values.data[(n * 3 + c) * area + k]! / 2 + 0.5));
    out.data[(n * area + k) * 3 + c] = Math.round(share * 255);
  }
  return out;
}

async function runBatches(session: Session, input: string, output: string, data: (from: number, to: number) => F32, total: number, options: VaeOptions, take: (answer: F32, from: number) => void): Promise<void> {
  const size = options.batch ?? DEFAULT_BATCH;
  for (let from = 0; from < total; from += size) {
    throwIfAborted(options.signal);
    const to = Math.min(total, from + size), { [output]: answer } = await session.run({ [input]: data(from, to) }, { outputs: [output] });
    if (answer === undefined || !isDType(answer, 'float32')) throw new UserError('model-missing', `${session.name} has no float32 output "${output}"`, { file: session.name, expected: output, found: answer?.dtype ?? 'nothing' });
    take(answer, from);
    options.progress?.(to, total);
  }
}

/**
 * Pictures uint8 `[n, pixels, pixels, 3]` of the pack's size -> z float32 `[n, channels, h, w]`: the mean of q(z|x), or with `noise`
 * (z's shape, standard normal) a sample of it. Throws `UserError` for an export that gives samples instead of mean and log-variance.
 */
export async function encodePictures(session: Session, role: VaeEncoderRole, images: U8, latentShape: readonly number[], options: VaeOptions & { readonly noise?: F32 } = {}): Promise<F32> {
  const total = images.shape[0] ?? 0, width = sizeOf(latentShape), out = zeros('float32', [total, ...latentShape]), { noise } = options;
  if (noise !== undefined && noise.data.length !== out.data.length) throw new RangeError(`noise has ${noise.data.length} values, the latents ${out.data.length}`);
  await runBatches(session, role.picture, role.parameters, (from, to) => toNetwork(rows(images, from, to)), total, options, (answer, from) => {
    const count = answer.shape[0] ?? 0;
    if (answer.data.length !== count * 2 * width) {
      throw new UserError('model-missing', `${session.name}: the encoder's output is not mean and log-variance`, { file: session.name, expected: `[n, ${2 * (latentShape[0] ?? 0)}, ${latentShape.slice(1).join(', ')}]`, found: `[${answer.shape.join(', ')}]`, fix: 'Export the encoder with its distribution parameters (optimum 1.8 or later does).' });
    }
    for (let n = 0; n < count; n++) for (let k = 0; k < width; k++) {
      const at = (from + n) * width + k, mean = answer.data[n * 2 * width + k]!;
      const deviation = noise === undefined ? 0 : Math.exp(0.5 * Math.min(20, Math.max(-30, answer.data[(n * 2 + 1) * width + k]!))) * noise.data[at]!;
      out.data[at] = role.scalingFactor * (mean + deviation);
    }
  });
  return out;
}

/** Latents `[n, channels, h, w]` -> network values float32 `[n, 3, pixels, pixels]`, about [-1, 1], not clamped. */
export async function decodeValues(session: Session, role: VaeDecoderRole, latents: F32, options: VaeOptions = {}): Promise<F32> {
  const total = latents.shape[0] ?? 0, parts: F32[] = [];
  await runBatches(session, role.latent, role.picture, (from, to) => { const part = rows(latents, from, to); return f32(part.shape, part.data.map((value) => value / role.scalingFactor)); }, total, options, (answer) => parts.push(answer));
  const shape = [total, ...(parts[0]?.shape.slice(1) ?? [3, 0, 0])], data = new Float32Array(sizeOf(shape));
  let at = 0;
  for (const part of parts) { data.set(part.data, at); at += part.data.length; }
  return ndarray('float32', shape, data);
}

/** Latents `[n, channels, h, w]` -> pictures uint8 `[n, pixels, pixels, 3]`. */
export async function decodePictures(session: Session, role: VaeDecoderRole, latents: F32, options: VaeOptions = {}): Promise<U8> {
  return toPicture(await decodeValues(session, role, latents, options));
}
