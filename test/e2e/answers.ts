/**
 * What the demo is known to answer, asked of the command line in the workspace that the window left: the same recipe recomputes nothing,
 * pictures are identified, low and high cortex differ as planted, and pattern maps recover the planted sensitivity.
 */
import fs from 'node:fs';
import path from 'node:path';
import { readNpy } from '../../main/formats/npy.ts';
import { cli, told } from '../support/cli.ts';
import { expect } from './fixtures.ts';

/** The source document's low and high visual cortex, of the eleven regions. */
const LVC = ['V1', 'V2', 'V3'], HVC = ['hV4', 'VO', 'PHC', 'MT', 'MST', 'LO', 'IPS', 'V3ab'];
const SPACES = ['z', 'c', 'clip'] as const;

/** Aims of the demo: chance is 0.5 for identification, the shuffled value for PCC, 0 for a map. */
const IDENTIFICATION = 0.9, PCC_GAIN = 0.15, RECOVERY = 0.6;

interface Score { readonly value: number; readonly baseline: number }
interface Answer { readonly runId: string; readonly steps: number; readonly reused: number; readonly images: number; readonly score: (name: RegExp) => Score }

async function answer(workspace: string, data: string, name: string, recipe: object): Promise<Answer> {
  const file = path.join(workspace, '..', `${name}.json`);
  fs.writeFileSync(file, JSON.stringify({ name, ...recipe }));
  const { code, lines, stderr } = await cli('run', file, '--data', data, '--workspace', workspace);
  expect(code, stderr).toBe(0);
  const last = lines.at(-1) as { runId: string; summary: { steps: number; reused: number; images: number; scores: Readonly<Record<string, Score>> } };
  const { summary } = last;
  return {
    runId: last.runId, ...summary,
    score: (pattern) => {
      const found = Object.entries(summary.scores).find(([key]) => pattern.test(key));
      if (found === undefined) throw new Error(`no score is called ${pattern.source}; there are ${Object.keys(summary.scores).join(', ')}`);
      return found[1];
    },
  };
}

/** Pearson correlation over voxels that both maps know. */
function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const known = Array.from({ length: a.length }, (_, v) => v).filter((v) => Number.isFinite(a[v]) && Number.isFinite(b[v]));
  const mean = (x: ArrayLike<number>): number => known.reduce((sum, v) => sum + (x[v] ?? 0), 0) / known.length;
  const ma = mean(a), mb = mean(b);
  let ab = 0, aa = 0, bb = 0;
  for (const v of known) {
    const da = (a[v] ?? 0) - ma, db = (b[v] ?? 0) - mb;
    ab += da * db; aa += da * da; bb += db * db;
  }
  return ab / Math.sqrt(aa * bb);
}

async function mapOf(workspace: string, runId: string, kind: string, space: string): Promise<ArrayLike<number>> {
  const out = path.join(workspace, '..', `${kind}-${space}.npy`);
  await told('map', '--workspace', workspace, '--run', runId, '--kind', kind, '--space', space, '--out', out);
  return readNpy(new Uint8Array(fs.readFileSync(out)), out).data as ArrayLike<number>;
}

export async function checkAnswers(workspace: string, data: string, pictures: number): Promise<void> {
  const both = await answer(workspace, data, 'both', { images: pictures });
  expect(both, 'the window\'s run, asked again, recomputes nothing').toMatchObject({ reused: both.steps, images: pictures });
  const low = await answer(workspace, data, 'low', { images: pictures, data: { rois: LVC } });
  const high = await answer(workspace, data, 'high', { images: pictures, data: { rois: HVC } });
  const pcc = ({ score }: Answer): Score => score(/^pcc$/), similarity = ({ score }: Answer): Score => score(/^clip_similarity/), identified = ({ score }: Answer): Score => score(/^two_way$/);
  for (const [name, arm] of Object.entries({ both, low, high })) {
    console.log(`${name}: PCC ${pcc(arm).value.toFixed(3)} (shuffled ${pcc(arm).baseline.toFixed(3)}), CLIP similarity ${similarity(arm).value.toFixed(3)}, two-way identification ${identified(arm).value.toFixed(3)}`);
  }
  expect(identified(both).value).toBeGreaterThanOrEqual(IDENTIFICATION);
  expect(pcc(both).value - pcc(both).baseline).toBeGreaterThanOrEqual(PCC_GAIN);
  expect(pcc(low).value).toBeGreaterThan(pcc(high).value);
  expect(similarity(high).value).toBeGreaterThan(similarity(low).value);
  expect(pcc(both).value).toBeGreaterThanOrEqual(Math.max(pcc(low).value, pcc(high).value));
  expect(similarity(both).value).toBeGreaterThanOrEqual(Math.max(similarity(low).value, similarity(high).value));
  for (const space of SPACES) {
    const recovered = correlation(await mapOf(workspace, both.runId, 'pattern', space), await mapOf(workspace, both.runId, 'truth', space));
    console.log(`pattern of ${space} and what was planted: r = ${recovered.toFixed(3)}`);
    expect(recovered, `pattern of ${space} against the planted sensitivity`).toBeGreaterThanOrEqual(RECOVERY);
  }
}
