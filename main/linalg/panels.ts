/**
 * A symmetric (or upper triangular) float64 matrix as column panels: panel p holds columns `start..end` and rows `0..end`, row-major
 * `[end, end - start]`. Only the upper triangle is kept (plus what lies below the diagonal inside a diagonal block), half the memory, and any
 * block rows of a panel are one contiguous view that a product can take without copying.
 */
import { ndarray, rows, zeros } from '../../common/ndarray.ts';
import type { F64, NdArray } from '../../common/ndarray.ts';
import type { Real } from './products.ts';

export interface Panels {
  readonly size: number;
  readonly width: number;
  /** Panel p: `[end(p), width of p]`. */
  readonly panels: readonly F64[];
}

/** Half-open range of rows or columns. */
export type Range = readonly [number, number];

/** Wide enough for a product to run at full speed, narrow enough for the sequential diagonal blocks to stay cheap. */
export const PANEL_WIDTH = 128;

export function panelCount(size: number, width: number): number {
  return Math.ceil(size / width);
}

export function panelRange(matrix: { readonly size: number; readonly width: number }, panel: number): readonly [number, number] {
  return [panel * matrix.width, Math.min(matrix.size, (panel + 1) * matrix.width)];
}

/** Rows `from..to` of panel p, a view. */
export function panelRows(matrix: Panels, panel: number, from: number, to: number): F64 {
  const array = matrix.panels[panel];
  if (array === undefined) throw new RangeError(`no panel ${panel}`);
  return rows(array, from, to);
}

/** Upper triangle of a full symmetric matrix `[n, n]`. */
export function panelsOf(full: NdArray<Real>, width = PANEL_WIDTH): Panels {
  const [size = 0, columns = 0] = full.shape;
  if (size !== columns) throw new RangeError(`panels of a square matrix, got [${full.shape.join(', ')}]`);
  const panels = Array.from({ length: panelCount(size, width) }, (_, panel) => {
    const [from, to] = panelRange({ size, width }, panel);
    const out = zeros('float64', [to, to - from]);
    for (let i = 0; i < to; i++) out.data.set(full.data.subarray(i * size + from, i * size + to), i * (to - from));
    return out;
  });
  return { size, width, panels };
}

/** Rows `from..to` and columns `low..high` of the symmetric matrix, `[to - from, high - low]`. */
export function symmetricBlock(matrix: Panels, [from, to]: Range, [low, high]: Range): F64 {
  const columns = high - low;
  const out = new Float64Array((to - from) * columns);
  matrix.panels.forEach(({ data }, panel) => {
    const [start, end] = panelRange(matrix, panel);
    const width = end - start;
    // 1. Entries of this panel's columns down to the end of its diagonal block: runs.
    const first = Math.max(low, start);
    const last = Math.min(high, end);
    if (first < last) {
      for (let i = from; i < Math.min(to, end); i++) {
        out.set(data.subarray(i * width + first - start, i * width + last - start), (i - from) * columns + first - low);
      }
    }
    // 2. Rows of this panel's columns, left of its diagonal block: the transpose of what lies above.
    for (let row = Math.max(from, start); row < Math.min(to, end); row++) {
      const base = (row - from) * columns - low;
      for (let j = low; j < Math.min(high, start); j++) out[base + j] = data[j * width + row - start] ?? 0;
    }
  });
  return ndarray('float64', [to - from, columns], out);
}

/** Rows `from..to` of the symmetric matrix, all columns: `[to - from, n]`. */
export function symmetricRows(matrix: Panels, from: number, to: number): F64 {
  return symmetricBlock(matrix, [from, to], [0, matrix.size]);
}

/** The diagonal, `[n]`. */
export function diagonal(matrix: Panels): Float64Array {
  const out = new Float64Array(matrix.size);
  matrix.panels.forEach(({ data }, panel) => {
    const [start, end] = panelRange(matrix, panel);
    for (let i = start; i < end; i++) out[i] = data[i * (end - start) + i - start] ?? 0;
  });
  return out;
}
