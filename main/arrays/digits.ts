/**
 * A folder without `dataset.json` whose only .mat file has the variables of the published digit data set (van Gerven et al. 2010, as
 * arranged by DGMM): `fmriTrn`, `fmriTest` `[rows, voxels]`, `stimTrn`, `stimTest` `[rows, pixels]`, square pictures stored column by column.
 */
import { UserError } from '../../common/errors.ts';
import type { Folder } from '../formats/folder.ts';
import { readMat5 } from '../formats/mat5.ts';
import { isMat5 } from './array-file.ts';
import type { ArraysSchema } from './schema.ts';

const VARIABLES = ['fmriTrn', 'fmriTest', 'stimTrn', 'stimTest'] as const;

/** The schema that such a folder would have; null if it is not one. Reads the .mat file. */
export async function digitsSchema(folder: Folder): Promise<ArraysSchema | null> {
  const files = (await folder.names('')).filter((name) => name.toLowerCase().endsWith('.mat'));
  const [file] = files;
  if (file === undefined || files.length !== 1 || !await isMat5(folder, file)) return null;
  const { arrays } = readMat5(await folder.bytes(file), file);
  if (!VARIABLES.every((name) => arrays.has(name))) return null;
  const pixels = arrays.get('stimTrn')?.shape[1] ?? 0;
  const side = Math.sqrt(pixels);
  if (!Number.isInteger(side)) {
    throw new UserError('bad-input', `${file}: the pictures of stimTrn are not square`, { file, expected: 'a square number of pixels', found: `${pixels}`, fix: 'Write a dataset.json that gives height and width.' });
  }
  return {
    label: file.replace(/\.mat$/i, ''), subject: 'subject', synthetic: false,
    train: { responses: `${file}#fmriTrn`, stimuli: `${file}#stimTrn`, ids: null, sessions: null },
    test: { responses: `${file}#fmriTest`, stimuli: `${file}#stimTest`, ids: null, sessions: null },
    image: { height: side, width: side, channels: 1, order: 'column-major', range: [0, 255] },
    voxels: null, regions: null, regionNames: [], captions: null, surfaces: {},
  };
}
