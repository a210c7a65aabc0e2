/** The shipped demo pack against PyTorch's numbers (test/golden/modelpack), and what a broken pack says. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { f32, ndarray, sizeOf } from '../../../common/ndarray.ts';
import type { F32, NdArray } from '../../../common/ndarray.ts';
import { checkPack, openPack, openRole } from '../../../main/runtime/models.ts';
import type { Role } from '../../../main/runtime/pack-description.ts';
import { expectClose } from '../../support/close.ts';

const DEMO = fileURLToPath(new URL('../../../resources/models/demo', import.meta.url));

interface Summary { readonly shape: readonly number[]; readonly mean: number; readonly std: number; readonly at: readonly number[]; readonly values: readonly number[] }
interface Golden {
  readonly ids: readonly number[];
  readonly timestep: number;
  readonly phases: Readonly<Record<string, number>>;
  readonly networks: Readonly<Record<string, Readonly<Record<string, Summary>>>>;
}
const golden = JSON.parse(readFileSync(new URL('../../golden/modelpack/networks.json', import.meta.url), 'utf8')) as Golden;

/** float32 sums in another order than PyTorch's, relative to the largest value of the tensor. */
const AGREEMENT = 3e-4;

/** sin(0.37 k + phase), as the golden file says. */
function wave(shape: readonly number[], phase: number): F32 {
  return f32(shape, Float32Array.from({ length: sizeOf(shape) }, (_, k) => Math.sin(0.37 * k + phase)));
}

const phase = (name: string): number => golden.phases[name] ?? Number.NaN;

describe('the demo pack', () => {
  it('passes its own check', async () => {
    const check = await checkPack(DEMO);
    expect(check.roles.filter((role) => !role.ok)).toEqual([]);
    expect(check.ok).toBe(true);
    expect(check.roles.map((role) => role.role)).toEqual(['textEncoder', 'imageEncoder', 'vaeEncoder', 'vaeDecoder', 'unet', 'tokenizer', 'scheduler']);
  });

  it('has one hash for the same contents', async () => {
    const [a, b] = await Promise.all([openPack(DEMO), openPack(DEMO)]);
    expect(a.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(a.hash).toBe(b.hash);
    expect(a.taps).toHaveLength(6);
  });

  const feeds = async (role: Role): Promise<readonly [string, Record<string, NdArray>]> => {
    const pack = await openPack(DEMO), { textEncoder, imageEncoder, vaeEncoder, vaeDecoder, unet } = pack.roles;
    const latent = [1, ...pack.latentShape];
    switch (role) {
      case 'textEncoder': return ['text_encoder', { [textEncoder.ids]: ndarray('int64', [1, golden.ids.length], BigInt64Array.from(golden.ids, BigInt)) }];
      case 'imageEncoder': return ['image_encoder', { [imageEncoder.input]: wave([1, 3, imageEncoder.pixels, imageEncoder.pixels], phase('image_encoder')) }];
      case 'vaeEncoder': return ['vae_encoder', { [vaeEncoder.picture]: wave([1, 3, pack.pixels, pack.pixels], phase('vae_encoder')) }];
      case 'vaeDecoder': return ['vae_decoder', { [vaeDecoder.latent]: wave(latent, phase('vae_decoder')) }];
      case 'unet': return ['unet', { [unet.sample]: wave(latent, phase('unet.sample')), [unet.timestep]: ndarray('int64', [1], BigInt64Array.of(BigInt(golden.timestep))), [unet.context]: wave([1, pack.contextLength, textEncoder.width], phase('unet.encoder_hidden_states')) }];
      default: { const never: never = role; return never; }
    }
  };

  it.each<Role>(['textEncoder', 'imageEncoder', 'vaeEncoder', 'vaeDecoder', 'unet'])('computes what PyTorch computes: %s', async (role) => {
    const session = await openRole(await openPack(DEMO), role, { threads: 1 });
    const [name, inputs] = await feeds(role);
    const results = await session.run(inputs);
    await session.release();
    const expected = golden.networks[name] ?? {};
    expect(Object.keys(results).sort()).toEqual(Object.keys(expected).sort());
    for (const [output, summary] of Object.entries(expected)) {
      const result = results[output];
      expect(result?.shape, output).toEqual(summary.shape);
      const data = result?.data as Float32Array, largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expectClose(summary.at.map((index) => data[index] ?? Number.NaN), summary.values, { absolute: AGREEMENT * largest });
      expectClose(data.reduce((sum, value) => sum + value, 0) / data.length, summary.mean, { absolute: AGREEMENT * largest });
    }
  });
});

describe('a pack that is not whole', () => {
  let folder = '', pack = '';
  beforeAll(async () => { folder = await mkdtemp(path.join(tmpdir(), 'pack-')); });
  afterAll(async () => { await rm(folder, { recursive: true, force: true }); });
  const copy = async (name: string): Promise<string> => { pack = path.join(folder, name); await cp(DEMO, pack, { recursive: true }); return pack; };

  it('names the role, the file and what to do when a network is absent', async () => {
    await unlink(path.join(await copy('no-unet'), 'unet/model.onnx'));
    await expect(openPack(pack)).rejects.toMatchObject({ kind: 'model-missing', message: expect.stringMatching(/^unet: expected a model at unet\/model\.onnx/) as string });
    const bad = (await checkPack(pack)).roles.filter((role) => !role.ok);
    expect(bad.map((role) => [role.role, role.problem?.kind])).toEqual([['unet', 'model-missing']]);
    expect(bad[0]?.problem).toMatchObject({ expected: expect.any(String) as string, found: 'no such file', fix: expect.any(String) as string });
  });

  it('sees a file that was changed or cut off', async () => {
    await truncate(path.join(await copy('cut'), 'vae_decoder/model.onnx'), 1000);
    const bad = (await checkPack(pack)).roles.filter((role) => !role.ok);
    expect(bad.map((role) => role.role)).toEqual(['vaeDecoder']);
  });

  it('says which field of pack.json is wrong', async () => {
    const file = path.join(await copy('field'), 'pack.json');
    await writeFile(file, (await readFile(file, 'utf8')).replace('"contextLength"', '"contextSize"'));
    await expect(openPack(pack)).rejects.toMatchObject({ kind: 'model-missing', message: expect.stringContaining('"contextLength" should be a number, found nothing') as string });
  });

  it('says so when a folder is no pack at all', async () => {
    expect((await checkPack(folder)).roles[0]?.problem?.message).toMatch(/is not a model pack/);
  });

  it('is read from the export\'s own configuration files when it has no pack.json', async () => {
    await unlink(path.join(await copy('plain'), 'pack.json'));
    const plain = await openPack(pack), demo = await openPack(DEMO);
    expect(plain.roles.vaeDecoder).toEqual(demo.roles.vaeDecoder);
    expect(plain.roles.unet).toEqual(demo.roles.unet);
    expect(plain.taps).toEqual(demo.taps);
    expect([plain.pixels, plain.contextLength, plain.latentShape]).toEqual([demo.pixels, demo.contextLength, demo.latentShape]);
    expect(plain.synthetic).toBe(false);
    expect((await checkPack(pack)).ok).toBe(true);
    const changed = createHash('sha256').update(await readFile(path.join(pack, 'unet/model.onnx'))).digest('hex');
    expect(demo.sha256['unet/model.onnx']).toBe(changed);
  });
});
