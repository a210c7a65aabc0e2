/** Responses and features of the training images -> a decoder (ridge with one cross-validated penalty per target) and the pattern map of its space. */
import fs from 'node:fs/promises';
import { ndarray } from '../../../common/ndarray.ts';
import { addPatterns, emptySums, finishSums, patternFacts } from '../../maps/voxel-sums.ts';
import { collectErrors } from '../../ridge/error-components.ts';
import { fitDecoder } from '../../ridge/fit.ts';
import { absolutePenalties } from '../../ridge/fit-options.ts';
import { layGroundwork } from '../../ridge/groundwork.ts';
import type { GroundOptions } from '../../ridge/groundwork.ts';
import { applyStandard } from '../../ridge/standardise.ts';
import { arrayTargets } from '../../ridge/targets.ts';
import { artefactFolder, hasArtefact, putWhole, writeArray } from '../artefacts.ts';
import { arrayFolder, checkpointFolder } from '../array-folder.ts';
import { keyFor } from '../plan.ts';
import type { Stage } from '../stage.ts';
import { folderOf, progressOf } from '../stage.ts';
import { loadFeatures } from './features.ts';
import { responsesOf, rowsWhere, takeRows } from './responses.ts';

/** Arrays beside the decoder of z and of c: the components of its errors, along which stage 2 searches. */
export const ERROR_DIRECTIONS = 'error-directions', ERROR_DEVIATION = 'error-deviation';

export const FIT: Stage = {
  kind: 'fit',
  isComplete: (step, context) => hasArtefact(context.workspace, step.key),
  async run(step, context) {
    const { products, signal } = context;
    const space = step.space ?? 'z';
    const progress = progressOf(step, context);
    const responses = await responsesOf(context);
    const training = rowsWhere(responses, false);
    const ids = training.map((row) => responses.imageIds[row] ?? -1);
    const { features } = await loadFeatures(folderOf(context, `features:${space}`), ids);
    const { alphas, folds, varianceMatching } = context.recipe.decoder, errors = space === 'z' || space === 'c' ? collectErrors(features, varianceMatching) : null;
    const options: GroundOptions = { x: takeRows(responses.values, training), alphas: absolutePenalties(alphas, training.length), folds: { kind: 'k-fold', folds }, standardise: 'zscore', ...(context.memory === undefined ? {} : { memory: context.memory }) };
    const lay = () => layGroundwork(options, products, { signal, progress: (share, what) => { progress(10 * share, 100, what); } }, true);
    const groundwork = await (context.groundwork?.of(`${keyFor(context.steps, 'responses')} ${JSON.stringify({ alphas, folds })}`, lay) ?? lay());
    // Patterns from predictions of images that the decoder had not seen: those of its own training images follow their noise.
    const x = applyStandard(options.x, groundwork.statistics.mean, groundwork.xScale);
    const sums = emptySums(x.shape[1] ?? 0);
    // Beside the artefact, not in it: a fit that was killed goes on from here.
    const partial = `${artefactFolder(context.workspace, step.key)}.partial`;
    const about = { kind: 'fit', space, targets: features.shape[1], images: training.length, pattern: 'out-of-fold predictions' };
    const bytes = await putWhole(context.workspace, step.key, about, async (folder) => {
      await fitDecoder({ ...options, y: arrayTargets(features), beside: errors?.bytes ?? 0, provenance: { space, subject: context.recipe.data.subject, key: step.key } }, {
        products, store: arrayFolder(folder), checkpoint: checkpointFolder(partial), signal, progress, groundwork,
        outOfFold: async (targets, predictions, r) => {
          addPatterns(sums, await patternFacts(x, predictions, r, (a, b) => products.multiply('aTb', a, b)));
          errors?.add(targets, predictions);
        },
      });
      if (errors !== null) {
        const { directions, deviation } = await errors.finish(products, signal);
        await writeArray(folder, ERROR_DIRECTIONS, directions);
        await writeArray(folder, ERROR_DEVIATION, ndarray('float32', [deviation.length], deviation));
      }
      const { pattern } = finishSums(sums);
      await writeArray(folder, 'pattern', ndarray('float32', [pattern.length], pattern));
    });
    await fs.rm(partial, { recursive: true, force: true });
    return bytes;
  },
};
