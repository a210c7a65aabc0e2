/**
 * Some columns of a large text table as numbers, without making text of the other cells. The tables are those of `csv.ts`
 * (RFC 4180) and `tsv.ts`: one header line, LF or CRLF, a cell may be quoted where the separator is a comma.
 *
 * Refused: rows of another length than the header, an open quote, a cell of a wanted column that is neither a number nor a known word.
 */
import { FormatError } from '../../common/errors.ts';

const QUOTE = 0x22;
const LF = 0x0a;
const CR = 0x0d;
const ZERO = 0x30;
const SEPARATORS = { csv: 0x2c, tsv: 0x09 } as const;
/** More digits than this may not fit a double exactly; the general conversion takes over. */
const PLAIN_DIGITS = 15;

export interface NumberColumns {
  /** For messages. */
  readonly file: string;
  readonly rows: number;
  /** Column names in file order. */
  readonly header: readonly string[];
  /** The column of that name `[rows]`; throws `RangeError` for one that was not asked for. */
  readonly column: (name: string) => Float64Array;
}

export interface WantedColumns {
  readonly form: keyof typeof SEPARATORS;
  /** Names, or a choice among the header's names. */
  readonly wanted: readonly string[] | ((header: readonly string[]) => readonly string[]);
  /** Words that stand for numbers in wanted columns, besides `NaN`, `True` (1) and `False` (0). */
  readonly words?: Readonly<Record<string, number>>;
}

const WORDS: Readonly<Record<string, number>> = { NaN, nan: NaN, True: 1, False: 0 };
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

/** Reads the wanted columns in one pass over the bytes. Throws `FormatError` with the byte offset. */
export function readNumberColumns(bytes: Uint8Array, file: string, { form, wanted, words = {} }: WantedColumns): NumberColumns {
  const separator = SEPARATORS[form];
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const fail = (offset: number, expected: string, found: string): FormatError => new FormatError({ file, offset, expected, found });
  const known = new Map(Object.entries({ ...WORDS, ...words }));

  /** End of the cell that starts at `at`: the position of the separator, line feed or end of file behind it. */
  const cellEnd = (at: number): number => {
    let end = at;
    if (form === 'csv' && bytes[at] === QUOTE) {
      for (end = at + 1; ; end += 2) {
        end = bytes.indexOf(QUOTE, end);
        if (end < 0) throw fail(at, 'a closing quote', 'the end of the file');
        if (bytes[end + 1] !== QUOTE) break;
      }
      end++;
      if (bytes[end] === CR && (end + 1 >= bytes.length || bytes[end + 1] === LF)) end++;
      if (end < bytes.length && bytes[end] !== separator && bytes[end] !== LF) throw fail(end, 'a separator after a quoted cell', 'other text');
      return end;
    }
    while (end < bytes.length && bytes[end] !== separator && bytes[end] !== LF) end++;
    return end;
  };
  const cellText = (from: number, to: number): string => {
    const text = buffer.toString('latin1', from, bytes[to - 1] === CR && to > from ? to - 1 : to);
    return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text;
  };
  const numberAt = (from: number, to: number, column: string): number => {
    const end = bytes[to - 1] === CR ? to - 1 : to;
    if (end > from && end - from <= PLAIN_DIGITS) {
      let value = 0;
      let at = from;
      for (; at < end; at++) {
        const digit = (bytes[at] ?? 0) - ZERO;
        if (digit < 0 || digit > 9) break;
        value = 10 * value + digit;
      }
      if (at === end) return value;
    }
    const text = cellText(from, to);
    if (NUMBER.test(text)) return Number(text);
    const word = known.get(text);
    if (word === undefined) throw fail(from, `a number${known.size === 0 ? '' : ` or one of ${[...known.keys()].join(', ')}`} in column "${column}"`, JSON.stringify(text.slice(0, 40)));
    return word;
  };

  // 1. The header.
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  if (at >= bytes.length) throw fail(0, 'a header line', 'an empty file');
  const header: string[] = [];
  for (let more = true; more;) {
    const end = cellEnd(at);
    header.push(cellText(at, end));
    more = end < bytes.length && bytes[end] === separator;
    at = end + 1;
  }
  const names = typeof wanted === 'function' ? wanted(header) : wanted;
  const absent = names.find((name) => !header.includes(name));
  if (absent !== undefined) throw fail(0, `a column "${absent}"`, `columns ${header.join(', ').slice(0, 300)}`);

  // 2. Every row has at least one byte per cell, which bounds what is allocated.
  let lines = 1;
  for (let feed = bytes.indexOf(LF, at); feed >= 0; feed = bytes.indexOf(LF, feed + 1)) lines++;
  const limit = Math.min(lines, Math.ceil(bytes.length / header.length));
  const columns = header.map((name) => (names.includes(name) ? new Float64Array(limit) : null));
  let rows = 0;
  for (; at < bytes.length; rows++) {
    const start = at;
    let cell = 0;
    for (let more = true; more; cell++) {
      const end = cellEnd(at);
      const column = columns[cell];
      if (column !== null && column !== undefined) column[rows] = numberAt(at, end, header[cell] ?? '');
      more = end < bytes.length && bytes[end] === separator;
      at = end + 1;
    }
    if (cell !== header.length) throw fail(start, `${header.length} cells in row ${rows + 1}`, `${cell}`);
  }
  const count = rows;
  return {
    file, header, rows: count,
    column: (name) => {
      const column = columns[header.indexOf(name)];
      if (column === null || column === undefined) throw new RangeError(`column ${name} was not asked for`);
      return column.subarray(0, count);
    },
  };
}
