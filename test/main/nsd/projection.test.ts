/** Maps between volume, surfaces and anatomy: against SciPy (test/golden/nsd), through the files of a folder, and through the command line and back. */
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../../common/errors.ts';
import { f32 } from '../../../common/ndarray.ts';
import { PROJECT } from '../../../main/entry/verbs/project.ts';
import { folderAt } from '../../../main/formats/folder.ts';
import { readGifti } from '../../../main/formats/gifti.ts';
import { readMgh, writeMgh } from '../../../main/formats/mgh.ts';
import { readNifti } from '../../../main/formats/nifti.ts';
import { interpolate } from '../../../main/nsd/interpolation.ts';
import { acrossSurfaces, spreadOverVolume, volumeToSurface } from '../../../main/nsd/projection.ts';
import { expectClose } from '../../support/close.ts';
import { GRID, put, tinyNsd, volume, VOXELS } from '../../support/tiny-nsd.ts';

const golden = JSON.parse(readFileSync(path.join(import.meta.dirname, '../../golden/nsd/projection.json'), 'utf8')) as {
  readonly shape: [number, number, number]; readonly points: number[]; readonly decided: boolean[];
} & Readonly<Record<'volume' | 'labels' | 'linear' | 'cubic' | 'wta' | 'values' | 'marks' | 'mean' | 'winner', (number | null)[]>>;
const numbers = (list: readonly (number | null)[]): number[] => list.map((value) => value ?? NaN);
const points = Float32Array.from(golden.points);
/** Both sides are float64 from float32 coordinates. */
const TOLERANCE = 1e-9;

function expectSame(got: ArrayLike<number>, wanted: readonly (number | null)[], tolerance = TOLERANCE): void {
  expect(got.length).toBe(wanted.length);
  wanted.forEach((value, i) => {
    if (value === null) expect(got[i], `at ${i}`).toBeNaN();
    else expect(Math.abs((got[i] ?? NaN) - value), `at ${i}: ${got[i] ?? NaN}, not ${value}`).toBeLessThanOrEqual(tolerance);
  });
}

describe('against SciPy and NumPy', () => {
  it.each(['linear', 'cubic'] as const)('%s interpolation, the border, 9999 and outside included', (method) => {
    expectSame(interpolate({ shape: golden.shape, data: numbers(golden.volume) }, points, method), golden[method]);
  });

  it('labels: the largest trilinear weight wins', () => {
    const got = interpolate({ shape: golden.shape, data: numbers(golden.labels) }, points, 'wta');
    expectSame(Array.from(got, (value, i) => (golden.decided[i] === true ? value : NaN)), golden.wta.map((value, i) => (golden.decided[i] === true ? value : null)));
  });

  it('vertex values spread over a volume, as means and as labels', () => {
    // float32 results of float64 sums.
    expectSame(spreadOverVolume(golden.shape, points, numbers(golden.values), 'mean'), golden.mean, 2e-6);
    expectSame(spreadOverVolume(golden.shape, points, numbers(golden.marks), 'wta'), golden.winner);
  });
});

/** Transform files of the tiny folder: x, y, z of six vertices; depth d has x = 2 + d at the last (tiny-nsd.ts). */
const WAY = [3, 3, 1, 6, 2];
const BACK = [3, 5, 1, 1, 1, 4];
const scratch: string[] = [];
let root = '';
let place = '';
const ramp = Float64Array.from({ length: VOXELS }, (_, v) => (v % 7) + 10 * (Math.floor(v / 7) % 6) + 100 * Math.floor(v / 42));
beforeAll(async () => {
  ({ root } = await tinyNsd());
  place = await mkdtemp(path.join(tmpdir(), 'project-'));
  scratch.push(root, place);
  const transforms = 'nsddata/ppdata/subj01/transforms';
  await put(root, `${transforms}/lh.white-to-fsaverage.mgz`, writeMgh({ data: f32([5], WAY) }, { compress: true }));
  await put(root, `${transforms}/lh.fsaverage-to-white.mgz`, writeMgh({ data: f32([6], BACK) }, { compress: true }));
  await writeFile(path.join(place, 'map.nii.gz'), volume(f32([5, 6, 7], Float32Array.from(ramp))));
});
afterAll(async () => { for (const folder of scratch) await rm(folder, { recursive: true, force: true }); });

/** The ramp at a 1-based point; exact under linear and cubic interpolation away from the border, for the ramp is linear. */
const at = (x: number, y: number, z: number): number => x - 1 + 10 * (y - 1) + 100 * (z - 1);

describe('through the transform files of a folder', () => {
  it('a volume becomes the mean over three depths, NaN where any depth is NaN', async () => {
    const got = await volumeToSurface(folderAt(root), 'subj01', 'func1pt8mm', 'lh', { shape: GRID, data: ramp }, 'linear');
    // Vertices: voxel (1,1,1); (2.5,2,2); the last voxel; outside at two depths; none; x = 2, 3, 4 over the depths.
    expectSame(got, [at(1, 1, 1), at(2.5, 2, 2), at(7, 6, 5), null, null, (at(2, 3, 4) + at(3, 3, 4) + at(4, 3, 4)) / 3]);
  });

  it('labels come from the middle depth, angles turn through 360', async () => {
    const labels = Float64Array.from({ length: VOXELS }, (_, v) => v % 7);
    expectSame(await volumeToSurface(folderAt(root), 'subj01', 'func1pt8mm', 'lh', { shape: GRID, data: labels }, 'wta'), [0, 1, 6, null, null, 2]);
    // 350 and 10 degrees on either side of vertex 1 average to 0, not to 180.
    const degrees = Float64Array.from({ length: VOXELS }, (_, v) => (v % 7 <= 1 ? 350 : 10));
    const got = await volumeToSurface(folderAt(root), 'subj01', 'func1pt8mm', 'lh', { shape: GRID, data: degrees }, 'angle');
    expect(Math.min(got[1] ?? NaN, 360 - (got[1] ?? NaN))).toBeLessThan(1e-9);
    expect(got[0]).toBeCloseTo(350, 9);
  });

  it('native goes to fsaverage by nearest vertex, and back', async () => {
    const native = [10, 20, 30, 40, 50, 60];
    expect([...await acrossSurfaces(folderAt(root), 'subj01', 'lh', native, 'fsaverage')]).toEqual([30, 30, 10, 60, 20]);
    expect([...await acrossSurfaces(folderAt(root), 'subj01', 'lh', [1, 2, 3, 4, 5], 'native')]).toEqual(BACK.map((vertex) => vertex));
  });

  it('absent and foreign files are named', async () => {
    await expect(acrossSurfaces(folderAt(root), 'subj01', 'rh', [1], 'fsaverage')).rejects.toMatchObject({ detail: { file: 'nsddata/ppdata/subj01/transforms/rh.white-to-fsaverage.mgz', found: 'no such file' } });
    await expect(acrossSurfaces(folderAt(root), 'subj01', 'lh', [1, 2], 'fsaverage')).rejects.toThrow(UserError);
    await expect(volumeToSurface(folderAt(root), 'subj01', 'func1mm', 'lh', { shape: GRID, data: ramp }, 'cubic')).rejects.toThrow(/func1pt0-to-layerB1/);
  });
});

describe('through the verb of the command line', () => {
  const project = async (from: string, to: string, options: Readonly<Record<string, string>> = {}): Promise<string> => {
    const out = path.join(place, to);
    const nothing = (): void => undefined;
    await PROJECT.run({
      words: [path.join(place, from)], options: { data: root, subject: 'subj01', out, ...options }, json: true, signal: new AbortController().signal, models: '', engine: '', subsystemWorker: '', out: nothing, note: nothing, progress: nothing,
    });
    return out;
  };

  it('a volume goes to MGH and GIFTI, to fsaverage and back', async () => {
    const [mgz, gii] = await Promise.all([project('map.nii.gz', 'native.mgz', { method: 'linear' }), project('map.nii.gz', 'fsaverage.gii', { method: 'linear', to: 'fsaverage' })]);
    const native = readMgh(new Uint8Array(await readFile(mgz)), mgz).data.data;
    const expected = [at(1, 1, 1), at(2.5, 2, 2), at(7, 6, 5), NaN, NaN, at(3, 3, 4)];
    expect([...native].map(Number.isNaN)).toEqual(expected.map(Number.isNaN));
    expectClose([...native].filter(Number.isFinite), expected.filter(Number.isFinite), { absolute: 1e-4 });
    const there = readGifti(new Uint8Array(await readFile(gii)), gii).arrays[0]?.data.data;
    expect(Array.from({ length: 5 }, (_, v) => Number(there?.[v] ?? NaN))).toEqual(WAY.map((vertex) => native[vertex - 1]));
    const back = await project('fsaverage.gii', 'back.mgz', { from: 'fsaverage' });
    expect([...readMgh(new Uint8Array(await readFile(back)), back).data.data]).toEqual(BACK.map((vertex) => native[(WAY[vertex - 1] ?? 0) - 1]));
  });

  it('a surface goes to the anatomical volume, whose NIfTI has NSD\'s frame', async () => {
    const small = { shape: [5, 4, 6], file: 'nsddata/ppdata/subj01/anat/T1_0pt8_masked.nii.gz' };
    await put(root, small.file, volume(f32([6, 4, 5], new Float32Array(120)), small.shape));
    // Six vertices at the centres of voxels, the same at each depth.
    const centres = [1, 2, 3, 4, 5, 9999, 1, 1, 2, 2, 4, 9999, 1, 6, 3, 2, 5, 9999];
    for (const depth of ['layerB1', 'layerB2', 'layerB3']) await put(root, `nsddata/ppdata/subj01/transforms/lh.anat0pt8-to-${depth}.mgz`, writeMgh({ data: f32([3, 6], centres) }, { compress: true }));
    await writeFile(path.join(place, 'values.mgh'), writeMgh({ data: f32([6], [10, 20, 30, 40, 50, 60]) }));
    const out = await project('values.mgh', 'anat.nii.gz', { to: 'anat' });
    const image = readNifti(new Uint8Array(await readFile(out)), out);
    expect([...image.shape].slice(0, 3)).toEqual(small.shape);
    expectClose(image.affine, [0.8, 0, 0, -127.6, 0, 0.8, 0, -127.6, 0, 0, 0.8, -127.6, 0, 0, 0, 1], { absolute: 1e-5 });
    const value = (i: number, j: number, k: number): number => Number(image.data.data[i - 1 + 5 * (j - 1 + 4 * (k - 1))] ?? NaN);
    // Far from the others, the vertex alone decides.
    expect([value(5, 4, 5), value(2, 1, 6)]).toEqual([50, 20]);
    expect(value(1, 4, 1)).toBeNaN();
  });
});
