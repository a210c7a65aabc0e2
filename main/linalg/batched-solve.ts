/**
 * Many positive definite systems A w = r of one size, in double precision: a blocked Cholesky factor of the whole batch at once. Block rows
 * are made from the top down (left-looking), the right-hand side rides along as a last column, so that the factor also does the forward
 * substitution:
 *
 *   [U_jj U_j,> z_j] from [A_jj A_j,> r_j] - sum over i < j of U_ij' [U_ij U_i,> z_i]
 *
 * Products run batched on the engine; Cholesky factors of the small diagonal blocks and the back substitution are sequential code.
 * Cost per system of n unknowns: n^3/6 multiply-adds, nearly all of them products. Source: Golub and Van Loan, Matrix Computations, 4.2.
 */
import { UserError, throwIfAborted } from '../../common/errors.ts';
import { ndarray } from '../../common/ndarray.ts';
import type { F64 } from '../../common/ndarray.ts';
import type { Products } from './products.ts';

/** Rows of a diagonal block, about: large enough for products, small enough for the sequential part to stay cheap. */
const BLOCK = 64;

export interface SystemBatch {
  /** Unknowns of every system. */
  readonly size: number;
  readonly count: number;
  /**
   * Writes row `row` of system `item` from column `from` on into `out` at `at`: entries `from .. size - 1` of A. Called for from <= row only.
   */
  readonly row: (item: number, row: number, from: number, out: Float64Array, at: number) => void;
  /** Entry `row` of the right-hand side of system `item`. */
  readonly right: (item: number, row: number) => number;
}

/**
 * Lower Cholesky factor of a small block in place, by dot products of rows, two columns at a time.
 * Throws UserError (`bad-input`) for a pivot that is not positive; `start` is its place in the system.
 */
function lowerFactor(a: Float64Array, size: number, start: number): void {
  for (let i = 0; i < size; i++) {
    const own = i * size;
    let j = 0;
    for (; j + 1 < i; j += 2) {
      const first = j * size, second = first + size;
      let s = a[own + j] ?? 0, t = a[own + j + 1] ?? 0;
      for (let k = 0; k < j; k++) {
        const value = a[own + k] ?? 0;
        s -= value * (a[first + k] ?? 0);
        t -= value * (a[second + k] ?? 0);
      }
      s /= a[first + j] ?? 1;
      a[own + j] = s;
      a[own + j + 1] = (t - s * (a[second + j] ?? 0)) / (a[second + j + 1] ?? 1);
    }
    for (; j < i; j++) {
      let s = a[own + j] ?? 0;
      for (let k = 0; k < j; k++) s -= (a[own + k] ?? 0) * (a[j * size + k] ?? 0);
      a[own + j] = s / (a[j * size + j] ?? 1);
    }
    let pivot = a[own + i] ?? 0;
    for (let k = 0; k < i; k++) pivot -= (a[own + k] ?? 0) ** 2;
    if (!(pivot > 0)) {
      throw new UserError('bad-input', `a system is not positive definite: pivot ${start + i} is ${pivot}`, { expected: 'a positive pivot', found: `${pivot}`, fix: 'Use a larger penalty.' });
    }
    a[own + i] = Math.sqrt(pivot);
  }
}

/** Inverse of a lower triangle into `out` at `at`, by rows, four of the rows above at a time. */
function lowerInverse(l: Float64Array, size: number, out: Float64Array, at: number): void {
  for (let i = 0; i < size; i++) {
    const own = at + i * size;
    const inverse = 1 / (l[i * size + i] ?? 1);
    let k = 0;
    for (; k + 3 < i; k += 4) {
      const p = -inverse * (l[i * size + k] ?? 0), q = -inverse * (l[i * size + k + 1] ?? 0), r = -inverse * (l[i * size + k + 2] ?? 0), s = -inverse * (l[i * size + k + 3] ?? 0);
      const row = at + k * size;
      // Row k + 3 has entries up to its own place; those beyond a row's end are zero.
      for (let j = 0; j <= k + 3; j++) {
        out[own + j] = (out[own + j] ?? 0) + p * (out[row + j] ?? 0) + q * (out[row + size + j] ?? 0) + r * (out[row + 2 * size + j] ?? 0) + s * (out[row + 3 * size + j] ?? 0);
      }
    }
    for (; k < i; k++) {
      const p = -inverse * (l[i * size + k] ?? 0);
      for (let j = 0; j <= k; j++) out[own + j] = (out[own + j] ?? 0) + p * (out[at + k * size + j] ?? 0);
    }
    out[own + i] = inverse;
  }
}

/** Solutions `[count, size]`. Throws UserError (`bad-input`) naming a pivot that is not positive. */
export async function solveBatch(batch: SystemBatch, products: Products, signal?: AbortSignal): Promise<F64> {
  const { size } = batch;
  const blocks = Math.ceil(size / BLOCK);
  const height = Math.ceil(size / blocks);
  const padded = blocks * height;
  const uppers: F64[] = [];
  for (let j = 0; j < blocks; j++) {
    throwIfAborted(signal);
    const start = j * height;
    const assembled = assembleRows(batch, start, height, padded);
    const rest = j === 0 ? assembled : await products.downdateBatch(assembled, uppers.map((upper, i) => ({ upper, offset: (j - i) * height })));
    const inverses = diagonalInverses(rest, start);
    uppers.push(await products.multiplyBatch(inverses, rest));
  }
  return substituteBack(uppers, batch, height, padded);
}

/** Rows `start .. start + height - 1` of every system from the diagonal block on, with the right-hand side: `[count, height, padded - start + 1]`. Rows beyond the size are those of the identity. */
function assembleRows({ size, count, row, right }: SystemBatch, start: number, height: number, padded: number): F64 {
  const width = padded - start + 1;
  const out = new Float64Array(count * height * width);
  // Rows outermost: the same rows of different systems lie close together in what they are gathered from.
  for (let i = 0; i < height; i++) {
    for (let item = 0; item < count; item++) {
      const at = (item * height + i) * width;
      if (start + i >= size) { out[at + i] = 1; continue; }
      row(item, start + i, start, out, at);
      out[at + width - 1] = right(item, start + i);
    }
  }
  return ndarray('float64', [count, height, width], out);
}

/** U_jj^-T of every item, `[count, height, height]`; its product with the block row is the finished block row. */
function diagonalInverses(rest: F64, start: number): F64 {
  const [count = 0, height = 0, width = 0] = rest.shape;
  const out = new Float64Array(count * height * height);
  const block = new Float64Array(height * height);
  for (let item = 0; item < count; item++) {
    // The block is symmetric: its rows are read as the lower triangle.
    for (let i = 0; i < height; i++) {
      const at = (item * height + i) * width;
      for (let k = 0; k <= i; k++) block[i * height + k] = rest.data[(item * height + k) * width + i] ?? 0;
      block[i * height + i] = rest.data[at + i] ?? 0;
    }
    lowerFactor(block, height, start);
    lowerInverse(block, height, out, item * height * height);
  }
  return ndarray('float64', [count, height, height], out);
}

/** w from U w = z, from the last row up. */
function substituteBack(uppers: readonly F64[], { size, count }: SystemBatch, height: number, padded: number): F64 {
  const out = new Float64Array(count * size);
  const w = new Float64Array(padded);
  for (let item = 0; item < count; item++) {
    for (let j = uppers.length - 1; j >= 0; j--) {
      const upper = uppers[j];
      if (upper === undefined) continue;
      const { data } = upper;
      const start = j * height;
      const width = padded - start + 1;
      for (let i = height - 1; i >= 0; i--) {
        const at = (item * height + i) * width;
        let sum = data[at + width - 1] ?? 0, other = 0, k = i + 1;
        for (; k + 1 < width - 1; k += 2) {
          sum -= (data[at + k] ?? 0) * (w[start + k] ?? 0);
          other -= (data[at + k + 1] ?? 0) * (w[start + k + 1] ?? 0);
        }
        if (k < width - 1) sum -= (data[at + k] ?? 0) * (w[start + k] ?? 0);
        w[start + i] = (sum + other) / (data[at + i] ?? 1);
      }
    }
    out.set(w.subarray(0, size), item * size);
  }
  return ndarray('float64', [count, size], out);
}
