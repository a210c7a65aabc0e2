/** Predictions -> how good they are, per feature space: `report-SPACE.json` (accuracy, penalties, chance, trial noise) `r-SPACE.npy` and `ceiling-SPACE.npy`. */
import type { SpaceReport } from '../../../common/contract/payloads.ts';
import { ndarray } from '../../../common/ndarray.ts';
import type { SpaceName } from '../../../common/recipe.ts';
import { arrayFolder } from '../array-folder.ts';
import { hasArtefact, putWhole, readArray, writeArray, writeJson } from '../artefacts.ts';
import { measureAccuracy } from '../decoding-accuracy.ts';
import type { MeasuredAccuracy } from '../decoding-accuracy.ts';
import type { Decoder } from '../../ridge/decoder.ts';
import { openDecoder } from '../../ridge/decoder.ts';
import type { DecoderRecord } from '../../ridge/artefact.ts';
import type { PlannedStep } from '../plan.ts';
import { PIPELINE_SPACES } from '../plan.ts';
import { readReport } from '../space-report.ts';
import type { Stage, StageContext } from '../stage.ts';
import { folderOf, progressOf } from '../stage.ts';
import { readTestTrials } from '../trials.ts';
import { loadFeatures } from './features.ts';
import { responsesOf } from './responses.ts';

export const ACCURACY: Stage = {
  kind: 'accuracy',
  isComplete: (step, context) => hasArtefact(context.workspace, step.key),
  async run(step, context) {
    const spaces = PIPELINE_SPACES[context.recipe.pipeline], total = spaces.length + 1, progress = progressOf(step, context);
    progress(0, total, 'parts');
    const responses = await responsesOf(context);
    const trials = await readTestTrials(context.dataset, context.recipe.data, responses, context.signal);
    const reports: SpaceReport[] = [];
    const bytes = await putWhole(context.workspace, step.key, { kind: 'accuracy', spaces }, async (folder) => {
      for (const [index, space] of spaces.entries()) {
        progress(index + 1, total, 'parts');
        const decoder = await openDecoder(arrayFolder(folderOf(context, `fit:${space}`)));
        const decoded = await readArray(folderOf(context, `predict:${space}`), 'raw', 'float32');
        const { data: ids } = await readArray(folderOf(context, `predict:${space}`), 'image-ids', 'int32');
        const { features: truth } = await loadFeatures(folderOf(context, `features:${space}`), ids);
        const measured = await measureAccuracy({ decoder, truth, decoded, trials, seed: context.recipe.seed, products: context.products, signal: context.signal });
        await writeArray(folder, `r-${space}`, ndarray('float32', [measured.r.length], measured.r));
        if (measured.ceiling !== null) await writeArray(folder, `ceiling-${space}`, ndarray('float32', [measured.ceiling.length], measured.ceiling));
        const report = reportOf(space, decoder, measured);
        await writeJson(folder, `report-${space}`, report);
        reports.push(report);
      }
    });
    for (const report of reports) announce(step, context, report);
    return bytes;
  },
  async replay(step, context) {
    for (const space of PIPELINE_SPACES[context.recipe.pipeline]) announce(step, context, await readReport(folderOf(context, step.label), space));
  },
};

function announce(step: PlannedStep, context: StageContext, { space, unitR, patternR, identification, accuracy }: SpaceReport): void {
  const facts = {
    'unit r (median)': unitR.median, 'pattern r': patternR, 'two-way identification of features': identification,
    'unit r without trial noise (median)': accuracy?.ceiling?.withoutNoise.median ?? Number.NaN,
  };
  const chance: Readonly<Record<string, number | undefined>> = { 'two-way identification of features': 0.5 };
  for (const [name, value] of Object.entries(facts)) {
    const baseline = chance[name];
    if (Number.isFinite(value)) context.emit({ type: 'metric', key: step.key, name, value, space, ...(baseline === undefined ? {} : { baseline }) });
  }
}

/** What `decoder.json` says of its weights, penalties in the unit of recipes. */
function checkOf({ check, rows }: DecoderRecord): Pick<SpaceReport, 'check'> {
  if (check === undefined) return {};
  const { targets, worstError, tolerance, missed } = check;
  return { check: { targets, worstError, tolerance, missed: missed.map(({ alpha, error }) => ({ alpha: alpha / rows, error })) } };
}

function reportOf(space: SpaceName, { record }: Decoder, { unitR, patternR, identification, accuracy }: MeasuredAccuracy): SpaceReport {
  return {
    space, targets: record.targets, solver: `${record.solver.title}: ${record.solver.reason}`, ...checkOf(record), unitR, patternR, identification, identificationChance: 0.5,
    alphas: record.alphas.map((alpha) => alpha / record.rows), alphaCounts: record.summary?.alphaCounts ?? [], accuracy,
  };
}
