/** Leading eigenpairs against the full decomposition. */
import { describe, expect, it } from 'vitest';
import { ndarray } from '../../../common/ndarray.ts';
import { fillNormal, random } from '../../../common/random.ts';
import { eigh } from '../../../main/linalg/eigh.ts';
import { leadingEigen } from '../../../main/linalg/leading-eigen.ts';
import { plainProducts } from '../../../main/linalg/plain-products.ts';
import { expectClose } from '../../support/close.ts';

const SEED = 71;

describe('leading eigenpairs', () => {
  // Values that fall slowly, fast, and a matrix of low rank; all values of a small one.
  it.each([['slowly', 90, 90, 0.97], ['fast', 70, 70, 0.6], ['low rank', 80, 7, 0.9], ['small', 5, 5, 0.5]] as const)('are those of the whole decomposition (%s)', async (_, n, rank, fall) => {
    const products = plainProducts(), factor = fillNormal(new Float32Array(n * rank), random(SEED)).map((x, i) => x * fall ** (i % rank));
    const matrix = ndarray('float64', [n, n], Float64Array.from({ length: n * n }, (_unused, at) => {
      let sum = 0;
      for (let k = 0; k < rank; k++) sum += factor[Math.floor(at / n) * rank + k]! * factor[(at % n) * rank + k]!;
      return sum;
    }));
    const whole = await eigh(matrix, products), made = await leadingEigen(matrix, 12, products), count = Math.min(12, n);
    expect(made.vectors.shape).toEqual([count, n]);
    const largest = whole.values[n - 1] ?? 0;
    // Values rest to 1e-9 of the largest between iterations; what is left may be some tens of that.
    expectClose(made.values, Float64Array.from({ length: count }, (_unused, k) => whole.values[n - 1 - k] ?? 0), { absolute: 1e-7 * largest }, SEED);
    for (let k = 0; k < count && (made.values[k] ?? 0) > 1e-6 * largest; k++) {
      const v = made.vectors.data.subarray(k * n, (k + 1) * n), image = Array.from({ length: n }, (_unused, i) => v.reduce((sum, x, j) => sum + x * matrix.data[i * n + j]!, 0));
      // |A v - lambda v|: the error of the vector is of the root of the value's.
      expect(Math.hypot(...image.map((x, i) => x - made.values[k]! * v[i]!))).toBeLessThan(1e-3 * largest);
      expectClose(Math.hypot(...v), 1, { absolute: 1e-12 }, SEED);
    }
    await products.release();
  });
  it('of zeros are zero', async () => {
    const products = plainProducts();
    expect([...(await leadingEigen(ndarray('float64', [3, 3], new Float64Array(9)), 2, products)).values]).toEqual([0, 0]);
    await products.release();
  });
});
