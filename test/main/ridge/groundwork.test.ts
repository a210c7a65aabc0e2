/** Out-of-fold predictions against refits in double precision, and fits that share what X alone decides. */
import { afterAll, describe, expect, it } from 'vitest';
import { f32 } from '../../../common/ndarray.ts';
import { sessionProducts } from '../../../main/linalg/session-products.ts';
import { memoryStore } from '../../../main/ridge/artefact.ts';
import { fitDecoder } from '../../../main/ridge/fit.ts';
import { layGroundwork } from '../../../main/ridge/groundwork.ts';
import { arrayTargets, columnsOf } from '../../../main/ridge/targets.ts';
import { expectClose } from '../../support/close.ts';
import { goldenFolds, ridgeData, slowRidge, TARGETS, where } from './fixture.ts';
import type { F32 } from '../../../common/ndarray.ts';
import type { Products } from '../../../main/linalg/products.ts';
import type { FitOptions } from '../../../main/ridge/fit-options.ts';

const products = sessionProducts({ threads: 1 });
afterAll(() => products.release());
const ROWS = 40;
/** Predictions are about 50 +- 30 in single precision. */
const PREDICTION = { absolute: 2e-3 };

const KINDS: Readonly<Record<string, { readonly voxels: number; readonly more: Partial<FitOptions> }>> = {
  dual: { voxels: 60, more: {} },
  'dual, bracket': { voxels: 60, more: { search: 'bracket' } },
  'dual, z-scored in folds': { voxels: 60, more: { standardise: 'zscore' } },
  primal: { voxels: 12, more: {} },
  'primal, z-scored in folds': { voxels: 12, more: { standardise: 'zscore' } },
  'leave-one-out': { voxels: 60, more: { folds: { kind: 'leave-one-out' } } },
};

describe('out-of-fold predictions', () => {
  for (const [name, { voxels, more }] of Object.entries(KINDS)) {
    it(`are those of refits without the fold, at every target's own penalty: ${name}`, async () => {
      const { x, y } = ridgeData(ROWS, voxels);
      const alone = more.folds?.kind === 'leave-one-out';
      const foldOf = alone ? Int32Array.from({ length: ROWS }, (_, i) => i) : goldenFolds(ROWS);
      const held = f32([ROWS, TARGETS], new Float32Array(ROWS * TARGETS).fill(NaN)), r = new Float32Array(TARGETS).fill(NaN);
      const decoder = await fitDecoder({ x, y: arrayTargets(y), alphas: [5, 50, 500, 5000], folds: { kind: 'given', foldOf }, ...more }, {
        products, store: memoryStore(),
        outOfFold: (targets, predictions, own) => {
          targets.forEach((t, k) => { r[t] = own[k] ?? NaN; for (let i = 0; i < ROWS; i++) held.data[i * TARGETS + t] = (predictions.data[i * targets.length + k] ?? NaN) + mean(y, t); });
          return Promise.resolve();
        },
      });
      expect(new Set(decoder.record.alphaPerTarget).size).toBeGreaterThan(1);
      expectClose(r, decoder.record.scores?.r ?? [], { absolute: 1e-6 });
      for (const t of [0, 3, 7]) {
        const alpha = decoder.record.alphaPerTarget[t] ?? NaN;
        for (const fold of alone ? [0, 17] : [0, 1, 2, 3]) {
          const expected = slowRidge(where(x, (row) => foldOf[row] !== fold), where(y, (row) => foldOf[row] !== fold), t, alpha, where(x, (row) => foldOf[row] === fold), more.standardise === 'zscore');
          const own = Array.from({ length: ROWS }, (_, row) => row).filter((row) => foldOf[row] === fold).map((row) => held.data[row * TARGETS + t] ?? NaN);
          expectClose(own, expected, PREDICTION);
        }
      }
    });
  }
});

function mean(y: F32, t: number): number {
  let sum = 0;
  for (let i = 0; i < ROWS; i++) sum += y.data[i * TARGETS + t] ?? NaN;
  return sum / ROWS;
}

describe('a shared groundwork', () => {
  for (const [name, { voxels, more }] of Object.entries(KINDS)) {
    it(`gives every fit the bytes that it would have made alone: ${name}`, async () => {
      const { x, y } = ridgeData(ROWS, voxels);
      const options = { x, alphas: [5, 50, 500, 5000], folds: { kind: 'k-fold', folds: 4 } as const, ...more };
      const groundwork = await layGroundwork(options, products, {}, true);
      let made = 0;
      const counted: Products = { ...products, multiply: (form, a, b) => { made++; return products.multiply(form, a, b); }, accumulate: (base, sign, form, a, b) => { made++; return products.accumulate(base, sign, form, a, b); } };
      const shared = await layGroundwork(options, counted, {}, true);
      const costs: number[] = [];
      for (const [from, to] of [[0, 5], [5, 8], [0, 5]] as const) {
        const own = { ...options, y: arrayTargets(columnsOf(y, from, to)) };
        const [alone, together] = [memoryStore(), memoryStore()];
        await fitDecoder(own, { products, store: alone });
        await fitDecoder(own, { products, store: together, groundwork });
        expect(await together.readText('decoder.json')).toBe(await alone.readText('decoder.json'));
        for (const file of [voxels < ROWS && more.folds === undefined ? 'primal.npy' : 'dual.npy', 'oof-deviation.npy', 'x-mean.npy']) expect((await together.readArray(file)).data).toEqual((await alone.readArray(file)).data);
        const before = made;
        await fitDecoder(own, { products: counted, store: memoryStore(), groundwork: shared });
        costs.push(made - before);
      }
      // The same targets again cost fewer products: factors and smoothers are there. (40 rows whole are inverted in one block without any.)
      expect(costs[2]).toBeLessThan((costs[0] ?? NaN) + (name === 'leave-one-out' ? 1 : 0));
    });
  }
  it('of other responses or penalties is refused', async () => {
    const { x, y } = ridgeData(ROWS, 60);
    const options = { x, y: arrayTargets(y), alphas: [5, 50], folds: { kind: 'k-fold', folds: 4 } as const };
    const groundwork = await layGroundwork(options, products, {});
    const other = f32(x.shape, x.data.slice());
    other.data[3] = (other.data[3] ?? NaN) + 1;
    for (const changed of [{ x: other }, { alphas: [5, 51] }, { standardise: 'zscore' as const }, { folds: { kind: 'k-fold', folds: 5 } as const }]) {
      await expect(fitDecoder({ ...options, ...changed }, { products, store: memoryStore(), groundwork })).rejects.toThrow('the groundwork of another');
    }
  });
});
