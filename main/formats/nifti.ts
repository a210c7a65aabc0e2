/**
 * NIfTI-1 and NIfTI-2 single-file images (.nii, .nii.gz). Definition: nifti1.h and nifti2.h (NIfTI Data Format Working Group).
 *
 * Both byte orders, every integer and real type. World affine: sform if its code is positive, else qform, else voxel sizes.
 * Refused by name: two-file images (.hdr/.img), ANALYZE 7.5, and complex, RGB, binary and 128-bit types.
 */
import { FormatError, UserError } from '../../common/errors.ts';
import { BYTES, ndarray, sizeOf, zeros } from '../../common/ndarray.ts';
import type { DType, F32, NdArray } from '../../common/ndarray.ts';
import { ByteReader, elementCount } from './byte-reader.ts';
import { decodeElements, encodeElements, toFloat64 } from './elements.ts';
import { gunzipIfNeeded, gunzipPrefix, gzip } from './gzip.ts';
import type { InflateLimit } from './gzip.ts';

/** NIfTI datatype codes that are read. */
const DTYPE_OF: ReadonlyMap<number, DType> = new Map([
  [2, 'uint8'], [4, 'int16'], [8, 'int32'], [16, 'float32'], [64, 'float64'], [256, 'int8'], [512, 'uint16'],
  [768, 'uint32'], [1024, 'int64'], [1280, 'uint64'],
]);
const CODE_OF: ReadonlyMap<DType, number> = new Map([...DTYPE_OF].map(([code, dtype]) => [dtype, code]));
const REFUSED: ReadonlyMap<number, string> = new Map([
  [1, 'binary'], [32, 'complex64'], [128, 'RGB24'], [1536, 'float128'], [1792, 'complex128'], [2048, 'complex256'], [2304, 'RGBA32'],
]);
const HEADER_BYTES = { 1: 348, 2: 540 } as const;
/** Header plus the four extension bytes: the earliest place for data. */
const MIN_DATA_OFFSET = { 1: 352, 2: 544 } as const;
/** A unit quaternion stored as float32 may exceed length 1 by this much. */
const QUATERNION_SLACK = 1e-5;

export interface NiftiHeader {
  readonly version: 1 | 2;
  readonly littleEndian: boolean;
  /** Extents `[x, y, z, t, ...]`, x fastest in the file. Trailing ones are kept as stored. */
  readonly shape: readonly number[];
  readonly datatype: number;
  readonly dtype: DType;
  /** All eight entries as stored; `pixdim[1..3]` are voxel sizes, in mm unless `xyztUnits` says otherwise. */
  readonly pixdim: readonly number[];
  /** Byte offset of the first voxel in the uncompressed file. */
  readonly dataOffset: number;
  /** As stored; 0 or NaN means that no scaling is stored. */
  readonly sclSlope: number;
  readonly sclInter: number;
  readonly xyztUnits: number;
  readonly qformCode: number;
  readonly sformCode: number;
  readonly description: string;
  /** 0-based voxel indices to world, 4x4 row-major. */
  readonly affine: Float64Array;
  readonly affineSource: 'sform' | 'qform' | 'pixdim';
}

export interface NiftiImage {
  readonly header: NiftiHeader;
  /** Extents `[x, y, z, t, ...]`, as the file lists them. */
  readonly shape: readonly number[];
  readonly affine: Float64Array;
  /** Raw voxels in file order, which in C order is the reversed shape: `[..., t, z, y, x]`. Element (x, y, z, t) is at `x + X(y + Y(z + Z t))`. */
  readonly data: NdArray;
  /** `raw * slope + inter`, or raw where no scaling is stored; same order as `data`. */
  scaled(): F32;
}

interface Geometry {
  readonly pixdim: readonly number[];
  readonly quaternion: readonly number[];
  readonly rows: readonly number[];
  readonly qformCode: number;
  readonly sformCode: number;
}

/** Quaternion to rotation, as in nifti1.h method 2: a = sqrt(1 - b^2 - c^2 - d^2), third column times qfac. */
function affineOf(reader: ByteReader, { pixdim, quaternion, rows, qformCode, sformCode }: Geometry): Pick<NiftiHeader, 'affine' | 'affineSource'> {
  const [qfacRaw = 1, dx = 1, dy = 1, dz = 1] = pixdim;
  let affine: readonly number[];
  let affineSource: NiftiHeader['affineSource'];
  if (sformCode > 0) {
    affine = [...rows, 0, 0, 0, 1];
    affineSource = 'sform';
  } else if (qformCode > 0) {
    const [b = 0, c = 0, d = 0, x = 0, y = 0, z = 0] = quaternion;
    const rest = 1 - (b * b + c * c + d * d);
    if (!(rest > -QUATERNION_SLACK)) throw reader.error('a unit quaternion in qform', `b, c, d = ${b}, ${c}, ${d}`, undefined, 0);
    const a = Math.sqrt(Math.max(0, rest));
    const e = qfacRaw < 0 ? -dz : dz;
    affine = [
      (a * a + b * b - c * c - d * d) * dx, 2 * (b * c - a * d) * dy, 2 * (b * d + a * c) * e, x,
      2 * (b * c + a * d) * dx, (a * a + c * c - b * b - d * d) * dy, 2 * (c * d - a * b) * e, y,
      2 * (b * d - a * c) * dx, 2 * (c * d + a * b) * dy, (a * a + d * d - b * b - c * c) * e, z,
      0, 0, 0, 1,
    ];
    affineSource = 'qform';
  } else {
    affine = [dx, 0, 0, 0, 0, dy, 0, 0, 0, 0, dz, 0, 0, 0, 0, 1];
    affineSource = 'pixdim';
  }
  if (!affine.every(Number.isFinite)) throw reader.error(`a finite ${affineSource} affine`, affine.join(' '), undefined, 0);
  return { affine: Float64Array.from(affine), affineSource };
}

const times = (count: number, read: () => number): number[] => Array.from({ length: count }, read);

function parseHeader(bytes: Uint8Array, file: string): { header: NiftiHeader; reader: ByteReader } {
  const reader = new ByteReader(bytes, file, true);
  const little = reader.i32('header size');
  reader.offset = 0;
  reader.littleEndian = little === 348 || little === 540;
  const size = reader.i32('header size');
  if (size !== 348 && size !== 540) throw reader.error('a NIfTI header size of 348 or 540', `${little}`, 'This is not a NIfTI image.', 0);
  const version = size === 348 ? 1 : 2;
  reader.offset = 0;
  reader.need(HEADER_BYTES[version], 'header');
  const at = <T>(offset: number, read: () => T): T => { reader.offset = offset; return read(); };
  const two = version === 2;
  const f = (what: string): number => two ? reader.f64(what) : reader.f32(what);
  const code = (what: string): number => two ? reader.i32(what) : reader.i16(what);

  const magic = at(two ? 4 : 344, () => Buffer.from(reader.take(two ? 8 : 4, 'magic')).toString('latin1'));
  if (magic !== (two ? 'n+2\0\r\n\x1a\n' : 'n+1\0')) {
    const pair = magic.startsWith('ni1') || magic.startsWith('ni2');
    throw reader.error('the magic of a single-file NIfTI image (n+1 or n+2)', pair ? `a two-file image (${magic.slice(0, 3)})` : 'no NIfTI magic (perhaps ANALYZE 7.5)', 'Convert it to .nii.', two ? 4 : 344);
  }
  const dim = at(two ? 16 : 40, () => times(8, () => two ? reader.i64('dim') : reader.i16('dim')));
  const rank = dim[0] ?? 0;
  const dimAt = two ? 16 : 40;
  if (!(rank >= 1 && rank <= 7)) throw reader.error('1 to 7 dimensions', `${rank}`, undefined, dimAt);
  const shape = dim.slice(1, rank + 1);
  if (!shape.every((extent) => extent >= 1)) throw reader.error('positive extents', `[${shape.join(', ')}]`, undefined, dimAt);
  elementCount(reader, shape, 'the image');
  const datatype = at(two ? 12 : 70, () => reader.i16('datatype'));
  const bitpix = at(two ? 14 : 72, () => reader.i16('bitpix'));
  const dtype = DTYPE_OF.get(datatype);
  if (dtype === undefined) {
    throw reader.error('an integer or real datatype', REFUSED.get(datatype) ?? `datatype code ${datatype}`, 'Convert the image to int16 or float32.', two ? 12 : 70);
  }
  if (bitpix !== 8 * BYTES[dtype]) throw reader.error(`${8 * BYTES[dtype]} bits per voxel for ${dtype}`, `${bitpix}`, undefined, two ? 14 : 72);
  const pixdim = at(two ? 104 : 76, () => times(8, () => f('pixdim')));
  const dataOffset = at(two ? 168 : 108, () => two ? reader.i64('vox_offset') : reader.f32('vox_offset'));
  if (!Number.isSafeInteger(dataOffset) || dataOffset < MIN_DATA_OFFSET[version]) {
    throw reader.error(`a whole vox_offset of at least ${MIN_DATA_OFFSET[version]}`, `${dataOffset}`, undefined, two ? 168 : 108);
  }
  const sclSlope = at(two ? 176 : 112, () => f('scl_slope'));
  const sclInter = at(two ? 184 : 116, () => f('scl_inter'));
  if (Math.abs(sclSlope) === Infinity || (sclSlope !== 0 && !Number.isNaN(sclSlope) && !Number.isFinite(sclInter))) {
    throw reader.error('a finite scl_slope and scl_inter', `${sclSlope} and ${sclInter}`, undefined, two ? 176 : 112);
  }
  const xyztUnits = at(two ? 500 : 123, () => two ? reader.i32('xyzt_units') : reader.u8('xyzt_units'));
  const qformCode = at(two ? 344 : 252, () => code('qform_code'));
  const sformCode = at(two ? 348 : 254, () => code('sform_code'));
  const quaternion = at(two ? 352 : 256, () => times(6, () => f('quaternion')));
  const rows = at(two ? 400 : 280, () => times(12, () => f('srow')));
  const description = at(two ? 240 : 148, () => reader.text(80, 'descrip'));
  const placed = affineOf(reader, { pixdim, quaternion, rows, qformCode, sformCode });
  return {
    reader,
    header: {
      version, littleEndian: reader.littleEndian, shape, datatype, dtype, pixdim, dataOffset, sclSlope, sclInter, xyztUnits,
      qformCode, sformCode, description, ...placed,
    },
  };
}

/** `raw * slope + inter` in double precision, rounded to float32; raw values where slope is 0 or NaN. Shape is kept. */
export function scaleNifti(header: NiftiHeader, raw: NdArray): F32 {
  const out = zeros('float32', raw.shape);
  const values = toFloat64(raw);
  const plain = header.sclSlope === 0 || Number.isNaN(header.sclSlope);
  const slope = plain ? 1 : header.sclSlope;
  const inter = plain ? 0 : header.sclInter;
  for (let i = 0; i < values.length; i++) out.data[i] = (values[i] ?? NaN) * slope + inter;
  return out;
}

/** Header of a `.nii` or `.nii.gz` from its first bytes (64 kB are plenty). Throws `FormatError`. */
export function readNiftiHeader(prefix: Uint8Array, name: string): NiftiHeader {
  return parseHeader(gunzipPrefix(prefix, name), name).header;
}

/** A whole `.nii` or `.nii.gz`. Throws `FormatError`. Images above the inflate limit need `streamNiftiVolumes`. */
export function readNifti(bytes: Uint8Array, name: string, limit: InflateLimit = {}): NiftiImage {
  const { header, reader } = parseHeader(gunzipIfNeeded(bytes, name, limit), name);
  reader.offset = header.dataOffset;
  const raw = reader.take(sizeOf(header.shape) * BYTES[header.dtype], `voxels, ${header.dtype}[${header.shape.join(', ')}]`);
  const data = ndarray(header.dtype, [...header.shape].reverse(), decodeElements(header.dtype, raw, header.littleEndian));
  return { header, shape: header.shape, affine: header.affine, data, scaled: () => scaleNifti(header, data) };
}

export interface NiftiVolume {
  readonly header: NiftiHeader;
  /** 0-based position along all axes after the third. */
  readonly index: number;
  /** Raw voxels `[z, y, x]`. */
  readonly data: NdArray;
}

/**
 * Volumes of a large image one by one, from chunks of the *uncompressed* file (pipe a .nii.gz through node's gunzip first).
 * Memory is one volume plus one chunk. Throws `FormatError` if the stream ends early.
 */
export async function* streamNiftiVolumes(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<NiftiVolume> {
  const iterator = chunks[Symbol.asyncIterator]();
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let consumed = 0;
  // Collects exactly `count` bytes; pieces are joined once, so the cost is linear.
  const collect = async (count: number, what: string): Promise<Uint8Array> => {
    while (heldBytes < count) {
      const next = await iterator.next();
      if (next.done === true) {
        throw new FormatError({ file: name, offset: consumed + heldBytes, expected: `${count} bytes of ${what}`, found: `${heldBytes}, then the end of the file`, fix: 'The file looks cut off; copy or download it again.' });
      }
      held.push(next.value);
      heldBytes += next.value.length;
    }
    const joined = held.length === 1 ? held[0] ?? new Uint8Array() : Buffer.concat(held);
    held = [joined.subarray(count)];
    heldBytes -= count;
    consumed += count;
    return joined.subarray(0, count);
  };
  try {
    const first = await collect(4, 'header');
    const size = new ByteReader(first, name, true).i32('header size');
    const two = size === 540 || size === 0x1c020000;
    const start = Buffer.concat([first, await collect((two ? 540 : 348) - 4, 'header')]);
    const { header } = parseHeader(start, name);
    await collect(header.dataOffset - start.length, 'header extensions');
    const [x = 1, y = 1, z = 1, ...others] = header.shape;
    const volumes = sizeOf(others);
    for (let index = 0; index < volumes; index++) {
      const raw = await collect(x * y * z * BYTES[header.dtype], `volume ${index}`);
      yield { header, index, data: ndarray(header.dtype, [z, y, x], decodeElements(header.dtype, raw, header.littleEndian)) };
    }
  } finally {
    // A reader that stops early must not leave the file open.
    await iterator.return?.();
  }
}

export interface NiftiToWrite {
  /** Extents `[x, y, z, ...]`. */
  readonly shape: readonly number[];
  /** 0-based voxel indices to world in mm, 4x4 row-major. */
  readonly affine: Float64Array;
  /** Voxels, reversed shape `[..., z, y, x]`. Any type but bool and float16. */
  readonly data: NdArray;
  /** `pixdim[4]`, seconds; NSD writes the voxel size there. */
  readonly fourthStep?: number;
  readonly description?: string;
}

/**
 * A little-endian NIfTI-1 file as NSD's writer makes them: data at 352, no scaling stored, qform code 0, sform code 1.
 * `compress` gives a `.nii.gz`. Throws `UserError` for a type or extent that NIfTI-1 cannot hold.
 */
export function writeNifti(image: NiftiToWrite, { compress = false }: { readonly compress?: boolean } = {}): Uint8Array {
  const { shape, affine, data } = image;
  const datatype = CODE_OF.get(data.dtype);
  if (datatype === undefined) throw new UserError('unsupported', `NIfTI has no ${data.dtype} type`, { fix: 'Convert to uint8, int16 or float32.' });
  if (shape.length < 1 || shape.length > 7 || shape.some((extent) => extent < 1 || extent > 32767)) {
    throw new UserError('unsupported', `NIfTI-1 cannot hold the shape [${shape.join(', ')}]`, { expected: '1 to 7 extents from 1 to 32767' });
  }
  if (data.shape.join() !== [...shape].reverse().join()) throw new RangeError(`data [${data.shape.join(', ')}] are not the reverse of [${shape.join(', ')}]`);
  if (affine.length !== 16) throw new RangeError('the affine must have 16 elements');
  const payload = encodeElements(data, true);
  const out = new Uint8Array(352 + payload.length);
  const head = new DataView(out.buffer);
  head.setInt32(0, 348, true);
  head.setInt8(38, 0x72); // 'r', the regular flag that ANALYZE readers look for
  head.setInt16(40, shape.length, true);
  for (let axis = 0; axis < 7; axis++) head.setInt16(42 + 2 * axis, shape[axis] ?? 1, true);
  head.setInt16(70, datatype, true);
  head.setInt16(72, 8 * BYTES[data.dtype], true);
  const step = (axis: number): number => Math.hypot(affine[axis] ?? 0, affine[4 + axis] ?? 0, affine[8 + axis] ?? 0);
  const pixdim = [1, step(0), step(1), step(2), image.fourthStep ?? 1, 1, 1, 1];
  pixdim.forEach((value, axis) => { head.setFloat32(76 + 4 * axis, value, true); });
  head.setFloat32(108, 352, true);
  head.setInt16(254, 1, true);
  for (let i = 0; i < 12; i++) head.setFloat32(280 + 4 * i, affine[i] ?? 0, true);
  Buffer.from(out.buffer).write((image.description ?? '').slice(0, 79), 148, 'latin1');
  Buffer.from(out.buffer).write('n+1\0', 344, 'latin1');
  out.set(payload, 352);
  return compress ? gzip(out) : out;
}
