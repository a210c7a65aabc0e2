import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../../../common/errors.ts';
import { DEFAULT_RECIPE } from '../../../common/recipe.ts';
import type { RunEvent, RunSummary, StepPlan } from '../../../common/run-event.ts';
import { record } from '../../../main/experiments/record.ts';
import { MIGRATIONS } from '../../../main/store/migrations/index.ts';
import { openStore } from '../../../main/store/open.ts';
import { listImages, listMetrics, readSetting, writeSetting } from '../../../main/store/results.ts';
import { deleteRun, findRun, getRun, insertRun, listRuns, listSteps, setRunState } from '../../../main/store/runs.ts';

let folder = '';
beforeEach(() => { folder = fs.mkdtempSync(path.join(os.tmpdir(), 'optogram-store-')); });
afterEach(() => { fs.rmSync(folder, { recursive: true, force: true }); });

const NEW = { id: 'r1', recipe: DEFAULT_RECIPE, recipeHash: 'h', dataPath: '/data', dataLabel: 'Demo', synthetic: true };
const SUMMARY: RunSummary = { seconds: 3, steps: 2, reused: 0, images: 1, scores: { pcc: { value: 0.5, baseline: 0.1, better: 'higher' } } };
const step = (key: string): StepPlan => ({ key, kind: 'fit', label: `fit:${key}`, title: key, inputs: [], weight: 0.5 });
const EVENTS: readonly RunEvent[] = [
  { type: 'planned', steps: [step('a'), step('b')], reused: ['a'] },
  { type: 'step-done', key: 'a', seconds: 0, reused: true },
  { type: 'step-started', key: 'b', kind: 'fit', title: 'b' },
  { type: 'image', key: 'b', image: { imageId: 7, truth: 't.png', reconstruction: 'r.png' } },
  { type: 'metric', key: 'b', name: 'pcc', value: 0.5, imageId: 7 },
  { type: 'metric', key: 'b', name: 'pcc', value: 0.5, baseline: 0.1 },
  { type: 'artefact', artefact: { key: 'b', kind: 'fit', path: 'artefacts/b', bytes: 10 } },
  { type: 'step-done', key: 'b', seconds: 2, reused: false },
];

describe('the store', () => {
  it('keeps what the events of a run said, across a restart', () => {
    const store = openStore(folder);
    insertRun(store, NEW, '2026-01-01T00:00:00Z');
    for (const event of EVENTS) record(store, 'r1', event);
    record(store, 'r1', { type: 'finished', summary: SUMMARY });
    store.close();
    const again = openStore(folder);
    expect(again.interrupted).toEqual([]);
    expect(getRun(again, 'r1')?.row).toMatchObject({ state: 'done', progress: 1, summary: SUMMARY, error: null });
    expect(listSteps(again, 'r1').map(({ label, state, seconds }) => [label, state, seconds])).toEqual([['fit:a', 'reused', 0], ['fit:b', 'done', 2]]);
    expect(listImages(again, 'r1')).toEqual([{ imageId: 7, truth: 't.png', reconstruction: 'r.png', scores: { pcc: 0.5 } }]);
    expect(listMetrics(again, 'r1')).toEqual([{ name: 'pcc', space: '', region: '', value: 0.5, baseline: 0.1 }]);
    again.close();
  });

  it('names runs that were going when it was left, and keeps them to be resumed', () => {
    const store = openStore(folder);
    insertRun(store, NEW, '2026-01-01T00:00:00Z');
    for (const event of EVENTS.slice(0, 4)) record(store, 'r1', event);
    store.close();
    const again = openStore(folder);
    expect(again.interrupted).toEqual(['r1']);
    expect(findRun(again, 'h', '/data')?.row).toMatchObject({ id: 'r1', state: 'cancelled', progress: 0.5 });
    again.close();
  });

  it('opens what the schema before wrote; what was cancelled there was not paused', () => {
    fs.mkdirSync(folder, { recursive: true });
    const old = new Database(path.join(folder, 'store.db'));
    old.exec(MIGRATIONS[0] ?? '');
    old.pragma('user_version = 1');
    old.prepare(`INSERT INTO run (id, name, recipe, recipe_hash, data_path, data_label, synthetic, subject, state, created) VALUES ('r1', 'One', ?, 'h', '/data', 'Data', 0, 'subj01', 'cancelled', 'then')`).run(JSON.stringify(NEW.recipe));
    old.close();
    const store = openStore(folder);
    expect(getRun(store, 'r1')?.row.state).toBe('cancelled');
    setRunState(store, 'r1', 'paused', 'now');
    store.close();
    const again = openStore(folder);
    expect([getRun(again, 'r1')?.row.state, again.interrupted]).toEqual(['paused', []]);
    setRunState(again, 'r1', 'running', 'later');
    expect(getRun(again, 'r1')?.row.state).toBe('running');
    again.close();
  });

  it('never moves a finished run', () => {
    const store = openStore(folder);
    insertRun(store, NEW, 'now');
    record(store, 'r1', { type: 'finished', summary: SUMMARY });
    expect(setRunState(store, 'r1', 'running', 'later')).toBe(false);
    expect(getRun(store, 'r1')?.row.state).toBe('done');
    store.close();
  });

  it('keeps the error of a failed run and forgets it when the run goes on', () => {
    const store = openStore(folder);
    insertRun(store, NEW, 'now');
    record(store, 'r1', { type: 'failed', error: { kind: 'bad-input', message: 'no', file: 'x' } });
    expect(getRun(store, 'r1')?.row).toMatchObject({ state: 'failed', error: { kind: 'bad-input', message: 'no', file: 'x' } });
    setRunState(store, 'r1', 'waiting', 'later');
    expect(getRun(store, 'r1')?.row).toMatchObject({ state: 'waiting', error: null });
    store.close();
  });

  it('deletes a run with everything that hangs on it', () => {
    const store = openStore(folder);
    insertRun(store, NEW, 'now');
    for (const event of EVENTS) record(store, 'r1', event);
    deleteRun(store, 'r1');
    expect(listRuns(store)).toEqual([]);
    expect(listImages(store, 'r1')).toEqual([]);
    expect(listSteps(store, 'r1')).toEqual([]);
    store.close();
  });

  it('refuses a workspace that another living process holds, and takes over a dead one', () => {
    const lock = (pid: number): void => { fs.writeFileSync(path.join(folder, 'lock.json'), JSON.stringify({ pid, host: os.hostname(), since: 'today' })); };
    lock(process.ppid);
    expect(() => openStore(folder)).toThrow(/open in another Optogram/);
    lock(2 ** 22 - 3); // above the largest process id of an ordinary kernel
    openStore(folder).close();
    expect(fs.existsSync(path.join(folder, 'lock.json'))).toBe(false);
  });

  it('refuses a file that is no database by name and leaves it as it is', () => {
    fs.writeFileSync(path.join(folder, 'store.db'), 'this is not a database, it only looks like a file of some length');
    expect(() => openStore(folder)).toThrow(UserError);
    expect(fs.readFileSync(path.join(folder, 'store.db'), 'utf8')).toContain('not a database');
    expect(fs.existsSync(path.join(folder, 'lock.json'))).toBe(false);
  });

  it('remembers settings', () => {
    const store = openStore(folder);
    expect(readSetting(store, 'theme')).toBeUndefined();
    writeSetting(store, 'theme', 'dark');
    expect(readSetting(store, 'theme')).toBe('dark');
    store.close();
  });
});
