import { existsSync } from 'node:fs';
import { readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { UserError } from '../../../common/errors.ts';
import { f32, ndarray } from '../../../common/ndarray.ts';
import { openArrays } from '../../../main/arrays/dataset.ts';
import { openDataset } from '../../../main/experiments/open-dataset.ts';
import { hemisphereGeometry } from '../../../main/experiments/views/geometry.ts';
import { writeCurv } from '../../../main/formats/freesurfer-curv.ts';
import { writeSurface } from '../../../main/formats/freesurfer-surface.ts';
import { readGifti, writeGifti } from '../../../main/formats/gifti.ts';
import type { GiftiArray } from '../../../main/formats/gifti.ts';
import { gunzip } from '../../../main/formats/gzip.ts';
import { writeNpy } from '../../../main/formats/npy.ts';
import { enclosedVolumeTimesSix } from '../../../main/formats/winding.ts';
import { put } from '../../support/tiny-nsd.ts';
import { COLUMNS, tinyArrays } from '../../support/tiny-arrays.ts';

const REAL = join(import.meta.dirname, '../../../../shared/data/fsaverage5');
const roots: string[] = [];
afterAll(async () => { for (const root of roots) await rm(root, { recursive: true, force: true }); });

/** fsaverage5: 10242 vertices a hemisphere, closed, so 2 V - 4 faces. */
const VERTICES = 10_242;

describe.skipIf(!existsSync(REAL))('the real fsaverage5 cortex (skipped where ../shared/data is absent)', () => {
  it('opens as a folder that has a cortex and nothing to decode', async () => {
    const inspection = await (await openDataset(REAL)).inspect();
    const names = ['white', 'pial', 'inflated', 'sphere', 'flat'];
    expect(inspection.subjects[0]?.surfaces).toEqual(['lh', 'rh'].map((hemisphere) => ({ hemisphere, names, vertices: VERTICES })));
    expect(inspection.problems).toEqual([expect.objectContaining({ severity: 'problem', found: 'surfaces only', costs: 'nothing can be decoded; the cortex can be looked at' })]);
    await expect((await openDataset(REAL)).responses({ subject: 'template', atlas: '', rois: [], beta: null, zscore: 'none', average: true })).rejects.toThrow(UserError);
  });

  it.each(['lh', 'rh'] as const)('loads, inflates and flattens (%s)', async (hemisphere) => {
    const geometry = await hemisphereGeometry(await openDataset(REAL), 'template', hemisphere);
    if (geometry === null) throw new Error('no geometry');
    expect(geometry.vertices).toBe(VERTICES);
    expect(geometry.triangles.shape).toEqual([2 * VERTICES - 4, 3]);
    expect(Object.keys(geometry.shapes)).toEqual(['white', 'pial', 'inflated', 'sphere']);
    const { white, pial, inflated, sphere } = geometry.shapes;
    const volume = (points = white): number => enclosedVolumeTimesSix(points?.data ?? new Float32Array(), geometry.triangles.data) / 6;
    // Counter-clockwise from outside in every shape: the enclosed volumes are positive, and pial encloses white.
    expect(volume(white)).toBeGreaterThan(0);
    expect(volume(pial)).toBeGreaterThan(volume(white));
    // A hemisphere's white matter is some 200 to 350 ml; the registration sphere has radius 100 mm, less what its chords cut off.
    expect(volume(white) / 1000).toBeGreaterThan(150);
    expect(volume(white) / 1000).toBeLessThan(400);
    expect(volume(sphere) / ((4 / 3) * Math.PI * 100 ** 3)).toBeGreaterThan(0.99);
    expect(volume(sphere) / ((4 / 3) * Math.PI * 100 ** 3)).toBeLessThan(1);
    // Inflated means smoother: area over volume is closer to a sphere's.
    const roundness = (points = white): number => (volume(points) ** (2 / 3)) / area(points?.data ?? new Float32Array(), geometry.triangles.data);
    expect(roundness(inflated)).toBeGreaterThan(1.5 * roundness(white));
  });

  it.each([['lh', 'left'], ['rh', 'right']] as const)('has a flat map with its own, fewer triangles (%s)', async (hemisphere, side) => {
    const dataset = await openDataset(REAL);
    const flat = await dataset.flat('template', hemisphere);
    const file = readGifti(gunzip(new Uint8Array(await readFile(join(REAL, `flat_${side}.gii.gz`))), 'flat'), 'flat');
    const own = file.arrays.find((array: GiftiArray) => array.intent === 'NIFTI_INTENT_TRIANGLE')?.data;
    expect(flat?.triangles.data).toEqual(own?.data);
    const faces = flat?.triangles.shape[0] ?? 0;
    expect(faces).toBeLessThan(2 * VERTICES - 4);
    expect(faces).toBeGreaterThan(15_000);
    const used = new Set(flat?.triangles.data);
    const points = flat?.points.data ?? new Float32Array();
    for (let v = 0; v < VERTICES; v++) expect(Number.isNaN(points[2 * v]) && Number.isNaN(points[2 * v + 1]), `vertex ${v}`).toBe(!used.has(v));
    // Flat: no face is turned over more than a few percent, and their area is that of the surface within a factor of two.
    let positive = 0;
    for (let t = 0; t < faces; t++) {
      const [a = 0, b = 0, c = 0] = flat?.triangles.data.subarray(3 * t, 3 * t + 3) ?? [];
      const [x, y] = [0, 1].map((axis) => [(points[2 * b + axis] ?? 0) - (points[2 * a + axis] ?? 0), (points[2 * c + axis] ?? 0) - (points[2 * a + axis] ?? 0)] as const);
      if (x !== undefined && y !== undefined && x[0] * y[1] - x[1] * y[0] > 0) positive += 1;
    }
    expect(Math.max(positive, faces - positive) / faces).toBeGreaterThan(0.95);
  });

  it.each(['lh', 'rh'] as const)('shows its curvature, positive in sulci (%s)', async (hemisphere) => {
    const dataset = await openDataset(REAL);
    const curvature = await dataset.curvature('template', hemisphere) ?? new Float32Array();
    expect(curvature.length).toBe(VERTICES);
    const depth = readGifti(gunzip(new Uint8Array(await readFile(join(REAL, `sulc_${hemisphere === 'lh' ? 'left' : 'right'}.gii.gz`))), 'sulc'), 'sulc').arrays[0]?.data.data;
    // Sulcal depth is positive in sulci; curvature of the same sign correlates with it.
    expect(correlation(curvature, Float64Array.from({ length: VERTICES }, (_, v) => Number(depth?.[v] ?? NaN)))).toBeGreaterThan(0.4);
  });

  it('can be named by a dataset.json beside responses, with what each vertex sees', async () => {
    const root = await tinyArrays();
    roots.push(root);
    await symlink(REAL, join(root, 'fsaverage5'));
    const schema = JSON.parse(await readFile(join(root, 'dataset.json'), 'utf8')) as object;
    await writeFile(join(root, 'voxels.npy'), writeNpy(ndarray('int32', [COLUMNS, 3], Int32Array.from({ length: 3 * COLUMNS }, (_, i) => i))));
    const sees = Int32Array.from({ length: VERTICES }, (_, v) => (v % 3 === 0 ? -1 : v % COLUMNS));
    await writeFile(join(root, 'lh-sees.npy'), writeNpy(ndarray('int32', [VERTICES], sees)));
    const files = (side: string): object => ({ white: `fsaverage5/white_${side}.gii.gz`, inflated: `fsaverage5/infl_${side}.gii.gz`, flat: `fsaverage5/flat_${side}.gii.gz`, curvature: `fsaverage5/curv_${side}.gii.gz` });
    await writeFile(join(root, 'dataset.json'), JSON.stringify({ ...schema, voxels: 'voxels.npy', surfaces: { lh: { ...files('left'), sees: 'lh-sees.npy' }, rh: files('right') } }));
    const dataset = await openArrays(root);
    const { subjects, problems } = await dataset.inspect();
    expect(problems).toEqual([]);
    expect(subjects[0]?.surfaces).toEqual(['lh', 'rh'].map((hemisphere) => ({ hemisphere, names: ['white', 'inflated', 'flat'], vertices: VERTICES })));
    expect(subjects[0]?.files.find((group) => group.kind === 'surfaces')).toMatchObject({ state: 'ok', files: 9 });
    const sampling = await dataset.sampling('one', 'lh', ndarray('int32', [2, 3], Int32Array.of(15, 16, 17, 3, 4, 5)));
    // Columns 5 and 1 are the two that were asked for.
    expect(sampling?.nearest.data).toEqual(sees.map((column) => (column === 5 ? 0 : column === 1 ? 1 : -1)));
    expect(await dataset.sampling('one', 'rh', ndarray('int32', [0, 3], new Int32Array()))).toBeNull();
  });
});

describe('surfaces that a dataset.json names', () => {
  const points = f32([4, 3], [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]);
  const faces = ndarray('int32', [4, 3], Int32Array.of(0, 1, 2, 0, 1, 3, 0, 2, 3, 1, 2, 3));
  const withSurfaces = async (surfaces: object): Promise<string> => {
    const root = await tinyArrays();
    roots.push(root);
    await put(root, 'lh.white', writeSurface({ created: 'x', coordinates: points, faces }));
    await put(root, 'lh.curv', writeCurv({ values: f32([3], [1, 2, 3]), faces: 4 }));
    await put(root, 'other.gii', writeGifti({ metadata: new Map(), labels: [], arrays: [
      { intent: 'NIFTI_INTENT_POINTSET', data: f32([3, 3], new Float32Array(9)), metadata: new Map(), coordinateSystems: [] },
      { intent: 'NIFTI_INTENT_TRIANGLE', data: ndarray('int32', [1, 3], Int32Array.of(0, 1, 2)), metadata: new Map(), coordinateSystems: [] },
    ] }));
    const schema = JSON.parse(await readFile(join(root, 'dataset.json'), 'utf8')) as object;
    await writeFile(join(root, 'dataset.json'), JSON.stringify({ ...schema, surfaces }));
    return root;
  };

  it('may be FreeSurfer files', async () => {
    const dataset = await openArrays(await withSurfaces({ lh: { white: 'lh.white' } }));
    expect((await dataset.surface('one', 'lh', 'white'))?.points.data).toEqual(points.data);
    expect(await dataset.surface('one', 'rh', 'white')).toBeNull();
  });

  it.each([
    [{ lh: { white: 'lh.white', flat: 'other.gii' } }, 'other.gii', /4 vertices, as lh\.white/, /3/], [{ lh: { white: 'lh.white', curvature: 'lh.curv' } }, 'lh.curv', /4 values/, /3/],
    [{ lh: { white: 'lh.white', pial: 'other.gii' } }, 'other.gii', /4 vertices/, /3/], [{ lh: { white: 'absent.gii' } }, 'absent.gii', /readable/, /no such file/],
  ] as const)('are a note where they do not fit: %j', async (surfaces, file, expected, found) => {
    const { problems, subjects } = await (await openArrays(await withSurfaces(surfaces))).inspect();
    expect(problems).toEqual([expect.objectContaining({ severity: 'note', file, expected: expect.stringMatching(expected) as string, found: expect.stringMatching(found) as string, costs: 'no cortex view' })]);
    expect(subjects[0]?.trials).toBeGreaterThan(0);
  });

  it('are refused by name where the field is unknown', async () => {
    await expect(openArrays(await withSurfaces({ lh: { whyte: 'lh.white' } }))).rejects.toThrow(/surfaces\.lh\.whyte/);
  });
});

function area(points: Float32Array, triangles: Int32Array): number {
  let sum = 0;
  for (let t = 0; t < triangles.length; t += 3) {
    const [a = 0, b = 0, c = 0] = triangles.subarray(t, t + 3);
    const edge = (to: number): readonly number[] => [0, 1, 2].map((axis) => (points[3 * to + axis] ?? 0) - (points[3 * a + axis] ?? 0));
    const [[ux = 0, uy = 0, uz = 0], [vx = 0, vy = 0, vz = 0]] = [edge(b), edge(c)];
    sum += Math.hypot(uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx) / 2;
  }
  return sum;
}

function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const mean = (list: ArrayLike<number>): number => Array.from(list).reduce((x, y) => x + y, 0) / list.length;
  const [ma, mb] = [mean(a), mean(b)];
  let ab = 0, aa = 0, bb = 0;
  for (let i = 0; i < a.length; i++) { const x = (a[i] ?? 0) - ma, y = (b[i] ?? 0) - mb; ab += x * y; aa += x * x; bb += y * y; }
  return ab / Math.sqrt(aa * bb);
}
