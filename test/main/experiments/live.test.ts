import { describe, expect, it } from 'vitest';
import type { RunEvent, StepPlan } from '../../../common/run-event.ts';
import { advance, NOTHING_YET, viewOf } from '../../../main/experiments/live.ts';

const step = (key: string, weight: number): StepPlan => ({ key, kind: 'fit', label: key, title: `Step ${key}`, inputs: [], weight });

describe('live progress', () => {
  it('counts only the work that is not reused, and tells time left from the pace', () => {
    const events: [RunEvent, number][] = [
      [{ type: 'planned', steps: [step('a', 0.5), step('b', 0.25), step('c', 0.25)], reused: ['a'] }, 1000],
      [{ type: 'step-started', key: 'b', kind: 'fit', title: 'Step b' }, 1000],
      [{ type: 'progress', key: 'b', done: 1, total: 2, what: 'folds' }, 6000],
    ];
    const live = events.reduce((state, [event, at]) => advance(state, event, at), NOTHING_YET);
    const view = viewOf(live, 6000);
    expect(view.progress).toBeCloseTo(0.25, 12);
    expect(view.activity).toBe('Step b: 1 of 2 folds');
    expect(view.secondsLeft).toBeCloseTo(15, 9);
  });

  it('says nothing about time left before anything is done', () => { expect(viewOf(NOTHING_YET, 0).secondsLeft).toBeNull(); });
});
