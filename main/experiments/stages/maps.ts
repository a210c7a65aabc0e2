/**
 * Decoders -> voxel maps per feature space: pattern, weights, accuracy-weighted weights (method.md 6.3). The pattern was made with the decoder,
 * from its out-of-fold predictions; accuracies are those of the same predictions, so that no map depends on the test images.
 */
import { ndarray } from '../../../common/ndarray.ts';
import type { F32 } from '../../../common/ndarray.ts';
import { throwIfAborted } from '../../../common/errors.ts';
import { addWeights, emptySums, finishSums } from '../../maps/voxel-sums.ts';
import type { Decoder } from '../../ridge/decoder.ts';
import { openDecoder, primalWeights } from '../../ridge/decoder.ts';
import { arrayFolder } from '../array-folder.ts';
import { hasArtefact, putWhole, readArray, writeArray } from '../artefacts.ts';
import { PIPELINE_SPACES } from '../plan.ts';
import type { Stage, StageContext } from '../stage.ts';
import { folderOf, progressOf } from '../stage.ts';
import { responsesOf, rowsWhere, takeRows } from './responses.ts';

/** Targets in one block: `[voxels, block]` stays near 30 MB. */
const BLOCK = 2048;

export const MAPS: Stage = {
  kind: 'maps',
  isComplete: (step, context) => hasArtefact(context.workspace, step.key),
  async run(step, context) {
    const spaces = PIPELINE_SPACES[context.recipe.pipeline];
    const progress = progressOf(step, context);
    const responses = await responsesOf(context);
    const training = takeRows(responses.values, rowsWhere(responses, false));
    return putWhole(context.workspace, step.key, { kind: 'maps', spaces, pattern: 'out-of-fold predictions', accuracy: 'out-of-fold r' }, async (folder) => {
      for (const [index, space] of spaces.entries()) {
        const fitted = folderOf(context, `fit:${space}`);
        await writeArray(folder, `pattern-${space}`, await readArray(fitted, 'pattern', 'float32'));
        const maps = await weightMaps(await openDecoder(arrayFolder(fitted)), context, (share) => { progress(index + share, spaces.length, 'feature spaces'); });
        for (const [kind, values] of Object.entries(maps)) await writeArray(folder, `${kind}-${space}`, ndarray('float32', [values.length], values));
      }
      await writeArray(folder, 'repeat-mean', columnMeans(training));
    });
  },
};

async function weightMaps(decoder: Decoder, context: StageContext, progress: (share: number) => void): Promise<{ readonly weight: Float32Array; readonly accuracy: Float32Array }> {
  const { products, signal } = context;
  const { targets, voxels, scores } = decoder.record;
  if (scores === null) throw new RangeError('maps need a decoder with cross-validation');
  const sums = emptySums(voxels);
  for (let from = 0; from < targets; from += BLOCK) {
    throwIfAborted(signal);
    const to = Math.min(targets, from + BLOCK);
    // Weights of standardised x: raw-unit weights times the scale.
    const raw = await primalWeights(decoder, products, { targets: [from, to], signal });
    const width = to - from;
    const weights = ndarray('float32', raw.shape, raw.data.map((value, i) => value * (decoder.xScale[Math.floor(i / width)] ?? 1)));
    addWeights(sums, { weights, targetDeviation: decoder.yDeviation.subarray(from, to), r: scores.r.slice(from, to) });
    progress(to / targets);
  }
  const { weight, accuracy } = finishSums(sums);
  return { weight, accuracy };
}

function columnMeans(array: F32): F32 {
  const [rows = 0, columns = 0] = array.shape;
  const sums = new Float64Array(columns);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) sums[j] = (sums[j] ?? 0) + (array.data[i * columns + j] ?? 0);
  return ndarray('float32', [columns], Float32Array.from(sums, (sum) => sum / rows));
}
