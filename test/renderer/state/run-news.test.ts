/** Which ends of runs are told, so that none passes in silence and none is told twice. */
import { describe, expect, it } from 'vitest';
import type { RunRow } from '../../../common/contract/payloads.ts';
import type { RunState } from '../../../common/run-event.ts';
import { endedRuns } from '../../../renderer/state/run-news.ts';

const run = (id: string, state: RunState): RunRow => ({
  id, state, name: id, dataPath: '/d', dataLabel: '', synthetic: true, subject: 'subj01', pack: 'demo', created: '', started: null, finished: null, progress: 0, activity: '', secondsLeft: null, summary: null, error: null,
});
const known = (...runs: readonly RunRow[]) => ({ runs, jobs: [] });
const ids = (before: readonly RunRow[], now: readonly RunRow[], area: 'gallery' | 'experiment' | 'jobs' | 'tables' = 'gallery', runId: string | null = 'other'): string[] => endedRuns(known(...before), known(...now), { area, runId }).map(({ id }) => id);

describe('ends of runs', () => {
  it('are told when a run fails, whatever else waits', () => {
    expect(ids([run('a', 'running'), run('b', 'waiting')], [run('a', 'failed'), run('b', 'running')])).toEqual(['a']);
  });

  it('are told once when all that was queued is done', () => {
    expect(ids([run('a', 'running'), run('b', 'waiting')], [run('a', 'done'), run('b', 'running')])).toEqual([]);
    expect(ids([run('a', 'done'), run('b', 'running')], [run('a', 'done'), run('b', 'done')])).toEqual(['b']);
  });

  it('are not told where they are seen, nor for runs that stopped on demand or before', () => {
    for (const area of ['jobs', 'tables'] as const) expect(ids([run('a', 'running')], [run('a', 'failed')], area)).toEqual([]);
    expect(ids([run('a', 'running')], [run('a', 'failed')], 'experiment', 'a')).toEqual([]);
    expect(ids([run('a', 'running')], [run('a', 'failed')], 'experiment', 'b')).toEqual(['a']);
    expect(ids([run('a', 'running')], [run('a', 'paused')])).toEqual([]);
    expect(ids([run('a', 'cancelled')], [run('a', 'failed')])).toEqual([]);
    expect(ids([], [run('a', 'failed')])).toEqual([]);
  });
});
