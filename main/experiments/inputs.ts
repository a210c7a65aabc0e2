/**
 * Where the features of a test image come from: decoded, its own, the training mean, or noise (method.md 3.4). Every arm of an ablation reads its
 * inputs here, so that they differ in nothing else.
 */
import { UserError } from '../../common/errors.ts';
import { fillNormal, random } from '../../common/random.ts';
import type { InputChoice } from '../../common/recipe.ts';
import { openDecoder } from '../ridge/decoder.ts';
import { arrayFolder } from './array-folder.ts';
import { readArray } from './artefacts.ts';
import type { StageContext } from './stage.ts';
import { folderOf } from './stage.ts';
import { loadFeatures } from './stages/features.ts';

/** Values of the given images, `[ids, targets]` flat. */
export type Rows = (ids: Int32Array) => Promise<Float32Array>;

/** Reader of the predicted rows of test images: `ids -> [ids, targets]` flat. `raw` is before variance matching. */
export async function predictedRows(context: StageContext, space: string, array: 'predicted' | 'raw' = 'predicted'): Promise<(ids: Int32Array) => Float32Array> {
  const folder = folderOf(context, `predict:${space}`);
  const values = await readArray(folder, array, 'float32');
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

/** The same row for every image. */
const always = (row: Float32Array): Rows => (ids) => {
  const out = new Float32Array(ids.length * row.length);
  ids.forEach((_, index) => { out.set(row, index * row.length); });
  return Promise.resolve(out);
};

/** Rows of noise that depend on seed and image id only. */
const noisy = (seed: number, width: number, label: string, shape: (normal: Float32Array) => void): Rows => (ids) => {
  const out = new Float32Array(ids.length * width);
  ids.forEach((id, index) => { const row = out.subarray(index * width, (index + 1) * width); shape(fillNormal(row, random(seed).fork(`${label}/${id}`))); });
  return Promise.resolve(out);
};

/** The input of a space as the recipe says. Throws UserError (`bad-input`) for a source that the space does not have. */
export async function inputRows(context: StageContext, space: 'z' | 'c'): Promise<Rows> {
  const source: InputChoice['z'] | InputChoice['c'] = context.recipe.inputs[space], { seed } = context.recipe;
  switch (source) {
    case 'decoded': { const rows = await predictedRows(context, space); return (ids) => Promise.resolve(rows(ids)); }
    case 'true': return async (ids) => (await loadFeatures(folderOf(context, `features:${space}`), ids)).features.data;
    case 'mean': return always((await openDecoder(arrayFolder(folderOf(context, `fit:${space}`)))).yMean);
    case 'random': {
      const { yMean, yDeviation } = await openDecoder(arrayFolder(folderOf(context, `fit:${space}`)));
      // A random c is plain noise, as the method's own code has it; a random z is a draw from the latents' training distribution.
      return space === 'c' ? noisy(seed, yMean.length, 'random-c', () => undefined)
        : noisy(seed, yMean.length, 'random-z', (row) => { for (let i = 0; i < row.length; i++) row[i] = (yMean[i] ?? 0) + (yDeviation[i] ?? 0) * (row[i] ?? 0); });
    }
    case 'unconditional': {
      if (space !== 'c') throw new UserError('bad-input', 'z has no unconditional form', { expected: 'decoded, random, mean or true', found: source });
      const networks = await context.networks();
      return always((await networks.encodeTexts([''])).data);
    }
    default: { const never: never = source; return never; }
  }
}
