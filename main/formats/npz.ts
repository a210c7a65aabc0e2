/**
 * NumPy .npz archives: a ZIP file of .npy members. Definition: PKWARE APPNOTE 6.3, numpy.savez.
 *
 * Read by the central directory; stored and deflated members, ZIP64, checksums verified. Written: stored or deflated.
 * Refused by name: encrypted or split archives, other compression methods, members that are not .npy, names listed twice.
 */
import { crc32 } from 'node:zlib';
import type { NdArray } from '../../common/ndarray.ts';
import { ByteReader } from './byte-reader.ts';
import { deflateRaw, inflateRaw, inflationLimit, MAX_INFLATED_BYTES } from './gzip.ts';
import type { InflateLimit } from './gzip.ts';
import { readNpy, writeNpy } from './npy.ts';

const END = 0x06054b50;
const END64 = 0x06064b50;
const END64_LOCATOR = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;
const CENTRAL_BYTES = 46;
const STORED = 0;
const DEFLATED = 8;

interface Member {
  readonly name: string;
  readonly method: number;
  readonly checksum: number;
  readonly compressed: number;
  readonly size: number;
  readonly localOffset: number;
}

/** The end record stands at the end, before a comment of at most 65535 bytes. */
function findEnd(reader: ByteReader): number {
  const { bytes } = reader;
  const lowest = Math.max(0, bytes.length - END_BYTES - 65535);
  for (let at = bytes.length - END_BYTES; at >= lowest; at--) {
    if (bytes[at] === 0x50 && bytes[at + 1] === 0x4b && bytes[at + 2] === 5 && bytes[at + 3] === 6) {
      const comment = (bytes[at + 20] ?? 0) + 256 * (bytes[at + 21] ?? 0);
      if (at + END_BYTES + comment === bytes.length) return at;
    }
  }
  throw reader.error('the end record of a ZIP archive', 'none', 'This is not an .npz file, or it was cut off.', Math.max(0, bytes.length - END_BYTES));
}

function readDirectory(reader: ByteReader): Member[] {
  const endAt = findEnd(reader);
  reader.offset = endAt + 4;
  const disk = reader.u16('disk');
  const firstDisk = reader.u16('disk');
  if (disk !== 0 || firstDisk !== 0) throw reader.error('an archive in one part', `part ${disk}`, undefined, endAt);
  reader.u16('members on this disk');
  let count = reader.u16('members');
  reader.u32('directory size');
  let at = reader.u32('directory offset');
  if ((count === 0xffff || at === 0xffffffff) && endAt >= 20) {
    reader.offset = endAt - 20;
    if (reader.u32('ZIP64 locator') !== END64_LOCATOR) throw reader.error('a ZIP64 locator', 'none', undefined, endAt - 20);
    reader.u32('disk');
    reader.offset = reader.u64('ZIP64 end record');
    if (reader.u32('ZIP64 end record') !== END64) throw reader.error('a ZIP64 end record', 'none', undefined, reader.offset - 4);
    reader.take(28, 'ZIP64 end record');
    count = reader.u64('members');
    reader.u64('directory size');
    at = reader.u64('directory offset');
  }
  reader.offset = at;
  if (count * CENTRAL_BYTES > reader.left) throw reader.error(`${count} members`, `${Math.max(0, reader.left)} bytes of directory`);
  return Array.from({ length: count }, () => readMember(reader));
}

function readMember(reader: ByteReader): Member {
  const at = reader.offset;
  if (reader.u32('directory entry') !== CENTRAL) throw reader.error('a directory entry (50 4B 01 02)', 'other bytes', undefined, at);
  reader.take(4, 'versions');
  const flags = reader.u16('flags');
  if ((flags & 1) !== 0) throw reader.error('an archive without a password', 'an encrypted member', undefined, at);
  const method = reader.u16('method');
  reader.take(4, 'time');
  const checksum = reader.u32('checksum');
  let compressed = reader.u32('compressed size');
  let size = reader.u32('size');
  const nameLength = reader.u16('name length');
  const extraLength = reader.u16('extra length');
  const commentLength = reader.u16('comment length');
  reader.take(8, 'attributes');
  let localOffset = reader.u32('offset');
  const name = Buffer.from(reader.take(nameLength, 'name')).toString('utf8');
  const extra = new ByteReader(reader.take(extraLength, 'extra fields'), reader.file, true);
  reader.take(commentLength, 'comment');
  while (extra.left >= 4) {
    const kind = extra.u16('extra field');
    const field = new ByteReader(extra.take(extra.u16('extra field'), 'extra field'), reader.file, true);
    if (kind !== 1) continue;
    if (size === 0xffffffff) size = field.u64('size');
    if (compressed === 0xffffffff) compressed = field.u64('compressed size');
    if (localOffset === 0xffffffff) localOffset = field.u64('offset');
  }
  return { name, method, checksum, compressed, size, localOffset };
}

function readData(reader: ByteReader, member: Member): Uint8Array {
  reader.offset = member.localOffset;
  if (reader.u32('member header') !== LOCAL) throw reader.error(`the header of ${member.name} (50 4B 03 04)`, 'other bytes', undefined, member.localOffset);
  reader.take(22, 'member header');
  const nameLength = reader.u16('name length');
  const extraLength = reader.u16('extra length');
  reader.take(nameLength + extraLength, 'member header');
  const dataAt = reader.offset;
  const raw = reader.take(member.compressed, `member ${member.name}`);
  if (member.method !== STORED && member.method !== DEFLATED) throw reader.error('a stored or deflated member', `${member.name} with method ${member.method}`, 'Save it again with numpy.savez.', dataAt);
  const data = member.method === STORED ? raw : inflateRaw(raw, reader.file, dataAt, member.size);
  if (data.length !== member.size) throw reader.error(`${member.size} bytes of ${member.name}`, `${data.length}`, undefined, dataAt);
  const checksum = crc32(data);
  if (checksum !== member.checksum) throw reader.error(`checksum ${member.checksum.toString(16)} of ${member.name}`, checksum.toString(16), 'The file is damaged; copy or download it again.', dataAt);
  return data;
}

/** All arrays of an archive by name (without `.npy`), in archive order. Throws `FormatError`. */
export function readNpz(bytes: Uint8Array, name: string, { maxInflatedBytes = MAX_INFLATED_BYTES }: InflateLimit = {}): Map<string, NdArray> {
  const reader = new ByteReader(bytes, name, true);
  const members = readDirectory(reader);
  const total = members.reduce((sum, member) => sum + member.size, 0);
  const most = inflationLimit(bytes.length, maxInflatedBytes);
  if (total > most) throw reader.error(`at most ${most} bytes of arrays`, `${total}`, 'Save the arrays as separate .npy files.', 0);
  const arrays = new Map<string, NdArray>();
  for (const member of members) {
    if (!member.name.endsWith('.npy')) throw reader.error('only .npy members', member.name, 'Save it again with numpy.savez.', member.localOffset);
    const key = member.name.slice(0, -4);
    if (arrays.has(key)) throw reader.error(`one member ${key}`, 'two', undefined, member.localOffset);
    arrays.set(key, readNpy(readData(reader, member), `${name}/${member.name}`));
  }
  return arrays;
}

/** An archive that numpy.load opens. No time stamps: the same arrays always give the same bytes. Throws `RangeError` above 4 GiB. */
export function writeNpz(arrays: ReadonlyMap<string, NdArray>, { compress = false }: { readonly compress?: boolean } = {}): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [key, array] of arrays) {
    const name = Buffer.from(`${key}.npy`, 'utf8');
    const data = writeNpy(array);
    const stored = compress ? deflateRaw(data) : data;
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x0800, 2); // names are UTF-8
    common.writeUInt16LE(compress ? DEFLATED : STORED, 4);
    common.writeUInt16LE(0x0021, 8); // 1 January 1980, the earliest date ZIP knows
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(stored.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(name.length, 22);
    const entry = Buffer.alloc(CENTRAL_BYTES);
    entry.writeUInt32LE(CENTRAL, 0);
    entry.writeUInt16LE(20, 4);
    common.copy(entry, 6);
    entry.writeUInt32LE(offset, 42);
    directory.push(entry, name);
    const local = Buffer.alloc(4);
    local.writeUInt32LE(LOCAL, 0);
    parts.push(local, common, name, stored);
    offset += 30 + name.length + stored.length;
    if (offset > 0xffffffff) throw new RangeError('an .npz archive above 4 GiB; write separate .npy files');
  }
  const directorySize = directory.reduce((sum, part) => sum + part.length, 0);
  const end = Buffer.alloc(END_BYTES);
  end.writeUInt32LE(END, 0);
  end.writeUInt16LE(arrays.size, 8);
  end.writeUInt16LE(arrays.size, 10);
  end.writeUInt32LE(directorySize, 12);
  end.writeUInt32LE(offset, 16);
  return new Uint8Array(Buffer.concat([...parts, ...directory, end]));
}
