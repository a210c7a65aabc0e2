/**
 * The start of an HDF5 file. Definition: "HDF5 File Format Specification", version 3.0, section II.A.
 * Superblock versions 0 to 3, at byte 0 or behind a user block (512, 1024, 2048, ...; MAT v7.3 has 512).
 */
import { FormatError } from '../../common/errors.ts';
import type { ByteSource } from './byte-source.ts';
import { ByteReader } from './byte-reader.ts';

const SIGNATURE = '\x89HDF\r\n\x1a\n';
/** Longest superblock: version 1 with 8-byte addresses, root entry included. */
const SUPERBLOCK_BYTES = 100;
/** User blocks double in size; one beyond this is not looked for. */
const MAX_USER_BLOCK = 2 ** 30;

export interface Superblock {
  readonly version: number;
  /** Where the superblock stands: the size of the user block. */
  readonly at: number;
  /** What addresses in the file are relative to. */
  readonly base: number;
  readonly sizeOfOffsets: number;
  readonly sizeOfLengths: number;
  /** Object header of the root group, relative to `base`. */
  readonly rootAddress: number;
}

/** Bytes of a source, as a reader whose offsets are those of the file. Throws `FormatError` beyond the end. */
export async function readAt(source: ByteSource, file: string, offset: number, length: number, what: string): Promise<ByteReader> {
  if (!(offset >= 0 && length >= 0 && offset + length <= source.size)) {
    throw new FormatError({ file, offset: Math.max(0, offset), expected: `${length} bytes of ${what} at ${offset}`, found: `a file of ${source.size} bytes`, fix: 'The file looks cut off or damaged; copy or download it again.' });
  }
  return new ByteReader(await source.read(offset, length), file, true);
}

/**
 * Finds and reads the superblock, and compares the end of file that it states with the real size.
 * Throws `FormatError` for a file that is not HDF5 or is cut off, with both sizes.
 */
export async function readSuperblock(source: ByteSource, file: string): Promise<Superblock> {
  for (let at = 0; at + 8 <= source.size && at <= MAX_USER_BLOCK; at = at === 0 ? 512 : at * 2) {
    const reader = await readAt(source, file, at, Math.min(SUPERBLOCK_BYTES, source.size - at), 'the superblock');
    if (Buffer.from(reader.take(8, 'the signature')).toString('latin1') === SIGNATURE) return parse(reader, source.size, at);
  }
  throw new FormatError({ file, offset: 0, expected: 'an HDF5 file (signature 89 48 44 46 0D 0A 1A 0A)', found: 'no signature at 0, 512, 1024, ...', fix: source.size === 0 ? 'The file is empty; download it again.' : 'This is not an HDF5 file.' });
}

function parse(reader: ByteReader, size: number, at: number): Superblock {
  const version = reader.u8('superblock version');
  if (version > 3) throw reader.error('superblock version 0 to 3', `${version}`, undefined, at + 8);
  reader.offset = version < 2 ? 13 : 9;
  const sizeOfOffsets = reader.u8('size of offsets');
  const sizeOfLengths = reader.u8('size of lengths');
  // Other sizes exist on paper only; the HDF5 library writes 8 unless told otherwise.
  if (sizeOfOffsets !== 8 || sizeOfLengths !== 8) throw reader.error('8-byte offsets and lengths', `${sizeOfOffsets} and ${sizeOfLengths}`, undefined, at + reader.offset - 2);
  reader.offset = version === 0 ? 24 : version === 1 ? 28 : 12;
  const base = reader.u64('base address');
  reader.take(8, 'free space or extension address');
  const end = reader.u64('end of file address');
  if (version < 2) reader.take(16, 'driver and root name');
  const rootAddress = reader.u64('root address');
  if (size < end) {
    throw new FormatError({ file: reader.file, offset: size, expected: `${end} bytes, as its superblock says`, found: `${size} bytes`, fix: 'The file was cut off, perhaps during download; fetch it again.' });
  }
  return { version, at, base, sizeOfOffsets, sizeOfLengths, rootAddress };
}
