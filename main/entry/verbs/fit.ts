import path from 'node:path';
import { UserError } from '../../../common/errors.ts';
import type { F32, NdArray } from '../../../common/ndarray.ts';
import { f32 } from '../../../common/ndarray.ts';
import { arrayFolder } from '../../experiments/array-folder.ts';
import { makeFolder } from '../../formats/new-folder.ts';
import { readNpy } from '../../formats/npy.ts';
import { sessionProducts } from '../../linalg/session-products.ts';
import { fitDecoder } from '../../ridge/fit.ts';
import { arrayTargets } from '../../ridge/targets.ts';
import { readInput } from './files.ts';
import type { Verb } from './verb.ts';
import { choice, list, numeric, required } from './verb.ts';

const USAGE = 'fit --x X.npy --y Y.npy --out DIR [--alphas A,...] [--folds K] [--groups G.npy] [--standardise none|zscore]';
/** Penalties over N, as the window tries them; made absolute by the number of rows. */
const GRID = [0.001, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100];

export const FIT: Verb = {
  usage: USAGE,
  does: 'fits a ridge decoder with intercept; alphas are absolute penalties on the centred Gram, as scikit-learn\'s',
  options: ['x', 'y', 'out', 'alphas', 'folds', 'groups', 'standardise'],
  words: [0, 0],
  async run(context) {
    const x = await readMatrix(path.resolve(required(context, 'x', USAGE)));
    const y = await readMatrix(path.resolve(required(context, 'y', USAGE)));
    const out = path.resolve(required(context, 'out', USAGE));
    const rows = x.shape[0] ?? 0;
    if (y.shape[0] !== rows) {
      const file = path.resolve(required(context, 'y', USAGE));
      throw new UserError('bad-input', `${file} has ${y.shape[0] ?? 0} rows, X has ${rows}`, { file, expected: `${rows} rows, as X`, found: `${y.shape[0] ?? 0} rows`, fix: 'Rows of X and Y must be the same images in the same order.' });
    }
    const alphas = list(context, 'alphas').map((text) => {
      const value = Number(text);
      if (!Number.isFinite(value) || value <= 0) throw new UserError('usage', `--alphas ${text}`, { expected: 'positive numbers', found: text });
      return value;
    });
    const groups = context.options['groups'] === undefined ? undefined : Array.from((await readNumbers(path.resolve(context.options['groups']))).data, Number);
    const grid = alphas.length > 0 ? alphas : GRID.map((alpha) => alpha * rows);
    await makeFolder(out);
    const products = sessionProducts();
    try {
      const decoder = await fitDecoder({
        x, y: arrayTargets(y), alphas: grid, standardise: choice(context, 'standardise', ['none', 'zscore'], 'none'),
        folds: grid.length === 1 && context.options['folds'] === undefined ? null : { kind: 'k-fold', folds: numeric(context, 'folds', 5), groups },
      }, { products, store: arrayFolder(out), signal: context.signal, progress: context.progress });
      const { voxels, targets, solver, summary } = decoder.record;
      context.out({ out, rows, voxels, targets, solver, summary }, `Fitted ${voxels} voxels to ${targets} targets on ${rows} rows (${solver.title}: ${solver.reason}) in ${out}.`);
    } finally { await products.release(); }
  },
};

/** Any real array. */
export async function readNumbers(file: string): Promise<NdArray> {
  const bytes = await readInput(file, 'a .npy file');
  return readNpy(bytes, file);
}

/** A matrix as float32 `[rows, columns]`; NaN and infinity are refused with their place. */
export async function readMatrix(file: string): Promise<F32> {
  const array = await readNumbers(file);
  if (array.shape.length !== 2) throw new UserError('bad-input', `${file} has shape [${array.shape.join(', ')}]`, { file, expected: 'a matrix [rows, columns]', found: `rank ${array.shape.length}`, fix: 'Reshape it.' });
  if (array.dtype === 'float16') throw new UserError('bad-input', `${file} holds float16`, { file, expected: 'float32 or float64', found: 'float16', fix: 'Convert it to float32.' });
  const data = Float32Array.from(array.data as ArrayLike<number>, Number);
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const width = array.shape[1] ?? 1;
    throw new UserError('bad-input', `${file} holds ${String(data[bad])} at row ${Math.floor(bad / width)}, column ${bad % width}`, { file, expected: 'finite numbers', found: String(data[bad]), fix: 'Remove or fill those rows or columns.' });
  }
  return f32(array.shape, data);
}
