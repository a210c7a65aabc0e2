import { chmod, mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Inspection, Problem, ResponsesRequest } from '../../../common/dataset.ts';
import { CancelledError, UserError } from '../../../common/errors.ts';
import { f32, ndarray } from '../../../common/ndarray.ts';
import { writeHdf5 } from '../../../main/formats/hdf5.ts';
import { writeMgh } from '../../../main/formats/mgh.ts';
import { writeTsv } from '../../../main/formats/tsv.ts';
import { openNsd } from '../../../main/nsd/dataset.ts';
import { BETA, onGrid, PICTURES, put, tinyNsd, TRIALS, volume, VOXELS, writeSession } from '../../support/tiny-nsd.ts';
import type { TinyNsd } from '../../support/tiny-nsd.ts';

const roots: string[] = [];
async function fresh(): Promise<TinyNsd> {
  const tiny = await tinyNsd();
  roots.push(tiny.root);
  return tiny;
}
afterAll(async () => { for (const root of roots) await rm(root, { recursive: true, force: true }); });

const inspect = async (root: string): Promise<Inspection> => (await openNsd(root)).inspect();
const request: ResponsesRequest = { subject: 'subj01', atlas: 'minddiffuser', rois: [], beta: null, zscore: 'none', average: true };
const betaPlace = `nsddata_betas/ppdata/subj01/func1pt8mm/${BETA}`;
const roiPlace = 'nsddata/ppdata/subj01/func1pt8mm/roi';
const blocking = (found: Inspection): readonly Problem[] => found.problems.filter((problem) => problem.severity === 'problem');

describe('inspection of a complete folder', () => {
  let found: Inspection;
  let tiny: TinyNsd;
  beforeAll(async () => {
    tiny = await fresh();
    found = await inspect(tiny.root);
  });

  it('counts sessions, trials, images and voxels', () => {
    expect(blocking(found)).toEqual([]);
    expect(found).toMatchObject({ kind: 'nsd', label: 'Natural Scenes Dataset', synthetic: false, stimuli: { images: PICTURES, shape: [6, 8, 3] }, captions: { images: PICTURES, perImage: 5 } });
    expect(found.subjects).toHaveLength(1);
    const distinct = new Set(tiny.shown);
    expect(found.subjects[0]).toMatchObject({ id: 'subj01', sessions: 3, trials: 3 * TRIALS, volume: [7, 6, 5], betas: [BETA], trainImages: distinct.size - 4, testImages: 4 });
    expect(found.subjects[0]?.voxelSizeMm?.map((size) => Math.round(size * 1000) / 1000)).toEqual([1.8, 1.8, 1.8]);
  });

  it('lists atlases with the voxels of each region, the merged one first', () => {
    const [merged, ...others] = found.subjects[0]?.atlases ?? [];
    expect([merged?.name, ...others.map((atlas) => atlas.name)]).toEqual(['minddiffuser', 'nsdgeneral', 'prf-visualrois', 'floc-places', 'Kastner2015', 'mine']);
    expect(merged?.regions.map((region) => region.name)).toEqual(['V1', 'V2', 'V3', 'hV4', 'VO', 'PHC', 'MT', 'MST', 'LO', 'IPS', 'V3ab']);
    const count = (test: (v: number) => boolean): number => Array.from({ length: VOXELS }, (_, v) => v).filter(test).length;
    expect(merged?.regions.find((region) => region.name === 'MST')?.voxels).toBe(count((v) => !((tiny.prf[v] ?? 0) > 0) && tiny.kastner[v] === 12));
    expect(others.find((atlas) => atlas.name === 'floc-places')?.regions).toEqual([1, 2, 3].map((label, i) => ({ label, name: ['OPA', 'PPA-own', 'RSC'][i], voxels: count((v) => v % 4 === label) })));
  });

  it('lists surfaces and what each kind of file unlocks', () => {
    expect(found.subjects[0]?.surfaces).toEqual(['lh', 'rh'].map((hemisphere) => ({ hemisphere, names: ['white', 'pial', 'inflated', 'sphere', 'flat'], vertices: 6 })));
    const groups = new Map(found.subjects[0]?.files.map((group) => [group.kind, group]));
    for (const kind of ['betas', 'rois', 'noise-ceiling', 'surfaces', 'transforms', 'responses', 'design', 'stimuli', 'captions'] as const) expect(groups.get(kind)?.state, kind).toBe('ok');
    expect(groups.get('betas')).toMatchObject({ files: 3 });
  });

  it('says what preparing will cost, and under which terms the data are shared', () => {
    const merged = found.subjects[0]?.atlases[0]?.regions.reduce((sum, region) => sum + region.voxels, 0) ?? 0;
    const images = new Set(tiny.shown).size;
    expect(found.subjects[0]?.preparation).toMatchObject({ voxels: merged, images, readBytes: 3 * TRIALS * 2 * merged, keptBytes: 4 * merged * images });
    // 28 microseconds a voxel and session of 750 trials.
    expect(found.subjects[0]?.preparation?.seconds).toBeCloseTo(28e-6 * merged * 3 * (TRIALS / 750), 12);
    expect(found.terms?.text).toMatch(/research and education only.*Allen et al\. 2022.*nothing of it into an export unless you ask/);
    expect(found.terms?.link).toMatch(/^https:/);
  });

  it('has a fingerprint that follows the files', async () => {
    expect((await inspect(tiny.root)).fingerprint).toBe(found.fingerprint);
    await writeSession(tiny.root, 3, tiny.betas[1] ?? new Int16Array(), 'hdf5-contiguous');
    expect((await inspect(tiny.root)).fingerprint).not.toBe(found.fingerprint);
  });

  it('stops when asked', async () => {
    await expect((await openNsd(tiny.root)).inspect(AbortSignal.abort())).rejects.toThrow(CancelledError);
  });
});

interface Case {
  readonly name: string;
  /** Damages the folder. */
  readonly damage: (tiny: TinyNsd) => Promise<void>;
  readonly file: string;
  readonly severity: Problem['severity'];
  readonly expected: RegExp;
  readonly found: RegExp;
  /** What `responses` then says; null = it still works. */
  readonly responses: RegExp | null;
}

const CASES: readonly Case[] = [
  {
    name: 'no betas', damage: ({ root }) => rm(join(root, 'nsddata_betas'), { recursive: true }), file: betaPlace, severity: 'problem',
    expected: /betas_session01/, found: /no session files/, responses: /subj01 has no betas/,
  },
  {
    name: 'a truncated HDF5', damage: ({ root }) => truncate(join(root, betaPlace, 'betas_session02.hdf5'), 3000), file: `${betaPlace}/betas_session02.hdf5`, severity: 'problem',
    expected: /\d+ bytes/, found: /3000 bytes/, responses: /3000 bytes/,
  },
  {
    name: 'an HDF5 that is not one', damage: ({ root }) => writeFile(join(root, betaPlace, 'betas_session01.hdf5'), 'not found'), file: `${betaPlace}/betas_session01.hdf5`, severity: 'problem',
    expected: /HDF5/, found: /no signature/, responses: /HDF5/,
  },
  {
    name: 'a session of another subject', damage: ({ root }) => writeHdf5(join(root, betaPlace, 'betas_session03.hdf5'), [{ name: 'betas', data: ndarray('int16', [TRIALS, 5, 6, 8], new Int16Array(TRIALS * 240)), chunks: [TRIALS, 1, 1, 1] }]),
    file: `${betaPlace}/betas_session03.hdf5`, severity: 'problem', expected: /7 x 6 x 5/, found: /8 x 6 x 5/, responses: /8 x 6 x 5/,
  },
  {
    name: 'a session with too few trials', damage: ({ root }) => writeHdf5(join(root, betaPlace, 'betas_session03.hdf5'), [{ name: 'betas', data: ndarray('int16', [5, 5, 6, 7], new Int16Array(5 * VOXELS)), chunks: [5, 1, 1, 1] }]),
    file: `${betaPlace}/betas_session03.hdf5`, severity: 'problem', expected: /12 trials/, found: /5 trials/, responses: /5 trials/,
  },
  {
    name: 'betas of another type', damage: ({ root }) => writeHdf5(join(root, betaPlace, 'betas_session01.hdf5'), [{ name: 'betas', data: f32([TRIALS, 5, 6, 7], new Float32Array(TRIALS * VOXELS)) }]),
    file: `${betaPlace}/betas_session01.hdf5`, severity: 'problem', expected: /int16/, found: /float32/, responses: /float32/,
  },
  {
    name: 'a region volume of another subject', damage: ({ root }) => put(root, `${roiPlace}/Kastner2015.nii.gz`, volume(ndarray('float64', [5, 6, 8], new Float64Array(240)), [8, 6, 5])),
    file: `${roiPlace}/Kastner2015.nii.gz`, severity: 'problem', expected: /7 x 6 x 5/, found: /8 x 6 x 5/, responses: /8 x 6 x 5/,
  },
  {
    name: 'NaN in a region volume', damage: async ({ root, kastner }) => { const labels = kastner.slice(); labels[8] = NaN; await put(root, `${roiPlace}/Kastner2015.nii.gz`, volume(onGrid(labels))); },
    file: `${roiPlace}/Kastner2015.nii.gz`, severity: 'problem', expected: /whole numbers/, found: /NaN at voxel \(1, 1, 0\)/, responses: /NaN at voxel \(1, 1, 0\)/,
  },
  {
    name: 'a region volume cut off', damage: ({ root }) => truncate(join(root, roiPlace, 'Kastner2015.nii.gz'), 90), file: `${roiPlace}/Kastner2015.nii.gz`, severity: 'problem',
    expected: /complete gzip/, found: /unexpected end of file/, responses: /complete gzip/,
  },
  { name: 'no region volumes', damage: ({ root }) => rm(join(root, roiPlace), { recursive: true }), file: roiPlace, severity: 'problem', expected: /region volumes/, found: /none/, responses: /no atlas/ },
  {
    name: 'no design', damage: async ({ root }) => { for (const name of ['nsd_expdesign.mat', 'nsd_stim_info_merged.csv']) await rm(join(root, 'nsddata/experiments/nsd', name)); },
    file: 'nsddata/experiments/nsd/nsd_expdesign.mat', severity: 'problem', expected: /nsd_stim_info_merged/, found: /neither/, responses: /nsd_expdesign\.mat is missing/,
  },
  {
    name: 'behaviour of another experiment', damage: ({ root }) => put(root, 'nsddata/ppdata/subj01/behav/responses.tsv', writeTsv(['SESSION', '73KID'], [['1', '99']])),
    file: 'nsddata/ppdata/subj01/behav/responses.tsv', severity: 'problem', expected: /row 1/, found: /picture 99/, responses: null,
  },
  {
    name: 'a surface cut off', damage: ({ root }) => truncate(join(root, 'nsddata/freesurfer/subj01/surf/lh.pial'), 100), file: 'nsddata/freesurfer/subj01/surf/lh.pial', severity: 'note',
    expected: /6 vertices and 8 faces/, found: /100 bytes/, responses: null,
  },
  {
    name: 'a transform of another subject', damage: ({ root }) => put(root, 'nsddata/ppdata/subj01/transforms/rh.func1pt8-to-layerB2.mgz', writeMgh({ data: f32([3, 9], new Float32Array(27)) }, { compress: true })),
    file: 'nsddata/ppdata/subj01/transforms/rh.func1pt8-to-layerB2.mgz', severity: 'note', expected: /\[6, 1, 1, 3\]/, found: /\[9, 1, 1, 3\]/, responses: null,
  },
  { name: 'no noise ceiling', damage: ({ root }) => rm(join(root, betaPlace, 'ncsnr.nii.gz')), file: `${betaPlace}/ncsnr.nii.gz`, severity: 'note', expected: /noise-ceiling/, found: /no such file/, responses: null },
  { name: 'a missing session', damage: ({ root }) => rm(join(root, betaPlace, 'betas_session02.hdf5')), file: betaPlace, severity: 'note', expected: /sessions 1 to 3/, found: /no session 2/, responses: null },
  {
    name: 'no pictures at all', damage: async ({ root }) => { for (const place of ['nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5', 'nsddata/stimuli']) await rm(join(root, place), { recursive: true }); },
    file: 'nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5', severity: 'problem', expected: /nsd_stimuli/, found: /neither/, responses: null,
  },
  {
    name: 'no captions', damage: ({ root }) => rm(join(root, 'nsddata_stimuli/stimuli/nsd/annotations'), { recursive: true }), file: 'nsddata_stimuli/stimuli/nsd/annotations/captions_train2017.json', severity: 'note',
    expected: /COCO/, found: /no such file/, responses: null,
  },
];

describe('inspection of a damaged folder', () => {
  for (const { name, damage, file, severity, expected, found, responses } of CASES) {
    it(`names ${name}: file, expected, found, fix`, async () => {
      const tiny = await fresh();
      await damage(tiny);
      const { problems } = await inspect(tiny.root);
      const problem = problems.find((entry) => entry.file === file && entry.severity === severity);
      expect(problem, JSON.stringify(problems)).toBeDefined();
      expect(problem?.expected).toMatch(expected);
      expect(problem?.found).toMatch(found);
      expect(problem?.fix).toMatch(/\w/);
      const answer = await openNsd(tiny.root).then((dataset) => dataset.responses(request)).catch((error: unknown) => error);
      if (responses === null) expect(answer).not.toBeInstanceOf(Error);
      else {
        expect(answer).toBeInstanceOf(UserError);
        expect(answer instanceof UserError ? answer.message : '').toMatch(responses);
      }
    });
  }

  it('reads folders and files through symbolic links', async () => {
    const tiny = await fresh();
    const away = await mkdtemp(join(tmpdir(), 'away-'));
    roots.push(away);
    await rename(join(tiny.root, 'nsddata_betas'), join(away, 'b'));
    await symlink(join(away, 'b'), join(tiny.root, 'nsddata_betas'));
    expect(blocking(await inspect(tiny.root))).toEqual([]);
  });

  it.skipIf(process.getuid?.() === 0)('says permission denied (skipped as root, who may read everything)', async () => {
    const tiny = await fresh();
    const file = join(tiny.root, betaPlace, 'betas_session01.hdf5');
    await chmod(file, 0o000);
    expect((await inspect(tiny.root)).problems).toContainEqual(expect.objectContaining({ file: `${betaPlace}/betas_session01.hdf5`, found: 'permission denied' }));
  });

  it('says that a folder without NSD files is none, and what it holds', async () => {
    const root = await mkdtemp(join(tmpdir(), 'empty-'));
    roots.push(root);
    await mkdir(join(root, 'holiday'));
    await expect(openNsd(root)).rejects.toThrow(/no NSD files/);
    await mkdir(join(root, 'nsddata/ppdata'), { recursive: true });
    expect(blocking(await inspect(root)).map((problem) => problem.found)).toContain('no subject');
  });

  it('marks a made-up folder as synthetic', async () => {
    const tiny = await fresh();
    await put(tiny.root, 'nsddata/information/synthetic.txt', new Uint8Array(Buffer.from('SYNTHETIC DATA\n\nMade up. By a test.\n')));
    await put(tiny.root, 'truth/subj01/sensitivity_z.nii.gz', volume(f32([5, 6, 7], Float32Array.from({ length: VOXELS }, (_, v) => v))));
    const dataset = await openNsd(tiny.root);
    expect([dataset.synthetic, dataset.label]).toEqual([true, 'Made up']);
    const inspection = await dataset.inspect();
    expect([inspection.synthetic, inspection.terms]).toEqual([true, undefined]);
    const voxels = ndarray('int32', [2, 3], Int32Array.of(1, 0, 0, 6, 5, 4));
    expect([...await dataset.plantedSensitivity('subj01', 'z', voxels) ?? []]).toEqual([1, VOXELS - 1]);
    expect(await dataset.plantedSensitivity('subj01', 'c', voxels)).toBeNull();
  });
});
