/** Decoders through the command line: the solvers, a fit that is killed or cancelled, and input that is wrong. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { f32, ndarray } from '../../common/ndarray.ts';
import type { F32, NdArray } from '../../common/ndarray.ts';
import { fillNormal, random } from '../../common/random.ts';
import { readNpy, writeNpy } from '../../main/formats/npy.ts';
import { readNpz } from '../../main/formats/npz.ts';
import { cli, start, told } from '../support/cli.ts';
import { expectClose } from '../support/close.ts';
import { slowSolve } from '../main/ridge/slow-solve.ts';

const SEED = 8;
const PATIENCE = 120_000;
let folder = '';
const place = (name: string): string => path.join(folder, name);
const array = async (name: string): Promise<NdArray> => readNpy(new Uint8Array(await readFile(place(name))), name);

function normal(rows: number, columns: number, seed: number): F32 {
  return f32([rows, columns], fillNormal(new Float32Array(rows * columns), random(seed)));
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'optogram-decoders-'));
  const x = normal(40, 12, SEED), y = normal(40, 3, SEED + 1);
  const files: Readonly<Record<string, NdArray>> = {
    x, y, short: normal(39, 3, SEED), none: f32([40, 0], new Float32Array(0)), flat: f32([40, 12], new Float32Array(480).fill(2)),
    inf: f32([40, 3], y.data.map((value, at) => (at === 31 ? Infinity : value))),
    bands: ndarray('int32', [12], Int32Array.from({ length: 12 }, (_, v) => v % 2)), gap: ndarray('int32', [12], Int32Array.from({ length: 12 }, (_, v) => (v % 2) * 2)),
    groups: ndarray('int32', [40], new Int32Array(40).map((_, i) => i % 3)),
    large: normal(200, 220, SEED + 2), many: normal(200, 8000, SEED + 3),
  };
  for (const [name, value] of Object.entries(files)) await writeFile(place(`${name}.npy`), writeNpy(value));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('solvers of the command line', { timeout: PATIENCE }, () => {
  it('--voxels-per-target fits FastL2LiR: chosen voxels, an absolute penalty, a penalised bias', async () => {
    await told('fit', '--x', place('x.npy'), '--y', place('y.npy'), '--out', place('fast'), '--voxels-per-target', '4', '--alpha', '0.5');
    await told('predict', '--decoder', place('fast'), '--x', place('x.npy'), '--out', place('fast.npz'));
    const arrays = readNpz(new Uint8Array(await readFile(place('fast.npz'))), 'fast.npz');
    const { data: x } = normal(40, 12, SEED), { data: y } = normal(40, 3, SEED + 1);
    const weights = arrays.get('weights')?.data ?? [], bias = arrays.get('intercept')?.data ?? [];
    for (let t = 0; t < 3; t++) {
      const chosen = Array.from({ length: 12 }, (_, v) => v).filter((v) => weights[v * 3 + t] !== 0);
      expect(chosen.length).toBe(4);
      const column = (v: number): number[] => Array.from({ length: 40 }, (_, i) => (v < 12 ? (x[i * 12 + v] ?? NaN) : 1));
      const columns = [...chosen, 12].map(column);
      const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, i) => sum + value * (b[i] ?? NaN), 0);
      const own = Array.from({ length: 40 }, (_, i) => y[i * 3 + t] ?? NaN);
      const solved = slowSolve(columns.map((a, i) => columns.map((b, j) => dot(a, b) + (i === j ? 0.5 : 0))), columns.map((a) => dot(a, own)));
      expectClose([...chosen.map((v) => Number(weights[v * 3 + t])), Number(bias[t])], solved, { absolute: 1e-6 });
    }
  });
  it('--bands fits banded ridge, and predict splits R2 over the bands', async () => {
    await told('fit', '--x', place('x.npy'), '--y', place('y.npy'), '--out', place('banded'), '--bands', place('bands.npy'), '--folds', '4');
    await told('predict', '--decoder', place('banded'), '--x', place('x.npy'), '--y', place('y.npy'), '--out', place('banded.npz'));
    const arrays = readNpz(new Uint8Array(await readFile(place('banded.npz'))), 'banded.npz');
    const split = arrays.get('r2_bands')?.data ?? [], joint = arrays.get('r2')?.data ?? [];
    expect(arrays.get('r2_bands')?.shape).toEqual([2, 3]);
    for (let t = 0; t < 3; t++) expectClose(Number(split[t]) + Number(split[3 + t]), Number(joint[t]), { absolute: 1e-6 });
  });
  it('--folds leave-one-out previews without refits', async () => {
    expect(await told('fit', '--x', place('x.npy'), '--y', place('y.npy'), '--out', place('loo'), '--folds', 'leave-one-out')).toMatchObject({ solver: { name: 'dual', reason: 'leave-one-out needs the dual form' } });
  });
});

describe('a long fit', { timeout: PATIENCE }, () => {
  const words = (out: string): string[] => ['fit', '--x', place('large.npy'), '--y', place('many.npy'), '--out', place(out), '--search', 'exhaustive', '--folds', '3', '--memory', '0.45'];
  it('that is killed goes on and ends with the same bytes', async () => {
    await told(...words('whole'));
    const { child, ended } = start(words('killed'));
    const kept = async (): Promise<number> => (await readdir(place('killed/partial')).catch((): string[] => [])).filter((name) => name.startsWith('sums')).length;
    while (await kept() < 5) { if (child.exitCode !== null) throw new Error('the fit ended before it could be killed'); await new Promise((resolve) => { setTimeout(resolve, 5); }); }
    child.kill('SIGKILL');
    await ended;
    expect(await kept()).toBeGreaterThanOrEqual(5);
    expect((await readdir(place('killed'))).includes('decoder.json')).toBe(false);
    await told(...words('killed'));
    for (const name of await readdir(place('whole'))) expect(await readFile(place(`killed/${name}`)), name).toEqual(await readFile(place(`whole/${name}`)));
    expect((await readdir(place('killed'))).sort()).toEqual((await readdir(place('whole'))).sort());
  });
  it('that is interrupted says so', async () => {
    const { child, ended } = start(words('cancelled'));
    const begun = async (): Promise<boolean> => (await readdir(place('cancelled')).catch((): string[] => [])).includes('partial');
    while (!await begun()) { if (child.exitCode !== null) throw new Error('the fit ended before it could be interrupted'); await new Promise((resolve) => { setTimeout(resolve, 5); }); }
    child.kill('SIGINT');
    expect((await ended).code).toBe(5);
  });
});

const WRONG: readonly { readonly mistake: string; readonly words: string; readonly code: number; readonly error: Readonly<Record<string, string>> }[] = [
  { mistake: 'infinity among the targets', words: '--x @x.npy --y @inf.npy', code: 3, error: { file: 'inf.npy', found: 'Infinity', expected: 'finite' } },
  { mistake: 'rows that do not match', words: '--x @x.npy --y @short.npy', code: 3, error: { file: 'short.npy', expected: '40 rows', found: '39 rows' } },
  { mistake: 'a mask that chose nothing', words: '--x @none.npy --y @y.npy', code: 3, error: { file: 'none.npy', found: '[40, 0]', fix: 'mask' } },
  { mistake: 'fewer trials than folds', words: '--x @x.npy --y @y.npy --folds 41', code: 2, error: { expected: '2 to 40 folds', found: '41' } },
  { mistake: 'fewer images than folds', words: '--x @x.npy --y @y.npy --folds 4 --groups @groups.npy', code: 2, error: { expected: '2 to 3 folds', found: '4' } },
  { mistake: 'a penalty of zero', words: '--x @x.npy --y @y.npy --alphas 1,0', code: 2, error: { expected: 'positive', found: '0' } },
  { mistake: 'a penalty of zero for FastL2LiR', words: '--x @x.npy --y @y.npy --voxels-per-target 3 --alpha 0', code: 2, error: { expected: 'positive', found: '0' } },
  { mistake: 'a penalised bias without voxels per target', words: '--x @x.npy --y @y.npy --alpha 1', code: 2, error: { expected: '--alphas', found: '--alpha' } },
  { mistake: 'bands with a gap', words: '--x @x.npy --y @y.npy --bands @gap.npy', code: 3, error: { expected: 'all used', fix: 'Renumber' } },
  { mistake: 'bands of trials', words: '--x @x.npy --y @y.npy --bands @groups.npy', code: 3, error: { expected: '12 numbers', found: '40' } },
  { mistake: 'a memory ceiling that is too low', words: '--x @x.npy --y @y.npy --memory 0.001', code: 2, error: { expected: 'at least', found: '0.00 GB' } },
];

describe('wrong input of a fit', { timeout: PATIENCE }, () => {
  for (const { mistake, words, code, error } of WRONG) {
    it(`${mistake} is named`, async () => {
      const outcome = await cli('fit', ...words.split(' ').map((word) => word.replace(/^@/, () => `${folder}/`)), '--out', place('wrong'));
      expect(outcome.code).toBe(code);
      const said = outcome.lines.at(-1)?.['error'] as Readonly<Record<string, string>>;
      for (const [field, part] of Object.entries(error)) expect(said[field], field).toContain(part);
    });
  }
  it('voxels without variance are no obstacle: the prediction is the mean', async () => {
    await told('fit', '--x', place('flat.npy'), '--y', place('y.npy'), '--out', place('flat'), '--standardise', 'zscore', '--folds', '4');
    await told('predict', '--decoder', place('flat'), '--x', place('x.npy'), '--out', place('flat-p.npy'));
    const { data: y } = normal(40, 3, SEED + 1);
    const predicted = (await array('flat-p.npy')).data;
    for (let t = 0; t < 3; t++) expectClose(Number(predicted[t]), Array.from({ length: 40 }, (_, i) => (y[i * 3 + t] ?? NaN) / 40).reduce((a, b) => a + b, 0), { absolute: 1e-6 });
  });
});
