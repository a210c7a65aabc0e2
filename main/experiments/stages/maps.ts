/** Decoders -> voxel maps per feature space: pattern, weights, accuracy-weighted weights (method.md 6.3), and region means as metrics. */
import { ndarray } from '../../../common/ndarray.ts';
import type { F32 } from '../../../common/ndarray.ts';
import { throwIfAborted } from '../../../common/errors.ts';
import { addBlock, emptySums, finishSums } from '../../maps/voxel-sums.ts';
import type { SpaceMaps } from '../../maps/voxel-sums.ts';
import type { Decoder } from '../../ridge/decoder.ts';
import { openDecoder, primalWeights } from '../../ridge/decoder.ts';
import { applyStandard } from '../../ridge/standardise.ts';
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
    return putWhole(context.workspace, step.key, { kind: 'maps', spaces }, async (folder) => {
      for (const [index, space] of spaces.entries()) {
        const decoder = await openDecoder(arrayFolder(folderOf(context, `fit:${space}`)));
        const unitR = await readArray(folderOf(context, `predict:${space}`), 'unit-r', 'float32');
        const maps = await mapsOf(decoder, training, unitR.data, context, (share) => { progress(index + share, spaces.length, 'feature spaces'); });
        for (const [kind, values] of Object.entries(maps) as [keyof SpaceMaps, Float32Array][]) await writeArray(folder, `${kind}-${space}`, ndarray('float32', [values.length], values));
      }
      await writeArray(folder, 'repeat-mean', columnMeans(training));
    });
  },
};

async function mapsOf(decoder: Decoder, training: F32, unitR: Float32Array, context: StageContext, progress: (share: number) => void): Promise<SpaceMaps> {
  const { products, signal } = context;
  const { targets, voxels, rows } = decoder.record;
  const x = applyStandard(training, decoder.xMean, decoder.xScale);
  const sums = emptySums(voxels);
  for (let from = 0; from < targets; from += BLOCK) {
    throwIfAborted(signal);
    const to = Math.min(targets, from + BLOCK);
    // Weights of standardised x: raw-unit weights times the scale.
    const raw = await primalWeights(decoder, products, { targets: [from, to], signal });
    const width = to - from;
    const weights = ndarray('float32', raw.shape, raw.data.map((value, i) => value * (decoder.xScale[Math.floor(i / width)] ?? 1)));
    // Decoded training rows are centred because x is: yhat - ybar = x W, cov(x_v, yhat_f) = x_v . yhat_f / rows.
    const decoded = await products.multiply('ab', x, weights);
    const covariance = await products.multiply('aTb', x, decoded);
    for (let i = 0; i < covariance.data.length; i++) covariance.data[i] = (covariance.data[i] ?? 0) / rows;
    addBlock(sums, { covariance, weights, decodedDeviation: deviations(decoded), targetDeviation: decoder.yDeviation.subarray(from, to), r: unitR.subarray(from, to) });
    progress(to / targets);
  }
  return finishSums(sums);
}

/** Root mean square of each column (the columns have mean 0). */
function deviations(array: F32): Float64Array {
  const [rows = 0, columns = 0] = array.shape;
  const sums = new Float64Array(columns);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) sums[j] = (sums[j] ?? 0) + (array.data[i * columns + j] ?? 0) ** 2;
  return sums.map((sum) => Math.sqrt(sum / rows));
}

function columnMeans(array: F32): F32 {
  const [rows = 0, columns = 0] = array.shape;
  const sums = new Float64Array(columns);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) sums[j] = (sums[j] ?? 0) + (array.data[i * columns + j] ?? 0);
  return ndarray('float32', [columns], Float32Array.from(sums, (sum) => sum / rows));
}
