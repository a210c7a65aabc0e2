/**
 * FreeSurfer patches (`lh.full.flat.patch.3d`): the vertices of a surface that remain after cutting, with new coordinates.
 * Big-endian. Definition as implemented by pycortex: -1, N, then N records of int32 and three float32.
 *
 * A record's integer is vertex + 1 inside the patch and -(vertex + 1) on its border. Faces come from any full surface of
 * that hemisphere; keep those whose three vertices are in the patch. Refused: the old style without the leading -1.
 */
import { ndarray } from '../../common/ndarray.ts';
import type { F32, I32, NdArray } from '../../common/ndarray.ts';
import { ByteReader } from './byte-reader.ts';

const RECORD_BYTES = 16;

export interface Patch {
  /** `[n]`, 0-based vertex numbers of the full surface, in file order. */
  readonly vertices: I32;
  /** `[n]`, true for vertices on the border. */
  readonly border: NdArray<'bool'>;
  /** `[n, 3]`, mm; flat patches have z near 0. */
  readonly coordinates: F32;
}

/** A patch. Throws `FormatError`. */
export function readPatch(bytes: Uint8Array, name: string): Patch {
  const reader = new ByteReader(bytes, name, false);
  const magic = reader.i32('magic');
  if (magic !== -1) throw reader.error('a patch (first number -1)', `${magic}`, undefined, 0);
  const count = reader.i32('vertex count');
  if (count < 0) throw reader.error('a vertex count', `${count}`, undefined, 4);
  reader.need(count * RECORD_BYTES, `${count} vertices`);
  const vertices = new Int32Array(count);
  const border = new Uint8Array(count);
  const coordinates = new Float32Array(3 * count);
  for (let i = 0; i < count; i++) {
    const signed = reader.i32('vertex');
    if (signed === 0) throw reader.error('a vertex number that is not 0 (numbers count from 1, negative on the border)', '0', undefined, reader.offset - 4);
    vertices[i] = Math.abs(signed) - 1;
    border[i] = signed < 0 ? 1 : 0;
    for (let axis = 0; axis < 3; axis++) coordinates[3 * i + axis] = reader.f32('coordinate');
  }
  reader.end();
  return { vertices: ndarray('int32', [count], vertices), border: ndarray('bool', [count], border), coordinates: ndarray('float32', [count, 3], coordinates) };
}

/** A patch file. */
export function writePatch({ vertices, border, coordinates }: Patch): Uint8Array {
  const count = vertices.data.length;
  if (border.data.length !== count || coordinates.data.length !== 3 * count) throw new RangeError('vertices, border and coordinates differ in length');
  const out = Buffer.alloc(8 + RECORD_BYTES * count);
  out.writeInt32BE(-1, 0);
  out.writeInt32BE(count, 4);
  vertices.data.forEach((vertex, i) => {
    const at = 8 + RECORD_BYTES * i;
    out.writeInt32BE(border.data[i] === 1 ? -(vertex + 1) : vertex + 1, at);
    for (let axis = 0; axis < 3; axis++) out.writeFloatBE(coordinates.data[3 * i + axis] ?? 0, at + 4 + 4 * axis);
  });
  return new Uint8Array(out);
}
