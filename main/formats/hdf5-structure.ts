/**
 * How a dataset lies in an HDF5 file of the earliest layout: superblock 0 or 1, groups as symbol tables, object headers 1,
 * layout message 3. Definition: "HDF5 File Format Specification", version 3.0, sections III.A-D, IV.A. This is what MATLAB's
 * `h5create` writes and so what NSD's betas have. Any other layout is an answer (`kind: 'other'`), not an error: the
 * caller then goes through the HDF5 library (hdf5.ts).
 */
import { FormatError } from '../../common/errors.ts';
import type { DType } from '../../common/ndarray.ts';
import type { ByteSource } from './byte-source.ts';
import type { ByteReader } from './byte-reader.ts';
import { readAt, readSuperblock } from './hdf5-superblock.ts';

const MAX_MESSAGES = 4096;
const MAX_RANK = 32;
const MESSAGE = { dataspace: 0x01, datatype: 0x03, oldFill: 0x04, fill: 0x05, layout: 0x08, filters: 0x0b, continuation: 0x10, symbolTable: 0x11 } as const;
const UNDEFINED_ADDRESS = 0xffffffffffffffffn;

interface Described {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly littleEndian: boolean;
}

export interface ChunkedDataset extends Described {
  readonly kind: 'chunked';
  readonly chunkShape: readonly number[];
  /** Root of the chunk B-tree, absolute; -1 if no chunk was ever written. */
  readonly treeAddress: number;
  /** Added to every address stored in the file. */
  readonly base: number;
}

export interface ContiguousDataset extends Described {
  readonly kind: 'contiguous';
  /** Absolute byte offset of the first element. */
  readonly dataOffset: number;
}

export interface OtherLayout {
  readonly kind: 'other';
  readonly reason: string;
}

export type StoredDataset = ChunkedDataset | ContiguousDataset | OtherLayout;

interface Message {
  readonly type: number;
  readonly body: ByteReader;
}

interface Context {
  readonly source: ByteSource;
  readonly file: string;
  readonly base: number;
}

const other = (reason: string): OtherLayout => ({ kind: 'other', reason });

const at = (context: Context, address: number, length: number, what: string): Promise<ByteReader> => readAt(context.source, context.file, context.base + address, length, what);

function damaged(context: Context, address: number, expected: string, found: string): FormatError {
  return new FormatError({ file: context.file, offset: context.base + address, expected, found, fix: 'The file looks damaged; copy or download it again.' });
}

/** An address, or -1 where the file says "undefined". */
function address(reader: ByteReader, what: string): number {
  const raw = new DataView(reader.bytes.buffer, reader.bytes.byteOffset + reader.offset, Math.min(8, Math.max(0, reader.left)));
  if (raw.byteLength === 8 && raw.getBigUint64(0, true) === UNDEFINED_ADDRESS) { reader.take(8, what); return -1; }
  return reader.u64(what);
}

/** All messages of a version-1 object header, continuations followed; `undefined` for a newer header. */
async function objectMessages(context: Context, header: number): Promise<Message[] | undefined> {
  const prefix = await at(context, header, 16, 'an object header');
  const version = prefix.u8('object header version');
  if (version !== 1) {
    if (Buffer.from(prefix.bytes.subarray(0, 4)).toString('latin1') === 'OHDR') return undefined;
    throw damaged(context, header, 'an object header of version 1', `${version}`);
  }
  prefix.offset = 2;
  const count = prefix.u16('message count');
  prefix.offset = 8;
  const blocks: { readonly offset: number; readonly length: number }[] = [{ offset: header + 16, length: prefix.u32('header size') }];
  const messages: Message[] = [];
  for (let block = blocks.shift(); block !== undefined && messages.length < count; block = blocks.shift()) {
    if (blocks.length > MAX_MESSAGES || messages.length > MAX_MESSAGES) throw damaged(context, header, `at most ${MAX_MESSAGES} messages`, 'more');
    const reader = await at(context, block.offset, block.length, 'object header messages');
    while (reader.left >= 8 && messages.length < count) {
      const type = reader.u16('message type');
      const size = reader.u16('message size');
      const flags = reader.u8('message flags');
      reader.take(3, 'reserved');
      const body = await at(context, block.offset + reader.offset, Math.min(size, reader.left), 'a message');
      reader.take(size, 'a message');
      if (type === MESSAGE.continuation) blocks.push({ offset: body.u64('continuation'), length: body.u64('continuation length') });
      // A shared message holds a pointer where its data would be.
      messages.push({ type: (flags & 2) !== 0 ? -1 : type, body });
    }
  }
  return messages;
}

/** The object header of `name` in the group whose symbol table is given; -1 if it is not there. */
async function lookUp(context: Context, tree: number, heap: number, name: string): Promise<number> {
  const heapHeader = await at(context, heap, 32, 'a local heap');
  if (heapHeader.text(4, 'signature') !== 'HEAP') throw damaged(context, heap, 'a local heap (HEAP)', 'other bytes');
  heapHeader.offset = 8;
  const heapSize = heapHeader.u64('heap size');
  heapHeader.offset = 24;
  const names = await at(context, heapHeader.u64('heap address'), heapSize, 'heap data');
  const visited = new Set<number>();
  const walk = async (node: number, level: number): Promise<number> => {
    if (visited.has(node)) throw damaged(context, node, 'a tree', 'a node that is met twice');
    visited.add(node);
    const head = await at(context, node, 24, 'a group node');
    if (head.text(4, 'signature') !== 'TREE' || head.u8('node type') !== 0) throw damaged(context, node, 'a group B-tree node (TREE, type 0)', 'other bytes');
    const here = head.u8('node level');
    if (level >= 0 && here !== level) throw damaged(context, node, `level ${level}`, `${here}`);
    const used = head.u16('entries');
    const body = await at(context, node + 24, 16 * used + 8, 'group node entries');
    for (let i = 0; i < used; i++) {
      body.u64('key');
      const child = body.u64('child');
      const found = here > 0 ? await walk(child, here - 1) : await inTable(child);
      if (found >= 0) return found;
    }
    return -1;
  };
  const inTable = async (node: number): Promise<number> => {
    const head = await at(context, node, 8, 'a symbol table');
    if (head.text(4, 'signature') !== 'SNOD') throw damaged(context, node, 'a symbol table node (SNOD)', 'other bytes');
    head.offset = 6;
    const count = head.u16('symbols');
    const body = await at(context, node + 8, 40 * count, 'symbols');
    for (let i = 0; i < count; i++) {
      body.offset = 40 * i;
      names.offset = body.u64('name offset');
      const header = body.u64('object header');
      const cache = body.u32('cache type');
      const end = names.left > 0 ? names.bytes.indexOf(0, names.offset) : -1;
      if (end < 0) throw damaged(context, node, 'names inside the heap', `offset ${names.offset}`);
      // Cache type 2 is a soft link, which has no object header.
      if (cache !== 2 && names.text(end - names.offset, 'a name') === name) return header;
    }
    return -1;
  };
  return walk(tree, -1);
}

interface Parts {
  shape?: readonly number[];
  type?: { readonly dtype: DType; readonly littleEndian: boolean };
}

function readDataspace(reader: ByteReader): readonly number[] {
  const version = reader.u8('dataspace version');
  const rank = reader.u8('rank');
  if (version < 1 || version > 2 || rank > MAX_RANK) throw reader.error('a dataspace of version 1 or 2', `version ${version}, ${rank} axes`);
  reader.offset = version === 1 ? 8 : 4;
  return Array.from({ length: rank }, () => reader.u64('extent'));
}

const INTEGERS: ReadonlyMap<string, DType> = new Map([['s1', 'int8'], ['s2', 'int16'], ['s4', 'int32'], ['s8', 'int64'], ['u1', 'uint8'], ['u2', 'uint16'], ['u4', 'uint32'], ['u8', 'uint64']]);
const FLOATS: ReadonlyMap<number, DType> = new Map([[4, 'float32'], [8, 'float64']]);

function readDatatype(reader: ByteReader): Parts['type'] | string {
  const classAndVersion = reader.u8('datatype class');
  const bits = reader.u8('datatype bits');
  reader.take(2, 'datatype bits');
  const size = reader.u32('datatype size');
  const kind = classAndVersion & 15;
  const littleEndian = (bits & 1) === 0;
  if (kind === 0) {
    const offset = reader.u16('bit offset');
    const precision = reader.u16('bit precision');
    const dtype = INTEGERS.get(`${(bits & 8) !== 0 ? 's' : 'u'}${size}`);
    return dtype === undefined || offset !== 0 || precision !== 8 * size ? `integers of ${precision} bits in ${size} bytes` : { dtype, littleEndian };
  }
  const dtype = kind === 1 && (bits & 0x40) === 0 ? FLOATS.get(size) : undefined;
  return dtype === undefined ? `datatype class ${kind} of ${size} bytes` : { dtype, littleEndian };
}

/** True if an unwritten element would read as 0. */
function fillsWithZero(message: Message): boolean {
  const { body } = message;
  if (message.type === MESSAGE.oldFill) return body.take(body.u32('fill size'), 'fill value').every((value) => value === 0);
  const version = body.u8('fill version');
  let defined: boolean;
  if (version === 3) {
    defined = (body.u8('fill flags') & 0x20) !== 0;
  } else {
    body.take(2, 'fill times');
    defined = body.u8('fill defined') !== 0;
  }
  if (!defined || body.left < 4) return true;
  const size = body.u32('fill size');
  return body.take(Math.min(size, body.left), 'fill value').every((value) => value === 0);
}

function describeMessages(context: Context, name: string, messages: readonly Message[]): StoredDataset {
  const only = (type: number): Message | undefined => messages.find((message) => message.type === type);
  if (messages.some((message) => message.type === -1)) return other('shared header messages');
  if (only(MESSAGE.filters) !== undefined) return other('filters (compressed chunks)');
  const [space, type, layout] = [only(MESSAGE.dataspace), only(MESSAGE.datatype), only(MESSAGE.layout)];
  if (space === undefined || type === undefined || layout === undefined) return other('an object that is not a plain dataset');
  const shape = readDataspace(space.body);
  const stored = readDatatype(type.body);
  if (stored === undefined || typeof stored === 'string') return other(stored ?? 'no datatype');
  const fill = only(MESSAGE.fill) ?? only(MESSAGE.oldFill);
  if (fill !== undefined && !fillsWithZero(fill)) return other('a fill value that is not 0');
  const described = { name, shape, dtype: stored.dtype, littleEndian: stored.littleEndian };
  const { body } = layout;
  const version = body.u8('layout version');
  if (version !== 3) return other(`layout version ${version}`);
  const layoutClass = body.u8('layout class');
  if (layoutClass === 1) {
    const data = address(body, 'data address');
    return data < 0 ? other('a dataset without data') : { ...described, kind: 'contiguous', dataOffset: context.base + data };
  }
  if (layoutClass !== 2) return other('compact storage');
  const rank = body.u8('chunk rank') - 1;
  const tree = address(body, 'chunk tree');
  const chunkShape = Array.from({ length: Math.max(0, Math.min(rank, MAX_RANK)) }, () => body.u32('chunk extent'));
  if (rank !== shape.length || chunkShape.some((extent) => extent < 1)) throw body.error(`${shape.length} chunk extents`, `${rank}: [${chunkShape.join(', ')}]`);
  return { ...described, kind: 'chunked', chunkShape, treeAddress: tree < 0 ? -1 : context.base + tree, base: context.base };
}

/**
 * Where and how dataset `name` (a path without leading slash) lies. Throws `FormatError` if the file is not HDF5, cut off,
 * damaged, or has no such dataset in groups of the earliest layout.
 */
export async function chunkedDataset(source: ByteSource, file: string, name: string): Promise<StoredDataset> {
  const superblock = await readSuperblock(source, file);
  if (superblock.version > 1) return other(`superblock version ${superblock.version}`);
  const context: Context = { source, file, base: superblock.base };
  let header = superblock.rootAddress;
  for (const part of name.split('/')) {
    const messages = await objectMessages(context, header);
    if (messages === undefined) return other('object headers of version 2');
    const table = messages.find((message) => message.type === MESSAGE.symbolTable);
    if (table === undefined) return other('a group that is not a symbol table');
    header = await lookUp(context, table.body.u64('group tree'), table.body.u64('group heap'), part);
    if (header < 0) throw new FormatError({ file, offset: 0, expected: `a dataset "${name}"`, found: `no "${part}"` });
  }
  const messages = await objectMessages(context, header);
  return messages === undefined ? other('object headers of version 2') : describeMessages(context, name, messages);
}
