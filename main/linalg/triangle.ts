/**
 * The upper triangle of a symmetric matrix by rows, in memory that threads share: row i holds columns i .. n - 1. A subset of rows and columns
 * is read from it along rows that lie in one piece, three times as fast as from panels.
 */
import { panelRange } from './panels.ts';
import type { Panels } from './panels.ts';
import type { Triangle } from './products.ts';

/** No piece needs to be larger, and inside Electron none may be above 1 GiB. */
const PIECE_BYTES = 2 ** 28;

/** Entries of rows 0 .. i - 1. */
function entriesAbove(size: number, row: number): number {
  return row * size - (row * (row - 1)) / 2;
}

/** Where column `row` of row `row` is: the piece, and the place in it. */
export function rowPlace({ size, firsts }: Triangle, row: number): { readonly piece: number; readonly at: number } {
  let piece = 0;
  while (row >= (firsts[piece + 1] ?? Infinity)) piece++;
  return { piece, at: entriesAbove(size, row) - entriesAbove(size, firsts[piece] ?? 0) };
}

/** A copy of the upper triangle; in pieces of at most `pieceBytes`, or of one row. */
export function triangleOf(matrix: Panels, pieceBytes = PIECE_BYTES): Triangle {
  const { size } = matrix;
  const firsts = [0];
  for (let row = 1; row < size; row++) {
    if ((entriesAbove(size, row + 1) - entriesAbove(size, firsts.at(-1) ?? 0)) * 8 > pieceBytes) firsts.push(row);
  }
  firsts.push(size);
  const pieces = firsts.slice(0, -1).map((first, p) => new Float64Array(new SharedArrayBuffer((entriesAbove(size, firsts[p + 1] ?? size) - entriesAbove(size, first)) * 8)));
  const triangle: Triangle = { size, pieces, firsts };
  for (let row = 0; row < size; row++) {
    const { piece, at } = rowPlace(triangle, row);
    for (let p = Math.floor(row / matrix.width); p < matrix.panels.length; p++) {
      const [start, end] = panelRange(matrix, p);
      const low = Math.max(row, start), base = row * (end - start) - start;
      const source = matrix.panels[p]?.data;
      if (source === undefined) throw new RangeError(`no panel ${p}`);
      pieces[piece]?.set(source.subarray(base + low, base + end), at + low - row);
    }
  }
  return triangle;
}
