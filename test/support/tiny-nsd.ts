/**
 * A tiny NSD folder with known values, written with the project's own writers: 7 x 6 x 5 voxels, 3 sessions of 12 trials, 14 pictures
 * (4 shared), one subject (or more), every kind of file that the reader knows. All values are functions of `seed`.
 */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { f32, ndarray } from '../../common/ndarray.ts';
import type { NdArray } from '../../common/ndarray.ts';
import { permutation, random } from '../../common/random.ts';
import { writeCaptions } from '../../main/formats/coco.ts';
import { writeColorTable } from '../../main/formats/color-table.ts';
import { writeCsv } from '../../main/formats/csv.ts';
import { writeCurv } from '../../main/formats/freesurfer-curv.ts';
import { writePatch } from '../../main/formats/freesurfer-patch.ts';
import { writeSurface } from '../../main/formats/freesurfer-surface.ts';
import { writeHdf5 } from '../../main/formats/hdf5.ts';
import { writeMat5 } from '../../main/formats/mat5.ts';
import { writeMgh } from '../../main/formats/mgh.ts';
import { writeNifti } from '../../main/formats/nifti.ts';
import { writePng } from '../../main/formats/png.ts';
import { writeTsv } from '../../main/formats/tsv.ts';

export const GRID = [7, 6, 5] as const;
export const VOXELS = 7 * 6 * 5;
export const SESSIONS = 3;
export const TRIALS = 12;
export const PICTURES = 14;
export const SHARED = [2, 5, 7, 11];
export const PICTURE_SHAPE = [6, 8, 3] as const;
export const BETA = 'betas_fithrf_GLMdenoise_RR';
/** 1.8 mm voxels, origin as NSD's writer has it: the centre of the slab. */
export const AFFINE = Float64Array.of(1.8, 0, 0, -5.4, 0, 1.8, 0, -4.5, 0, 0, 1.8, -3.6, 0, 0, 0, 1);

export interface TinyNsd {
  readonly root: string;
  /** Raw int16 of each session, `[voxels, trials]`, voxel index i fastest. */
  readonly betas: readonly Int16Array[];
  /** 0-based nsdId of each of the 36 trials of subj01. */
  readonly shown: Int32Array;
  /** Labels of each voxel. */
  readonly kastner: Float64Array;
  readonly prf: Float64Array;
  readonly ncsnr: Float32Array;
  /** `[pictures, 6, 8, 3]` */
  readonly pictures: Uint8Array;
  /** Octahedron vertices `[6, 3]`. */
  readonly points: Float32Array;
}

/** Writes a file below a root, making its folders. */
export async function put(root: string, file: string, bytes: Uint8Array): Promise<void> {
  const path = join(root, file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}

/** A volume `[z, y, x]` on the grid as a gzipped NIfTI. */
export const volume = (data: NdArray, shape: readonly number[] = GRID): Uint8Array => writeNifti({ shape, affine: AFFINE, data }, { compress: true });
export const onGrid = (data: Float64Array): NdArray<'float64'> => ndarray('float64', [5, 6, 7], data);

/** `[trials, z, y, x]` in C order from `[voxels, trials]`. */
export function asBrick(raw: Int16Array, trials = TRIALS): NdArray<'int16'> {
  const out = new Int16Array(raw.length);
  for (let v = 0; v < VOXELS; v++) for (let t = 0; t < trials; t++) out[t * VOXELS + v] = raw[v * trials + t] ?? 0;
  return ndarray('int16', [trials, 5, 6, 7], out);
}

export interface TinyOptions {
  readonly seed?: number;
  readonly betas?: 'hdf5' | 'hdf5-contiguous' | 'hdf5-compressed' | 'hdf5-latest' | 'mat' | 'nifti';
}

export async function tinyNsd({ seed = 5, betas: container = 'hdf5' }: TinyOptions = {}): Promise<TinyNsd> {
  const root = await mkdtemp(join(tmpdir(), 'tiny-nsd-'));
  const source = random(seed);
  const write = (file: string, bytes: Uint8Array): Promise<void> => put(root, file, bytes);

  // Design: 12 positions of 3 presentations each; positions 1..4 are shared. Subject 2 has the same order and other pictures.
  const order = permutation(36, source.fork('order'));
  const masterordering = Float64Array.from(order, (n) => 1 + Math.floor(n / 3));
  const own = [0, 1, 3, 4, 6, 8, 9, 10];
  const other = [12, 13, 3, 4, 6, 8, 9, 10];
  const subjectim = Float64Array.from([...SHARED, ...own, ...SHARED, ...other], (id) => id + 1);
  const shown = Int32Array.from(masterordering, (position) => (subjectim[position - 1] ?? 0) - 1);
  await write('nsddata/experiments/nsd/nsd_expdesign.mat', writeMat5(new Map<string, NdArray>([
    ['masterordering', ndarray('float64', [1, 36], masterordering)], ['subjectim', ndarray('float64', [2, 12], subjectim)],
    ['sharedix', ndarray('float64', [1, 4], Float64Array.from(SHARED, (id) => id + 1))],
    ['stimpattern', ndarray('float64', [3, 2, 7], Float64Array.from({ length: 42 }, (_, i) => (i % 7 === 3 ? 0 : 1)))],
  ]), { compress: true, compact: true }));
  await write('nsddata/experiments/nsd/nsd_stim_info_merged.csv', stimInfo(shown));
  await write('nsddata/ppdata/subj01/behav/responses.tsv', writeTsv(['SUBJECT', 'SESSION', 'RUN', 'TRIAL', '73KID', '10KID'], Array.from(shown, (id, t) => [
    '1', `${1 + Math.floor(t / TRIALS)}`, '1', `${1 + (t % TRIALS)}`, `${id + 1}`, `${masterordering[t] ?? 0}`])));

  // Betas, with one voxel that has no data in session 2.
  const betas = Array.from({ length: SESSIONS }, (_, s) => Int16Array.from({ length: VOXELS * TRIALS }, () => Math.round(600 * source.fork(s).fork('x').normal() + 500 * source.normal())));
  betas[1]?.fill(0, 50 * TRIALS, 51 * TRIALS);
  for (const [s, raw] of betas.entries()) await writeSession(root, s + 1, raw, container);
  const ncsnr = Float32Array.from({ length: VOXELS }, () => source.between(0, 0.6));
  await write(`nsddata_betas/ppdata/subj01/func1pt8mm/${BETA}/ncsnr.nii.gz`, volume(f32([5, 6, 7], ncsnr)));
  await write('nsddata/ppdata/subj01/func1pt8mm/brainmask.nii.gz', volume(ndarray('int16', [5, 6, 7], new Int16Array(VOXELS).fill(1))));

  // Regions: all 25 Kastner labels, a prf overlay, one user volume.
  const kastner = Float64Array.from({ length: VOXELS }, (_, v) => (v % 30) - 2).map((label) => (label > 25 ? 0 : Math.max(-1, label)));
  const prf = Float64Array.from({ length: VOXELS }, (_, v) => (v % 11 === 0 ? 1 + (v % 7) : v % 2 === 0 ? 0 : -1));
  const roi = 'nsddata/ppdata/subj01/func1pt8mm/roi';
  await write(`${roi}/Kastner2015.nii.gz`, volume(onGrid(kastner)));
  await write(`${roi}/prf-visualrois.nii.gz`, volume(onGrid(prf)));
  await write(`${roi}/nsdgeneral.nii.gz`, volume(onGrid(kastner.map((label) => (label > 0 ? 1 : -1)))));
  for (const [hemisphere, first] of [['lh', true], ['rh', false]] as const) {
    await write(`${roi}/${hemisphere}.floc-places.nii.gz`, volume(onGrid(Float64Array.from({ length: VOXELS }, (_, v) => ((v % 7 < 3) !== first ? -1 : v % 4)))));
  }
  await write(`${roi}/mine.nii.gz`, volume(ndarray('uint8', [5, 6, 7], Uint8Array.from({ length: VOXELS }, (_, v) => (v < 20 ? 1 : 0)))));
  await write('nsddata/freesurfer/subj01/label/floc-places.mgz.ctab', writeColorTable([{ index: 0, name: 'Unknown' }, { index: 1, name: 'OPA' }, { index: 2, name: 'PPA-own' }, { index: 3, name: 'RSC' }]));

  const pictures = Uint8Array.from({ length: PICTURES * 144 }, () => source.integer(256));
  await mkdir(join(root, 'nsddata_stimuli/stimuli/nsd'), { recursive: true });
  await writeHdf5(join(root, 'nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5'), [{ name: 'imgBrick', data: ndarray('uint8', [PICTURES, ...PICTURE_SHAPE], pictures) }]);
  for (const [n, id] of SHARED.entries()) {
    await write(`nsddata/stimuli/nsd/shared1000/shared${String(n + 1).padStart(4, '0')}_nsd${String(id + 1).padStart(5, '0')}.png`, writePng(ndarray('uint8', PICTURE_SHAPE, pictures.slice(id * 144, (id + 1) * 144))));
  }
  for (const split of [0, 1]) {
    const ids = Array.from({ length: PICTURES }, (_, id) => id).filter((id) => id % 2 === split);
    await write(`nsddata_stimuli/stimuli/nsd/annotations/captions_${split === 0 ? 'train2017' : 'val2017'}.json`, writeCaptions({
      images: ids.map((id) => ({ id: 900 + id, width: 10, height: 10, fileName: `${id}.jpg` })),
      captions: ids.flatMap((id) => [0, 1, 2, 3, 4, 5].map((n) => ({ id: 10 * id + n, imageId: 900 + id, caption: `picture ${id}, line ${n}` }))),
    }));
  }
  const points = await writeAnatomy(root);
  return { root, betas, shown, kastner, prf, ncsnr, pictures, points };
}

function stimInfo(shown: Int32Array): Uint8Array {
  const header = ['', 'cocoId', 'cocoSplit', 'cropBox', 'nsdId', 'shared1000', 'subject1', 'subject1_rep0', 'subject1_rep1', 'subject1_rep2'];
  return writeCsv(header, Array.from({ length: PICTURES }, (_, id) => {
    const trials = [...shown.keys()].filter((t) => shown[t] === id).map((t) => t + 1);
    return [`${id}`, `${900 + id}`, id % 2 === 0 ? 'train2017' : 'val2017', '(0, 0, 0.1, 0.1)', `${id}`, SHARED.includes(id) ? 'True' : 'False', trials.length > 0 ? '1' : '0', ...[0, 1, 2].map((n) => `${trials[n] ?? 0}`)];
  }));
}

/** One session in any of the containers. */
export async function writeSession(root: string, session: number, raw: Int16Array, container: NonNullable<TinyOptions['betas']>, beta = BETA): Promise<void> {
  const name = `nsddata_betas/ppdata/subj01/func1pt8mm/${beta}/betas_session${String(session).padStart(2, '0')}`;
  const brick = asBrick(raw);
  if (container === 'nifti') {
    await put(root, `${name}.nii.gz`, writeNifti({ shape: [...GRID, TRIALS], affine: AFFINE, data: brick, fourthStep: 4 / 3 }, { compress: true }));
    return;
  }
  await mkdir(dirname(join(root, name)), { recursive: true });
  const chunks = container === 'hdf5-contiguous' ? {} : { chunks: [TRIALS, 1, 1, 1] };
  await writeHdf5(join(root, `${name}.${container === 'mat' ? 'mat' : 'hdf5'}`), [{ name: 'betas', data: brick, ...chunks, ...(container === 'hdf5-compressed' ? { compression: 4 } : {}) }], { layout: container === 'hdf5-latest' ? 'latest' : 'earliest' });
}

/** An octahedron per hemisphere: white wound inwards on purpose, the others outwards; a patch of five vertices. */
async function writeAnatomy(root: string): Promise<Float32Array> {
  const points = Float32Array.of(10, 0, 0, -10, 0, 0, 0, 10, 0, 0, -10, 0, 0, 0, 10, 0, 0, -10);
  const outward = Int32Array.of(0, 2, 4, 2, 1, 4, 1, 3, 4, 3, 0, 4, 2, 0, 5, 1, 2, 5, 3, 1, 5, 0, 3, 5);
  const inward = Int32Array.from(outward, (_, i) => outward[i % 3 === 0 ? i : i % 3 === 1 ? i + 1 : i - 1] ?? 0);
  const surf = 'nsddata/freesurfer/subj01/surf';
  for (const hemisphere of ['lh', 'rh']) {
    for (const name of ['white', 'pial', 'inflated', 'sphere']) {
      await put(root, `${surf}/${hemisphere}.${name}`, writeSurface({ created: 'created by a test', coordinates: f32([6, 3], points), faces: ndarray('int32', [8, 3], name === 'white' ? inward : outward) }));
    }
    await put(root, `${surf}/${hemisphere}.curv`, writeCurv({ values: f32([6], [-1, 1, 0.5, -0.5, 0, 2]), faces: 8 }));
    await put(root, `${surf}/${hemisphere}.full.flat.patch.3d`, writePatch({
      vertices: ndarray('int32', [5], Int32Array.of(0, 1, 2, 3, 4)), border: ndarray('bool', [5], Uint8Array.of(1, 1, 1, 1, 0)),
      coordinates: f32([5, 3], [1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1, 0, 0.25, 0.25, 0]),
    }));
    const label = `nsddata/freesurfer/subj01/label/${hemisphere}`;
    await put(root, `${label}.Kastner2015.mgz`, writeMgh({ data: f32([6], [1, 8, 12, 25, 0, 17]) }, { compress: true }));
    await put(root, `${label}.prf-visualrois.mgz`, writeMgh({ data: f32([6], [0, 7, 0, 0, 0, 0]) }, { compress: true }));
    for (const [d, depth] of ['layerB1', 'layerB2', 'layerB3'].entries()) {
      // x, y, z of six vertices: voxel (1,1,1), halfway, last voxel, outside, none, depth-dependent.
      const coordinates = [1, 2.5, 7, d === 1 ? 9999 : 7.6, 9999, 2 + d, 1, 2, 6, 3, 9999, 3, 1, 2, 5, 2, 9999, 4];
      await put(root, `nsddata/ppdata/subj01/transforms/${hemisphere}.func1pt8-to-${depth}.mgz`, writeMgh({ data: f32([3, 6], coordinates) }, { compress: true }));
    }
  }
  return points;
}
