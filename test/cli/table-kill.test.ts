/**
 * The table verb killed (SIGKILL) at random moments and started again ends with the files of one that was never killed, byte for byte.
 *
 * A moment is a number of facts of the run that are not said again from before, and some milliseconds after it, so that deaths fall everywhere: while the
 * lock and the store open, inside steps, between a file and its row, while the table is written. Every other death takes the engine along; the others
 * leave it, as the death of one process does. Not in the suite, being slow; all twenty: `KILLS=20 npx vitest run test/cli/table-kill`.
 */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { random } from '../../common/random.ts';
import { openStore } from '../../main/store/open.ts';
import { start } from '../support/cli.ts';
import type { Line, Outcome } from '../support/cli.ts';
import { tinyArrays } from '../support/tiny-arrays.ts';

const SEED = Number(process.env['SEED'] ?? 57), KILLS = Number(process.env['KILLS'] ?? 0);
/** Facts of a whole table that are said only once (step starts, iterations of stage 2), about; spread over the deaths, some fall past the end. */
const SPREAD = 1.3;
/** Longest wait after the fact. */
const LATEST_MS = 250;
const PATIENCE = 60_000 + KILLS * 60_000;

const folders: string[] = [];
let data = '', recipe = '';
beforeAll(async () => {
  const scratch = await mkdtemp(path.join(tmpdir(), 'cli-table-kill-'));
  data = await tinyArrays();
  folders.push(scratch, data);
  recipe = path.join(scratch, 'recipe.json');
  await writeFile(recipe, JSON.stringify({
    name: 'tiny', data: { subject: 'one', atlas: 'all', zscore: 'train' }, decoder: { alphas: [1], folds: 2 }, sampler: { steps: 2, strength: 1 }, images: 2, refine: { mode: 'full', iterations: KILLS > 2 ? 4 : 1 },
  }));
});
afterAll(async () => { for (const folder of folders) await rm(folder, { recursive: true, force: true }); });

const words = (workspace: string): string[] => ['table', '2', '--data', data, '--workspace', workspace, '--recipe', recipe];
const isNew = (line: Line): boolean => line['type'] === 'step-started' || line['type'] === 'refinement';

/** Processes that this one started. */
const enginesOf = ({ pid = 0 }: ChildProcess): readonly number[] => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter((word) => word !== '').map(Number);

interface Moment { readonly facts: number; readonly afterMs: number; readonly engineToo: boolean }

/** Runs the verb until it ends, or kills it at the moment. */
async function run(workspace: string, moment: Moment | null): Promise<Outcome> {
  let facts = 0, dead = false;
  const kill = (child: ChildProcess): void => {
    if (dead || child.exitCode !== null || child.pid === undefined) return;
    dead = true;
    if (moment?.engineToo === true) for (const pid of enginesOf(child)) process.kill(pid, 'SIGKILL');
    child.kill('SIGKILL');
  };
  const soon = (child: ChildProcess): void => { setTimeout(() => { kill(child); }, moment?.afterMs ?? 0); };
  const running = start(words(workspace), (line, child) => { if (moment !== null && isNew(line) && ++facts === moment.facts) soon(child); });
  if (moment?.facts === 0) soon(running.child);
  return running.ended;
}

/** Everything under a folder that a person or a later run reads: name -> bytes. */
async function files(folder: string, which: RegExp): Promise<ReadonlyMap<string, string>> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => which.test(name)).sort();
  return new Map(await Promise.all(names.map(async (name) => [name, (await readFile(path.join(folder, name))).toString('base64')] as const)));
}

describe.skipIf(process.platform !== 'linux' || KILLS === 0)('a table whose process is killed (skipped unless KILLS says how often: two take half a minute)', { timeout: PATIENCE }, () => {
  it(`${KILLS} times at random moments writes the bytes of one that was not`, async () => {
    const scratch = path.dirname(recipe), whole = path.join(scratch, 'whole'), broken = path.join(scratch, 'broken');
    const reference = await run(whole, null);
    expect(reference.code, reference.stderr).toBe(0);
    const facts = reference.lines.filter(isNew).length, source = random(SEED), said: string[] = [];
    let deaths = 0, ended: Outcome | null = null;
    // A moment that the verb outlives is no death: its end must already be right, and what is drawn next is killed in a table that only has to be written.
    for (let draw = 0; deaths < KILLS && draw < 4 * KILLS; draw++) {
      const moment: Moment = { facts: source.integer(Math.ceil((SPREAD * facts * 2) / KILLS)), afterMs: source.integer(LATEST_MS), engineToo: draw % 2 === 0 };
      const done = ended !== null, outcome = await run(broken, done ? { ...moment, facts: 0, afterMs: 200 + 4 * moment.afterMs } : moment);
      if (outcome.code === null) deaths++;
      else { expect(outcome.code, `seed ${SEED}: ${outcome.stderr}`).toBe(0); ended = outcome; }
      said.push(`${moment.facts}+${moment.afterMs} ms${outcome.code === null ? '' : ' outlived'}`);
    }
    console.log(`${deaths} deaths of a table of ${facts} facts, seed ${SEED}: ${said.join(', ')}`);
    const last = await run(broken, null);
    expect(last.code, `seed ${SEED}: ${last.stderr}`).toBe(0);

    const [a, b] = [await files(path.join(whole, 'tables'), /\.(json|csv|tex|html)$/), await files(path.join(broken, 'tables'), /\.(json|csv|tex|html)$/)];
    expect(a.size).toBe(5);
    expect([...b.keys()]).toEqual([...a.keys()]);
    // Pictures, records of stage 2 and scores first: they say where a difference began. Then the tables, and nothing half-made is left lying about.
    const kept = /(-(truth|reconstruction)\.png|iterations\/.*\.png|-refinement\.json|scores\.json)$/, left = /\.tmp(\/|$)|\.partial(\/|$)|state-\d+\.npz$|journal$/;
    const [c, d] = [await files(path.join(whole, 'artefacts'), kept), await files(path.join(broken, 'artefacts'), kept)];
    expect([...d.keys()]).toEqual([...c.keys()]);
    expect([...d].filter(([name, bytes]) => c.get(name) !== bytes).map(([name]) => name), `seed ${SEED}`).toEqual([]);
    for (const [name, bytes] of b) expect(bytes === a.get(name), `${name}, seed ${SEED}`).toBe(true);
    expect((await readdir(broken, { recursive: true })).filter((name) => left.test(name)), `seed ${SEED}`).toEqual([]);
    const store = openStore(broken);
    expect(store.db.pragma('integrity_check', { simple: true })).toBe('ok');
    store.close();
  });
});
