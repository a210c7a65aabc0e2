/** Runs that ended, or were found interrupted, while something else is on the screen: they are told of, so that none ends in silence. */
import type { RunRow } from '../../common/contract/payloads.ts';
import { named } from '../parts/words.ts';
import { tell, tellError } from './actions.ts';
import type { Services } from './app-context.ts';
import type { LabState } from './lab-state.ts';
import type { ViewState } from './view-state.ts';

type Known = Pick<LabState, 'runs' | 'jobs'>;

const isActive = ({ state }: Pick<RunRow, 'state'>): boolean => state === 'running' || state === 'waiting';

/** Runs to tell of after a change: each that failed, and the one that was done last of all that was queued. Pure. */
export function endedRuns(before: Known, now: Known, { area, runId }: Pick<ViewState, 'area' | 'runId'>): readonly RunRow[] {
  if (now.runs === before.runs || area === 'jobs' || area === 'tables') return []; // these screens show it
  return now.runs.filter((row) => {
    const was = before.runs.find(({ id }) => id === row.id);
    if (was === undefined || was === row || !isActive(was) || (area === 'experiment' && runId === row.id)) return false;
    return row.state === 'failed' || (row.state === 'done' && !now.runs.some(isActive));
  });
}

export function followRuns({ data, view }: Services): () => void {
  return data.store.subscribe((now, before) => {
    for (const row of endedRuns(before, now, view.store.getState())) {
      if (row.state === 'done') tell('Its pictures and scores are on the Experiment screen.', `${named(row.name)} is done`);
      else if (row.error !== null) tellError(`${named(row.name)} stopped`, row.error);
    }
  });
}

/** After a start that went straight to the last screen: the start screen, which would ask, was not seen. */
export function tellInterrupted({ data, view }: Services): void {
  const { info, runs } = data.store.getState(), left = runs.filter((row) => row.state === 'cancelled' && info?.interrupted.includes(row.id) === true), [first] = left;
  if (first === undefined || view.store.getState().area === 'start') return;
  tell(`${left.length === 1 ? named(first.name) : `${left.length} runs`}: what was finished is kept. Resume on the Jobs screen.`, 'Interrupted when Optogram last closed');
}
