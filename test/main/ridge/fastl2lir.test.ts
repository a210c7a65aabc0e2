import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { f32, ndarray } from '../../../common/ndarray.ts';
import { fillNormal, random } from '../../../common/random.ts';
import { sessionProducts } from '../../../main/linalg/session-products.ts';
import { memoryStore } from '../../../main/ridge/artefact.ts';
import { openDecoder, predict } from '../../../main/ridge/decoder.ts';
import { prepareFastL2lir } from '../../../main/ridge/fastl2lir.ts';
import { fitDecoder } from '../../../main/ridge/fit.ts';
import { arrayTargets } from '../../../main/ridge/targets.ts';
import { expectClose } from '../../support/close.ts';
import { slowSolve } from './slow-solve.ts';
import type { F32, F64 } from '../../../common/ndarray.ts';
import type { Products } from '../../../main/linalg/products.ts';
import type { FastL2lirWeights } from '../../../main/ridge/fastl2lir.ts';

const SEED = 41;
const sessions = sessionProducts({ threads: 1 });
afterAll(() => sessions.release());

interface Case {
  readonly name: string;
  readonly alpha: number;
  readonly voxelsPerTarget: number;
  readonly rows: number;
  readonly voxels: number;
  readonly targets: number;
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly weights: readonly number[];
  readonly bias: readonly number[];
}

const golden = JSON.parse(gunzipSync(readFileSync(path.resolve(import.meta.dirname, '../../golden/ridge/fastl2lir.json.gz'))).toString()) as { readonly cases: readonly Case[] };

function normal(rows: number, columns: number, seed: number): F64 {
  return ndarray('float64', [rows, columns], Float64Array.from(fillNormal(new Float32Array(rows * columns), random(seed))));
}

/** One target by the definition: correlations by sums over rows, the normal equations of the chosen columns and a one, elimination with pivoting. */
function direct(x: F32 | F64, y: F32 | F64, target: number, chosen: number, alpha: number): { readonly weights: Float64Array; readonly bias: number } {
  const [rows = 0, voxels = 0] = x.shape, targets = y.shape[1] ?? 0;
  const column = (array: F32 | F64, width: number, j: number): Float64Array => Float64Array.from({ length: rows }, (_, i) => array.data[i * width + j] ?? NaN);
  const centred = (values: Float64Array): Float64Array => { const mean = values.reduce((sum, v) => sum + v, 0) / rows; return values.map((v) => v - mean); };
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, v, i) => sum + v * (b[i] ?? NaN), 0);
  const own = column(y, targets, target);
  const strength = Array.from({ length: voxels }, (_, v) => {
    const c = centred(column(x, voxels, v));
    return { v, r: dot(c, c) / rows < 1e-8 ? 0 : Math.abs(dot(c, centred(own))) / Math.sqrt(dot(c, c) * dot(centred(own), centred(own))) };
  }).sort((a, b) => b.r - a.r);
  const selected = strength.slice(0, chosen === 0 ? voxels : chosen).map(({ v }) => v);
  const columns = [...selected.map((v) => column(x, voxels, v)), new Float64Array(rows).fill(1)];
  const solved = slowSolve(columns.map((a, i) => columns.map((b, j) => dot(a, b) + (i === j ? alpha : 0))), columns.map((a) => dot(a, own)));
  const weights = new Float64Array(voxels);
  selected.forEach((v, k) => { weights[v] = solved[k] ?? NaN; });
  return { weights, bias: solved.at(-1) ?? NaN };
}

describe('FastL2LiR', () => {
  for (const { name, alpha, voxelsPerTarget, rows, voxels, targets, x, y, weights, bias } of golden.cases) {
    it(`gives the published package's answers on its own test data: ${name}`, async () => {
      const prepared = await prepareFastL2lir(ndarray('float64', [rows, voxels], Float64Array.from(x)), { alpha, voxelsPerTarget }, sessions);
      const found = await prepared.solve(ndarray('float64', [rows, targets], Float64Array.from(y)));
      // Weights of both are solutions in double precision, of condition below 1e4.
      expectClose(found.weights.data, weights, { absolute: 1e-10 });
      expectClose(found.bias, bias, { absolute: 1e-10 });
    });
  }
  for (const [rows, voxels, chosen, alpha] of [[60, 90, 20, 0.15], [120, 40, 39, 3], [50, 30, 1, 0.15], [40, 25, 0, 2], [30, 50, 0, 2], [30, 50, 80, 2], [90, 200, 130, 0.5]] as const) {
    it(`equals a direct solve to 1e-8: ${rows} rows, ${chosen} of ${voxels} voxels, penalty ${alpha}, a constant and a doubled voxel, offsets`, async () => {
      const x = normal(rows, voxels, SEED), y = normal(rows, 5, SEED + 1);
      for (let i = 0; i < rows; i++) {
        x.data[i * voxels] = 2;
        x.data[i * voxels + 2] = x.data[i * voxels + 1] ?? NaN;
        for (let t = 0; t < 5; t++) y.data[i * 5 + t] = (y.data[i * 5 + t] ?? NaN) + (x.data[i * voxels + 3 + t] ?? NaN) + 4;
      }
      const found = await (await prepareFastL2lir(x, { alpha, voxelsPerTarget: chosen }, sessions)).solve(y);
      for (let t = 0; t < 5; t++) {
        const expected = direct(x, y, t, chosen >= voxels ? 0 : chosen, alpha);
        expectClose(Float64Array.from({ length: voxels }, (_, v) => found.weights.data[v * 5 + t] ?? NaN), expected.weights, { absolute: 1e-8 });
        expectClose(found.bias[t] ?? NaN, expected.bias, { absolute: 1e-8 });
        // As many as asked for, and a voxel without variance among them only if all are.
        if (chosen > 0 && chosen < voxels) expect(found.weights.data.filter((w, at) => at % 5 === t && w !== 0).length).toBe(chosen);
      }
    });
  }
  it('chooses voxels inside folds: held-out scores are those of refits without each fold', async () => {
    const rows = 48, voxels = 60, chosen = 8, alpha = 0.5;
    const x = f32([rows, voxels], Float32Array.from(normal(rows, voxels, SEED).data)), y = f32([rows, 2], Float32Array.from(normal(rows, 2, SEED + 2).data));
    const foldOf = Int32Array.from({ length: rows }, (_, i) => i % 3);
    const store = memoryStore();
    const fitted = await fitDecoder({ x, y: arrayTargets(y), solver: 'fastl2lir', voxelsPerTarget: chosen, alphas: [alpha], folds: { kind: 'given', foldOf } }, { products: sessions, store });
    const keep = (array: F32, fold: number): F32 => {
      const width = array.shape[1] ?? 0;
      const kept = Array.from({ length: rows }, (_, i) => i).filter((i) => foldOf[i] !== fold);
      return f32([kept.length, width], kept.flatMap((i) => Array.from(array.data.subarray(i * width, (i + 1) * width))));
    };
    for (const t of [0, 1]) {
      let loss = 0;
      for (let fold = 0; fold < 3; fold++) {
        const model = direct(keep(x, fold), keep(y, fold), t, chosen, alpha);
        for (let i = fold; i < rows; i += 3) {
          const p = model.weights.reduce((sum, w, v) => sum + w * (x.data[i * voxels + v] ?? NaN), model.bias);
          loss += (p - (y.data[i * 2 + t] ?? NaN)) ** 2 / rows;
        }
      }
      expectClose(fitted.record.scores?.mse[t] ?? NaN, loss, { relative: 1e-5 });
      // Selection on all rows would have found the noise predictable.
      expect(fitted.record.scores?.r2[t]).toBeLessThan(0.1);
      const all = direct(x, y, t, chosen, alpha);
      const predicted = await predict(await openDecoder(store), x, sessions, { targets: [t, t + 1] });
      expectClose(predicted.data, Float64Array.from({ length: rows }, (_, i) => all.weights.reduce((sum, w, v) => sum + w * (x.data[i * voxels + v] ?? NaN), all.bias)), { absolute: 1e-5 });
    }
  });
  it('gives the same bytes on two threads as on one', async () => {
    const x = normal(230, 320, SEED), y = normal(230, 300, SEED + 3);
    const solveWith = async (products: Products): Promise<FastL2lirWeights> => {
      try { return await (await prepareFastL2lir(x, { alpha: 0.15, voxelsPerTarget: 210 }, products)).solve(y); } finally { await products.release(); }
    };
    const place = path.resolve(import.meta.dirname, '../../../main/entry');
    const one = await solveWith(sessionProducts({ threads: 1, subsystemWorker: path.join(place, 'subsystem-worker.ts') }));
    const two = await solveWith(sessionProducts({ threads: 2, subsystemWorker: path.join(place, 'subsystem-worker.ts') }));
    expect(two.weights.data).toEqual(one.weights.data);
    expect(two.bias).toEqual(one.bias);
    // There is work for two threads: without their program it cannot be done.
    await expect(solveWith(sessionProducts({ threads: 2, subsystemWorker: path.join(place, 'no-such-worker.ts') }))).rejects.toThrow('no-such-worker');
  });
  it('refuses what it cannot mean', async () => {
    const x = f32([6, 4], Float32Array.from(normal(6, 4, SEED).data)), y = arrayTargets(f32([6, 1], new Float32Array(6)));
    const fit = (alphas: readonly number[], folds: 'leave-one-out' | null): Promise<unknown> =>
      fitDecoder({ x, y, solver: 'fastl2lir', voxelsPerTarget: 2, alphas, folds: folds === null ? null : { kind: folds } }, { products: sessions, store: memoryStore() });
    await expect(fit([0], null)).rejects.toThrow('penalties 0');
    await expect(fit([1, 2], null)).rejects.toThrow('penalties');
    await expect(fit([1], 'leave-one-out')).rejects.toThrow('leave-one-out');
    await expect(prepareFastL2lir(x, { alpha: 0, voxelsPerTarget: 2 }, sessions)).rejects.toThrow('penalty of 0');
    await expect(prepareFastL2lir(x, { alpha: 1, voxelsPerTarget: 1.5 }, sessions)).rejects.toThrow('1.5 voxels');
  });
});
