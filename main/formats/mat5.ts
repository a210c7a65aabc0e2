/**
 * MATLAB MAT-files, level 5 (v6 and v7). Definition: "MAT-File Format" (The MathWorks), chapter 1.
 *
 * Both byte orders, zlib-compressed elements, small elements, compact integer storage (decoded by the element's tag, given
 * back in the variable's class). Numeric, logical and char variables are read; sparse, cell, struct, object, function and
 * complex variables are listed by name. Refused by name: level 4 and v7.3 (which is HDF5). Written: numeric and logical.
 */
import { UserError } from '../../common/errors.ts';
import { BYTES, ndarray, sizeOf, zeros } from '../../common/ndarray.ts';
import type { DType, NdArray } from '../../common/ndarray.ts';
import { ByteReader, elementCount } from './byte-reader.ts';
import { decodeElements, encodeElements, fromFortran, toFloat64, toFortran } from './elements.ts';
import { deflateZlib, inflateZlib, inflationLimit, MAX_INFLATED_BYTES } from './gzip.ts';
import type { InflateLimit } from './gzip.ts';

const HEADER_BYTES = 128;
const MI = { int8: 1, uint8: 2, int32: 5, uint32: 6, matrix: 14, compressed: 15 } as const;
/** Storage types of numbers. 16 to 18 are UTF-8, UTF-16 and UTF-32 text. */
const STORAGE: ReadonlyMap<number, DType> = new Map([
  [1, 'int8'], [2, 'uint8'], [3, 'int16'], [4, 'uint16'], [5, 'int32'], [6, 'uint32'], [7, 'float32'], [9, 'float64'],
  [12, 'int64'], [13, 'uint64'], [16, 'uint8'], [17, 'uint16'], [18, 'uint32'],
]);
const TYPE_OF: ReadonlyMap<DType, number> = new Map([...STORAGE].filter(([type]) => type < 16).map(([type, dtype]) => [dtype, type]));
const CLASS_OF: ReadonlyMap<number, DType> = new Map([
  [6, 'float64'], [7, 'float32'], [8, 'int8'], [9, 'uint8'], [10, 'int16'], [11, 'uint16'], [12, 'int32'], [13, 'uint32'], [14, 'int64'], [15, 'uint64'],
]);
const CODE_OF: ReadonlyMap<DType, number> = new Map([...CLASS_OF].map(([code, dtype]) => [dtype, code]));
const CHAR = 4;
const LISTED: ReadonlyMap<number, string> = new Map([[1, 'cell'], [2, 'struct'], [3, 'object'], [5, 'sparse'], [16, 'function'], [17, 'opaque']]);
const COMPLEX = 0x0800;
const LOGICAL = 0x0200;
/** Integer dtypes with their ranges, for the writer's compact storage and the reader's range check. */
const RANGES: readonly (readonly ['uint8' | 'int8' | 'uint16' | 'int16' | 'int32' | 'uint32', number, number])[] = [
  ['uint8', 0, 255], ['int8', -128, 127], ['uint16', 0, 65535], ['int16', -32768, 32767], ['int32', -(2 ** 31), 2 ** 31 - 1], ['uint32', 0, 2 ** 32 - 1],
];

export interface MatFile {
  /** First 116 bytes of the file, as text. */
  readonly description: string;
  /** Numeric and logical variables; the shape is MATLAB's (rows, columns, ...), the data are converted from MATLAB order to C order of that same shape. */
  readonly arrays: ReadonlyMap<string, NdArray>;
  /** Char variables, one string a row. */
  readonly text: ReadonlyMap<string, readonly string[]>;
  /** Variables that are not read, with the reason. */
  readonly skipped: readonly { readonly name: string; readonly matlabClass: string }[];
}

interface Element {
  readonly type: number;
  readonly body: ByteReader;
}

/** Tag and data of one element; the parent moves past the padding. Small elements hold up to 4 bytes in their own tag. */
function nextElement(parent: ByteReader, what: string): Element {
  const at = parent.offset;
  const word = parent.u32(`${what} tag`);
  const small = word >>> 16;
  if (small !== 0) {
    if (small > 4) throw parent.error('at most 4 bytes in a small element', `${small}`, undefined, at);
    const cell = parent.take(4, what);
    return { type: word & 0xffff, body: new ByteReader(cell.subarray(0, small), parent.file, parent.littleEndian) };
  }
  const length = parent.u32(`${what} length`);
  const data = parent.take(length, what);
  if (word !== MI.compressed) parent.take(Math.min(-length & 7, parent.left), 'padding');
  return { type: word, body: new ByteReader(data, parent.file, parent.littleEndian) };
}

interface Collected {
  readonly arrays: Map<string, NdArray>;
  readonly text: Map<string, readonly string[]>;
  readonly skipped: { name: string; matlabClass: string }[];
  /** Bytes that may still be asked for: compact storage grows up to eightfold. */
  left: number;
}

function readMatrix(reader: ByteReader, out: Collected): void {
  const flagsElement = nextElement(reader, 'array flags');
  if (flagsElement.type !== MI.uint32) throw reader.error('array flags (type 6)', `type ${flagsElement.type}`);
  const flags = flagsElement.body.u32('array flags');
  const classCode = flags & 0xff;
  if (classCode === 17) { out.skipped.push({ name: '(opaque)', matlabClass: 'opaque' }); return; }
  const dims = nextElement(reader, 'dimensions');
  if (dims.type !== MI.int32 || dims.body.left % 4 !== 0 || dims.body.left < 8) throw reader.error('at least two int32 dimensions', `type ${dims.type}, ${dims.body.left} bytes`);
  const shape = Array.from({ length: dims.body.left / 4 }, () => dims.body.i32('dimension'));
  const nameElement = nextElement(reader, 'name');
  if (nameElement.type !== MI.int8) throw reader.error('a name (type 1)', `type ${nameElement.type}`);
  const name = nameElement.body.text(nameElement.body.left, 'name');
  if (out.arrays.has(name) || out.text.has(name)) throw reader.error(`one variable ${name}`, 'two');

  const dtype = CLASS_OF.get(classCode);
  if (dtype === undefined && classCode !== CHAR) {
    const listed = LISTED.get(classCode);
    if (listed === undefined) throw reader.error('a MATLAB class from 1 to 17', `${classCode}`);
    out.skipped.push({ name, matlabClass: listed });
    return;
  }
  if ((flags & COMPLEX) !== 0) { out.skipped.push({ name, matlabClass: 'complex' }); return; }
  const count = elementCount(reader, shape, name);
  const real = nextElement(reader, `data of ${name}`);
  const storage = STORAGE.get(real.type);
  if (storage === undefined) throw reader.error('a numeric storage type', `type ${real.type} in ${name}`);
  if (dtype === undefined) { out.text.set(name, readText(real, storage, shape, count)); return; }
  if (real.body.left !== count * BYTES[storage]) throw reader.error(`${count * BYTES[storage]} bytes for ${name} [${shape.join(', ')}]`, `${real.body.left}`);
  const target = (flags & LOGICAL) !== 0 ? 'bool' : dtype;
  out.left -= count * BYTES[target];
  if (out.left < 0) throw reader.error('arrays that fit the file', `${count} ${target} values of ${name}`, 'The file asks for far more memory than it holds; it is damaged or a trap.');
  const stored = ndarray(storage, [count], decodeElements(storage, real.body.bytes, reader.littleEndian));
  const { data } = convert(stored, target, reader, name);
  out.arrays.set(name, fromFortran(target, shape, data));
}

/** From the stored type to the class; integer classes must hold the stored values. */
function convert(stored: NdArray, target: DType, reader: ByteReader, name: string): NdArray {
  if (stored.dtype === target) return stored;
  const values = toFloat64(stored);
  const inexact = stored.dtype === 'int64' || stored.dtype === 'uint64' ? values.find((value) => !Number.isSafeInteger(value)) : undefined;
  if (inexact !== undefined) throw reader.error(`${target} values in ${name}`, `${inexact} stored as ${stored.dtype}`);
  const out = zeros(target, stored.shape);
  if (out.data instanceof BigInt64Array || out.data instanceof BigUint64Array) {
    const lowest = target === 'uint64' ? 0 : -Infinity;
    for (let i = 0; i < values.length; i++) {
      const value = values[i] ?? NaN;
      if (!Number.isSafeInteger(value) || value < lowest) throw reader.error(`${target} values in ${name}`, `${value}`);
      out.data[i] = BigInt(value);
    }
    return out;
  }
  const range = target === 'bool' ? (['bool', 0, 1] as const) : RANGES.find(([dtype]) => dtype === target);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? NaN;
    if (range !== undefined && !(value >= range[1] && value <= range[2] && Number.isInteger(value))) throw reader.error(`${target} values in ${name}`, `${value}`);
    out.data[i] = value;
  }
  return out;
}

/** Rows of a char matrix. UTF-8 storage (type 16) is only given back as text when it is one row. */
function readText(real: Element, storage: DType, shape: readonly number[], count: number): string[] {
  const { body } = real;
  if (real.type === 16 && (shape[0] ?? 0) <= 1) return [Buffer.from(body.bytes).toString('utf8')];
  if (body.left !== count * BYTES[storage] || shape.length !== 2) throw body.error(`${count} characters in rows and columns`, `${body.left} bytes, [${shape.join(', ')}]`, undefined, 0);
  const codes = toFloat64(ndarray(storage, [count], decodeElements(storage, body.bytes, body.littleEndian)));
  const rowCount = shape[0] ?? 0;
  return Array.from({ length: count === 0 ? 0 : rowCount }, (_, row) => {
    let text = '';
    for (let i = row; i < count; i += rowCount) {
      const code = codes[i] ?? 0;
      if (!(code >= 0 && code <= 0x10ffff)) throw body.error('character codes', `${code}`, undefined, 0);
      text += String.fromCodePoint(code);
    }
    return text;
  });
}

/** A level-5 MAT-file. Throws `FormatError`. */
export function readMat5(bytes: Uint8Array, name: string, { maxInflatedBytes = MAX_INFLATED_BYTES }: InflateLimit = {}): MatFile {
  const reader = new ByteReader(bytes, name, true);
  reader.need(HEADER_BYTES, 'MAT-file header');
  const start = Buffer.from(bytes.subarray(0, HEADER_BYTES)).toString('latin1');
  const mark = start.slice(126, 128);
  if (mark !== 'IM' && mark !== 'MI') throw reader.error('the mark IM or MI of a level-5 MAT-file', JSON.stringify(mark), 'In MATLAB: save(file, ..., "-v7").', 126);
  reader.littleEndian = mark === 'IM';
  reader.offset = 124;
  const version = reader.u16('version');
  if (version === 0x0200) throw reader.error('a level-5 MAT-file', 'MAT v7.3, which is HDF5', 'Open it as HDF5, or in MATLAB: save(file, ..., "-v7").', 124);
  if (version !== 0x0100) throw reader.error('version 0x0100', `0x${version.toString(16)}`, undefined, 124);
  reader.offset = HEADER_BYTES;
  const most = inflationLimit(bytes.length, maxInflatedBytes);
  const out: Collected = { arrays: new Map(), text: new Map(), skipped: [], left: most };
  let inflated = 0;
  while (reader.left > 0) {
    const at = reader.offset;
    const element = nextElement(reader, 'variable');
    if (element.type === MI.matrix) { readMatrix(element.body, out); continue; }
    if (element.type !== MI.compressed) throw reader.error('a matrix (type 14) or compressed element (type 15)', `type ${element.type}`, undefined, at);
    const data = inflateZlib(element.body.bytes, name, at + 8, most - inflated);
    inflated += data.length;
    const inner = nextElement(new ByteReader(data, name, reader.littleEndian), 'variable');
    if (inner.type !== MI.matrix) throw reader.error('a matrix in the compressed element', `type ${inner.type}`, undefined, at);
    readMatrix(inner.body, out);
  }
  return { description: start.slice(0, 116).replace(/[\0 ]+$/, ''), arrays: out.arrays, text: out.text, skipped: out.skipped };
}

export interface MatWriteOptions {
  /** zlib-compress every variable, as MATLAB's v7 does. */
  readonly compress?: boolean;
  /** Store whole-numbered doubles as the smallest integers that hold them, as MATLAB does. */
  readonly compact?: boolean;
  /** First line of the file, at most 116 ASCII characters. */
  readonly description?: string;
}

/** A little-endian level-5 MAT-file. Shapes are MATLAB's and need at least two extents; bool becomes logical. */
export function writeMat5(arrays: ReadonlyMap<string, NdArray>, options: MatWriteOptions = {}): Uint8Array {
  const head = Buffer.alloc(HEADER_BYTES, 0x20);
  head.write((options.description ?? 'MATLAB 5.0 MAT-file, written by Optogram').slice(0, 116), 0, 'latin1');
  head.fill(0, 116, 124);
  head.writeUInt16LE(0x0100, 124);
  head.write('IM', 126, 'latin1');
  const parts: Buffer[] = [head];
  for (const [name, array] of arrays) {
    const variable = matrixElement(name, array, options.compact ?? false);
    parts.push(options.compress === true ? element(MI.compressed, deflateZlib(variable), false) : variable);
  }
  return new Uint8Array(Buffer.concat(parts));
}

function element(type: number, data: Uint8Array, padded = true): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(type, 0);
  head.writeUInt32LE(data.length, 4);
  return Buffer.concat([head, data, Buffer.alloc(padded ? -data.length & 7 : 0)]);
}

function matrixElement(name: string, array: NdArray, compact: boolean): Buffer {
  if (array.shape.length < 2) throw new RangeError(`MATLAB variable ${name} needs at least two extents, got [${array.shape.join(', ')}]`);
  if (!/^[A-Za-z]\w{0,62}$/.test(name)) throw new RangeError(`${name} is not a MATLAB name`);
  const isLogical = array.dtype === 'bool';
  const classCode = isLogical ? CODE_OF.get('uint8') : CODE_OF.get(array.dtype);
  if (classCode === undefined) throw new UserError('unsupported', `MATLAB has no ${array.dtype} class (variable ${name})`);
  const fortran = toFortran(array);
  const values = ndarray(isLogical ? 'uint8' : array.dtype, [sizeOf(array.shape)], fortran.data);
  const stored = compact && values.dtype === 'float64' ? compacted(values) : values;
  const flags = Buffer.alloc(8);
  flags.writeUInt32LE(classCode | (isLogical ? LOGICAL : 0), 0);
  const dims = Buffer.alloc(4 * array.shape.length);
  array.shape.forEach((extent, axis) => { dims.writeInt32LE(extent, 4 * axis); });
  return element(MI.matrix, Buffer.concat([
    element(MI.uint32, flags), element(MI.int32, dims), element(MI.int8, Buffer.from(name, 'latin1')),
    element(TYPE_OF.get(stored.dtype) ?? 9, encodeElements(stored, true)),
  ]));
}

/** The smallest integer type that holds every value exactly, or the array itself. */
function compacted(array: NdArray): NdArray {
  const values = toFloat64(array);
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!Number.isInteger(value) || Object.is(value, -0)) return array;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const range = RANGES.find(([, from, to]) => low >= from && high <= to);
  if (range === undefined) return array;
  const out = zeros(range[0], array.shape);
  out.data.set(values);
  return out;
}
