/** A run that is paused in the middle of stage 2, stays paused while the workspace is closed, and goes on to the bytes of one that was never paused. With real engine processes. */
import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRecipe } from '../../../common/recipe.ts';
import type { RunEvent, RunState } from '../../../common/run-event.ts';
import type { EngineMessage, EngineProcess } from '../../../main/experiments/engine-protocol.ts';
import { openQueue } from '../../../main/experiments/queue.ts';
import type { Queue } from '../../../main/experiments/queue.ts';
import { openStore } from '../../../main/store/open.ts';
import { tinyArrays } from '../../support/tiny-arrays.ts';

const root = path.resolve(import.meta.dirname, '../../..'), pinned = path.join(root, 'node_modules/node/bin/node');
const ITERATIONS = 5;
const recipe = parseRecipe({
  name: 'tiny', data: { subject: 'one', atlas: 'all', zscore: 'train' }, decoder: { alphas: [1], folds: 2 }, sampler: { steps: 2, strength: 1 }, images: 2,
  refine: { enabled: true, mode: 'full', iterations: ITERATIONS },
});
const PATIENCE = 240_000;

let data = '', scratch = '';
beforeAll(async () => { data = await tinyArrays(); scratch = await mkdtemp(path.join(tmpdir(), 'pause-')); });
afterAll(async () => { for (const folder of [data, scratch]) await rm(folder, { recursive: true, force: true }); });

function engine(workspace: string): EngineProcess {
  const child = fork(path.join(root, 'main/entry/engine.ts'), [`--workspace=${workspace}`, `--models=${path.join(root, 'resources/models')}`], { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'], ...(existsSync(pinned) ? { execPath: pinned } : {}) });
  return {
    post: (message) => { child.send(message); }, onMessage: (listener) => { child.on('message', (message) => { listener(message as EngineMessage); }); },
    onExit: (listener) => { child.on('exit', listener); }, kill: () => { child.kill('SIGKILL'); },
  };
}

/** Opens the workspace as a launch of the application does, hands the queue to `work`, and waits until the run rests. */
async function session(workspace: string, work: (queue: Queue) => string, onEvent: (queue: Queue, runId: string, event: RunEvent) => void = () => undefined): Promise<{ readonly id: string; readonly state: RunState; readonly interrupted: readonly string[]; readonly events: readonly RunEvent[] }> {
  const store = openStore(workspace), { interrupted } = store, events: RunEvent[] = [];
  try {
    return await new Promise((resolve) => {
      const queue: Queue = openQueue(store, () => engine(workspace), {
        onJob: () => undefined, onEngineLost: () => undefined, onEvent: (runId, event) => { events.push(event); onEvent(queue, runId, event); },
        onRun: (row) => { if (['done', 'failed', 'paused', 'cancelled'].includes(row.state)) { queue.close(); resolve({ id: row.id, state: row.state, interrupted, events }); } },
      });
      work(queue);
    });
  } finally { store.close(); }
}

const isIteration = (event: RunEvent): boolean => event.type === 'refinement';
async function files(workspace: string): Promise<ReadonlyMap<string, string>> {
  const names = (await readdir(workspace, { recursive: true })).filter((name) => /\.(png|npz)$|(refinement|scores)\.json$/.test(name)).sort();
  return new Map(await Promise.all(names.map(async (name) => [name, (await readFile(path.join(workspace, name))).toString('base64')] as const)));
}

describe('a paused run', { timeout: PATIENCE }, () => {
  it('goes on after a restart to the bytes of one that was not paused', async () => {
    const whole = path.join(scratch, 'whole'), halted = path.join(scratch, 'halted'), source = { path: data, label: 'Tiny', synthetic: true };
    expect((await session(whole, (queue) => queue.startRun(recipe, source).id)).state).toBe('done');

    let iterations = 0;
    const first = await session(halted, (queue) => queue.startRun(recipe, source).id, (queue, id, event) => { if (isIteration(event) && ++iterations === 4) queue.pauseRuns([id]); });
    expect(first.state).toBe('paused');
    expect([...(await files(halted)).keys()].filter((name) => name.includes('state-'))).toHaveLength(1);

    // Another launch: paused is not interrupted, and it waits for its user.
    const store = openStore(halted);
    expect([store.interrupted, store.db.prepare('SELECT state, paused FROM run').all()]).toEqual([[], [{ state: 'cancelled', paused: 1 }]]);
    store.close();
    const second = await session(halted, (queue) => queue.resumeRun(first.id).id);
    expect([second.state, second.id]).toEqual(['done', first.id]);
    // It went on in the middle: two images, each with its iterations from 0 on.
    expect(second.events.filter(isIteration).length).toBeLessThan(2 * (ITERATIONS + 1));
    const [a, b] = [await files(whole), await files(halted)];
    expect([...b.keys()]).toEqual([...a.keys()]);
    expect([...b].filter(([name, bytes]) => a.get(name) !== bytes).map(([name]) => name)).toEqual([]);
  });
});
