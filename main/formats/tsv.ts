/**
 * Tab-separated values with a header line and no quoting (NSD's `responses.tsv`, BIDS). LF or CRLF, UTF-8.
 * Refused: rows of another length than the header.
 */
import { FormatError } from '../../common/errors.ts';
import { checkTable } from './table.ts';
import type { Table } from './table.ts';
import { decodeUtf8 } from './utf8.ts';

/** A TSV table. Throws `FormatError`. */
export function readTsv(bytes: Uint8Array, name: string): Table {
  const rows: string[][] = [];
  const offsets: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const feed = bytes.indexOf(0x0a, at);
    const end = feed < 0 ? bytes.length : feed;
    const line = decodeUtf8(bytes.subarray(at, end), name, at);
    if (line.includes('\0')) throw new FormatError({ file: name, offset: at, expected: 'text', found: 'a NUL byte' });
    rows.push((line.endsWith('\r') ? line.slice(0, -1) : line).split('\t'));
    offsets.push(at);
    at = end + 1;
  }
  const header = rows.shift();
  if (header === undefined) throw new FormatError({ file: name, offset: 0, expected: 'a header line', found: 'an empty file' });
  return checkTable({ file: name, header, rows, offsets: offsets.slice(1) });
}

/** A TSV file. Throws `RangeError` for a cell with a tab or line feed, which the format cannot hold. */
export function writeTsv(header: readonly string[], rows: readonly (readonly string[])[]): Uint8Array {
  const lines = [header, ...rows].map((row) => {
    const bad = row.find((cell) => /[\t\r\n]/.test(cell));
    if (bad !== undefined) throw new RangeError(`the cell ${JSON.stringify(bad)} has a tab or line feed`);
    return row.join('\t') + '\n';
  });
  return new Uint8Array(Buffer.from(lines.join(''), 'utf8'));
}
