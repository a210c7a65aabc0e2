/** Tables and loss curves for the screen, from artefacts that are finished. */
import fs from 'node:fs/promises';
import type { AblationTable } from '../../../common/ablation/table.ts';
import type { RefinementView, RunRef, TableRun } from '../../../common/contract/payloads.ts';
import { UserError } from '../../../common/errors.ts';
import type { RefinementRecord } from '../../../common/run-event.ts';
import { artefactFolder, artefactPath, readJson } from '../artefacts.ts';
import { iterationName } from '../stages/refine.ts';
import { itemNames } from '../stages/reconstruct.ts';
import type { StoredScores } from '../stages/score.ts';
import { composeTable } from '../tables/compose.ts';

function keyIn(ref: RunRef, label: string): string {
  const key = ref.keys[label];
  if (key === undefined) throw new UserError('bad-input', `this run has no finished step "${label}" yet`, { expected: label, found: Object.keys(ref.keys).join(', ') || 'no finished step', fix: 'Wait for the run, or resume it.' });
  return key;
}

/** `refs` in the order of `run.arms`. */
export async function tableOf(workspace: string, run: TableRun, refs: readonly RunRef[]): Promise<AblationTable> {
  const scored = await Promise.all(run.arms.map(async (arm, index) => {
    const ref = refs[index];
    if (ref?.runId !== arm.runId) throw new UserError('usage', `the arm "${arm.title}" has no run`, { expected: arm.runId, found: ref?.runId ?? 'nothing' });
    return { arm, scores: await readJson<StoredScores>(artefactFolder(workspace, keyIn(ref, 'score')), 'scores') };
  }));
  return composeTable(scored, { table: run.table, data: { label: run.dataLabel, synthetic: run.synthetic, subject: run.subject }, pack: run.pack, seed: run.seed });
}

/** Address of a workspace file under the app's own scheme. */
const urlOf = (key: string, name: string): string => `app://bundle/workspace/${[...artefactPath(key).split('/'), ...name.split('/')].map(encodeURIComponent).join('/')}`;

export async function refinementsOf(workspace: string, ref: RunRef): Promise<readonly RefinementView[]> {
  const key = keyIn(ref, 'refine'), initial = keyIn(ref, 'reconstruct'), folder = artefactFolder(workspace, key);
  const names = (await fs.readdir(folder)).filter((name) => name.endsWith('-refinement.json')).sort();
  return Promise.all(names.map(async (name) => {
    const record = await readJson<RefinementRecord>(folder, name.replace(/\.json$/, '')), { reconstruction } = itemNames(record.imageId);
    return {
      ...record, initialUrl: urlOf(initial, reconstruction), finalUrl: urlOf(key, reconstruction),
      pictures: record.decoded.flatMap((loss, iteration) => (loss === null ? [] : [urlOf(key, iterationName(record.imageId, iteration))])),
    };
  }));
}
