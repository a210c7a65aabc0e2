/** What stage 2 says while it works, and of pictures on which the networks overflow, in whole runs of the demo pack on tiny arrays. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseRecipe } from '../../../common/recipe.ts';
import type { RefinementRecord, RunEvent } from '../../../common/run-event.ts';
import { artefactFolder, readArray, readJson } from '../../../main/experiments/artefacts.ts';
import { openNetworks } from '../../../main/experiments/networks.ts';
import type { Networks } from '../../../main/experiments/networks.ts';
import { openDataset } from '../../../main/experiments/open-dataset.ts';
import { prepareRun } from '../../../main/experiments/prepare.ts';
import { run } from '../../../main/experiments/run.ts';
import { sessionProducts } from '../../../main/linalg/session-products.ts';
import { TRAIN, tinyArrays } from '../../support/tiny-arrays.ts';

const models = fileURLToPath(new URL('../../../resources/models', import.meta.url)), products = sessionProducts({ threads: 1 });
let data = '', workspace = '', networks: Networks;
beforeAll(async () => {
  data = await tinyArrays();
  workspace = await mkdtemp(path.join(tmpdir(), 'refine-'));
  networks = await openNetworks(path.join(models, 'demo'));
});
afterAll(async () => {
  await networks.release();
  await products.release();
  for (const folder of [data, workspace]) await rm(folder, { recursive: true, force: true });
});

async function eventsOf(guidance: number, refine: object): Promise<readonly RunEvent[]> {
  const events: RunEvent[] = [], parsed = parseRecipe({
    name: 'tiny', data: { subject: 'one', atlas: 'all', zscore: 'train' }, decoder: { alphas: [1], folds: 2 }, images: 2,
    sampler: { steps: 4, strength: 1, guidance: 1 }, refine: { enabled: true, iterations: 3, ...refine },
  });
  // Above what a form takes, so that real networks overflow.
  const recipe = { ...parsed, sampler: { ...parsed.sampler, guidance } };
  const context = await prepareRun({ recipe, dataPath: data, workspace, models, openDataset, openNetworks: () => Promise.resolve(networks), products, signal: new AbortController().signal, emit: (event) => { events.push(event); } });
  try { await run(context); } finally { context.dataset.close(); }
  return events;
}

it('counts a guided walk by its pushed steps, whatever the recipe\'s iterations', async () => {
  const events = await eventsOf(1, { mode: 'guided', guidedShare: 0.5 }), said = events.flatMap((event) => (event.type === 'refinement' ? [event.refinement] : []));
  expect(events.at(-1)?.type).toBe('finished');
  expect(said.map(({ imageId, iteration, iterations }) => [imageId, iteration, iterations])).toEqual([[TRAIN, 0, 1], [TRAIN + 1, 0, 1], [TRAIN, 1, 1], [TRAIN + 1, 1, 1]]);
}, 240_000);

it('says what the image\'s own features would lose', async () => {
  const events = await eventsOf(1, { mode: 'coarse', iterations: 1, finalists: 0, keptShare: 1 });
  expect(events.at(-1)?.type).toBe('finished');
  const keyOf = (label: string): string => { const found = events.flatMap((event) => (event.type === 'planned' ? event.steps : [])).find((step) => step.label === label); if (found === undefined) throw new Error(label); return found.key; };
  const array = async (label: string, name: string): Promise<Float32Array> => (await readArray(artefactFolder(workspace, keyOf(label)), name, 'float32')).data;
  const predicted = await array('predict:clip', 'predicted'), features = await array('features:clip', 'features'), mean = await array('fit:clip', 'y-mean'), deviation = await array('fit:clip', 'y-deviation');
  const { scores } = await readJson<{ readonly scores: { readonly r: readonly number[] } }>(artefactFolder(workspace, keyOf('fit:clip')), 'decoder');
  const idsOf = async (label: string): Promise<Int32Array> => (await readArray(artefactFolder(workspace, keyOf(label)), 'image-ids', 'int32')).data, rows = await idsOf('features:clip'), tests = await idsOf('predict:clip');
  for (const imageId of [TRAIN, TRAIN + 1]) {
    const t = tests.indexOf(imageId) * mean.length, g = rows.indexOf(imageId) * mean.length;
    let sum = 0, weights = 0;
    scores.r.forEach((r, u) => {
      const sd = deviation[u] ?? 0, apart = ((predicted[t + u] ?? NaN) - (features[g + u] ?? NaN)) / sd;
      if (r > 0 && sd > 0) { weights += r ** 2; sum += r ** 2 * apart ** 2; }
    });
    const record = await readJson<RefinementRecord>(artefactFolder(workspace, keyOf('refine')), `${String(imageId).padStart(5, '0')}-refinement`);
    expect(Math.abs((record.atTruth ?? NaN) / (sum / weights) - 1)).toBeLessThan(1e-5); // r, mean and SD are kept in float32
  }
}, 240_000);

it.each(['guided', 'coarse'] as const)('names the image on which the networks overflow (%s)', async (mode) => {
  const events = await eventsOf(1e37, { mode });
  expect(events.at(-1)).toMatchObject({ type: 'failed', error: { kind: 'unsupported', message: `the loss of image ${TRAIN} is no number at iteration 0 of stage 2`, expected: expect.any(String) as string, found: expect.any(String) as string, fix: expect.any(String) as string } });
}, 240_000);

it('compares with stage 1 too where every image has stopped before the first that would be kept', async () => {
  const events = await eventsOf(1, { mode: 'coarse', finalists: 1, stopWindow: 1, stopChange: 0.99 }), said = events.flatMap((event) => (event.type === 'refinement' ? [event.refinement] : []));
  expect(events.at(-1)?.type).toBe('finished');
  expect(said.map(({ imageId, iteration }) => [imageId, iteration])).toEqual([[TRAIN, 0], [TRAIN + 1, 0], [TRAIN, 1], [TRAIN + 1, 1]]);
  for (const { imageId, picture } of said.slice(2)) {
    const folder = path.join(workspace, path.dirname(picture), '..'), record = JSON.parse(await readFile(path.join(folder, `${String(imageId).padStart(5, '0')}-refinement.json`), 'utf8')) as RefinementRecord;
    expect(record.stopped).toBe(1);
    expect(record.drawn?.map(({ iteration }) => iteration)).toEqual([0, 1]);
    expect(record.after.decoded, `chosen ${record.chosen}`).toBeLessThanOrEqual(record.before.decoded);
  }
}, 240_000);
