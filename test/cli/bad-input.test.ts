/** Every mistake of a person is one error that says file, expected, found and fix, with the exit code of its kind; never a bug. */
import { cp, mkdir, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { f32, ndarray } from '../../common/ndarray.ts';
import { writeNifti } from '../../main/formats/nifti.ts';
import { writeNpy } from '../../main/formats/npy.ts';
import { AFFINE, asBrick, BETA, put, tinyNsd } from '../support/tiny-nsd.ts';
import { COLUMNS, tinyArrays } from '../support/tiny-arrays.ts';
import { cli } from '../support/cli.ts';

const DEMO = path.resolve(import.meta.dirname, '../../resources/models/demo');
const roi = 'nsddata/ppdata/subj01/func1pt8mm/roi/Kastner2015.nii.gz';
const betas = `nsddata_betas/ppdata/subj01/func1pt8mm/${BETA}`;
let at = '';
const others: string[] = [];
const place = (...names: readonly string[]): string => path.join(at, ...names);
const matrix = (rows: number, columns: number): Float32Array => Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(1.7 * i));

beforeAll(async () => {
  at = await mkdtemp(path.join(tmpdir(), 'cli-bad-'));
  const { root, betas: raw } = await tinyNsd();
  const nan = await tinyArrays(3, (responses) => { responses[2 * COLUMNS + 5] = Number.NaN; });
  others.push(root, nan);
  for (const name of ['whole', 'truncated', 'shapes', 'other-roi']) await cp(root, place(name), { recursive: true });
  await truncate(place('truncated', betas, 'betas_session02.hdf5'), 3000);
  await rm(place('shapes', betas, 'betas_session02.hdf5'));
  await put(place('shapes'), `${betas}/betas_session02.nii.gz`, writeNifti({ shape: [7, 6, 5, 11], affine: AFFINE, data: asBrick(raw[1]?.subarray(0, 210 * 11) ?? new Int16Array(210 * 11), 11), fourthStep: 4 / 3 }, { compress: true }));
  await put(place('other-roi'), roi, writeNifti({ shape: [8, 6, 5], affine: AFFINE, data: ndarray('int16', [5, 6, 8], new Int16Array(240).fill(1)) }, { compress: true }));
  await cp(nan, place('nan'), { recursive: true });
  await cp(DEMO, place('no-unet'), { recursive: true, filter: (from) => path.basename(from) !== 'unet' });
  for (const [name, value] of Object.entries({ recipe: {}, subject: { data: { subject: 'subj07' } }, region: { data: { rois: ['V9'] } }, atlas: { data: { atlas: 'brodmann' } }, field: { sampler: { stepz: 3 } },
    value: { sampler: { steps: 0 } }, pack: { pack: './no-unet' }, arrays: { pipeline: 'pixels', data: { subject: 'one', atlas: 'all', zscore: 'train' } } })) await writeFile(place(`${name}.json`), JSON.stringify(value));
  await writeFile(place('malformed.json'), '{"name": "x", }');
  const holes = matrix(20, 6);
  holes[45] = Number.NaN;
  for (const [name, rows, columns, data] of [['x', 20, 6, matrix(20, 6)], ['holes', 20, 6, holes], ['y', 19, 3, matrix(19, 3)]] as const) await writeFile(place(`${name}.npy`), writeNpy(f32([rows, columns], data)));
  await mkdir(place('empty'));
  await mkdir(place('locked', 'artefacts'), { recursive: true });
  await writeFile(place('locked', 'lock.json'), JSON.stringify({ pid: process.pid, host: hostname(), since: '2026-01-01T00:00:00Z' }));
});
afterAll(async () => { for (const folder of [at, ...others]) await rm(folder, { recursive: true, force: true }); });

interface Case {
  readonly mistake: string;
  /** `@name` is a path in the scratch folder. */
  readonly words: string;
  readonly code: number;
  readonly error: Readonly<Partial<Record<'kind' | 'file' | 'expected' | 'found' | 'fix', string>>>;
}

const run = (recipe: string, data: string, workspace = `ws-${recipe}-${data}`): string => `run @${recipe}.json --data @${data} --workspace @${workspace}`;
const CASES: readonly Case[] = [
  { mistake: 'a missing folder', words: 'inspect @nowhere', code: 3, error: { file: 'nowhere', expected: 'a folder', found: 'no such file or folder' } },
  { mistake: 'a folder of something else', words: 'inspect @empty', code: 3, error: { file: 'empty', expected: 'nsddata/', found: 'an empty folder' } },
  { mistake: 'a missing data folder', words: run('recipe', 'nowhere'), code: 3, error: { file: 'nowhere', expected: 'a folder' } },
  { mistake: 'a truncated HDF5 file', words: run('recipe', 'truncated'), code: 3, error: { file: 'betas_session02.hdf5', expected: 'bytes', found: '3000 bytes', fix: 'cut off' } },
  { mistake: 'truncated responses', words: 'responses @truncated --subject subj01 --out @out.npy', code: 3, error: { file: 'betas_session02.hdf5', found: '3000 bytes' } },
  { mistake: 'betas of another shape', words: run('recipe', 'shapes'), code: 3, error: { file: 'betas_session02', expected: '12', found: '11' } },
  { mistake: 'a region file of another subject', words: run('recipe', 'other-roi'), code: 3, error: { file: roi, expected: '7 x 6 x 5', found: '8 x 6 x 5', fix: 'another subject' } },
  { mistake: 'NaN among the responses', words: run('arrays', 'nan'), code: 3, error: { file: 'train-responses.npy', found: 'NaN' } },
  { mistake: 'an unknown subject', words: run('subject', 'whole'), code: 3, error: { file: 'whole', expected: 'subj01', found: 'subj07' } },
  { mistake: 'an unknown region', words: run('region', 'whole'), code: 3, error: { expected: 'V1, V2, V3', found: 'V9' } },
  { mistake: 'an unknown atlas', words: run('atlas', 'whole'), code: 3, error: { expected: 'minddiffuser', found: 'no such file' } },
  { mistake: 'a recipe that is not JSON', words: run('malformed', 'whole'), code: 3, error: { file: 'malformed.json', expected: 'JSON' } },
  { mistake: 'a recipe with an unknown field', words: run('field', 'whole'), code: 3, error: { file: 'field.json', expected: 'sampler.stepz', found: '3' } },
  { mistake: 'a recipe with a wrong value', words: run('value', 'whole'), code: 3, error: { file: 'value.json', expected: 'sampler.steps: a whole number', found: '0' } },
  { mistake: 'a pack with a missing role', words: run('pack', 'whole'), code: 4, error: { kind: 'model-missing', file: path.join('no-unet', 'unet', 'model.onnx'), expected: 'unet', found: 'no such file' } },
  { mistake: 'a pack that lacks a network, checked', words: 'models check @no-unet', code: 4, error: { kind: 'model-missing', file: path.join('no-unet', 'unet', 'model.onnx') } },
  { mistake: 'a workspace that another process holds', words: run('recipe', 'whole', 'locked'), code: 3, error: { kind: 'busy', file: 'lock.json', expected: 'no other process', found: `process ${process.pid}` } },
  { mistake: 'a workspace that cannot be written', words: run('recipe', 'whole', 'recipe.json/ws'), code: 3, error: { file: 'ws', expected: 'writable', found: 'a file, not a folder' } },
  { mistake: 'an output place that cannot be written', words: 'responses @whole --subject subj01 --out @recipe.json/x.npy', code: 3, error: { file: 'recipe.json', expected: 'can be written' } },
  ...(process.platform === 'linux' ? [
    { mistake: 'an output folder in /proc', words: 'fit --x @x.npy --y @x.npy --alphas 1 --out /proc/x', code: 3, error: { file: '/proc/x', expected: 'can be written', found: 'makes no folders' } },
    { mistake: 'a workspace in /proc', words: 'run @recipe.json --data @whole --workspace /proc/x/y', code: 3, error: { file: '/proc/x', expected: 'writable' } },
  ] : []),
  { mistake: 'NaN in a matrix', words: 'fit --x @holes.npy --y @x.npy --out @decoder', code: 3, error: { file: 'holes.npy', expected: 'finite', found: 'NaN' } },
  { mistake: 'X and Y of different lengths', words: 'fit --x @x.npy --y @y.npy --out @decoder', code: 3, error: { file: 'y.npy', expected: '20 rows', found: '19 rows' } },
  { mistake: 'a map of no workspace', words: 'map --workspace @empty --run x --out @m.npy', code: 3, error: { file: 'empty', expected: 'store.db' } },
  { mistake: 'an unknown verb', words: 'frobnicate', code: 2, error: { kind: 'usage', expected: 'inspect', found: 'frobnicate' } },
  { mistake: 'an unknown option', words: 'inspect @whole --colour red', code: 2, error: { kind: 'usage', found: '--colour' } },
];

/** Each starts processes of its own; two slow, shared cores must not turn an honest test into a failure. */
const PATIENCE = 240_000;

describe('the command line says what is wrong with', { timeout: PATIENCE }, () => {
  it.concurrent.each(CASES)('$mistake', async ({ words, code, error }) => {
    const outcome = await cli(...words.split(' ').map((word) => (word.startsWith('@') ? place(word.slice(1)) : word)));
    expect(outcome.code, outcome.stderr).toBe(code);
    const { error: report } = outcome.lines.at(-1) as { readonly error: Readonly<Record<string, string>> };
    expect(report['kind']).not.toBe('bug');
    expect(report).not.toHaveProperty('stack');
    expect(outcome.stderr).toContain(report['message']);
    for (const [field, text] of Object.entries(error)) expect(report[field], field).toContain(text);
    if (code !== 2) for (const field of ['expected', 'found', 'fix']) expect(report[field] ?? '', field).not.toBe('');
  });

  it('and leaves nothing half-written', async () => {
    expect(existsSync(place('out.npy'))).toBe(false);
    expect(existsSync(place('decoder'))).toBe(false);
    expect(await readdir(place('empty'))).toEqual([]);
  });
});
