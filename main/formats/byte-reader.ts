/**
 * A strict cursor over the bytes of one file. Every read says what it is reading and is checked against what is left,
 * so that a lying header ends in a `FormatError` with the offset, and nothing is ever allocated beyond the file's own size.
 */
import { FormatError } from '../../common/errors.ts';

/** Largest allowed number of dimensions of any array; more is taken for corruption. */
const MAX_RANK = 32;

export class ByteReader {
  readonly file: string;
  readonly bytes: Uint8Array;
  offset: number;
  littleEndian: boolean;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, file: string, littleEndian: boolean, offset = 0) {
    this.file = file;
    this.bytes = bytes;
    this.littleEndian = littleEndian;
    this.offset = offset;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes between the cursor and the end. */
  get left(): number {
    return this.bytes.length - this.offset;
  }

  /** The error to throw; at the cursor unless `offset` says otherwise. */
  error(expected: string, found: string, fix?: string, offset = this.offset): FormatError {
    return new FormatError({ file: this.file, offset, expected, found, ...(fix === undefined ? {} : { fix }) });
  }

  /** Throws unless `count` more bytes exist. `count` may be any number a header produced, NaN included. */
  need(count: number, what: string): void {
    if (!(count >= 0 && count <= this.left)) {
      throw this.error(`${count} bytes of ${what}`, `${Math.max(0, this.left)} bytes left`, 'The file looks cut off or damaged; copy or download it again.');
    }
  }

  #advance(count: number, what: string): number {
    this.need(count, what);
    const at = this.offset;
    this.offset += count;
    return at;
  }

  u8(what: string): number { return this.#view.getUint8(this.#advance(1, what)); }
  i8(what: string): number { return this.#view.getInt8(this.#advance(1, what)); }
  u16(what: string): number { return this.#view.getUint16(this.#advance(2, what), this.littleEndian); }
  i16(what: string): number { return this.#view.getInt16(this.#advance(2, what), this.littleEndian); }
  u32(what: string): number { return this.#view.getUint32(this.#advance(4, what), this.littleEndian); }
  i32(what: string): number { return this.#view.getInt32(this.#advance(4, what), this.littleEndian); }
  f32(what: string): number { return this.#view.getFloat32(this.#advance(4, what), this.littleEndian); }
  f64(what: string): number { return this.#view.getFloat64(this.#advance(8, what), this.littleEndian); }

  /** Unsigned 24-bit integer, big-endian (FreeSurfer). */
  u24(what: string): number {
    const at = this.#advance(3, what);
    return this.#view.getUint16(at) * 256 + this.#view.getUint8(at + 2);
  }

  /** Signed 64-bit integer that must be exactly representable as a number. */
  i64(what: string): number {
    const at = this.#advance(8, what);
    const value = Number(this.#view.getBigInt64(at, this.littleEndian));
    if (!Number.isSafeInteger(value)) throw this.error(`${what} below 2^53`, String(value), undefined, at);
    return value;
  }

  /** Unsigned 64-bit integer that must be exactly representable as a number. */
  u64(what: string): number {
    const at = this.#advance(8, what);
    const value = Number(this.#view.getBigUint64(at, this.littleEndian));
    if (!Number.isSafeInteger(value)) throw this.error(`${what} below 2^53`, String(value), undefined, at);
    return value;
  }

  /** The next `count` bytes, as a view. */
  take(count: number, what: string): Uint8Array {
    const at = this.#advance(count, what);
    return this.bytes.subarray(at, at + count);
  }

  /** `count` bytes of text, cut at the first NUL. */
  text(count: number, what: string): string {
    const raw = Buffer.from(this.take(count, what)).toString('latin1');
    const end = raw.indexOf('\0');
    return end < 0 ? raw : raw.slice(0, end);
  }

  /** Text up to and without the next line feed, which is consumed. At most `limit` bytes are searched. */
  line(what: string, limit: number): string {
    const end = this.bytes.subarray(this.offset, this.offset + limit).indexOf(0x0a);
    if (end < 0) throw this.error(`a line feed within ${limit} bytes (${what})`, 'none');
    const text = Buffer.from(this.take(end, what)).toString('utf8');
    this.offset += 1;
    return text;
  }

  /** Throws unless the cursor is at the end. */
  end(fix?: string): void {
    if (this.left !== 0) throw this.error('the end of the file', `${this.left} more bytes`, fix);
  }
}

/**
 * Number of elements of a shape read from a file: every extent a non-negative integer, at most 32 of them, product below 2^53.
 * Callers still compare the product with the bytes left before they allocate.
 */
export function elementCount(reader: ByteReader, shape: readonly number[], what: string): number {
  if (shape.length > MAX_RANK) throw reader.error(`at most ${MAX_RANK} dimensions of ${what}`, String(shape.length));
  let count = 1;
  let empty = false;
  for (const extent of shape) {
    if (!Number.isSafeInteger(extent) || extent < 0) throw reader.error(`non-negative extents of ${what}`, `[${shape.join(', ')}]`);
    if (extent === 0) empty = true; else count *= extent;
    if (!Number.isSafeInteger(count)) throw reader.error(`fewer than 2^53 elements of ${what}`, `[${shape.join(', ')}]`);
  }
  return empty ? 0 : count;
}
