import { afterAll, describe, expect, it } from 'vitest';
import { f32, ndarray } from '../../../common/ndarray.ts';
import { random } from '../../../common/random.ts';
import { cholesky, inverse, invertUpper } from '../../../main/linalg/cholesky.ts';
import { eigh } from '../../../main/linalg/eigh.ts';
import { columnGram, rowGram } from '../../../main/linalg/gram.ts';
import { asType, diagonal, largestEigenvalue, panelsOf, symmetricBlock, symmetricRows } from '../../../main/linalg/panels.ts';
import { plainProducts } from '../../../main/linalg/plain-products.ts';
import { LARGEST_BYTES } from '../../../main/linalg/products.ts';
import { sessionProducts } from '../../../main/linalg/session-products.ts';
import { submatrix } from '../../../main/linalg/submatrix.ts';
import { expectClose } from '../../support/close.ts';
import type { F32, F64 } from '../../../common/ndarray.ts';
import type { Matrix, Products } from '../../../main/linalg/products.ts';

const SEED = 4711;
/** Sums of at most 100 products of numbers below 4 in float32: 100 * 16 * 6e-8. */
const SINGLE = { absolute: 1e-4 };
/** Double precision, matrices of condition below 1e4. */
const DOUBLE = { absolute: 1e-10 };

const session = sessionProducts({ threads: 2 });
const ROUTES: Readonly<Record<string, Products>> = { session, plain: plainProducts() };
afterAll(() => session.release());

function normal(rows: number, columns: number, seed: number): F64 {
  const source = random(seed);
  return ndarray('float64', [rows, columns], Float64Array.from({ length: rows * columns }, () => source.normal()));
}

function single(x: F64): F32 {
  return f32(x.shape, Float32Array.from(x.data));
}

/** The obvious triple loop, written apart from the package. */
function slow(a: F64, b: F64, at: (i: number, j: number, k: number) => readonly [number, number], rows: number, columns: number, inner: number): Float64Array {
  return Float64Array.from({ length: rows * columns }, (_, n) => {
    let sum = 0;
    for (let k = 0; k < inner; k++) {
      const [x, y] = at(Math.floor(n / columns), n % columns, k);
      sum += (a.data[x] ?? NaN) * (b.data[y] ?? NaN);
    }
    return sum;
  });
}

/** X X' + I n/10: symmetric positive definite, condition about 1e2. */
function definite(n: number, seed: number): F64 {
  const x = normal(n, n, seed);
  const out = slow(x, x, (i, j, k) => [i * n + k, j * n + k], n, n, n);
  for (let i = 0; i < n; i++) out[i * n + i] = (out[i * n + i] ?? 0) + n / 10;
  return ndarray('float64', [n, n], out);
}

for (const [name, products] of Object.entries(ROUTES)) {
  describe(`products by ${name}`, () => {
    const a = normal(7, 11, SEED);
    const b = normal(11, 5, SEED + 1);
    const c = normal(7, 5, SEED + 2);
    it('A B, in both precisions', async () => {
      const expected = slow(a, b, (i, j, k) => [i * 11 + k, k * 5 + j], 7, 5, 11);
      expectClose((await products.multiply('ab', a, b)).data, expected, DOUBLE, SEED);
      expectClose((await products.multiply('ab', single(a), single(b))).data, expected, SINGLE, SEED);
    });
    it("A' B", async () => {
      expectClose((await products.multiply('aTb', a, c)).data, slow(a, c, (i, j, k) => [k * 11 + i, k * 5 + j], 11, 5, 7), DOUBLE, SEED);
    });
    it("A B'", async () => {
      expectClose((await products.multiply('abT', b, c)).data, slow(b, c, (i, j, k) => [i * 5 + k, j * 5 + k], 11, 7, 5), DOUBLE, SEED);
    });
    it('base plus and minus a product', async () => {
      const product = slow(a, b, (i, j, k) => [i * 11 + k, k * 5 + j], 7, 5, 11);
      for (const sign of [1, -1] as const) {
        expectClose((await products.accumulate(c, sign, 'ab', a, b)).data, c.data.map((v, i) => v + sign * (product[i] ?? NaN)), DOUBLE, SEED);
      }
    });
    it('residual sums of a prediction of two terms', async () => {
      const d = normal(7, 3, SEED + 3);
      const e = normal(3, 5, SEED + 4);
      const first = slow(a, b, (i, j, k) => [i * 11 + k, k * 5 + j], 7, 5, 11);
      const second = slow(d, e, (i, j, k) => [i * 3 + k, k * 5 + j], 7, 5, 3);
      const column = (j: number, f: (p: number, y: number) => number): number => {
        let sum = 0;
        for (let i = 0; i < 7; i++) sum += f((first[i * 5 + j] ?? NaN) + (second[i * 5 + j] ?? NaN), c.data[i * 5 + j] ?? NaN);
        return sum;
      };
      const sums = await products.residualSums([{ left: single(a), right: single(b) }, { left: single(d), right: single(e) }], single(c));
      const columns = [0, 1, 2, 3, 4];
      const relative = { relative: 1e-5, absolute: 1e-4 };
      expectClose(sums.squaredError, columns.map((j) => column(j, (p, y) => (y - p) ** 2)), relative, SEED);
      expectClose(sums.prediction, columns.map((j) => column(j, (p) => p)), relative, SEED);
      expectClose(sums.squaredPrediction, columns.map((j) => column(j, (p) => p * p)), relative, SEED);
    });
    it('operands that do not fit are refused', async () => {
      await expect((async () => products.multiply('ab', a, c))()).rejects.toThrow('product ab');
    });
  });

  describe(`factorisations by ${name}`, () => {
    // 37 rows in panels of 8: four whole panels and a narrow one.
    const matrix = definite(37, SEED);
    const panels = panelsOf(matrix, 8);
    it('Gram matrices equal the triple loop', async () => {
      const x = normal(23, 9, SEED + 5);
      const loop = single(x);
      const exact = ndarray('float64', [23, 9], Float64Array.from(loop.data));
      expectClose(symmetricRows(await rowGram(loop, products, { width: 5 }), 0, 23).data, slow(exact, exact, (i, j, k) => [i * 9 + k, j * 9 + k], 23, 23, 9), DOUBLE, SEED);
      expectClose(symmetricRows(await columnGram(loop, products, { width: 4 }), 0, 9).data, slow(exact, exact, (i, j, k) => [k * 9 + i, k * 9 + j], 9, 9, 23), DOUBLE, SEED);
    });
    it('panels give back the matrix, some rows of it, and its diagonal', () => {
      expectClose(symmetricRows(panels, 0, 37).data, matrix.data, DOUBLE);
      expectClose(symmetricRows(panels, 5, 19).data, matrix.data.subarray(5 * 37, 19 * 37), DOUBLE);
      expectClose(diagonal(panels), Float64Array.from({ length: 37 }, (_, i) => matrix.data[i * 38] ?? NaN), {});
    });
    it('blocks and submatrices hold the entries of their rows and columns', () => {
      const block = symmetricBlock(panels, [6, 21], [11, 30]);
      expectClose(block.data, Float64Array.from({ length: 15 * 19 }, (_, n) => matrix.data[(6 + Math.floor(n / 19)) * 37 + 11 + (n % 19)] ?? NaN), {});
      const kept = [...Array.from({ length: 7 }, (_, i) => 2 + i), ...Array.from({ length: 10 }, (_, i) => 20 + i)];
      const small = symmetricRows(submatrix(panels, [[2, 9], [20, 30]], 5), 0, 17);
      expectClose(small.data, Float64Array.from({ length: 289 }, (_, n) => matrix.data[(kept[Math.floor(n / 17)] ?? 0) * 37 + (kept[n % 17] ?? 0)] ?? NaN), {});
    });
    it("U' U is A + shift I", async () => {
      const { upper } = await cholesky(panels, 2.5, products);
      for (let i = 0; i < 37; i++) {
        for (let j = i; j < 37; j++) {
          let sum = 0;
          for (let k = 0; k <= i; k++) sum += at(upper, k, i) * at(upper, k, j);
          expectClose(sum, (matrix.data[i * 37 + j] ?? NaN) + (i === j ? 2.5 : 0), DOUBLE, SEED);
        }
      }
    });
    it('triangular inverse times U, and inverse times A + shift I, are the identity', async () => {
      const factor = await cholesky(panels, 0.5, products);
      const v = await invertUpper(factor, products);
      const inverted = symmetricRows(await inverse(factor, products), 0, 37);
      for (let i = 0; i < 37; i++) {
        for (let j = 0; j < 37; j++) {
          let upper = 0;
          let full = 0;
          for (let k = 0; k < 37; k++) {
            if (k >= i && k <= j) upper += at(v, i, k) * at(factor.upper, k, j);
            full += (inverted.data[i * 37 + k] ?? NaN) * ((matrix.data[k * 37 + j] ?? NaN) + (k === j ? 0.5 : 0));
          }
          expectClose([upper, full], [i === j ? 1 : 0, i === j ? 1 : 0], DOUBLE, SEED);
        }
      }
    });
    it('diagonal blocks wider than 64 are factored by blocks of their own', async () => {
      const wide = definite(150, SEED + 9);
      const inverted = symmetricRows(await inverse(await cholesky(panelsOf(wide, 100), 1, products), products), 0, 150);
      const identity = slow(ndarray('float64', [150, 150], new Float64Array(inverted.data)), wide, (i, j, k) => [i * 150 + k, k * 150 + j], 150, 150, 150)
        .map((value, n) => value + (inverted.data[n] ?? NaN));
      expectClose(identity, Float64Array.from({ length: 150 * 150 }, (_, n) => (n % 151 === 0 ? 1 : 0)), DOUBLE, SEED);
      const bad = ndarray('float64', [150, 150], wide.data.slice());
      bad.data[140 * 151] = -1;
      await expect(cholesky(panelsOf(bad, 100), 0, products)).rejects.toThrow('pivot 140 is');
    });
    it('single precision inverts within its rounding', async () => {
      const exact = symmetricRows(await inverse(await cholesky(panels, 0.5, products), products), 0, 37);
      const rounded = symmetricRows(await inverse(await cholesky(panels, 0.5, products, { dtype: 'float32' }), products), 0, 37);
      expect(rounded.dtype).toBe('float32');
      // Condition about 1e2 and entries about 0.1: 1e2 * 6e-8, with room for 37 roundings.
      expectClose(rounded.data, exact.data, { absolute: 5e-6 }, SEED);
    });
    it('the largest eigenvalue is found from below', async () => {
      const { values } = await eigh(matrix, products);
      const top = values[36] ?? NaN;
      const found = largestEigenvalue(panelsOf(asType(matrix, 'float32'), 8));
      expect(found).toBeLessThanOrEqual(top * (1 + 1e-6));
      expect(found).toBeGreaterThan(0.85 * top);
    });
    it('a matrix that is not positive definite is refused with the pivot', async () => {
      await expect(cholesky(panelsOf(ndarray('float64', [2, 2], Float64Array.of(1, 2, 2, 1)), 1), 0, products)).rejects.toThrow('pivot 1 is -3');
    });
    it('eigenvectors are orthonormal, ordered, and rebuild the matrix', async () => {
      const n = 90; // more than one block of reflectors
      const a = definite(n, SEED + 6);
      const { values, vectors } = await eigh(a, products);
      const rebuilt = new Float64Array(n * n);
      const overlaps = new Float64Array(n * n);
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          for (let k = 0; k < n; k++) {
            rebuilt[i * n + j] = (rebuilt[i * n + j] ?? 0) + (values[k] ?? NaN) * (vectors.data[k * n + i] ?? NaN) * (vectors.data[k * n + j] ?? NaN);
            overlaps[i * n + j] = (overlaps[i * n + j] ?? 0) + (vectors.data[i * n + k] ?? NaN) * (vectors.data[j * n + k] ?? NaN);
          }
        }
      }
      expectClose(rebuilt, a.data, DOUBLE, SEED);
      expectClose(overlaps, Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0)), DOUBLE, SEED);
      expect(values.every((value, i) => i === 0 || value >= (values[i - 1] ?? NaN))).toBe(true);
    });
    it('eigenvalues of the second-difference matrix are 2 - 2 cos(k pi / (n + 1))', async () => {
      const n = 50;
      const a = ndarray('float64', [n, n], Float64Array.from({ length: n * n }, (_, m) => {
        const gap = Math.abs(Math.floor(m / n) - (m % n));
        return gap === 0 ? 2 : gap === 1 ? -1 : 0;
      }));
      const { values } = await eigh(a, products);
      expectClose(values, Float64Array.from({ length: n }, (_, k) => 2 - 2 * Math.cos(((k + 1) * Math.PI) / (n + 1))), DOUBLE);
    });
    it('repeated and zero eigenvalues are found', async () => {
      const n = 12;
      const { values } = await eigh(ndarray('float64', [n, n], new Float64Array(n * n).fill(1)), products);
      expectClose(values, Float64Array.from({ length: n }, (_, i) => (i === n - 1 ? n : 0)), DOUBLE);
      const identity = await eigh(ndarray('float64', [3, 3], Float64Array.of(2, 0, 0, 0, 2, 0, 0, 0, 2)), products);
      expectClose(identity.values, [2, 2, 2], {});
    });
    it('a Gram matrix of more rows than columns has the eigenvalues of the smaller one, and zeros', async () => {
      const n = 150, v = 40;
      const x = normal(n, v, SEED + 7);
      const large = slow(x, x, (i, j, k) => [i * v + k, j * v + k], n, n, v), small = slow(x, x, (i, j, k) => [k * v + i, k * v + j], v, v, n);
      const [{ values }, expected] = [await eigh(ndarray('float64', [n, n], large), products), await eigh(ndarray('float64', [v, v], small), products)];
      expectClose(values, [...new Float64Array(n - v), ...expected.values], DOUBLE, SEED);
    });
  });
}

function at(matrix: { readonly width: number; readonly size: number; readonly panels: readonly Matrix[] }, i: number, j: number): number {
  const p = Math.floor(j / matrix.width);
  const panel = matrix.panels[p];
  return panel?.data[i * (panel.shape[1] ?? 0) + j - p * matrix.width] ?? NaN;
}

describe('limits', () => {
  it('a product above the largest tensor is refused before it is computed', async () => {
    const side = Math.ceil(Math.sqrt(LARGEST_BYTES / 4)) + 1;
    await expect((async () => session.multiply('ab', f32([side, 1], new Float32Array(side)), f32([1, side], new Float32Array(side))))()).rejects.toThrow('work in blocks');
  });
  it('a fired signal stops a factorisation', async () => {
    const panels = panelsOf(definite(20, SEED), 4);
    await expect(cholesky(panels, 1, session, { signal: AbortSignal.abort() })).rejects.toThrow('cancelled');
  });
});
