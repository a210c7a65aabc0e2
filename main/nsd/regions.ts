/**
 * Regions of interest in the functional volume: which labels a collection has, where, and what they are called.
 *
 * Source: nsd-data-format 2. Volumes hold -1 (not cortex), 0 (unlabelled) and labels from 1; only positive values count. Any NIfTI
 * datatype is accepted and rounded. `minddiffuser` is made here from two collections (2.5). A user's own `roi/NAME.nii.gz` is a
 * collection like any other.
 */
import type { AtlasSummary, Hemisphere } from '../../common/dataset.ts';
import { UserError } from '../../common/errors.ts';
import { BYTES, sizeOf } from '../../common/ndarray.ts';
import { readColorTable } from '../formats/color-table.ts';
import { toFloat64 } from '../formats/elements.ts';
import type { Folder } from '../formats/folder.ts';
import { isGzip } from '../formats/gzip.ts';
import { readNifti, readNiftiHeader } from '../formats/nifti.ts';
import type { NiftiHeader } from '../formats/nifti.ts';
import { COLLECTIONS, labelTables, roiFolder, roiOf } from './layout.ts';
import type { Space } from './layout.ts';
import { FALLBACK_NAMES, GROUP_OF_LABEL, MERGED_ATLAS, MERGED_BASE, MERGED_GROUPS, MERGED_OVERRIDE } from './region-names.ts';

export type Grid = readonly [number, number, number];

/** Labelled voxels of one volume. */
export interface LabelVolume {
  readonly file: string;
  readonly grid: Grid;
  /** Smallest value of the volume; 0 if none is negative. */
  readonly least: number;
  /** Linear 0-based voxel indices in file order (i fastest), ascending `[n]`. */
  readonly index: Int32Array;
  /** Positive label of each `[n]`. */
  readonly label: Int32Array;
}

export interface Atlas extends LabelVolume {
  readonly name: string;
  /** Name of each label; labels without a table entry are called `NAME-label`. */
  readonly names: ReadonlyMap<number, string>;
}

/** A collection of a roi folder: its combined file, or the files of the hemispheres. */
export interface CollectionFiles {
  readonly name: string;
  readonly both: string | null;
  readonly hemispheres: Readonly<Partial<Record<Hemisphere, string>>>;
}

/** Labels are integers; resampling by others may leave this much rounding. */
const LABEL_TOLERANCE = 1e-3;
const MAX_LABEL = 100_000;
/** Room for this many labelled voxels at first; it doubles as needed. */
const FIRST_LABELS = 1 << 15;
const HOST_IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Collections of a roi folder in the order of the release, then a user's own by name. */
export function collectionsOf(subject: string, space: Space, names: readonly string[]): readonly CollectionFiles[] {
  const found = new Map<string, { both: string | null; hemispheres: Partial<Record<Hemisphere, string>> }>();
  for (const name of names) {
    const roi = roiOf(name);
    if (roi === null) continue;
    const entry = found.get(roi.collection) ?? { both: null, hemispheres: {} };
    const file = `${roiFolder(subject, space)}/${name}`;
    if (roi.hemisphere === null) entry.both = file; else entry.hemispheres[roi.hemisphere] = file;
    found.set(roi.collection, entry);
  }
  const rank = (name: string): number => (COLLECTIONS.includes(name) ? COLLECTIONS.indexOf(name) : COLLECTIONS.length);
  return [...found].map(([name, files]) => ({ name, ...files })).sort((a, b) => rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1));
}

/**
 * Positive labels of a NIfTI volume. Throws `UserError` if its grid is not `grid` (the file of another subject or resolution), or
 * if a value is not a whole number.
 */
export function labelsOf(bytes: Uint8Array, file: string, grid: Grid | null): LabelVolume {
  const { header, data } = voxelsOf(bytes, file);
  const shape = gridOf(header.shape, file);
  if (grid !== null && shape.join() !== grid.join()) throw otherGrid(file, shape, grid);
  // One pass over plain numbers, a few of which are labels.
  let index = new Int32Array(FIRST_LABELS);
  let label = new Int32Array(FIRST_LABELS);
  let count = 0;
  let least = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i] ?? NaN;
    const whole = (value | 0) === value ? value : wholeOf(value);
    if (whole <= 0) {
      if (whole < least) least = whole;
      continue;
    }
    if (!(whole <= MAX_LABEL)) throw notALabel(file, value, i, shape);
    if (count === index.length) {
      index = grown(index);
      label = grown(label);
    }
    index[count] = i;
    label[count++] = whole;
  }
  return { file, grid: shape, least, index: index.slice(0, count), label: label.slice(0, count) };
}

function grown(list: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const longer = new Int32Array(2 * list.length);
  longer.set(list);
  return longer;
}

/** The whole number that a value stands for, NaN if it stands for none. */
function wholeOf(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value - rounded) <= LABEL_TOLERANCE ? rounded : NaN;
}

/** Values of a volume as numbers. What NSD stores (unscaled little-endian float64 and int16) is looked at in place, not copied. */
function voxelsOf(bytes: Uint8Array, file: string): { readonly header: NiftiHeader; readonly data: Float64Array } {
  const plain = isGzip(bytes) ? null : readNiftiHeader(bytes, file);
  if (plain !== null && HOST_IS_LITTLE_ENDIAN && plain.littleEndian && isUnscaled(plain) && (plain.dtype === 'float64' || plain.dtype === 'int16')) {
    const from = bytes.byteOffset + plain.dataOffset;
    const count = sizeOf(plain.shape);
    const width = BYTES[plain.dtype];
    if (from % width === 0 && plain.dataOffset + count * width <= bytes.length) {
      return { header: plain, data: plain.dtype === 'float64' ? new Float64Array(bytes.buffer, from, count) : new Float64Array(new Int16Array(bytes.buffer, from, count)) };
    }
  }
  const image = readNifti(bytes, file);
  return { header: image.header, data: isUnscaled(image.header) ? toFloat64(image.data) : new Float64Array(image.scaled().data) };
}

const isUnscaled = ({ sclSlope, sclInter }: NiftiHeader): boolean => sclSlope === 0 || Number.isNaN(sclSlope) || (sclSlope === 1 && sclInter === 0);

/** The three spatial extents of a volume; throws for one with more than one volume in it. */
export function gridOf(shape: readonly number[], file: string): Grid {
  const [x = 1, y = 1, z = 1, ...rest] = shape;
  if (sizeOf(rest) !== 1) {
    throw new UserError('bad-input', `${file} holds ${sizeOf(rest)} volumes, expected one`, { file, expected: 'one volume [X, Y, Z]', found: `[${shape.join(', ')}]` });
  }
  return [x, y, z];
}

export function otherGrid(file: string, found: readonly number[], expected: readonly number[]): UserError {
  return new UserError('bad-input', `${file} has the grid ${found.join(' x ')}, but the betas have ${expected.join(' x ')}`, {
    file, expected: `${expected.join(' x ')} voxels, as the betas`, found: `${found.join(' x ')} voxels`,
    fix: 'It belongs to another subject or another resolution; put this subject\'s file there.',
  });
}

function notALabel(file: string, value: number, at: number, [X, Y]: Grid): UserError {
  const voxel = `voxel (${at % X}, ${Math.floor(at / X) % Y}, ${Math.floor(at / (X * Y))})`;
  return new UserError('bad-input', `${file} holds ${value} at ${voxel}; region volumes hold whole numbers`, {
    file, expected: `whole numbers up to ${MAX_LABEL}`, found: `${value} at ${voxel}`, fix: 'Replace NaN by 0 and threshold probabilities before saving the regions.',
  });
}

/** Two label volumes of the same grid as one; `over` wins where both are labelled. */
export function overlay(base: LabelVolume, over: LabelVolume, file = base.file): LabelVolume {
  if (base.grid.join() !== over.grid.join()) throw otherGrid(over.file, over.grid, base.grid);
  // Both lists ascend: one merge.
  const most = base.index.length + over.index.length;
  const index = new Int32Array(most);
  const label = new Int32Array(most);
  let count = 0;
  for (let b = 0, o = 0; b < base.index.length || o < over.index.length;) {
    const under = base.index[b] ?? Infinity;
    const upper = over.index[o] ?? Infinity;
    index[count] = Math.min(under, upper);
    label[count++] = (upper <= under ? over.label[o] : base.label[b]) ?? 0;
    if (under <= upper) b++;
    if (upper <= under) o++;
  }
  return { file, grid: base.grid, least: Math.min(base.least, over.least), index: index.slice(0, count), label: label.slice(0, count) };
}

/** The eleven merged groups from the two collections they are made of (2.5). */
export function mergedAtlas(base: LabelVolume, override: LabelVolume): Atlas {
  const both = overlay(base, override);
  const index = both.index.slice();
  const label = new Int32Array(index.length);
  let count = 0;
  both.label.forEach((value, i) => {
    const group = GROUP_OF_LABEL[value] ?? 0;
    if (group === 0) return;
    index[count] = both.index[i] ?? 0;
    label[count++] = group;
  });
  return {
    name: MERGED_ATLAS, file: both.file, grid: both.grid, least: both.least, index: index.slice(0, count), label: label.slice(0, count),
    names: new Map(MERGED_GROUPS.map((entry, i) => [i + 1, entry.name])),
  };
}

/** Names of a collection's labels: the first label table found, else the quoted ones, else the collection's own name. */
export async function labelNames(folder: Folder, subject: string, space: Space, collection: string): Promise<ReadonlyMap<number, string>> {
  for (const file of labelTables(subject, space, collection)) {
    if (await folder.facts(file) === null) continue;
    return new Map(readColorTable(await folder.bytes(file), file).filter((entry) => entry.index > 0).map((entry) => [entry.index, entry.name]));
  }
  return new Map((FALLBACK_NAMES[collection] ?? []).map((name, i) => [i + 1, name]));
}

/** Voxels of each label, by label. */
function countLabels(labels: Int32Array): readonly number[] {
  const counts = new Array<number>(1 + labels.reduce((most, label) => Math.max(most, label), 0)).fill(0);
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}

/** Gives every label that occurs a name: a lone label 1 takes the collection's, others `NAME-label`. */
export function named(name: string, volume: LabelVolume, table: ReadonlyMap<number, string>): Atlas {
  const names = new Map(table);
  const present = countLabels(volume.label).flatMap((count, label) => (count > 0 ? [label] : []));
  for (const label of present) if (!names.has(label)) names.set(label, present.length === 1 && label === 1 && table.size === 0 ? name : `${name}-${label}`);
  return { ...volume, name, names };
}

/** Every named region with its number of voxels, by label; regions may be empty. */
export function summaryOf(atlas: Atlas): AtlasSummary {
  const voxels = countLabels(atlas.label);
  const labels = [...atlas.names.keys()].sort((a, b) => a - b);
  return { name: atlas.name, regions: labels.map((label) => ({ label, name: atlas.names.get(label) ?? '', voxels: voxels[label] ?? 0 })) };
}

/** Voxels of some regions, in file order, with the region of each. */
export interface Mask {
  readonly grid: Grid;
  /** Linear 0-based indices, ascending `[voxels]`. */
  readonly index: Int32Array;
  readonly regions: readonly string[];
}

/** The voxels of the named regions (empty list = all). Throws `UserError` for an unknown region and for a selection without voxels. */
export function maskOf(atlas: Atlas, rois: readonly string[]): Mask {
  const known = [...atlas.names.values()];
  const unknown = rois.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new UserError('bad-input', `${atlas.name} has no region "${unknown}"`, {
      file: atlas.file, expected: `one of ${known.join(', ')}`, found: unknown, fix: 'Choose among the regions that the inspection lists.',
    });
  }
  const wanted = new Set(rois);
  const kept: number[] = [];
  atlas.label.forEach((label, i) => { if (wanted.size === 0 || wanted.has(atlas.names.get(label) ?? '')) kept.push(i); });
  if (kept.length === 0) {
    throw new UserError('bad-input', `${rois.length === 0 ? atlas.name : rois.join(', ')} has no voxels in this subject`, {
      file: atlas.file, expected: 'at least one voxel', found: 'none', fix: 'Some subjects lack a region; choose another.',
    });
  }
  return {
    grid: atlas.grid, index: Int32Array.from(kept, (i) => atlas.index[i] ?? 0),
    regions: kept.map((i) => atlas.names.get(atlas.label[i] ?? 0) ?? ''),
  };
}

/** One collection of a subject: combined file, else the two hemispheres together; `lh.NAME` and `rh.NAME` are one hemisphere. */
async function readCollection(folder: Folder, subject: string, space: Space, files: CollectionFiles, hemisphere: Hemisphere | null, grid: Grid | null): Promise<Atlas> {
  const read = async (file: string): Promise<LabelVolume> => labelsOf(await folder.inflated(file), file, grid);
  const parts = hemisphere !== null || files.both === null
    ? (hemisphere === null ? [files.hemispheres.lh, files.hemispheres.rh] : [files.hemispheres[hemisphere]]).filter((file) => file !== undefined)
    : [files.both];
  const [first, second] = await Promise.all(parts.map(read));
  if (first === undefined) throw new RangeError(`${files.name} has no file`);
  const volume = second === undefined ? first : overlay(first, second);
  return named(hemisphere === null ? files.name : `${hemisphere}.${files.name}`, volume, await labelNames(folder, subject, space, files.name));
}

/** Names of all atlases that can be asked for: the merged one first if it can be made, then the collections. */
export function atlasNames(collections: readonly CollectionFiles[]): readonly string[] {
  const names = collections.map((entry) => entry.name);
  return names.includes(MERGED_BASE) && names.includes(MERGED_OVERRIDE) ? [MERGED_ATLAS, ...names] : names;
}

/** An atlas by name. Throws `UserError` naming what exists. */
export async function readAtlas(folder: Folder, subject: string, space: Space, collections: readonly CollectionFiles[], name: string, grid: Grid | null): Promise<Atlas> {
  const find = (wanted: string): CollectionFiles | undefined => collections.find((entry) => entry.name === wanted);
  if (name === MERGED_ATLAS) {
    const base = find(MERGED_BASE);
    const override = find(MERGED_OVERRIDE);
    if (base !== undefined && override !== undefined) {
      const [one, two] = await Promise.all([base, override].map((files) => readCollection(folder, subject, space, files, null, grid)));
      if (one !== undefined && two !== undefined) return mergedAtlas(one, two);
    }
  }
  const plain = find(name);
  if (plain !== undefined) return readCollection(folder, subject, space, plain, null, grid);
  const side = /^(lh|rh)\.(.+)$/.exec(name);
  const sided = side === null ? undefined : find(side[2] ?? '');
  if (sided !== undefined && side !== null) {
    const hemisphere = side[1] === 'lh' ? 'lh' : 'rh';
    if (sided.hemispheres[hemisphere] !== undefined) return readCollection(folder, subject, space, sided, hemisphere, grid);
  }
  const names = atlasNames(collections);
  throw new UserError('bad-input', `${subject} has no atlas "${name}"`, {
    file: roiFolder(subject, space), expected: names.length === 0 ? 'region volumes (NAME.nii.gz)' : `one of ${names.join(', ')}`, found: name === MERGED_ATLAS ? `no ${MERGED_BASE} and ${MERGED_OVERRIDE}` : 'no such file',
    fix: `Copy the region volumes of ${subject} into that folder, or choose another atlas.`,
  });
}
