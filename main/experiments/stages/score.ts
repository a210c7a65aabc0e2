/**
 * Images -> scores: every metric of the table per image, its mean, and the mean over wrong pairs beside it.
 *
 * Pixel metrics compare at the size of the truth, to which reconstructions of another size are brought (bicubic, as the field's
 * PixCorr); features are taken from each picture as it is.
 */
import path from 'node:path';
import fs from 'node:fs/promises';
import { f32 } from '../../../common/ndarray.ts';
import type { RunSummary } from '../../../common/run-event.ts';
import type { F32, U8 } from '../../../common/ndarray.ts';
import { resize } from '../../clip/resample.ts';
import { readPng } from '../../formats/png.ts';
import type { Metric } from '../../metrics/table.ts';
import { METRICS, scoreImages, shuffledBaseline } from '../../metrics/table.ts';
import { hasArtefact, putWhole, readJson, writeJson } from '../artefacts.ts';
import type { PlannedStep } from '../plan.ts';
import type { Stage, StageContext } from '../stage.ts';
import { folderOf, progressOf } from '../stage.ts';
import { itemNames, testImages } from './reconstruct.ts';

/** `scores.json` of a score step. */
export interface StoredScores {
  readonly imageIds: readonly number[];
  readonly metrics: Readonly<Record<string, { readonly perImage: readonly number[]; readonly mean: number; readonly baseline: number; readonly better: 'higher' | 'lower' }>>;
}

/** Label of the step that scores stage 1 where stage 2 follows. */
export const INITIAL_SCORE = 'score:initial';

export const SCORE: Stage = {
  kind: 'score',
  isComplete: (step, context) => hasArtefact(context.workspace, step.key),
  async run(step, context) {
    const ids = await testImages(context);
    const progress = progressOf(step, context);
    const judged = folderOf(context, judgedStep(step, context));
    const truth = await readPictures(Array.from(ids, (id) => path.join(folderOf(context, 'reconstruct'), itemNames(id).truth)));
    const recon = await readPictures(Array.from(ids, (id) => path.join(judged, itemNames(id).reconstruction)));
    // Features are computed here and passed in, so that a metric never loads a network.
    const networks = await context.networks();
    const truthFeatures = (await networks.encodeImages(toBytes(truth))).embedding;
    const reconFeatures = (await networks.encodeImages(toBytes(recon))).embedding;
    const [, height = 0, width = 0] = truth.shape;
    const fitted = fittedTo(height, width, recon);
    const metrics: Record<string, StoredScores['metrics'][string]> = {};
    const table: readonly Metric[] = Object.values(METRICS);
    for (const [index, metric] of table.entries()) {
      progress(index, table.length, 'metrics');
      if (ids.length < Math.max(2, metric.leastImages)) continue; // one picture has no wrong pair to compare with
      if (Math.min(height, width) < metric.leastPixels) continue; // absent, because it is not defined there
      const [a, b] = metric.needs === 'pixels' ? [truth, fitted] : [truthFeatures, reconFeatures];
      const perImage = [...scoreImages(metric, a, b)];
      metrics[metric.name] = { perImage, mean: mean(perImage), baseline: shuffledBaseline(metric, a, b), better: metric.better };
    }
    const scores: StoredScores = { imageIds: [...ids], metrics };
    const bytes = await putWhole(context.workspace, step.key, { kind: 'score', metrics: table.map(({ name, version }) => ({ name, version })) }, async (out) => { await writeJson(out, 'scores', scores); });
    announce(step, context, scores);
    return bytes;
  },
  async replay(step, context) { announce(step, context, await readJson<StoredScores>(folderOf(context, step.label), 'scores')); },
};

/** The step whose pictures a score step judges: the refined ones, where there are any. */
function judgedStep(step: PlannedStep, context: StageContext): string {
  return step.label !== INITIAL_SCORE && context.steps.some(({ kind }) => kind === 'refine') ? 'refine' : 'reconstruct';
}

/** Stage 1's scores are kept beside those of stage 2; the run's own metrics are the final ones. */
function announce(step: PlannedStep, context: StageContext, scores: StoredScores): void {
  if (step.label === INITIAL_SCORE) return;
  for (const [name, metric] of Object.entries(scores.metrics)) {
    metric.perImage.forEach((value, index) => {
      const imageId = scores.imageIds[index];
      if (imageId !== undefined && Number.isFinite(value)) context.emit({ type: 'metric', key: step.key, name, value, imageId });
    });
    if (Number.isFinite(metric.mean)) context.emit({ type: 'metric', key: step.key, name, value: metric.mean, baseline: metric.baseline });
  }
}

/** What a finished run says last. */
export async function summarise(context: StageContext, seconds: number, reused: number): Promise<RunSummary> {
  const scores = await readJson<StoredScores>(folderOf(context, 'score'), 'scores');
  return {
    seconds, reused, steps: context.steps.length, images: scores.imageIds.length,
    scores: Object.fromEntries(Object.entries(scores.metrics).map(([name, { mean: value, baseline, better }]) => [name, { value, baseline, better }])),
  };
}

/** PNG files as float32 `[images, height, width, 3]` in [0, 1]. */
async function readPictures(files: readonly string[]): Promise<F32> {
  const pictures = await Promise.all(files.map(async (file) => readPng(await fs.readFile(file), file)));
  const [height = 0, width = 0] = pictures[0]?.shape ?? [];
  const data = new Float32Array(files.length * height * width * 3);
  pictures.forEach((picture, image) => {
    const channels = picture.shape[2] ?? 3;
    for (let p = 0; p < height * width; p++) {
      for (let c = 0; c < 3; c++) data[(image * height * width + p) * 3 + c] = (picture.data[p * channels + Math.min(c, channels - 1)] ?? 0) / 255;
    }
  });
  return f32([files.length, height, width, 3], data);
}

/** Pictures `[images, h, w, 3]` as `[images, height, width, 3]`. */
function fittedTo(height: number, width: number, pictures: F32): F32 {
  const [count = 0, h = 0, w = 0] = pictures.shape;
  if (h === height && w === width) return pictures;
  const bytes = toBytes(pictures).data, data = new Float32Array(count * height * width * 3);
  for (let n = 0; n < count; n++) {
    const one: U8 = { dtype: 'uint8', shape: [h, w, 3], data: bytes.subarray(n * h * w * 3, (n + 1) * h * w * 3) };
    data.set(Float32Array.from(resize(one, height, width, 'bicubic').data, (value) => value / 255), n * height * width * 3);
  }
  return f32([count, height, width, 3], data);
}

function toBytes(pictures: F32): { dtype: 'uint8'; shape: readonly number[]; data: Uint8Array } {
  return { dtype: 'uint8', shape: pictures.shape, data: Uint8Array.from(pictures.data, (value) => Math.round(value * 255)) };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
