/** Where targets come from: in blocks of columns, because all of them may be larger than one buffer may be. */
import { ndarray } from '../../common/ndarray.ts';
import type { F32 } from '../../common/ndarray.ts';

export interface TargetSource {
  readonly rows: number;
  readonly targets: number;
  /** Columns `from..to`, `[rows, to - from]`. Read several times during a fit: keep it cheap. */
  read(from: number, to: number): Promise<F32>;
}

/** Targets that are in memory, `[rows, targets]`. */
export function arrayTargets(y: F32): TargetSource {
  const [rows = 0, targets = 0] = y.shape;
  return { rows, targets, read: (from, to) => Promise.resolve(columnsOf(y, from, to)) };
}

/** Several sources side by side, in order: one fit for several feature spaces. Throws RangeError if their rows differ. */
export function besideTargets(sources: readonly TargetSource[]): TargetSource {
  const rows = sources[0]?.rows ?? 0;
  if (sources.some((source) => source.rows !== rows)) throw new RangeError(`target sources of ${sources.map((source) => source.rows).join(', ')} rows`);
  const targets = sources.reduce((sum, source) => sum + source.targets, 0);
  return {
    rows, targets,
    read: async (from, to) => {
      const out = new Float32Array(rows * (to - from));
      let start = 0;
      for (const source of sources) {
        const low = Math.max(from, start);
        const high = Math.min(to, start + source.targets);
        if (low < high) {
          const part = await source.read(low - start, high - start);
          for (let i = 0; i < rows; i++) out.set(part.data.subarray(i * (high - low), (i + 1) * (high - low)), i * (to - from) + low - from);
        }
        start += source.targets;
      }
      return ndarray('float32', [rows, to - from], out);
    },
  };
}

/** Columns `from..to` of a matrix; the matrix itself if that is all of them. */
export function columnsOf(matrix: F32, from: number, to: number): F32 {
  const [rows = 0, width = 0] = matrix.shape;
  if (from === 0 && to === width) return matrix;
  const out = new Float32Array(rows * (to - from));
  for (let i = 0; i < rows; i++) out.set(matrix.data.subarray(i * width + from, i * width + to), i * (to - from));
  return ndarray('float32', [rows, to - from], out);
}

/** Rows of a matrix in another order: row i of the result is row `order[i]`. */
export function reorderRows(matrix: F32, order: Int32Array): F32 {
  const [, width = 0] = matrix.shape;
  const out = new Float32Array(order.length * width);
  order.forEach((from, to) => out.set(matrix.data.subarray(from * width, (from + 1) * width), to * width));
  return ndarray('float32', [order.length, width], out);
}

/** Some columns of a matrix, in the order given. */
export function pickColumns(matrix: F32, picked: readonly number[]): F32 {
  const [rows = 0, width = 0] = matrix.shape;
  const out = new Float32Array(rows * picked.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < picked.length; j++) out[i * picked.length + j] = matrix.data[i * width + (picked[j] ?? 0)] ?? 0;
  return ndarray('float32', [rows, picked.length], out);
}

/** Side of the squares that are turned at a time: their rows and columns stay in the cache. */
const TILE = 32;

/** The transpose `[columns, rows]` with rows back from another order: entry (j, order[i]) is (i, j) of the matrix. */
export function turned(matrix: F32, order: Int32Array): F32 {
  const [height = 0, width = 0] = matrix.shape;
  const result = new Float32Array(height * width);
  const { data } = matrix;
  for (let top = 0; top < height; top += TILE) {
    const bottom = Math.min(height, top + TILE);
    for (let left = 0; left < width; left += TILE) {
      const right = Math.min(width, left + TILE);
      for (let j = left; j < right; j++) for (let i = top; i < bottom; i++) result[j * height + (order[i] ?? 0)] = data[i * width + j] ?? 0;
    }
  }
  return ndarray('float32', [width, height], result);
}
