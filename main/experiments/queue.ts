/**
 * The queue: one heavy job at a time, in order, on the work lane. It records what runs say and tells the window. Runs survive
 * restarts because their rows do; the queue itself holds only what waits now.
 */
import { randomUUID } from 'node:crypto';
import type { JobRow, RunRow } from '../../common/contract/payloads.ts';
import type { ErrorReport } from '../../common/errors.ts';
import { UserError } from '../../common/errors.ts';
import { essentialRecipe } from '../../common/recipe.ts';
import type { Recipe } from '../../common/recipe.ts';
import type { RunEvent } from '../../common/run-event.ts';
import type { Store } from '../store/open.ts';
import { getRun, insertRun, setRunState } from '../store/runs.ts';
import type { EngineMessage, EngineProcess } from './engine-protocol.ts';
import { canonical, keyOf } from './key.ts';
import { openLane } from './lane.ts';
import type { Live } from './live.ts';
import { advance, NOTHING_YET, viewOf } from './live.ts';
import { record } from './record.ts';

export interface QueueEvents {
  readonly onRun: (row: RunRow) => void;
  readonly onEvent: (runId: string, event: RunEvent) => void;
  readonly onJob: (row: JobRow) => void;
  readonly onEngineLost: (message: string) => void;
}

export interface Queue {
  startRun(recipe: Recipe, data: { path: string; label: string; synthetic: boolean }): RunRow;
  resumeRun(runId: string): RunRow;
  cancelRun(runId: string): void;
  /** Stops these runs to go on later: the waiting ones first, so that none of them begins when the one at work stops. */
  pauseRuns(runIds: readonly string[]): void;
  /** Resolves when the demo folder is complete. */
  writeDemo(directory: string, options: { subjects: number; seed: number }): Promise<void>;
  row(runId: string): RunRow | null;
  jobs(): readonly JobRow[];
  close(): void;
}

interface Waiting { readonly id: string; readonly kind: 'run' | 'demo'; readonly title: string; start(): void }
interface DemoJob { readonly row: JobRow; resolve(): void; reject(error: Error): void }

/** Hash that says whether two recipes ask for the same thing; the name does not matter. */
export function recipeHash(recipe: Recipe): string {
  return keyOf(JSON.parse(canonical({ ...essentialRecipe(recipe), name: '' })));
}

export function openQueue(store: Store, spawn: () => EngineProcess, events: QueueEvents): Queue {
  const waiting: Waiting[] = [];
  let active: Waiting | null = null;
  const live = new Map<string, Live>();
  const demos = new Map<string, DemoJob>();
  /** Runs at work that were asked to stop and go on later. */
  const pausing = new Set<string>();

  const rowOf = (runId: string): RunRow | null => {
    const stored = getRun(store, runId);
    if (stored === null) return null;
    const now = live.get(runId);
    return stored.row.state === 'running' && now !== undefined ? { ...stored.row, ...viewOf(now, performance.now()) } : stored.row;
  };
  const announce = (runId: string): void => {
    const row = rowOf(runId);
    if (row === null) return;
    events.onRun(row);
    events.onJob(jobOf(row));
  };
  const next = (): void => {
    if (active !== null) return;
    active = waiting.shift() ?? null;
    active?.start();
  };
  const finish = (id: string): void => {
    lane.ended(id);
    live.delete(id);
    if (active?.id === id) active = null;
    next();
  };

  const take = (runId: string, event: RunEvent): void => {
    live.set(runId, advance(live.get(runId) ?? NOTHING_YET, event, performance.now()));
    if (getRun(store, runId) !== null) record(store, runId, event); // deleted while it ran: what it still says has no place
    if (pausing.has(runId) && event.type === 'failed' && event.error.kind === 'cancelled') setRunState(store, runId, 'paused', new Date().toISOString());
    const ended = event.type === 'finished' || event.type === 'failed';
    if (ended) pausing.delete(runId);
    events.onEvent(runId, event);
    announce(runId);
    if (ended) finish(runId);
  };
  const endDemo = (id: string, error: ErrorReport | null): void => {
    const job = demos.get(id);
    if (job === undefined) return;
    demos.delete(id);
    events.onJob({ ...job.row, state: error === null ? 'done' : error.kind === 'cancelled' ? 'cancelled' : 'failed', progress: 1, activity: '', secondsLeft: null, error });
    if (error === null) job.resolve();
    else job.reject(new UserError('bad-input', error.message, error));
    finish(id);
  };

  const lane = openLane({
    spawn,
    onMessage: (message: EngineMessage) => {
      if (message.type === 'event') take(message.id, message.event);
      else if (message.type === 'ended') endDemo(message.id, message.error);
      else {
        const job = demos.get(message.id);
        if (job === undefined) return;
        const row: JobRow = { ...job.row, state: 'running', progress: message.total === 0 ? 0 : message.done / message.total, activity: message.what };
        demos.set(message.id, { ...job, row });
        events.onJob(row);
      }
    },
    onLost: (cancelled, code) => {
      const error: ErrorReport = cancelled !== null ? { kind: 'cancelled', message: 'cancelled' } : {
        kind: 'bug', message: `the engine process stopped (code ${code ?? 'signal'})`, expected: 'a running engine', found: `exit ${code ?? 'by a signal'}`,
        fix: 'Resume: it goes on at the item where it stopped. If it happens again, choose fewer images or a smaller pack.',
      };
      if (cancelled === null) events.onEngineLost(error.message);
      if (active?.kind === 'run') take(active.id, { type: 'failed', error });
      else if (active !== null) endDemo(active.id, error);
    },
  });

  const enqueueRun = (runId: string, recipe: Recipe, dataPath: string): RunRow => {
    waiting.push({ id: runId, kind: 'run', title: recipe.name, start: () => {
      setRunState(store, runId, 'running', new Date().toISOString());
      announce(runId);
      lane.post({ type: 'run', id: runId, recipe, dataPath });
    } });
    announce(runId);
    next();
    const row = rowOf(runId);
    if (row === null) throw new RangeError(`run ${runId} vanished`);
    return row;
  };

  return {
    startRun: (recipe, data) => {
      const id = randomUUID();
      insertRun(store, { id, recipe, recipeHash: recipeHash(recipe), dataPath: data.path, dataLabel: data.label, synthetic: data.synthetic }, new Date().toISOString());
      return enqueueRun(id, recipe, data.path);
    },
    resumeRun: (runId) => {
      const stored = getRun(store, runId);
      if (stored === null) throw new UserError('usage', `there is no run ${runId}`, { expected: 'an id from the list of runs', found: runId });
      if (stored.row.state === 'done' || active?.id === runId || waiting.some((each) => each.id === runId)) return stored.row;
      setRunState(store, runId, 'waiting', new Date().toISOString());
      return enqueueRun(runId, stored.recipe, stored.row.dataPath);
    },
    cancelRun: (runId) => {
      const index = waiting.findIndex((each) => each.id === runId);
      if (index >= 0) {
        waiting.splice(index, 1);
        setRunState(store, runId, 'cancelled', new Date().toISOString());
        announce(runId);
      } else if (active?.id === runId) lane.cancel(runId);
      else if (getRun(store, runId)?.row.state === 'paused') {
        setRunState(store, runId, 'cancelled', new Date().toISOString());
        announce(runId);
      }
    },
    pauseRuns: (runIds) => {
      for (const id of runIds) {
        const index = waiting.findIndex((each) => each.id === id);
        if (index < 0) continue;
        waiting.splice(index, 1);
        setRunState(store, id, 'paused', new Date().toISOString());
        announce(id);
      }
      if (active?.kind !== 'run' || !runIds.includes(active.id)) return;
      pausing.add(active.id);
      lane.cancel(active.id);
    },
    writeDemo: (directory, { subjects, seed }) => new Promise<void>((resolve, reject) => {
      const id = randomUUID();
      const row: JobRow = { id, kind: 'demo', title: 'Write the demo data', state: 'waiting', progress: 0, activity: '', secondsLeft: null, error: null };
      demos.set(id, { row, resolve, reject });
      waiting.push({ id, kind: 'demo', title: row.title, start: () => { lane.post({ type: 'demo', id, directory, subjects, seed }); } });
      events.onJob(row);
      next();
    }),
    row: rowOf,
    jobs: () => {
      const ids = [...(active === null ? [] : [active]), ...waiting];
      return ids.map(({ id, kind }) => kind === 'demo' ? demos.get(id)?.row : jobFrom(rowOf(id))).filter((row): row is JobRow => row !== undefined);
    },
    close: () => { lane.close(); },
  };
}

function jobFrom(row: RunRow | null): JobRow | undefined {
  return row === null ? undefined : jobOf(row);
}

function jobOf(row: RunRow): JobRow {
  return { id: row.id, kind: 'run', title: row.name, state: row.state, progress: row.progress, activity: row.activity, secondsLeft: row.secondsLeft, error: row.error };
}
