/**
 * Accuracy by region: a decoder for every region and feature space of a finished run, refitted on the region's voxels alone ("only-R", method.md 6.5) with
 * the run's grid of penalties, folds and scaling, the penalty of every target chosen anew by cross-validation; judged on the run's test images.
 *
 * It answers what a region knows by itself, not what the run's decoder takes from it, and larger regions have more voxels to say it with. Regions are
 * kept one by one, so that a killed measurement goes on; weights are not kept.
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import type { RegionAccuracy, RegionAccuracyRow, RegionSpaceAccuracy, RunRef } from '../../common/contract/payloads.ts';
import type { Dataset } from '../../common/dataset.ts';
import { throwIfAborted } from '../../common/errors.ts';
import { fitWork } from '../../common/fit-work.ts';
import type { Recipe, SpaceName } from '../../common/recipe.ts';
import type { Products } from '../linalg/products.ts';
import { noiseCeilingPercent } from '../metrics/noise-ceiling.ts';
import { openDecoder, predict } from '../ridge/decoder.ts';
import { fitDecoder } from '../ridge/fit.ts';
import { absolutePenalties } from '../ridge/fit-options.ts';
import { arrayTargets } from '../ridge/targets.ts';
import { arrayFolder } from './array-folder.ts';
import { artefactFolder, exists, hasArtefact, putItem, putWhole, writeJson } from './artefacts.ts';
import { measureAccuracy } from './decoding-accuracy.ts';
import { keyOf } from './key.ts';
import { PIPELINE_SPACES } from './plan.ts';
import { readReport } from './space-report.ts';
import { loadFeatures } from './stages/features.ts';
import { loadResponses, rowsWhere, takeRows } from './stages/responses.ts';
import type { StoredResponses } from './stages/responses.ts';
import { readTestTrials, takeColumns, trialsOfVoxels } from './trials.ts';
import type { TestTrials } from './trials.ts';

const VERSION = 2;

export interface RegionInput {
  readonly workspace: string;
  readonly ref: RunRef;
  readonly recipe: Recipe;
  readonly dataset: Dataset;
  readonly products: Products;
  /** Bytes that a fit may take; as in `FitOptions`. */
  readonly memory?: number | undefined;
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number, what: string) => void;
}

/** Key of the artefact of a run's regions: its fits stand for responses, features, penalties and folds. */
export function regionKey({ keys }: RunRef): string {
  const inputs = Object.entries(keys).filter(([label]) => label === 'responses' || label.startsWith('fit:') || label.startsWith('features:')).sort(([a], [b]) => (a < b ? -1 : 1));
  return keyOf({ kind: 'regions', version: VERSION, inputs });
}

/** What was measured of a run's regions before; null if nothing was. */
export async function readRegions(workspace: string, ref: RunRef): Promise<RegionAccuracy | null> {
  const key = regionKey(ref);
  return await hasArtefact(workspace, key) ? JSON.parse(await fs.readFile(path.join(artefactFolder(workspace, key), 'regions.json'), 'utf8'), revive) as RegionAccuracy : null;
}

/** Numbers that may be unknown are null in JSON. */
const revive = (name: string, value: unknown): unknown => (value === null && ['q1', 'median', 'q3', 'patternR', 'identification'].includes(name) ? Number.NaN : value);

/** Measures what is missing and keeps it. */
export async function measureRegions(input: RegionInput): Promise<RegionAccuracy> {
  const { workspace, ref, recipe, dataset, signal, progress } = input, key = regionKey(ref), started = performance.now();
  const known = await readRegions(workspace, ref);
  if (known !== null) return known;
  const folder = (label: string): string => artefactFolder(workspace, ref.keys[label] ?? '');
  const partial = `${artefactFolder(workspace, key)}.partial`;
  const responses = await loadResponses(folder('responses')), names = [...new Set(responses.regions)];
  const spaces = PIPELINE_SPACES[recipe.pipeline].filter((space) => ref.keys[`fit:${space}`] !== undefined);
  progress(0, 1000, 'single trials');
  const trials = await readTestTrials(dataset, recipe.data, responses, signal);
  // 1. Work in each, for an even progress bar.
  const training = rowsWhere(responses, false), columnsOf = (region: string | null): Int32Array => Int32Array.from(responses.regions.keys()).filter((v) => region === null || responses.regions[v] === region);
  const targets = new Map<SpaceName, number>();
  for (const space of spaces) targets.set(space, (await openDecoder(arrayFolder(folder(`fit:${space}`)))).record.targets);
  const work = (region: string, space: SpaceName): number => fitWork({ rows: training.length, voxels: columnsOf(region).length, targets: targets.get(space) ?? 0, alphas: recipe.decoder.alphas.length, folds: recipe.decoder.folds });
  const total = names.reduce((sum, region) => sum + spaces.reduce((part, space) => part + work(region, space), 0), 0);
  // 2. Spaces outside, so that features are read once.
  const found = new Map<string, RegionSpaceAccuracy[]>();
  let done = 0, kept = 0;
  for (const space of spaces) {
    const features = await featuresOf(input, responses, space);
    for (const [index, region] of names.entries()) {
      throwIfAborted(signal);
      const columns = columnsOf(region), own = work(region, space), item = `${space}-${index}.json`, what = `${region}, ${columns.length} voxels, ${space}`;
      const tell = (share: number): void => { progress(Math.floor((1000 * (done + own * share)) / total), 1000, what); };
      tell(0);
      const file = path.join(partial, item);
      let measured: RegionSpaceAccuracy;
      if (await exists(file)) { measured = JSON.parse(await fs.readFile(file, 'utf8'), revive) as RegionSpaceAccuracy; kept++; }
      else {
        measured = await measureRegion(input, { space, columns, responses, features, trials, scratch: path.join(partial, 'fit'), tell });
        await putItem(partial, item, new TextEncoder().encode(JSON.stringify(measured)));
      }
      found.set(region, [...found.get(region) ?? [], measured]);
      done += own;
    }
  }
  // 3. All voxels together, as the run decodes them.
  progress(1000, 1000, 'all regions together');
  const whole: RegionSpaceAccuracy[] = [];
  for (const space of spaces) whole.push(await measureWhole(input, space, responses, trials));
  const row = (region: string | null, own: readonly RegionSpaceAccuracy[]): RegionAccuracyRow => ({ region, voxels: columnsOf(region).length, noiseCeilingPercent: medianCeiling(responses, columnsOf(region)), spaces: own });
  const result: RegionAccuracy = { seconds: kept === 0 ? (performance.now() - started) / 1000 : null, rows: [...names.map((region) => row(region, found.get(region) ?? [])), row(null, whole)] };
  await putWhole(workspace, key, { kind: 'regions', run: ref.runId }, async (target) => { await writeJson(target, 'regions', result); });
  await fs.rm(partial, { recursive: true, force: true });
  return result;
}

interface SpaceFeatures { readonly train: Awaited<ReturnType<typeof loadFeatures>>['features']; readonly test: Awaited<ReturnType<typeof loadFeatures>>['features'] }

async function featuresOf({ workspace, ref }: RegionInput, responses: StoredResponses, space: SpaceName): Promise<SpaceFeatures> {
  const folder = artefactFolder(workspace, ref.keys[`features:${space}`] ?? ''), ids = (test: boolean): Int32Array => rowsWhere(responses, test).map((row) => responses.imageIds[row] ?? -1);
  return { train: (await loadFeatures(folder, ids(false))).features, test: (await loadFeatures(folder, ids(true))).features };
}

interface RegionFit {
  readonly space: SpaceName;
  readonly columns: Int32Array;
  readonly responses: StoredResponses;
  readonly features: SpaceFeatures;
  readonly trials: TestTrials | string;
  /** Weights go here, and are removed. */
  readonly scratch: string;
  readonly tell: (share: number) => void;
}

async function measureRegion({ recipe, products, memory, signal }: RegionInput, { space, columns, responses, features, trials, scratch, tell }: RegionFit): Promise<RegionSpaceAccuracy> {
  await fs.rm(scratch, { recursive: true, force: true });
  await fs.mkdir(scratch, { recursive: true });
  const rows = (test: boolean) => takeColumns(takeRows(responses.values, rowsWhere(responses, test)), columns);
  const x = rows(false), { alphas, folds } = recipe.decoder;
  const decoder = await fitDecoder({
    x, y: arrayTargets(features.train), alphas: absolutePenalties(alphas, x.shape[0] ?? 1), folds: { kind: 'k-fold', folds }, standardise: 'zscore', ...(memory === undefined ? {} : { memory }),
  }, { products, store: arrayFolder(scratch), signal, progress: (part, all) => { tell((0.9 * part) / all); } });
  const decoded = await predict(decoder, rows(true), products, { signal });
  const { unitR, patternR, identification, accuracy } = await measureAccuracy({
    decoder, truth: features.test, decoded, trials: typeof trials === 'string' ? trials : trialsOfVoxels(trials, columns), seed: recipe.seed, products, signal,
  });
  await fs.rm(scratch, { recursive: true, force: true });
  return { space, unitR, patternR, identification, accuracy, alphaCounts: decoder.record.summary?.alphaCounts ?? [] };
}

/** From the run's accuracy step, or measured here for a run of before there was one. */
async function measureWhole({ workspace, ref, recipe, products, signal }: RegionInput, space: SpaceName, responses: StoredResponses, trials: TestTrials | string): Promise<RegionSpaceAccuracy> {
  const measured = ref.keys['accuracy'];
  if (measured !== undefined) {
    const { unitR, patternR, identification, accuracy, alphaCounts } = await readReport(artefactFolder(workspace, measured), space);
    if (accuracy !== null) return { space, unitR, patternR, identification, accuracy, alphaCounts };
  }
  const decoder = await openDecoder(arrayFolder(artefactFolder(workspace, ref.keys[`fit:${space}`] ?? ''))), test = rowsWhere(responses, true);
  const { features: truth } = await loadFeatures(artefactFolder(workspace, ref.keys[`features:${space}`] ?? ''), test.map((row) => responses.imageIds[row] ?? -1));
  const decoded = await predict(decoder, takeRows(responses.values, test), products, { signal });
  const { unitR, patternR, identification, accuracy } = await measureAccuracy({ decoder, truth, decoded, trials, seed: recipe.seed, products, signal });
  return { space, unitR, patternR, identification, accuracy, alphaCounts: decoder.record.summary?.alphaCounts ?? [] };
}

function medianCeiling({ ncsnr, repeats, isTest }: StoredResponses, columns: Int32Array): number | null {
  if (ncsnr === null || columns.length === 0) return null;
  const known = [...noiseCeilingPercent(Float32Array.from(columns, (v) => ncsnr[v] ?? Number.NaN), [...repeats].filter((_, row) => isTest[row] === 1))].filter(Number.isFinite).sort((a, b) => a - b);
  return known[Math.floor(known.length / 2)] ?? null;
}
