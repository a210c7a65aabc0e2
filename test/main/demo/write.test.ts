import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CancelledError, UserError } from '../../../common/errors.ts';
import { writeDemo } from '../../../main/demo/write.ts';
import { readPatch } from '../../../main/formats/freesurfer-patch.ts';
import { readMgh } from '../../../main/formats/mgh.ts';
import { readNifti } from '../../../main/formats/nifti.ts';
import { readNpy } from '../../../main/formats/npy.ts';
import { openNsd } from '../../../main/nsd/dataset.ts';

const SEED = 11;
const SMALL = { subjects: 1, sessions: 1, pixels: 64, seed: SEED };
const GROUPS = ['V1', 'V2', 'V3', 'hV4', 'VO', 'PHC', 'MT', 'MST', 'LO', 'IPS', 'V3ab'];

describe(`a small demo dataset (seed ${SEED})`, () => {
  let root = '';
  const said: number[] = [];
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'optogram-demo-'));
    await writeDemo(root, SMALL, undefined, (done, total) => { said.push(done / total); });
  }, 900_000);
  afterAll(async () => { await rm(root, { recursive: true, force: true }); });
  const bytes = async (path: string): Promise<Uint8Array> => new Uint8Array(await readFile(join(root, path)));

  it('says that it is synthetic, and how far it has come', async () => {
    expect(await readFile(join(root, 'nsddata/information/synthetic.txt'), 'utf8')).toContain('SYNTHETIC');
    expect(said.at(-1)).toBe(1);
    expect(said.every((share, i) => i === 0 || share >= (said[i - 1] ?? 0))).toBe(true);
  });

  it('opens as an NSD folder without a problem', async () => {
    const dataset = await openNsd(root);
    try {
      const inspection = await dataset.inspect();
      expect(inspection.problems.filter((problem) => problem.severity === 'problem')).toEqual([]);
      expect(inspection.synthetic).toBe(true);
      const [subject] = inspection.subjects;
      expect(subject?.trials).toBe(750);
      expect([subject?.trainImages, subject?.testImages]).toEqual([217, 33]);
      const groups = new Map(subject?.atlases.find((atlas) => atlas.name === 'minddiffuser')?.regions.map((region) => [region.name, region.voxels]));
      for (const name of GROUPS) expect(groups.get(name) ?? 0, name).toBeGreaterThanOrEqual(60);
      const responses = await dataset.responses({ subject: 'subj01', atlas: 'minddiffuser', rois: [], beta: null, zscore: 'session', average: true });
      expect(responses.values.shape[0]).toBe(250);
      expect(responses.values.data.every(Number.isFinite)).toBe(true);
      const ncsnr = Array.from(responses.ncsnr?.data ?? []).sort((a, b) => a - b), median = ncsnr[ncsnr.length >> 1] ?? 0;
      expect(median).toBeGreaterThan(0.3);
      expect(median).toBeLessThan(0.5);
      if (responses.voxels === null) throw new Error('no voxels');
      const truth = await dataset.plantedSensitivity('subj01', 'z', responses.voxels);
      expect(truth?.length).toBe(responses.values.shape[1]);
    } finally { dataset.close(); }
  }, 120_000);

  it('has labels of -1, 0 and up, and the transforms that lead to them', async () => {
    const labels = readNifti(await bytes('nsddata/ppdata/subj01/func1pt8mm/roi/lh.Kastner2015.nii.gz'), 'labels');
    expect(labels.header.datatype).toBe(64);
    expect(new Set(labels.data.data as Float64Array)).toEqual(new Set(Array.from({ length: 27 }, (_, i) => i - 1)));
    const surface = readMgh(await bytes('nsddata/freesurfer/subj01/label/lh.Kastner2015.mgz'), 'surface').data.data as Float32Array;
    const where = readMgh(await bytes('nsddata/ppdata/subj01/transforms/lh.func1pt8-to-layerB2.mgz'), 'transform').data.data as Float32Array;
    const [I = 0, J = 0] = labels.shape, vertices = surface.length;
    let same = 0, all = 0;
    surface.forEach((label, v) => {
      if (label === 0) return;
      const [i = 0, j = 0, k = 0] = [0, 1, 2].map((axis) => Math.round(where[axis * vertices + v] ?? 0) - 1);
      all++;
      if (labels.data.data[i + I * (j + J * k)] === label) same++;
    });
    // Voxels are wider than folds: neighbouring areas share some.
    expect(same / all).toBeGreaterThan(0.6);
  });

  it('flattens subject and template, and saves the planted truth beside', async () => {
    for (const subject of ['subj01', 'fsaverage']) {
      const patch = readPatch(await bytes(`nsddata/freesurfer/${subject}/surf/lh.full.flat.patch.3d`), 'patch');
      expect(patch.vertices.data.length).toBeGreaterThan(9000);
    }
    const snr = readNpy(await bytes('truth/subj01/snr.npy'), 'snr'), voxels = readNpy(await bytes('truth/subj01/voxels.npy'), 'voxels');
    expect(voxels.shape).toEqual([snr.shape[0], 3]);
    expect((await readdir(join(root, 'truth/subj01'))).sort()).toEqual(['areas.npy', 'columns.json', 'family-shares.npy', 'receptive-fields.npy',
      'sensitivity_c.nii.gz', 'sensitivity_clip.nii.gz', 'sensitivity_z.nii.gz', 'snr.npy', 'tuning.npy', 'voxels.npy']);
  });
});

describe('writing the demo', () => {
  it('refuses a folder with something else in it, wrong numbers, and stops when cancelled', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'optogram-demo-'));
    try {
      await expect(writeDemo(folder, SMALL, AbortSignal.abort())).rejects.toThrow(CancelledError);
      expect(await readdir(folder)).toEqual([]);
      await expect(writeDemo(folder, { subjects: 9 })).rejects.toThrow(UserError);
      await expect(writeDemo(folder, { pixels: 100 })).rejects.toThrow('64 or 128');
      const controller = new AbortController();
      await expect(writeDemo(folder, SMALL, controller.signal, () => { controller.abort(); })).rejects.toThrow(CancelledError);
      await rm(folder, { recursive: true });
      await mkdir(folder);
      await writeFile(join(folder, 'thesis.txt'), 'precious');
      await expect(writeDemo(folder, SMALL)).rejects.toThrow('not empty');
      expect(await readFile(join(folder, 'thesis.txt'), 'utf8')).toBe('precious');
    } finally { await rm(folder, { recursive: true, force: true }); }
  });
});
