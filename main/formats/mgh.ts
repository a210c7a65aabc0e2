/**
 * FreeSurfer volumes and surface vectors (.mgh, gzipped .mgz). Big-endian.
 * Definition: FreeSurfer's "MghFormat" wiki page and `load_mgh.m`.
 *
 * Read and written: types 0 uint8, 1 int32, 3 float32, 4 int16. Refused by name: the others. Tags after the trailer are ignored.
 */
import { UserError } from '../../common/errors.ts';
import { BYTES, ndarray, sizeOf } from '../../common/ndarray.ts';
import type { DType, NdArray } from '../../common/ndarray.ts';
import type { ByteSource } from './byte-source.ts';
import { ByteReader, elementCount } from './byte-reader.ts';
import { decodeElements, encodeElements } from './elements.ts';
import { gunzipIfNeeded, gunzipPrefix, gzip } from './gzip.ts';
import type { InflateLimit } from './gzip.ts';

const HEADER_BYTES = 284;
type MghDType = 'uint8' | 'int32' | 'float32' | 'int16';
const DTYPE_OF: ReadonlyMap<number, MghDType> = new Map([[0, 'uint8'], [1, 'int32'], [3, 'float32'], [4, 'int16']]);
const CODE_OF: ReadonlyMap<DType, number> = new Map([...DTYPE_OF].map(([code, dtype]) => [dtype, code]));
const REFUSED: ReadonlyMap<number, string> = new Map([[2, 'long'], [5, 'bitmap'], [6, 'tensor'], [7, 'complex'], [8, 'double'], [9, 'bitmap'], [10, 'uint16']]);
/** Column by column: x_r x_a x_s, y_r y_a y_s, z_r z_a z_s. What FreeSurfer assumes where the file gives none, and what "tkr" uses. */
const CORONAL_COSINES = [-1, 0, 0, 0, 0, -1, 0, 1, 0];

export interface MghHeader {
  /** `[width, height, depth, frames]`, width fastest. Surface vectors are `[V, 1, 1, frames]`. */
  readonly shape: readonly [number, number, number, number];
  readonly dtype: MghDType;
  readonly degreesOfFreedom: number;
  /** False if the file gives no orientation; the fields below are then FreeSurfer's defaults. */
  readonly orientationStored: boolean;
  readonly voxelSizeMm: readonly [number, number, number];
  /** 0-based voxel indices to scanner RAS, 4x4 row-major. */
  readonly affine: Float64Array;
  /** 0-based voxel indices to surface ("tkr") RAS, 4x4 row-major. */
  readonly tkrAffine: Float64Array;
}

export interface MghImage {
  readonly header: MghHeader;
  readonly shape: MghHeader['shape'];
  readonly affine: Float64Array;
  /** In file order, which in C order is `[frames, depth, height, width]`; for surface vectors `[frames, 1, 1, V]`. */
  readonly data: NdArray<MghDType>;
  /** Repetition time, if the file has one after the data. */
  readonly repetitionTimeMs?: number;
}

/** `M = [Mdc diag(delta) | c - Mdc diag(delta) (dim / 2)]`, cosines given column by column. */
function affineOf(cosines: readonly number[], delta: readonly number[], centre: readonly number[], shape: readonly number[]): Float64Array {
  const out = new Float64Array(16);
  for (let row = 0; row < 3; row++) {
    let shift = centre[row] ?? 0;
    for (let column = 0; column < 3; column++) {
      const value = (cosines[3 * column + row] ?? 0) * (delta[column] ?? 0);
      out[4 * row + column] = value;
      shift -= value * ((shape[column] ?? 0) / 2);
    }
    out[4 * row + 3] = shift;
  }
  out[15] = 1;
  return out;
}

function parseHeader(reader: ByteReader): MghHeader {
  reader.need(HEADER_BYTES, 'MGH header');
  const version = reader.i32('version');
  if (version !== 1) throw reader.error('MGH version 1', `${version}`, 'This is not a FreeSurfer .mgh or .mgz file.', 0);
  const shape: [number, number, number, number] = [reader.i32('width'), reader.i32('height'), reader.i32('depth'), reader.i32('frames')];
  if (shape.some((extent) => extent < 1)) throw reader.error('positive extents', `[${shape.join(', ')}]`, undefined, 4);
  elementCount(reader, shape, 'the image');
  const type = reader.i32('type');
  const dtype = DTYPE_OF.get(type);
  if (dtype === undefined) throw reader.error('type 0 (uint8), 1 (int32), 3 (float32) or 4 (int16)', `${type}${REFUSED.has(type) ? ` (${REFUSED.get(type)})` : ''}`, 'Convert it with mri_convert -odt float.', 20);
  const degreesOfFreedom = reader.i32('degrees of freedom');
  const orientationStored = reader.i16('goodRAS') !== 0;
  const numbers = Array.from({ length: 15 }, () => reader.f32('orientation'));
  if (orientationStored && !numbers.every(Number.isFinite)) throw reader.error('a finite orientation', numbers.join(' '), undefined, 30);
  const [dx = 1, dy = 1, dz = 1] = orientationStored ? numbers : [1, 1, 1];
  const voxelSizeMm = [dx, dy, dz] as const;
  const cosines = orientationStored ? numbers.slice(3, 12) : CORONAL_COSINES;
  const centre = orientationStored ? numbers.slice(12) : [0, 0, 0];
  return {
    shape, dtype, degreesOfFreedom, orientationStored, voxelSizeMm,
    affine: affineOf(cosines, voxelSizeMm, centre, shape),
    tkrAffine: affineOf(CORONAL_COSINES, voxelSizeMm, [0, 0, 0], shape),
  };
}

/** Header from the first bytes of an `.mgh` or `.mgz` (a few kB). Throws `FormatError`. */
export function readMghHeader(prefix: Uint8Array, name: string): MghHeader {
  return parseHeader(new ByteReader(gunzipPrefix(prefix, name), name, false));
}

/** A whole `.mgh` or `.mgz`. Throws `FormatError`. */
export function readMgh(bytes: Uint8Array, name: string, limit: InflateLimit = {}): MghImage {
  const reader = new ByteReader(gunzipIfNeeded(bytes, name, limit), name, false);
  const header = parseHeader(reader);
  reader.offset = HEADER_BYTES;
  const raw = reader.take(sizeOf(header.shape) * BYTES[header.dtype], `voxels, ${header.dtype}[${header.shape.join(', ')}]`);
  const data = ndarray<MghDType>(header.dtype, [...header.shape].reverse(), decodeElements(header.dtype, raw, false));
  const repetitionTimeMs = reader.left >= 4 ? reader.f32('repetition time') : undefined;
  return { header, shape: header.shape, affine: header.affine, data, ...(repetitionTimeMs === undefined ? {} : { repetitionTimeMs }) };
}

/** One frame `[depth, height, width]` of an uncompressed `.mgh` on disk; one contiguous read. Throws `FormatError` if the file is cut. */
export async function readMghFrame(source: ByteSource, name: string, header: MghHeader, frame: number): Promise<NdArray<MghDType>> {
  const [width, height, depth, frames] = header.shape;
  if (!(Number.isInteger(frame) && frame >= 0 && frame < frames)) throw new RangeError(`frame ${frame} of ${frames}`);
  const length = width * height * depth * BYTES[header.dtype];
  const offset = HEADER_BYTES + frame * length;
  if (offset + length > source.size) throw new ByteReader(new Uint8Array(), name, false, offset).error(`${length} bytes of frame ${frame}`, `a file of ${source.size} bytes`, 'The file looks cut off; copy or download it again.');
  return ndarray<MghDType>(header.dtype, [depth, height, width], decodeElements(header.dtype, await source.read(offset, length), false));
}

export interface MghToWrite {
  /** `[frames, depth, height, width]`, or `[V]` for a surface vector, or `[frames, V]` for several. */
  readonly data: NdArray;
  /** 0-based voxel indices to scanner RAS, 4x4 row-major. Absent: no orientation is stored. */
  readonly affine?: Float64Array;
  readonly repetitionTimeMs?: number;
}

/** An `.mgh` file, or `.mgz` with `compress`. Throws `UserError` for a type that MGH cannot hold. */
export function writeMgh({ data, affine, repetitionTimeMs }: MghToWrite, { compress = false }: { readonly compress?: boolean } = {}): Uint8Array {
  const type = CODE_OF.get(data.dtype);
  if (type === undefined) throw new UserError('unsupported', `MGH has no ${data.dtype} type`, { fix: 'Convert to uint8, int16, int32 or float32.' });
  const shape = mghShape(data.shape);
  const payload = encodeElements(data, false);
  const out = new Uint8Array(HEADER_BYTES + payload.length + (repetitionTimeMs === undefined ? 0 : 20));
  const view = new DataView(out.buffer);
  [1, ...shape, type, 0].forEach((value, i) => { view.setInt32(4 * i, value); });
  if (affine !== undefined) {
    view.setInt16(28, 1);
    orientationOf(affine, shape).forEach((value, i) => { view.setFloat32(30 + 4 * i, value); });
  }
  out.set(payload, HEADER_BYTES);
  if (repetitionTimeMs !== undefined) view.setFloat32(HEADER_BYTES + payload.length, repetitionTimeMs);
  return compress ? gzip(out) : out;
}

function mghShape(shape: readonly number[]): [number, number, number, number] {
  const [first = 1, second = 1, third = 1, fourth = 1] = shape;
  switch (shape.length) {
    case 1: return [first, 1, 1, 1];
    case 2: return [second, 1, 1, first];
    case 4: return [fourth, third, second, first];
    default: throw new RangeError(`an MGH file holds [V], [frames, V] or [frames, depth, height, width], not [${shape.join(', ')}]`);
  }
}

/** Voxel sizes, cosines column by column, and the RAS of voxel dim/2. */
function orientationOf(affine: Float64Array, shape: readonly number[]): number[] {
  const at = (row: number, column: number): number => affine[4 * row + column] ?? 0;
  const sizes = [0, 1, 2].map((column) => Math.hypot(at(0, column), at(1, column), at(2, column)));
  if (sizes.some((size) => !(size > 0))) throw new RangeError('the affine is singular');
  const cosines = sizes.flatMap((size, column) => [0, 1, 2].map((row) => at(row, column) / size));
  const centre = [0, 1, 2].map((row) => at(row, 3) + [0, 1, 2].reduce((sum, column) => sum + at(row, column) * ((shape[column] ?? 0) / 2), 0));
  return [...sizes, ...cosines, ...centre];
}

/** The values of a surface vector, `[frames, V]`. Throws `FormatError` for an image that is not `[V, 1, 1, frames]`. */
export function surfaceValues(image: MghImage, name: string): NdArray<MghDType> {
  const [vertices, height, depth, frames] = image.shape;
  if (height !== 1 || depth !== 1) {
    throw new ByteReader(new Uint8Array(), name, false, 4).error('a surface vector [V, 1, 1, frames]', `[${image.shape.join(', ')}]`);
  }
  return ndarray<MghDType>(image.data.dtype, [frames, vertices], image.data.data);
}
