/**
 * Gram matrices in double precision from float32 data: rows against rows (K = X X', `[n, n]`) or columns against columns (C = X' X).
 * Only the upper triangle is computed, panel by panel, n^2 v multiply-adds / 2. Double, because everything after it divides by the small end
 * of its spectrum; single products would round by 1e-7 of the large end.
 */
import { throwIfAborted } from '../../common/errors.ts';
import { ndarray, rows, zeros } from '../../common/ndarray.ts';
import { PANEL_WIDTH, panelCount, panelRange } from './panels.ts';
import type { F32, F64 } from '../../common/ndarray.ts';
import type { Panels } from './panels.ts';
import type { Products, Real } from './products.ts';

export interface GramOptions {
  readonly width?: number;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((share: number) => void) | undefined;
}

/** A single product call does about this many multiply-adds at most: a fraction of a second, so that a run can be stopped. */
const MOST_PER_CALL = 8e9;
/** X in double precision is kept as a whole up to this many bytes, else converted again for every block. */
const CONVERTED_BYTES = 5e8;
/** Rows that are converted to double at a time. */
const BATCH_ROWS = 4096;

function toDouble(x: F32 | F64, from: number, to: number): F64 {
  const view = rows<Real>(x, from, to);
  return ndarray('float64', view.shape, view.data instanceof Float64Array ? view.data : new Float64Array(view.data));
}

/** K = X X' of `[n, v]`. */
export async function rowGram(x: F32 | F64, products: Products, options: GramOptions = {}): Promise<Panels> {
  const [size = 0, inner = 0] = x.shape;
  const width = options.width ?? PANEL_WIDTH;
  const count = panelCount(size, width);
  const keep = size * inner * 8 <= CONVERTED_BYTES;
  const converted = new Map<number, F64>();
  const double = (p: number): F64 => {
    const held = converted.get(p);
    if (held !== undefined) return held;
    const made = toDouble(x, ...panelRange({ size, width }, p));
    if (keep) converted.set(p, made);
    return made;
  };
  const panels: F64[] = [];
  for (let p = 0; p < count; p++) {
    const right = double(p);
    const [start, end] = panelRange({ size, width }, p);
    const panel = zeros('float64', [end, end - start]);
    for (let q = 0; q <= p; q++) {
      throwIfAborted(options.signal);
      const block = await products.multiply('abT', q === p ? right : double(q), right);
      panel.data.set(block.data, q * width * (end - start));
    }
    panels.push(panel);
    options.progress?.((end * end) / (size * size));
  }
  if (inner === 0) throw new RangeError('a Gram matrix of no columns');
  return { dtype: 'float64', size, width, panels };
}

/** C = X' X of `[n, v]`, accumulated over batches of rows. */
export async function columnGram(x: F32, products: Products, options: GramOptions = {}): Promise<Panels> {
  const [count = 0, size = 0] = x.shape;
  const width = options.width ?? PANEL_WIDTH;
  const blocks = panelCount(size, width);
  const panels = Array.from({ length: blocks }, (_, p) => {
    const [start, end] = panelRange({ size, width }, p);
    return zeros('float64', [end, end - start]);
  });
  const batch = Math.max(1, Math.min(BATCH_ROWS, Math.floor(MOST_PER_CALL / (size * width))));
  for (let from = 0; from < count; from += batch) {
    const to = Math.min(count, from + batch);
    for (let p = 0; p < blocks; p++) {
      throwIfAborted(options.signal);
      const [start, end] = panelRange({ size, width }, p);
      const base = panels[p];
      if (base === undefined) continue;
      panels[p] = await products.accumulate(base, 1, 'aTb', columns(x, from, to, 0, end), columns(x, from, to, start, end));
    }
    options.progress?.(to / count);
  }
  return { dtype: 'float64', size, width, panels };
}

/** Rows `from..to` and columns `start..end` in double precision. */
function columns(x: F32, from: number, to: number, start: number, end: number): F64 {
  const [, width = 0] = x.shape;
  const out = new Float64Array((to - from) * (end - start));
  for (let i = from; i < to; i++) out.set(x.data.subarray(i * width + start, i * width + end), (i - from) * (end - start));
  return ndarray('float64', [to - from, end - start], out);
}
