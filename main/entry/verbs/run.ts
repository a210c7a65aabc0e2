import { fork } from 'node:child_process';
import path from 'node:path';
import { UserError } from '../../../common/errors.ts';
import type { Recipe } from '../../../common/recipe.ts';
import { parseRecipe } from '../../../common/recipe.ts';
import type { RunEvent } from '../../../common/run-event.ts';
import { weightWarnings } from '../../../common/weight-check.ts';
import type { EngineMessage, EngineProcess } from '../../experiments/engine-protocol.ts';
import { openDataset } from '../../experiments/open-dataset.ts';
import { openQueue, recipeHash } from '../../experiments/queue.ts';
import { readSpaceReports } from '../../experiments/space-report.ts';
import type { Store } from '../../store/open.ts';
import { openStore } from '../../store/open.ts';
import { findRun, listSteps } from '../../store/runs.ts';
import { readInput } from './files.ts';
import type { Verb, VerbContext } from './verb.ts';
import { required } from './verb.ts';

const USAGE = 'run RECIPE.json --data DIR --workspace WS';

export const RUN: Verb = {
  usage: USAGE,
  does: 'runs a recipe, or resumes it where it stopped; ends with a summary',
  options: ['data', 'workspace'],
  words: [1, 1],
  async run(context) {
    const file = path.resolve(context.words[0] ?? '');
    const recipe = placed(parseRecipe(await readRecipe(file), file), path.dirname(file));
    const data = path.resolve(required(context, 'data', USAGE));
    const workspace = path.resolve(required(context, 'workspace', USAGE));
    const dataset = await openDataset(data); // a wrong folder is refused before anything is written
    const { label, synthetic } = dataset;
    dataset.close();
    const store = openStore(workspace);
    try {
      const done = await new Promise<string>((resolve, reject) => {
        const queue = openQueue(store, () => forkEngine(context, workspace), {
          onRun: () => undefined,
          onJob: () => undefined,
          onEngineLost: (message) => { context.note(message); },
          onEvent: (runId, event) => {
            tell(context, runId, event);
            if (event.type === 'finished') { queue.close(); resolve(runId); }
            if (event.type === 'failed') {
              queue.close();
              reject(failure(event));
            }
          },
        });
        const before = findRun(store, recipeHash(recipe), data);
        const row = before !== null && before.row.state !== 'done' ? queue.resumeRun(before.row.id) : queue.startRun(recipe, { path: data, label, synthetic });
        context.signal.addEventListener('abort', () => { queue.cancelRun(row.id); }, { once: true });
      });
      for (const warning of await warningsOf(store, workspace, done)) context.note(warning);
    } finally { store.close(); }
  },
};

/** What a finished run has to say of its decoders' weights. */
export async function warningsOf(store: Store, workspace: string, runId: string): Promise<readonly string[]> {
  return weightWarnings(await readSpaceReports(workspace, Object.fromEntries(listSteps(store, runId).map(({ label, key }) => [label, key]))));
}

/** A pack that is given as a path counts from the recipe's folder. */
export function placed(recipe: Recipe, folder: string): Recipe {
  return /[\\/]/.test(recipe.pack) ? { ...recipe, pack: path.resolve(folder, recipe.pack) } : recipe;
}

/** The JSON of a recipe file. Throws UserError (`bad-input`) naming what it is not. */
export async function readRecipe(file: string): Promise<unknown> {
  const text = new TextDecoder().decode(await readInput(file, 'a recipe in JSON'));
  try { return JSON.parse(text) as unknown; } catch (error) {
    throw new UserError('bad-input', `${file} is not JSON`, { file, expected: 'a recipe in JSON', found: error instanceof Error ? error.message : 'other text', fix: 'Correct the file.' });
  }
}

/** An engine process of its own, as a child that is sent messages. */
export function forkEngine(context: VerbContext, workspace: string): EngineProcess {
  const child = fork(context.engine, [`--workspace=${workspace}`, `--models=${context.models}`], { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  return {
    post: (message) => { child.send(message); },
    onMessage: (listener) => { child.on('message', (message) => { listener(message as EngineMessage); }); },
    onExit: (listener) => { child.on('exit', listener); },
    kill: () => { child.kill('SIGKILL'); },
  };
}

function tell(context: VerbContext, runId: string, event: RunEvent): void {
  if (event.type === 'progress') { context.progress(event.done, event.total, event.what); return; }
  if (event.type === 'finished') {
    const scores = Object.entries(event.summary.scores).map(([name, score]) => `  ${name.padEnd(24)} ${score.value.toFixed(4)}  shuffled ${score.baseline.toFixed(4)}`);
    context.out({ runId, ...event }, [`Done in ${event.summary.seconds.toFixed(1)} s: ${event.summary.images} images, ${event.summary.reused} of ${event.summary.steps} steps reused.`, ...scores].join('\n'));
  } else if (context.json) context.out({ runId, ...event }, '');
  else if (event.type === 'step-started') context.note(`${event.title} ...`);
  else if (event.type === 'step-done') context.note(event.reused ? `  reused ${event.key.slice(0, 8)}` : `  ${event.seconds.toFixed(1)} s`);
}

/** What a failed run means for the command line. */
export function failure(event: Extract<RunEvent, { type: 'failed' }>): Error {
  const { kind, message } = event.error;
  if (kind === 'cancelled') return new DOMException('cancelled', 'AbortError');
  return kind === 'bug' ? new Error(message) : new UserError(kind, message, event.error);
}
