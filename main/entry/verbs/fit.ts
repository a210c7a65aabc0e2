import fs from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../../common/errors.ts';
import { arrayFolder, checkpointFolder } from '../../experiments/array-folder.ts';
import { makeFolder } from '../../formats/new-folder.ts';
import { sessionProducts } from '../../linalg/session-products.ts';
import { fitDecoder } from '../../ridge/fit.ts';
import type { WeightCheck } from '../../ridge/artefact.ts';
import type { FitOptions } from '../../ridge/fit-options.ts';
import type { FoldChoice } from '../../ridge/folds.ts';
import { openTargets, readMatrix, readNumbers } from './npy-matrix.ts';
import type { Verb, VerbContext } from './verb.ts';
import { choice, list, numeric, required } from './verb.ts';

const USAGE = 'fit --x X.npy --y Y.npy --out DIR [--alphas A,...] [--folds K|leave-one-out] [--groups G.npy] [--standardise none|zscore] [--rule best|conservative] '
  + '[--search exhaustive|bracket] [--voxels-per-target N --alpha A] [--bands B.npy] [--memory GB]';
/** Penalties over N, as the window tries them; made absolute by the number of rows. */
const GRID = [0.001, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100];
/** Where an interrupted fit is kept, inside the output folder. */
const PARTIAL = 'partial';

export const FIT: Verb = {
  usage: USAGE,
  does: 'fits a ridge decoder with intercept; alphas are absolute penalties on the centred Gram, as scikit-learn\'s. Goes on where it was killed',
  options: ['x', 'y', 'out', 'alphas', 'folds', 'groups', 'standardise', 'rule', 'search', 'voxels-per-target', 'alpha', 'bands', 'memory'],
  words: [0, 0],
  async run(context) {
    const x = await readMatrix(path.resolve(required(context, 'x', USAGE)));
    const yFile = path.resolve(required(context, 'y', USAGE));
    const y = await openTargets(yFile);
    try {
      const out = path.resolve(required(context, 'out', USAGE));
      const rows = x.shape[0] ?? 0;
      if (y.rows !== rows) {
        throw new UserError('bad-input', `${yFile} has ${y.rows} rows, X has ${rows}`, { file: yFile, expected: `${rows} rows, as X`, found: `${y.rows} rows`, fix: 'Rows of X and Y must be the same images in the same order.' });
      }
      const options: FitOptions = { x, y, ...await model(context, rows), ...memory(context) };
      await makeFolder(out);
      const products = sessionProducts({ subsystemWorker: context.subsystemWorker });
      try {
        const partial = path.join(out, PARTIAL);
        const decoder = await fitDecoder(options, { products, store: arrayFolder(out), checkpoint: checkpointFolder(partial), signal: context.signal, progress: context.progress });
        await fs.rm(partial, { recursive: true, force: true });
        const { voxels, targets, solver, summary, check } = decoder.record;
        context.out({ out, rows, voxels, targets, solver, summary, ...(check === undefined ? {} : { check }) }, `Fitted ${voxels} voxels to ${targets} targets on ${rows} rows (${solver.title}: ${solver.reason}) in ${out}.${checked(check)}`);
      } finally { await products.release(); }
    } finally { await y.close(); }
  },
};

/** What the check of weights has to say to a person: nothing if all passed as they were. */
function checked(check: WeightCheck | undefined): string {
  if (check === undefined) return '';
  const again = check.again.length === 0 ? '' : `\nSolved again for precision: ${check.again.map(({ alpha, grade }) => `penalty ${alpha} (${grade})`).join(', ')}.`;
  const missed = check.missed.map(({ alpha, error }) => `\nWarning: weights at penalty ${alpha} are wrong by ${error} of their size (tolerance ${check.tolerance}): X is too badly conditioned for so small a penalty. Use larger ones.`);
  return again + missed.join('');
}

/** What the options say about the model. Throws UserError (`usage`) for options that do not go together. */
async function model(context: VerbContext, rows: number): Promise<Omit<FitOptions, 'x' | 'y'>> {
  const standardise = choice(context, 'standardise', ['none', 'zscore'], 'none');
  if (context.options['voxels-per-target'] !== undefined) {
    const others = ['alphas', 'bands', 'rule', 'search'].filter((name) => context.options[name] !== undefined);
    if (others.length > 0) throw new UserError('usage', `--voxels-per-target with --${others.join(', --')}`, { expected: 'one --alpha, and folds if scores are wanted', found: others.join(', '), fix: 'Leave them out.' });
    return {
      solver: 'fastl2lir', voxelsPerTarget: numeric(context, 'voxels-per-target', 0), alphas: [positive('alpha', required(context, 'alpha', USAGE))], standardise,
      folds: context.options['folds'] === undefined ? null : await foldChoice(context),
    };
  }
  if (context.options['alpha'] !== undefined) throw new UserError('usage', '--alpha without --voxels-per-target', { expected: '--alphas A,... for ridge with a free intercept', found: '--alpha', fix: 'Use --alphas, or add --voxels-per-target.' });
  const alphas = list(context, 'alphas').map((text) => positive('alphas', text));
  const grid = alphas.length > 0 ? alphas : GRID.map((alpha) => alpha * rows);
  const bands = context.options['bands'] === undefined ? {} : { bands: Array.from((await readNumbers(path.resolve(context.options['bands']))).data, Number) };
  const search = context.options['search'] === undefined ? {} : { search: choice(context, 'search', ['exhaustive', 'bracket'], 'exhaustive') };
  return {
    alphas: grid, standardise, ...bands, ...search, rule: choice(context, 'rule', ['best', 'conservative'], 'best'),
    folds: grid.length === 1 && context.options['folds'] === undefined ? null : await foldChoice(context),
  };
}

async function foldChoice(context: VerbContext): Promise<FoldChoice> {
  if (context.options['folds'] === 'leave-one-out') return { kind: 'leave-one-out' };
  const groups = context.options['groups'] === undefined ? undefined : Array.from((await readNumbers(path.resolve(context.options['groups']))).data, Number);
  return { kind: 'k-fold', folds: numeric(context, 'folds', 5), groups };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new UserError('usage', `--${name} ${text}`, { expected: 'positive numbers', found: text, fix: 'A penalty of 0 is no ridge: give a small positive one.' });
  return value;
}

function memory(context: VerbContext): { readonly memory?: number } {
  return context.options['memory'] === undefined ? {} : { memory: positive('memory', context.options['memory']) * 1e9 };
}
