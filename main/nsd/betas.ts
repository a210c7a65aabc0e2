/**
 * Single-trial betas of one session, for some voxels.
 *
 * Source: nsd-data-format 1. Stored int16 = 300 x percent signal change; nothing is scaled here. HDF5 (and v7.3 .mat) hold
 * `betas` `[trials, z, y, x]` in C order, usually in chunks of one voxel's whole session; NIfTI holds `[x, y, z, trials]`, one volume
 * after the other. A voxel index is `x + X (y + Y z)` in both.
 */
import { throwIfAborted, UserError } from '../../common/errors.ts';
import type { NdArray } from '../../common/ndarray.ts';
import type { Folder } from '../formats/folder.ts';
import type { ByteSource } from '../formats/byte-source.ts';
import { decodeElements } from '../formats/elements.ts';
import { isOneVoxelPerChunk, readVoxelChunks } from '../formats/hdf5-chunks.ts';
import { chunkedDataset } from '../formats/hdf5-structure.ts';
import type { ContiguousDataset } from '../formats/hdf5-structure.ts';
import { openHdf5 } from '../formats/hdf5.ts';
import type { Hdf5File } from '../formats/hdf5.ts';
import { readNiftiHeader, streamNiftiVolumes } from '../formats/nifti.ts';
import { BETA_DATASET } from './layout.ts';
import type { Grid } from './regions.ts';
import type { BetaFile } from './subject-files.ts';

export interface BetaHeader {
  readonly grid: Grid;
  readonly trials: number;
  /** Voxel to world in mm, 4x4 row-major; null if the container has none. */
  readonly affine: Float64Array | null;
}

const NIFTI_PREFIX = 2048;

function otherShape(file: string, found: string): UserError {
  return new UserError('bad-input', `${file}: expected single-trial betas, found ${found}`, {
    file, expected: `int16 "${BETA_DATASET}" [trials, z, y, x] (300 x percent signal change)`, found, fix: 'Use the session files of the release (betas_sessionNN).',
  });
}

/** Grid and trials of a session file from its header. Throws `FormatError` or `UserError` for a damaged or different file. */
export async function readBetaHeader(folder: Folder, { file, container }: BetaFile): Promise<BetaHeader> {
  if (container === 'nifti') {
    const { shape, dtype, affine } = readNiftiHeader(await folder.prefix(file, NIFTI_PREFIX), file);
    const [x = 0, y = 0, z = 0, trials = 1, ...rest] = shape;
    if (dtype !== 'int16' || shape.length < 4 || rest.some((extent) => extent !== 1)) throw otherShape(file, `${dtype} [${shape.join(', ')}]`);
    return { grid: [x, y, z], trials, affine };
  }
  const source = await folder.source(file);
  try {
    const stored = await chunkedDataset(source, file, BETA_DATASET);
    if (stored.kind !== 'other') return headerOf(file, stored.shape, stored.dtype);
  } finally {
    await source.close();
  }
  const library = await openHdf5(folder.path(file));
  try {
    return libraryHeader(library, file);
  } finally {
    library.close();
  }
}

function headerOf(file: string, shape: readonly number[], type: string): BetaHeader {
  const [trials = 0, z = 0, y = 0, x = 0] = shape;
  if (shape.length !== 4 || type !== 'int16') throw otherShape(file, `${type} [${shape.join(', ')}]`);
  return { grid: [x, y, z], trials, affine: null };
}

function libraryHeader(library: Hdf5File, file: string): BetaHeader {
  const all = library.datasets();
  const dataset = all.find((entry) => entry.name === BETA_DATASET);
  if (dataset === undefined) throw otherShape(file, all.length === 0 ? 'no datasets' : `datasets ${all.map((entry) => entry.name).join(', ')}`);
  return headerOf(file, dataset.shape, dataset.dtype ?? dataset.storedAs);
}

/** Raw values `[voxels, trials]` of some voxels (ascending linear indices). Throws if the file has another grid or number of trials. */
export async function readBetaVoxels(folder: Folder, beta: BetaFile, index: Int32Array, expected: Pick<BetaHeader, 'grid' | 'trials'>, signal?: AbortSignal): Promise<Int16Array> {
  throwIfAborted(signal);
  if (beta.container === 'nifti') return readNiftiVoxels(folder, beta, index, expected, signal);
  return readHdf5Voxels(folder, beta, index, expected, signal);
}

function checkSame(file: string, found: Pick<BetaHeader, 'grid' | 'trials'>, expected: Pick<BetaHeader, 'grid' | 'trials'>): void {
  if (found.grid.join() === expected.grid.join() && found.trials === expected.trials) return;
  const text = ({ grid, trials }: Pick<BetaHeader, 'grid' | 'trials'>): string => `${grid.join(' x ')} voxels and ${trials} trials`;
  throw new UserError('bad-input', `${file} has ${text(found)}, expected ${text(expected)}`, {
    file, expected: text(expected), found: text(found), fix: 'It belongs to another subject, resolution or session; copy the right file.',
  });
}

async function readNiftiVoxels(folder: Folder, beta: BetaFile, index: Int32Array, expected: Pick<BetaHeader, 'grid' | 'trials'>, signal?: AbortSignal): Promise<Int16Array> {
  checkSame(beta.file, await readBetaHeader(folder, beta), expected);
  const out = new Int16Array(index.length * expected.trials);
  for await (const { index: t, data } of streamNiftiVolumes(folder.stream(beta.file, signal), beta.file)) {
    throwIfAborted(signal);
    gatherTrial(data, index, out, t, expected.trials);
  }
  return out;
}

function gatherTrial(volume: NdArray, index: Int32Array, out: Int16Array, t: number, trials: number): void {
  const { data } = volume;
  if (!(data instanceof Int16Array)) throw new RangeError(`a volume of ${volume.dtype}`);
  for (let v = 0; v < index.length; v++) out[v * trials + t] = data[index[v] ?? 0] ?? 0;
}

/** Runs of voxels in the same row (same y and z), as [first, last] positions in `index`. */
export function rowRuns(index: Int32Array, X: number): readonly (readonly [number, number])[] {
  const runs: (readonly [number, number])[] = [];
  for (let from = 0; from < index.length;) {
    const row = Math.floor((index[from] ?? 0) / X);
    let to = from;
    while (to + 1 < index.length && Math.floor((index[to + 1] ?? 0) / X) === row) to++;
    runs.push([from, to]);
    from = to + 1;
  }
  return runs;
}

/** Straight from the file where its layout is the usual one, else through the HDF5 library. */
async function readHdf5Voxels(folder: Folder, beta: BetaFile, index: Int32Array, expected: Pick<BetaHeader, 'grid' | 'trials'>, signal?: AbortSignal): Promise<Int16Array> {
  const source = await folder.source(beta.file);
  try {
    const stored = await chunkedDataset(source, beta.file, BETA_DATASET);
    if (stored.kind !== 'other') checkSame(beta.file, headerOf(beta.file, stored.shape, stored.dtype), expected);
    if (stored.kind === 'contiguous') return await readContiguous(source, stored, index, expected, signal);
    if (isOneVoxelPerChunk(stored)) {
      const values = await readVoxelChunks(source, beta.file, stored, index, signal === undefined ? {} : { signal });
      if ('data' in values) return values.data;
    }
  } finally {
    await source.close();
  }
  const library = await openHdf5(folder.path(beta.file));
  try {
    checkSame(beta.file, libraryHeader(library, beta.file), expected);
    const chunks = library.datasets().find((entry) => entry.name === BETA_DATASET)?.chunks ?? null;
    const out = new Int16Array(index.length * expected.trials);
    if (chunks === null || (chunks[0] ?? 0) < expected.trials) await byTrial(library, index, expected, out, signal);
    else await byRow(library, index, expected, out, signal);
    return out;
  } finally {
    library.close();
  }
}

/** One volume after the other, as in NIfTI. */
async function readContiguous(source: ByteSource, stored: ContiguousDataset, index: Int32Array, { grid: [X, Y, Z], trials }: Pick<BetaHeader, 'grid' | 'trials'>, signal?: AbortSignal): Promise<Int16Array> {
  const bytes = 2 * X * Y * Z;
  if (stored.dataOffset + trials * bytes > source.size) {
    throw new UserError('bad-input', `the data of "${stored.name}" end beyond the file`, { expected: `${stored.dataOffset + trials * bytes} bytes`, found: `${source.size}`, fix: 'The file was cut off; copy or download it again.' });
  }
  const out = new Int16Array(index.length * trials);
  for (let t = 0; t < trials; t++) {
    throwIfAborted(signal);
    const volume = decodeElements('int16', await source.read(stored.dataOffset + t * bytes, bytes), stored.littleEndian);
    for (let v = 0; v < index.length; v++) out[v * trials + t] = volume[index[v] ?? 0] ?? 0;
  }
  return out;
}

/** One read per run of voxels: right where a chunk holds all trials of a few voxels. */
async function byRow(source: Hdf5File, index: Int32Array, { grid: [X, Y], trials }: Pick<BetaHeader, 'grid' | 'trials'>, out: Int16Array, signal?: AbortSignal): Promise<void> {
  let done = 0;
  for (const [from, to] of rowRuns(index, X)) {
    const first = index[from] ?? 0;
    const y = Math.floor(first / X) % Y;
    const z = Math.floor(first / (X * Y));
    const x = first % X;
    const width = (index[to] ?? 0) - first + 1;
    const { data } = source.read(BETA_DATASET, [null, [z, z + 1], [y, y + 1], [x, x + width]]);
    if (!(data instanceof Int16Array)) throw new RangeError(`${BETA_DATASET} changed its type`);
    for (let v = from; v <= to; v++) {
      const column = (index[v] ?? 0) - first;
      for (let t = 0; t < trials; t++) out[v * trials + t] = data[t * width + column] ?? 0;
    }
    await breathe(++done, signal);
  }
}

/** One read per trial: right where a chunk, or the contiguous layout, holds volumes. */
async function byTrial(source: Hdf5File, index: Int32Array, { trials }: Pick<BetaHeader, 'trials'>, out: Int16Array, signal?: AbortSignal): Promise<void> {
  for (let t = 0; t < trials; t++) {
    gatherTrial(source.read(BETA_DATASET, [[t, t + 1], null, null, null]), index, out, t, trials);
    await breathe(t, signal);
  }
}

/** Library calls are synchronous; lets messages (a cancel among them) through now and then. */
async function breathe(count: number, signal?: AbortSignal): Promise<void> {
  throwIfAborted(signal);
  if (count % 64 === 63) await new Promise((resolve) => { setImmediate(resolve); });
}
