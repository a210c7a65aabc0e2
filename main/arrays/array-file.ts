/** One array by reference: `file.npy`, `file.npz#name`, `file.mat#name` (level 5 or v7.3), `file.h5#path`. */
import { UserError } from '../../common/errors.ts';
import type { NdArray } from '../../common/ndarray.ts';
import { reverseAxes } from '../formats/elements.ts';
import type { Folder } from '../formats/folder.ts';
import { openHdf5 } from '../formats/hdf5.ts';
import { readMat5 } from '../formats/mat5.ts';
import { readNpy } from '../formats/npy.ts';
import { readNpz } from '../formats/npz.ts';

export interface Reference {
  readonly file: string;
  /** Name inside the file; null for formats that hold one array. */
  readonly name: string | null;
}

/** Splits `file#name`. Throws `UserError` for a path that leaves the folder. */
export function parseReference(text: string): Reference {
  const hash = text.indexOf('#');
  const file = (hash < 0 ? text : text.slice(0, hash)).replaceAll('\\', '/').replace(/^\.\//, '');
  if (file.startsWith('/') || /^[A-Za-z]:/.test(file) || file.split('/').includes('..')) {
    throw new UserError('bad-input', `${text} leaves the folder of the data set`, { file: text, expected: 'a path inside the folder', found: text, fix: 'Move the file into the folder, or link to it.' });
  }
  return { file, name: hash < 0 ? null : text.slice(hash + 1) };
}

const MAT5_MARK = 'MATLAB 5.0';

/** Name of the array that is meant: the one named, or the only one. */
function chosen(names: readonly string[], { file, name }: Reference): string {
  const wanted = name === null ? undefined : name.replace(/^\/+/, '');
  const found = wanted === undefined && names.length === 1 ? names[0] : names.find((each) => each === wanted);
  if (found !== undefined) return found;
  throw new UserError('bad-input', name === null ? `${file} holds several arrays; name one` : `${file} has no array "${name}"`, {
    file, expected: `${file}#NAME with NAME one of ${names.join(', ')}`, found: name ?? 'no name', fix: 'Correct the reference in dataset.json.',
  });
}

function pick(arrays: ReadonlyMap<string, NdArray>, reference: Reference): NdArray {
  const name = chosen([...arrays.keys()], reference);
  const found = arrays.get(name);
  if (found === undefined) throw new RangeError(name);
  return found;
}

async function fromHdf5(folder: Folder, reference: Reference, isMatlab: boolean): Promise<NdArray> {
  const source = await openHdf5(folder.path(reference.file));
  try {
    const array = source.read(chosen(source.datasets().map((entry) => entry.name), reference));
    // MATLAB writes its first index fastest, so HDF5 lists the axes reversed.
    return isMatlab ? reverseAxes(array) : array;
  } finally {
    source.close();
  }
}

type Loader = (folder: Folder, reference: Reference) => Promise<NdArray>;

const LOADERS: readonly (readonly [RegExp, Loader])[] = [
  [/\.npy$/i, async (folder, { file }) => readNpy(await folder.bytes(file), file)],
  [/\.npz$/i, async (folder, reference) => pick(readNpz(await folder.bytes(reference.file), reference.file), reference)],
  [/\.mat$/i, async (folder, reference) => (await isMat5(folder, reference.file)
    ? pick(readMat5(await folder.bytes(reference.file), reference.file).arrays, reference) : fromHdf5(folder, reference, true))],
  [/\.(h5|hdf5|hdf)$/i, (folder, reference) => fromHdf5(folder, reference, false)],
];

/** True for a level-5 .mat file, false for v7.3. */
export async function isMat5(folder: Folder, file: string): Promise<boolean> {
  return Buffer.from(await folder.prefix(file, MAT5_MARK.length)).toString('latin1') === MAT5_MARK;
}

/** Reads an array. Throws `UserError` or `FormatError` naming the file. */
export async function readArray(folder: Folder, text: string): Promise<NdArray> {
  const reference = parseReference(text);
  const loader = LOADERS.find(([pattern]) => pattern.test(reference.file))?.[1];
  if (loader === undefined) {
    throw new UserError('bad-input', `${reference.file} is of no known array format`, { file: reference.file, expected: '.npy, .npz, .mat, .h5 or .hdf5', found: reference.file, fix: 'Save the array in one of these formats.' });
  }
  return loader(folder, reference);
}
