/**
 * Predicted features -> pictures. Each picture is an item of its own: written atomically, kept when a run is cancelled, and
 * shared by runs that ask for more or fewer images. The noise of an image depends on seed and image id only, so that every
 * arm of an ablation starts from the same noise.
 */
import path from 'node:path';
import { throwIfAborted } from '../../../common/errors.ts';
import type { U8 } from '../../../common/ndarray.ts';
import { f32, ndarray, rows } from '../../../common/ndarray.ts';
import { fillNormal, random } from '../../../common/random.ts';
import { writePng } from '../../formats/png.ts';
import { artefactPath, exists, folderBytes, putItem, readArray } from '../artefacts.ts';
import type { PlannedStep } from '../plan.ts';
import type { Stage, StageContext } from '../stage.ts';
import { folderOf, progressOf } from '../stage.ts';
import { responsesOf, rowsWhere } from './responses.ts';

/** Images sampled together: twice this many rows in one UNet evaluation. */
const BATCH = 4;

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
    const make = context.recipe.pipeline === 'diffusion' ? await diffusion(context) : await direct(context);
    for (let from = 0; from < todo.length; from += BATCH) {
      throwIfAborted(context.signal);
      const batch = todo.slice(from, from + BATCH);
      const before = ids.length - todo.length + from;
      const pictures = await make(batch, (share) => { progress(before + share * batch.length, ids.length, 'images'); });
      const truths = await context.dataset.stimuli(batch, context.signal);
      for (const [index, id] of batch.entries()) {
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
function picture(images: U8, index: number): U8 {
  const one = rows(images, index, index + 1);
  return ndarray('uint8', one.shape.slice(1), one.data);
}

type Make = (ids: Int32Array, progress: (share: number) => void) => Promise<U8>;

/** Stage 1 (method.md 3): noised z walked back under c. */
async function diffusion(context: StageContext): Promise<Make> {
  const networks = await context.networks();
  const z = await predicted(context, 'z');
  const c = await predicted(context, 'c');
  const { latentShape, contextShape } = networks.shapes;
  return async (ids, progress) => {
    const noise = new Float32Array(ids.length * latentShape.reduce((a, b) => a * b, 1));
    const width = noise.length / ids.length;
    ids.forEach((id, index) => { fillNormal(noise.subarray(index * width, (index + 1) * width), random(context.recipe.seed).fork(`noise/${id}`)); });
    const latents = await networks.sample({
      latents: f32([ids.length, ...latentShape], z(ids)), context: f32([ids.length, ...contextShape], c(ids)), noise: f32([ids.length, ...latentShape], noise),
      sampler: context.recipe.sampler, signal: context.signal, progress: (done, total) => { progress((0.95 * done) / total); },
    });
    return networks.decode(latents);
  };
}

/** Voxels straight to pixels: the prediction is the picture. */
async function direct(context: StageContext): Promise<Make> {
  const pixels = await predicted(context, 'pixels');
  return async (ids) => {
    const truth = await context.dataset.stimuli(ids, context.signal);
    const values = pixels(ids);
    return ndarray('uint8', truth.shape, Uint8Array.from(values, (value) => Math.round(255 * Math.min(1, Math.max(0, value)))));
  };
}

/** Reader of the predicted rows of test images: `ids -> [ids, targets]` flat. */
async function predicted(context: StageContext, space: string): Promise<(ids: Int32Array) => Float32Array> {
  const folder = folderOf(context, `predict:${space}`);
  const values = await readArray(folder, 'predicted', 'float32');
  const stored = (await readArray(folder, 'image-ids', 'int32')).data;
  const width = values.shape[1] ?? 0;
  return (ids) => {
    const out = new Float32Array(ids.length * width);
    ids.forEach((id, index) => {
      const row = stored.indexOf(id);
      if (row < 0) throw new RangeError(`image ${id} was not predicted`);
      out.set(values.data.subarray(row * width, (row + 1) * width), index * width);
    });
    return out;
  };
}
