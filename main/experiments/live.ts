/** Live facts of a running plan that no row holds: fraction done, what it does now, time left. A pure reducer over events. */
import type { RunEvent, StepPlan } from '../../common/run-event.ts';

export interface Live {
  readonly steps: readonly StepPlan[];
  readonly reused: ReadonlySet<string>;
  readonly finished: ReadonlySet<string>;
  readonly current: { readonly key: string; readonly title: string; readonly done: number; readonly total: number; readonly what: string; /** When it began. */ readonly from: number } | null;
  /** Milliseconds (performance clock) when the plan was made. */
  readonly since: number;
}

export const NOTHING_YET: Live = { steps: [], reused: new Set(), finished: new Set(), current: null, since: 0 };

export function advance(live: Live, event: RunEvent, now: number): Live {
  switch (event.type) {
    case 'planned': return { steps: event.steps, reused: new Set(event.reused), finished: new Set(event.reused), current: null, since: now };
    case 'step-started': return { ...live, current: { key: event.key, title: event.title, done: 0, total: 0, what: '', from: now } };
    case 'progress': return live.current?.key === event.key ? { ...live, current: { ...live.current, done: event.done, total: event.total, what: event.what } } : live;
    case 'step-done': return { ...live, finished: new Set([...live.finished, event.key]), current: null };
    default: return live;
  }
}

export interface LiveView {
  /** 0..1 of the work that this run has to do. */
  readonly progress: number;
  readonly activity: string;
  /** Null until enough is done to say. */
  readonly secondsLeft: number | null;
  /** The same of the step at work. */
  readonly stepSecondsLeft: number | null;
}

export function viewOf(live: Live, now: number): LiveView {
  const todo = live.steps.filter((step) => !live.reused.has(step.key));
  const total = todo.reduce((sum, step) => sum + step.weight, 0);
  if (total === 0) return { progress: live.steps.length === 0 ? 0 : 1, activity: '', secondsLeft: null, stepSecondsLeft: null };
  let done = 0;
  for (const step of todo) {
    if (live.finished.has(step.key)) done += step.weight;
    else if (live.current?.key === step.key && live.current.total > 0) done += step.weight * (live.current.done / live.current.total);
  }
  const progress = Math.min(1, done / total);
  const elapsed = (now - live.since) / 1000;
  const current = live.current;
  const share = current === null || current.total === 0 ? 0 : current.done / current.total, worked = current === null ? 0 : (now - current.from) / 1000;
  const items = current === null || current.total <= 1 ? '' : current.total === 100 || current.total === 1000 ? ` ${Math.floor(100 * share)} %, ${current.what}` : ` ${current.done} of ${current.total} ${current.what}`;
  return {
    progress,
    activity: current === null ? '' : `${current.title}${items === '' ? '' : `:${items}`}`,
    secondsLeft: progress > 0.04 && elapsed > 2 ? (elapsed * (1 - progress)) / progress : null,
    stepSecondsLeft: share > 0.04 && worked > 2 ? (worked * (1 - share)) / share : null,
  };
}
