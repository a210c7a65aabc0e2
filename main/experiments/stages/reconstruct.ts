/**
 * Predicted features -> pictures. Each picture is an item of its own: written atomically, kept when a run is cancelled, and
 * shared by runs that ask for more or fewer images. The noise of an image depends on seed and image id only, so that every
 * arm of an ablation starts from the same noise.
 */
import path from 'node:path';
import { throwIfAborted } from '../../../common/errors.ts';
import type { F32, U8 } from '../../../common/ndarray.ts';
import { f32, ndarray, rows, sizeOf } from '../../../common/ndarray.ts';
import { fillNormal, random } from '../../../common/random.ts';
import type { Recipe } from '../../../common/recipe.ts';
import { writePng } from '../../formats/png.ts';
import { artefactPath, exists, folderBytes, putItem } from '../artefacts.ts';
import { inputRows, predictedRows } from '../inputs.ts';
import type { PlannedStep } from '../plan.ts';
import type { Stage, StageContext } from '../stage.ts';
import { folderOf, progressOf } from '../stage.ts';
import { responsesOf, rowsWhere } from './responses.ts';

/** Images sampled together: twice this many rows in one UNet evaluation. */
export const BATCH = 4;
/** Training pictures in memory at a time. */
const MEAN_BATCH = 64;

/**
 * The images in groups that are always computed whole: products over a batch round by its size, so a picture that was made after an interruption is
 * made in the company that it would have had.
 */
export function groupsOf(ids: Int32Array): readonly Int32Array[] {
  return Array.from({ length: Math.ceil(ids.length / BATCH) }, (_, group) => ids.slice(group * BATCH, (group + 1) * BATCH));
}

/** Ids of the test images of this run, ascending. */
export async function testImages(context: StageContext): Promise<Int32Array> {
  const responses = await responsesOf(context);
  const ids = rowsWhere(responses, true).map((row) => responses.imageIds[row] ?? -1).sort();
  return context.recipe.images === null ? ids : ids.slice(0, context.recipe.images);
}

export function itemNames(imageId: number): { truth: string; reconstruction: string } {
  const id = String(imageId).padStart(5, '0');
  return { truth: `${id}-truth.png`, reconstruction: `${id}-reconstruction.png` };
}

export const RECONSTRUCT: Stage = {
  kind: 'reconstruct',
  async isComplete(_step, context) {
    // Known only once the responses exist; before that nothing can be complete.
    if (!await exists(path.join(folderOf(context, 'responses'), 'artefact.json'))) return false;
    return (await missing(context)).length === 0;
  },
  async run(step, context) {
    const ids = await testImages(context);
    const todo = await missing(context);
    const progress = progressOf(step, context);
    for (const id of ids) if (!todo.includes(id)) announce(step, context, id);
    const folder = folderOf(context, 'reconstruct');
    const make = await MAKERS[context.recipe.pipeline](context);
    for (const batch of groupsOf(ids)) {
      throwIfAborted(context.signal);
      if (!batch.some((id) => todo.includes(id))) continue;
      const before = ids.indexOf(batch[0] ?? -1);
      const pictures = await make(batch, (share) => { progress(before + share * batch.length, ids.length, 'images'); });
      const truths = await context.dataset.stimuli(batch, context.signal);
      for (const [index, id] of batch.entries()) {
        if (!todo.includes(id)) continue; // kept from before; made again only so that its group rounds as it did
        const names = itemNames(id);
        await putItem(folder, names.truth, writePng(picture(truths, index)));
        await putItem(folder, names.reconstruction, writePng(picture(pictures, index)));
        announce(step, context, id);
      }
      progress(before + batch.length, ids.length, 'images');
    }
    return folderBytes(folder);
  },
  async replay(step, context) { for (const id of await testImages(context)) announce(step, context, id); },
};

async function missing(context: StageContext): Promise<Int32Array> {
  const folder = folderOf(context, 'reconstruct');
  const ids = await testImages(context);
  const there = await Promise.all([...ids].map((id) => exists(path.join(folder, itemNames(id).reconstruction))));
  return ids.filter((_, index) => there[index] !== true);
}

function announce(step: PlannedStep, context: StageContext, imageId: number): void {
  const names = itemNames(imageId), folder = artefactPath(step.key);
  context.emit({ type: 'image', key: step.key, image: { imageId, truth: `${folder}/${names.truth}`, reconstruction: `${folder}/${names.reconstruction}` } });
}

/** Image `index` of uint8 `[images, height, width, channels]`. */
export function picture(images: U8, index: number): U8 {
  const one = rows(images, index, index + 1);
  return ndarray('uint8', one.shape.slice(1), one.data);
}

type Make = (ids: Int32Array, progress: (share: number) => void) => Promise<U8>;

const MAKERS: { readonly [Name in Recipe['pipeline']]: (context: StageContext) => Promise<Make> } = { diffusion, pixels: direct, 'mean-image': meanImage };

/** Noise of the given images, standard normal, `[images, ...shape]`: a function of seed and image id only. */
export function noiseOf(seed: number, ids: Int32Array, shape: readonly number[], label = ''): F32 {
  const width = sizeOf(shape), noise = new Float32Array(ids.length * width);
  ids.forEach((id, index) => { fillNormal(noise.subarray(index * width, (index + 1) * width), random(seed).fork(`noise/${id}${label}`)); });
  return f32([ids.length, ...shape], noise);
}

/** Stage 1 (method.md 3): noised z walked back under c. */
async function diffusion(context: StageContext): Promise<Make> {
  const networks = await context.networks();
  const z = await inputRows(context, 'z'), c = await inputRows(context, 'c');
  const { latentShape, contextShape } = networks.shapes, { sampler } = context.recipe;
  return async (ids, progress) => {
    const latents = await networks.atSide(f32([ids.length, ...latentShape], await z(ids)), sampler.side);
    const walked = await networks.sample({
      latents, context: f32([ids.length, ...contextShape], await c(ids)), noise: noiseOf(context.recipe.seed, ids, latents.shape.slice(1)),
      sampler, signal: context.signal, progress: (done, total) => { progress((0.95 * done) / total); },
    });
    return networks.decode(walked);
  };
}

/** Voxels straight to pixels: the prediction is the picture. */
async function direct(context: StageContext): Promise<Make> {
  const pixels = await predictedRows(context, 'pixels');
  return async (ids) => {
    const truth = await context.dataset.stimuli(ids, context.signal);
    return ndarray('uint8', truth.shape, Uint8Array.from(pixels(ids), (value) => Math.round(255 * Math.min(1, Math.max(0, value)))));
  };
}

/** The mean training picture, whatever the image: an anchor that knows nothing of the brain. */
async function meanImage(context: StageContext): Promise<Make> {
  const responses = await responsesOf(context), ids = rowsWhere(responses, false).map((row) => responses.imageIds[row] ?? -1);
  const sums: { data: Float64Array | null; shape: readonly number[] } = { data: null, shape: [] };
  for (let from = 0; from < ids.length; from += MEAN_BATCH) {
    throwIfAborted(context.signal);
    const pictures = await context.dataset.stimuli(ids.slice(from, from + MEAN_BATCH), context.signal), width = sizeOf(pictures.shape.slice(1));
    sums.data ??= new Float64Array(width);
    sums.shape = pictures.shape.slice(1);
    for (let i = 0; i < pictures.data.length; i++) sums.data[i % width] = (sums.data[i % width] ?? 0) + (pictures.data[i] ?? 0);
  }
  const { data, shape } = sums, mean = Uint8Array.from(data ?? [], (sum) => Math.round(sum / Math.max(1, ids.length)));
  return (wanted) => {
    const all = new Uint8Array(wanted.length * mean.length);
    wanted.forEach((_, index) => { all.set(mean, index * mean.length); });
    return Promise.resolve(ndarray('uint8', [wanted.length, ...shape], all));
  };
}
