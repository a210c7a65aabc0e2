/**
 * Eigendecomposition of a symmetric matrix, double precision: A = Q diag(values) Q', values ascending, eigenvectors as *rows* of the result.
 *
 * 1. Householder reduction to tridiagonal form, lower triangle only, 2/3 n^3 multiply-adds (sequential).
 * 2. Implicit QL iterations with Wilkinson-like shifts (the `tql2` form); rotations are applied to rows, so every access is contiguous.
 * 3. Back transformation by blocks of reflectors in compact WY form, as products.
 * Steps 1 and 2 are plain typed-array code: right for up to about 2000 rows. Ridge fits use Cholesky
 * factors instead, which are nearly all products; this is for many penalties on small problems and for spectra.
 */
import { UserError, throwIfAborted } from '../../common/errors.ts';
import { ndarray } from '../../common/ndarray.ts';
import type { F64 } from '../../common/ndarray.ts';
import type { Products } from './products.ts';

export interface Eigen {
  /** Ascending, `[n]`. */
  readonly values: Float64Array;
  /** Row i is the unit eigenvector of value i, `[n, n]`. */
  readonly vectors: F64;
}

/** QL iterations allowed per eigenvalue; two are usual. */
const MOST_ITERATIONS = 60;
/** Reflectors per block of the back transformation. */
const BLOCK = 64;

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** `off[i]` couples i and i + 1; last is 0. */
  readonly off: Float64Array;
  /** Reflector k in row k: H_k = I - tau_k v_k v_k', nonzero from k + 1 on. */
  readonly reflectors: Float64Array;
  readonly taus: Float64Array;
}

/** Reduction of the lower triangle of `a` (destroyed), row k eliminated at step k. */
function tridiagonalise(a: Float64Array, n: number, signal: AbortSignal | undefined): Tridiagonal {
  const diagonal = new Float64Array(n);
  const off = new Float64Array(n);
  const reflectors = new Float64Array(n * n);
  const taus = new Float64Array(n);
  const v = new Float64Array(n);
  const w = new Float64Array(n);
  for (let k = 0; k < n - 1; k++) {
    if (k % 32 === 0) throwIfAborted(signal);
    // 1. Reflector that maps column k below the diagonal to a multiple of its first entry.
    let norm = 0;
    for (let i = k + 1; i < n; i++) { const value = a[i * n + k] ?? 0; v[i] = value; norm += value * value; }
    const head = v[k + 1] ?? 0;
    diagonal[k] = a[k * n + k] ?? 0;
    if (norm - head * head <= Number.MIN_VALUE) { off[k] = head; continue; }
    const alpha = head > 0 ? -Math.sqrt(norm) : Math.sqrt(norm);
    off[k] = alpha;
    v[k + 1] = head - alpha;
    const tau = 2 / (norm - head * head + (head - alpha) ** 2);
    taus[k] = tau;
    reflectors.set(v.subarray(k + 1, n), k * n + k + 1);
    // 2. w = tau A v, from the lower triangle: each entry serves its row and its column.
    w.fill(0, k + 1);
    for (let i = k + 1; i < n; i++) {
      const row = i * n;
      const vi = v[i] ?? 0;
      let sum = 0;
      for (let j = k + 1; j < i; j++) {
        const value = a[row + j] ?? 0;
        sum += value * (v[j] ?? 0);
        w[j] = (w[j] ?? 0) + value * vi;
      }
      w[i] = (w[i] ?? 0) + sum + (a[row + i] ?? 0) * vi;
    }
    let dot = 0;
    for (let i = k + 1; i < n; i++) { w[i] = tau * (w[i] ?? 0); dot += (w[i] ?? 0) * (v[i] ?? 0); }
    // 3. A <- A - v q' - q v', q = w - (tau/2)(w'v) v.
    for (let i = k + 1; i < n; i++) w[i] = (w[i] ?? 0) - (tau / 2) * dot * (v[i] ?? 0);
    for (let i = k + 1; i < n; i++) {
      const row = i * n;
      const vi = v[i] ?? 0;
      const wi = w[i] ?? 0;
      for (let j = k + 1; j <= i; j++) a[row + j] = (a[row + j] ?? 0) - vi * (w[j] ?? 0) - wi * (v[j] ?? 0);
    }
  }
  if (n > 0) diagonal[n - 1] = a[n * n - 1] ?? 0;
  return { diagonal, off, reflectors, taus };
}

/** Implicit QL on (d, e); rows of z are rotated along, so that they become the eigenvectors. */
function qlIterations(d: Float64Array, e: Float64Array, z: Float64Array, n: number, signal: AbortSignal | undefined): void {
  // Couplings that are rounding of the largest entries are nothing, also between eigenvalues that are rounding themselves (rank-deficient matrices).
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, Math.abs(d[i] ?? 0) + Math.abs(e[i] ?? 0));
  const floor = Number.EPSILON * largest;
  for (let l = 0; l < n; l++) {
    if (l % 32 === 0) throwIfAborted(signal);
    for (let iteration = 0; ; iteration++) {
      // 1. The first negligible coupling at or after l.
      let m = l;
      while (m < n - 1 && Math.abs(e[m] ?? 0) > Math.max(floor, Number.EPSILON * (Math.abs(d[m] ?? 0) + Math.abs(d[m + 1] ?? 0)))) m++;
      if (m === l) break;
      if (iteration === MOST_ITERATIONS) {
        throw new UserError('bad-input', `eigenvalue ${l} did not converge in ${MOST_ITERATIONS} iterations`, { expected: 'a finite symmetric matrix', found: 'no convergence', fix: 'Check the data for values that are not finite.' });
      }
      // 2. Shift from the leading 2 x 2 block.
      const el = e[l] ?? 0;
      let g = ((d[l + 1] ?? 0) - (d[l] ?? 0)) / (2 * el);
      g = (d[m] ?? 0) - (d[l] ?? 0) + el / (g + (g >= 0 ? Math.hypot(g, 1) : -Math.hypot(g, 1)));
      // 3. Chase the bulge from m down to l.
      let s = 1;
      let c = 1;
      let p = 0;
      let i = m - 1;
      for (; i >= l; i--) {
        const f = s * (e[i] ?? 0);
        const b = c * (e[i] ?? 0);
        const r = Math.hypot(f, g);
        e[i + 1] = r;
        if (r === 0) { d[i + 1] = (d[i + 1] ?? 0) - p; e[m] = 0; break; }
        s = f / r;
        c = g / r;
        g = (d[i + 1] ?? 0) - p;
        const t = ((d[i] ?? 0) - g) * s + 2 * c * b;
        p = s * t;
        d[i + 1] = g + p;
        g = c * t - b;
        rotate(z, i * n, (i + 1) * n, n, c, s);
      }
      if (i >= l) continue;
      d[l] = (d[l] ?? 0) - p;
      e[l] = g;
      e[m] = 0;
    }
  }
}

/** Rows at `low` and `high`: (low, high) <- (c low - s high, s low + c high). */
function rotate(z: Float64Array, low: number, high: number, n: number, c: number, s: number): void {
  for (let k = 0; k < n; k++) {
    const a = z[low + k] ?? 0;
    const b = z[high + k] ?? 0;
    z[high + k] = s * a + c * b;
    z[low + k] = c * a - s * b;
  }
}

/** Rows of z are eigenvectors of the tridiagonal matrix; returns them multiplied by H_0 H_1 ... : z <- z (product of reflectors)'. */
async function backTransform(z: F64, { reflectors, taus }: Tridiagonal, n: number, products: Products, signal: AbortSignal | undefined): Promise<F64> {
  let out = z;
  for (let end = n - 1; end > 0; end = Math.max(0, end - BLOCK)) {
    throwIfAborted(signal);
    const start = Math.max(0, end - BLOCK);
    const count = end - start;
    // I - V' T V with the reflectors start .. end - 1 as rows of V; T upper triangular (forward product H_start ... H_end-1).
    const v = ndarray('float64', [count, n], reflectors.subarray(start * n, end * n));
    const overlaps = await products.multiply('abT', v, v);
    const t = new Float64Array(count * count);
    for (let j = 0; j < count; j++) {
      const tau = taus[start + j] ?? 0;
      t[j * count + j] = tau;
      for (let i = 0; i < j; i++) {
        let sum = 0;
        for (let k = i; k < j; k++) sum += (t[i * count + k] ?? 0) * (overlaps.data[k * count + j] ?? 0);
        t[i * count + j] = -tau * sum;
      }
    }
    // Row vectors: x' <- (H x)' = x' - ((x' V') T') V.
    const projected = await products.multiply('abT', out, v);
    const scaled = await products.multiply('abT', projected, ndarray('float64', [count, count], t));
    out = await products.accumulate(out, -1, 'ab', scaled, v);
  }
  return out;
}

/**
 * All eigenvalues and eigenvectors of a symmetric `[n, n]` matrix; only its lower triangle is read.
 * Throws RangeError if it is not square, UserError if an eigenvalue does not converge (values that are not finite).
 */
export async function eigh(matrix: F64, products: Products, signal?: AbortSignal): Promise<Eigen> {
  const [n = 0, columns = 0] = matrix.shape;
  if (n !== columns || matrix.shape.length !== 2) throw new RangeError(`eigendecomposition of [${matrix.shape.join(', ')}]`);
  const reduced = tridiagonalise(matrix.data.slice(), n, signal);
  const values = reduced.diagonal.slice();
  const z = new Float64Array(n * n);
  for (let i = 0; i < n; i++) z[i * n + i] = 1;
  qlIterations(values, reduced.off.slice(), z, n, signal);
  const vectors = await backTransform(ndarray('float64', [n, n], z), reduced, n, products, signal);
  // Ascending order.
  const order = Array.from(values.keys()).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const sorted = new Float64Array(n * n);
  order.forEach((from, to) => sorted.set(vectors.data.subarray(from * n, (from + 1) * n), to * n));
  return { values: Float64Array.from(order, (from) => values[from] ?? 0), vectors: ndarray('float64', [n, n], sorted) };
}
