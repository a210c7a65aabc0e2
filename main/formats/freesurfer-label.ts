/**
 * FreeSurfer ASCII labels (`lh.V1.label`): a list of vertices with coordinates and a statistic.
 * Definition: FreeSurfer's "LabelsClutsAnnotationFiles" wiki. Line 1 is a comment, line 2 the count, then one vertex a line.
 */
import { ndarray } from '../../common/ndarray.ts';
import type { F32, I32 } from '../../common/ndarray.ts';
import { ByteReader } from './byte-reader.ts';

const MAX_LINE = 4096;
/** "0 0 0 0 0" is the shortest line of a vertex. */
const MIN_LINE_BYTES = 9;

export interface Label {
  /** First line without its `#!`. */
  readonly comment: string;
  /** `[n]`, 0-based; -1 for points that lie on no vertex. */
  readonly vertices: I32;
  /** `[n, 3]`, mm. */
  readonly coordinates: F32;
  /** `[n]` */
  readonly statistic: F32;
}

/** An ASCII label. Throws `FormatError`. */
export function readLabel(bytes: Uint8Array, name: string): Label {
  const reader = new ByteReader(bytes, name, false);
  const first = reader.line('comment', MAX_LINE);
  if (!first.startsWith('#!ascii')) throw reader.error('a first line "#!ascii label ..."', JSON.stringify(first.slice(0, 40)), undefined, 0);
  const countAt = reader.offset;
  const countText = reader.line('vertex count', MAX_LINE).trim();
  const count = Number(countText);
  if (!/^\d+$/.test(countText) || count * MIN_LINE_BYTES > reader.left + 1) throw reader.error('a vertex count that fits the file', `${countText.slice(0, 40)} in ${reader.left} bytes`, undefined, countAt);
  const vertices = new Int32Array(count);
  const coordinates = new Float32Array(3 * count);
  const statistic = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const at = reader.offset;
    const line = reader.bytes.indexOf(0x0a, at) < 0 ? Buffer.from(reader.take(Math.min(reader.left, MAX_LINE), 'a vertex')).toString('utf8') : reader.line('a vertex', MAX_LINE);
    const cells = line.trim().split(/\s+/);
    const [vertex = NaN, x = NaN, y = NaN, z = NaN, value = NaN] = cells.map(Number);
    if (cells.length !== 5 || !Number.isInteger(vertex) || vertex < -1 || vertex > 0x7fffffff || ![x, y, z, value].every(Number.isFinite)) {
      throw reader.error('a vertex number and four numbers', JSON.stringify(line.slice(0, 60)), undefined, at);
    }
    vertices[i] = vertex;
    coordinates.set([x, y, z], 3 * i);
    statistic[i] = value;
  }
  return { comment: first.slice(2), vertices: ndarray('int32', [count], vertices), coordinates: ndarray('float32', [count, 3], coordinates), statistic: ndarray('float32', [count], statistic) };
}

/** An ASCII label. */
export function writeLabel({ comment, vertices, coordinates, statistic }: Label): Uint8Array {
  if (!comment.startsWith('ascii')) throw new RangeError('the comment must start with "ascii"');
  const lines = [`#!${comment}`, `${vertices.data.length}`];
  vertices.data.forEach((vertex, i) => {
    lines.push(`${vertex}  ${[0, 1, 2].map((axis) => (coordinates.data[3 * i + axis] ?? 0).toFixed(3)).join('  ')} ${(statistic.data[i] ?? 0).toFixed(10)}`);
  });
  return new Uint8Array(Buffer.from(lines.join('\n') + '\n', 'utf8'));
}
