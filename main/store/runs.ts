/** Rows of `run` and `step`. Rows are checked into types at this boundary. */
import type { RunRow, StepRow } from '../../common/contract/payloads.ts';
import type { ErrorReport } from '../../common/errors.ts';
import type { Recipe } from '../../common/recipe.ts';
import { parseRecipe } from '../../common/recipe.ts';
import type { RunState, RunSummary, StepKind, StepPlan } from '../../common/run-event.ts';
import type { Store } from './open.ts';

interface RawRun {
  id: string; name: string; recipe: string; recipe_hash: string; data_path: string; data_label: string; synthetic: number; subject: string;
  state: Exclude<RunState, 'paused'>; paused: number; created: string; started: string | null; finished: string | null; summary: string | null; error: string | null;
}

interface RawStep { key: string; kind: StepKind; label: string; title: string; inputs: string; weight: number; state: StepRow['state']; seconds: number | null }

export interface NewRun {
  readonly id: string;
  readonly recipe: Recipe;
  readonly recipeHash: string;
  readonly dataPath: string;
  readonly dataLabel: string;
  readonly synthetic: boolean;
}

export interface StoredRun {
  readonly row: RunRow;
  readonly recipe: Recipe;
  readonly recipeHash: string;
}

export function insertRun(store: Store, run: NewRun, now: string): void {
  store.db.prepare(`INSERT INTO run (id, name, recipe, recipe_hash, data_path, data_label, synthetic, subject, state, created)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'waiting', ?)`).run(
    run.id, run.recipe.name, JSON.stringify(run.recipe), run.recipeHash, run.dataPath, run.dataLabel, run.synthetic ? 1 : 0, run.recipe.data.subject, now);
}

/** Moves a run; returns false if the move is not allowed (a done run stays done). */
export function setRunState(store: Store, id: string, state: RunState, now: string): boolean {
  const stamp = state === 'running' ? 'started = coalesce(started, @now), finished = NULL, error = NULL'
    : state === 'waiting' ? 'finished = NULL, error = NULL' : 'finished = @now';
  const paused = state === 'paused';
  return store.db.prepare(`UPDATE run SET state = @state, paused = @paused, ${stamp} WHERE id = @id AND state != 'done'`).run({ id, state: paused ? 'cancelled' : state, paused: paused ? 1 : 0, now }).changes === 1;
}

export function setRunResult(store: Store, id: string, result: { summary?: RunSummary; error?: ErrorReport }): void {
  if (result.summary !== undefined) store.db.prepare('UPDATE run SET summary = ? WHERE id = ?').run(JSON.stringify(result.summary), id);
  if (result.error !== undefined) store.db.prepare('UPDATE run SET error = ? WHERE id = ?').run(JSON.stringify(result.error), id);
}

export function renameRun(store: Store, id: string, name: string): void {
  store.db.prepare('UPDATE run SET name = ? WHERE id = ?').run(name, id);
}

export function deleteRun(store: Store, id: string): void {
  store.db.prepare('DELETE FROM run WHERE id = ?').run(id);
}

export function listRuns(store: Store): StoredRun[] {
  return (store.db.prepare('SELECT * FROM run ORDER BY created DESC, rowid DESC').all() as RawRun[]).map((raw) => toRun(store, raw));
}

export function getRun(store: Store, id: string): StoredRun | null {
  const raw = store.db.prepare('SELECT * FROM run WHERE id = ?').get(id) as RawRun | undefined;
  return raw === undefined ? null : toRun(store, raw);
}

/** The newest run of this recipe on this data, to be resumed instead of started twice. */
export function findRun(store: Store, recipeHash: string, dataPath: string): StoredRun | null {
  const raw = store.db.prepare('SELECT * FROM run WHERE recipe_hash = ? AND data_path = ? ORDER BY created DESC LIMIT 1').get(recipeHash, dataPath) as RawRun | undefined;
  return raw === undefined ? null : toRun(store, raw);
}

/** Replaces the steps of a run with a new plan; `label` is `fit:z`, `responses`, ... */
export function writePlan(store: Store, runId: string, steps: readonly StepPlan[], reused: readonly string[]): void {
  const insert = store.db.prepare(`INSERT INTO step (run, position, key, kind, label, title, inputs, weight, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  store.db.transaction(() => {
    store.db.prepare('DELETE FROM step WHERE run = ?').run(runId);
    steps.forEach((step, position) => insert.run(runId, position, step.key, step.kind, step.label, step.title, JSON.stringify(step.inputs), step.weight,
      reused.includes(step.key) ? 'reused' : 'waiting'));
  })();
}

export function setStepState(store: Store, runId: string, key: string, state: StepRow['state'], seconds: number | null = null): void {
  store.db.prepare('UPDATE step SET state = ?, seconds = coalesce(?, seconds) WHERE run = ? AND key = ?').run(state, seconds, runId, key);
}

export function listSteps(store: Store, runId: string): StepRow[] {
  const raw = store.db.prepare('SELECT * FROM step WHERE run = ? ORDER BY position').all(runId) as RawStep[];
  return raw.map((step) => ({
    key: step.key, kind: step.kind, label: step.label, title: step.title, inputs: JSON.parse(step.inputs) as string[], weight: step.weight, state: step.state,
    seconds: step.seconds, done: step.state === 'done' || step.state === 'reused' ? 1 : 0, total: 1,
  }));
}

/** Key of the scores that a run made, or was planned to make; undefined before it was planned. */
export function scoreKeyOf(store: Store, runId: string): string | undefined {
  return listSteps(store, runId).find((step) => step.label === 'score')?.key;
}

function toRun(store: Store, raw: RawRun): StoredRun {
  const steps = listSteps(store, raw.id);
  const weight = steps.reduce((sum, step) => sum + step.weight, 0);
  const finished = steps.reduce((sum, step) => sum + step.weight * step.done, 0);
  const recipe = parseRecipe(JSON.parse(raw.recipe), `recipe of run ${raw.id}`);
  return {
    recipe, recipeHash: raw.recipe_hash,
    row: {
      id: raw.id, name: raw.name, dataPath: raw.data_path, dataLabel: raw.data_label, synthetic: raw.synthetic === 1, subject: raw.subject, pack: recipe.pack, state: raw.state === 'cancelled' && raw.paused === 1 ? 'paused' : raw.state,
      created: raw.created, started: raw.started, finished: raw.finished,
      progress: raw.state === 'done' ? 1 : weight === 0 ? 0 : finished / weight,
      activity: '', secondsLeft: null,
      summary: raw.summary === null ? null : JSON.parse(raw.summary) as RunSummary,
      error: raw.error === null ? null : JSON.parse(raw.error) as ErrorReport,
    },
  };
}
