/** Ablation tables of a workspace: arms queued as ordinary runs, and a list of which run makes which arm. */
import type { Arm, TableNumber } from '../../common/ablation/arms.ts';
import type { TableRun } from '../../common/contract/payloads.ts';
import { UserError } from '../../common/errors.ts';
import { parseRecipe } from '../../common/recipe.ts';
import type { Queue } from '../experiments/queue.ts';
import { recipeHash } from '../experiments/queue.ts';
import { keyOf } from '../experiments/key.ts';
import type { Store } from '../store/open.ts';
import { readSetting, writeSetting } from '../store/results.ts';
import { findRun, getRun, scoreKeyOf } from '../store/runs.ts';

const SETTING = 'tables';

/** Newest first. Tables whose runs were deleted are left out. */
export function listTables(store: Store): readonly TableRun[] {
  const kept = (readSetting(store, SETTING) ?? []) as readonly TableRun[];
  return kept.filter((table) => table.arms.every((arm) => getRun(store, arm.runId) !== null));
}

/**
 * Takes arms from finished runs of the same recipe that made the scores named in `keys` (one per arm), resumes those that stopped, starts the rest; the same table is
 * listed once.
 */
export function startTable(store: Store, queue: Queue, table: TableNumber, arms: readonly Arm[], keys: readonly string[], data: { readonly path: string; readonly label: string; readonly synthetic: boolean }, now: string): TableRun {
  const [first] = arms;
  if (first === undefined) throw new UserError('usage', 'a table without arms', { expected: 'at least one arm', found: 'none' });
  const parsed = arms.map((arm) => ({ ...arm, recipe: parseRecipe(arm.recipe) }));
  const made = parsed.map(({ id, title, note, anchor, recipe }, index) => {
    const before = findRun(store, recipeHash(recipe), data.path);
    const outdated = before?.row.state === 'done' && scoreKeyOf(store, before.row.id) !== keys[index];
    const row = before === null || outdated ? queue.startRun(recipe, data) : queue.resumeRun(before.row.id);
    return { id, title, note, anchor, runId: row.id };
  });
  const { recipe } = parsed[0] ?? first;
  const run: TableRun = {
    id: keyOf({ table, arms: made.map((arm) => [arm.id, arm.runId]) }), table, dataPath: data.path, dataLabel: data.label, synthetic: data.synthetic,
    subject: recipe.data.subject, pack: recipe.pack, seed: recipe.seed, created: now, arms: made,
  };
  writeSetting(store, SETTING, [run, ...listTables(store).filter((each) => each.id !== run.id)]);
  return run;
}
