/**
 * HDF5 files of the earliest layout written by hand around holes: one dataset, either contiguous or in chunks with a version 1 B-tree,
 * as MATLAB's `h5create` makes them. Definition: "HDF5 File Format Specification", version 3.0. Bytes that are not given are never
 * written, so on file systems with sparse files a 40 GB dataset takes a few kB.
 *
 * Chunks hold one voxel: `[T, 1, 1, 1]` of `[T, Z, Y, X]`. Tree nodes are 90 % full and stand before the chunks they list, as they do
 * in a file that was written in order.
 */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

const UNDEFINED = 0xffffffffffffffffn;
const AT = { rootHeader: 96, groupTree: 136, heap: 680, heapData: 712, symbols: 800, datasetHeader: 1128, data: 2048 } as const;
const HEAP_BYTES = 88;
const NAME_AT = 8;
/** Entries of a full node (twice the default K of 32), of which the library leaves about a tenth free in sequential writing. */
const NODE_ENTRIES = 64;
const USED_ENTRIES = 58;

interface Stored { readonly code: number; readonly bits: number; readonly bytes: number }
const STORED = { int16: { code: 0x10, bits: 0x08, bytes: 2 }, uint8: { code: 0x10, bits: 0, bytes: 1 } } as const satisfies Readonly<Record<string, Stored>>;

class Bytes {
  readonly buffer: Buffer;
  #at = 0;
  constructor(length: number) { this.buffer = Buffer.alloc(length); }
  seek(at: number): this { this.#at = at; return this; }
  text(value: string): this { this.#at += this.buffer.write(value, this.#at, 'latin1'); return this; }
  u8(...values: readonly number[]): this { for (const value of values) this.#at = this.buffer.writeUInt8(value, this.#at); return this; }
  u16(value: number): this { this.#at = this.buffer.writeUInt16LE(value, this.#at); return this; }
  u32(value: number): this { this.#at = this.buffer.writeUInt32LE(value, this.#at); return this; }
  u64(...values: readonly (number | bigint)[]): this { for (const value of values) this.#at = this.buffer.writeBigUInt64LE(BigInt(value), this.#at); return this; }
  message(type: number, size: number): this { return this.u16(type).u16(size).u8(0, 0, 0, 0); }
}

/** Everything before the data: superblock, root group with one name, dataset header. */
function head(name: string, shape: readonly number[], stored: Stored, end: number, layout: (bytes: Bytes) => Bytes, layoutBytes: number): Buffer {
  const out = new Bytes(AT.data);
  out.text('\x89HDF\r\n\x1a\n').u8(0, 0, 0, 0, 0, 8, 8, 0).u16(4).u16(16).u32(0).u64(0, UNDEFINED, end, UNDEFINED);
  out.u64(0, AT.rootHeader).u32(1).u32(0).u64(AT.groupTree, AT.heap);
  out.seek(AT.rootHeader).u8(1, 0).u16(1).u32(1).u32(24).u32(0).message(0x11, 16).u64(AT.groupTree, AT.heap);
  out.seek(AT.groupTree).text('TREE').u8(0, 0).u16(1).u64(UNDEFINED, UNDEFINED, 0, AT.symbols, NAME_AT);
  out.seek(AT.heap).text('HEAP').u8(0, 0, 0, 0).u64(HEAP_BYTES, 16, AT.heapData);
  out.seek(AT.heapData + NAME_AT).text(name.slice(0, 7)).seek(AT.heapData + 16).u64(1, HEAP_BYTES - 16);
  if (name.length > 7) {
    // Longer names take two cells of the heap; the free block starts behind them.
    out.seek(AT.heap + 16).u64(24).seek(AT.heapData + NAME_AT).text(name.padEnd(16, '\0')).seek(AT.heapData + 24).u64(1, HEAP_BYTES - 24);
  }
  out.seek(AT.symbols).text('SNOD').u8(1, 0).u16(1).u64(NAME_AT, AT.datasetHeader);
  const sizes = [8 + 8 * shape.length, 16, 8, layoutBytes];
  out.seek(AT.datasetHeader).u8(1, 0).u16(4).u32(1).u32(sizes.reduce((sum, size) => sum + size + 8, 0)).u32(0);
  out.message(0x01, sizes[0] ?? 0).u8(1, shape.length, 0, 0).u32(0).u64(...shape);
  out.message(0x03, 16).u8(stored.code, stored.bits, 0, 0).u32(stored.bytes).u16(0).u16(8 * stored.bytes).u32(0);
  out.message(0x05, 8).u8(2, 3, 2, 1).u32(0);
  layout(out.message(0x08, layoutBytes));
  return out.buffer;
}

export interface SparseFile {
  /** Bytes of the file, holes included. */
  readonly bytes: number;
  /** Where the value that was asked about lies: chunk of a voxel, or row of a contiguous dataset. */
  readonly addressOf: (index: number) => number;
  readonly handle: FileHandle;
}

/** A contiguous uint8 dataset `shape`, all holes. The caller closes the handle. */
export async function writeContiguous(path: string, name: string, shape: readonly number[]): Promise<SparseFile> {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const row = size / (shape[0] ?? 1);
  const handle = await open(path, 'w');
  const end = AT.data + size;
  await handle.write(head(name, shape, STORED.uint8, end, (bytes) => bytes.u8(3, 1).u64(AT.data, size), 24), 0, AT.data, 0);
  await handle.truncate(end);
  return { bytes: end, addressOf: (index) => AT.data + index * row, handle };
}

/** Tree of the chunks of one voxel each; the same for every file of one shape. */
export interface ChunkPlan {
  readonly shape: readonly [number, number, number, number];
  readonly end: number;
  readonly root: number;
  readonly nodes: readonly { readonly at: number; readonly bytes: Buffer }[];
  readonly addressOf: (voxel: number) => number;
}

interface Child { readonly first: number; readonly at: number }

/** Plans nodes and addresses for int16 `[T, Z, Y, X]`. */
export function planChunks(shape: ChunkPlan['shape']): ChunkPlan {
  const [T, Z, Y, X] = shape;
  const voxels = Z * Y * X;
  const chunkBytes = 2 * T;
  const keyBytes = 8 + 8 * (shape.length + 1);
  const nodeBytes = 24 + NODE_ENTRIES * (keyBytes + 8) + keyBytes;
  const blockBytes = nodeBytes + USED_ENTRIES * chunkBytes;
  const leaves = Math.ceil(voxels / USED_ENTRIES);
  const addressOf = (voxel: number): number => AT.data + Math.floor(voxel / USED_ENTRIES) * blockBytes + nodeBytes + (voxel % USED_ENTRIES) * chunkBytes;
  const key = (out: Bytes, voxel: number): void => {
    if (voxel < voxels) out.u32(chunkBytes).u32(0).u64(0, Math.floor(voxel / (X * Y)), Math.floor(voxel / X) % Y, voxel % X, 0);
    else out.u32(0).u32(0).u64(T, Z, Y, X, 0);
  };
  const nodes: { at: number; bytes: Buffer }[] = [];
  const addLevel = (level: number, children: readonly Child[], next: (group: number) => number): readonly Child[] => {
    const groups = Array.from({ length: Math.ceil(children.length / USED_ENTRIES) }, (_, g) => children.slice(g * USED_ENTRIES, (g + 1) * USED_ENTRIES));
    return groups.map((group, g) => {
      const out = new Bytes(nodeBytes);
      out.text('TREE').u8(1, level).u16(group.length).u64(g === 0 ? UNDEFINED : next(g - 1), g === groups.length - 1 ? UNDEFINED : next(g + 1));
      for (const child of group) { key(out, child.first); out.u64(child.at); }
      key(out, groups[g + 1]?.[0]?.first ?? voxels);
      nodes.push({ at: next(g), bytes: out.buffer });
      return { first: group[0]?.first ?? 0, at: next(g) };
    });
  };
  let children = addLevel(0, Array.from({ length: voxels }, (_, voxel) => ({ first: voxel, at: addressOf(voxel) })), (leaf) => AT.data + leaf * blockBytes);
  let end = AT.data + leaves * blockBytes;
  for (let level = 1; children.length > 1; level++) {
    const start = end;
    children = addLevel(level, children, (g) => start + g * nodeBytes);
    end = start + children.length * nodeBytes;
  }
  return { shape, end, root: children[0]?.at ?? AT.data, nodes, addressOf };
}

/**
 * A chunked int16 file by a plan; chunks are holes until the caller writes some. Without `index` the file has its full length but
 * no chunk tree, as if nothing had been written. The caller closes the handle.
 */
export async function writeChunked(path: string, name: string, plan: ChunkPlan, { index = true }: { readonly index?: boolean } = {}): Promise<SparseFile> {
  const handle = await open(path, 'w');
  const [T] = plan.shape;
  const layout = (bytes: Bytes): Bytes => bytes.u8(3, 2, plan.shape.length + 1).u64(index ? plan.root : UNDEFINED).u32(T).u32(1).u32(1).u32(1).u32(2);
  await handle.write(head(name, plan.shape, STORED.int16, plan.end, layout, 32), 0, AT.data, 0);
  for (const { at, bytes } of index ? plan.nodes : []) await handle.write(bytes, 0, bytes.length, at);
  await handle.truncate(plan.end);
  return { bytes: plan.end, addressOf: plan.addressOf, handle };
}
