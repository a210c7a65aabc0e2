/**
 * Reads the experiment's design: `nsd_expdesign.mat`, or if it is absent the planned trials in `nsd_stim_info_merged.csv`.
 * Also the behaviour table, which repeats trial by trial what was shown and so checks the design.
 *
 * Source: nsd-data-format 3. The .mat and the behaviour table count pictures from 1, the csv from 0.
 */
import { FormatError, UserError } from '../../common/errors.ts';
import type { NdArray } from '../../common/ndarray.ts';
import { readCsv } from '../formats/csv.ts';
import { toFloat64 } from '../formats/elements.ts';
import type { Folder } from '../formats/folder.ts';
import { readMat5 } from '../formats/mat5.ts';
import { readNumberColumns } from '../formats/number-columns.ts';
import { booleanColumn, numberColumn } from '../formats/table.ts';
import type { Table } from '../formats/table.ts';
import { designOf, MOST_PICTURES, unknownSubject } from './design.ts';
import type { Design, Trials } from './design.ts';
import { DESIGN_FILE, responsesFile, STIM_INFO_FILE } from './layout.ts';

/** The design of a folder. Throws `UserError` if it has neither file. */
export async function readDesign(folder: Folder): Promise<Design> {
  if (await folder.facts(DESIGN_FILE) !== null) return designFromMat(await folder.bytes(DESIGN_FILE), DESIGN_FILE);
  if (await folder.facts(STIM_INFO_FILE) !== null) return designFromStimInfo(readCsv(await folder.bytes(STIM_INFO_FILE), STIM_INFO_FILE));
  throw new UserError('bad-input', `${DESIGN_FILE} is missing`, {
    file: DESIGN_FILE, expected: `${DESIGN_FILE}, or ${STIM_INFO_FILE}`, found: 'neither', fix: 'Download nsd_expdesign.mat from the NSD bucket into that place.',
  });
}

/** Variables of the .mat file. Throws `FormatError` if one is absent or of another shape. */
export function designFromMat(bytes: Uint8Array, file: string): Design {
  const { arrays } = readMat5(bytes, file);
  const variable = (name: string, rank: number): NdArray => {
    const found = arrays.get(name);
    if (found?.shape.length === rank) return found;
    throw new FormatError({
      file, offset: 0, expected: `a variable ${name} with ${rank} dimensions`, found: found === undefined ? `variables ${[...arrays.keys()].join(', ')}` : `[${found.shape.join(', ')}]`,
      fix: 'Download nsd_expdesign.mat again.',
    });
  };
  const subjectim = variable('subjectim', 2);
  return designOf({
    file, masterordering: toFloat64(variable('masterordering', 2)), sharedix: toFloat64(variable('sharedix', 2)),
    subjectim: { subjects: subjectim.shape[0] ?? 0, list: subjectim.shape[1] ?? 0, data: toFloat64(subjectim) },
    sessionTrials: arrays.has('stimpattern') ? trialsPerSession(variable('stimpattern', 3)) : [],
  });
}

/** Stimulus trials of each session from `stimpattern` `[sessions, runs, slots]` of 0 and 1. */
function trialsPerSession(pattern: NdArray): readonly number[] {
  const [sessions = 0, runs = 0, slots = 0] = pattern.shape;
  const values = toFloat64(pattern);
  return Array.from({ length: sessions }, (_, s) => values.subarray(s * runs * slots, (s + 1) * runs * slots).reduce((sum, value) => sum + value, 0));
}

const REPEAT = /^subject(\d+)_rep\d+$/;

/** The planned trials in the columns `subjectX_repN` (1-based trial, 0 = none) of the picture table. */
export function designFromStimInfo(table: Table): Design {
  const nsdId = numberColumn(table, 'nsdId');
  const isShared = booleanColumn(table, 'shared1000');
  const odd = nsdId.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= MOST_PICTURES);
  if (odd >= 0) throw new FormatError({ file: table.file, offset: table.offsets[odd] ?? 0, expected: `nsdId from 0 to ${MOST_PICTURES - 1}`, found: String(nsdId[odd]) });
  const columns = new Map<number, string[]>();
  for (const name of table.header) {
    const subject = Number(REPEAT.exec(name)?.[1] ?? NaN);
    if (!Number.isNaN(subject)) columns.set(subject, [...columns.get(subject) ?? [], name]);
  }
  return {
    file: table.file, sessionTrials: [], subjects: [...columns.keys()].sort((a, b) => a - b),
    shared: new Set([...nsdId].filter((_, row) => isShared[row] === true)),
    planned: (subject) => {
      const names = columns.get(subject);
      if (names === undefined) throw unknownSubject(table.file, subject, columns.size);
      return plannedTrials(table, names, nsdId);
    },
  };
}

function plannedTrials(table: Table, names: readonly string[], nsdId: Float64Array): Int32Array {
  const values = names.map((name) => numberColumn(table, name));
  const length = values.reduce((most, column) => column.reduce((a, b) => Math.max(a, b), most), 0);
  const planned = new Int32Array(length).fill(-1);
  for (const column of values) column.forEach((trial, row) => { if (trial > 0) planned[trial - 1] = nsdId[row] ?? -1; });
  const hole = planned.indexOf(-1);
  if (hole >= 0) {
    throw new UserError('bad-input', `${table.file} gives no picture for trial ${hole + 1} of ${names.join(', ')}`, {
      file: table.file, expected: `every trial from 1 to ${length} once`, found: `trial ${hole + 1} is missing`, fix: 'Download the table again.',
    });
  }
  return planned;
}

/** First row of the behaviour table that names another picture than the design, or null. `null` table = no file. */
export interface BehaviourCheck {
  readonly file: string;
  readonly rows: number;
  readonly mismatch: { readonly row: number; readonly expected: number; readonly found: number } | null;
}

/** Compares the behaviour table (1-based `73KID` per trial) with the trials of sessions 1..n. Null if the subject has no table. */
export async function checkBehaviour(folder: Folder, subject: string, trials: Trials): Promise<BehaviourCheck | null> {
  const file = responsesFile(subject);
  if (await folder.facts(file) === null) return null;
  const table = readNumberColumns(await folder.bytes(file), file, { form: 'tsv', wanted: ['SESSION', '73KID'] });
  const session = table.column('SESSION');
  const shown = table.column('73KID');
  // Position within its own session, so that missing sessions do not shift the comparison.
  const next = new Map(trials.sessions.map((s, i) => [s, trials.starts[i] ?? 0]));
  for (let row = 0; row < shown.length; row++) {
    const at = next.get(session[row] ?? 0);
    if (at === undefined) continue;
    next.set(session[row] ?? 0, at + 1);
    const expected = (trials.nsdId[at] ?? -1) + 1;
    if (shown[row] !== expected) return { file, rows: shown.length, mismatch: { row: row + 1, expected, found: shown[row] ?? NaN } };
  }
  return { file, rows: shown.length, mismatch: null };
}
