/**
 * PNG images (W3C PNG, third edition), decoded and encoded by fast-png.
 *
 * Decoded: 1 to 8 bits, gray, gray+alpha, RGB, RGBA and palette, to uint8 `[height, width, channels]`. Chunk lengths,
 * checksums and the inflated size are verified before fast-png sees the file, so a lying header allocates nothing.
 * Refused by name: 16 bits per sample, images above 2^28 samples. Ignored: every chunk but header, palette and pixels.
 */
import { crc32 } from 'node:zlib';
import { decode, encode } from 'fast-png';
import { UserError } from '../../common/errors.ts';
import { ndarray } from '../../common/ndarray.ts';
import type { U8 } from '../../common/ndarray.ts';
import { ByteReader } from './byte-reader.ts';
import { inflateZlib } from './gzip.ts';

const SIGNATURE = '\x89PNG\r\n\x1a\n';
const MAX_SAMPLES = 2 ** 28;
const CHANNELS_OF: ReadonlyMap<number, number> = new Map([[0, 1], [2, 3], [3, 1], [4, 2], [6, 4]]);
const DEPTHS_OF: ReadonlyMap<number, readonly number[]> = new Map([[0, [1, 2, 4, 8]], [2, [8]], [3, [1, 2, 4, 8]], [4, [8]], [6, [8]]]);
/** Adam7: first column and row of each pass, and its steps. */
const ADAM7 = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]] as const;
const KEPT: ReadonlySet<string> = new Set(['IHDR', 'PLTE', 'IDAT', 'IEND']);
const METRES_PER_INCH = 0.0254;

interface Checked {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colour: number;
  readonly palette: Uint8Array | undefined;
  /** The same image with nothing but header, palette and pixels: what else a file may hold is not handed on. */
  readonly bare: Uint8Array;
}

/** Bytes of all filtered scanlines. */
function rawSize(width: number, height: number, bits: number, interlaced: boolean): number {
  const passes = interlaced ? ADAM7.map(([x, y, dx, dy]) => [Math.ceil((width - x) / dx), Math.ceil((height - y) / dy)] as const) : [[width, height] as const];
  return passes.reduce((sum, [w, h]) => sum + (w > 0 && h > 0 ? h * (1 + Math.ceil((w * bits) / 8)) : 0), 0);
}

/** Walks the chunks and proves that the pixels are all there and no more. */
function check(reader: ByteReader): Checked {
  const { bytes } = reader;
  if (Buffer.from(bytes.subarray(0, 8)).toString('latin1') !== SIGNATURE) throw reader.error('a PNG image (first bytes 89 50 4E 47)', 'other bytes');
  reader.offset = 8;
  let header: (Omit<Checked, 'palette' | 'bare'> & { readonly interlaced: boolean }) | undefined;
  let palette: Uint8Array | undefined;
  const data: Uint8Array[] = [];
  const kept: Uint8Array[] = [bytes.subarray(0, 8)];
  let dataAt = 0;
  for (let ended = false; !ended;) {
    const at = reader.offset;
    const length = reader.u32('chunk length');
    const typed = reader.take(4, 'chunk type');
    const type = Buffer.from(typed).toString('latin1');
    const body = reader.take(length, `chunk ${type}`);
    const checksum = reader.u32('chunk checksum');
    if (crc32(bytes.subarray(at + 4, at + 8 + length)) !== checksum) throw reader.error(`a correct checksum of chunk ${type}`, checksum.toString(16), 'The file is damaged; copy it again.', at);
    if ((header === undefined) !== (type === 'IHDR')) throw reader.error('one header chunk, first', `chunk ${type}`, undefined, at);
    if (type === 'IHDR') header = readHeader(new ByteReader(body, reader.file, false));
    else if (type === 'PLTE') palette = body;
    else if (type === 'IDAT') { if (data.length === 0) dataAt = at; data.push(body); }
    if (KEPT.has(type)) kept.push(bytes.subarray(at, reader.offset));
    ended = type === 'IEND';
  }
  reader.end();
  if (header === undefined) throw reader.error('a header chunk', 'none');
  const bits = header.depth * (CHANNELS_OF.get(header.colour) ?? 0);
  const expected = rawSize(header.width, header.height, bits, header.interlaced);
  const found = inflateZlib(Buffer.concat(data), reader.file, dataAt, expected).length;
  if (found !== expected) throw reader.error(`${expected} bytes of pixels`, `${found}`, undefined, dataAt);
  return { ...header, palette, bare: Buffer.concat(kept) };
}

function readHeader(reader: ByteReader): Omit<Checked, 'palette' | 'bare'> & { readonly interlaced: boolean } {
  const width = reader.u32('width');
  const height = reader.u32('height');
  const depth = reader.u8('bit depth');
  const colour = reader.u8('colour type');
  const methods = [reader.u8('compression'), reader.u8('filter')];
  const interlace = reader.u8('interlace');
  reader.end();
  if (!(width > 0 && height > 0 && width * height * (CHANNELS_OF.get(colour) ?? 1) <= MAX_SAMPLES)) throw reader.error(`an image of at most ${MAX_SAMPLES} samples`, `${width} x ${height}`, undefined, 16);
  if (DEPTHS_OF.get(colour)?.includes(depth) !== true) throw reader.error('at most 8 bits per sample in a known colour type', `${depth} bits, colour type ${colour}`, 'Save the image with 8 bits per channel.', 24);
  if (methods.some((method) => method !== 0) || interlace > 1) throw reader.error('compression 0, filter 0, interlace 0 or 1', `${methods.join(', ')}, ${interlace}`, undefined, 26);
  return { width, height, depth, colour, interlaced: interlace === 1 };
}

/** A PNG as uint8 `[height, width, channels]`: 1 gray, 2 gray+alpha, 3 RGB (palettes too), 4 RGBA. Throws `FormatError`. */
export function readPng(bytes: Uint8Array, name: string): U8 {
  const reader = new ByteReader(bytes, name, false);
  const { width, height, depth, colour, palette, bare } = check(reader);
  const image = decodeChecked(reader, bare);
  const channels = CHANNELS_OF.get(colour) ?? 0;
  if (!(image instanceof Uint8Array)) throw reader.error('8 bits per sample', '16', undefined, 24);
  const samples = unpack(image, width, height, channels, depth);
  if (colour !== 3) {
    const scale = 255 / (2 ** depth - 1);
    return ndarray('uint8', [height, width, channels], scale === 1 ? samples : samples.map((value) => value * scale));
  }
  if (palette === undefined || palette.length % 3 !== 0) throw reader.error('a palette of RGB triples', palette === undefined ? 'none' : `${palette.length} bytes`);
  const out = new Uint8Array(width * height * 3);
  samples.forEach((index, i) => {
    if (3 * index >= palette.length) throw reader.error(`palette numbers below ${palette.length / 3}`, `${index}`);
    out.set(palette.subarray(3 * index, 3 * index + 3), 3 * i);
  });
  return ndarray('uint8', [height, width, 3], out);
}

/** fast-png throws plain errors for what the chunk walk cannot see, such as an unknown filter of a scanline. */
function decodeChecked(reader: ByteReader, bare: Uint8Array): ArrayLike<number> {
  try {
    return decode(bare).data;
  } catch (error) {
    if (error instanceof Error) throw reader.error('a PNG that decodes', error.message, undefined, 0);
    throw error;
  }
}

/** Samples of less than 8 bits lie packed, each row starting on a byte. */
function unpack(data: Uint8Array, width: number, height: number, channels: number, depth: number): Uint8Array {
  if (depth === 8) return data;
  const rowBytes = Math.ceil((width * channels * depth) / 8);
  const out = new Uint8Array(width * height * channels);
  const mask = 2 ** depth - 1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width * channels; x++) {
      const bit = x * depth;
      out[y * width * channels + x] = ((data[y * rowBytes + (bit >> 3)] ?? 0) >> (8 - depth - (bit & 7))) & mask;
    }
  }
  return out;
}

/** A PNG of uint8 `[height, width]` or `[height, width, 1 | 2 | 3 | 4]`. `dpi` is stored as physical size (pHYs). */
export function writePng(image: U8, { dpi }: { readonly dpi?: number } = {}): Uint8Array {
  const [height = 0, width = 0, channels = 1] = image.shape;
  if (image.shape.length < 2 || image.shape.length > 3 || channels < 1 || channels > 4 || width < 1 || height < 1) {
    throw new UserError('usage', `a PNG holds [height, width, 1 to 4], not [${image.shape.join(', ')}]`);
  }
  const png = encode({ width, height, data: image.data, channels, depth: 8 });
  if (dpi === undefined) return png;
  const chunk = Buffer.alloc(21);
  chunk.writeUInt32BE(9, 0);
  chunk.write('pHYs', 4, 'latin1');
  chunk.writeUInt32BE(Math.round(dpi / METRES_PER_INCH), 8);
  chunk.writeUInt32BE(Math.round(dpi / METRES_PER_INCH), 12);
  chunk.writeUInt8(1, 16);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 17)), 17);
  const afterHeader = 8 + 25;
  return new Uint8Array(Buffer.concat([png.subarray(0, afterHeader), chunk, png.subarray(afterHeader)]));
}
