import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { ResponsesRequest } from '../../../common/dataset.ts';
import { UserError } from '../../../common/errors.ts';
import { f32, ndarray } from '../../../common/ndarray.ts';
import type { NdArray } from '../../../common/ndarray.ts';
import { random } from '../../../common/random.ts';
import { looksLikeArrays, openArrays } from '../../../main/arrays/dataset.ts';
import { reverseAxes } from '../../../main/formats/elements.ts';
import { writeHdf5 } from '../../../main/formats/hdf5.ts';
import { writeMat5 } from '../../../main/formats/mat5.ts';
import { writeNpy } from '../../../main/formats/npy.ts';
import { writeNpz } from '../../../main/formats/npz.ts';
import { writePng } from '../../../main/formats/png.ts';
import { expectClose } from '../../support/close.ts';
import { put } from '../../support/tiny-nsd.ts';

const SEED = 21;
/** Means and SDs in float64, stored in float32. */
const TOLERANCE = { absolute: 1e-5, relative: 1e-5 };
const DIGITS = join(import.meta.dirname, '../../../../shared/data/fmri-digits69');

const roots: string[] = [];
async function fresh(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'arrays-'));
  roots.push(root);
  return root;
}
afterAll(async () => { for (const root of roots) await rm(root, { recursive: true, force: true }); });

const source = random(SEED);
const train = Float64Array.from({ length: 8 * 5 }, () => source.normal() + 3);
const test = Float64Array.from({ length: 3 * 5 }, () => source.normal());
/** 8 and 3 pictures of 2 rows, 3 columns, 3 channels, row-major. */
const pictures = Uint8Array.from({ length: 11 * 18 }, () => source.integer(256));
const request: ResponsesRequest = { subject: 'subject', atlas: 'regions', rois: [], beta: null, zscore: 'none', average: true };
const arrays = { train: ndarray('float64', [8, 5], train), test: ndarray('float64', [3, 5], test) };

/** `[rows, 18]` in the given order of pixels. */
function flat(from: number, to: number, position: (y: number, x: number, c: number) => number): NdArray<'uint8'> {
  const out = new Uint8Array((to - from) * 18);
  for (let n = from; n < to; n++) for (let y = 0; y < 2; y++) for (let x = 0; x < 3; x++) for (let c = 0; c < 3; c++) {
    out[(n - from) * 18 + position(y, x, c)] = pictures[n * 18 + (y * 3 + x) * 3 + c] ?? 0;
  }
  return ndarray('uint8', [to - from, 18], out);
}

interface Form { readonly references: readonly [string, string, string, string]; readonly order: string; write(root: string): Promise<void> }
const columnMajor = (y: number, x: number, c: number): number => y + 2 * (x + 3 * c);
const all = (position: (y: number, x: number, c: number) => number): Map<string, NdArray> => new Map<string, NdArray>([['a', arrays.train], ['b', arrays.test], ['p', flat(0, 8, position)], ['q', flat(8, 11, position)]]);
const FORMS: Readonly<Record<string, Form>> = {
  npy: {
    references: ['a.npy', 'b.npy', 'p.npy', 'q.npy'], order: 'channels-first',
    write: async (root) => { for (const [name, array] of all((y, x, c) => (c * 2 + y) * 3 + x)) await put(root, `${name}.npy`, writeNpy(array)); },
  },
  npz: { references: ['d.npz#a', 'd.npz#b', 'd.npz#p', 'd.npz#q'], order: 'row-major', write: (root) => put(root, 'd.npz', writeNpz(all((y, x, c) => (y * 3 + x) * 3 + c), { compress: true })) },
  'level-5 mat': { references: ['d.mat#a', 'd.mat#b', 'd.mat#p', 'd.mat#q'], order: 'column-major', write: (root) => put(root, 'd.mat', writeMat5(all(columnMajor), { compress: true, compact: true })) },
  'v7.3 mat': {
    references: ['d.mat#a', 'd.mat#b', 'd.mat#p', 'd.mat#q'], order: 'column-major',
    write: (root) => writeHdf5(join(root, 'd.mat'), [...all(columnMajor)].map(([name, array]) => ({ name, data: reverseAxes(array) }))),
  },
  hdf5: { references: ['d.h5#g/a', 'd.h5#g/b', 'd.h5#g/p', 'd.h5#g/q'], order: 'column-major', write: (root) => writeHdf5(join(root, 'd.h5'), [...all(columnMajor)].map(([name, data]) => ({ name: `g/${name}`, data }))) },
};

async function written(form: Form, more: object = {}, part: { readonly train?: object; readonly test?: object } = {}): Promise<string> {
  const root = await fresh();
  await form.write(root);
  const [a, b, p, q] = form.references;
  await writeFile(join(root, 'dataset.json'), JSON.stringify({
    label: 'made up', train: { responses: a, stimuli: p, ...part.train }, test: { responses: b, stimuli: q, ...part.test },
    image: { height: 2, width: 3, channels: 3, order: form.order, range: [0, 255] }, ...more,
  }));
  return root;
}

describe('an arrays data set', () => {
  for (const [name, form] of Object.entries(FORMS)) {
    it(`reads ${name}: responses as stored, pictures upright`, async () => {
      const root = await written(form);
      expect(await looksLikeArrays(root)).toBe(true);
      const dataset = await openArrays(root);
      const got = await dataset.responses(request);
      expectClose(got.values.data, [...train, ...test], TOLERANCE, SEED);
      expect([...got.imageIds]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      expect([...got.isTest]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1]);
      const shown = await dataset.stimuli(Int32Array.of(9, 0));
      expect(shown.shape).toEqual([2, 2, 3, 3]);
      expect([...shown.data]).toEqual([...pictures.subarray(9 * 18, 10 * 18), ...pictures.subarray(0, 18)]);
      const { problems, subjects, stimuli } = await dataset.inspect();
      expect(problems).toEqual([]);
      expect(stimuli).toEqual({ images: 11, shape: [2, 3, 3] });
      expect(subjects[0]).toMatchObject({ trainImages: 8, testImages: 3, trials: 11 });
    });
  }

  it('averages repeats by id and z-scores with training rows only', async () => {
    const npz = FORMS['npz'];
    if (npz === undefined) throw new Error('npz');
    const root = await written(npz, { regions: 'r.npy', regionNames: ['V1', 'V2'] }, { train: { ids: 'i.npy' }, test: { ids: 'j.npy' } });
    await put(root, 'i.npy', writeNpy(ndarray('int32', [8], Int32Array.of(5, 3, 5, 3, 7, 7, 9, 5))));
    await put(root, 'j.npy', writeNpy(ndarray('int32', [3], Int32Array.of(4, 4, 6))));
    await put(root, 'r.npy', writeNpy(ndarray('int32', [5], Int32Array.of(1, 2, 0, 2, 1))));
    const got = await (await openArrays(root)).responses({ ...request, rois: ['V2'], zscore: 'train' });
    const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    const row = (part: Float64Array, members: readonly number[], v: number): number => mean(members.map((r) => part[5 * r + v] ?? NaN));
    const expected = [1, 3].map((v) => {
      const own = [[1, 3], [0, 2, 7], [4, 5], [6]].map((members) => row(train, members, v));
      const sd = Math.sqrt(mean(own.map((x) => (x - mean(own)) ** 2)));
      return [...own, row(test, [0, 1], v), row(test, [2], v)].map((x) => (x - mean(own)) / sd);
    });
    expect([...got.imageIds]).toEqual([3, 5, 7, 9, 4, 6]);
    expect([...got.repeats]).toEqual([2, 3, 2, 1, 2, 1]);
    expect(got.regions).toEqual(['V2', 'V2']);
    expectClose(got.values.data, got.imageIds.length === 0 ? [] : Array.from({ length: 12 }, (_, n) => expected[n % 2]?.[Math.floor(n / 2)] ?? NaN), TOLERANCE, SEED);
  });

  it('reads pictures from folders and captions by id', async () => {
    const npz = FORMS['npz'];
    if (npz === undefined) throw new Error('npz');
    const root = await written(npz, { captions: 'c.json', image: undefined }, { train: { stimuli: 'one' }, test: { stimuli: 'two' } });
    for (let n = 0; n < 11; n++) await put(root, `${n < 8 ? 'one' : 'two'}/${String(n).padStart(3, '0')}.png`, writePng(ndarray('uint8', [2, 3, 3], pictures.slice(n * 18, (n + 1) * 18))));
    await writeFile(join(root, 'c.json'), JSON.stringify({ 2: ['a', 'b'], 8: ['c'] }));
    const dataset = await openArrays(root);
    expect([...(await dataset.stimuli(Int32Array.of(10))).data]).toEqual([...pictures.subarray(10 * 18)]);
    expect(await dataset.captions(Int32Array.of(8, 2))).toEqual([['c'], ['a', 'b']]);
    await expect(dataset.captions(Int32Array.of(1))).rejects.toThrow(/picture 1 has no captions/);
  });

  it.each([
    ['an unknown field', { colour: 'red' }, {}, /dataset\.colour/], ['a field of the wrong kind', { image: { height: 0, width: 3 } }, {}, /image\.height/],
    ['a picture size that does not fit', { image: { height: 5, width: 5, channels: 1 } }, {}, /needs 25/],
    ['a missing array', {}, { train: { responses: 'd.npz#zzz' } }, /no array "zzz"/], ['a missing file', {}, { train: { responses: 'no.npy' } }, /no\.npy: no such file/],
    ['a path that leaves the folder', {}, { train: { responses: '../d.npz#a' } }, /leaves the folder/], ['rows that do not match', {}, { train: { responses: 'd.npz#b' } }, /3 pictures/],
  ])('refuses %s, by name', async (_, more, part, message) => {
    const npz = FORMS['npz'];
    if (npz === undefined) throw new Error('npz');
    const root = await written(npz, more, part);
    const failure = await openArrays(root).then((dataset) => dataset.stimuli(Int32Array.of(0))).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UserError);
    expect(failure instanceof UserError ? failure.message : '').toMatch(message);
  });

  it('refuses NaN and says where', async () => {
    const root = await fresh();
    await put(root, 'a.npy', writeNpy(f32([2, 2], [1, 2, NaN, 4])));
    await writeFile(join(root, 'dataset.json'), JSON.stringify({ label: 'x', train: { responses: 'a.npy' }, test: { responses: 'a.npy' } }));
    await expect((await openArrays(root)).responses(request)).rejects.toThrow(/NaN in row 1, column 0/);
    expect((await (await openArrays(root)).inspect()).problems).toMatchObject([{ severity: 'problem', file: 'a.npy' }]);
  });
});

describe('the digit data set', () => {
  it('is recognised by its variables, and the inspection says so', async () => {
    const root = await fresh();
    await put(root, 'digits.mat', writeMat5(new Map<string, NdArray>([
      ['fmriTrn', arrays.train], ['fmriTest', arrays.test], ['stimTrn', ndarray('uint8', [8, 4], pictures.slice(0, 32))], ['stimTest', ndarray('uint8', [3, 4], pictures.slice(0, 12))],
    ])));
    expect(await looksLikeArrays(root)).toBe(true);
    const dataset = await openArrays(root);
    const { problems } = await dataset.inspect();
    expect(problems).toMatchObject([{ severity: 'note', found: 'a lone .mat file with fmriTrn, fmriTest, stimTrn and stimTest' }]);
    // Column by column: stored 0 2 / 1 3.
    expect([...(await dataset.stimuli(Int32Array.of(0))).data]).toEqual([0, 2, 1, 3].map((i) => pictures[i]));
  });

  it.skipIf(!existsSync(DIGITS))('opens as published (skipped where ../shared/data is absent)', async () => {
    const dataset = await openArrays(DIGITS);
    const got = await dataset.responses({ ...request, zscore: 'train' });
    expect(got.values.shape).toEqual([100, 3092]);
    expect((await dataset.inspect()).subjects[0]).toMatchObject({ trainImages: 90, testImages: 10 });
    const shown = await dataset.stimuli(Int32Array.of(0));
    expect(shown.shape).toEqual([1, 28, 28, 1]);
    dataset.close();
  });
});
