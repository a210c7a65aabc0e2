/**
 * A stand-in for the real release: its names, shapes and storage, made of sparse files and noise, for measuring speed and memory.
 * It contains nothing of the release and says so in its own files. Only voxels of its regions have data.
 */
import { mkdir, open, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { throwIfAborted } from '../../common/errors.ts';
import { ndarray } from '../../common/ndarray.ts';
import type { NdArray } from '../../common/ndarray.ts';
import { random } from '../../common/random.ts';
import { writeCsv } from '../formats/csv.ts';
import { writeMat5 } from '../formats/mat5.ts';
import { writeMgh } from '../formats/mgh.ts';
import { writeNifti } from '../formats/nifti.ts';
import { writeTsv } from '../formats/tsv.ts';
import { betaFolder, BETAS, captionFile, CAPTION_FOLDERS, COLLECTIONS, DEPTHS, DESIGN_FILE, functionalFolder, HEMISPHERES, layerTransform, ncsnrFile, responsesFile, roiFolder, STIM_INFO_FILE, STIMULI_DATASET, STIMULI_FILE, surfaceFile, SYNTHETIC_FILE } from './layout.ts';
import type { Grid } from './regions.ts';
import { RELEASE_IMAGES, RELEASE_LABELS, RELEASE_SUBJECTS, RELEASE_TRIALS_PER_SESSION } from './release.ts';
import type { ReleaseSubject } from './release.ts';
import { planChunks, writeChunked, writeContiguous } from './sparse-hdf5.ts';
import { fullSizeDesign } from './stand-in-design.ts';
import type { FullSizeDesign } from './stand-in-design.ts';

export interface StandInOptions {
  /** Ids among subj01 to subj08. */
  readonly subjects: readonly string[];
  /** At most this many sessions per subject. */
  readonly sessions?: number;
  /** Sessions from the first that have a chunk tree and data; the others are holes of the right length. */
  readonly filledSessions?: number;
  readonly captions?: boolean;
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly progress?: (what: string) => void;
}

const SPACE = 'func1pt8mm';
const BETA = BETAS[0] ?? '';
const STIMULUS = [425, 425, 3] as const;
const VOXEL_MM = 1.8;
const LIST = 10_000;
const SHARED = 1000;
/** Wave number and half thickness of the folded sheet in which "cortex" lies, so that rows of voxels are as broken up as real ones. */
const SHEET = { wave: 0.6, half: 0.35 } as const;

/** Writes the stand-in below `root`. */
export async function writeStandIn(root: string, options: StandInOptions): Promise<void> {
  const { subjects, seed = 1, captions = true, progress } = options;
  const design = fullSizeDesign(seed);
  const put = async (file: string, bytes: Uint8Array | string): Promise<void> => {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), bytes);
  };
  await put(SYNTHETIC_FILE, 'SYNTHETIC DATA\n\nOptogram full-size stand-in. Holes and noise in the storage of the Natural Scenes Dataset, for measuring only; it contains none of it.\n');
  progress?.('design');
  await put(DESIGN_FILE, designFile(design));
  await put(STIM_INFO_FILE, pictureTable(design));
  progress?.('pictures');
  await mkdir(dirname(join(root, STIMULI_FILE)), { recursive: true });
  await (await writeContiguous(join(root, STIMULI_FILE), STIMULI_DATASET, [RELEASE_IMAGES, ...STIMULUS])).handle.close();
  if (captions) for (const [split, parity] of [['train2017', 0], ['val2017', 1]] as const) await put(`${CAPTION_FOLDERS[0] ?? ''}/${captionFile(split)}`, captionText(parity));
  for (const id of subjects) {
    const facts = RELEASE_SUBJECTS[id];
    if (facts === undefined) throw new RangeError(`${id} is not a subject of the release`);
    await writeSubject(root, id, facts, design, options, put);
  }
}

function designFile({ masterordering, subjectim, sharedix }: FullSizeDesign): Uint8Array {
  // Odd runs have 63 stimulus trials and even runs 62, in 75 slots.
  const pattern = Float64Array.from({ length: 40 * 12 * 75 }, (_, i) => (i % 75 < (Math.floor(i / 75) % 2 === 0 ? 63 : 62) ? 1 : 0));
  return writeMat5(new Map<string, NdArray>([
    ['masterordering', ndarray('float64', [1, masterordering.length], masterordering)], ['subjectim', ndarray('float64', [8, LIST], subjectim)],
    ['sharedix', ndarray('float64', [1, SHARED], sharedix)], ['stimpattern', ndarray('float64', [40, 12, 75], pattern)],
  ]), { compress: true, compact: true });
}

const SUBJECT_NUMBERS = [1, 2, 3, 4, 5, 6, 7, 8];
/** Made-up COCO id of a picture. */
const cocoId = (nsdId: number): number => 100_000 + nsdId;

/** 73000 rows of the 41 columns. */
function pictureTable({ masterordering, subjectim, sharedix }: FullSizeDesign): Uint8Array {
  const trials = new Map<number, number[]>();
  masterordering.forEach((position, t) => trials.set(position, [...trials.get(position) ?? [], t + 1]));
  const positions = SUBJECT_NUMBERS.map((u) => new Map(Array.from(subjectim.subarray((u - 1) * LIST, u * LIST), (id, i) => [id - 1, i + 1] as const)));
  const shared = new Set(Array.from(sharedix, (id) => id - 1));
  const truth = (value: boolean): string => (value ? 'True' : 'False');
  const header = ['', 'cocoId', 'cocoSplit', 'cropBox', 'loss', 'nsdId', 'flagged', 'BOLD5000', 'shared1000', ...SUBJECT_NUMBERS.map((u) => `subject${u}`), ...SUBJECT_NUMBERS.flatMap((u) => [0, 1, 2].map((n) => `subject${u}_rep${n}`))];
  const rows = Array.from({ length: RELEASE_IMAGES }, (_, id) => {
    const repeats = positions.map((map) => trials.get(map.get(id) ?? 0) ?? []);
    return [`${id}`, `${cocoId(id)}`, id % 2 === 0 ? 'train2017' : 'val2017', '(0, 0, 0.125, 0.125)', '0.1', `${id}`, 'False', 'False', truth(shared.has(id)), ...repeats.map((list) => (list.length > 0 ? '1' : '0')), ...repeats.flatMap((list) => [0, 1, 2].map((n) => `${list[n] ?? 0}`))];
  });
  return writeCsv(header, rows);
}

function captionText(parity: number): string {
  const ids = Array.from({ length: RELEASE_IMAGES }, (_, id) => id).filter((id) => id % 2 === parity);
  const images = ids.map((id) => `{"id": ${cocoId(id)}, "width": 640, "height": 480, "file_name": "${id}.jpg", "license": 1}`);
  const lines = ids.flatMap((id) => [0, 1, 2, 3, 4].map((n) => `{"image_id": ${cocoId(id)}, "id": ${5 * id + n}, "caption": "Stand-in line ${n} for picture ${id}, about as long as a real one."}`));
  return `{"info": {}, "licenses": [], "images": [${images.join(', ')}], "annotations": [${lines.join(', ')}]}`;
}

/** Voxels of a folded sheet, nearest to the back of the brain first. */
function sheetVoxels([X, Y, Z]: Grid, count: number): Int32Array {
  const found: { readonly voxel: number; readonly distance: number }[] = [];
  const { wave, half } = SHEET;
  for (let z = 0; z < Z; z++) for (let y = 0; y < Y; y++) for (let x = 0; x < X; x++) {
    const height = Math.sin(wave * x) * Math.cos(wave * y) + Math.sin(wave * y) * Math.cos(wave * z) + Math.sin(wave * z) * Math.cos(wave * x);
    if (Math.abs(height) < half) found.push({ voxel: x + X * (y + Y * z), distance: Math.hypot(x - X / 2, y - 8, z - Z / 2) });
  }
  return Int32Array.from(found.sort((a, b) => a.distance - b.distance).slice(0, count), (entry) => entry.voxel).sort();
}

type Put = (file: string, bytes: Uint8Array) => Promise<void>;

async function writeSubject(root: string, id: string, facts: ReleaseSubject, design: FullSizeDesign, { sessions = facts.sessions, filledSessions = facts.sessions, seed = 1, signal, progress }: StandInOptions, put: Put): Promise<void> {
  const grid = facts.grid[SPACE];
  const [X, Y, Z] = grid;
  const affine = Float64Array.of(VOXEL_MM, 0, 0, -VOXEL_MM * (X - 1) / 2, 0, VOXEL_MM, 0, -VOXEL_MM * (Y - 1) / 2, 0, 0, VOXEL_MM, -VOXEL_MM * (Z - 1) / 2, 0, 0, 0, 1);
  const volume = (data: NdArray): Uint8Array => writeNifti({ shape: grid, affine, data }, { compress: true });
  const shape = [Z, Y, X];
  const voxels = sheetVoxels(grid, facts.nsdgeneral);
  progress?.(`${id}: volumes`);
  await put(`${functionalFolder(id, SPACE)}/brainmask.nii.gz`, volume(ndarray('int16', shape, new Int16Array(X * Y * Z).fill(1))));
  await put(ncsnrFile(id, SPACE, BETA), volume(ndarray('float32', shape, Float32Array.from({ length: X * Y * Z }, (_, v) => (v % 60) / 100))));
  for (const collection of COLLECTIONS) await writeCollection(id, collection, voxels, grid, volume, put);
  await writeBehaviour(id, design, Math.min(sessions, facts.sessions), put);
  await writeAnatomy(root, id, facts, put);

  const plan = planChunks([RELEASE_TRIALS_PER_SESSION, Z, Y, X]);
  const source = random(seed).fork(id);
  const noise = Int16Array.from({ length: 1 << 20 }, () => Math.round(450 * source.normal()));
  for (let session = 1; session <= Math.min(sessions, facts.sessions); session++) {
    throwIfAborted(signal);
    progress?.(`${id}: session ${session}`);
    const path = join(root, betaFolder(id, SPACE, BETA), `betas_session${String(session).padStart(2, '0')}.hdf5`);
    await mkdir(dirname(path), { recursive: true });
    const { handle, addressOf } = await writeChunked(path, 'betas', plan, { index: session <= filledSessions });
    if (session <= filledSessions) {
      for (const voxel of voxels) {
        const from = source.integer(noise.length - RELEASE_TRIALS_PER_SESSION);
        await handle.write(noise, from * 2, 2 * RELEASE_TRIALS_PER_SESSION, addressOf(voxel));
      }
    }
    await handle.close();
  }
}

/** Labels by place in the list of voxels, as many as the release has. */
async function writeCollection(id: string, collection: string, voxels: Int32Array, grid: Grid, volume: (data: NdArray) => Uint8Array, put: Put): Promise<void> {
  const [X, Y, Z] = grid;
  const count = RELEASE_LABELS[collection]?.labels ?? 1;
  const outside = RELEASE_LABELS[collection]?.least ?? -1;
  const both = new Float64Array(X * Y * Z).fill(outside);
  voxels.forEach((voxel, n) => { both[voxel] = 1 + (Math.floor(n / 40) % count); });
  for (const side of ['', 'lh.', 'rh.']) {
    const data = both.map((label, voxel) => (side === '' || (voxel % X < X / 2) === (side === 'lh.') ? label : outside));
    await put(`${roiFolder(id, SPACE)}/${side}${collection}.nii.gz`, volume(ndarray('float64', [Z, Y, X], data)));
  }
}

async function writeBehaviour(id: string, { masterordering, subjectim }: FullSizeDesign, sessions: number, put: Put): Promise<void> {
  const header = ['SUBJECT', 'SESSION', 'RUN', 'TRIAL', '73KID', '10KID', 'TIME', 'ISOLD', 'ISCORRECT', 'RT', 'CHANGEMIND', 'MEMORYRECENT', 'MEMORYFIRST', 'ISOLDCURRENT', 'ISCORRECTCURRENT', 'TOTAL1', 'TOTAL2', 'BUTTON', 'MISSINGDATA'];
  const number = Number(id.slice(4));
  const rest = ['0.5', '0', '1', '900', '0', 'NaN', 'NaN', '0', '1', '1', '0', '1', '0'];
  const rows = Array.from({ length: RELEASE_TRIALS_PER_SESSION * sessions }, (_, t) => {
    const position = masterordering[t] ?? 0;
    return [`${number}`, `${1 + Math.floor(t / RELEASE_TRIALS_PER_SESSION)}`, '1', `${1 + (t % 63)}`, `${subjectim[(number - 1) * LIST + position - 1] ?? 0}`, `${position}`, ...rest];
  });
  await put(responsesFile(id), writeTsv(header, rows));
}

/** Surfaces with the right counts and holes for coordinates; transforms with coordinates inside the grid. */
async function writeAnatomy(root: string, id: string, { vertices, grid }: ReleaseSubject, put: Put): Promise<void> {
  const [X, Y, Z] = grid[SPACE];
  for (const [side, hemisphere] of HEMISPHERES.entries()) {
    const count = vertices[side] ?? 0;
    const faces = 2 * count - 4;
    const head = Buffer.concat([Buffer.from([0xff, 0xff, 0xfe]), Buffer.from('stand-in (synthetic)\n\n'), Buffer.alloc(8)]);
    head.writeInt32BE(count, head.length - 8);
    head.writeInt32BE(faces, head.length - 4);
    for (const name of ['white', 'pial', 'inflated', 'sphere.reg']) {
      await put(surfaceFile(id, hemisphere, name), head);
      const handle = await open(join(root, surfaceFile(id, hemisphere, name)), 'r+');
      await handle.truncate(head.length + 12 * (count + faces));
      await handle.close();
    }
    const coordinates = Float32Array.from({ length: 3 * count }, (_, i) => 1 + ((i * 7) % ((i < count ? X : i < 2 * count ? Y : Z) - 1)));
    const bytes = writeMgh({ data: ndarray('float32', [3, count], coordinates) }, { compress: true });
    for (const depth of DEPTHS) await put(layerTransform(id, hemisphere, SPACE, depth), bytes);
  }
}
