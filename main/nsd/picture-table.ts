/**
 * What the inspection wants from `nsd_stim_info_merged.csv`: how many pictures, of which COCO split, and whether the table says the
 * same as the design. Columns are read as numbers; the other cells are only stepped over.
 *
 * Source: nsd-data-format 3.3 and 12. `nsdId` counts from 0, `subjectX_repN` are trials of the planned sessions, from 1, 0 = none.
 */
import type { Folder } from '../formats/folder.ts';
import { readNumberColumns } from '../formats/number-columns.ts';
import type { NumberColumns } from '../formats/number-columns.ts';
import type { Design } from './design.ts';
import { CAPTION_SPLITS, STIM_INFO_FILE } from './layout.ts';

export interface PictureTable {
  readonly columns: NumberColumns;
  /** Pictures of each COCO split. */
  readonly splits: ReadonlyMap<string, number>;
}

/** A statement of the table that does not hold. */
export interface Disagreement {
  readonly expected: string;
  readonly found: string;
}

const REPEAT = /^subject(\d+)_rep\d+$/;

/** Reads the table. Throws `FormatError` for a damaged one. */
export async function readPictureTable(folder: Folder): Promise<PictureTable> {
  const columns = readNumberColumns(await folder.bytes(STIM_INFO_FILE), STIM_INFO_FILE, {
    form: 'csv', words: Object.fromEntries(CAPTION_SPLITS.map((split, i) => [split, i])),
    wanted: (header) => ['nsdId', 'cocoId', 'cocoSplit', 'shared1000', ...header.filter((name) => REPEAT.test(name))],
  });
  const split = columns.column('cocoSplit');
  const splits = new Map(CAPTION_SPLITS.map((name, i) => [name, split.reduce((sum, value) => sum + (value === i ? 1 : 0), 0)]));
  return { columns, splits };
}

/** Row numbers, shared pictures and trials of the table against themselves and the design. Empty if all agree. */
export function tableDisagreements({ columns }: PictureTable, design: Design | null): readonly Disagreement[] {
  const found: Disagreement[] = [];
  const nsdId = columns.column('nsdId');
  const odd = nsdId.findIndex((id, row) => id !== row);
  if (odd >= 0) found.push({ expected: `nsdId ${odd} in row ${odd + 1}, as rows are numbered`, found: `nsdId ${nsdId[odd] ?? NaN}` });
  // With other numbers everything else disagrees too.
  if (odd >= 0 || design === null || design.file === STIM_INFO_FILE) return found;
  const shared = columns.column('shared1000');
  const other = nsdId.findIndex((id, row) => (shared[row] === 1) !== design.shared.has(id));
  if (other >= 0) found.push({ expected: `picture ${nsdId[other] ?? NaN} ${design.shared.has(nsdId[other] ?? -1) ? '' : 'not '}shared, as ${design.file} says`, found: `shared1000 ${shared[other] === 1 ? 'True' : 'False'}` });
  for (const name of columns.header) {
    const subject = Number(REPEAT.exec(name)?.[1] ?? NaN);
    if (!design.subjects.includes(subject)) continue;
    const planned = design.planned(subject);
    const trials = columns.column(name);
    const wrong = trials.findIndex((trial, row) => trial > 0 && trial <= planned.length && planned[trial - 1] !== nsdId[row]);
    if (wrong < 0) continue;
    found.push({
      expected: `picture ${planned[(trials[wrong] ?? 1) - 1] ?? NaN} in trial ${trials[wrong] ?? 0} of subject ${subject}, as ${design.file} says`, found: `picture ${nsdId[wrong] ?? NaN} in column ${name}`,
    });
    break;
  }
  return found;
}
