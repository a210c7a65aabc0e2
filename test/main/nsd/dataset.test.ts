import { cp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Dataset, Responses, ResponsesRequest } from '../../../common/dataset.ts';
import { UserError } from '../../../common/errors.ts';
import { ndarray } from '../../../common/ndarray.ts';
import { looksLikeNsd, openNsd } from '../../../main/nsd/dataset.ts';
import { expectClose } from '../../support/close.ts';
import { AFFINE, BETA, PICTURE_SHAPE, SHARED, tinyNsd, TRIALS, VOXELS } from '../../support/tiny-nsd.ts';
import type { TinyNsd, TinyOptions } from '../../support/tiny-nsd.ts';

const SEED = 5;
/** float32 quotients. */
const TOLERANCE = { absolute: 1e-6, relative: 1e-6 };
const request: ResponsesRequest = { subject: 'subj01', atlas: 'minddiffuser', rois: [], beta: null, zscore: 'none', average: true };

let tiny: TinyNsd;
let dataset: Dataset;
const roots: string[] = [];
beforeAll(async () => {
  tiny = await tinyNsd({ seed: SEED });
  roots.push(tiny.root);
  dataset = await openNsd(tiny.root);
});
afterAll(async () => {
  dataset.close();
  for (const root of roots) await rm(root, { recursive: true, force: true });
});

/** The group of a voxel by the rule in words: prf overrides Kastner, then the table of 2.5. */
const GROUPS: Readonly<Record<number, string>> = {
  1: 'V1', 2: 'V1', 3: 'V2', 4: 'V2', 5: 'V3', 6: 'V3', 7: 'hV4', 8: 'VO', 9: 'VO', 10: 'PHC', 11: 'PHC', 12: 'MST', 13: 'MT', 14: 'LO', 15: 'LO',
  16: 'V3ab', 17: 'V3ab', 18: 'IPS', 19: 'IPS', 20: 'IPS', 21: 'IPS', 22: 'IPS', 23: 'IPS',
};
const groupOf = (v: number): string | undefined => GROUPS[(tiny.prf[v] ?? 0) > 0 ? tiny.prf[v] ?? 0 : tiny.kastner[v] ?? 0];
const column = (voxels: NonNullable<Responses['voxels']>, c: number): number => (voxels.data[3 * c] ?? 0) + 7 * ((voxels.data[3 * c + 1] ?? 0) + 6 * (voxels.data[3 * c + 2] ?? 0));

/** Percent signal change of a trial; voxel 50 has no data in session 2. */
const psc = (v: number, t: number): number | null => {
  const s = Math.floor(t / TRIALS);
  return v === 50 && s === 1 ? null : (tiny.betas[s]?.[v * TRIALS + (t % TRIALS)] ?? NaN) / 300;
};

function expectAverages(got: Responses, wanted: readonly number[]): void {
  const ids = [...new Set(tiny.shown)].sort((a, b) => a - b);
  expect([...got.imageIds]).toEqual(ids);
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const averages = new Map(wanted.map((v) => [v, ids.map((id) => mean([...tiny.shown.keys()].filter((t) => tiny.shown[t] === id).map((t) => psc(v, t)).filter((x) => x !== null)))]));
  // A picture that voxel 50 never saw with data takes the mean of its training pictures.
  const expected = ids.flatMap((_, r) => wanted.map((v) => {
    const own = averages.get(v) ?? [];
    const value = own[r] ?? NaN;
    return Number.isNaN(value) ? mean(own.filter((x, i) => !Number.isNaN(x) && !SHARED.includes(ids[i] ?? -1))) : value;
  }));
  expectClose(got.values.data, expected, TOLERANCE, SEED);
  expect([...got.isTest]).toEqual(ids.map((id) => (SHARED.includes(id) ? 1 : 0)));
  expect([...got.repeats]).toEqual(ids.map((id) => tiny.shown.filter((other) => other === id).length));
}

describe('responses of an NSD folder', () => {
  it('are the merged groups in file order, value by value', async () => {
    const got = await dataset.responses(request);
    const wanted = Array.from({ length: VOXELS }, (_, v) => v).filter((v) => groupOf(v) !== undefined);
    expect(got.voxels?.shape).toEqual([wanted.length, 3]);
    expect(wanted.map((_, c) => (got.voxels === null ? -1 : column(got.voxels, c)))).toEqual(wanted);
    expect(got.regions).toEqual(wanted.map(groupOf));
    expectAverages(got, wanted);
    expect([...got.ncsnr?.data ?? []]).toEqual(wanted.map((v) => tiny.ncsnr[v]));
    expect(got.beta).toBe(BETA);
  });

  for (const betas of ['hdf5-contiguous', 'hdf5-compressed', 'hdf5-latest', 'mat', 'nifti'] as const satisfies readonly TinyOptions['betas'][]) {
    it(`are the same from ${betas}`, async () => {
      const other = await tinyNsd({ seed: SEED, betas });
      roots.push(other.root);
      const opened = await openNsd(other.root);
      const [one, two] = await Promise.all([dataset.responses(request), opened.responses(request)]);
      expect(two.values).toEqual(one.values);
      opened.close();
    });
  }

  it('of some regions only, with the name from the folder, hemispheres together or apart', async () => {
    const both = await dataset.responses({ ...request, atlas: 'floc-places', rois: ['PPA-own'] });
    const wanted = Array.from({ length: VOXELS }, (_, v) => v).filter((v) => v % 4 === 2);
    expect(both.voxels === null ? [] : wanted.map((_, c) => column(both.voxels ?? ndarray('int32', [0, 3], new Int32Array()), c))).toEqual(wanted);
    const left = await dataset.responses({ ...request, atlas: 'lh.floc-places', rois: ['PPA-own'] });
    expect(left.voxels?.shape[0]).toBe(wanted.filter((v) => v % 7 < 3).length);
  });

  it('of a user\'s own volume', async () => {
    const got = await dataset.responses({ ...request, atlas: 'mine' });
    expect(got.regions).toEqual(new Array(20).fill('mine'));
  });

  it('say what lacks data', async () => {
    const got = await dataset.responses({ ...request, atlas: 'nsdgeneral' });
    expect(got.notes).toEqual(tiny.kastner[50] !== undefined && tiny.kastner[50] > 0 ? ['1 voxels lack data in some sessions; those trials were left out of their averages'] : undefined);
  });

  it('trial by trial keep the order of the session files', async () => {
    const got = await dataset.responses({ ...request, atlas: 'mine', average: false });
    expect([...got.imageIds]).toEqual([...tiny.shown]);
    expect(got.values.shape).toEqual([36, 20]);
    expectClose(got.values.data, Array.from({ length: 36 * 20 }, (_, n) => psc(n % 20, Math.floor(n / 20)) ?? NaN), TOLERANCE, SEED);
  });

  it.each(['none', 'session'] as const)('of test images only are those of all trials, scaled %s', async (zscore) => {
    const all = await dataset.responses({ ...request, atlas: 'mine', zscore, average: false });
    const got = await dataset.responses({ ...request, atlas: 'mine', zscore, average: false, only: 'test' });
    const chosen = [...all.isTest.keys()].filter((row) => all.isTest[row] === 1);
    expect(chosen.length).toBeGreaterThan(3);
    expect([...got.imageIds]).toEqual(chosen.map((row) => all.imageIds[row]));
    expect([got.repeats.length, got.isTest.every((flag) => flag === 1)]).toEqual([chosen.length, true]);
    const width = all.values.shape[1] ?? 0;
    expect([...got.values.data]).toEqual(chosen.flatMap((row) => [...all.values.data.subarray(row * width, (row + 1) * width)]));
    await expect(dataset.responses({ ...request, zscore: 'train', average: false, only: 'test' })).rejects.toThrow(RangeError);
  });

  it.each([
    [{ subject: 'subj02' }, /no subject subj02/, /subj01/], [{ atlas: 'Glasser' }, /no atlas "Glasser"/, /minddiffuser, nsdgeneral/],
    [{ rois: ['V9'] }, /no region "V9"/, /V1, V2/], [{ beta: 'betas_assumehrf' }, /no betas "betas_assumehrf"/, /betas_fithrf_GLMdenoise_RR/],
  ])('refuse %o, naming what exists', async (change, message, expected) => {
    const failure = await dataset.responses({ ...request, ...change }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UserError);
    expect(failure instanceof UserError ? failure.message : '').toMatch(message);
    expect(failure instanceof UserError ? failure.detail.expected : '').toMatch(expected);
  });
});

describe('a subject on both functional grids', () => {
  it('is offered once for each, and each is read from its own files', async () => {
    const { root } = await tinyNsd({ seed: SEED + 1 });
    roots.push(root);
    const alone = await openNsd(root), wanted = await alone.responses(request), labels = await alone.surfaceLabels('subj01', 'lh', 'Kastner2015');
    alone.close();
    for (const place of ['nsddata_betas/ppdata/subj01', 'nsddata/ppdata/subj01']) {
      await rename(join(root, place, 'func1pt8mm'), join(root, place, 'func1mm'));
      await cp(join(tiny.root, place, 'func1pt8mm'), join(root, place, 'func1pt8mm'), { recursive: true });
    }
    const transforms = join(root, 'nsddata/ppdata/subj01/transforms');
    for (const name of await readdir(transforms)) await cp(join(transforms, name), join(transforms, name.replace('func1pt8', 'func1pt0')));
    const both = await openNsd(root);
    expect((await both.inspect()).subjects.map(({ id }) => id)).toEqual(['subj01', 'subj01-func1mm']);
    expect((await both.inspect()).problems.filter(({ severity, subject }) => severity === 'problem' && subject === 'subj01-func1mm')).toEqual([]);
    const fine = await both.responses({ ...request, subject: 'subj01-func1mm' }), coarse = await both.responses(request);
    expect([...fine.values.data]).toEqual([...wanted.values.data]);
    expect([...coarse.values.data]).not.toEqual([...wanted.values.data]);
    expect(await both.surfaceLabels('subj01-func1mm', 'lh', 'Kastner2015')).toEqual(labels);
    expect((await both.sampling('subj01-func1mm', 'lh', fine.voxels ?? ndarray('int32', [0, 3], new Int32Array())))?.vertices).toBe(6);
    await expect(both.responses({ ...request, subject: 'subj02-func1mm' })).rejects.toThrow(/no subject subj02-func1mm/);
    both.close();
    // With betas of one grid only, that grid is the subject's.
    await rm(join(root, 'nsddata_betas/ppdata/subj01/func1pt8mm'), { recursive: true });
    const one = await openNsd(root);
    expect((await one.inspect()).subjects.map(({ id }) => id)).toEqual(['subj01']);
    expect([...(await one.responses(request)).values.data]).toEqual([...wanted.values.data]);
    await expect(one.responses({ ...request, subject: 'subj01-func1pt8mm' })).rejects.toThrow(/no subject subj01-func1pt8mm/);
    one.close();
  });
});

describe('pictures and captions', () => {
  it('come by 0-based id in the order asked', async () => {
    const got = await dataset.stimuli(Int32Array.of(13, 0, 13));
    expect(got.shape).toEqual([3, ...PICTURE_SHAPE]);
    expect([...got.data]).toEqual([13, 0, 13].flatMap((id) => [...tiny.pictures.subarray(id * 144, (id + 1) * 144)]));
    await expect(dataset.stimuli(Int32Array.of(14))).rejects.toThrow(/no picture 14/);
  });

  it('come from the shared PNG files where the big file is absent', async () => {
    const other = await tinyNsd({ seed: SEED });
    roots.push(other.root);
    await rm(`${other.root}/nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5`);
    const opened = await openNsd(other.root);
    expect([...(await opened.stimuli(Int32Array.of(7))).data]).toEqual([...tiny.pictures.subarray(7 * 144, 8 * 144)]);
    await expect(opened.stimuli(Int32Array.of(8))).rejects.toThrow(/no picture 8/);
    const { problems } = await opened.inspect();
    expect(problems.filter((problem) => problem.costs === 'no training pictures')).toHaveLength(1);
  });

  it('have the first five captions of either split', async () => {
    expect(await dataset.captions(Int32Array.of(3, 8))).toEqual([3, 8].map((id) => [0, 1, 2, 3, 4].map((n) => `picture ${id}, line ${n}`)));
    await expect(dataset.captions(Int32Array.of(99))).rejects.toThrow(/picture 99 has no captions/);
  });
});

describe('surfaces', () => {
  it('are wound outwards whichever way the file has them', async () => {
    const [white, pial] = await Promise.all(['white', 'pial'].map((name) => dataset.surface('subj01', 'lh', name)));
    expect(white?.triangles.data).toEqual(pial?.triangles.data);
    expect(white?.points.data).toEqual(tiny.points);
    expect(await dataset.surface('subj01', 'lh', 'smoothwm')).toBeNull();
  });

  it('have a flat patch with the faces that lie in it', async () => {
    const flat = await dataset.flat('subj01', 'rh');
    expect(flat?.triangles.shape).toEqual([4, 3]);
    expect([...flat?.points.data.subarray(8) ?? []]).toEqual([0.25, 0.25, NaN, NaN]);
  });

  it('have curvature and the labels of collections and of the merged atlas', async () => {
    expect([...await dataset.curvature('subj01', 'lh') ?? []]).toEqual([-1, 1, 0.5, -0.5, 0, 2]);
    const labels = await dataset.surfaceLabels('subj01', 'lh', 'minddiffuser');
    expect(Array.from(labels?.labels ?? [], (label) => labels?.names[label] ?? null)).toEqual(['V1', 'hV4', 'MST', null, null, 'V3ab']);
    const plain = await dataset.surfaceLabels('subj01', 'lh', 'Kastner2015');
    expect(Array.from(plain?.labels ?? [], (label) => plain?.names[label] ?? null)).toEqual(['V1v', 'VO1', 'TO2', 'FEF', null, 'V3A']);
    expect(await dataset.surfaceLabels('subj01', 'lh', 'streams')).toBeNull();
  });

  it('see the nearest voxel at each depth, and none outside the grid or the list', async () => {
    // Columns: (0,0,0), (2,1,1), (6,5,4), and (2,2,3) which only depth 1 sees at vertex 5.
    const voxels = ndarray('int32', [4, 3], Int32Array.of(0, 0, 0, 2, 1, 1, 6, 5, 4, 2, 2, 3));
    const sampling = await dataset.sampling('subj01', 'lh', voxels);
    expect(sampling?.nearest.shape).toEqual([3, 6]);
    expect([...sampling?.nearest.data ?? []]).toEqual([0, 1, 2, -1, -1, -1, 0, 1, 2, -1, -1, 3, 0, 1, 2, -1, -1, -1]);
  });

  it('lie in the space of the functional grid', async () => {
    expectClose(await dataset.affine('subj01') ?? [], AFFINE, { absolute: 1e-6 });
  });
});

it('a folder is recognised by its NSD folders', async () => {
  expect(await looksLikeNsd(tiny.root)).toBe(true);
  expect(await looksLikeNsd('/nonexistent')).toBe(false);
  await expect(openNsd('/nonexistent')).rejects.toThrow(UserError);
});
