/** Stimuli and captions -> one feature space, by the frozen networks of the pack. */
import { UserError } from '../../../common/errors.ts';
import { ndarray } from '../../../common/ndarray.ts';
import type { F32 } from '../../../common/ndarray.ts';
import { exists, hasArtefact, putWhole, readArray, readJson, writeArray, writeJson } from '../artefacts.ts';
import { SPACES } from '../spaces.ts';
import type { Stage } from '../stage.ts';
import { progressOf } from '../stage.ts';
import { responsesOf } from './responses.ts';
import path from 'node:path';

export const FEATURES: Stage = {
  kind: 'features',
  isComplete: (step, context) => hasArtefact(context.workspace, step.key),
  async run(step, context) {
    if (step.space === null) throw new RangeError('a features step names its space');
    const space = SPACES[step.space];
    const { imageIds } = await responsesOf(context);
    const { features, shape, embedding } = await space.extract(imageIds, {
      dataset: context.dataset, networks: context.networks, signal: context.signal, progress: progressOf(step, context),
    });
    return putWhole(context.workspace, step.key, { kind: 'features', space: space.name, shape: features.shape }, async (folder) => {
      await writeArray(folder, 'features', features);
      await writeArray(folder, 'image-ids', ndarray('int32', [imageIds.length], imageIds));
      if (embedding !== undefined) await writeArray(folder, 'embedding', embedding);
      await writeJson(folder, 'about', { space: space.name, shape });
    });
  },
};

export interface StoredFeatures {
  /** `[images, targets]` in the order of the ids asked for. */
  readonly features: F32;
  readonly shape: readonly number[];
  readonly embedding: F32 | null;
}

/** Features of the given images; throws if one was never extracted. */
export async function loadFeatures(folder: string, imageIds: Int32Array, part: 'features' | 'embedding' = 'features'): Promise<StoredFeatures> {
  const stored = (await readArray(folder, 'image-ids', 'int32')).data;
  const rowOf = new Map<number, number>();
  stored.forEach((id, row) => rowOf.set(id, row));
  const pick = async (name: string): Promise<F32> => {
    const all = await readArray(folder, name, 'float32');
    const width = all.data.length / stored.length;
    if (stored.length === imageIds.length && stored.every((id, row) => id === imageIds[row])) return all;
    const data = new Float32Array(imageIds.length * width);
    imageIds.forEach((id, index) => {
      const row = rowOf.get(id);
      if (row === undefined) {
        throw new UserError('bad-input', `image ${id} has no extracted features`, { file: folder, expected: `image ${id}`, found: `${stored.length} other images`, fix: 'Delete the artefact folder; it is made again.' });
      }
      data.set(all.data.subarray(row * width, (row + 1) * width), index * width);
    });
    return ndarray('float32', [imageIds.length, width], data);
  };
  const about = await readJson<{ shape: readonly number[] }>(folder, 'about');
  return {
    features: part === 'features' ? await pick('features') : ndarray('float32', [0, 0], new Float32Array(0)),
    shape: about.shape,
    embedding: await exists(path.join(folder, 'embedding.npy')) ? await pick('embedding') : null,
  };
}
