/**
 * Walks at another side than the pack's (method.md 3: a pack that does not work at 64 x 64 is brought there through its picture). The route is written
 * out again here: decoder, 8 bits, Pillow's bicubic as a sum over every source pixel in float64, encoder's mean, DDIM by its own formula.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { f32, rows, sizeOf } from '../../../common/ndarray.ts';
import type { F32 } from '../../../common/ndarray.ts';
import { fillNormal, random } from '../../../common/random.ts';
import { DEFAULT_RECIPE, DEFAULT_REFINE } from '../../../common/recipe.ts';
import { openNetworks } from '../../../main/experiments/networks.ts';
import type { Networks } from '../../../main/experiments/networks.ts';
import { openPack, openRole } from '../../../main/runtime/models.ts';
import type { Pack } from '../../../main/runtime/models.ts';
import type { Session } from '../../../main/runtime/session.ts';
import { expectClose } from '../../support/close.ts';
import { unpackExport } from '../../support/exports.ts';

const SEED = 41, SMALL = 8, LARGE = 12;
/** Float32 networks run in batches of another size, latents of order one; a resized byte on the edge between two values moves a latent by less. */
const LATENT = { absolute: 2e-2 };
/** The same latents to the same networks, rounded in another order over a few steps. */
const WALK = { absolute: 5e-4 };
/** Difference quotient of a float32 loss through walk, decoder and image encoder (`refine.test.ts`). */
const FINITE = { relative: 1e-2 }, STEP = 0.001;
const never = new AbortController().signal;

let folder = '', pack: Pack, networks: Networks, decoder: Session, encoder: Session, unet: Session;
const source = random(SEED), normal = (shape: readonly number[], scale = 1): F32 => f32(shape, fillNormal(new Float32Array(sizeOf(shape)), source).map((value) => scale * value));

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'side-'));
  await unpackExport('optimum', folder);
  pack = await openPack(folder);
  networks = await openNetworks(folder);
  [decoder, encoder, unet] = await Promise.all([openRole(pack, 'vaeDecoder', { threads: 1 }), openRole(pack, 'vaeEncoder', { threads: 1 }), openRole(pack, 'unet', { threads: 1 })]);
});
afterAll(async () => { await networks.release(); await Promise.all([decoder, encoder, unet].map((session) => session.release())); await rm(folder, { recursive: true, force: true }); });

/** Keys' cubic with a = -1/2. */
function cubic(x: number): number {
  const t = Math.abs(x);
  return t < 1 ? 1.5 * t ** 3 - 2.5 * t ** 2 + 1 : t < 2 ? -0.5 * t ** 3 + 2.5 * t ** 2 - 4 * t + 2 : 0;
}

/** One axis of `from` values to `to`, the filter stretched when shrinking, weights over the values that exist; rounded to bytes as Pillow does after each axis. */
function line(values: readonly number[], to: number): number[] {
  const scale = values.length / to, stretch = Math.max(1, scale);
  return Array.from({ length: to }, (_, out) => {
    const centre = (out + 0.5) * scale, near = values.map((_value, i) => (Math.abs(i + 0.5 - centre) < 2 * stretch ? cubic((i + 0.5 - centre) / stretch) : 0)), total = near.reduce((sum, w) => sum + w, 0);
    return Math.min(255, Math.max(0, Math.round(values.reduce((sum, value, i) => sum + (value * near[i]!) / total, 0))));
  });
}

/** Bytes `[3][side][side]` to `[3][to][to]`: rows first, then columns. */
function resized(plane: readonly number[][], to: number): number[][] {
  const wide = plane.map((row) => line(row, to));
  return Array.from({ length: to }, (_, y) => Array.from({ length: to }, (_x, x) => line(wide.map((row) => row[x]!), to)[y]!));
}

async function byHand(z: F32, side: number): Promise<Float32Array> {
  const { vaeDecoder, vaeEncoder } = pack.roles, raw = (await decoder.run({ [vaeDecoder.latent]: f32(z.shape, z.data.map((v) => v / vaeDecoder.scalingFactor)) }))[vaeDecoder.picture] as F32;
  const pixels = raw.shape[2]!, to = (pixels * side) / z.shape[2]!, input = new Float32Array(3 * to * to);
  for (let channel = 0; channel < 3; channel++) {
    const plane = Array.from({ length: pixels }, (_, y) => Array.from({ length: pixels }, (_x, x) => Math.round(255 * Math.min(1, Math.max(0, raw.data[(channel * pixels + y) * pixels + x]! / 2 + 0.5)))));
    resized(plane, to).flat().forEach((byte, k) => { input[channel * to * to + k] = (byte / 255) * 2 - 1; });
  }
  const moments = (await encoder.run({ [vaeEncoder.picture]: f32([1, 3, to, to], input) }))[vaeEncoder.parameters] as F32;
  return moments.data.slice(0, moments.data.length / 2).map((v) => v * vaeEncoder.scalingFactor);
}

describe('latents at another side', () => {
  it.each([LARGE, 6])('are those of the decoded, resized and encoded picture (%i)', async (side) => {
    const z = normal([2, ...pack.latentShape], 0.7), there = await networks.atSide(z, side);
    expect(there.shape).toEqual([2, pack.latentShape[0], side, side]);
    for (let n = 0; n < 2; n++) expectClose(rows(there, n, n + 1).data, await byHand(rows(z, n, n + 1), side), LATENT, SEED);
  }, 60_000);

  it('are refused by name where the networks were exported for one side', async () => {
    const demo = await openNetworks(fileURLToPath(new URL('../../../resources/models/demo', import.meta.url)));
    await expect(demo.atSide(normal([1, 4, 16, 16]), 24)).rejects.toMatchObject({ kind: 'unsupported', message: expect.stringMatching(/16 x 16.*24 x 24/) as string });
    await demo.release();
  });

  it('are left alone at the pack\'s own side', async () => {
    const z = normal([1, ...pack.latentShape]);
    expect(await networks.atSide(z, SMALL)).toBe(z);
    expect(await networks.atSide(z, null)).toBe(z);
  });
});

describe('a walk at another side', () => {
  const shape = [1, 4, LARGE, LARGE];
  const sampler = { ...DEFAULT_RECIPE.sampler, steps: 4, strength: 0.5, guidance: 1, side: LARGE };
  let c: F32, z: F32, noise: F32;
  beforeAll(() => { c = normal([1, pack.contextLength, pack.roles.textEncoder.width], 0.5); z = normal(shape, 0.4); noise = normal(shape); });

  it('is DDIM there, and its picture is as much larger', async () => {
    const walked = await networks.sample({ latents: z, context: c, noise, sampler, signal: never, progress: () => undefined });
    // By hand: 4 leading steps of a scaled-linear chain, the last two walked; alphaBar in float64 (Rombach et al. 2022; Song et al. 2021, eq. 12).
    const config = pack.schedulerConfig, number = (name: string): number => Number(config[name]), train = number('num_train_timesteps');
    const levels: number[] = [];
    for (let t = 0, product = 1; t < train; t++) { product *= 1 - (Math.sqrt(number('beta_start')) + (t / (train - 1)) * (Math.sqrt(number('beta_end')) - Math.sqrt(number('beta_start')))) ** 2; levels.push(product); }
    const times = [3, 2, 1, 0].map((k) => k * (train / 4) + Number(config['steps_offset'] ?? 0)), { unet: role } = pack.roles;
    let x: Float32Array = z.data.map((v, i) => Math.sqrt(levels[times[2]!]!) * v + Math.sqrt(1 - levels[times[2]!]!) * noise.data[i]!);
    for (const k of [2, 3]) {
      const said = (await unet.run({ [role.sample]: f32(shape, x), [role.timestep]: f32([], [times[k]!]), [role.context]: c }))[role.output] as F32;
      const now = levels[times[k]!]!, next = k === 3 ? (config['set_alpha_to_one'] === false ? levels[0]! : 1) : levels[times[k + 1]!]!;
      x = x.map((v, i) => { const e = said.data[i]!; return Math.sqrt(next) * ((v - Math.sqrt(1 - now) * e) / Math.sqrt(now)) + Math.sqrt(1 - next) * e; });
    }
    expectClose(walked.data, x, WALK, SEED);
    expect((await networks.decode(walked)).shape).toEqual([1, (pack.pixels * LARGE) / SMALL, (pack.pixels * LARGE) / SMALL, 3]);
  }, 60_000);

  it('has stage 2\'s gradient, which agrees with difference quotients', async () => {
    const refiner = await networks.refiner({ sampler, refine: { ...DEFAULT_REFINE, enabled: true, mode: 'full' }, images: 1 });
    const pass = await refiner.pass(z, c, noise, never), weights = fillNormal(new Float32Array(pass.features.data.length), random(SEED + 1)).map((v) => v / pass.features.data.length);
    const value = async (at: F32): Promise<number> => (await refiner.pass(at, c, noise, never)).features.data.reduce((sum, v, i) => sum + v * weights[i]!, 0);
    const { z: gradient } = await pass.gradient(f32(pass.features.shape, weights), never), length = Math.hypot(...gradient.data);
    expect(gradient.shape).toEqual(shape);
    // Along the gradient, where the change stands far above float32's rounding.
    const to = (by: number): F32 => f32(shape, z.data.map((v, i) => v + (by * gradient.data[i]!) / length));
    expectClose((await value(to(STEP)) - await value(to(-STEP))) / (2 * STEP), length, FINITE, SEED);
  }, 60_000);
});
