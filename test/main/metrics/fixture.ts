/** The arrays of test/golden/metrics/make.py, rebuilt from their formulas. */
import { f32 } from '../../../common/ndarray.ts';
import type { F32 } from '../../../common/ndarray.ts';

export type PictureKind = 'truth' | 'noisy' | 'other' | 'flat';

export const HEIGHT = 37;
export const WIDTH = 29;

function valueAt(kind: PictureKind, y: number, x: number, c: number): number {
  const base = 0.5 + 0.3 * Math.sin(0.37 * x + 0.21 * y * (1 + c)) + 0.15 * Math.cos(0.9 * y - 0.4 * x * c);
  switch (kind) {
    case 'truth': return base;
    case 'other': return 0.5 + 0.4 * Math.cos(0.11 * x * x - 0.3 * y + c);
    case 'flat': return 0.4;
    case 'noisy': return 0.6 * base + 0.1 + 0.05 * Math.sin(2.1 * x * y + c);
    default: { const never: never = kind; return never; }
  }
}

/** One picture, `[1, 37, 29, 3]`. */
export function picture(kind: PictureKind): F32 {
  const data: number[] = [];
  for (let y = 0; y < HEIGHT; y++) for (let x = 0; x < WIDTH; x++) for (let c = 0; c < 3; c++) data.push(valueAt(kind, y, x, c));
  return f32([1, HEIGHT, WIDTH, 3], data);
}

export const ITEMS = 12;
export const FEATURES = 20;

/** Feature rows of truth and reconstruction, `[12, 20]`. */
export function featureRows(): { readonly truth: F32; readonly recon: F32 } {
  const truth = f32([ITEMS, FEATURES], Float32Array.from({ length: ITEMS * FEATURES }, (_, n) => {
    const i = Math.floor(n / FEATURES);
    return Math.sin(1.3 * i + 0.7 * (n % FEATURES) * (i + 1));
  }));
  const recon = f32([ITEMS, FEATURES], truth.data.map((value, n) => {
    const i = Math.floor(n / FEATURES);
    const f = n % FEATURES;
    return 0.4 * value + 0.6 * Math.cos(2.1 * i * f + f);
  }));
  return { truth, recon };
}
