/**
 * Objects of pictures, from COCO's instance files, in the coordinates of NSD's square crops.
 *
 * Source: nsd-data-format 3.3 and 4.2. `cropBox` is `(top, bottom, left, right)`, fractions of the original size removed on each side; what is left
 * is resized to the picture: x' = (x - left W) side / (W - left W - right W), likewise y. The files are streamed: the larger has 470 MB.
 */
import { FormatError, throwIfAborted, UserError } from '../../common/errors.ts';
import type { PictureObject } from '../../common/dataset.ts';
import { readInstances } from '../formats/coco.ts';
import type { Instance } from '../formats/coco.ts';
import { readCsv } from '../formats/csv.ts';
import type { Folder } from '../formats/folder.ts';
import { numberColumn, textColumn } from '../formats/table.ts';
import { CAPTION_FOLDERS, CAPTION_SPLITS, instanceFile, STIM_INFO_FILE } from './layout.ts';

const CROP = /^\(\s*([\d.eE+-]+)\s*,\s*([\d.eE+-]+)\s*,\s*([\d.eE+-]+)\s*,\s*([\d.eE+-]+)\s*\)$/;

export interface CropBox {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** The four fractions of a cell of the picture table, or null if it is something else. */
export function cropBoxOf(text: string): CropBox | null {
  const numbers = CROP.exec(text.trim())?.slice(1).map(Number) ?? [];
  const [top = NaN, bottom = NaN, left = NaN, right = NaN] = numbers;
  return numbers.every((value) => value >= 0 && value < 1) && top + bottom < 1 && left + right < 1 ? { top, bottom, left, right } : null;
}

/** A box `[x, y, width, height]` in pixels of the original as one of the crop, clipped to it; null if none of it is left. */
export function boxInCrop([x, y, width, height]: Instance['bbox'], original: { readonly width: number; readonly height: number }, crop: CropBox, side: number): readonly [number, number, number, number] | null {
  const axis = (from: number, extent: number, whole: number, before: number, after: number): readonly [number, number] => {
    const scale = side / (whole * (1 - before - after));
    const start = Math.max(0, (from - before * whole) * scale);
    return [start, Math.min(side, (from + extent - before * whole) * scale) - start];
  };
  const [left, wide] = axis(x, width, original.width, crop.left, crop.right);
  const [top, high] = axis(y, height, original.height, crop.top, crop.bottom);
  return wide > 0 && high > 0 ? [left, top, wide, high] : null;
}

interface Wanted { readonly nsdId: number; readonly crop: CropBox }

/** Objects of some pictures of `side` pixels, in their order. Throws `UserError` if the table, the files or a picture are missing. */
export async function readObjects(folder: Folder, imageIds: Int32Array, side: number, signal?: AbortSignal): Promise<readonly (readonly PictureObject[])[]> {
  if (await folder.facts(STIM_INFO_FILE) === null) throw missing(STIM_INFO_FILE, 'Download nsd_stim_info_merged.csv from the NSD bucket into that place.');
  const table = readCsv(await folder.bytes(STIM_INFO_FILE), STIM_INFO_FILE);
  const [ids, cocoIds, splits, crops] = [numberColumn(table, 'nsdId'), numberColumn(table, 'cocoId'), textColumn(table, 'cocoSplit'), textColumn(table, 'cropBox')];
  const rowOf = new Map(Array.from(ids, (id, row) => [id, row]));
  const wanted = new Map(CAPTION_SPLITS.map((split) => [split, new Map<number, Wanted>()]));
  for (const nsdId of imageIds) {
    const row = rowOf.get(nsdId) ?? -1;
    const crop = cropBoxOf(crops[row] ?? '');
    if (row < 0) throw new UserError('bad-input', `there is no picture ${nsdId}`, { file: STIM_INFO_FILE, expected: `nsdId ${nsdId}`, found: 'none', fix: 'Use an id of the picture table.' });
    if (crop === null) throw new FormatError({ file: STIM_INFO_FILE, offset: table.offsets[row] ?? 0, expected: 'cropBox (top, bottom, left, right) in fractions', found: crops[row] ?? '' });
    wanted.get(splits[row] ?? '')?.set(cocoIds[row] ?? -1, { nsdId, crop });
  }
  const objects = new Map<number, PictureObject[]>(Array.from(imageIds, (id) => [id, []]));
  for (const [split, pictures] of wanted) if (pictures.size > 0) await collect(folder, await fileOf(folder, split), pictures, side, objects, signal);
  return Array.from(imageIds, (id) => objects.get(id) ?? []);
}

async function fileOf(folder: Folder, split: string): Promise<string> {
  for (const place of CAPTION_FOLDERS) if (await folder.facts(`${place}/${instanceFile(split)}`) !== null) return `${place}/${instanceFile(split)}`;
  throw missing(`${CAPTION_FOLDERS[0] ?? ''}/${instanceFile(split)}`, 'Download the COCO 2017 train/val annotations and put the instances_*.json files there.');
}

/** Sections may come in any order, so boxes wait until sizes and names of categories are known. */
async function collect(folder: Folder, file: string, pictures: ReadonlyMap<number, Wanted>, side: number, objects: ReadonlyMap<number, PictureObject[]>, signal?: AbortSignal): Promise<void> {
  const sizes = new Map<number, { readonly width: number; readonly height: number }>();
  const categories = new Map<number, { readonly name: string; readonly supercategory: string }>();
  const found: Instance[] = [];
  for await (const item of readInstances(folder.stream(file, signal), file)) {
    throwIfAborted(signal);
    if (item.section === 'images') { if (pictures.has(item.value.id)) sizes.set(item.value.id, item.value); } else if (item.section === 'categories') categories.set(item.value.id, item.value);
    else if (pictures.has(item.value.imageId)) found.push(item.value);
  }
  for (const instance of found) {
    const picture = pictures.get(instance.imageId);
    const size = sizes.get(instance.imageId);
    if (picture === undefined || size === undefined) throw new FormatError({ file, offset: 0, expected: `the size of image ${instance.imageId}`, found: 'none', fix: 'Download the file again.' });
    const box = boxInCrop(instance.bbox, size, picture.crop, side);
    if (box === null) continue;
    const { name = `category ${instance.categoryId}`, supercategory = '' } = categories.get(instance.categoryId) ?? {};
    objects.get(picture.nsdId)?.push({ category: name, supercategory, box, isCrowd: instance.isCrowd });
  }
}

function missing(file: string, fix: string): UserError {
  return new UserError('bad-input', `${file} is missing`, { file, expected: 'a file of the picture table or of COCO', found: 'no such file', fix });
}
