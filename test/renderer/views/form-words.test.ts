/** What the form says before a run: complaints in its own words, files that will stop it, and the time. */
import { describe, expect, it } from 'vitest';
import type { RunRow } from '../../../common/contract/payloads.ts';
import type { Problem } from '../../../common/dataset.ts';
import { DEFAULT_RECIPE } from '../../../common/recipe.ts';
import { paceKnown, timeWords } from '../../../renderer/views/experiment/estimate.ts';
import { blockers } from '../../../renderer/views/experiment/obstacles.ts';
import { inFieldNames } from '../../../renderer/views/experiment/recipe-change.ts';

describe('a complaint about the recipe', () => {
  it('names the field as the form does', () => {
    expect(inFieldNames('refine.iterations: a whole number from 1 to 10000')).toBe('Iterations: a whole number from 1 to 10000');
    expect(inFieldNames('refine.anchor: a number from 0 to 1000')).toBe('Hold z and c: a number from 0 to 1000');
    expect(inFieldNames('name: a non-empty text')).toBe('Name: a non-empty text');
    expect(inFieldNames('a JSON object')).toBe('a JSON object');
  });
});

describe('damaged files', () => {
  const problem = (file: string, severity: Problem['severity'] = 'problem', subject?: string): Problem => ({ severity, file, expected: '', found: '', fix: '', ...(subject === undefined ? {} : { subject }) });
  it('are named before a run meets them, those of the subject and of all', () => {
    expect(blockers([problem('a/captions.json', 'note')], 'subj01')).toBeNull();
    expect(blockers([problem('ppdata/x.nii.gz', 'problem', 'subj02')], 'subj01')).toBeNull();
    expect(blockers([problem('stimuli/nsd_stimuli.hdf5')], 'subj01')).toContain('nsd_stimuli.hdf5 is missing or damaged:');
    expect(blockers([problem('x.nii.gz', 'problem', 'subj01'), problem('b.h5')], 'subj01')).toContain('x.nii.gz is missing or damaged (and 1 more):');
  });
});

describe('the time', () => {
  const run = (reused: number, pace: number | null): RunRow => ({
    id: '', name: '', dataPath: '', dataLabel: '', synthetic: true, subject: '', pack: 'demo', state: 'done', created: '', started: null, finished: null, progress: 1, activity: '', secondsLeft: null, error: null,
    summary: { seconds: 60, steps: 5, reused, images: 10, scores: {}, ...(pace === null ? {} : { pace: { stage1: pace } }) },
  });
  it('goes by the middle one of the last paces, so that one run beside other work does not speak for all', () => {
    const at = (created: string, pace: number): RunRow => ({ ...run(3, pace), created });
    expect(paceKnown([])).toBeNull();
    expect(paceKnown([at('1', 0.1), at('2', 0.1), at('3', 9)])).toEqual({ seconds: 0.1, from: 'stage1' });
    expect(paceKnown([at('0', 50), ...['1', '2', '3', '4', '5'].map((day) => at(day, Number(day)))])).toEqual({ seconds: 3, from: 'stage1' });
  });

  it('goes by whole runs, else by the pace of drawing, else it is not known', () => {
    expect(timeWords([], 2, DEFAULT_RECIPE)).toContain('The first run with this model pack');
    expect(timeWords([run(0, 0.1)], 10, DEFAULT_RECIPE)).toBe('10 pictures, 1 min going by 1 earlier run.');
    expect(timeWords([run(3, 0.1)], 10, DEFAULT_RECIPE)).toMatch(/^10 pictures, about \d+ s to draw them in stage 1; decoders that are not there yet/);
    expect(timeWords([run(3, 0.1)], 10, { ...DEFAULT_RECIPE, pipeline: 'pixels' })).toContain('The first run with this model pack');
    expect(timeWords([run(3, 0.1)], 10, { ...DEFAULT_RECIPE, refine: { ...DEFAULT_RECIPE.refine, enabled: true } })).toContain('Stage 2 comes on top');
  });
});
