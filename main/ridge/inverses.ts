/** Inverses as they are applied: single-precision rows kept by penalty between cross-validation and the final solve, double-precision ones one at a time. */
import { throwIfAborted } from '../../common/errors.ts';
import { f32, zeros } from '../../common/ndarray.ts';
import { asType, symmetricRows } from '../linalg/panels.ts';
import type { F32, F64 } from '../../common/ndarray.ts';
import type { Panels } from '../linalg/panels.ts';
import { ofType } from '../linalg/products.ts';
import type { Products } from '../linalg/products.ts';
import type { SolveOptions } from './solve-options.ts';

/** Single-precision inverses kept for reuse between cross-validation and the final solve. */
const KEPT_BYTES = 4e9;
/** Rows of a matrix per product, so that one call ends within a fraction of a second. */
const MOST_PER_CALL = 1.5e10;
/** Bytes of a double-precision matrix that are taken at a time. */
const DOUBLE_BYTES = 2e8;

/** A symmetric matrix in single precision as row chunks, ready to be multiplied with targets. */
export interface RowChunks {
  readonly bytes: number;
  readonly chunks: readonly F32[];
}

function rowChunks(matrix: Panels): RowChunks {
  const only = matrix.panels[0];
  if (matrix.width >= matrix.size && only !== undefined) {
    const single = asType(only, 'float32');
    return { bytes: matrix.size ** 2 * 4, chunks: [f32(single.shape, single.data instanceof Float32Array ? single.data : new Float32Array(single.data))] };
  }
  const step = Math.max(1, Math.min(matrix.size, Math.floor(64e6 / matrix.size)));
  const chunks: F32[] = [];
  for (let from = 0; from < matrix.size; from += step) {
    const block = symmetricRows(matrix, from, Math.min(matrix.size, from + step));
    chunks.push(f32(block.shape, new Float32Array(block.data)));
  }
  return { bytes: matrix.size ** 2 * 4, chunks };
}

export async function applyChunks({ chunks }: RowChunks, y: F32, products: Products, signal: AbortSignal | undefined): Promise<F32> {
  const [inner = 0, columns = 0] = y.shape;
  const rows = chunks.reduce((sum, chunk) => sum + (chunk.shape[0] ?? 0), 0);
  const out = zeros('float32', [rows, columns]);
  const step = Math.max(1, Math.floor(MOST_PER_CALL / (inner * columns)));
  let at = 0;
  for (const chunk of chunks) {
    const [height = 0, width = 0] = chunk.shape;
    for (let from = 0; from < height; from += step) {
      throwIfAborted(signal);
      const to = Math.min(height, from + step);
      const part = await products.multiply('ab', f32([to - from, width], chunk.data.subarray(from * width, to * width)), y);
      out.data.set(part.data, at * columns);
      at += to - from;
    }
  }
  return out;
}

/** A B in double precision for a symmetric A, by rows of A. */
export async function applyDouble(matrix: Panels, right: F64, products: Products, signal: AbortSignal | undefined): Promise<F64> {
  const [inner = 0, columns = 0] = right.shape;
  const out = zeros('float64', [matrix.size, columns]);
  const step = Math.max(1, Math.min(Math.floor(MOST_PER_CALL / (2 * inner * columns)), Math.floor(DOUBLE_BYTES / (8 * inner))));
  for (let from = 0; from < matrix.size; from += step) {
    throwIfAborted(signal);
    const part = await products.multiply('ab', ofType(asType(symmetricRows(matrix, from, Math.min(matrix.size, from + step)), 'float64'), 'float64'), right);
    out.data.set(part.data, from * columns);
  }
  return out;
}

export interface Keeper {
  readonly get: (alpha: number) => RowChunks | undefined;
  readonly put: (alpha: number, matrix: Panels) => RowChunks;
  readonly makeRoom: (alphas: readonly number[], size: number) => boolean;
}

/** Remembers single-precision matrices by penalty up to so many bytes. */
export function keeper(most = KEPT_BYTES): Keeper {
  const kept = new Map<number, RowChunks>();
  let bytes = 0;
  return {
    get: (alpha) => kept.get(alpha),
    put: (alpha, matrix) => {
      const chunks = rowChunks(matrix);
      if (!kept.has(alpha) && bytes + chunks.bytes <= most) { kept.set(alpha, chunks); bytes += chunks.bytes; }
      return chunks;
    },
    makeRoom: (alphas, size) => {
      const wanted = new Set(alphas), each = 4 * size * size;
      const missing = [...wanted].filter((alpha) => !kept.has(alpha)).length;
      if (wanted.size * each > most) return false;
      for (const [alpha, chunks] of kept) {
        if (bytes + missing * each <= most) break;
        if (!wanted.has(alpha) && kept.delete(alpha)) bytes -= chunks.bytes;
      }
      return true;
    },
  };
}

/** Remembers the last double-precision inverse. */
export function lastDouble(make: (alpha: number, watch: SolveOptions) => Promise<Panels>): { readonly get: (alpha: number, watch: SolveOptions) => Promise<Panels>; readonly drop: () => void } {
  let last: { readonly alpha: number; readonly matrix: Panels } | null = null;
  return {
    get: async (alpha, watch) => {
      if (last?.alpha !== alpha) { last = null; last = { alpha, matrix: await make(alpha, watch) }; }
      return last.matrix;
    },
    drop: () => { last = null; },
  };
}

