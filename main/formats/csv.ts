/**
 * Comma-separated values with a header line. Definition: RFC 4180; lines may end in LF or CRLF, UTF-8 with or without a mark.
 *
 * Refused: rows of another length than the header, a quote inside an unquoted cell, text after a closing quote, an open quote
 * at the end, invalid UTF-8, NUL.
 */
import { FormatError } from '../../common/errors.ts';
import { checkTable } from './table.ts';
import type { Table } from './table.ts';
import { decodeUtf8 } from './utf8.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const LF = 0x0a;
const CR = 0x0d;

/** A CSV table. One pass over the bytes. Throws `FormatError`. */
export function readCsv(bytes: Uint8Array, name: string): Table {
  const rows: string[][] = [];
  const offsets: number[] = [];
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const fail = (offset: number, expected: string, found: string): FormatError => new FormatError({ file: name, offset, expected, found });
  const text = (from: number, to: number): string => {
    for (let i = from; i < to; i++) {
      const code = bytes[i] ?? 0;
      if (code === 0) throw fail(i, 'text', 'a NUL byte');
      if (code >= 0x80) return decodeUtf8(bytes.subarray(from, to), name, from);
    }
    return buffer.toString('latin1', from, to);
  };
  let at = start;
  while (at < bytes.length) {
    const cells: string[] = [];
    offsets.push(at);
    for (let more = true; more;) {
      let end = at;
      if (bytes[at] === QUOTE) {
        end = at + 1;
        let doubled = false;
        for (;;) {
          end = bytes.indexOf(QUOTE, end);
          if (end < 0) throw fail(at, 'a closing quote', 'the end of the file');
          if (bytes[end + 1] !== QUOTE) break;
          doubled = true;
          end += 2;
        }
        const inner = text(at + 1, end);
        cells.push(doubled ? inner.replaceAll('""', '"') : inner);
        end += 1;
      } else {
        for (let code = bytes[end]; end < bytes.length && code !== COMMA && code !== LF; code = bytes[++end]) {
          if (code === QUOTE) throw fail(end, 'a quote only around a whole cell', 'a quote inside a cell');
        }
        const bare = bytes[end - 1] === CR && end > at && bytes[end] === LF ? end - 1 : end;
        cells.push(text(at, bare));
      }
      if (bytes[end] === CR && bytes[end + 1] === LF) end += 1;
      if (end < bytes.length && bytes[end] !== COMMA && bytes[end] !== LF) throw fail(end, 'a comma or the end of the line after a quoted cell', JSON.stringify(String.fromCharCode(bytes[end] ?? 0)));
      more = bytes[end] === COMMA;
      at = end + 1;
    }
    rows.push(cells);
  }
  const header = rows.shift();
  if (header === undefined) throw fail(0, 'a header line', 'an empty file');
  return checkTable({ file: name, header, rows, offsets: offsets.slice(1) });
}

const quoted = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

/** A CSV file with LF lines; cells are quoted where they must be. */
export function writeCsv(header: readonly string[], rows: readonly (readonly string[])[]): Uint8Array {
  return new Uint8Array(Buffer.from([header, ...rows].map((row) => row.map(quoted).join(',') + '\n').join(''), 'utf8'));
}
