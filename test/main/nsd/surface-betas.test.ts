import { mkdir, rename, rm, truncate } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ResponsesRequest } from '../../../common/dataset.ts';
import { f32, ndarray } from '../../../common/ndarray.ts';
import { random } from '../../../common/random.ts';
import { writeHdf5 } from '../../../main/formats/hdf5.ts';
import { writeMgh } from '../../../main/formats/mgh.ts';
import { openNsd } from '../../../main/nsd/dataset.ts';
import { expectClose } from '../../support/close.ts';
import { BETA, put, SESSIONS, SHARED, tinyNsd, TRIALS } from '../../support/tiny-nsd.ts';
import type { TinyNsd } from '../../support/tiny-nsd.ts';

const SEED = 31;
/** float32 sums and quotients. */
const TOLERANCE = { absolute: 1e-5, relative: 1e-5 };
const NATIVE = 6;
/** Native vertex (1-based) of each fsaverage vertex. */
const WAY = [3, 3, 1, 6, 2];
/** The tiny folder's Kastner2015 labels of its six vertices, and its prf-visualrois overlay at vertex 1. */
const LABELS = ['V1v', 'VO1', 'TO2', 'FEF', null, 'V3A'];
const MERGED = ['V1', 'hV4', 'MST', null, null, 'V3ab'];
const place = 'nsddata_betas/ppdata/subj01';

let tiny: TinyNsd;
/** Percent signal change by hemisphere, session, vertex, trial; NaN = no data. */
let native: number[][][][];
let fsaverage: number[][][][];
const roots: string[] = [];
afterAll(async () => { for (const root of roots) await rm(root, { recursive: true, force: true }); });

beforeAll(async () => {
  tiny = await tinyNsd();
  roots.push(tiny.root);
  const source = random(SEED);
  const make = (vertices: number, whole: boolean): number[][][][] => [0, 1].map((side) => Array.from({ length: SESSIONS }, (_, s) => Array.from({ length: vertices }, (__, v) =>
    Array.from({ length: TRIALS }, () => (side === 1 && s === 1 && v === 0 ? NaN : whole ? Math.round(600 * source.normal()) / 300 : Math.fround(2 * source.normal()))))));
  native = make(NATIVE, true);
  fsaverage = make(WAY.length, false);
  for (const [side, hemisphere] of ['lh', 'rh'].entries()) {
    for (let s = 0; s < SESSIONS; s++) {
      const name = `${hemisphere}.betas_session0${s + 1}`;
      const value = (of: number[][][][], v: number, t: number): number => of[side]?.[s]?.[v]?.[t] ?? NaN;
      const path = join(tiny.root, place, 'nativesurface', BETA, `${name}.hdf5`);
      await mkdir(dirname(path), { recursive: true });
      const stored = Int16Array.from({ length: TRIALS * NATIVE }, (_, n) => { const psc = value(native, n % NATIVE, Math.floor(n / NATIVE)); return Number.isNaN(psc) ? 0 : Math.round(300 * psc); });
      await writeHdf5(path, [{ name: 'betas', data: ndarray('int16', [TRIALS, NATIVE], stored), ...(side === 0 ? { chunks: [TRIALS, 1] } : {}) }]);
      const frames = Float32Array.from({ length: TRIALS * WAY.length }, (_, n) => value(fsaverage, n % WAY.length, Math.floor(n / WAY.length)));
      await put(tiny.root, `${place}/fsaverage/${BETA}/${name}.mgh`, writeMgh({ data: f32([TRIALS, WAY.length], frames) }));
    }
    await put(tiny.root, `nsddata/ppdata/subj01/transforms/${hemisphere}.white-to-fsaverage.mgz`, writeMgh({ data: f32([WAY.length], WAY) }, { compress: true }));
    await put(tiny.root, `${place}/nativesurface/${BETA}/${hemisphere}.ncsnr.mgh`, writeMgh({ data: f32([NATIVE], Float32Array.from({ length: NATIVE }, (_, v) => 0.1 * v + side)) }));
  }
});

const request: ResponsesRequest = { subject: 'subj01', atlas: 'Kastner2015', rois: [], beta: `nativesurface/${BETA}`, zscore: 'none', average: true };
const ids = (): number[] => [...new Set(tiny.shown)].sort((a, b) => a - b);
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Averages of a vertex by picture, slowly; a picture without data takes the mean of the training pictures. */
function averages(of: number[][][][], side: number, v: number): number[] {
  const own = ids().map((id) => mean([...tiny.shown.keys()].filter((t) => tiny.shown[t] === id).map((t) => of[side]?.[Math.floor(t / TRIALS)]?.[v]?.[t % TRIALS] ?? NaN).filter((value) => !Number.isNaN(value))));
  return own.map((value) => (Number.isNaN(value) ? mean(own.filter((x, i) => !Number.isNaN(x) && !SHARED.includes(ids()[i] ?? -1))) : value));
}

describe('responses of vertices', () => {
  it('of the native surfaces: int16 over 300, left then right, chunked or not', async () => {
    const got = await (await openNsd(tiny.root)).responses(request);
    const vertices = [0, 1].flatMap((side) => LABELS.flatMap((label, v) => (label === null ? [] : [{ side, v, label }])));
    expect(got.regions).toEqual(vertices.map((each) => each.label));
    expect(got.values.shape).toEqual([ids().length, vertices.length]);
    const columns = vertices.map(({ side, v }) => averages(native, side, v));
    expectClose(got.values.data, ids().flatMap((_, r) => columns.map((column) => column[r] ?? NaN)), TOLERANCE, SEED);
    expectClose(got.ncsnr?.data ?? [], vertices.map(({ side, v }) => 0.1 * v + side), { absolute: 1e-6 });
    expect([got.voxels, got.beta, [...got.imageIds]]).toEqual([null, `nativesurface/${BETA}`, ids()]);
    expect(got.notes).toEqual(['columns are vertices: 5 of the left hemisphere, then those of the right', '1 vertices lack data in some sessions; those trials were left out of their averages']);
  });

  it('of fsaverage: percent as stored, NaN = no data, regions gathered from the subject, the merged atlas too', async () => {
    const got = await (await openNsd(tiny.root)).responses({ ...request, beta: `fsaverage/${BETA}`, atlas: 'minddiffuser', rois: ['V1', 'MST'] });
    const vertices = [0, 1].flatMap((side) => WAY.flatMap((from, v) => (['V1', 'MST'].includes(MERGED[from - 1] ?? '') ? [{ side, v, label: MERGED[from - 1] ?? '' }] : [])));
    expect(vertices.length).toBe(6);
    expect(got.regions).toEqual(vertices.map((each) => each.label));
    const columns = vertices.map(({ side, v }) => averages(fsaverage, side, v));
    expectClose(got.values.data, ids().flatMap((_, r) => columns.map((column) => column[r] ?? NaN)), TOLERANCE, SEED);
    expect(got.ncsnr).toBeNull();
  });

  it('prefer a region file of fsaverage itself', async () => {
    for (const hemisphere of ['lh', 'rh']) await put(tiny.root, `nsddata/freesurfer/fsaverage/label/${hemisphere}.streams.mgz`, writeMgh({ data: f32([WAY.length], [0, 0, 5, 0, 5]) }, { compress: true }));
    const got = await (await openNsd(tiny.root)).responses({ ...request, beta: `fsaverage/${BETA}`, atlas: 'streams', zscore: 'train', average: false });
    expect(got.regions).toEqual(['ventral', 'ventral', 'ventral', 'ventral']);
    expect(got.values.shape).toEqual([SESSIONS * TRIALS, 4]);
    const own = [...got.isTest.keys()].filter((r) => got.isTest[r] === 0).map((r) => got.values.data[4 * r] ?? NaN);
    expect(mean(own)).toBeCloseTo(0, 5);
    expect(mean(own.map((value) => value * value))).toBeCloseTo(1, 5);
  });

  it('are listed by the inspection, and taken where a subject has no others', async () => {
    const { subjects, problems } = await (await openNsd(tiny.root)).inspect();
    expect(subjects[0]?.betas).toEqual([BETA, `nativesurface/${BETA}`, `fsaverage/${BETA}`]);
    expect(problems).toEqual([]);
    const other = join(tiny.root, place, 'func1pt8mm');
    await rename(other, `${other}-away`);
    const alone = await (await openNsd(tiny.root)).inspect();
    expect(alone.subjects[0]).toMatchObject({ sessions: SESSIONS, trials: SESSIONS * TRIALS, betas: [`nativesurface/${BETA}`, `fsaverage/${BETA}`] });
    expect(alone.problems.filter((problem) => problem.severity === 'problem')).toEqual([]);
    expect(alone.subjects[0]?.files.find((group) => group.kind === 'betas')).toMatchObject({ state: 'note', summary: `on surfaces: nativesurface/${BETA}, fsaverage/${BETA}` });
    expect((await (await openNsd(tiny.root)).responses({ ...request, beta: null })).beta).toBe(`nativesurface/${BETA}`);
    await rename(`${other}-away`, other);
  });

  it.each([
    [{ beta: 'fsaverage/betas_assumehrf' }, /no betas/, /nativesurface\/betas_fithrf_GLMdenoise_RR, fsaverage/], [{ atlas: 'Glasser' }, /no surface regions "Glasser"/, /lh\.Glasser\.mgz/],
    [{ rois: ['V9'] }, /no region "V9"/, /V1v, V1d/],
  ])('are refused by name: %o', async (change, message, expected) => {
    const failure = await (await openNsd(tiny.root)).responses({ ...request, ...change }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'UserError', message: expect.stringMatching(message) as string, detail: { expected: expect.stringMatching(expected) as string } });
  });

  it('name a file that was cut off', async () => {
    const file = `${place}/fsaverage/${BETA}/rh.betas_session02.mgh`;
    await truncate(join(tiny.root, file), 400);
    const { problems } = await (await openNsd(tiny.root)).inspect();
    expect(problems).toEqual([expect.objectContaining({ severity: 'note', file, expected: expect.stringMatching(/at least 524 bytes/) as string, found: '400' })]);
    await expect((await openNsd(tiny.root)).responses({ ...request, beta: `fsaverage/${BETA}` })).rejects.toMatchObject({ name: 'FormatError', detail: { file } });
  });
});
