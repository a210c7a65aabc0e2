/**
 * FreeSurfer annotations (`lh.aparc.annot`): one region per vertex, with a colour table. Big-endian int32 throughout.
 * Definition: FreeSurfer's "LabelsClutsAnnotationFiles" wiki; cross-checked against nibabel's writer.
 *
 * Both table styles are read, version 2 is written. Refused: a file without a colour table, vertices missing or listed
 * twice, and two entries with the same colour, since a vertex's region is known only by its colour.
 */
import { ndarray } from '../../common/ndarray.ts';
import type { I32 } from '../../common/ndarray.ts';
import { ByteReader } from './byte-reader.ts';
import { decodeElements, encodeElements } from './elements.ts';

export interface AnnotEntry {
  /** Number of the entry in the table. */
  readonly index: number;
  readonly name: string;
  /** Red, green, blue 0..255 and transparency 0..255 (255 - alpha). */
  readonly rgbt: readonly [number, number, number, number];
}

export interface Annot {
  /** `[vertices]`, position in `entries`, or -1 where the vertex's colour is in no entry. */
  readonly labels: I32;
  readonly entries: readonly AnnotEntry[];
  /** Name of the colour table that the annotation was made with. */
  readonly table: string;
}

const packed = ([r, g, b]: AnnotEntry['rgbt']): number => r + 256 * g + 65536 * b;

/** An annotation. Throws `FormatError`. */
export function readAnnot(bytes: Uint8Array, name: string): Annot {
  const reader = new ByteReader(bytes, name, false);
  const vertices = reader.i32('vertex count');
  if (vertices < 0) throw reader.error('a vertex count', `${vertices}`, undefined, 0);
  const pairs = decodeElements('int32', reader.take(8 * vertices, `${vertices} vertices`), false);
  if (reader.left === 0 || reader.i32('table tag') !== 1) throw reader.error('a colour table after the vertices', 'none', 'Save the annotation with its colour table.');
  const { entries, table } = readTable(reader);
  const positionOf = new Map<number, number>();
  entries.forEach((entry, position) => {
    const other = positionOf.get(packed(entry.rgbt));
    if (other !== undefined) throw reader.error('a different colour for every region', `"${entries[other]?.name ?? ''}" and "${entry.name}" share ${entry.rgbt.join(' ')}`);
    positionOf.set(packed(entry.rgbt), position);
  });
  const labels = new Int32Array(vertices);
  const seen = new Uint8Array(vertices);
  for (let i = 0; i < vertices; i++) {
    const vertex = pairs[2 * i] ?? -1;
    if (vertex < 0 || vertex >= vertices || seen[vertex] === 1) throw reader.error(`every vertex from 0 to ${vertices - 1} once`, `${vertex}`, undefined, 4 + 8 * i);
    seen[vertex] = 1;
    labels[vertex] = positionOf.get(pairs[2 * i + 1] ?? 0) ?? -1;
  }
  return { labels: ndarray('int32', [vertices], labels), entries, table };
}

/** The smallest entry: name length and four numbers. Bounds the count before anything is read. */
const MIN_ENTRY_BYTES = 20;

function readTable(reader: ByteReader): Pick<Annot, 'entries' | 'table'> {
  const first = reader.i32('table version or entry count');
  const isNew = first < 0;
  if (isNew && first !== -2) throw reader.error('colour table version 2', `${-first}`, undefined, reader.offset - 4);
  if (isNew) reader.i32('highest index');
  const table = lengthPrefixed(reader, 'table name');
  const count = isNew ? reader.i32('entry count') : first;
  if (count < 0 || count * MIN_ENTRY_BYTES > reader.left) throw reader.error('an entry count that fits the file', `${count} entries in ${reader.left} bytes`, undefined, reader.offset - 4);
  const entries: AnnotEntry[] = [];
  for (let i = 0; i < count; i++) {
    const index = isNew ? reader.i32('entry index') : i;
    const name = lengthPrefixed(reader, 'entry name');
    const at = reader.offset;
    const rgbt: AnnotEntry['rgbt'] = [reader.i32('red'), reader.i32('green'), reader.i32('blue'), reader.i32('transparency')];
    if (rgbt.some((value) => value < 0 || value > 255)) throw reader.error('colours from 0 to 255', rgbt.join(' '), undefined, at);
    entries.push({ index, name, rgbt });
  }
  return { entries, table };
}

function lengthPrefixed(reader: ByteReader, what: string): string {
  const length = reader.i32(`${what} length`);
  return reader.text(length, what);
}

/** A version-2 annotation. Throws `RangeError` for a label that names no entry or two entries of one colour. */
export function writeAnnot({ labels, entries, table }: Annot): Uint8Array {
  if (new Set(entries.map((entry) => packed(entry.rgbt))).size !== entries.length) throw new RangeError('two entries share a colour');
  const words = (...values: readonly number[]): Buffer => {
    const out = Buffer.alloc(4 * values.length);
    values.forEach((value, i) => { out.writeInt32BE(value, 4 * i); });
    return out;
  };
  const named = (text: string): Buffer[] => {
    const raw = Buffer.from(`${text}\0`, 'latin1');
    return [words(raw.length), raw];
  };
  const pairs = new Int32Array(2 * labels.data.length);
  labels.data.forEach((label, vertex) => {
    const entry = entries[label];
    if (entry === undefined && label !== -1) throw new RangeError(`vertex ${vertex} has label ${label}, which names no entry`);
    pairs[2 * vertex] = vertex;
    pairs[2 * vertex + 1] = entry === undefined ? 0 : packed(entry.rgbt);
  });
  const highest = entries.reduce((most, entry) => Math.max(most, entry.index), -1);
  return new Uint8Array(Buffer.concat([
    words(labels.data.length), encodeElements(ndarray('int32', [pairs.length], pairs), false), words(1, -2, highest + 1), ...named(table), words(entries.length),
    ...entries.flatMap((entry) => [words(entry.index), ...named(entry.name), words(...entry.rgbt)]),
  ]));
}
