/**
 * FreeSurfer per-vertex measures (`lh.curv`, `lh.sulc`, `lh.thickness`, `lh.area`). Big-endian.
 * Definition: FreeSurfer's "FileFormats" wiki. New style: magic FF FF FF, float32. Old style: 24-bit counts, int16 / 100.
 *
 * Written: new style. Refused: more than one value per vertex, bytes after the values, triangle surfaces.
 */
import { ndarray } from '../../common/ndarray.ts';
import type { F32 } from '../../common/ndarray.ts';
import { ByteReader } from './byte-reader.ts';
import { decodeElements, encodeElements } from './elements.ts';

const NEW_STYLE = 0xffffff;
const TRIANGLE = 0xfffffe;
const OLD_SCALE = 100;

export interface Curv {
  /** `[vertices]`. `curv` and `sulc` are positive in sulci. */
  readonly values: F32;
  /** Face count as stored; some writers put 0. */
  readonly faces: number;
}

/** A curv file of either style. Throws `FormatError`. */
export function readCurv(bytes: Uint8Array, name: string): Curv {
  const reader = new ByteReader(bytes, name, false);
  const first = reader.u24('magic or vertex count');
  if (first === TRIANGLE) throw reader.error('a curv file', 'a triangle surface (FF FF FE)', undefined, 0);
  const isNew = first === NEW_STYLE;
  const vertices = isNew ? reader.i32('vertex count') : first;
  const faces = isNew ? reader.i32('face count') : reader.u24('face count');
  if (vertices < 0 || faces < 0) throw reader.error('vertex and face counts', `${vertices} and ${faces}`, undefined, isNew ? 3 : 0);
  if (isNew) {
    const perVertex = reader.i32('values per vertex');
    if (perVertex !== 1) throw reader.error('one value per vertex', `${perVertex}`, undefined, 11);
  }
  const raw = reader.take(vertices * (isNew ? 4 : 2), `${vertices} values`);
  reader.end('This may not be a FreeSurfer curv file.');
  const data = isNew ? decodeElements('float32', raw, false) : Float32Array.from(decodeElements('int16', raw, false), (value) => value / OLD_SCALE);
  return { values: ndarray('float32', [vertices], data), faces };
}

/** A new-style curv file. */
export function writeCurv({ values, faces }: Curv): Uint8Array {
  const head = Buffer.alloc(15, 0xff);
  head.writeInt32BE(values.data.length, 3);
  head.writeInt32BE(faces, 7);
  head.writeInt32BE(1, 11);
  return new Uint8Array(Buffer.concat([head, encodeElements(values, false)]));
}
