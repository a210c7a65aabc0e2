import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Problem } from '../../../common/dataset.ts';
import { f32, ndarray } from '../../../common/ndarray.ts';
import { random } from '../../../common/random.ts';
import { memorySource } from '../../../main/formats/byte-source.ts';
import { readCsv, writeCsv } from '../../../main/formats/csv.ts';
import { folderAt } from '../../../main/formats/folder.ts';
import { writeMgh } from '../../../main/formats/mgh.ts';
import { censusOfCaptions } from '../../../main/nsd/caption-census.ts';
import { openNsd } from '../../../main/nsd/dataset.ts';
import { designOf } from '../../../main/nsd/design.ts';
import type { Design } from '../../../main/nsd/design.ts';
import { TRANSFORM_CHECKS } from '../../../main/nsd/inspect-transforms.ts';
import { designDisagreements } from '../../../main/nsd/self-checks.ts';
import { fullSizeDesign } from '../../../main/nsd/stand-in-design.ts';
import { BETA, onGrid, put, tinyNsd, volume, VOXELS, writeSession } from '../../support/tiny-nsd.ts';
import { formatErrorOf } from '../formats/golden.ts';

const SEED = 4;
const roots: string[] = [];
afterAll(async () => { for (const root of roots) await rm(root, { recursive: true, force: true }); });

describe('statements about the release, of a design of its size', () => {
  const { masterordering, subjectim, sharedix } = fullSizeDesign(SEED);
  const make = (order: Float64Array, shared = sharedix): Design => designOf({ file: 'd', masterordering: order, sharedix: shared, subjectim: { subjects: 8, list: 10_000, data: subjectim }, sessionTrials: [] });
  const found = designDisagreements(make(masterordering)).map((each) => each.found);

  it('are computed as a slow count computes them', () => {
    const times = (trials: number): number[] => {
      const counts = new Array<number>(10_001).fill(0);
      masterordering.subarray(0, trials).forEach((position) => { counts[position] = (counts[position] ?? 0) + 1; });
      return counts;
    };
    const five = times(3750).filter((count) => count > 0).length;
    const [thirty, more] = [times(22_500), times(24_000)];
    const ids = [...sharedix];
    expect(found, `seed ${SEED}`).toEqual([
      `1000 shared pictures, ascending, from ${ids[0] ?? 0} to ${ids.at(-1) ?? 0}`,
      `${five} pictures in the first 5 sessions`,
      `${thirty.filter((n) => n >= 2).length} pictures at least twice and ${thirty.filter((n) => n === 3).length} three times in 30 sessions`,
      `${more.filter((n) => n >= 2).length} pictures at least twice and ${more.filter((n) => n === 3).length} three times in 32 sessions`,
      // Every subject sees the same order, so those of the fewest sessions decide.
      `${thirty.slice(1, 1001).filter((n) => n === 3).length} shared pictures seen three times by all subjects`,
    ]);
  });

  it('notice a trial of another picture and a list that lost its order', () => {
    const odd = masterordering.slice();
    odd[7] = odd[7] === 1 ? 2 : 1;
    expect(designDisagreements(make(odd)).map((each) => each.found)).toContainEqual('30000 trials of 10000 pictures, 2 of them not 3 times');
    expect(designDisagreements(make(masterordering, sharedix.toReversed())).map((each) => each.found)[0]).toMatch(/not ascending/);
    const foreign = sharedix.slice();
    foreign[0] = 73_000.5 + 0.5;
    expect(designDisagreements(make(masterordering, foreign)).map((each) => each.found)).toContainEqual(expect.stringMatching(/^not all in the list of subject 1, 2/));
  });
});

describe('a census of captions', () => {
  const file = (pictures: number, perPicture: number, annotationsFirst: boolean): Uint8Array => {
    const source = random(SEED);
    const images = Array.from({ length: pictures }, (_, id) => `{"license": 5, "file_name": "${String(id).padStart(12, '0')}.jpg", "id": ${id}, "coco_url": "${'u'.repeat(20 + source.integer(30))}"}`);
    const captions = Array.from({ length: pictures * perPicture }, (_, n) => `{"image_id": ${n % pictures}, "id": ${n}, "caption": "${'word '.repeat(6 + source.integer(10))}"}`);
    const [one, two] = [`"images": [${images.join(', ')}]`, `"annotations": [${captions.join(', ')}]`];
    return new Uint8Array(Buffer.from(`{"info": {"year": 2017}, ${annotationsFirst ? `${two}, ${one}` : `${one}, "licenses": [], ${two}`}}\n`));
  };

  it.each([[100, 5, false], [20_000, 5, false], [20_000, 3, false], [20_000, 5, true]] as const)('of %i pictures with %i captions each (captions first: %s)', async (pictures, per, first) => {
    const census = await censusOfCaptions(memorySource(file(pictures, per, first)), 'c.json');
    expect(census.sampled).toBe(pictures > 1000);
    // Windows see some hundred entries of each kind; their lengths vary by a fifth, so the mean is good to a few percent.
    expect(Math.abs(census.captions / (pictures * per) - 1), `seed ${SEED}`).toBeLessThan(census.sampled ? 0.05 : 1e-12);
    expect(Math.abs(census.images / pictures - 1), `seed ${SEED}`).toBeLessThan(census.sampled ? 0.05 : 1e-12);
  });

  it('refuses a file that was cut off', async () => {
    const cut = file(100, 5, false).subarray(0, 9000);
    const error = await censusOfCaptions(memorySource(cut), 'c.json').catch((thrown: unknown) => thrown);
    expect(formatErrorOf(() => { throw error; }).detail).toMatchObject({ file: 'c.json', expected: /ends in \}/ });
  });
});

const TABLE = 'nsddata/experiments/nsd/nsd_stim_info_merged.csv';
async function changeTable(root: string, change: (rows: string[][], header: readonly string[]) => void): Promise<void> {
  const table = readCsv(new Uint8Array(await readFile(join(root, TABLE))), TABLE);
  const rows = table.rows.map((row) => [...row]);
  change(rows, table.header);
  await put(root, TABLE, writeCsv(table.header, rows));
}
const transforms = 'nsddata/ppdata/subj01/transforms';

const CASES: readonly { readonly name: string; readonly damage: (root: string, betas: readonly Int16Array[]) => Promise<void>; readonly file: string; readonly severity: Problem['severity']; readonly expected: RegExp; readonly found: RegExp }[] = [
  {
    name: 'a picture table whose rows are not numbered', file: TABLE, severity: 'problem', expected: /nsdId 3 in row 4/, found: /nsdId 13/,
    damage: (root) => changeTable(root, (rows, header) => { const row = rows[3]; if (row !== undefined) row[header.indexOf('nsdId')] = '13'; }),
  },
  {
    name: 'a picture table with other shared pictures', file: TABLE, severity: 'problem', expected: /picture 0 not shared/, found: /True/,
    damage: (root) => changeTable(root, (rows, header) => { const row = rows[0]; if (row !== undefined) row[header.indexOf('shared1000')] = 'True'; }),
  },
  {
    name: 'a picture table with other trials', file: TABLE, severity: 'problem', expected: /in trial 1 of subject 1/, found: /column subject1_rep0/,
    damage: (root) => changeTable(root, (rows, header) => { const at = header.indexOf('subject1_rep0'); const row = rows.find((cells) => cells[at] !== '1'); if (row !== undefined) row[at] = '1'; }),
  },
  {
    name: 'a picture table that is damaged', file: TABLE, severity: 'note', expected: /a number/, found: /"x"/,
    damage: (root) => changeTable(root, (rows, header) => { const row = rows[2]; if (row !== undefined) row[header.indexOf('nsdId')] = 'x'; }),
  },
  {
    name: 'a transform whose coordinates leave the grid', file: `${transforms}/lh.func1pt8-to-layerB2.mgz`, severity: 'note', expected: /from 1 to 6 on axis 2/, found: /9\.5 at vertex 4/,
    damage: (root) => put(root, `${transforms}/lh.func1pt8-to-layerB2.mgz`, writeMgh({ data: f32([3, 6], [1, 1, 1, 1, 1, 9999, 1, 1, 1, 1, 9.5, 9999, 1, 1, 1, 1, 1, 9999]) }, { compress: true })),
  },
  {
    name: 'a way to fsaverage that names vertices which do not exist', file: `${transforms}/rh.white-to-fsaverage.mgz`, severity: 'note', expected: /from 1 to 6/, found: /0 at fsaverage vertex 2/,
    damage: (root) => put(root, `${transforms}/rh.white-to-fsaverage.mgz`, writeMgh({ data: f32([4], [6, 1, 0, 3]) }, { compress: true })),
  },
  {
    name: 'a NIfTI session that differs from the HDF5 one', file: `nsddata_betas/ppdata/subj01/func1pt8mm/${BETA}/betas_session02.nii.gz`, severity: 'problem', expected: /of the first trial, as .*betas_session02\.hdf5/, found: /^-?\d+$/,
    damage: (root, betas) => writeSession(root, 2, betas[0] ?? new Int16Array(), 'nifti'),
  },
  {
    name: 'captions that were cut off', file: 'nsddata_stimuli/stimuli/nsd/annotations/captions_val2017.json', severity: 'note', expected: /ends in \}/, found: /bytes/,
    damage: async (root) => { const place = join(root, 'nsddata_stimuli/stimuli/nsd/annotations/captions_val2017.json'); await put(root, 'nsddata_stimuli/stimuli/nsd/annotations/captions_val2017.json', new Uint8Array(await readFile(place)).subarray(0, 700)); },
  },
];

describe('self-checks of a folder', () => {
  it('find nothing in a whole one', async () => {
    const tiny = await tinyNsd();
    roots.push(tiny.root);
    expect((await (await openNsd(tiny.root)).inspect()).problems).toEqual([]);
  });

  for (const { name, damage, file, severity, expected, found } of CASES) {
    it(`name ${name}`, async () => {
      const tiny = await tinyNsd();
      roots.push(tiny.root);
      await damage(tiny.root, tiny.betas);
      const { problems } = await (await openNsd(tiny.root)).inspect();
      expect(problems.filter((problem) => problem.file === file)).toEqual([expect.objectContaining({ severity, expected: expect.stringMatching(expected) as string, found: expect.stringMatching(found) as string })]);
    });
  }

  it('count the captions of whole files only, so that a table that needs captions is refused before it starts', async () => {
    const tiny = await tinyNsd(), folder = 'nsddata_stimuli/stimuli/nsd/annotations', captions = async () => (await (await openNsd(tiny.root)).inspect()).captions;
    roots.push(tiny.root);
    const whole = await captions();
    for (const [split, left] of [['val', 1], ['train', 0]] as const) {
      const bytes = new Uint8Array(await readFile(join(tiny.root, folder, `captions_${split}2017.json`)));
      await put(tiny.root, `${folder}/captions_${split}2017.json`, bytes.subarray(0, bytes.length - 40));
      const found = await captions();
      if (left === 0) expect(found).toBeNull();
      else { expect(found?.images).toBeGreaterThan(0); expect(found?.images).toBeLessThan(whole?.images ?? 0); }
    }
  });

  it('compare a folder of as many pictures as the release with the release', async () => {
    const tiny = await tinyNsd();
    roots.push(tiny.root);
    await changeTable(tiny.root, (rows, header) => {
      while (rows.length < 73_000) rows.push(header.map((name) => (name === '' || name === 'nsdId' || name === 'cocoId' ? `${rows.length}` : name === 'cocoSplit' ? 'val2017' : name === 'shared1000' ? 'False' : '0')));
    });
    await put(tiny.root, 'nsddata/ppdata/subj01/func1pt8mm/roi/thalamus.nii.gz', volume(onGrid(Float64Array.from({ length: VOXELS }, (_, v) => (v % 8) - 1))));
    const { problems } = await (await openNsd(tiny.root)).inspect();
    const notes = problems.map(({ severity, file, expected, found }) => `${severity} ${file.split('/').at(-1) ?? ''}: ${expected}, but ${found}`);
    for (const wanted of [
      /^note thalamus\.nii\.gz: labels from 0 to 5.*, but -1 to 6$/, /^note betas_session01\.hdf5: \d+ to \d+ bytes.*, but \d+$/, /^note betas_session01\.hdf5: 81 x 104 x 83 voxels.*, but 7 x 6 x 5$/,
      /^note nsdgeneral\.nii\.gz: 15724 voxels/, /^note lh\.white: 227021 vertices.*, but 6$/, /^note nsd_expdesign\.mat: 30000 trials of 10000 pictures.*, but 36 trials of 12 pictures, each 3 times$/,
    ]) expect(notes).toContainEqual(expect.stringMatching(wanted));
    expect(problems.filter(({ severity }) => severity === 'problem')).toEqual([]);
  });

  it('compute anat0pt8-to-white again from the white surface', async () => {
    const tiny = await tinyNsd();
    roots.push(tiny.root);
    const file = `${transforms}/lh.anat0pt8-to-white.mgz`;
    // (tkr + 0.4 + 127.6) / 0.8 + 1, component by component.
    const right = Float32Array.from({ length: 18 }, (_, i) => ((tiny.points[3 * (i % 6) + Math.floor(i / 6)] ?? NaN) + 128) / 0.8 + 1);
    const check = TRANSFORM_CHECKS.find((entry) => entry.file('subj01', 'lh', 'func1pt8mm') === file)?.check;
    const run = async (values: Float32Array): Promise<unknown> => {
      await put(tiny.root, file, writeMgh({ data: f32([3, 6], values) }, { compress: true }));
      return check?.(folderAt(tiny.root), 'subj01', 'lh', { space: 'func1pt8mm', grid: [7, 6, 5], vertices: 6, isRelease: true });
    };
    expect(await run(right)).toBe(file);
    right[7] = (right[7] ?? 0) + 0.01;
    await expect(run(right)).rejects.toThrow(/on axis 2 of vertex 1, as the white surface says/);
  });

  it('are content with a NIfTI that holds the same session, and with vertices that exist', async () => {
    const tiny = await tinyNsd();
    roots.push(tiny.root);
    await writeSession(tiny.root, 1, tiny.betas[0] ?? new Int16Array(), 'nifti');
    await put(tiny.root, `${transforms}/lh.white-to-fsaverage.mgz`, writeMgh({ data: ndarray('float32', [3], Float32Array.of(1, 6, 2)) }, { compress: true }));
    expect((await (await openNsd(tiny.root)).inspect()).problems).toEqual([]);
  });
});
