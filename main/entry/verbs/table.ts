import path from 'node:path';
import type { Arm, TableNumber, TableOptions } from '../../../common/ablation/arms.ts';
import { DEFAULT_TABLE } from '../../../common/ablation/arms.ts';
import { tablePlan } from '../../../common/ablation/table-plan.ts';
import type { AblationTable, TableRow } from '../../../common/ablation/table.ts';
import { tableCsv, tableHtml, tableImagesCsv, tableLatex } from '../../../common/ablation/text.ts';
import { UserError } from '../../../common/errors.ts';
import type { GradientMode, Recipe } from '../../../common/recipe.ts';
import { essentialRecipe, parseRecipe } from '../../../common/recipe.ts';
import { artefactFolder, hasArtefact, readJson } from '../../experiments/artefacts.ts';
import { keyOf } from '../../experiments/key.ts';
import { openDataset } from '../../experiments/open-dataset.ts';
import type { Queue } from '../../experiments/queue.ts';
import { openQueue, recipeHash } from '../../experiments/queue.ts';
import type { StoredScores } from '../../experiments/stages/score.ts';
import { scoreKeys } from '../../experiments/score-keys.ts';
import { composeTable } from '../../experiments/tables/compose.ts';
import type { Store } from '../../store/open.ts';
import { openStore } from '../../store/open.ts';
import { findRun, scoreKeyOf } from '../../store/runs.ts';
import { writeOutput } from './files.ts';
import { failure, forkEngine, placed, readRecipe } from './run.ts';
import type { Verb, VerbContext } from './verb.ts';
import { choice, numeric, required } from './verb.ts';

const USAGE = 'table 1|2 --data DIR --workspace WS --subject S [--images N] [--seed S] [--mode full|coarse|conditional|truncated|guided] [--iterations N] [--without-c unconditional|random|mean] [--without-z random|mean] [--adjust-c true|false] [--crossed] [--recipe RECIPE.json]';

export const TABLE: Verb = {
  usage: USAGE,
  does: 'an ablation table: 1 = LVC, HVC, both; 2 = without c, z, Z_CLIP, complete; with anchors, intervals and tests; arms share what they have in common, and a killed table goes on',
  options: ['data', 'workspace', 'subject', 'images', 'seed', 'mode', 'iterations', 'without-c', 'without-z', 'adjust-c', 'crossed', 'recipe'],
  words: [1, 1],
  async run(context) {
    const table = numberOf(context.words[0] ?? ''), data = path.resolve(required(context, 'data', USAGE)), workspace = path.resolve(required(context, 'workspace', USAGE));
    const base = await baseRecipe(context), options = optionsOf(context);
    const dataset = await openDataset(data);
    const { label, synthetic } = dataset;
    let arms: readonly Arm[], keys: readonly string[];
    try {
      const { subjects, captions, fingerprint } = await dataset.inspect(context.signal), subject = subjects.find((each) => each.id === base.data.subject);
      if (subject === undefined) {
        throw new UserError('bad-input', `there is no subject ${base.data.subject} in ${data}`, { file: data, expected: subjects.map(({ id }) => id).join(', '), found: base.data.subject, fix: 'See `optogram inspect DIR`.' });
      }
      const atlas = subject.atlases.find((each) => each.name === base.data.atlas) ?? subject.atlases[0];
      const plan = tablePlan(table, { ...base, data: { ...base.data, atlas: atlas?.name ?? base.data.atlas } }, subject, captions, options);
      if (plan.obstacle !== null) throw new UserError('unsupported', `Table ${table} cannot be made of ${data}. ${plan.obstacle.why}`, { file: data, fix: plan.obstacle.fix });
      arms = plan.arms;
      keys = await scoreKeys(arms.map(({ recipe }) => recipe), fingerprint, context.models);
    } finally { dataset.close(); }
    const store = openStore(workspace);
    try {
      const runIds = await runArms(context, store, workspace, arms, keys, { path: data, label, synthetic });
      const scored = await Promise.all(arms.map(async (arm) => ({ arm, scores: await scoresOf(store, workspace, runIds.get(arm.id) ?? '') })));
      const made = composeTable(scored, { table, data: { label, synthetic, subject: base.data.subject }, pack: base.pack, seed: base.seed });
      const folder = path.join(workspace, 'tables', `table-${table}-${keyOf({ table, options, arms: arms.map(({ id, recipe }) => [id, { ...essentialRecipe(recipe), name: '' }]) }).slice(0, 10)}`);
      const files = await writeTable(folder, made);
      context.out({ type: 'table', folder, files, ...made }, readable(made, folder));
    } finally { store.close(); }
  },
};

function numberOf(word: string): TableNumber {
  if (word === '1') return 1;
  if (word === '2') return 2;
  throw new UserError('usage', `there is no table ${word}`, { expected: '1 or 2', found: word, fix: USAGE });
}

async function baseRecipe(context: VerbContext): Promise<Recipe> {
  const file = context.options['recipe'] === undefined ? null : path.resolve(context.options['recipe']);
  const given = file === null ? parseRecipe({ name: 'Table' }, 'table') : placed(parseRecipe(await readRecipe(file), file), path.dirname(file));
  const { refine } = given;
  const recipe = {
    ...given, data: { ...given.data, subject: file === null ? required(context, 'subject', USAGE) : context.options['subject'] ?? given.data.subject },
    images: context.options['images'] === undefined ? given.images : numeric(context, 'images', 24), seed: numeric(context, 'seed', given.seed),
    refine: { ...refine, enabled: true, mode: choice<GradientMode>(context, 'mode', ['full', 'coarse', 'conditional', 'truncated', 'guided'], refine.mode), iterations: numeric(context, 'iterations', refine.iterations) },
  };
  return parseRecipe(recipe, 'the options');
}

function optionsOf(context: VerbContext): TableOptions {
  const withoutC = choice(context, 'without-c', ['unconditional', 'random', 'mean'] as const, DEFAULT_TABLE.withoutC);
  return {
    withoutC, withoutZ: choice(context, 'without-z', ['random', 'mean'] as const, DEFAULT_TABLE.withoutZ),
    adjustReplacedC: choice(context, 'adjust-c', ['true', 'false'] as const, String(DEFAULT_TABLE.adjustReplacedC) as 'true' | 'false') === 'true', crossed: context.options['crossed'] === 'true',
  };
}

/** Runs every arm whose scores (`keys`) no finished run made, one after the other; returns arm id -> run id. */
async function runArms(context: VerbContext, store: Store, workspace: string, arms: readonly Arm[], keys: readonly string[], data: { path: string; label: string; synthetic: boolean }): Promise<ReadonlyMap<string, string>> {
  const runs = new Map<string, string>();
  let ended: { readonly resolve: () => void; readonly reject: (error: Error) => void } | null = null;
  let now: { readonly arm: Arm; readonly runId: string } | null = null;
  const queue: Queue = openQueue(store, () => forkEngine(context, workspace), {
    onRun: () => undefined, onJob: () => undefined, onEngineLost: (message) => { context.note(message); },
    onEvent: (runId, event) => {
      if (event.type === 'progress') context.progress(event.done, event.total, event.what);
      else if (context.json) context.out({ arm: now?.arm.id ?? '', runId, ...event }, '');
      else if (event.type === 'step-started') context.note(`  ${event.title} ...`);
      if (event.type === 'finished') ended?.resolve();
      if (event.type === 'failed') ended?.reject(failure(event));
    },
  });
  const stop = (): void => { if (now !== null) queue.cancelRun(now.runId); };
  context.signal.addEventListener('abort', stop);
  try {
    for (const [index, arm] of arms.entries()) {
      if (context.signal.aborted) throw new DOMException('cancelled', 'AbortError');
      const before = findRun(store, recipeHash(arm.recipe), data.path);
      if (before?.row.state === 'done' && scoreKeyOf(store, before.row.id) === keys[index] && await hasArtefact(workspace, keys[index] ?? '')) {
        runs.set(arm.id, before.row.id);
        context.note(`${index + 1} of ${arms.length}: ${arm.title} (done before)`);
        continue;
      }
      context.note(`${index + 1} of ${arms.length}: ${arm.title}`);
      await new Promise<void>((resolve, reject) => {
        ended = { resolve, reject };
        const row = before !== null && before.row.state !== 'done' ? queue.resumeRun(before.row.id) : queue.startRun(arm.recipe, data);
        now = { arm, runId: row.id };
        runs.set(arm.id, row.id);
      });
    }
  } finally {
    context.signal.removeEventListener('abort', stop);
    queue.close();
  }
  return runs;
}

async function scoresOf(store: Store, workspace: string, runId: string): Promise<StoredScores> {
  const key = scoreKeyOf(store, runId);
  if (key === undefined) throw new RangeError(`run ${runId} has no score step`);
  return readJson<StoredScores>(artefactFolder(workspace, key), 'scores');
}

async function writeTable(folder: string, table: AblationTable): Promise<readonly string[]> {
  const contents = { 'table.json': JSON.stringify(table, null, 1), 'table.csv': tableCsv(table), 'images.csv': tableImagesCsv(table), 'table.tex': tableLatex(table), 'table.html': tableHtml(table) };
  for (const [name, text] of Object.entries(contents)) await writeOutput(path.join(folder, name), text);
  return Object.keys(contents);
}

function readable(table: AblationTable, folder: string): string {
  const cell = (row: TableRow, name: string): string => { const value = row.cells[name]; return value === undefined ? '' : `${value.mean.toFixed(3)}${value.versus === null ? '' : ` (p ${value.versus.holm.toPrecision(2)})`}`; };
  const wide = Math.max(...table.rows.map((row) => row.title.length), 12);
  return [
    `Table ${table.table}. ${table.title}. ${table.data.label}, ${table.data.subject}, ${table.imageIds.length} images; p against complete, Holm.`,
    `${''.padEnd(wide)}  ${table.metrics.map((metric) => metric.title.padEnd(26)).join('')}`,
    ...table.rows.map((row) => `${row.title.padEnd(wide)}  ${table.metrics.map(({ name }) => cell(row, name).padEnd(26)).join('')}`),
    '', ...table.claims.map((claim) => `${claim.holds ? 'holds        ' : 'does not hold'}  ${claim.text}`),
    '', `${table.published.source}:`, ...table.published.rows.map((row) => `${row.title.padEnd(wide)}  ${table.metrics.map(({ name }) => (row.values[name]?.toFixed(3) ?? '–').padEnd(26)).join('')}`),
    '', `Written to ${folder}.`,
  ].join('\n');
}
