/** A run that is stopped, by Ctrl-C or by the death of its engine, goes on at the item; a run that is done recomputes nothing. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listRuns } from '../../main/store/runs.ts';
import { openStore } from '../../main/store/open.ts';
import { start } from '../support/cli.ts';
import type { Line, Outcome, Running } from '../support/cli.ts';
import { TEST, tinyArrays } from '../support/tiny-arrays.ts';

const folders: string[] = [];
let data = '', recipe = '', whole = '', broken = '';

beforeAll(async () => {
  const scratch = await mkdtemp(path.join(tmpdir(), 'cli-resume-'));
  data = await tinyArrays();
  folders.push(scratch, data);
  [recipe, whole, broken] = [path.join(scratch, 'recipe.json'), path.join(scratch, 'whole'), path.join(scratch, 'broken')];
  await writeFile(recipe, JSON.stringify({ name: 'tiny', data: { subject: 'one', atlas: 'all', zscore: 'train' }, decoder: { alphas: [1], folds: 2 }, sampler: { steps: 4, strength: 0.5 }, images: null }));
});
afterAll(async () => { for (const folder of folders) await rm(folder, { recursive: true, force: true }); });

const words = (workspace: string): string[] => ['run', recipe, '--data', data, '--workspace', workspace];
const run = (workspace: string, onLine?: Parameters<typeof start>[1]): Running => start(words(workspace), onLine);
const ofType = (outcome: Outcome, type: string): readonly Line[] => outcome.lines.filter((line) => line['type'] === type);
interface Summary { readonly steps: number; readonly reused: number; readonly images: number; readonly scores: Readonly<Record<string, { readonly value: number }>> }
function summary(outcome: Outcome): Summary {
  expect(outcome.code, outcome.stderr).toBe(0);
  const last = outcome.lines.at(-1);
  expect(last).toMatchObject({ type: 'finished' });
  return last?.['summary'] as Summary;
}
const isImage = (line: Line): boolean => line['type'] === 'image';

/** Processes that the command line started; known on Linux only. */
function enginesOf({ pid = 0 }: ChildProcess): readonly number[] {
  if (process.platform !== 'linux') return [];
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
}

/** Reconstructions below a workspace: name -> when written, and contents. */
async function pictures(workspace: string): Promise<Map<string, { readonly at: number; readonly bytes: Buffer }>> {
  const files = (await readdir(path.join(workspace, 'artefacts'), { recursive: true })).filter((file) => file.endsWith('-reconstruction.png'));
  return new Map(await Promise.all(files.map(async (file) => {
    const full = path.join(workspace, 'artefacts', file);
    return [file, { at: (await stat(full)).mtimeMs, bytes: await readFile(full) }] as const;
  })));
}

/** The store opens, is sound, and nothing of a run that ended is left going; its lock is free. */
function stateOf(workspace: string): readonly string[] {
  const store = openStore(workspace);
  try {
    expect(store.db.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(store.interrupted).toEqual([]);
    return listRuns(store).map((each) => each.row.state);
  } finally { store.close(); }
}

/** Each starts processes of its own; two slow, shared cores must not turn an honest test into a failure. */
const PATIENCE = 240_000;

describe('runs of the command line', { timeout: PATIENCE }, () => {
  it('end with a summary, and a second run recomputes nothing', async () => {
    const first = summary(await run(whole).ended);
    expect(first).toMatchObject({ images: TEST, reused: 0 });
    const again = await run(whole).ended, second = summary(again);
    expect(second.reused).toBe(second.steps);
    expect(second.scores).toEqual(first.scores);
    expect(ofType(again, 'step-started')).toEqual([]);
    expect(stateOf(whole)).toEqual(['done', 'done']);
  });

  it('are cancelled by Ctrl-C with exit code 5 and keep what was finished', async () => {
    let asked = false;
    const stopped = await run(broken, (line, child) => {
      if (!isImage(line) || asked) return;
      asked = true;
      for (const pid of enginesOf(child)) process.kill(pid, 'SIGINT'); // a terminal sends it to the whole group
      child.kill('SIGINT');
    }).ended;
    expect(stopped.code, stopped.stderr).toBe(5);
    expect(stopped.lines.at(-1)).toMatchObject({ error: { kind: 'cancelled' } });
    const kept = (await pictures(broken)).size;
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(TEST);
    expect(stateOf(broken)).toEqual(['cancelled']);
  });

  it.skipIf(process.platform !== 'linux')('survive the death of their engine and resume at the item', async () => {
    const before = await pictures(broken);
    let images = 0;
    const killed = await run(broken, (line, child) => {
      if (!isImage(line) || ++images !== before.size + 1) return;
      for (const pid of enginesOf(child)) process.kill(pid, 'SIGKILL');
    }).ended;
    expect(killed.code, killed.stderr).toBe(1);
    expect(killed.lines.at(-1)).toMatchObject({ error: { message: expect.stringContaining('engine process stopped') as string } });
    expect(stateOf(broken)).toEqual(['failed']);
    const between = await pictures(broken);
    expect(between.size).toBeGreaterThan(before.size);

    const resumed = await run(broken).ended;
    expect(summary(resumed)).toMatchObject({ images: TEST });
    const now = await pictures(broken), reference = await pictures(whole);
    for (const [file, { at }] of between) expect(now.get(file)?.at, `${file} was made again`).toBe(at);
    expect([...now.keys()].sort()).toEqual([...reference.keys()].sort());
    for (const [file, { bytes }] of now) expect(bytes.equals(reference.get(file)?.bytes ?? Buffer.alloc(0)), file).toBe(true);
    expect(stateOf(broken)).toEqual(['done']);
  });
});
