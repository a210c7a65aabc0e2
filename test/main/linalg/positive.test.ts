import { afterAll, describe, expect, it } from 'vitest';
import { ndarray } from '../../../common/ndarray.ts';
import { fillNormal, random } from '../../../common/random.ts';
import { asType, leading, panelsOf, symmetricBlock } from '../../../main/linalg/panels.ts';
import { plainProducts } from '../../../main/linalg/plain-products.ts';
import { factorPositive, invertPositive, solvePositive } from '../../../main/linalg/positive.ts';
import { sessionProducts } from '../../../main/linalg/session-products.ts';
import { expectClose } from '../../support/close.ts';
import type { F64 } from '../../../common/ndarray.ts';

const SEED = 20;
const sessions = sessionProducts({ threads: 1 });
afterAll(() => sessions.release());

/** X X' / n + I of a seeded normal X: condition number about 5. */
function positive(size: number): F64 {
  const x = fillNormal(new Float32Array(size * size), random(SEED + size));
  return ndarray('float64', [size, size], Float64Array.from({ length: size * size }, (_, at) => {
    const i = Math.floor(at / size), j = at % size;
    let sum = i === j ? 1 : 0;
    for (let k = 0; k < size; k++) sum += ((x[i * size + k] ?? 0) * (x[j * size + k] ?? 0)) / size;
    return sum;
  }));
}

/** Only the lower triangle may be read. */
function lowerOnly(a: F64): F64 {
  const [size = 0] = a.shape;
  return ndarray('float64', a.shape, a.data.map((value, at) => (at % size > Math.floor(at / size) ? NaN : value)));
}

const identity = (size: number): Float64Array => Float64Array.from({ length: size * size }, (_, at) => (Math.floor(at / size) === at % size ? 1 : 0));

describe('positive definite matrices by halving', () => {
  // Around the leaf size, odd splits, several levels.
  for (const size of [1, 2, 63, 64, 65, 130, 257]) {
    for (const [dtype, tolerance] of [['float64', 1e-12], ['float32', 5e-6]] as const) {
      it(`size ${size}, ${dtype}: A times its inverse is the identity, the inverse is symmetric, only the lower triangle is read`, async () => {
        const a = positive(size);
        const inverse = await invertPositive(asType(lowerOnly(a), dtype), sessions);
        expect(inverse.dtype).toBe(dtype);
        const product = await plainProducts().multiply('ab', a, ndarray('float64', a.shape, Float64Array.from(inverse.data)));
        expectClose(product.data, identity(size), { absolute: tolerance });
        let unequal = 0;
        for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) if (inverse.data[i * size + j] !== inverse.data[j * size + i]) unequal++;
        expect(unequal).toBe(0);
      });
      it(`size ${size}, ${dtype}: solving from the right undoes a product`, async () => {
        const a = positive(size);
        const truth = ndarray('float64', [5, size], Float64Array.from(fillNormal(new Float32Array(5 * size), random(SEED))));
        const b = await plainProducts().multiply('ab', truth, a);
        const solved = await solvePositive(await factorPositive(asType(lowerOnly(a), dtype), sessions), asType(b, dtype), sessions);
        expectClose(solved.data, truth.data, { absolute: tolerance * 10 });
      });
    }
  }
  it('names the pivot that is not positive, wherever it is', async () => {
    for (const at of [3, 70, 129]) {
      const a = positive(130);
      a.data[at * 130 + at] = -1;
      await expect(invertPositive(a, sessions)).rejects.toThrow(`pivot ${at} `);
      await expect(factorPositive(a, sessions)).rejects.toThrow(`pivot ${at} `);
    }
  });
  it('stops when the signal fires, and counts its work up to 1', async () => {
    const a = positive(257);
    const seen: number[] = [];
    await invertPositive(a, sessions, { progress: (share) => { seen.push(share); } });
    expect(Math.max(...seen)).toBeLessThanOrEqual(1);
    expect(seen.at(-1)).toBeGreaterThan(0.8);
    const controller = new AbortController();
    controller.abort();
    await expect(invertPositive(a, sessions, { signal: controller.signal })).rejects.toThrow('cancelled');
  });
  it('the leading part of panels is the leading part of the matrix', () => {
    const a = positive(130);
    for (const size of [1, 40, 41, 80, 130]) {
      expect(symmetricBlock(leading(panelsOf(a, 40), size), [0, size], [0, size]).data).toEqual(symmetricBlock(panelsOf(a, 40), [0, size], [0, size]).data);
    }
  });
});
