/** Every verb once, with --json: stdout carries JSON lines alone, and what is written is what the verb says it is. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RegionAccuracy, SpaceReport } from '../../common/contract/payloads.ts';
import { f32 } from '../../common/ndarray.ts';
import type { F32 } from '../../common/ndarray.ts';
import { random } from '../../common/random.ts';
import { giftiArray, readGifti } from '../../main/formats/gifti.ts';
import { readMgh } from '../../main/formats/mgh.ts';
import { readNifti } from '../../main/formats/nifti.ts';
import { readNpy, writeNpy } from '../../main/formats/npy.ts';
import { feedsOf } from '../../main/onnx/graph.ts';
import { readModel } from '../../main/onnx/protobuf/read.ts';
import { openSession } from '../../main/runtime/session.ts';
import { cli, told } from '../support/cli.ts';
import { expectClose } from '../support/close.ts';
import { TRIALS, tinyNsd } from '../support/tiny-nsd.ts';
import type { TinyNsd } from '../support/tiny-nsd.ts';

const MODELS = path.resolve(import.meta.dirname, '../../resources/models/demo');
const SEED = 23;
/** Single-precision sums of at most 25 terms of order one. */
const SINGLE = 1e-5;

let tiny: TinyNsd;
let at = '', workspace = '';
const place = (name: string): string => path.join(at, name);
const array = async (name: string): Promise<F32> => readNpy(await readFile(place(name)), name) as F32;
const noise = (rows: number, columns: number, seed: number): F32 => {
  const source = random(seed);
  return f32([rows, columns], Float32Array.from({ length: rows * columns }, () => source.normal()));
};

beforeAll(async () => {
  at = await mkdtemp(path.join(tmpdir(), 'cli-verbs-'));
  tiny = await tinyNsd();
  workspace = place('workspace');
  await writeFile(place('recipe.json'), JSON.stringify({ decoder: { alphas: [1, 10], folds: 2 }, sampler: { steps: 2, strength: 0.5 }, images: 2 }));
});
afterAll(async () => { for (const folder of [at, tiny.root]) await rm(folder, { recursive: true, force: true }); });

/** Each starts processes of its own; two slow, shared cores must not turn an honest test into a failure. */
const PATIENCE = 240_000;

describe('data', { timeout: PATIENCE }, () => {
  it('demo writes a folder that inspect finds whole', async () => {
    expect(await told('demo', place('demo'), '--subjects', '1', '--sessions', '1', '--seed', '3')).toMatchObject({ folder: place('demo'), subjects: 1, sessions: 1, seed: 3, synthetic: true });
    const found = await told('inspect', place('demo'));
    expect(found).toMatchObject({ kind: 'nsd', synthetic: true, subjects: [{ id: 'subj01', sessions: 1, trials: 750 }] });
    expect((found['problems'] as readonly { readonly severity: string }[]).filter((problem) => problem.severity === 'problem')).toEqual([]);
  });

  it('responses are the trials of the files, averaged over repeats, with what each row and column is', async () => {
    expect(await told('responses', tiny.root, '--subject', 'subj01', '--atlas', 'Kastner2015', '--out', place('x.npy'))).toMatchObject({ out: place('x.npy'), about: place('x.json') });
    const x = await array('x.npy');
    const about = JSON.parse(await readFile(place('x.json'), 'utf8')) as Readonly<Record<'imageIds' | 'repeats', readonly number[]>> & { readonly voxels: readonly (readonly [number, number, number])[] };
    expect(x.shape).toEqual([about.imageIds.length, about.voxels.length]);
    expect(about).toMatchObject({ subject: 'subj01', atlas: 'Kastner2015', averaged: true, scaling: 'percent signal change' });
    const expected = Float64Array.from({ length: x.data.length }, (_, n) => {
      const [i, j, k] = about.voxels[n % about.voxels.length] ?? [0, 0, 0], voxel = i + 7 * (j + 6 * k);
      const trials = [...tiny.shown.keys()].filter((t) => tiny.shown[t] === about.imageIds[Math.floor(n / about.voxels.length)] && !(voxel === 50 && Math.floor(t / TRIALS) === 1)); // no data there
      if (trials.length === 0) return x.data[n] ?? 0; // filled from training rows: test/main/nsd/responses.test.ts
      const values = trials.map((t) => (tiny.betas[Math.floor(t / TRIALS)]?.[voxel * TRIALS + (t % TRIALS)] ?? 0) / 300);
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    });
    const labelled = about.voxels.map(([i, j, k]) => tiny.kastner[i + 7 * (j + 6 * k)] ?? 0);
    expect(labelled.every((label) => label > 0)).toBe(true);
    expect(labelled).toHaveLength(tiny.kastner.filter((label) => label > 0).length);
    expectClose(x.data, expected, { absolute: SINGLE });
  });
});

describe('decoders', { timeout: PATIENCE }, () => {
  it('fit and predict solve the centred normal equations', async () => {
    const rows = 25, voxels = 3, targets = 2, alpha = 2.5;
    await writeFile(place('a.npy'), writeNpy(noise(rows, voxels, SEED)));
    await writeFile(place('b.npy'), writeNpy(noise(rows, targets, SEED + 1)));
    expect(await told('fit', '--x', place('a.npy'), '--y', place('b.npy'), '--out', place('decoder'), '--alphas', String(alpha))).toMatchObject({ rows, voxels, targets });
    expect(await told('predict', '--decoder', place('decoder'), '--x', place('a.npy'), '--out', place('p.npy'))).toMatchObject({ shape: [rows, targets] });
    // (X'X + alpha I) W = X'Y with X, Y centred, by gradient descent in double precision.
    const centred = ({ data, shape: [n = 0, m = 0] }: F32): { readonly mean: number[]; readonly values: number[][] } => {
      const mean = Array.from({ length: m }, (_, j) => Array.from({ length: n }, (__, i) => data[i * m + j] ?? 0).reduce((a, b) => a + b, 0) / n);
      return { mean, values: Array.from({ length: n }, (_, i) => mean.map((value, j) => (data[i * m + j] ?? 0) - value)) };
    };
    const x = centred(noise(rows, voxels, SEED)), y = centred(noise(rows, targets, SEED + 1));
    const predicted = await array('p.npy'), expected = new Float64Array(rows * targets);
    for (let t = 0; t < targets; t++) {
      const w = [0, 0, 0];
      for (let step = 0; step < 4000; step++) {
        const residual = x.values.map((row, i) => (y.values[i]?.[t] ?? 0) - row.reduce((sum, value, j) => sum + value * (w[j] ?? 0), 0));
        for (let j = 0; j < voxels; j++) w[j] = (w[j] ?? 0) + 0.005 * (residual.reduce((sum, r, i) => sum + r * (x.values[i]?.[j] ?? 0), 0) - alpha * (w[j] ?? 0));
      }
      x.values.forEach((row, i) => { expected[i * targets + t] = (y.mean[t] ?? 0) + row.reduce((sum, value, j) => sum + value * (w[j] ?? 0), 0); });
    }
    expectClose(predicted.data, expected, { absolute: SINGLE }, SEED);
  });
});

describe('a run', { timeout: PATIENCE }, () => {
  let run = '';
  beforeAll(async () => {
    const outcome = await cli('run', place('recipe.json'), '--data', tiny.root, '--workspace', workspace);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(outcome.lines[0]).toMatchObject({ type: 'planned' });
    expect(outcome.lines.filter((line) => line['type'] === 'image')).toHaveLength(2);
    const last = outcome.lines.at(-1);
    expect(last).toMatchObject({ type: 'finished', summary: { images: 2, reused: 0, scores: { pcc: {}, clip_similarity: {}, two_way: {} } } });
    run = String(last?.['runId']);
  }, PATIENCE);

  it('says how well it decodes, with chance and trial noise, and measures its regions when asked to', async () => {
    const said = await told('accuracy', '--workspace', workspace, '--run', run.slice(0, 8), '--regions', 'true'), spaces = said['spaces'] as readonly SpaceReport[], regions = said['regions'] as RegionAccuracy;
    expect(spaces.map(({ space }) => space)).toEqual(['z', 'c', 'clip']);
    // Four shared pictures, three trials each.
    for (const { accuracy, identification } of spaces) {
      expect(accuracy).toMatchObject({ images: 4, chance: { shuffles: 200, seed: 1 } });
      expect([identification >= 0, identification <= 1]).toEqual([true, true]);
      expect(accuracy?.ceiling?.trials ?? accuracy?.ceilingMissing).toSatisfy((told: unknown) => told === 12 || typeof told === 'string');
    }
    expect(regions.rows.at(-1)).toMatchObject({ region: null, spaces: spaces.map(({ space, unitR }) => ({ space, unitR })) });
    expect(regions.rows.slice(0, -1).reduce((sum, { voxels }) => sum + voxels, 0)).toBe(regions.rows.at(-1)?.voxels);
    const unknown = await cli('accuracy', '--workspace', workspace, '--run', 'nobody');
    expect([unknown.code, unknown.stderr]).toEqual([3, expect.stringContaining('there is no run nobody')]);
  });

  it('gives maps whose four files carry the same values', async () => {
    const out = async (name: string): Promise<Buffer> => {
      expect(await told('map', '--workspace', workspace, '--run', run.slice(0, 8), '--kind', 'pattern', '--space', 'c', '--out', place(name))).toMatchObject({ out: place(name), unit: 'signal per decoded SD' });
      return readFile(place(name));
    };
    const flat = readNpy(await out('m.npy'), 'm.npy') as F32;
    const volume = readNifti(await out('m.nii.gz'), 'm.nii.gz');
    expect(volume.header.shape).toEqual([7, 6, 5]);
    const inside = Array.from(volume.data.data as Float32Array).filter((value) => !Number.isNaN(value));
    expect(inside).toEqual([...flat.data]); // columns are in file order, so the volume lists them in the same order
    const mgz = readMgh(await out('m.mgz'), 'm.mgz').data.data, gii = giftiArray(readGifti(await out('m.gii'), 'm.gii'), 'SHAPE', 'm.gii').data.data;
    expect([...mgz]).toEqual([...gii]);
    const grid = volume.data.data as Float32Array;
    // Vertex 0 of every depth is voxel (1, 1, 1), 1-based as NSD counts; vertex 4 has none.
    expect([mgz[0], mgz[4]]).toEqual([grid[0], Number.NaN]);
  });

  it('score gives a perfect score to equal pictures', async () => {
    const scored = await told('score', '--truth', path.join(tiny.root, 'nsddata/stimuli/nsd/shared1000'), '--recon', path.join(tiny.root, 'nsddata/stimuli/nsd/shared1000'));
    const metrics = new Map((scored['metrics'] as readonly { readonly name: string; readonly mean: number }[]).map(({ name, mean }) => [name, mean]));
    expect(metrics.get('mse')).toBe(0);
    for (const name of ['pcc', 'clip_similarity', 'two_way']) expect(metrics.get(name), name).toBeCloseTo(1, 6);
    expect(metrics.has('ssim_2d')).toBe(false); // pictures of 6 x 8 pixels hold no window
  });
});

describe('models', { timeout: PATIENCE }, () => {
  it('check lists roles and shapes of the shipped pack', async () => {
    const report = await told('models', 'check', 'demo');
    expect(report).toMatchObject({ name: 'demo', ok: true });
    expect((report['roles'] as readonly { readonly role: string; readonly ok: boolean }[]).map(({ role, ok }) => [role, ok])).toEqual(['textEncoder', 'imageEncoder', 'vaeEncoder', 'vaeDecoder', 'unet', 'tokenizer', 'scheduler'].map((role) => [role, true]));
  });

  it('tap exposes an inner tensor without changing the outputs', async () => {
    const tensor = '/model/vision_model/encoder/layers.0/mlp/fc2/Add_output_0', original = path.join(MODELS, 'image_encoder/model.onnx');
    await told('tap', original, '--tensors', tensor, '--out', place('tapped.onnx'));
    const pixels = { ...noise(1, 3 * 64 * 64, SEED), shape: [1, 3, 64, 64] };
    const [before, after] = await Promise.all([openSession({ path: original }), openSession({ path: place('tapped.onnx') })]);
    const plain = await before.run({ pixel_values: pixels }), tapped = await after.run({ pixel_values: pixels });
    expect(tapped['image_embeds']).toEqual(plain['image_embeds']);
    expect(tapped[tensor]?.shape).toEqual([1, 65, 96]);
    await before.release();
    await after.release();
  });

  it('vjp writes the gradient graph, which agrees with central differences', async () => {
    const original = path.join(MODELS, 'vae_decoder/model.onnx');
    expect(await told('vjp', original, '--wrt', 'latent_sample', '--shape', 'latent_sample=1x4x16x16', '--out', place('grad.onnx'))).toMatchObject({ out: place('grad.onnx') });
    const graph = readModel(await readFile(place('grad.onnx')), 'grad.onnx');
    expect(feedsOf(graph).map((value) => value.name)).toEqual(['latent_sample', 'sample_grad']);
    expect(graph.outputs.map((value) => value.name)).toEqual(['sample', 'latent_sample_grad']);
    const session = await openSession({ path: place('grad.onnx') });
    const size = 4 * 16 * 16, latent = noise(1, size, SEED).data, way = noise(1, size, SEED + 1).data, up = { ...noise(1, 3 * 128 * 128, SEED + 2), shape: [1, 3, 128, 128] };
    const at = async (step: number): Promise<Readonly<Record<string, { readonly data: ArrayLike<number | bigint> }>>> =>
      session.run({ latent_sample: f32([1, 4, 16, 16], latent.map((value, i) => value + step * (way[i] ?? 0))), sample_grad: up });
    const dot = (a: ArrayLike<number | bigint>, b: Float32Array): number => b.reduce((sum, value, i) => sum + value * Number(a[i] ?? 0), 0);
    const h = 1e-2, high = await at(h), low = await at(-h), here = await at(0);
    const analytic = dot(here['latent_sample_grad']?.data ?? [], way), numeric = (dot(high['sample']?.data ?? [], up.data) - dot(low['sample']?.data ?? [], up.data)) / (2 * h);
    // Central differences of single-precision outputs with this step: a thousandth of the slope.
    expect(Math.abs(analytic - numeric)).toBeLessThan(2e-3 * Math.hypot(analytic, numeric) + 1e-2);
    await session.release();
  });
});
