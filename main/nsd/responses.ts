/**
 * Masked single-trial betas, scaled, averaged per image.
 *
 * Notation: raw = stored int16 = 300 x percent signal change; V voxels, T trials of a session, rows = images (averaged) or trials.
 * Sources: nsd-data-format 1 and 7. Defaults free of leakage: statistics of `session` come from the session's trials of non-shared
 * pictures only, those of `train` from training rows only. Standard deviations are of the population, as scikit-learn's scaler has them.
 *
 * Missing data: a voxel whose raw values of a session are all 0 has no data there. Those trials are left out of averages; a row that is
 * left with nothing takes the voxel's mean over its training rows (0 after z-scoring). A voxel without data anywhere is dropped.
 * Memory: one float32 `[rows, V]` plus one session's int16 `[V, T]`.
 */
import type { Progress, ResponsesRequest, SessionKeep } from '../../common/dataset.ts';
import { throwIfAborted, UserError } from '../../common/errors.ts';
import { f32 } from '../../common/ndarray.ts';
import type { F32 } from '../../common/ndarray.ts';
import type { Split, Trials } from './design.ts';

/** Stored betas are this many times the percent signal change. */
export const BETA_SCALE = 300;
/** One native allocation above 1 GiB is fatal inside Electron. */
const MAX_BYTES = 2 ** 30;
/** Voxels per block: the block's raw values and one row segment stay in the second-level cache. */
const BLOCK = 256;
/** An SD below this share of the mean is rounding of float32 (6e-8), not variation. */
const CONSTANT = 1e-6;

/** 300 x percent signal change: stored integers, or what a float file holds times 300. */
export type RawBetas = Int16Array | Float32Array;

export interface ResponsesInput {
  readonly voxels: number;
  readonly trials: Trials;
  readonly split: Split;
  readonly zscore: ResponsesRequest['zscore'];
  readonly average: boolean;
  /** Single trials of test pictures only; not with `average`, nor with the scaling `train`, whose statistics are of the rows left out. */
  readonly only?: 'test' | undefined;
  /** Raw values `[V, T]` of the session at this position of `trials.sessions`. */
  readonly readSession: (position: number) => Promise<RawBetas>;
}

export interface AssembledResponses {
  /** `[rows, kept voxels]` */
  readonly values: F32;
  /** Positions of the kept voxels among those asked for, ascending. */
  readonly kept: Int32Array;
  /** Voxels with data in some sessions only. */
  readonly partial: number;
}

/** A session from what an earlier, stopped preparation kept, or read and then kept. One of another length is read again. */
export async function keptOrRead(keep: SessionKeep | undefined, session: number, length: number, read: () => Promise<RawBetas>): Promise<RawBetas> {
  const kept = await keep?.get(session) ?? null;
  if (kept?.length === length) return kept;
  const raw = await read();
  await keep?.put(session, raw);
  return raw;
}

/** Betas of all sessions as rows. Throws `UserError` if the result exceeds 1 GiB or a session has no statistics. */
export async function assembleResponses(input: ResponsesInput, signal?: AbortSignal, progress?: Progress): Promise<AssembledResponses> {
  const { voxels: V, trials, split, zscore, average, only } = input;
  if (only !== undefined && (average || zscore === 'train')) throw new RangeError(`rows of ${only} images only, ${average ? 'averaged' : `scaled by ${zscore}`}`);
  const chosen = only === undefined ? null : testTrials(trials);
  const rows = average ? split.imageIds.length : chosen?.length ?? trials.nsdId.length;
  if (rows * V * 4 > MAX_BYTES) throw tooLarge(rows, V, average);
  const rowOfTrial = average ? split.imageOfTrial : chosen === null ? Int32Array.from({ length: rows }, (_, t) => t) : rowsOf(chosen, trials.nsdId.length);

  // 1. Sum scaled trials into rows, session by session. `hasData` [sessions, V].
  const sums = new Float32Array(rows * V);
  const sessions = trials.sessions.length;
  const hasData = new Uint8Array(sessions * V);
  for (let s = 0; s < sessions; s++) {
    throwIfAborted(signal);
    progress?.(s, sessions, `session ${trials.sessions[s] ?? 0}`);
    const raw = await input.readSession(s);
    const from = trials.starts[s] ?? 0;
    const T = (trials.starts[s + 1] ?? 0) - from;
    if (raw.length !== V * T) throw new RangeError(`session ${trials.sessions[s] ?? 0} gave ${raw.length} values for ${V} voxels and ${T} trials`);
    const isShared = trials.isShared.subarray(from, from + T);
    addSession({ raw, T, V, scale: zscore === 'session' ? sessionScale(raw, V, isShared, trials.sessions[s] ?? 0) : null, rowOfTrial: rowOfTrial.subarray(from, from + T), sums, hasData: hasData.subarray(s * V, (s + 1) * V) });
  }
  progress?.(sessions, sessions, 'averaging');

  // 2. Divide by the trials summed. `unit` turns raw into percent signal change.
  const isTraining = Uint8Array.from({ length: rows }, (_, r) => ((average ? split.isTest[r] : trials.isShared[chosen?.[r] ?? r]) === 1 ? 0 : 1));
  const unit = zscore === 'session' ? 1 : BETA_SCALE;
  for (let r = 0; r < rows; r++) {
    const divisor = unit * (average ? split.repeats[r] ?? 1 : 1);
    for (let i = r * V; i < (r + 1) * V; i++) sums[i] = (sums[i] ?? 0) / divisor;
  }

  // 3. Redo the divisor of voxels that lack sessions; find those without any data.
  const kept: number[] = [];
  let partial = 0;
  for (let v = 0; v < V; v++) {
    let present = 0;
    for (let s = 0; s < sessions; s++) present += hasData[s * V + v] ?? 0;
    if (present > 0) kept.push(v);
    if (present === 0 || present === sessions) continue;
    partial += 1;
    const counts = new Int32Array(rows);
    for (let s = 0; s < sessions; s++) {
      if (hasData[s * V + v] !== 1) continue;
      for (let t = trials.starts[s] ?? 0; t < (trials.starts[s + 1] ?? 0); t++) {
        const row = rowOfTrial[t] ?? -1;
        if (row >= 0) counts[row] = (counts[row] ?? 0) + 1;
      }
    }
    refill(sums, V, v, counts, average ? split.repeats : null, isTraining);
  }

  // 4. Standardise with training rows if asked.
  if (zscore === 'train') standardise(sums, V, isTraining);

  // 5. Drop voxels without data.
  const values = kept.length === V ? sums : dropColumns(sums, V, kept);
  return { values: f32([rows, kept.length], values), kept: Int32Array.from(kept), partial };
}

/** What the rows of `assembleResponses` are. */
export function labelsOf(trials: Trials, split: Split, { average, only }: Pick<ResponsesRequest, 'average' | 'only'>): { readonly imageIds: Int32Array; readonly repeats: Int32Array; readonly isTest: Uint8Array } {
  if (average) return { imageIds: split.imageIds, repeats: split.repeats, isTest: split.isTest };
  const chosen = only === undefined ? null : testTrials(trials);
  const imageIds = chosen === null ? trials.nsdId : chosen.map((t) => trials.nsdId[t] ?? -1);
  return { imageIds, repeats: new Int32Array(imageIds.length).fill(1), isTest: chosen === null ? trials.isShared : new Uint8Array(imageIds.length).fill(1) };
}

/** Numbers of the trials of test pictures, ascending. */
export function testTrials(trials: Trials): Int32Array {
  return Int32Array.from(trials.isShared.keys()).filter((t) => trials.isShared[t] === 1);
}

/** Row of every trial, -1 for those that have none. */
function rowsOf(chosen: Int32Array, trials: number): Int32Array {
  const rows = new Int32Array(trials).fill(-1);
  chosen.forEach((trial, row) => { rows[trial] = row; });
  return rows;
}

function tooLarge(rows: number, voxels: number, average: boolean): UserError {
  return new UserError('unsupported', `${rows} rows of ${voxels} voxels need ${(rows * voxels * 4 / 2 ** 30).toFixed(1)} GiB in one piece`, {
    expected: 'at most 1 GiB of responses', found: `${rows} x ${voxels} float32`, fix: average ? 'Choose fewer regions.' : 'Average the trials of an image, or choose fewer regions.',
  });
}

interface Scale {
  /** z = raw * factor + offset, `[V]`. */
  readonly factor: Float64Array;
  readonly offset: Float64Array;
}

/** Mean and population SD of every voxel over the trials of non-shared pictures; a constant voxel becomes 0. Two passes. */
function sessionScale(raw: RawBetas, V: number, isShared: Uint8Array, session: number): Scale {
  const T = isShared.length;
  const own: number[] = [];
  for (let t = 0; t < T; t++) if (isShared[t] !== 1) own.push(t);
  if (own.length < 2) {
    throw new UserError('bad-input', `session ${session} has ${own.length} trials of training pictures; z-scoring within it needs two`, {
      expected: 'at least 2 trials of pictures that are not shared', found: `${own.length}`, fix: 'Z-score with training statistics (train), or not at all (none).',
    });
  }
  const trialsUsed = Int32Array.from(own);
  const factor = new Float64Array(V);
  const offset = new Float64Array(V);
  for (let v = 0; v < V; v++) {
    const at = v * T;
    let sum = 0;
    for (let i = 0; i < trialsUsed.length; i++) sum += raw[at + (trialsUsed[i] ?? 0)] ?? 0;
    const mean = sum / trialsUsed.length;
    let squares = 0;
    for (let i = 0; i < trialsUsed.length; i++) { const d = (raw[at + (trialsUsed[i] ?? 0)] ?? 0) - mean; squares += d * d; }
    if (squares === 0) continue;
    factor[v] = 1 / Math.sqrt(squares / trialsUsed.length);
    offset[v] = -mean * (factor[v] ?? 0);
  }
  return { factor, offset };
}

interface SessionSum {
  readonly raw: RawBetas;
  readonly T: number;
  readonly V: number;
  readonly scale: Scale | null;
  readonly rowOfTrial: Int32Array;
  /** `[rows, V]`, added to. */
  readonly sums: Float32Array;
  /** `[V]`, set. */
  readonly hasData: Uint8Array;
}

/** Adds a session's scaled trials to their rows; voxels that are 0 throughout add nothing. */
function addSession({ raw, T, V, scale, rowOfTrial, sums, hasData }: SessionSum): void {
  for (let v = 0; v < V; v++) {
    let t = v * T;
    const end = t + T;
    while (t < end && raw[t] === 0) t++;
    hasData[v] = t < end ? 1 : 0;
  }
  for (let from = 0; from < V; from += BLOCK) {
    const to = Math.min(V, from + BLOCK);
    for (let t = 0; t < T; t++) {
      if ((rowOfTrial[t] ?? -1) < 0) continue;
      const row = (rowOfTrial[t] ?? 0) * V;
      if (scale === null) {
        for (let v = from, at = from * T + t; v < to; v++, at += T) sums[row + v] = (sums[row + v] ?? 0) + (raw[at] ?? 0);
      } else {
        // All-zero voxels have factor 0 and offset 0.
        for (let v = from, at = from * T + t; v < to; v++, at += T) sums[row + v] = (sums[row + v] ?? 0) + ((raw[at] ?? 0) * (scale.factor[v] ?? 0) + (scale.offset[v] ?? 0));
      }
    }
  }
}

/** Corrects one column divided by all repeats to the trials that had data; rows without any take the mean of the training rows that have. */
function refill(values: Float32Array, V: number, v: number, counts: Int32Array, repeats: Int32Array | null, isTraining: Uint8Array): void {
  let sum = 0;
  let used = 0;
  counts.forEach((count, r) => {
    if (count === 0) return;
    const value = (values[r * V + v] ?? 0) * (repeats === null ? 1 : (repeats[r] ?? 1) / count);
    values[r * V + v] = value;
    if (isTraining[r] === 1) { sum += value; used += 1; }
  });
  const mean = used === 0 ? 0 : sum / used;
  counts.forEach((count, r) => { if (count === 0) values[r * V + v] = mean; });
}

/** Subtracts the mean and divides by the population SD of the training rows, per column; constant columns become 0. */
function standardise(values: Float32Array, V: number, isTraining: Uint8Array): void {
  const rows = isTraining.length;
  const count = isTraining.reduce((sum, flag) => sum + flag, 0);
  if (count < 2) {
    throw new UserError('bad-input', `${count} training rows; standardising needs two`, { expected: 'at least 2 training images', found: `${count}`, fix: 'Add sessions, or choose zscore none.' });
  }
  const mean = new Float64Array(V);
  const variance = new Float64Array(V);
  for (let r = 0; r < rows; r++) if (isTraining[r] === 1) for (let v = 0; v < V; v++) mean[v] = (mean[v] ?? 0) + (values[r * V + v] ?? 0) / count;
  for (let r = 0; r < rows; r++) {
    if (isTraining[r] !== 1) continue;
    for (let v = 0; v < V; v++) { const d = (values[r * V + v] ?? 0) - (mean[v] ?? 0); variance[v] = (variance[v] ?? 0) + d * d / count; }
  }
  const factor = variance.map((value, v) => (Math.sqrt(value) > CONSTANT * Math.abs(mean[v] ?? 0) ? 1 / Math.sqrt(value) : 0));
  for (let r = 0; r < rows; r++) for (let v = 0; v < V; v++) values[r * V + v] = ((values[r * V + v] ?? 0) - (mean[v] ?? 0)) * (factor[v] ?? 0);
}

/** The kept columns, compacted in place before the copy that releases the rest. */
function dropColumns(values: Float32Array, V: number, kept: readonly number[]): Float32Array {
  const rows = values.length / V;
  let at = 0;
  for (let r = 0; r < rows; r++) for (const v of kept) values[at++] = values[r * V + v] ?? 0;
  return values.slice(0, at);
}
