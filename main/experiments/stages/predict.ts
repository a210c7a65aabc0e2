/** Responses of the test images -> decoded features, and how well: per target, per image, by identification. */
import type { SpaceReport } from '../../../common/contract/payloads.ts';
import { ndarray } from '../../../common/ndarray.ts';
import type { F32 } from '../../../common/ndarray.ts';
import type { SpaceName } from '../../../common/recipe.ts';
import { patternCorrelation, quartiles, unitCorrelation } from '../../metrics/correlation.ts';
import { similarityMatrix, twoWayIdentification } from '../../metrics/identification.ts';
import type { Decoder } from '../../ridge/decoder.ts';
import { openDecoder, predict } from '../../ridge/decoder.ts';
import { matchVariance } from '../../ridge/variance-matching.ts';
import { arrayFolder } from '../array-folder.ts';
import { hasArtefact, putWhole, readJson, writeArray, writeJson } from '../artefacts.ts';
import type { PlannedStep } from '../plan.ts';
import type { Stage, StageContext } from '../stage.ts';
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
    const report = reportOf(space, decoder, features, raw, unitR);
    progress(2, 3, 'parts');
    const bytes = await putWhole(context.workspace, step.key, { kind: 'predict', space, shape: raw.shape }, async (folder) => {
      await writeArray(folder, 'predicted', matched);
      await writeArray(folder, 'raw', raw);
      await writeArray(folder, 'unit-r', ndarray('float32', [unitR.length], unitR));
      await writeArray(folder, 'image-ids', ndarray('int32', [ids.length], ids));
      await writeJson(folder, 'report', report);
    });
    announce(step, context, report);
    return bytes;
  },
  async replay(step, context) { announce(step, context, await readJson<SpaceReport>(folderOf(context, step.label), 'report')); },
};

function announce(step: PlannedStep, context: StageContext, report: SpaceReport): void {
  const facts = { 'unit r (median)': report.unitR.median, 'pattern r': report.patternR, 'two-way identification of features': report.identification };
  for (const [name, value] of Object.entries(facts)) if (Number.isFinite(value)) context.emit({ type: 'metric', key: step.key, name, value, space: report.space });
}

function reportOf(space: SpaceName, decoder: Decoder, truth: F32, decoded: F32, unitR: Float32Array): SpaceReport {
  const known = unitR.filter((r) => Number.isFinite(r));
  const z = (array: F32): F32 => standardised(array, decoder.yMean, decoder.yDeviation);
  const truthZ = z(truth), decodedZ = z(decoded);
  const pattern = patternCorrelation(truthZ, decodedZ).filter((r) => Number.isFinite(r));
  const identified = (truth.shape[0] ?? 0) < 2 ? Float64Array.of() : twoWayIdentification(similarityMatrix(truthZ, decodedZ));
  const { record } = decoder;
  return {
    space, targets: record.targets, solver: `${record.solver.title}: ${record.solver.reason}`,
    unitR: known.length === 0 ? { q1: 0, median: 0, q3: 0 } : quartiles(known), patternR: mean(pattern), identification: mean(identified), identificationChance: 0.5,
    alphas: record.alphas.map((alpha) => alpha / record.rows), alphaCounts: record.summary?.alphaCounts ?? [],
  };
}

/** Targets in units of their training SD; constant targets become 0. */
function standardised(array: F32, center: Float32Array, deviation: Float32Array): F32 {
  const width = array.shape[1] ?? 0;
  return ndarray('float32', array.shape, array.data.map((value, i) => {
    const sd = deviation[i % width] ?? 0;
    return sd > 0 ? (value - (center[i % width] ?? 0)) / sd : 0;
  }));
}

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0;
  return values.length === 0 ? 0 : sum / values.length;
}
