/** Loads and checks the arrays that a schema names: rows of training and test together, ids, sessions, pictures, regions. */
import type { Hemisphere, VoxelSampling } from '../../common/dataset.ts';
import { UserError } from '../../common/errors.ts';
import { f32, ndarray } from '../../common/ndarray.ts';
import type { NdArray, U8 } from '../../common/ndarray.ts';
import { toFloat64 } from '../formats/elements.ts';
import type { Folder } from '../formats/folder.ts';
import { readPng } from '../formats/png.ts';
import { parseReference, readArray } from './array-file.ts';
import { layoutOf, picturesOf } from './pictures.ts';
import type { Rows } from './rows.ts';
import type { ArraysSchema, Part } from './schema.ts';

function wrong(file: string, expected: string, found: string, fix: string): UserError {
  return new UserError('bad-input', `${file}: expected ${expected}, found ${found}`, { file, expected, found, fix });
}

async function matrix(folder: Folder, reference: string): Promise<{ readonly rows: number; readonly columns: number; readonly data: Float64Array }> {
  const array = await readArray(folder, reference);
  const [rows = 0, columns = 0] = array.shape;
  if (array.shape.length !== 2 || rows === 0 || columns === 0) throw wrong(reference, 'responses [rows, voxels]', `[${array.shape.join(', ')}]`, 'Save one row per trial and one column per voxel.');
  const data = toFloat64(array);
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw wrong(reference, 'finite responses', `${data[bad] ?? ''} in row ${Math.floor(bad / columns)}, column ${bad % columns}`, 'Remove or replace voxels without data.');
  return { rows, columns, data };
}

/** Whole numbers, one per row, from a vector or a one-column or one-row matrix. */
async function integers(folder: Folder, reference: string, count: number, what: string): Promise<Int32Array> {
  const array = await readArray(folder, reference);
  const values = toFloat64(array);
  if (values.length !== count) throw wrong(reference, `${count} ${what}, one a row`, `[${array.shape.join(', ')}]`, 'Give as many as there are responses.');
  const bad = values.findIndex((value) => !Number.isInteger(value) || value < 0 || value > 2 ** 31 - 1);
  if (bad >= 0) throw wrong(reference, `whole numbers from 0 as ${what}`, String(values[bad]), 'Use whole numbers.');
  return Int32Array.from(values);
}

/** Training rows, then test rows. Without ids every row is its own picture, numbered from 0 through both parts. */
export async function loadRows(folder: Folder, { train, test }: ArraysSchema): Promise<Rows> {
  const [first, second] = await Promise.all([train, test].map((part) => matrix(folder, part.responses)));
  if (first === undefined || second === undefined) throw new RangeError('two parts');
  if (first.columns !== second.columns) throw wrong(test.responses, `${first.columns} voxels, as ${train.responses}`, `${second.columns}`, 'Training and test must come from the same voxels.');
  const rows = first.rows + second.rows;
  const values = new Float32Array(rows * first.columns);
  values.set(first.data, 0);
  values.set(second.data, first.data.length);
  const numbers = async (part: Part, key: 'ids' | 'sessions', count: number, fallback: (row: number) => number): Promise<Int32Array> => {
    const reference = part[key];
    return reference === null ? Int32Array.from({ length: count }, (_, row) => fallback(row)) : integers(folder, reference, count, key);
  };
  const joined = (a: Int32Array, b: Int32Array): Int32Array => Int32Array.from([...a, ...b]);
  const ids = joined(await numbers(train, 'ids', first.rows, (row) => row), await numbers(test, 'ids', second.rows, (row) => first.rows + row));
  const sessions = joined(await numbers(train, 'sessions', first.rows, () => 1), await numbers(test, 'sessions', second.rows, () => 1));
  const training = new Set(ids.subarray(0, first.rows));
  const shared = ids.subarray(first.rows).find((id) => training.has(id));
  if (shared !== undefined) throw wrong(test.ids ?? test.responses, 'test pictures that were not trained on', `picture ${shared} in both`, 'Give test pictures their own ids.');
  return { values: f32([rows, first.columns], values), ids, sessions, isTest: Uint8Array.from({ length: rows }, (_, row) => (row < first.rows ? 0 : 1)) };
}

/** All pictures of one part, a row each. */
async function partPictures(folder: Folder, schema: ArraysSchema, reference: string, rows: number): Promise<U8> {
  const { file } = parseReference(reference);
  if ((await folder.facts(file))?.isFolder === true) return folderPictures(folder, file, rows);
  const array = await readArray(folder, reference);
  if (array.shape[0] !== rows) throw wrong(reference, `${rows} pictures, one per response`, `[${array.shape.join(', ')}]`, 'Give one picture per row of the responses.');
  const layout = schema.image ?? layoutOf(array);
  if (layout === null) throw wrong(reference, 'pictures [rows, height, width, channels]', `[${array.shape.join(', ')}]`, 'Describe the pictures with "image" in dataset.json.');
  return picturesOf(array, layout, Array.from({ length: rows }, (_, row) => row), reference);
}

async function folderPictures(folder: Folder, place: string, rows: number): Promise<U8> {
  const names = (await folder.names(place)).filter((name) => /\.png$/i.test(name));
  if (names.length !== rows) throw wrong(place, `${rows} PNG files, one per response`, `${names.length}`, 'Give one picture per row of the responses, in name order.');
  const pictures = await Promise.all(names.map(async (name) => readPng(await folder.bytes(`${place}/${name}`), `${place}/${name}`)));
  const shape = pictures[0]?.shape ?? [];
  const size = pictures[0]?.data.length ?? 0;
  const out = new Uint8Array(rows * size);
  pictures.forEach((picture, i) => {
    if (picture.shape.join() !== shape.join()) throw wrong(`${place}/${names[i] ?? ''}`, `[${shape.join(', ')}], as the first picture`, `[${picture.shape.join(', ')}]`, 'Save all pictures in one size.');
    out.set(picture.data, i * size);
  });
  return ndarray('uint8', [rows, ...shape], out);
}

/** Pictures of training and test rows `[rows, height, width, channels]`; null if neither part has any. */
export async function loadPictures(folder: Folder, schema: ArraysSchema, trainRows: number, testRows: number): Promise<U8 | null> {
  const { train, test } = schema;
  if (train.stimuli === null && test.stimuli === null) return null;
  if (train.stimuli === null || test.stimuli === null) throw wrong('dataset.json', 'stimuli in both train and test', 'in one of them', 'Add the other.');
  const one = await partPictures(folder, schema, train.stimuli, trainRows);
  const two = await partPictures(folder, schema, test.stimuli, testRows);
  if (one.shape.slice(1).join() !== two.shape.slice(1).join()) throw wrong(test.stimuli, `pictures [${one.shape.slice(1).join(', ')}]`, `[${two.shape.slice(1).join(', ')}]`, 'Training and test pictures must have one size.');
  const data = new Uint8Array(one.data.length + two.data.length);
  data.set(one.data, 0);
  data.set(two.data, one.data.length);
  return ndarray('uint8', [trainRows + testRows, ...one.shape.slice(1)], data);
}

/** Region name of each voxel; null if the schema has no regions. Label 0 is "none". */
export async function loadRegions(folder: Folder, { regions, regionNames }: ArraysSchema, voxels: number): Promise<{ readonly labels: Int32Array; readonly names: ReadonlyMap<number, string> } | null> {
  if (regions === null) return null;
  const labels = await integers(folder, regions, voxels, 'region labels');
  const present = [...new Set(labels)].filter((label) => label > 0);
  const all = [...new Set([...regionNames.map((_, i) => i + 1), ...present])].sort((a, b) => a - b);
  return { labels, names: new Map(all.map((label) => [label, regionNames[label - 1] ?? `region-${label}`])) };
}

/** Grid index of each voxel `[voxels, 3]`; null if the schema has none. */
export async function loadVoxels(folder: Folder, { voxels: reference }: ArraysSchema, voxels: number): Promise<NdArray<'int32'> | null> {
  if (reference === null) return null;
  const array = await readArray(folder, reference);
  if (array.shape.join() !== `${voxels},3`) throw wrong(reference, `grid indices [${voxels}, 3]`, `[${array.shape.join(', ')}]`, 'Give i, j, k of every voxel, from 0.');
  return ndarray('int32', [voxels, 3], Int32Array.from(toFloat64(array)));
}

/**
 * Which of some voxels `[n, 3]` each vertex sees: `surfaces.HH.sees` holds a column of the responses per vertex, -1 = none. Null if the schema
 * has no such file, or gives its voxels no grid indices by which they could be told apart.
 */
export async function loadSampling(folder: Folder, { surfaces }: ArraysSchema, hemisphere: Hemisphere, all: NdArray<'int32'> | null, voxels: NdArray<'int32'>): Promise<VoxelSampling | null> {
  const reference = surfaces[hemisphere]?.['sees'];
  if (reference === undefined || all === null) return null;
  const columns = toFloat64(await readArray(folder, reference));
  const count = all.shape[0] ?? 0;
  const bad = columns.findIndex((column) => !Number.isInteger(column) || column < -1 || column >= count);
  if (bad >= 0) throw wrong(reference, `a column from 0 to ${count - 1}, or -1, per vertex`, `${columns[bad] ?? ''} at vertex ${bad}`, 'Count columns of the responses from 0.');
  const key = (list: NdArray<'int32'>, v: number): string => list.data.subarray(3 * v, 3 * v + 3).join();
  const position = new Map(Array.from({ length: voxels.shape[0] ?? 0 }, (_, v) => [key(voxels, v), v]));
  const nearest = Int32Array.from(columns, (column) => (column < 0 ? -1 : position.get(key(all, column)) ?? -1));
  return { hemisphere, vertices: nearest.length, nearest: ndarray('int32', [1, nearest.length], nearest) };
}

/** Captions by image id; null if the schema has none. */
export async function loadCaptions(folder: Folder, { captions: file }: ArraysSchema): Promise<ReadonlyMap<number, readonly string[]> | null> {
  if (file === null) return null;
  const text = Buffer.from(await folder.bytes(parseReference(file).file)).toString('utf8');
  let value: unknown;
  try { value = JSON.parse(text); } catch (error) { throw wrong(file, 'JSON', error instanceof Error ? error.message : String(error), 'Repair the file.'); }
  if (typeof value !== 'object' || value === null) throw wrong(file, 'an object or a list', typeof value, 'Write {"0": ["caption"], ...}.');
  return new Map(Object.entries(value).map(([key, list]: readonly [string, unknown]) => {
    if (!/^\d+$/.test(key) || !Array.isArray(list) || !list.every((line): line is string => typeof line === 'string')) {
      throw wrong(file, 'lists of texts by image id', `${key}: ${JSON.stringify(list).slice(0, 60)}`, 'Write {"0": ["caption"], ...}.');
    }
    return [Number(key), list];
  }));
}
