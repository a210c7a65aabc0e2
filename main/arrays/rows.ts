/**
 * Rows of an arrays data set: scaling and averaging of repeats. Pure.
 *
 * Statistics come from training rows only. z-scores use the population SD. Without session numbers all rows are one session.
 */
import type { ResponsesRequest } from '../../common/dataset.ts';
import { UserError } from '../../common/errors.ts';
import { f32 } from '../../common/ndarray.ts';
import type { F32 } from '../../common/ndarray.ts';

export interface Rows {
  /** `[rows, voxels]` */
  readonly values: F32;
  /** Image id `[rows]`. */
  readonly ids: Int32Array;
  /** 1 = test `[rows]`. */
  readonly isTest: Uint8Array;
  /** `[rows]` */
  readonly sessions: Int32Array;
}

export interface AveragedRows extends Rows {
  /** Rows averaged into each `[rows]`. */
  readonly repeats: Int32Array;
}

/** SDs below this share of the mean are rounding of float32, not variation. */
const CONSTANT = 1e-6;

/** Scaled and, if asked, averaged rows: images ascending by id within training, then within test. */
export function prepareRows(rows: Rows, zscore: ResponsesRequest['zscore'], average: boolean): AveragedRows {
  const own = zscore === 'session' ? standardised(rows, rows.sessions) : rows;
  const merged = average ? averaged(own) : { ...own, repeats: new Int32Array(own.ids.length).fill(1) };
  return zscore === 'train' ? { ...merged, ...standardised(merged, new Int32Array(merged.ids.length)) } : merged;
}

/** Every voxel minus mean, over SD, of the training rows of the row's group. Constant voxels become 0. */
function standardised(rows: Rows, group: Int32Array): Rows {
  const V = rows.values.shape[1] ?? 0;
  const data = new Float32Array(rows.values.data.length);
  for (const wanted of new Set(group)) {
    const all: number[] = [];
    group.forEach((g, r) => { if (g === wanted) all.push(r); });
    const training = all.filter((r) => rows.isTest[r] === 0);
    if (training.length < 2) {
      throw new UserError('bad-input', `session ${wanted} has ${training.length} training rows; z-scoring needs two`, { expected: 'at least 2 training rows', found: `${training.length}`, fix: 'Choose another scaling, or leave the sessions out.' });
    }
    const mean = new Float64Array(V);
    const variance = new Float64Array(V);
    for (const r of training) for (let v = 0; v < V; v++) mean[v] = (mean[v] ?? 0) + (rows.values.data[r * V + v] ?? 0) / training.length;
    for (const r of training) {
      for (let v = 0; v < V; v++) { const d = (rows.values.data[r * V + v] ?? 0) - (mean[v] ?? 0); variance[v] = (variance[v] ?? 0) + d * d / training.length; }
    }
    const factor = variance.map((value, v) => (Math.sqrt(value) > CONSTANT * Math.abs(mean[v] ?? 0) ? 1 / Math.sqrt(value) : 0));
    for (const r of all) for (let v = 0; v < V; v++) data[r * V + v] = ((rows.values.data[r * V + v] ?? 0) - (mean[v] ?? 0)) * (factor[v] ?? 0);
  }
  return { ...rows, values: f32(rows.values.shape, data) };
}

function averaged(rows: Rows): AveragedRows {
  const V = rows.values.shape[1] ?? 0;
  const members = new Map<number, number[]>();
  rows.ids.forEach((id, r) => members.set(id, [...members.get(id) ?? [], r]));
  const first = (id: number): number => members.get(id)?.[0] ?? 0;
  const ids = [...members.keys()].sort((a, b) => (rows.isTest[first(a)] ?? 0) - (rows.isTest[first(b)] ?? 0) || a - b);
  const data = new Float32Array(ids.length * V);
  ids.forEach((id, row) => {
    const from = members.get(id) ?? [];
    for (let v = 0; v < V; v++) {
      let sum = 0;
      for (const r of from) sum += rows.values.data[r * V + v] ?? 0;
      data[row * V + v] = sum / from.length;
    }
  });
  return {
    values: f32([ids.length, V], data), ids: Int32Array.from(ids), isTest: Uint8Array.from(ids, (id) => rows.isTest[first(id)] ?? 0),
    sessions: Int32Array.from(ids, (id) => rows.sessions[first(id)] ?? 1), repeats: Int32Array.from(ids, (id) => members.get(id)?.length ?? 0),
  };
}
