/** The whole way from files to the report of a space, on data whose answer is known. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { RunRef, SpaceReport } from '../../../common/contract/payloads.ts';
import { parseRecipe } from '../../../common/recipe.ts';
import type { RunEvent, StepKind } from '../../../common/run-event.ts';
import { artefactFolder, exists, readArray } from '../../../main/experiments/artefacts.ts';
import { openDataset } from '../../../main/experiments/open-dataset.ts';
import { prepareRun } from '../../../main/experiments/prepare.ts';
import type { PreparedRun } from '../../../main/experiments/prepare.ts';
import { measureRegions, readRegions, regionKey } from '../../../main/experiments/regions.ts';
import { readSpaceReports } from '../../../main/experiments/space-report.ts';
import { alignTrials, readTestTrials } from '../../../main/experiments/trials.ts';
import { STAGES } from '../../../main/experiments/stages/index.ts';
import { responsesOf } from '../../../main/experiments/stages/responses.ts';
import { unitAccuracy } from '../../../main/experiments/views/accuracy.ts';
import { sessionProducts } from '../../../main/linalg/session-products.ts';
import { f32 } from '../../../common/ndarray.ts';
import { random } from '../../../common/random.ts';
import { expectClose } from '../../support/close.ts';
import { PLANTED, plantedArrays } from '../../support/planted-arrays.ts';
import type { PlantedOptions } from '../../support/planted-arrays.ts';

const models = fileURLToPath(new URL('../../../resources/models', import.meta.url));
const folders: string[] = [], products = sessionProducts({ threads: 1 });
afterAll(async () => {
  await products.release();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

const DECODING: readonly StepKind[] = ['responses', 'features', 'fit', 'predict', 'accuracy'];

interface Decoded { readonly context: PreparedRun; readonly ref: RunRef; readonly report: SpaceReport; readonly events: readonly RunEvent[]; readonly workspace: string }

type Options = PlantedOptions & { readonly zscore?: 'session' | 'train' | 'none' };
const made = new Map<string, Promise<Decoded>>();

/** Made once for each choice. */
function decoded(options: Options = {}): Promise<Decoded> {
  const name = JSON.stringify(options), known = made.get(name) ?? decode(options);
  made.set(name, known);
  return known;
}

/** Walks the steps up to the accuracy of a pixel decoder; the ones after it need networks. */
async function decode(options: Options = {}): Promise<Decoded> {
  const data = await plantedArrays(options), workspace = await mkdtemp(path.join(tmpdir(), 'accuracy-'));
  folders.push(data, workspace);
  const recipe = parseRecipe({ name: 'planted', pipeline: 'pixels', data: { subject: 'one', atlas: 'all', zscore: options.zscore ?? 'session' }, decoder: { alphas: [0.01, 0.1, 1, 10], folds: 4, varianceMatching: false }, seed: 9 });
  const events: RunEvent[] = [];
  const context = await prepareRun({
    recipe, dataPath: data, workspace, models, openDataset, products, signal: new AbortController().signal, emit: (event) => { events.push(event); },
    openNetworks: () => Promise.reject(new Error('pixels need no networks')),
  });
  for (const step of context.steps.filter(({ kind }) => DECODING.includes(kind))) await STAGES[step.kind].run(step, context);
  const ref: RunRef = { runId: 'run', dataPath: data, subject: 'one', keys: Object.fromEntries(context.steps.filter(({ kind }) => DECODING.includes(kind)).map(({ label, key }) => [label, key])) };
  const [report] = await readSpaceReports(workspace, ref.keys);
  if (report === undefined) throw new Error('no report was written');
  return { context, ref, report, events, workspace };
}

/** Accuracies of a decoder of 40 images: sampling of r is about 0.1, of a median over 16 pixels about 0.03. */
const SAMPLING = 0.06;

describe('accuracy of a decoder', () => {
  it.each([{}, { zscore: 'train' }] as const)('%o: r, its ceiling and r without noise are those of the planted world', async (options) => {
    const { report, events } = await decoded(options), accuracy = report.accuracy;
    if (accuracy === null || accuracy.ceiling === null || accuracy.chance === null) throw new Error(`not measured: ${accuracy?.ceilingMissing ?? 'nothing'}`);
    expect(accuracy).toMatchObject({ images: PLANTED.test, units: 16, constant: 0, still: 0, ceilingMissing: null, ceiling: { trials: PLANTED.test * PLANTED.repeats, voxelsLeftOut: 0 }, chance: { seed: 9 } });
    // 8 voxels of known weights see 8 pixels; with an endless number of trials the pixels are known exactly, so r without noise goes to one.
    expect(report.unitR.median).toBeGreaterThan(accuracy.chance.unit);
    expect(accuracy.ceiling.ceiling.median).toBeLessThan(0.97);
    expectClose(accuracy.ceiling.withoutNoise.median, accuracy.ceiling.r.median / accuracy.ceiling.ceiling.median, { absolute: SAMPLING });
    expect(report.unitR.median).toBeLessThan(accuracy.ceiling.withoutNoise.median);
    // 1.96 / sqrt(40) to first order.
    expectClose(accuracy.chance.unit, 0.312, { absolute: 0.02 });
    const said = events.filter((event) => event.type === 'metric').map(({ name }) => name);
    expect(said).toEqual(['unit r (median)', 'pattern r', 'two-way identification of features', 'unit r without trial noise (median)']);
  });

  it('the ceiling agrees with what fresh trials do: r of endless trials is approached by averaging more of them', async () => {
    const few = await decoded(), many = await decoded({ repeats: 60 });
    expectClose(few.report.accuracy?.ceiling?.withoutNoise.median ?? Number.NaN, many.report.unitR.median, { absolute: SAMPLING });
  });

  it.each<[PlantedOptions, string]>([
    [{ repeats: 1 }, 'no test image was shown twice, so trial noise is not known'], [{ test: 1 }, 'trial noise needs at least two test images'],
  ])('says why there is no ceiling: %o', async (options, why) => {
    const { report } = await decoded(options);
    expect(report.accuracy).toMatchObject({ ceiling: null, ceilingMissing: why });
    expect([Number.isNaN(report.identification), report.accuracy?.chance === null]).toEqual([options.test === 1, options.test === 1]);
  });

  it('gives no r to targets that do not vary, in training or over the test images, and counts them', async () => {
    const { report, ref, workspace } = await decoded({ constant: 2, still: 3 });
    expect(report.accuracy).toMatchObject({ units: 11, constant: 2, still: 3 });
    expect([...(await unitAccuracy(workspace, ref, 'pixels')).r].map(Number.isNaN)).toEqual(Array.from({ length: 16 }, (_, p) => p < 5));
  });

  it('gives the window every unit with its ceiling', async () => {
    const { ref, workspace, report } = await decoded(), units = await unitAccuracy(workspace, ref, 'pixels');
    expect(units.shape).toEqual([4, 4, 1]);
    const sorted = [...units.r].sort((a, b) => a - b);
    expectClose(report.unitR.median, ((sorted[7] ?? 0) + (sorted[8] ?? 0)) / 2, { absolute: 1e-6 });
    expectClose([...units.r], [...(await readArray(artefactFolder(workspace, ref.keys['predict:pixels'] ?? ''), 'unit-r', 'float32')).data], { absolute: 0 });
    expect(units.ceiling?.every((value) => value >= 0 && value <= 1)).toBe(true);
  });
});

describe('accuracy by region', () => {
  it('finds that each region knows its half of the picture, and the third nothing; the work of a stopped measurement is kept', async () => {
    const { context, ref, workspace, report } = await decoded();
    const input = { workspace, ref, recipe: context.recipe, dataset: context.dataset, products, progress: () => undefined };
    const stop = new AbortController(), partial = `${artefactFolder(workspace, regionKey(ref))}.partial`;
    await expect(measureRegions({ ...input, signal: stop.signal, progress: (done) => { if (done > 400) stop.abort(); } })).rejects.toThrow('cancelled');
    expect(await readRegions(workspace, ref)).toBeNull();
    const kept = (await readdir(partial)).filter((name) => name.endsWith('.json'));
    expect(kept.length).toBeGreaterThan(0);
    const measured = await measureRegions({ ...input, signal: new AbortController().signal });
    expect(measured.rows.map(({ region, voxels }) => [region, voxels])).toEqual([['A', 8], ['B', 8], ['N', 8], [null, 24]]);
    const median = (row: number): number => measured.rows[row]?.spaces[0]?.unitR.q3 ?? Number.NaN;
    // Half of the pixels of A and B are decoded: the upper quartile shows them; of N none is.
    const bound = measured.rows[2]?.spaces[0]?.accuracy.chance?.unit ?? Number.NaN;
    expect([median(0) > 2 * bound, median(1) > 2 * bound, median(2) < bound]).toEqual([true, true, true]);
    expect(measured.rows[3]?.spaces[0]).toMatchObject({ unitR: report.unitR, identification: report.identification });
    expect([measured.seconds, await exists(partial)]).toEqual([null, false]);
    expect(await readRegions(workspace, ref)).toEqual(measured);
    const fresh = await decode(); // the same numbers when nothing stopped it
    const whole = await measureRegions({ ...input, workspace: fresh.workspace, ref: fresh.ref, dataset: fresh.context.dataset, signal: new AbortController().signal });
    expect(whole.rows).toEqual(measured.rows);
    expect(whole.seconds).toBeGreaterThan(0);
  });
});

describe('single trials', () => {
  it('are brought to the scale of the responses, and left out where they do not average to them', () => {
    const source = random(3), imageOfTrial = Int32Array.of(0, 1, 2, 0, 1, 2), raw = f32([6, 3], Float32Array.from({ length: 18 }, () => source.normal()));
    const averaged = f32([3, 3], Float32Array.from({ length: 9 }, (_, i) => { const image = Math.floor(i / 3), v = i % 3; return 5 * ((raw.data[image * 3 + v] ?? 0) + (raw.data[(image + 3) * 3 + v] ?? 0)) / 2 - 1; }));
    averaged.data[2] = 40; // voxel 2 is not an average of its trials
    const before = Float32Array.from(raw.data);
    expect(alignTrials(raw, imageOfTrial, averaged, true)).toBe(1);
    expectClose([0, 3, 6, 9].map((i) => raw.data[i] ?? Number.NaN), [0, 3, 6, 9].map((i) => 5 * (before[i] ?? 0) - 1), { absolute: 1e-5 });
    expectClose([2, 5, 8, 11, 14, 17].map((i) => raw.data[i] ?? Number.NaN), [40, 5, 8, 40, 5, 8].map((i) => (i === 40 ? 40 : averaged.data[i] ?? Number.NaN)), { absolute: 1e-6 });
  });

  it('of a run are those of its test images, three of each', async () => {
    const { context } = await decoded(), trials = await readTestTrials(context.dataset, context.recipe.data, await responsesOf(context), context.signal);
    if (typeof trials === 'string') throw new Error(trials);
    expect(trials.values.shape).toEqual([PLANTED.test * PLANTED.repeats, PLANTED.voxels]);
    expect([...trials.imageOfTrial].sort((a, b) => a - b)).toEqual(Array.from({ length: PLANTED.test * PLANTED.repeats }, (_, t) => Math.floor(t / PLANTED.repeats)));
  });
});
