/**
 * An ablation table whose process dies at random moments ends as the one that was never interrupted, byte for byte. The death is an exception thrown at
 * the n-th fact that a run says, which leaves the workspace as a killed process does: every file is whole or absent.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { armsOf, DEFAULT_TABLE } from '../../../common/ablation/arms.ts';
import type { Arm } from '../../../common/ablation/arms.ts';
import { tableCsv, tableHtml, tableImagesCsv, tableLatex } from '../../../common/ablation/text.ts';
import { random } from '../../../common/random.ts';
import { parseRecipe } from '../../../common/recipe.ts';
import type { RefinementRecord, RunEvent } from '../../../common/run-event.ts';
import { LEAST_FALL } from '../../../main/experiments/finalists.ts';
import { artefactFolder, readJson } from '../../../main/experiments/artefacts.ts';
import { openNetworks } from '../../../main/experiments/networks.ts';
import type { Networks } from '../../../main/experiments/networks.ts';
import { openDataset } from '../../../main/experiments/open-dataset.ts';
import { keyFor } from '../../../main/experiments/plan.ts';
import { prepareRun } from '../../../main/experiments/prepare.ts';
import { run } from '../../../main/experiments/run.ts';
import type { StoredScores } from '../../../main/experiments/stages/score.ts';
import { composeTable } from '../../../main/experiments/tables/compose.ts';
import { sessionProducts } from '../../../main/linalg/session-products.ts';
import { tinyArrays } from '../../support/tiny-arrays.ts';

const SEED = 31;
const KILLS = 8;
const models = fileURLToPath(new URL('../../../resources/models', import.meta.url));
const recipe = parseRecipe({
  name: 'tiny', data: { subject: 'one', atlas: 'all', zscore: 'train' }, decoder: { alphas: [1], folds: 2 }, sampler: { steps: 2, strength: 1 }, images: 2,
  refine: { enabled: true, mode: 'full', iterations: 2 },
});
const atlas = { name: 'all', regions: [{ name: 'all', label: 1, voxels: 20 }] };

const folders: string[] = [];
const products = sessionProducts({ threads: 1 });
let data = '', networks: Networks, arms: readonly Arm[] = [];

beforeAll(async () => {
  data = await tinyArrays();
  folders.push(data);
  networks = await openNetworks(path.join(models, 'demo'));
  arms = armsOf(2, recipe, atlas, { ...DEFAULT_TABLE, adjustReplacedC: true });
});
afterAll(async () => {
  await networks.release();
  await products.release();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

interface Walked { readonly facts: number; readonly texts: readonly string[]; readonly records: readonly RefinementRecord[]; readonly reused: readonly string[] }

/** Runs every arm; throws at the given numbers of facts, counted over the whole table, and goes on each time. */
async function table(workspace: string, kills: readonly number[] = []): Promise<Walked> {
  let facts = 0;
  const left = new Set(kills), scored: Parameters<typeof composeTable>[0][number][] = [], records: RefinementRecord[] = [], reused: string[] = [];
  for (const arm of arms) {
    for (let done = false; !done;) {
      let died = false;
      const emit = (event: RunEvent): void => {
        if (died) return;
        if (event.type === 'step-done' && event.reused) reused.push(`${arm.id} ${event.key}`);
        if (left.delete(++facts)) { died = true; throw new Error('killed'); }
      };
      const context = await prepareRun({ recipe: arm.recipe, dataPath: data, workspace, models, openDataset, openNetworks: () => Promise.resolve(networks), products, signal: new AbortController().signal, emit });
      try {
        done = await run(context) !== null && !died;
        if (!done) { expect(died, `${arm.id} failed by itself`).toBe(true); continue; }
        scored.push({ arm, scores: await readJson<StoredScores>(artefactFolder(workspace, keyFor(context.steps, 'score')), 'scores') });
        if (context.steps.some(({ kind }) => kind === 'refine')) {
          const folder = artefactFolder(workspace, keyFor(context.steps, 'refine'));
          for (const name of (await readdir(folder)).filter((each) => each.endsWith('-refinement.json')).sort()) records.push(JSON.parse(await readFile(path.join(folder, name), 'utf8')) as RefinementRecord);
        }
      } finally { context.dataset.close(); }
    }
  }
  const made = composeTable(scored, { table: 2, data: { label: 'Tiny arrays', synthetic: true, subject: 'one' }, pack: 'demo', seed: 1 });
  return { facts, records, reused, texts: [JSON.stringify(made), tableCsv(made), tableImagesCsv(made), tableLatex(made), tableHtml(made)] };
}

async function scratch(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'table-'));
  folders.push(folder);
  return folder;
}

/** Every picture and record of a workspace, by name. */
async function files(workspace: string): Promise<ReadonlyMap<string, string>> {
  const names = (await readdir(workspace, { recursive: true })).filter((name) => /\.(png|json)$/.test(name) && !name.includes('.tmp') && !/(decoder|artefact)\.json$/.test(name)).sort();
  return new Map(await Promise.all(names.map(async (name) => [name, (await readFile(path.join(workspace, name))).toString('base64')] as const)));
}

describe('an ablation table', () => {
  it(`that dies at ${KILLS} random moments ends as if it had not`, async () => {
    const whole = await scratch(), broken = await scratch(), reference = await table(whole), source = random(SEED);
    const kills = Array.from({ length: KILLS }, () => 1 + source.integer(Math.floor(reference.facts * 1.2)));
    const killed = await table(broken, kills);
    expect(killed.texts, `seed ${SEED}`).toEqual(reference.texts);
    expect(killed.records).toEqual(reference.records);
    const [a, b] = [await files(whole), await files(broken)];
    expect([...b.keys()]).toEqual([...a.keys()]);
    expect([...b].filter(([name, bytes]) => a.get(name) !== bytes).map(([name]) => name)).toEqual([]);
    expect([...a.keys()].filter((name) => name.includes('state-'))).toEqual([]);
    // Arms share what they have in common: features, fits and, with stage 1 alone, the pictures that the complete arm starts from.
    expect(reference.reused.filter((each) => each.startsWith('both/complete')).length).toBeGreaterThanOrEqual(8);
    // Stage 2 did something, and was judged on the pictures themselves.
    for (const record of reference.records) {
      expect(record.decoded).toHaveLength(3);
      // Of what the final sampler drew the lowest loss, if it is clearly below stage 1's.
      const [first, ...tried] = record.drawn ?? [], best = tried.reduce((a, b) => ((b.decoded ?? Infinity) < (a.decoded ?? Infinity) ? b : a));
      expect(tried.map(({ iteration }) => iteration)).toEqual([1, 2]);
      expect(record.chosen).toBe((best.decoded ?? Infinity) < (1 - LEAST_FALL) * (first?.decoded ?? 0) ? best.iteration : 0);
      expect(record.before.decoded).toBeGreaterThan(0);
    }
  }, 240_000);
});
