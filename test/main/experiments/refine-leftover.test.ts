/** An engine process that dies between the last record of a group of stage 2 and the removal of its kept state leaves the state behind: it is swept when the step comes again, finished or not. */
import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRecipe } from '../../../common/recipe.ts';
import type { RunState } from '../../../common/run-event.ts';
import type { EngineMessage, EngineProcess } from '../../../main/experiments/engine-protocol.ts';
import { openQueue } from '../../../main/experiments/queue.ts';
import type { Queue } from '../../../main/experiments/queue.ts';
import { openStore } from '../../../main/store/open.ts';
import { tinyArrays } from '../../support/tiny-arrays.ts';

const root = path.resolve(import.meta.dirname, '../../..'), pinned = path.join(root, 'node_modules/node/bin/node');
/** Two groups: four images, and one. */
const recipe = parseRecipe({
  name: 'tiny', data: { subject: 'one', atlas: 'all', zscore: 'train' }, decoder: { alphas: [1], folds: 2 }, sampler: { steps: 1, strength: 1, guidance: 1 }, images: 5,
  refine: { enabled: true, mode: 'full', iterations: 1 },
});

let data = '', scratch = '';
beforeAll(async () => { data = await tinyArrays(); scratch = await mkdtemp(path.join(tmpdir(), 'leftover-')); });
afterAll(async () => { for (const folder of [data, scratch]) await rm(folder, { recursive: true, force: true }); });

/** `dieAt`: the removal of a state at which the process dies; 0 = it lives. */
function engine(workspace: string, dieAt: number): EngineProcess {
  const child = fork(path.join(root, 'main/entry/engine.ts'), [`--workspace=${workspace}`, `--models=${path.join(root, 'resources/models')}`], {
    serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: ['--import', path.join(root, 'test/support/death-at-removal.fixture.ts')],
    env: { ...process.env, DIE_AT_REMOVAL: String(dieAt) }, ...(existsSync(pinned) ? { execPath: pinned } : {}),
  });
  return {
    post: (message) => { child.send(message); }, onMessage: (listener) => { child.on('message', (message) => { listener(message as EngineMessage); }); },
    onExit: (listener) => { child.on('exit', listener); }, kill: () => { child.kill('SIGKILL'); },
  };
}

/** One launch of the application: starts or resumes the run and waits until it rests. */
async function launch(workspace: string, dieAt: number, work: (queue: Queue) => string): Promise<{ readonly id: string; readonly state: RunState }> {
  const store = openStore(workspace);
  try {
    return await new Promise((resolve) => {
      const queue: Queue = openQueue(store, () => engine(workspace, dieAt), {
        onJob: () => undefined, onEngineLost: () => undefined, onEvent: () => undefined,
        onRun: (row) => { if (row.state === 'done' || row.state === 'failed') { queue.close(); resolve({ id: row.id, state: row.state }); } },
      });
      work(queue);
    });
  } finally { store.close(); }
}

async function kept(workspace: string): Promise<{ readonly states: readonly string[]; readonly records: number; readonly bytes: string }> {
  const names = (await readdir(workspace, { recursive: true })).sort(), records = names.filter((name) => name.endsWith('-refinement.json'));
  const bytes = await Promise.all(names.filter((name) => /-(refinement|reconstruction)\.(json|png)$/.test(name)).map(async (name) => (await readFile(path.join(workspace, name))).toString('base64')));
  return { states: names.map((name) => path.basename(name)).filter((name) => name.startsWith('state-')), records: records.length, bytes: bytes.join('\n') };
}

describe('a kept state that outlived its group', { timeout: 240_000 }, () => {
  it('is swept when the run goes on, and when it finds the step finished', async () => {
    const start = (queue: Queue): string => queue.startRun(recipe, { path: data, label: 'Tiny', synthetic: true }).id;
    const first = await launch(scratch, 1, start), after = await kept(scratch);
    expect([first.state, after.states.length, after.records], 'dies with the records of the first group written').toEqual(['failed', 1, 4]);

    // The step comes again: the first removal is that of the leftover, the second that of the other group, where it dies again.
    const second = await launch(scratch, 2, (queue) => queue.resumeRun(first.id).id), then = await kept(scratch);
    expect([second.state, then.records], 'dies with all records written').toEqual(['failed', 5]);
    expect([then.states.length, then.states.includes(after.states[0] ?? '')], 'only the other group left its state').toEqual([1, false]);

    // The step is found finished.
    const third = await launch(scratch, 0, (queue) => queue.resumeRun(first.id).id), end = await kept(scratch);
    expect([third.state, end.states, end.records]).toEqual(['done', [], 5]);
    expect(end.bytes === then.bytes, 'what was finished stays as it was').toBe(true);
  });
});
