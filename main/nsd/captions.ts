/**
 * Captions of pictures: nsdId -> row of the picture table -> COCO id and split -> annotations of that split, in file order.
 *
 * Source: nsd-data-format 3.3 and 4.2. COCO has five captions per image, a few images more; the first five are used, as MindDiffuser does.
 */
import { FormatError, throwIfAborted, UserError } from '../../common/errors.ts';
import { readCaptions } from '../formats/coco.ts';
import { readCsv } from '../formats/csv.ts';
import type { Folder } from '../formats/folder.ts';
import { numberColumn, textColumn } from '../formats/table.ts';
import { CAPTION_FOLDERS, CAPTION_SPLITS, captionFile, STIM_INFO_FILE } from './layout.ts';

export const CAPTIONS_PER_IMAGE = 5;

/** nsdId -> captions, for every picture of the table whose split has a file. */
export type CaptionIndex = ReadonlyMap<number, readonly string[]>;

/** Path of the caption file of each split that is present. */
export async function findCaptionFiles(folder: Folder): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const split of CAPTION_SPLITS) {
    for (const place of CAPTION_FOLDERS) {
      const file = `${place}/${captionFile(split)}`;
      if (found.has(split) || await folder.facts(file) === null) continue;
      found.set(split, file);
    }
  }
  return found;
}

/** All captions of the folder's pictures. Throws `UserError` if the picture table or every caption file is missing. */
export async function readCaptionIndex(folder: Folder, signal?: AbortSignal): Promise<CaptionIndex> {
  const files = await findCaptionFiles(folder);
  if (files.size === 0) throw missing(`${CAPTION_FOLDERS[0] ?? ''}/${captionFile(CAPTION_SPLITS[0] ?? '')}`, 'COCO caption files', 'Download the COCO 2017 train/val annotations and put the captions_*.json files there.');
  if (await folder.facts(STIM_INFO_FILE) === null) throw missing(STIM_INFO_FILE, 'the table that says which COCO picture each stimulus is', 'Download nsd_stim_info_merged.csv from the NSD bucket into that place.');
  const table = readCsv(await folder.bytes(STIM_INFO_FILE), STIM_INFO_FILE);
  const nsdIds = numberColumn(table, 'nsdId');
  const cocoIds = numberColumn(table, 'cocoId');
  const splits = textColumn(table, 'cocoSplit');
  const unknown = splits.findIndex((split) => !CAPTION_SPLITS.includes(split));
  if (unknown >= 0) throw new FormatError({ file: STIM_INFO_FILE, offset: table.offsets[unknown] ?? 0, expected: `cocoSplit ${CAPTION_SPLITS.join(' or ')}`, found: splits[unknown] ?? '' });
  const bySplit = new Map<string, Map<number, string[]>>();
  for (const [split, file] of files) {
    const captions = new Map<number, string[]>();
    splits.forEach((name, row) => { if (name === split) captions.set(cocoIds[row] ?? -1, []); });
    for await (const item of readCaptions(folder.stream(file, signal), file)) {
      throwIfAborted(signal);
      if (item.section !== 'annotations') continue;
      const list = captions.get(item.value.imageId);
      if (list !== undefined && list.length < CAPTIONS_PER_IMAGE) list.push(item.value.caption.trim());
    }
    bySplit.set(split, captions);
  }
  const index = new Map<number, readonly string[]>();
  splits.forEach((split, row) => {
    const list = bySplit.get(split)?.get(cocoIds[row] ?? -1);
    if (list !== undefined && list.length > 0) index.set(nsdIds[row] ?? -1, list);
  });
  return index;
}

function missing(file: string, expected: string, fix: string): UserError {
  return new UserError('bad-input', `${file} is missing`, { file, expected, found: 'no such file', fix });
}

/** Captions of some pictures, in their order. Throws `UserError` naming the first that has none. */
export function captionsOf(index: CaptionIndex, imageIds: Int32Array): readonly (readonly string[])[] {
  return Array.from(imageIds, (id) => {
    const captions = index.get(id);
    if (captions === undefined) {
      throw new UserError('bad-input', `picture ${id} has no captions`, {
        file: STIM_INFO_FILE, expected: `captions of nsdId ${id}`, found: 'none', fix: 'Add the caption file of its COCO split (train2017 or val2017).',
      });
    }
    return captions;
  });
}
