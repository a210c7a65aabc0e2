/**
 * The protobuf wire format: varints, fixed 32 and 64 bit numbers, length-delimited fields.
 * Source: protobuf.dev "Encoding". Groups (wire types 3 and 4) are refused.
 */
import { FormatError } from '../../../common/errors.ts';

export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

const TEXT = new TextDecoder('utf-8', { fatal: true });
const ENCODER = new TextEncoder();

/** A strict cursor over one message. `base` is where it starts in the file, for error offsets. */
export class WireReader {
  readonly bytes: Uint8Array;
  readonly file: string;
  /** Number and wire type of the field that `next` moved to, and where its tag starts. */
  field = 0;
  wire = 0;
  start = 0;
  #at = 0;
  readonly #base: number;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, file: string, base = 0) {
    this.bytes = bytes;
    this.file = file;
    this.#base = base;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  error(expected: string, found: string, fix = 'The file is damaged or not an ONNX model; export or copy it again.'): FormatError {
    return new FormatError({ file: this.file, offset: this.#base + this.#at, expected, found, fix });
  }

  /** Moves to the next field; false at the end of the message. */
  next(): boolean {
    if (this.#at >= this.bytes.length) return false;
    this.start = this.#at;
    const tag = this.#unsigned();
    this.field = Math.floor(tag / 8);
    this.wire = tag % 8;
    if (this.field === 0) throw this.error('a field number of 1 or more', '0');
    return true;
  }

  #expect(wire: number, what: string): void {
    if (this.wire !== wire) throw this.error(`${what} with wire type ${wire}`, `wire type ${this.wire}`);
  }

  #byte(): number {
    const value = this.bytes[this.#at];
    if (value === undefined) throw this.error('more bytes', 'the end of the message');
    this.#at += 1;
    return value;
  }

  /** Two 32-bit halves of a varint. */
  #halves(): readonly [low: number, high: number] {
    let low = 0, high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte();
      const part = byte & 127;
      if (shift < 28) low |= part << shift;
      else if (shift === 28) { low |= part << 28; high = part >>> 4; }
      else if (shift < 63) high |= part << (shift - 32);
      else high |= (part & 1) << 31;
      if (byte < 128) return [low >>> 0, high >>> 0];
    }
    throw this.error('a number of at most ten bytes', 'a longer one');
  }

  #unsigned(): number {
    const [low, high] = this.#halves();
    const value = high * 4294967296 + low;
    if (!Number.isSafeInteger(value)) throw this.error('a number below 2^53', `${value}`);
    return value;
  }

  /** Skips the value of the current field and returns the whole field, tag included, to be written back as it is. */
  skip(): Uint8Array {
    if (this.wire === WIRE.varint) this.#halves();
    else if (this.wire === WIRE.fixed64) this.#take(8);
    else if (this.wire === WIRE.fixed32) this.#take(4);
    else if (this.wire === WIRE.bytes) this.#take(this.#unsigned());
    else throw this.error('a known wire type', `wire type ${this.wire}`);
    return this.bytes.subarray(this.start, this.#at);
  }

  #take(length: number): Uint8Array {
    if (length > this.bytes.length - this.#at) throw this.error(`${length} bytes`, `${this.bytes.length - this.#at} bytes left`);
    this.#at += length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }

  /** A view, not a copy. */
  view(what: string): Uint8Array {
    this.#expect(WIRE.bytes, what);
    return this.#take(this.#unsigned());
  }

  message(what: string): WireReader {
    const bytes = this.view(what);
    return new WireReader(bytes, this.file, this.#base + this.#at - bytes.length);
  }

  text(what: string): string {
    const bytes = this.view(what);
    try { return TEXT.decode(bytes); } catch (cause) {
      throw this.error(`${what} in UTF-8`, cause instanceof Error ? cause.message : 'other bytes');
    }
  }

  /** int64 that must be exact as a JavaScript number. */
  integer(what: string): number {
    this.#expect(WIRE.varint, what);
    const [low, high] = this.#halves();
    const value = (high | 0) * 4294967296 + low;
    if (!Number.isSafeInteger(value)) throw this.error(`${what} between -2^53 and 2^53`, `${value}`, 'Such a number is not supported.');
    return value;
  }

  float(what: string): number {
    this.#expect(WIRE.fixed32, what);
    this.#take(4);
    return this.#view.getFloat32(this.#at - 4, true);
  }

  /** A repeated integer field: one value, or a packed run of them. */
  integers(what: string, into: number[]): void {
    if (this.wire !== WIRE.bytes) { into.push(this.integer(what)); return; }
    const packed = this.message(what);
    while (packed.#at < packed.bytes.length) { packed.wire = WIRE.varint; into.push(packed.integer(what)); }
  }

  /** As `integers`, with all 64 bits. Unsigned; wrap with BigInt.asIntN for signed. */
  bigIntegers(what: string, into: bigint[]): void {
    const one = (reader: WireReader): void => {
      const [low, high] = reader.#halves();
      into.push((BigInt(high) << 32n) | BigInt(low));
    };
    if (this.wire !== WIRE.bytes) { this.#expect(WIRE.varint, what); one(this); return; }
    const packed = this.message(what);
    while (packed.#at < packed.bytes.length) one(packed);
  }

  /** Bytes of a repeated fixed-width field: one value, or a packed run. */
  fixed(what: string, width: 4 | 8): Uint8Array {
    if (this.wire === WIRE.bytes) return this.view(what);
    this.#expect(width === 4 ? WIRE.fixed32 : WIRE.fixed64, what);
    return this.#take(width);
  }

  floats(what: string, into: number[]): void {
    const bytes = this.fixed(what, 4);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length % 4 !== 0) throw this.error(`${what} in whole 4-byte numbers`, `${bytes.length} bytes`);
    for (let at = 0; at < bytes.length; at += 4) into.push(view.getFloat32(at, true));
  }
}

function varint(value: bigint): Uint8Array {
  let rest = BigInt.asUintN(64, value);
  const bytes: number[] = [];
  do {
    const part = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest === 0n ? part : part | 128);
  } while (rest !== 0n);
  return Uint8Array.from(bytes);
}

/** Collects the fields of one message as a list of byte pieces; large payloads are referred to, never copied. */
export class WireWriter {
  readonly pieces: Uint8Array[] = [];
  length = 0;

  #push(piece: Uint8Array): void {
    this.pieces.push(piece);
    this.length += piece.length;
  }

  #tag(field: number, wire: number): void {
    this.#push(varint(BigInt(field * 8 + wire)));
  }

  integer(field: number, value: number | bigint): this {
    this.#tag(field, WIRE.varint);
    this.#push(varint(BigInt(value)));
    return this;
  }

  float(field: number, value: number): this {
    this.#tag(field, WIRE.fixed32);
    this.#push(new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }

  view(field: number, bytes: Uint8Array): this {
    this.#tag(field, WIRE.bytes);
    this.#push(varint(BigInt(bytes.length)));
    this.#push(bytes);
    return this;
  }

  text(field: number, text: string): this {
    return this.view(field, ENCODER.encode(text));
  }

  message(field: number, message: WireWriter): this {
    this.#tag(field, WIRE.bytes);
    this.#push(varint(BigInt(message.length)));
    for (const piece of message.pieces) this.pieces.push(piece);
    this.length += message.length;
    return this;
  }

  /** Fields that were carried along unread. */
  raw(bytes: Uint8Array | undefined): this {
    if (bytes !== undefined) this.#push(bytes);
    return this;
  }
}

/** Pieces in one array. */
export function join(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) { whole.set(piece, at); at += piece.length; }
  return whole;
}
