/**
 * The queue: one heavy job at a time, in order, on the work lane. It records what runs say and tells the window. Runs survive
 * restarts because their rows do; the queue itself holds only what waits now.
 */
import { randomUUID } from 'node:crypto';
import type { JobRow, RunRef, RunRow } from '../../common/contract/payloads.ts';
import type { ErrorReport } from '../../common/errors.ts';
import { UserError } from '../../common/errors.ts';
import { essentialRecipe } from '../../common/recipe.ts';
import type { Recipe } from '../../common/recipe.ts';
import type { RunEvent } from '../../common/run-event.ts';
import { DEFAULT_MEMORY } from '../ridge/memory.ts';
import type { Store } from '../store/open.ts';
import { readSetting } from '../store/results.ts';
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
  /** Queues decoders of single regions; one job for a run, whose id is returned. */
  measureRegions(recipe: Recipe, ref: RunRef): string;
  row(runId: string): RunRow | null;
  jobs(): readonly JobRow[];
  close(): void;
}

interface Waiting { readonly id: string; readonly kind: JobRow['kind']; readonly title: string; start(): void }
/** A job that is not a run: it lives as long as the queue does. */
interface Task { readonly row: JobRow; readonly since: number; resolve(): void; reject(error: Error): void }

/** Setting of the most bytes that a fit may take. */
export const MEMORY_SETTING = 'memory.ceiling';
/** Bytes that a fit may take on this computer. */
export function memoryCeiling(store: Store): { readonly ceiling: number; readonly isDefault: boolean } {
  const bytes = readSetting(store, MEMORY_SETTING);
  return typeof bytes === 'number' ? { ceiling: bytes, isDefault: false } : { ceiling: DEFAULT_MEMORY, isDefault: true };
}

/** How often the window hears of memory and time left while nothing else happens. */
const PULSE_MS = 1000;

/** Hash that says whether two recipes ask for the same thing; the name does not matter. */
export function recipeHash(recipe: Recipe): string {
  return keyOf(JSON.parse(canonical({ ...essentialRecipe(recipe), name: '' })));
}

export function openQueue(store: Store, spawn: () => EngineProcess, events: QueueEvents): Queue {
  const waiting: Waiting[] = [];
  let active: Waiting | null = null;
  const live = new Map<string, Live>();
  const tasks = new Map<string, Task>();
  let peak = 0;
  /** Runs at work that were asked to stop and go on later. */
  const pausing = new Set<string>();

  const ceiling = (): { readonly memory: number } => ({ memory: memoryCeiling(store).ceiling });
  const memoryNow = (): { readonly bytes: number; readonly peak: number } | null => {
    const bytes = lane.memory();
    if (bytes === null) return null;
    peak = Math.max(peak, bytes);
    return { bytes, peak };
  };
  const rowOf = (runId: string): RunRow | null => {
    const stored = getRun(store, runId);
    if (stored === null) return null;
    const now = live.get(runId);
    return stored.row.state === 'running' && now !== undefined ? { ...stored.row, ...viewOf(now, performance.now()), memory: memoryNow() } : stored.row;
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
    peak = 0;
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
  const endTask = (id: string, error: ErrorReport | null): void => {
    const job = tasks.get(id);
    if (job === undefined) return;
    tasks.delete(id);
    events.onJob({ ...job.row, state: error === null ? 'done' : error.kind === 'cancelled' ? 'cancelled' : 'failed', progress: 1, activity: '', secondsLeft: null, error });
    if (error === null) job.resolve();
    else job.reject(new UserError('bad-input', error.message, error));
    finish(id);
  };

  const lane = openLane({
    spawn,
    onMessage: (message: EngineMessage) => {
      if (message.type === 'event') take(message.id, message.event);
      else if (message.type === 'ended') endTask(message.id, message.error);
      else {
        const job = tasks.get(message.id);
        if (job === undefined) return;
        const progress = message.total === 0 ? 0 : message.done / message.total, elapsed = (performance.now() - job.since) / 1000;
        const row: JobRow = { ...job.row, state: 'running', progress, activity: message.what, secondsLeft: progress > 0.04 && elapsed > 2 ? (elapsed * (1 - progress)) / progress : null };
        tasks.set(message.id, { ...job, row });
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
      else if (active !== null) endTask(active.id, error);
    },
  });

  const enqueueRun = (runId: string, recipe: Recipe, dataPath: string): RunRow => {
    waiting.push({ id: runId, kind: 'run', title: recipe.name, start: () => {
      setRunState(store, runId, 'running', new Date().toISOString());
      announce(runId);
      lane.post({ type: 'run', id: runId, recipe, dataPath, ...ceiling() });
    } });
    announce(runId);
    next();
    const row = rowOf(runId);
    if (row === null) throw new RangeError(`run ${runId} vanished`);
    return row;
  };

  const enqueueTask = (job: Pick<JobRow, 'id' | 'kind' | 'title'>, post: () => void, resolve: () => void = () => undefined, reject: (error: Error) => void = () => undefined): void => {
    const row: JobRow = { ...job, state: 'waiting', progress: 0, activity: '', secondsLeft: null, error: null };
    tasks.set(job.id, { row, since: performance.now(), resolve, reject });
    waiting.push({ ...job, start: () => {
      const begun: Task = { row: { ...row, state: 'running' }, since: performance.now(), resolve, reject };
      tasks.set(job.id, begun);
      events.onJob(begun.row);
      post();
    } });
    events.onJob(row);
    next();
  };

  // A long product says nothing, but memory and the time left go on.
  const pulse = setInterval(() => { if (active?.kind === 'run') announce(active.id); }, PULSE_MS);
  pulse.unref();

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
        if (tasks.has(runId)) { endTask(runId, { kind: 'cancelled', message: 'cancelled' }); return; }
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
      enqueueTask({ id, kind: 'demo', title: 'Write the demo data' }, () => { lane.post({ type: 'demo', id, directory, subjects, seed }); }, resolve, reject);
    }),
    measureRegions: (recipe, ref) => {
      const id = `regions:${ref.runId}`;
      if (!tasks.has(id)) enqueueTask({ id, kind: 'regions', title: `Regions of ${recipe.name}` }, () => { lane.post({ type: 'regions', id, recipe, ref, ...ceiling() }); });
      return id;
    },
    row: rowOf,
    jobs: () => {
      const ids = [...(active === null ? [] : [active]), ...waiting];
      return ids.map(({ id, kind }) => kind === 'run' ? jobFrom(rowOf(id)) : tasks.get(id)?.row).filter((row): row is JobRow => row !== undefined);
    },
    close: () => { clearInterval(pulse); lane.close(); },
  };
}

function jobFrom(row: RunRow | null): JobRow | undefined {
  return row === null ? undefined : jobOf(row);
}

function jobOf(row: RunRow): JobRow {
  return { id: row.id, kind: 'run', title: row.name, state: row.state, progress: row.progress, activity: row.activity, secondsLeft: row.secondsLeft, error: row.error };
}
