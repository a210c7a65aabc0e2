/** Files -> responses: masked, scaled, averaged over the trials of an image. */
import { ndarray } from '../../../common/ndarray.ts';
import type { NdArray, F32 } from '../../../common/ndarray.ts';
import { artefactFolder, exists, hasArtefact, putWhole, readArray, readJson, writeArray, writeJson } from '../artefacts.ts';
import { sessionKeep } from '../session-keep.ts';
import type { Stage, StageContext } from '../stage.ts';
import { folderOf, progressOf } from '../stage.ts';
import path from 'node:path';

export interface StoredResponses {
  /** `[images, voxels]` */
  readonly values: F32;
  readonly imageIds: Int32Array;
  readonly repeats: Int32Array;
  readonly isTest: Uint8Array;
  /** `[voxels, 3]` or null without geometry. */
  readonly voxels: NdArray<'int32'> | null;
  readonly regions: readonly string[];
  readonly ncsnr: Float32Array | null;
}

export const RESPONSES: Stage = {
  kind: 'responses',
  isComplete: (step, context) => hasArtefact(context.workspace, step.key),
  async run(step, context) {
    const { data } = context.recipe;
    // The key already stands for the state of the data and the choice of voxels, so kept sessions of this key are right by construction.
    const keep = await sessionKeep(`${artefactFolder(context.workspace, step.key)}.sessions`, { key: step.key });
    const responses = await context.dataset.responses({ ...data, average: true }, context.signal, progressOf(step, context), keep);
    const bytes = await putWhole(context.workspace, step.key, { kind: 'responses', data, shape: responses.values.shape }, async (folder) => {
      await writeArray(folder, 'values', responses.values);
      await writeArray(folder, 'image-ids', ndarray('int32', [responses.imageIds.length], responses.imageIds));
      await writeArray(folder, 'repeats', ndarray('int32', [responses.repeats.length], responses.repeats));
      await writeArray(folder, 'is-test', ndarray('uint8', [responses.isTest.length], responses.isTest));
      if (responses.voxels !== null) await writeArray(folder, 'voxels', responses.voxels);
      if (responses.ncsnr !== null) await writeArray(folder, 'ncsnr', responses.ncsnr);
      await writeJson(folder, 'regions', responses.regions);
      const { label, root, synthetic } = context.dataset;
      await writeJson(folder, 'about', { beta: responses.beta, data, average: true, dataset: { label, root, synthetic }, notes: responses.notes ?? [] });
    });
    await keep.clear();
    return bytes;
  },
};

export async function loadResponses(folder: string): Promise<StoredResponses> {
  return {
    values: await readArray(folder, 'values', 'float32'),
    imageIds: (await readArray(folder, 'image-ids', 'int32')).data,
    repeats: (await readArray(folder, 'repeats', 'int32')).data,
    isTest: (await readArray(folder, 'is-test', 'uint8')).data,
    voxels: await exists(path.join(folder, 'voxels.npy')) ? await readArray(folder, 'voxels', 'int32') : null,
    ncsnr: await exists(path.join(folder, 'ncsnr.npy')) ? (await readArray(folder, 'ncsnr', 'float32')).data : null,
    regions: await readJson<string[]>(folder, 'regions'),
  };
}

export const responsesOf = (context: StageContext): Promise<StoredResponses> => loadResponses(folderOf(context, 'responses'));

/** Row numbers of the training (or test) images. */
export function rowsWhere(responses: StoredResponses, test: boolean): Int32Array {
  return responses.imageIds.map((_, row) => row).filter((row) => (responses.isTest[row] === 1) === test);
}

/** Selected rows of a `[rows, columns]` array, copied. */
export function takeRows(array: F32, selected: Int32Array): F32 {
  const width = array.shape[1] ?? 0;
  const data = new Float32Array(selected.length * width);
  selected.forEach((row, index) => { data.set(array.data.subarray(row * width, (row + 1) * width), index * width); });
  return ndarray('float32', [selected.length, width], data);
}
