/**
 * NumPy .npy arrays, format versions 1.0 to 3.0. Definition: numpy.lib.format, "NEP 1".
 *
 * Any byte order, C and Fortran order (Fortran is converted to C order). Written: version 1.0, little-endian, C order.
 * Refused by name: complex, text, object (pickled) and structured dtypes, and bytes after the array.
 */
import { BYTES, ndarray } from '../../common/ndarray.ts';
import type { DType, NdArray } from '../../common/ndarray.ts';
import { ByteReader, elementCount } from './byte-reader.ts';
import { decodeElements, littleEndianBytes, fromFortran } from './elements.ts';

const MAGIC = '\x93NUMPY';
const DTYPE_OF: ReadonlyMap<string, DType> = new Map([
  ['f8', 'float64'], ['f4', 'float32'], ['f2', 'float16'], ['i8', 'int64'], ['u8', 'uint64'], ['i4', 'int32'],
  ['u4', 'uint32'], ['i2', 'int16'], ['u2', 'uint16'], ['i1', 'int8'], ['u1', 'uint8'], ['b1', 'bool'],
]);
const CODE_OF: { readonly [D in DType]: string } = {
  float64: '<f8', float32: '<f4', float16: '<f2', int64: '<i8', uint64: '<u8', int32: '<i4', uint32: '<u4',
  int16: '<i2', uint16: '<u2', int8: '|i1', uint8: '|u1', bool: '|b1',
};
/** The header is written by NumPy as this one dictionary; keys sorted, trailing comma optional. */
const HEADER = /^\{\s*'descr':\s*(.+?),\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(([\d\sL,]*)\)\s*,?\s*\}\s*$/s;
/** NumPy itself refuses longer headers unless told otherwise. */
const MAX_HEADER = 10_000;

export interface NpyHeader {
  readonly dtype: DType;
  readonly littleEndian: boolean;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** Byte offset of the first element. */
  readonly dataOffset: number;
}

function parseHeader(reader: ByteReader): NpyHeader {
  const magic = reader.bytes.length >= 6 ? Buffer.from(reader.bytes.subarray(0, 6)).toString('latin1') : '';
  if (magic !== MAGIC) throw reader.error('a NumPy array (first bytes 93 4E 55 4D 50 59)', 'other bytes', 'Save it with numpy.save.');
  reader.offset = 6;
  const major = reader.u8('version');
  const minor = reader.u8('version');
  if (major < 1 || major > 3 || minor !== 0) throw reader.error('.npy version 1.0, 2.0 or 3.0', `${major}.${minor}`, undefined, 6);
  const length = major === 1 ? reader.u16('header length') : reader.u32('header length');
  if (length > MAX_HEADER) throw reader.error(`a header of at most ${MAX_HEADER} bytes`, `${length}`);
  const at = reader.offset;
  const text = Buffer.from(reader.take(length, 'header')).toString(major === 3 ? 'utf8' : 'latin1');
  const match = HEADER.exec(text);
  if (match === null) throw reader.error("a header with 'descr', 'fortran_order' and 'shape'", text.slice(0, 120).trim(), undefined, at);
  const [, descr = '', order = '', extents = ''] = match;
  const code = /^'([<>|=]?)([a-zA-Z]\d+)'$/.exec(descr);
  const dtype = code === null ? undefined : DTYPE_OF.get(code[2] ?? '');
  if (code === null || dtype === undefined) {
    throw reader.error('a dtype among ' + [...DTYPE_OF.keys()].join(', '), descr.slice(0, 80), 'Convert it with array.astype(...) before saving.', at);
  }
  if (BYTES[dtype] > 1 && code[1] !== '<' && code[1] !== '>') throw reader.error('a byte order, < or >, in the dtype', descr, undefined, at);
  const parts = extents.trim() === '' ? [] : extents.trim().replace(/,$/, '').split(',').map((part) => part.trim().replace(/L$/, ''));
  if (!parts.every((part) => /^\d+$/.test(part))) throw reader.error('a tuple of integers as shape', `(${extents})`, undefined, at);
  const shape = parts.map(Number);
  return { dtype, littleEndian: code[1] !== '>', fortranOrder: order === 'True', shape, dataOffset: reader.offset };
}

/** Header of a `.npy` file from its first bytes (128 are enough for NumPy's own files). Throws `FormatError`. */
export function readNpyHeader(bytes: Uint8Array, name: string): NpyHeader {
  const reader = new ByteReader(bytes, name, true);
  const header = parseHeader(reader);
  elementCount(reader, header.shape, 'the array');
  return header;
}

/** A whole `.npy` file as a C-order array of the stored shape and dtype. Throws `FormatError`. */
export function readNpy(bytes: Uint8Array, name: string): NdArray {
  const reader = new ByteReader(bytes, name, true);
  const { dtype, littleEndian, fortranOrder, shape } = parseHeader(reader);
  const count = elementCount(reader, shape, 'the array');
  const raw = reader.take(count * BYTES[dtype], `${dtype}[${shape.join(', ')}]`);
  reader.end('A .npy file holds one array; save several with numpy.savez.');
  const data = decodeElements(dtype, raw, littleEndian);
  if (dtype === 'bool' && data.some((value: number | bigint) => value !== 0 && value !== 1)) {
    throw reader.error('booleans stored as 0 or 1', 'other bytes', undefined, reader.bytes.length - count);
  }
  return fortranOrder ? fromFortran(dtype, shape, data) : ndarray(dtype, shape, data);
}

/** A `.npy` file: version 1.0, little-endian, C order, data aligned to 64 bytes. */
export function writeNpy(array: NdArray): Uint8Array {
  const [head, payload] = npyParts(array);
  const out = new Uint8Array(head.length + payload.length);
  out.set(head, 0);
  out.set(payload, head.length);
  return out;
}

/** The same file in two parts, header and data, for arrays too large to be held twice: on little-endian machines the data are a view. */
export function npyParts(array: NdArray): readonly [Uint8Array, Uint8Array] {
  const tuple = array.shape.length === 1 ? `(${array.shape[0]},)` : `(${array.shape.join(', ')})`;
  const dictionary = `{'descr': '${CODE_OF[array.dtype]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const headerLength = Math.ceil((10 + dictionary.length + 1) / 64) * 64 - 10;
  const head = Buffer.alloc(10 + headerLength);
  head.write(MAGIC, 0, 'latin1');
  head.writeUInt8(1, 6);
  head.writeUInt16LE(headerLength, 8);
  head.write(dictionary.padEnd(headerLength - 1) + '\n', 10, 'latin1');
  return [new Uint8Array(head), littleEndianBytes(array)];
}
