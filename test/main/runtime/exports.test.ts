/** Unmodified exports of tiny Stable Diffusion v1 and CLIP networks by the real exporters (test/golden/runtime), against PyTorch's numbers. */
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { f32, ndarray, sizeOf } from '../../../common/ndarray.ts';
import type { F32, NdArray } from '../../../common/ndarray.ts';
import { loadTokeniser } from '../../../main/clip/tokenise.ts';
import { checkPack, openPack, openRole, readPack } from '../../../main/runtime/models.ts';
import type { Pack } from '../../../main/runtime/models.ts';
import type { Role } from '../../../main/runtime/pack-description.ts';
import type { TensorSpec } from '../../../main/runtime/session.ts';
import { expectClose } from '../../support/close.ts';
import { EXPORTS, unpackExport } from '../../support/exports.ts';

interface Places { readonly shape: readonly number[]; readonly largest: number; readonly at: readonly number[]; readonly values: readonly number[] }
type Answers = Readonly<Record<Role, Readonly<Record<string, Places>>>>;

const golden = (name: string): URL => new URL(`../../golden/runtime/${name}`, import.meta.url);
const answersOf = (name: string): Answers => (JSON.parse(readFileSync(golden(`${name}.json`), 'utf8')) as { readonly roles: Answers }).roles;
/** Relative to the largest value: float32 sums in another order; activations rounded to half precision at every step. */
const AGREEMENT: Readonly<Record<string, number>> = { optimum: 2e-4, 'diffusers-half': 1.5e-2 };
const TOKENS = 16;

let root = '';
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'exports-'));
  for (const name of EXPORTS) await unpackExport(name, path.join(root, name));
});
afterAll(async () => { await rm(root, { recursive: true, force: true }); });

const wave = (shape: readonly number[], phase: number): F32 => f32(shape, Float32Array.from({ length: sizeOf(shape) }, (_, k) => Math.sin(0.37 * k + phase)));
const whole = (spec: TensorSpec | undefined, shape: readonly number[], at: (k: number) => number): NdArray => {
  const count = sizeOf(shape), values = Array.from({ length: count }, (_, k) => at(k));
  return spec?.dtype === 'int64' ? ndarray('int64', shape, BigInt64Array.from(values, BigInt)) : spec?.dtype === 'int32' ? ndarray('int32', shape, Int32Array.from(values)) : f32(shape, values);
};

/** The role's answer to the golden inputs, under the golden's name. */
async function answer(pack: Pack, role: Role): Promise<Readonly<Record<string, NdArray | undefined>>> {
  const session = await openRole(pack, role, { threads: 1 }), { textEncoder, imageEncoder, vaeEncoder, vaeDecoder, unet } = pack.roles;
  const spec = (name: string): TensorSpec | undefined => session.inputs.find((input) => input.name === name);
  try {
    switch (role) {
      case 'textEncoder': return { states: (await session.run({ [textEncoder.ids]: whole(spec(textEncoder.ids), [1, TOKENS], (k) => 3 + k) }))[textEncoder.states] };
      case 'imageEncoder': return { embedding: (await session.run({ [imageEncoder.input]: wave([1, 3, 32, 32], 0) }))[imageEncoder.embedding] };
      case 'vaeEncoder': return { moments: (await session.run({ [vaeEncoder.picture]: wave([1, 3, 16, 16], 0) }))[vaeEncoder.parameters] };
      case 'vaeDecoder': return { picture: (await session.run({ [vaeDecoder.latent]: wave([1, 4, 8, 8], 0) }))[vaeDecoder.picture] };
      case 'unet': {
        const time = spec(unet.timestep);
        return { noise: (await session.run({ [unet.sample]: wave([2, 4, 8, 8], 0), [unet.timestep]: whole(time, time?.shape.length === 0 ? [] : [1], () => 501), [unet.context]: wave([2, TOKENS, 16], 2) }))[unet.output] };
      }
      default: { const never: never = role; return never; }
    }
  } finally { await session.release(); }
}

describe.each(EXPORTS)('an unmodified export (%s)', (name) => {
  it('passes the check, with the memory of its weights', async () => {
    const check = await checkPack(path.join(root, name));
    expect(check.roles.filter((role) => !role.ok)).toEqual([]);
    expect(check.weightBytes).toBeGreaterThan(50_000);
    for (const role of check.roles.slice(0, 5)) expect(role.weightBytes, role.role).toBeGreaterThan(0);
  });

  it('is another pack when a weight changes, which reading its description does not look at', async () => {
    const copy = path.join(root, `${name}-changed`);
    await cp(path.join(root, name), copy, { recursive: true });
    const before = await openPack(copy), file = path.join(copy, before.roles.vaeDecoder.file), bytes = await readFile(file), described = await readPack(copy);
    // Nodes come first in the file, then weights.
    const at = Math.floor(0.9 * bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    await writeFile(file, bytes);
    expect((await openPack(copy)).hash).not.toBe(before.hash);
    expect(await readPack(copy)).toEqual(described);
    expect({ ...described, hash: before.hash }).toEqual(before);
  });

  it.each<Role>(['textEncoder', 'imageEncoder', 'vaeEncoder', 'vaeDecoder', 'unet'])('computes what PyTorch computes: %s', async (role) => {
    const found = await answer(await openPack(path.join(root, name)), role), expected = answersOf(name)[role];
    for (const [key, value] of Object.entries(found)) {
      const places = expected[key];
      if (places === undefined || value === undefined) throw new Error(`nothing to compare for ${key}`);
      expect(value.shape).toEqual(places.shape);
      expectClose(places.at.map((index) => Number(value.data[index])), places.values, { absolute: (AGREEMENT[name] ?? 0) * places.largest });
    }
  });

  it('has the six taps of its image encoder, whatever they are called', async () => {
    const pack = await openPack(path.join(root, name)), session = await openRole(pack, 'imageEncoder', { threads: 1 });
    const results = await session.run({ [pack.roles.imageEncoder.input]: wave([1, 3, 32, 32], 0) });
    await session.release();
    expect(pack.taps).toHaveLength(6);
    for (const tap of pack.taps) expect(results[tap]?.shape).toEqual([1, 17, 16]);
  });

  it('has a tokenizer with merges and a scheduler', async () => {
    const pack = await openPack(path.join(root, name)), tokens = await loadTokeniser(path.join(root, name, pack.tokenizer));
    expect([tokens.startId, tokens.endId]).toEqual([816, 817]);
    expect(tokens.encode('a red ball')).toEqual((await loadTokeniser(path.join(root, 'optimum/tokenizer'))).encode('a red ball'));
    expect(pack.schedulerConfig).toMatchObject({ _class_name: 'PNDMScheduler', beta_schedule: 'scaled_linear', steps_offset: 1 });
  });
});

describe('what no file says', () => {
  it('is assumed aloud', async () => {
    expect((await checkPack(path.join(root, 'diffusers-half'))).assumptions).toEqual([
      'places on a side of the latent: 64, as Stable Diffusion v1 has it; no file says', 'scaling factor of the latent: 0.18215, as Stable Diffusion v1 has it; no file says',
    ]);
    expect((await checkPack(path.join(root, 'optimum'))).assumptions).toEqual([]);
  });

  it('or is missing, is named with its role', async () => {
    await unlink(path.join(root, 'diffusers-half/unet/weights.pb'));
    const bad = (await checkPack(path.join(root, 'diffusers-half'))).roles.filter((role) => !role.ok);
    expect(bad.map((role) => [role.role, role.problem?.kind])).toEqual([['unet', 'model-missing']]);
    expect(bad[0]?.problem?.message).toMatch(/weights\.pb/);
  });
});
