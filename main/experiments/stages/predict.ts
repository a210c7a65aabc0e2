/** Responses of the test images -> decoded features, and r over these images per target. How good they are is measured by `accuracy.ts`. */
import { ndarray } from '../../../common/ndarray.ts';
import { unitCorrelation } from '../../metrics/correlation.ts';
import { openDecoder, predict } from '../../ridge/decoder.ts';
import { matchVariance } from '../../ridge/variance-matching.ts';
import { arrayFolder } from '../array-folder.ts';
import { hasArtefact, putWhole, writeArray } from '../artefacts.ts';
import type { Stage } from '../stage.ts';
import { folderOf, progressOf } from '../stage.ts';
import { loadFeatures } from './features.ts';
import { responsesOf, rowsWhere, takeRows } from './responses.ts';

export const PREDICT: Stage = {
  kind: 'predict',
  isComplete: (step, context) => hasArtefact(context.workspace, step.key),
  async run(step, context) {
    const space = step.space ?? 'z';
    const progress = progressOf(step, context);
    progress(0, 3, 'parts');
    const responses = await responsesOf(context);
    const test = rowsWhere(responses, true);
    const ids = test.map((row) => responses.imageIds[row] ?? -1);
    const decoder = await openDecoder(arrayFolder(folderOf(context, `fit:${space}`)));
    const raw = await predict(decoder, takeRows(responses.values, test), context.products, { signal: context.signal });
    progress(1, 3, 'parts');
    const { features } = await loadFeatures(folderOf(context, `features:${space}`), ids);
    const matched = context.recipe.decoder.varianceMatching ? matchVariance(decoder, raw) : raw;
    const unitR = unitCorrelation(features, raw);
    progress(2, 3, 'parts');
    return putWhole(context.workspace, step.key, { kind: 'predict', space, shape: raw.shape }, async (folder) => {
      await writeArray(folder, 'predicted', matched);
      await writeArray(folder, 'raw', raw);
      await writeArray(folder, 'unit-r', ndarray('float32', [unitR.length], unitR));
      await writeArray(folder, 'image-ids', ndarray('int32', [ids.length], ids));
    });
  },
};
