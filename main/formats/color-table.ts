/**
 * Label tables (.ctab), text. Two forms: NSD's `index name` (two columns, `NAME.mgz.ctab`), and FreeSurfer's
 * `index name r g b t` (six columns, t = 255 - alpha). One file has one form; the first line decides.
 *
 * Read: any whitespace between cells, comment lines (#) and empty lines skipped; in the two-column form stray text after
 * the name is ignored, as NSD's files have it. Refused: an index listed twice, colours outside 0..255.
 */
import { FormatError } from '../../common/errors.ts';

export interface ColorTableEntry {
  readonly index: number;
  readonly name: string;
  /** Red, green, blue, transparency, 0..255; absent in NSD's form. */
  readonly rgbt?: readonly [number, number, number, number];
}

const byte = (cell: string): boolean => /^\d{1,3}$/.test(cell) && Number(cell) <= 255;

/** A label table. Throws `FormatError` with the byte offset of the line. */
export function readColorTable(bytes: Uint8Array, name: string): readonly ColorTableEntry[] {
  const entries: ColorTableEntry[] = [];
  const seen = new Set<number>();
  let colours: boolean | undefined;
  let offset = 0;
  for (const line of Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1').split('\n')) {
    const at = offset;
    offset += line.length + 1;
    const cells = line.trim().split(/\s+/);
    const [indexText = '', label = '', ...rest] = cells;
    if (indexText === '' || indexText.startsWith('#')) continue;
    const wrong = (expected: string): FormatError => new FormatError({ file: name, offset: at, expected, found: JSON.stringify(line.slice(0, 60)) });
    if (!/^\d{1,9}$/.test(indexText) || label === '') throw wrong('a line "index name" or "index name r g b t"');
    const index = Number(indexText);
    if (seen.has(index)) throw wrong(`index ${index} once`);
    seen.add(index);
    const coloured = rest.length === 4 && rest.every(byte);
    colours ??= coloured;
    if (colours && !coloured) throw wrong('four colour numbers from 0 to 255 on every line');
    const [r = 0, g = 0, b = 0, t = 0] = rest.map(Number);
    const text = Buffer.from(label, 'latin1').toString('utf8');
    entries.push(colours ? { index, name: text, rgbt: [r, g, b, t] } : { index, name: text });
  }
  if (entries.length === 0) throw new FormatError({ file: name, offset: 0, expected: 'at least one label', found: 'none' });
  return entries;
}

/** A label table; six columns if the entries have colours, else NSD's two. Throws `RangeError` for names with spaces or mixed forms. */
export function writeColorTable(entries: readonly ColorTableEntry[]): Uint8Array {
  const coloured = entries.some((entry) => entry.rgbt !== undefined);
  const lines = entries.map(({ index, name, rgbt }) => {
    if (name === '' || /\s/.test(name)) throw new RangeError(`label name ${JSON.stringify(name)} has spaces or is empty`);
    if (coloured !== (rgbt !== undefined)) throw new RangeError('either all entries have colours or none');
    return rgbt === undefined ? `${index} ${name}\n` : `${String(index).padStart(3)}  ${name.padEnd(30)} ${rgbt.map((value) => String(value).padStart(3)).join(' ')}\n`;
  });
  return new Uint8Array(Buffer.from(lines.join(''), 'utf8'));
}
