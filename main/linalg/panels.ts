/**
 * A symmetric (or upper triangular) matrix as column panels: panel p holds columns `start..end` and rows `0..end`, row-major
 * `[end, end - start]`. Only the upper triangle is kept (plus what lies below the diagonal inside a diagonal block), half the memory, and any
 * block rows of a panel are one contiguous view that a product can take without copying.
 */
import { ndarray, rows, zeros } from '../../common/ndarray.ts';
import type { Matrix, Real } from './products.ts';

export interface Panels {
  readonly dtype: Real;
  readonly size: number;
  readonly width: number;
  /** Panel p: `[end(p), width of p]`. */
  readonly panels: readonly Matrix[];
}

/** Half-open range of rows or columns. */
export type Range = readonly [number, number];

/** Wide enough for a product to run at full speed, narrow enough for the sequential diagonal blocks to stay cheap. */
export const PANEL_WIDTH = 256;

/** Rows that are transposed together: one cache line of each source row, read once. More would collide where rows are a power of two apart. */
const TILE = 8;

export function panelCount(size: number, width: number): number {
  return Math.ceil(size / width);
}

export function panelRange(matrix: { readonly size: number; readonly width: number }, panel: number): readonly [number, number] {
  return [panel * matrix.width, Math.min(matrix.size, (panel + 1) * matrix.width)];
}

/** Rows `from..to` of panel p, a view. */
export function panelRows(matrix: Panels, panel: number, from: number, to: number): Matrix {
  const array = matrix.panels[panel];
  if (array === undefined) throw new RangeError(`no panel ${panel}`);
  return rows(array, from, to);
}

/** Upper triangle of a full symmetric matrix `[n, n]`. */
export function panelsOf(full: Matrix, width = PANEL_WIDTH): Panels {
  const [size = 0, columns = 0] = full.shape;
  if (size !== columns) throw new RangeError(`panels of a square matrix, got [${full.shape.join(', ')}]`);
  const panels = Array.from({ length: panelCount(size, width) }, (_, panel) => {
    const [from, to] = panelRange({ size, width }, panel);
    const out = zeros(full.dtype, [to, to - from]);
    for (let i = 0; i < to; i++) out.data.set(full.data.subarray(i * size + from, i * size + to), i * (to - from));
    return out;
  });
  return { dtype: full.dtype, size, width, panels };
}

/** Rows `from..to` and columns `low..high` of the symmetric matrix, `[to - from, high - low]`. */
export function symmetricBlock(matrix: Panels, [from, to]: Range, [low, high]: Range): Matrix {
  const columns = high - low;
  const result = zeros(matrix.dtype, [to - from, columns]);
  const out = result.data;
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
    // 2. Rows of this panel's columns, left of its diagonal block: the transpose of what lies above, a few rows at a time.
    const stop = Math.min(high, start);
    const head = Math.max(from, start), foot = Math.min(to, end);
    for (let row = head; row < foot; row += TILE) {
      const bottom = Math.min(foot, row + TILE);
      for (let j = low; j < stop; j++) {
        const at = j * width - start;
        for (let i = row; i < bottom; i++) out[(i - from) * columns - low + j] = data[at + i] ?? 0;
      }
    }
  });
  return result;
}

/** Rows `from..to` of the symmetric matrix, all columns: `[to - from, n]`. */
export function symmetricRows(matrix: Panels, from: number, to: number): Matrix {
  return symmetricBlock(matrix, [from, to], [0, matrix.size]);
}

/** The first `size` rows and columns; panels that lie within are shared, not copied. */
export function leading(matrix: Panels, size: number): Panels {
  const panels = matrix.panels.slice(0, panelCount(size, matrix.width)).map((panel, p) => {
    const [start, end] = panelRange(matrix, p);
    if (end <= size) return panel;
    const kept = size - start, width = end - start;
    const out = zeros(matrix.dtype, [size, kept]);
    for (let i = 0; i < size; i++) out.data.set(panel.data.subarray(i * width, i * width + kept), i * kept);
    return out;
  });
  return { dtype: matrix.dtype, size, width: matrix.width, panels };
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

/** The same matrix in another precision; itself if it has it already. */
export function asType(array: Matrix, dtype: Real): Matrix {
  if (array.dtype === dtype) return array;
  return dtype === 'float32' ? ndarray('float32', array.shape, new Float32Array(array.data)) : ndarray('float64', array.shape, new Float64Array(array.data));
}

/**
 * Largest eigenvalue of a positive semidefinite matrix from below, by power iteration from a fixed start: within a few percent after ten
 * rounds unless the leading eigenvalues are nearly equal, when the bound is as close anyway. n^2 multiply-adds a round.
 */
export function largestEigenvalue(matrix: Panels, rounds = 10): number {
  const { size } = matrix;
  let vector = Float64Array.from({ length: size }, (_, i) => Math.sin(i + 1));
  let value = 0;
  for (let round = 0; round < rounds; round++) {
    const norm = Math.sqrt(vector.reduce((sum, entry) => sum + entry * entry, 0));
    if (norm === 0) return 0;
    const next = new Float64Array(size);
    matrix.panels.forEach(({ data }, panel) => {
      const [start, end] = panelRange(matrix, panel);
      const width = end - start;
      // Entries above the diagonal block serve their row and their column; the block itself is whole.
      for (let i = 0; i < end; i++) {
        const own = (vector[i] ?? 0) / norm;
        let sum = 0;
        for (let j = 0; j < width; j++) {
          const entry = data[i * width + j] ?? 0;
          sum += entry * (vector[start + j] ?? 0);
          if (i < start) next[start + j] = (next[start + j] ?? 0) + entry * own;
        }
        next[i] = (next[i] ?? 0) + sum / norm;
      }
    });
    vector = next;
    value = Math.sqrt(vector.reduce((sum, entry) => sum + entry * entry, 0));
  }
  return value;
}
