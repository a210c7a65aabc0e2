/** Responses and features of the training images -> a decoder: ridge with one cross-validated penalty per target. */
import fs from 'node:fs/promises';
import { artefactFolder, hasArtefact, putWhole } from '../artefacts.ts';
import { arrayFolder, checkpointFolder } from '../array-folder.ts';
import type { Stage } from '../stage.ts';
import { folderOf, progressOf } from '../stage.ts';
import { fitDecoder } from '../../ridge/fit.ts';
import { absolutePenalties } from '../../ridge/fit-options.ts';
import { arrayTargets } from '../../ridge/targets.ts';
import { loadFeatures } from './features.ts';
import { responsesOf, rowsWhere, takeRows } from './responses.ts';

export const FIT: Stage = {
  kind: 'fit',
  isComplete: (step, context) => hasArtefact(context.workspace, step.key),
  async run(step, context) {
    const space = step.space ?? 'z';
    const responses = await responsesOf(context);
    const training = rowsWhere(responses, false);
    const ids = training.map((row) => responses.imageIds[row] ?? -1);
    const { features } = await loadFeatures(folderOf(context, `features:${space}`), ids);
    const { alphas, folds } = context.recipe.decoder;
    // Beside the artefact, not in it: a fit that was killed goes on from here.
    const partial = `${artefactFolder(context.workspace, step.key)}.partial`;
    const bytes = await putWhole(context.workspace, step.key, { kind: 'fit', space, targets: features.shape[1], images: training.length }, async (folder) => {
      await fitDecoder({
        x: takeRows(responses.values, training), y: arrayTargets(features), alphas: absolutePenalties(alphas, training.length),
        folds: { kind: 'k-fold', folds }, standardise: 'zscore', provenance: { space, subject: context.recipe.data.subject, key: step.key },
      }, { products: context.products, store: arrayFolder(folder), checkpoint: checkpointFolder(partial), signal: context.signal, progress: progressOf(step, context) });
    });
    await fs.rm(partial, { recursive: true, force: true });
    return bytes;
  },
};
