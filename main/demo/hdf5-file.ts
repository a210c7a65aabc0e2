/**
 * An HDF5 file that holds one dataset, written as a stream in the oldest layout, which is what MATLAB's `h5create` leaves
 * behind in NSD (nsd-data-format 1.2): superblock 0, symbol-table root group, version-1 object headers, data-layout
 * message 3, chunk index a version-1 B-tree, no filters.
 *
 * Source: "HDF5 File Format Specification Version 1.1", The HDF Group. Chunks that were never written take no space;
 * readers give the fill value 0 for them, as the library itself does.
 */
import { open } from 'node:fs/promises';
import { encodeElements } from '../formats/elements.ts';
import { ndarray } from '../../common/ndarray.ts';

const UNDEFINED = 0xffffffffffffffffn;
const GROUP_LEAF_K = 4, GROUP_INTERNAL_K = 16, CHUNK_K = 32;
/** Everything before the data fits in this many bytes. */
const HEAD_BYTES = 2048;
const DTYPE = { int16: { bytes: 2, signed: 8 }, uint8: { bytes: 1, signed: 0 } } as const;

interface Message {
  readonly type: number;
  readonly constant: boolean;
  readonly body: Buffer;
}

function u64(value: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(value));
  return out;
}

function u32(...values: readonly number[]): Buffer {
  const out = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => { out.writeUInt32LE(value, 4 * i); });
  return out;
}

const undefinedAddress = (): Buffer => { const out = Buffer.alloc(8); out.writeBigUInt64LE(UNDEFINED); return out; };

/** A version-1 object header. Message bodies are padded to 8 bytes. */
function objectHeader(messages: readonly Message[]): Buffer {
  const blocks = messages.map(({ type, constant, body }) => {
    const padded = Math.ceil(body.length / 8) * 8, head = Buffer.alloc(8);
    head.writeUInt16LE(type, 0); head.writeUInt16LE(padded, 2); head.writeUInt8(constant ? 1 : 0, 4);
    return Buffer.concat([head, body, Buffer.alloc(padded - body.length)]);
  });
  const size = blocks.reduce((sum, block) => sum + block.length, 0), head = Buffer.alloc(16);
  head.writeUInt8(1, 0); head.writeUInt16LE(messages.length, 2); head.writeUInt32LE(1, 4); head.writeUInt32LE(size, 8);
  return Buffer.concat([head, ...blocks]);
}

interface DatasetShape {
  readonly name: string;
  readonly dtype: keyof typeof DTYPE;
  readonly shape: readonly number[];
}

/** Superblock, root group and the dataset's header; `layout` is the body of its data-layout message. */
function headOf({ name, dtype, shape }: DatasetShape, layout: Buffer, endOfFile: number): Buffer {
  const { bytes, signed } = DTYPE[dtype];
  const superblock = 0, rootHeader = 96, heap = 136, heapBytes = 8 + Math.ceil((name.length + 1) / 8) * 8;
  const heapData = heap + 32, tree = heapData + heapBytes, symbols = tree + 24 + 8 * (4 * GROUP_INTERNAL_K + 1), dataset = symbols + 8 + 80 * GROUP_LEAF_K;
  const out = Buffer.alloc(HEAD_BYTES);
  const put = (at: number, ...parts: readonly Buffer[]): void => { Buffer.concat(parts).copy(out, at); };
  put(superblock, Buffer.from([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0, 0, 8, 8, 0, GROUP_LEAF_K, 0, GROUP_INTERNAL_K, 0]), u32(0),
    u64(0), undefinedAddress(), u64(endOfFile), undefinedAddress(), u64(0), u64(rootHeader), u32(1, 0), u64(tree), u64(heap));
  put(rootHeader, objectHeader([{ type: 0x11, constant: false, body: Buffer.concat([u64(tree), u64(heap)]) }]));
  put(heap, Buffer.from('HEAP'), u32(0), u64(heapBytes), u64(1), u64(heapData));
  put(heapData + 8, Buffer.from(`${name}\0`, 'latin1'));
  put(tree, Buffer.from('TREE'), Buffer.from([0, 0, 1, 0]), undefinedAddress(), undefinedAddress(), u64(0), u64(symbols), u64(8));
  put(symbols, Buffer.from('SNOD'), Buffer.from([1, 0, 1, 0]), u64(8), u64(dataset));
  put(dataset, objectHeader([
    { type: 0x01, constant: false, body: Buffer.concat([Buffer.from([1, shape.length, 0, 0, 0, 0, 0, 0]), ...shape.map(u64)]) },
    { type: 0x03, constant: true, body: Buffer.concat([Buffer.from([0x10, signed, 0, 0]), u32(bytes), Buffer.from([0, 0, 8 * bytes, 0])]) },
    { type: 0x05, constant: true, body: Buffer.from([2, layout[1] === 2 ? 3 : 2, 2, 1, 0, 0, 0, 0]) },
    { type: 0x08, constant: false, body: layout },
  ]));
  return out;
}

/** Nodes of the chunk index, leaves first, placed from `from` on; `offsets[i]` is the element offset of chunk i, in C order. */
function chunkTree(offsets: readonly (readonly number[])[], addresses: (index: number) => number, chunk: readonly number[], chunkBytes: number, from: number): { nodes: Buffer[]; root: number } {
  const rank = chunk.length, keyBytes = 16 + 8 * rank, nodeBytes = 24 + (2 * CHUNK_K + 1) * keyBytes + 2 * CHUNK_K * 8;
  const keyOf = (offset: readonly number[]): Buffer => Buffer.concat([u32(chunkBytes, 0), ...offset.map(u64), u64(0)]);
  const past = (offset: readonly number[]): readonly number[] => offset.map((value, axis) => value + (chunk[axis] ?? 1));
  let level = 0, next = from;
  let entries = offsets.map((offset, i) => ({ first: offset, last: offset, address: addresses(i) }));
  const nodes: Buffer[] = [];
  for (;;) {
    const above: typeof entries = [], count = Math.max(1, Math.ceil(entries.length / (2 * CHUNK_K)));
    for (let n = 0; n < count; n++) {
      const part = entries.slice(n * 2 * CHUNK_K, (n + 1) * 2 * CHUNK_K), node = Buffer.alloc(nodeBytes), at = next + n * nodeBytes;
      node.write('TREE', 0, 'latin1');
      node.writeUInt8(1, 4); node.writeUInt8(level, 5); node.writeUInt16LE(part.length, 6);
      node.writeBigUInt64LE(n === 0 ? UNDEFINED : BigInt(at - nodeBytes), 8);
      node.writeBigUInt64LE(n === count - 1 ? UNDEFINED : BigInt(at + nodeBytes), 16);
      part.forEach(({ first, address }, i) => {
        keyOf(first).copy(node, 24 + i * (keyBytes + 8));
        node.writeBigUInt64LE(BigInt(address), 24 + i * (keyBytes + 8) + keyBytes);
      });
      const following = entries[(n + 1) * 2 * CHUNK_K], lastOne = part.at(-1);
      if (lastOne !== undefined) keyOf(following?.first ?? past(lastOne.last)).copy(node, 24 + part.length * (keyBytes + 8));
      nodes.push(node);
      above.push({ first: part[0]?.first ?? [], last: lastOne?.last ?? [], address: at });
    }
    next += count * nodeBytes;
    if (count === 1) return { nodes, root: next - nodeBytes };
    entries = above;
    level++;
  }
}

/**
 * Writes `betas` of one session: int16 `(trials, Z, Y, X)` in chunks of one voxel's whole session, for the listed voxels
 * only (0-based, i fastest, ascending). `values` is `[voxels, trials]`.
 */
export async function writeBetas(path: string, grid: readonly [number, number, number], trials: number, voxels: Int32Array, values: Int16Array): Promise<void> {
  const [I, J, K] = grid, chunkBytes = 2 * trials;
  const offsets = Array.from(voxels, (voxel) => [0, Math.floor(voxel / (I * J)), Math.floor(voxel / I) % J, voxel % I]);
  const treeAt = HEAD_BYTES + voxels.length * chunkBytes;
  const { nodes, root } = chunkTree(offsets, (i) => HEAD_BYTES + i * chunkBytes, [trials, 1, 1, 1], chunkBytes, treeAt);
  const layout = Buffer.concat([Buffer.from([3, 2, 5]), u64(root), u32(trials, 1, 1, 1, 2)]);
  const tree = Buffer.concat(nodes);
  const file = await open(path, 'w');
  try {
    await file.write(headOf({ name: 'betas', dtype: 'int16', shape: [trials, K, J, I] }, layout, treeAt + tree.length));
    await file.write(encodeElements(ndarray('int16', [values.length], values), true));
    await file.write(tree);
  } finally {
    await file.close();
  }
}

export interface PictureFile {
  /** Appends one picture's bytes. */
  add(picture: Uint8Array): Promise<void>;
  /** Must be called once all pictures are in. */
  close(): Promise<void>;
}

/** `imgBrick`: uint8 `(pictures, pixels, pixels, 3)`, one contiguous block, written picture by picture. */
export async function pictureFile(path: string, pictures: number, pixels: number): Promise<PictureFile> {
  const bytes = pictures * pixels * pixels * 3;
  const layout = Buffer.concat([Buffer.from([3, 1]), u64(HEAD_BYTES), u64(bytes)]);
  const file = await open(path, 'w');
  await file.write(headOf({ name: 'imgBrick', dtype: 'uint8', shape: [pictures, pixels, pixels, 3] }, layout, HEAD_BYTES + bytes));
  return {
    add: async (picture) => { await file.write(picture); },
    close: () => file.close(),
  };
}
