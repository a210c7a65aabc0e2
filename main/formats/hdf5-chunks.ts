/**
 * Voxel time courses straight from an HDF5 file whose chunks hold one voxel each, as NSD's betas do: dataset
 * `(trials, Z, Y, X)` with chunks `(trials, 1, 1, 1)`, or `(trials, V)` with `(trials, 1)`, int16, no filter.
 * Definition: "HDF5 File Format Specification", version 3.0, section III.A.1 (version 1 B-trees).
 *
 * Only the branches of the chunk tree that lead to wanted voxels are read, and neighbouring chunks are read together.
 * Chunk addresses are never computed from voxel numbers: the tree is the only truth.
 */
import { FormatError, throwIfAborted } from '../../common/errors.ts';
import { ndarray } from '../../common/ndarray.ts';
import type { NdArray } from '../../common/ndarray.ts';
import type { ByteSource } from './byte-source.ts';
import { readAt } from './hdf5-superblock.ts';
import type { ChunkedDataset, OtherLayout, StoredDataset } from './hdf5-structure.ts';

/** Two chunks this close are cheaper to read with what lies between them than apart. */
const MAX_GAP_BYTES = 16384;
const MAX_READ_BYTES = 2 ** 22;
const READS_AT_ONCE = 8;
/** Entries of a node that the library writes by default; the first read of a node takes as many. */
const USUAL_ENTRIES = 64;

export interface ReadVoxelsOptions {
  readonly signal?: AbortSignal;
  /** Called with the fraction done, 0 to 1. */
  readonly onProgress?: (fraction: number) => void;
}

/** True if every chunk is all the trials of one voxel, so that `readVoxelChunks` applies. */
export function isOneVoxelPerChunk(dataset: StoredDataset): dataset is ChunkedDataset & { readonly dtype: 'int16' } {
  if (dataset.kind !== 'chunked' || dataset.dtype !== 'int16') return false;
  const [trials, ...rest] = dataset.chunkShape;
  return dataset.shape.length >= 2 && trials === dataset.shape[0] && rest.every((extent) => extent === 1);
}

interface Node {
  readonly level: number;
  /** Voxel number of each entry. */
  readonly keys: Float64Array;
  readonly children: Float64Array;
}

class TreeWalk {
  readonly #source: ByteSource;
  readonly #file: string;
  readonly #dataset: ChunkedDataset;
  readonly #visited = new Set<number>();
  readonly #keyBytes: number;

  constructor(source: ByteSource, file: string, dataset: ChunkedDataset) {
    this.#source = source;
    this.#file = file;
    this.#dataset = dataset;
    this.#keyBytes = 8 + 8 * (dataset.shape.length + 1);
  }

  #damaged(node: number, expected: string, found: string): FormatError {
    return new FormatError({ file: this.#file, offset: node, expected, found, fix: 'The file looks damaged; copy or download it again.' });
  }

  async #node(at: number, level: number): Promise<Node> {
    if (this.#visited.has(at)) throw this.#damaged(at, 'a tree', 'a node that is met twice');
    this.#visited.add(at);
    const { shape, chunkShape, base } = this.#dataset;
    const entryBytes = this.#keyBytes + 8;
    const usual = 24 + USUAL_ENTRIES * entryBytes;
    let reader = await readAt(this.#source, this.#file, at, Math.min(usual, Math.max(24, this.#source.size - at)), 'a chunk tree node');
    if (reader.text(4, 'signature') !== 'TREE' || reader.u8('node type') !== 1) throw this.#damaged(at, 'a chunk B-tree node (TREE, type 1)', 'other bytes');
    const here = reader.u8('level');
    if (level >= 0 && here !== level) throw this.#damaged(at, `level ${level}`, `${here}`);
    const used = reader.u16('entries');
    if (24 + used * entryBytes > reader.bytes.length) reader = await readAt(this.#source, this.#file, at, 24 + used * entryBytes, 'a chunk tree node');
    reader.offset = 24;
    const keys = new Float64Array(used);
    const children = new Float64Array(used);
    const chunkBytes = 2 * (shape[0] ?? 0);
    for (let i = 0; i < used; i++) {
      const size = reader.u32('chunk size');
      const mask = reader.u32('filter mask');
      let key = 0;
      for (let axis = 0; axis < shape.length; axis++) {
        const offset = reader.u64('chunk offset');
        const extent = shape[axis] ?? 0;
        if (here === 0 && (offset >= extent || offset % (chunkShape[axis] ?? 1) !== 0)) throw this.#damaged(at, `chunk offsets inside [${shape.join(', ')}]`, `${offset} on axis ${axis}`);
        if (axis > 0) key = key * extent + offset;
      }
      reader.u64('element offset');
      if (here === 0 && (size !== chunkBytes || mask !== 0)) throw this.#damaged(at, `unfiltered chunks of ${chunkBytes} bytes`, `${size} bytes, filter mask ${mask}`);
      keys[i] = key;
      children[i] = base + reader.u64('child');
      if (i > 0 && key <= (keys[i - 1] ?? 0)) throw this.#damaged(at, 'ascending chunks', `voxel ${key} after ${keys[i - 1] ?? ''}`);
    }
    return { level: here, keys, children };
  }

  /** Fills `out[i]` with the address of `wanted[i]` for `from <= i < to`. */
  async find(at: number, level: number, wanted: Int32Array, from: number, to: number, out: Float64Array, signal: AbortSignal | undefined): Promise<void> {
    throwIfAborted(signal);
    const { level: here, keys, children } = await this.#node(at, level);
    const below: (() => Promise<void>)[] = [];
    for (let i = 0, next = from; i < keys.length && next < to; i++) {
      const key = keys[i] ?? 0;
      const upper = i + 1 < keys.length ? keys[i + 1] ?? Infinity : Infinity;
      // Voxels before the first key of the whole tree have no chunk and keep -1.
      while (next < to && (wanted[next] ?? 0) < key) next++;
      const start = next;
      while (next < to && (wanted[next] ?? 0) < upper) next++;
      const child = children[i] ?? 0;
      if (here === 0) { if (start < next && wanted[start] === key) out[start] = child; }
      else if (start < next) { const end = next; below.push(() => this.find(child, here - 1, wanted, start, end, out, signal)); }
    }
    await inParallel(below, 1 < here ? 1 : READS_AT_ONCE);
  }
}

/** Runs tasks, at most `limit` at once; the first failure stops the rest. */
async function inParallel(tasks: readonly (() => Promise<void>)[], limit: number): Promise<void> {
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (!failed) {
      const task = tasks[next++];
      if (task === undefined) return;
      try { await task(); } catch (error) { failed = true; throw error; }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, tasks.length) }, worker));
}

function checkVoxels(dataset: ChunkedDataset, voxels: Int32Array): void {
  const count = dataset.shape.slice(1).reduce((product, extent) => product * extent, 1);
  for (let i = 0; i < voxels.length; i++) {
    const voxel = voxels[i] ?? -1;
    if (voxel < 0 || voxel >= count || (i > 0 && voxel <= (voxels[i - 1] ?? 0))) throw new RangeError(`voxels must ascend within 0 to ${count - 1}; position ${i} is ${voxel}`);
  }
}

/**
 * Absolute address of each voxel's chunk, or -1 where none was written.
 * `voxels` ascend and number the grid after the first axis in C order: `(z * Y + y) * X + x`, which is NIfTI file order.
 */
export async function chunkAddresses(source: ByteSource, file: string, dataset: ChunkedDataset, voxels: Int32Array, signal?: AbortSignal): Promise<Float64Array> {
  checkVoxels(dataset, voxels);
  const out = new Float64Array(voxels.length).fill(-1);
  if (dataset.treeAddress >= 0 && voxels.length > 0) await new TreeWalk(source, file, dataset).find(dataset.treeAddress, -1, voxels, 0, voxels.length, out, signal);
  return out;
}

/**
 * All trials of the wanted voxels: raw int16 `[voxels, trials]`, in the order of `voxels` (ascending, numbered as in
 * `chunkAddresses`). Voxels whose chunk was never written are 0. Peak memory: the result plus a few 4 MiB reads.
 * A dataset of another layout is an answer, `kind: 'other'`, so that the caller can use hdf5.ts. Throws `FormatError`, `CancelledError`.
 */
export async function readVoxelChunks(source: ByteSource, file: string, dataset: StoredDataset, voxels: Int32Array, { signal, onProgress }: ReadVoxelsOptions = {}): Promise<NdArray<'int16'> | OtherLayout> {
  if (dataset.kind === 'other') return dataset;
  if (!isOneVoxelPerChunk(dataset)) return { kind: 'other', reason: `${dataset.kind} ${dataset.dtype}[${dataset.shape.join(', ')}] instead of int16 chunks of one voxel` };
  const trials = dataset.shape[0] ?? 0;
  const chunkBytes = 2 * trials;
  // 1. Where the chunks are; those that exist, in file order.
  const addresses = await chunkAddresses(source, file, dataset, voxels, signal);
  const order = Array.from(addresses.keys()).filter((i) => (addresses[i] ?? -1) >= 0).sort((a, b) => (addresses[a] ?? 0) - (addresses[b] ?? 0));
  // A chunk that was found proves the number of trials; without any, only the header claims it.
  if (order.length === 0 && voxels.length * chunkBytes > source.size) return { kind: 'other', reason: 'none of the wanted voxels was ever written' };
  // 2. Neighbours together.
  const reads: { readonly start: number; readonly end: number; readonly first: number; readonly last: number }[] = [];
  for (let first = 0; first < order.length;) {
    const start = addresses[order[first] ?? 0] ?? 0;
    let end = start + chunkBytes;
    let last = first + 1;
    for (; last < order.length; last++) {
      const next = addresses[order[last] ?? 0] ?? 0;
      if (next < end) throw new FormatError({ file, offset: next, expected: 'chunks that do not overlap', found: `one at ${next} inside another`, fix: 'The file looks damaged; copy or download it again.' });
      if (next - end > MAX_GAP_BYTES || next + chunkBytes - start > MAX_READ_BYTES) break;
      end = next + chunkBytes;
    }
    reads.push({ start, end, first, last });
    first = last;
  }
  // 3. The bytes, each chunk to its row.
  const out = new Int16Array(voxels.length * trials);
  const bytes = Buffer.from(out.buffer);
  let done = 0;
  await inParallel(reads.map(({ start, end, first, last }) => async () => {
    throwIfAborted(signal);
    const part = (await readAt(source, file, start, end - start, 'chunks')).bytes;
    for (let i = first; i < last; i++) {
      const row = order[i] ?? 0;
      const from = (addresses[row] ?? 0) - start;
      bytes.set(part.subarray(from, from + chunkBytes), row * chunkBytes);
    }
    done += last - first;
    onProgress?.(done / order.length);
  }), READS_AT_ONCE);
  if (!dataset.littleEndian) bytes.swap16();
  return ndarray('int16', [voxels.length, trials], out);
}
