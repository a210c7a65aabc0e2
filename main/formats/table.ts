/** A table of text cells with named columns, as the CSV and TSV readers give it. */
import { FormatError } from '../../common/errors.ts';

export interface Table {
  /** For messages. */
  readonly file: string;
  /** Column names; an empty name is allowed (NSD's first column). */
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Byte offset of each row. */
  readonly offsets: readonly number[];
}

function columnIndex(table: Table, name: string): number {
  const index = table.header.indexOf(name);
  if (index < 0) {
    throw new FormatError({ file: table.file, offset: 0, expected: `a column "${name}"`, found: `columns ${table.header.map((cell) => JSON.stringify(cell)).join(', ').slice(0, 300)}` });
  }
  return index;
}

/** The cells of a column. Throws `FormatError` if it does not exist. */
export function textColumn(table: Table, name: string): string[] {
  const index = columnIndex(table, name);
  return table.rows.map((row) => row[index] ?? '');
}

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

/** A column of numbers; `NaN` and signed `Inf` are numbers, empty cells are not. Throws `FormatError` with the row. */
export function numberColumn(table: Table, name: string): Float64Array {
  const index = columnIndex(table, name);
  return Float64Array.from(table.rows, (row, i) => {
    const cell = (row[index] ?? '').trim();
    if (NUMBER.test(cell)) return Number(cell);
    const special = SPECIAL.get(cell);
    if (special !== undefined) return special;
    throw new FormatError({ file: table.file, offset: table.offsets[i] ?? 0, expected: `a number in column "${name}", row ${i + 1}`, found: JSON.stringify(cell.slice(0, 40)) });
  });
}

const SPECIAL: ReadonlyMap<string, number> = new Map([['NaN', NaN], ['nan', NaN], ['Inf', Infinity], ['inf', Infinity], ['-Inf', -Infinity], ['-inf', -Infinity]]);

/** A column of `True`/`False` as pandas writes them. Throws `FormatError` for anything else. */
export function booleanColumn(table: Table, name: string): boolean[] {
  return textColumn(table, name).map((cell, i) => {
    if (cell === 'True') return true;
    if (cell === 'False') return false;
    throw new FormatError({ file: table.file, offset: table.offsets[i] ?? 0, expected: `True or False in column "${name}", row ${i + 1}`, found: JSON.stringify(cell.slice(0, 40)) });
  });
}

/** Throws unless every row has as many cells as the header, and no name stands twice. */
export function checkTable(table: Table): Table {
  const twice = table.header.find((name, i) => table.header.indexOf(name) !== i);
  if (twice !== undefined) throw new FormatError({ file: table.file, offset: 0, expected: `one column "${twice}"`, found: 'two' });
  const bad = table.rows.findIndex((row) => row.length !== table.header.length);
  if (bad >= 0) {
    throw new FormatError({ file: table.file, offset: table.offsets[bad] ?? 0, expected: `${table.header.length} cells in row ${bad + 1}`, found: `${table.rows[bad]?.length ?? 0}` });
  }
  return table;
}
