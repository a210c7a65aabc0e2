/** The check of weights: its estimate against the true error by a direct solve in double precision, and what a fit does when it fails. */
import { afterAll, describe, expect, it } from 'vitest';
import { f32, ndarray } from '../../../common/ndarray.ts';
import { fillNormal, random } from '../../../common/random.ts';
import { plainProducts } from '../../../main/linalg/plain-products.ts';
import { sessionProducts } from '../../../main/linalg/session-products.ts';
import { memoryStore } from '../../../main/ridge/artefact.ts';
import { memoryCheckpoint } from '../../../main/ridge/checkpoint.ts';
import { openDecoder, primalWeights } from '../../../main/ridge/decoder.ts';
import { fitDecoder } from '../../../main/ridge/fit.ts';
import { RIDGE_SOLVERS } from '../../../main/ridge/solvers.ts';
import { applyStandard, columnStatistics } from '../../../main/ridge/standardise.ts';
import { arrayTargets } from '../../../main/ridge/targets.ts';
import { verifyWeights, WEIGHT_TOLERANCE } from '../../../main/ridge/verify.ts';
import { directRidge } from './slow-solve.ts';
import type { F32 } from '../../../common/ndarray.ts';

const SEED = 41;
const products = sessionProducts({ threads: 1 });
afterAll(() => products.release());

function normal(rows: number, columns: number, name: string): F32 {
  return f32([rows, columns], fillNormal(new Float32Array(rows * columns), random(SEED).fork(name)));
}

function centred(matrix: F32): F32 {
  return applyStandard(matrix, columnStatistics(matrix).mean, new Float64Array(matrix.shape[1] ?? 0).fill(1));
}

function relativeError(found: ArrayLike<number>, targets: number, t: number, expected: Float64Array): number {
  let error = 0, size = 0;
  expected.forEach((value, v) => { error += ((found[v * targets + t] ?? NaN) - value) ** 2; size += value * value; });
  return Math.sqrt(error / size);
}

describe('the estimate of the error of weights', () => {
  const cases = (['dual', 'primal'] as const).flatMap((name) => [1e-5, 1e-3, 0.1].map((spoiled) => ({ name, spoiled })));
  for (const { name, spoiled } of cases) {
    it(`${name}: within a tenth of the true error of weights that are wrong by ${spoiled}`, async () => {
      const rows = 50, voxels = 60, alpha = 2;
      const x = centred(normal(rows, voxels, 'x')), y = centred(normal(rows, 2, 'y'));
      const solver = RIDGE_SOLVERS[name];
      const prepared = await solver.prepare(x, products, {});
      const weights = await prepared.weights(alpha, await prepared.basis(y));
      const wrong = normal(weights.shape[0] ?? 0, 2, 'wrong');
      const stored = f32(weights.shape, weights.data.map((value, at) => value * (1 + spoiled * (wrong.data[at] ?? NaN))));
      const verdicts = await verifyWeights({ x, y, form: name, weights: stored, penalties: [alpha, alpha], correct: (penalty, right) => prepared.exact(penalty, right) }, products);
      // The weights that these dual ones stand for, in double precision by plain loops.
      const used = name === 'primal' ? stored.data : (await plainProducts().multiply('aTb', ndarray('float64', x.shape, new Float64Array(x.data)), ndarray('float64', stored.shape, new Float64Array(stored.data)))).data;
      directRidge(x, y, alpha).forEach((expected, t) => {
        const truth = relativeError(used, 2, t, expected);
        expect((verdicts[t]?.error ?? NaN) / truth, `seed ${SEED}, target ${t}, true error ${truth}`).toBeGreaterThan(0.9);
        expect((verdicts[t]?.error ?? NaN) / truth, `seed ${SEED}, target ${t}, true error ${truth}`).toBeLessThan(1.1);
      });
    });
  }
  it('the residual is that of the system, by plain loops in double precision', async () => {
    const rows = 20, voxels = 30, alpha = 2;
    const x = centred(normal(rows, voxels, 'x')), y = centred(normal(rows, 1, 'y')), c = centred(normal(rows, 1, 'c'));
    const prepared = await RIDGE_SOLVERS.dual.prepare(x, products, {});
    const [verdict] = await verifyWeights({ x, y, form: 'dual', weights: c, penalties: [alpha], correct: (penalty, right) => prepared.exact(penalty, right) }, products);
    const at = (matrix: F32, i: number, j = 0): number => matrix.data[i * (matrix.shape[1] ?? 1) + j] ?? NaN;
    let left = 0, size = 0;
    for (let i = 0; i < rows; i++) {
      let value = at(y, i) - alpha * at(c, i);
      for (let j = 0; j < rows; j++) { let k = 0; for (let v = 0; v < voxels; v++) k += at(x, i, v) * at(x, j, v); value -= k * at(c, j); }
      left += value ** 2;
      size += at(y, i) ** 2;
    }
    // Columns are centred to single precision only: the constant part that the check leaves out is below 1e-6 of the rest.
    expect(Math.abs((verdict?.residual ?? NaN) / Math.sqrt(left / size) - 1)).toBeLessThan(1e-6);
  });
});

describe('a fit whose single-precision weights would miss', () => {
  const rows = 150, voxels = 40;
  const x = normal(rows, voxels, 'tall'), y = normal(rows, 3, 'targets');
  for (const solver of ['dual', 'dual-eigen'] as const) {
    it(`solves again in double precision and stores by voxel: ${solver} forced on tall X with a tiny penalty`, async () => {
      const alpha = 1e-4;
      const store = memoryStore(), checkpoint = memoryCheckpoint();
      await fitDecoder({ x, y: arrayTargets(y), alphas: [alpha], folds: null, solver }, { products, store, checkpoint });
      const decoder = await openDecoder(store);
      expect(decoder.record.check).toMatchObject({ tolerance: WEIGHT_TOLERANCE, targets: 2, again: [{ alpha, grade: 'double, by voxel' }], missed: [] });
      expect(decoder.record.form).toBe('primal');
      const weights = (await primalWeights(decoder, products)).data;
      directRidge(x, y, alpha).forEach((expected, t) => { expect(relativeError(weights, 3, t, expected), `seed ${SEED}, target ${t}`).toBeLessThan(WEIGHT_TOLERANCE); });
      // What would have been stored without the check: this test must be able to fail.
      const prepared = await RIDGE_SOLVERS[solver].prepare(centred(x), products, {});
      const single = await products.multiply('aTb', centred(x), await prepared.weights(alpha, centred(y)));
      directRidge(x, y, alpha).forEach((expected, t) => { expect(relativeError(single.data, 3, t, expected)).toBeGreaterThan(WEIGHT_TOLERANCE); });
    });
  }
  it('keeps penalties that pass as they are, beside those that are solved again', async () => {
    const alphas = [1e-4, 1e3];
    // Targets without noise choose the small penalty, noise the large one.
    const mixed = f32([rows, 2], Float32Array.from({ length: rows * 2 }, (_, at) => (at % 2 === 0 ? (x.data[(at >> 1) * voxels] ?? NaN) : (y.data[(at >> 1) * 3] ?? NaN))));
    const decoder = await fitDecoder({ x, y: arrayTargets(mixed), alphas, folds: { kind: 'k-fold', folds: 3 }, solver: 'dual' }, { products, store: memoryStore() });
    expect(decoder.record.alphaPerTarget).toEqual(alphas);
    expect(decoder.record.check?.missed).toEqual([]);
    const weights = (await primalWeights(decoder, products)).data;
    alphas.forEach((alpha, t) => { expect(relativeError(weights, 2, t, directRidge(x, mixed, alpha)[t] ?? new Float64Array()), `seed ${SEED}, target ${t}`).toBeLessThan(WEIGHT_TOLERANCE); });
  });
  it('is right or named, however small the penalty, and what cannot be factored is refused', async () => {
    let missed = 0;
    for (const alpha of [1e-6, 1e-9, 1e-12, 1e-15]) {
      const decoder = await fitDecoder({ x, y: arrayTargets(y), alphas: [alpha], folds: null, solver: 'dual-eigen' }, { products, store: memoryStore() });
      const weights = (await primalWeights(decoder, products)).data;
      const worst = Math.max(...directRidge(x, y, alpha).map((expected, t) => relativeError(weights, 3, t, expected)));
      const named = decoder.record.check?.missed.some((one) => one.alpha === alpha) === true;
      if (named) missed++;
      else expect(worst, `seed ${SEED}, penalty ${alpha}`).toBeLessThan(WEIGHT_TOLERANCE);
    }
    expect(missed).toBeGreaterThan(0);
    const twins = f32([rows, voxels], x.data.slice());
    for (let i = 0; i < rows; i++) twins.data[i * voxels + 1] = (x.data[i * voxels] ?? NaN) * 1e6;
    await expect(fitDecoder({ x: twins, y: arrayTargets(y), alphas: [1e-12], folds: null, solver: 'dual' }, { products, store: memoryStore() })).rejects.toThrow('not positive definite');
  });
  it('says which precision what had', async () => {
    const { record } = await fitDecoder({ x, y: arrayTargets(y), alphas: [1, 10], folds: { kind: 'k-fold', folds: 3 } }, { products, store: memoryStore() });
    // 40 voxels: single factors begin at 512.
    expect(record.precision).toMatchObject({ gram: 'float64', factors: [{ alpha: 1, precision: 'float64' }, { alpha: 10, precision: 'float64' }], products: 'float32', stored: 'float32' });
  });
});
