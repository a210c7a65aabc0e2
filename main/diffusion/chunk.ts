/** Runs of one fixed size over rows, for sessions whose shapes are fixed: the last run is filled up with copies of its last row. */
import { ndarray, rows, sizeOf } from '../../common/ndarray.ts';
import type { F32 } from '../../common/ndarray.ts';

/** Rows `from` to `from + size`; past the end, the last row again. */
export function filledRows(array: F32, from: number, size: number): F32 {
  const total = array.shape[0] ?? 0;
  if (from + size <= total) return rows(array, from, from + size);
  const width = sizeOf(array.shape.slice(1)), data = new Float32Array(size * width);
  for (let k = 0; k < size; k++) { const at = Math.min(from + k, total - 1); data.set(array.data.subarray(at * width, (at + 1) * width), k * width); }
  return ndarray('float32', [size, ...array.shape.slice(1)], data);
}

/** Calls `run` for each run of `size` rows of `total`; it is told how many of them count. */
export async function inRuns(total: number, size: number, run: (from: number, counted: number) => Promise<void>): Promise<void> {
  for (let from = 0; from < total; from += size) await run(from, Math.min(size, total - from));
}

/** The first `counted` rows of `part`, put at row `from` of `whole`. */
export function putRows(whole: F32, part: F32, from: number, counted: number): void {
  const width = sizeOf(whole.shape.slice(1));
  whole.data.set(part.data.subarray(0, counted * width), from * width);
}
