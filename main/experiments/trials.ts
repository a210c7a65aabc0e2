/**
 * Single trials of the test images, scaled as the responses that decoders read: what trial noise is measured from.
 *
 * Scaling `session` is of each trial's own session, so trials can be read as they are. Scaling `train` is one shift and factor per voxel, taken from
 * rows that are not read here: it is found again from the averaged test rows, of which both versions are known. Either way the trials of an image must
 * average to its stored row; voxels that do not (sessions without data) keep the stored value in every trial, so that they add no noise, and are counted.
 */
import { f32 } from '../../common/ndarray.ts';
import type { F32 } from '../../common/ndarray.ts';
import type { Dataset, Progress } from '../../common/dataset.ts';
import type { DataChoice } from '../../common/recipe.ts';
import type { StoredResponses } from './stages/responses.ts';
import { rowsWhere, takeRows } from './stages/responses.ts';

export interface TestTrials {
  /** `[trials, voxels]` */
  readonly values: F32;
  /** Row among the test images of every trial, `[trials]`. */
  readonly imageOfTrial: Int32Array;
  readonly images: number;
  /** Voxels whose trials do not average to what was stored. */
  readonly leftOut: number;
}

/** Stored rows are averages in float32 of values of order 1 SD: a difference above this share of the SD over images is not rounding. */
const SAME = 1e-3;

/** Trials, or why there are none. */
export async function readTestTrials(dataset: Dataset, data: DataChoice, stored: StoredResponses, signal: AbortSignal, progress?: Progress): Promise<TestTrials | string> {
  const rows = rowsWhere(stored, true), images = rows.length;
  if (images < 2) return 'trial noise needs at least two test images';
  if (!rows.some((row) => (stored.repeats[row] ?? 1) > 1)) return 'no test image was shown twice, so trial noise is not known';
  const read = await dataset.responses({ ...data, zscore: data.zscore === 'train' ? 'none' : data.zscore, average: false, only: 'test' }, signal, progress);
  const averaged = takeRows(stored.values, rows), voxels = averaged.shape[1] ?? 0;
  if (read.values.shape[1] !== voxels) return `single trials have ${read.values.shape[1] ?? 0} voxels, the responses ${voxels}`;
  const rowOf = new Map(Array.from(rows, (row, image) => [stored.imageIds[row] ?? -1, image]));
  const chosen = Int32Array.from(read.imageIds.keys()).filter((t) => read.isTest[t] === 1 && rowOf.has(read.imageIds[t] ?? -1));
  const imageOfTrial = chosen.map((t) => rowOf.get(read.imageIds[t] ?? -1) ?? 0);
  const counts = new Int32Array(images);
  for (const image of imageOfTrial) counts[image] = (counts[image] ?? 0) + 1;
  if (counts.some((count, image) => count !== stored.repeats[rows[image] ?? 0])) return 'single trials are not those that the responses were averaged from';
  const values = takeRows(read.values, chosen);
  const leftOut = alignTrials(values, imageOfTrial, averaged, data.zscore === 'train');
  return leftOut > voxels / 2 ? `the trials of ${leftOut} of ${voxels} voxels do not average to the responses` : { values, imageOfTrial, images, leftOut };
}

/** Scales `trials` in place so that they average to `averaged`; returns how many voxels could not be. */
export function alignTrials(trials: F32, imageOfTrial: Int32Array, averaged: F32, rescale: boolean): number {
  const [images = 0, voxels = 0] = averaged.shape;
  const counts = new Int32Array(images);
  for (const image of imageOfTrial) counts[image] = (counts[image] ?? 0) + 1;
  const mean = new Float64Array(images * voxels);
  imageOfTrial.forEach((image, t) => {
    for (let v = 0; v < voxels; v++) mean[image * voxels + v] = (mean[image * voxels + v] ?? 0) + (trials.data[t * voxels + v] ?? 0) / (counts[image] ?? 1);
  });
  let leftOut = 0;
  for (let v = 0; v < voxels; v++) {
    // 1. Moments over images of the trials' mean m and of the stored value s.
    let meanM = 0, meanS = 0, mm = 0, ss = 0, ms = 0;
    for (let i = 0; i < images; i++) { meanM += (mean[i * voxels + v] ?? 0) / images; meanS += (averaged.data[i * voxels + v] ?? 0) / images; }
    for (let i = 0; i < images; i++) {
      const m = (mean[i * voxels + v] ?? 0) - meanM, s = (averaged.data[i * voxels + v] ?? 0) - meanS;
      mm += m * m; ss += s * s; ms += m * s;
    }
    // 2. s = factor m + shift, exactly, if the two differ in scale only.
    const factor = rescale ? (mm > 0 ? ms / mm : 0) : 1, shift = rescale ? meanS - factor * meanM : 0;
    let worst = 0;
    for (let i = 0; i < images; i++) worst = Math.max(worst, Math.abs(factor * (mean[i * voxels + v] ?? 0) + shift - (averaged.data[i * voxels + v] ?? 0)));
    const same = worst <= SAME * Math.sqrt(ss / images);
    if (!same) leftOut++;
    imageOfTrial.forEach((image, t) => {
      const at = t * voxels + v;
      trials.data[at] = same ? factor * (trials.data[at] ?? 0) + shift : averaged.data[image * voxels + v] ?? 0;
    });
  }
  return leftOut;
}

/** The same trials of some voxels, by column numbers. */
export function trialsOfVoxels(trials: TestTrials, columns: Int32Array): TestTrials {
  return { ...trials, values: takeColumns(trials.values, columns) };
}

/** Chosen columns of a `[rows, columns]` array, copied. */
export function takeColumns(array: F32, columns: Int32Array): F32 {
  const [rows = 0, width = 0] = array.shape, data = new Float32Array(rows * columns.length);
  for (let i = 0; i < rows; i++) columns.forEach((column, j) => { data[i * columns.length + j] = array.data[i * width + column] ?? 0; });
  return f32([rows, columns.length], data);
}
