import { afterAll, describe, expect, it } from 'vitest';
import { f32 } from '../../../common/ndarray.ts';
import { random } from '../../../common/random.ts';
import { plainProducts } from '../../../main/linalg/plain-products.ts';
import { sessionProducts } from '../../../main/linalg/session-products.ts';
import { memoryStore } from '../../../main/ridge/artefact.ts';
import { openDecoder, predict, primalWeights } from '../../../main/ridge/decoder.ts';
import { fitDecoder } from '../../../main/ridge/fit.ts';
import { absolutePenalties } from '../../../main/ridge/fit-options.ts';
import { assignFolds, sortByFold } from '../../../main/ridge/folds.ts';
import { chooseSolver, RIDGE_SOLVERS } from '../../../main/ridge/solvers.ts';
import { arrayTargets, besideTargets, columnsOf } from '../../../main/ridge/targets.ts';
import { matchVariance } from '../../../main/ridge/variance-matching.ts';
import golden from '../../golden/ridge/ridge.json' with { type: 'json' };
import { expectClose } from '../../support/close.ts';
import { goldenFolds, NEW, ridgeData, slowRidge, TARGETS, where } from './fixture.ts';
import type { F32 } from '../../../common/ndarray.ts';
import type { FitDependencies, FitOptions } from '../../../main/ridge/fit-options.ts';
import type { RidgeSolverName } from '../../../main/ridge/solvers.ts';
import type { TargetSource } from '../../../main/ridge/targets.ts';

const products = sessionProducts({ threads: 1 });
afterAll(() => products.release());

/** Predictions are about 50 +- 30 in single precision; weights and inverse are rounded to 6e-8 and their errors add over some hundred terms. */
const PREDICTION = { absolute: 2e-3 };
/** Losses are about 30 to 500. */
const LOSS = { relative: 2e-5 };
const SOLVER_NAMES: readonly RidgeSolverName[] = ['dual', 'dual-eigen', 'primal'];

const dependencies = (): FitDependencies => ({ products, store: memoryStore() });
const fitOn = (x: F32, y: F32, options: Omit<FitOptions, 'x' | 'y'>, parts: Partial<FitDependencies> = {}): ReturnType<typeof fitDecoder> =>
  fitDecoder({ x, y: arrayTargets(y), ...options }, { ...dependencies(), ...parts });

describe('the solver table', () => {
  it('lists every solver under its own name, and the tests know them all (fastl2lir, another model, has its own)', () => {
    expect(Object.keys(RIDGE_SOLVERS).sort()).toEqual([...SOLVER_NAMES, 'fastl2lir'].sort());
    for (const [name, solver] of Object.entries(RIDGE_SOLVERS)) expect(solver.name).toBe(name);
  });
  it('is chosen by shape, with the reason', () => {
    expect(chooseSolver(100, 40)).toEqual({ name: 'primal', reason: '40 voxels are fewer than 100 rows: factors of 40 x 40' });
    expect(chooseSolver(40, 100).name).toBe('dual');
  });
  for (const name of SOLVER_NAMES) {
    for (const [rows, voxels] of [[20, 31], [31, 20]] as const) {
      it(`${name} equals the slow float64 solution for ${rows} rows, ${voxels} voxels, large offsets included`, async () => {
        const { x, y, fresh } = ridgeData(rows, voxels);
        const decoder = await fitOn(x, y, { alphas: [7], folds: null, solver: name });
        const predicted = await predict(decoder, fresh, products);
        for (let t = 0; t < TARGETS; t++) {
          expectClose(Array.from({ length: NEW }, (_, i) => predicted.data[i * TARGETS + t] ?? NaN), slowRidge(x, y, t, 7, fresh), PREDICTION);
        }
      });
      it(`${name}: its weights on raw voxels give its predictions (${rows} x ${voxels}, z-scored)`, async () => {
        const { x, y, fresh } = ridgeData(rows, voxels);
        const decoder = await fitOn(x, y, { alphas: [7], folds: null, solver: name, standardise: 'zscore' });
        const predicted = await predict(decoder, fresh, products);
        const weights = await primalWeights(decoder, products);
        const rebuilt = Float64Array.from({ length: NEW * TARGETS }, (_, n) => {
          let sum = decoder.yMean[n % TARGETS] ?? NaN;
          for (let v = 0; v < voxels; v++) sum += ((fresh.data[Math.floor(n / TARGETS) * voxels + v] ?? NaN) - (decoder.xMean[v] ?? NaN)) * (weights.data[v * TARGETS + (n % TARGETS)] ?? NaN);
          return sum;
        });
        expectClose(predicted.data, rebuilt, PREDICTION);
        const some = await primalWeights(decoder, products, { voxels: [3, 9], targets: [2, 5] });
        expectClose(some.data, Float64Array.from({ length: 18 }, (_, n) => weights.data[(3 + Math.floor(n / 3)) * TARGETS + 2 + (n % 3)] ?? NaN), { absolute: 1e-5 });
      });
    }
  }
});

describe('penalty per target, against scikit-learn and himalaya', () => {
  for (const expected of golden.cases) {
    const { rows, voxels, losses, chosen, predictions } = expected;
    const standardise = expected.standardise === 'zscore' ? 'zscore' : 'none';
    for (const solver of SOLVER_NAMES) {
      it(`${solver}, ${rows} x ${voxels}, standardise ${standardise}: losses, choices and predictions`, async () => {
        const { x, y, fresh } = ridgeData(rows, voxels);
        const decoder = await fitOn(x, y, { alphas: golden.alphas, folds: { kind: 'given', foldOf: goldenFolds(rows) }, standardise, solver });
        expect(decoder.record.alphaPerTarget).toEqual(chosen.map((index) => golden.alphas[index]));
        expectClose(decoder.record.scores?.mse ?? [], chosen.map((index, t) => losses[index * TARGETS + t] ?? NaN), LOSS);
        expectClose((await predict(decoder, fresh, products)).data, predictions, PREDICTION);
        if (expected.himalaya !== undefined) {
          expectClose(decoder.record.alphaPerTarget, expected.himalaya.alphas, { relative: 1e-9 });
          expectClose((await predict(decoder, fresh, products)).data, expected.himalaya.predictions, PREDICTION);
        }
      });
    }
    const loo = expected.leave_one_out;
    if (loo === undefined) continue;
    for (const solver of ['dual', 'dual-eigen'] as const) {
      it(`${solver}, ${rows} x ${voxels}: leave-one-out as RidgeCV`, async () => {
        const { x, y, fresh } = ridgeData(rows, voxels);
        const decoder = await fitOn(x, y, { alphas: golden.alphas, folds: { kind: 'leave-one-out' }, solver });
        expect(decoder.record.alphaPerTarget).toEqual(loo.alphas);
        expectClose(decoder.record.scores?.mse ?? [], loo.alphas.map((alpha, t) => loo.losses[golden.alphas.indexOf(alpha) * TARGETS + t] ?? NaN), LOSS);
        expectClose((await predict(decoder, fresh, products)).data, loo.predictions, PREDICTION);
      });
    }
  }
  it('leave-one-out equals fifty refits', async () => {
    const { x, y } = ridgeData(50, 12);
    const decoder = await fitOn(x, y, { alphas: [20], folds: { kind: 'leave-one-out' } });
    for (const t of [0, 5]) {
      let sum = 0;
      for (let i = 0; i < 50; i++) {
        const [p = NaN] = slowRidge(where(x, (row) => row !== i), where(y, (row) => row !== i), t, 20, where(x, (row) => row === i));
        sum += (p - (y.data[i * TARGETS + t] ?? NaN)) ** 2 / 50;
      }
      expectClose(decoder.record.scores?.mse[t] ?? NaN, sum, LOSS);
    }
  });
  it('plain loops in place of ONNX Runtime give the same fit', async () => {
    const { x, y, fresh } = ridgeData(24, 30);
    const options = { alphas: [1, 30, 1000], folds: { kind: 'k-fold', folds: 3 } } as const;
    const [a, b] = [await fitOn(x, y, options), await fitOn(x, y, options, { products: plainProducts() })];
    expect(a.record.alphaPerTarget).toEqual(b.record.alphaPerTarget);
    expectClose((await predict(a, fresh, products)).data, (await predict(b, fresh, plainProducts())).data, PREDICTION);
  });
});

describe('selection rules', () => {
  it('ties go to the larger penalty: a constant target takes the largest', async () => {
    const { x, y } = ridgeData(20, 31);
    const constant = f32([20, 1], new Float32Array(20).fill(3));
    const decoder = await fitDecoder({ x, y: besideTargets([arrayTargets(constant), arrayTargets(y)]), alphas: [1, 100, 10], folds: { kind: 'k-fold', folds: 4 } }, dependencies());
    expect(decoder.record.alphaPerTarget[0]).toBe(100);
    expect([decoder.record.scores?.r[0], decoder.record.scores?.r2[0]]).toEqual([0, 0]);
  });
  it('the conservative rule never takes a smaller penalty than the best', async () => {
    const { x, y } = ridgeData(40, 60);
    const folds = { kind: 'given', foldOf: goldenFolds(40) } as const;
    const best = await fitOn(x, y, { alphas: golden.alphas, folds });
    const conservative = await fitOn(x, y, { alphas: golden.alphas, folds, rule: 'conservative' });
    const pairs = conservative.record.alphaPerTarget.map((alpha, t) => alpha - (best.record.alphaPerTarget[t] ?? NaN));
    expect(Math.min(...pairs)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...pairs)).toBeGreaterThan(0);
  });
});

describe('the bracket search', () => {
  for (const [first, last, standardise] of [[0, 9, 'none'], [0, 1, 'none'], [4, 9, 'none'], [2, 5, 'none'], [0, 9, 'zscore']] as const) {
    it(`chooses what the exhaustive search chooses on penalties ${first} to ${last - 1} of the grid, in any order, standardise ${standardise}`, async () => {
      const { x, y, fresh } = ridgeData(40, 60);
      const alphas = golden.alphas.slice(first, last).reverse();
      const options = { alphas, folds: { kind: 'given', foldOf: goldenFolds(40) }, standardise } as const;
      const exhaustive = await fitOn(x, y, { ...options, search: 'exhaustive' });
      const bracket = await fitOn(x, y, { ...options, search: 'bracket' });
      expect(bracket.record.alphaPerTarget).toEqual(exhaustive.record.alphaPerTarget);
      expectClose(bracket.record.scores?.r ?? [], exhaustive.record.scores?.r ?? [], { absolute: 1e-5 });
      expectClose(bracket.outOfFold?.deviation ?? [], exhaustive.outOfFold?.deviation ?? [], { absolute: 1e-4 });
      expectClose((await predict(bracket, fresh, products)).data, (await predict(exhaustive, fresh, products)).data, PREDICTION);
    });
  }
  it('is refused for a primal solver, for leave-one-out and for the conservative rule', async () => {
    const { x, y } = ridgeData(40, 60);
    const folds = { kind: 'k-fold', folds: 4 } as const;
    await expect(fitOn(x, y, { alphas: golden.alphas, folds, solver: 'primal', search: 'bracket' })).rejects.toThrow('bracket');
    await expect(fitOn(x, y, { alphas: golden.alphas, folds: { kind: 'leave-one-out' }, search: 'bracket' })).rejects.toThrow('bracket');
    await expect(fitOn(x, y, { alphas: golden.alphas, folds, rule: 'conservative', search: 'bracket' })).rejects.toThrow('bracket');
  });
});

describe('out-of-fold facts', () => {
  it('are those of predictions made by refitting without each fold', async () => {
    const { x, y } = ridgeData(40, 12);
    const foldOf = goldenFolds(40);
    for (const solver of SOLVER_NAMES) {
      const decoder = await fitOn(x, y, { alphas: [10], folds: { kind: 'given', foldOf }, solver });
      const t = 6;
      const held = new Float64Array(40);
      for (let fold = 0; fold < 4; fold++) {
        const predicted = slowRidge(where(x, (row) => foldOf[row] !== fold), where(y, (row) => foldOf[row] !== fold), t, 10, where(x, (row) => foldOf[row] === fold));
        let at = 0;
        foldOf.forEach((own, row) => { if (own === fold) held[row] = predicted[at++] ?? NaN; });
      }
      const mean = held.reduce((sum, p) => sum + p, 0) / 40;
      const deviation = Math.sqrt(held.reduce((sum, p) => sum + (p - mean) ** 2, 0) / 40);
      const truth = Array.from({ length: 40 }, (_, i) => y.data[i * TARGETS + t] ?? NaN);
      const yMean = truth.reduce((sum, v) => sum + v, 0) / 40;
      const yy = truth.reduce((sum, v) => sum + (v - yMean) ** 2, 0);
      const r = truth.reduce((sum, v, i) => sum + (v - yMean) * ((held[i] ?? NaN) - mean), 0) / Math.sqrt(yy) / (deviation * Math.sqrt(40));
      const r2 = 1 - truth.reduce((sum, v, i) => sum + (v - (held[i] ?? NaN)) ** 2, 0) / yy;
      expectClose([decoder.outOfFold?.mean[t] ?? NaN, decoder.outOfFold?.deviation[t] ?? NaN], [mean, deviation], { absolute: 1e-3 });
      expectClose([decoder.record.scores?.r[t] ?? NaN, decoder.record.scores?.r2[t] ?? NaN], [r, r2], { absolute: 1e-4 });
    }
  });
  it('variance matching restores the contrast, inductively and transductively', async () => {
    const { x, y, fresh } = ridgeData(40, 60);
    const decoder = await fitOn(x, y, { alphas: [100], folds: { kind: 'k-fold', folds: 5 } });
    const predicted = await predict(decoder, fresh, products);
    const matched = matchVariance(decoder, predicted);
    const t = 4;
    const gain = (decoder.yDeviation[t] ?? NaN) / (decoder.outOfFold?.deviation[t] ?? NaN);
    expect(gain).toBeGreaterThan(1);
    expectClose(matched.data[t] ?? NaN, (decoder.yMean[t] ?? NaN) + gain * ((predicted.data[t] ?? NaN) - (decoder.outOfFold?.mean[t] ?? NaN)), { absolute: 1e-3 });
    const batch = matchVariance(decoder, predicted, undefined, 'transductive');
    const column = Array.from({ length: NEW }, (_, i) => batch.data[i * TARGETS + t] ?? NaN);
    const mean = column.reduce((sum, v) => sum + v, 0) / NEW;
    expectClose([mean, Math.sqrt(column.reduce((sum, v) => sum + (v - mean) ** 2, 0) / NEW)], [decoder.yMean[t] ?? NaN, decoder.yDeviation[t] ?? NaN], { absolute: 1e-3 });
    const range = matchVariance(decoder, columnsOf(predicted, 2, 5), [2, 5]);
    expectClose(range.data, columnsOf(matched, 2, 5).data, {});
  });
});

describe('a decoder', () => {
  it('predicts one row as it does in a batch (inductive)', async () => {
    const { x, y, fresh } = ridgeData(40, 60);
    const decoder = await fitOn(x, y, { alphas: golden.alphas, folds: { kind: 'k-fold', folds: 4 } });
    const all = await predict(decoder, fresh, products);
    for (let i = 0; i < NEW; i++) expectClose((await predict(decoder, where(fresh, (row) => row === i), products)).data, all.data.subarray(i * TARGETS, (i + 1) * TARGETS), { absolute: 2e-4 });
  });
  it('is read back as it was written, whole or in part', async () => {
    const { x, y, fresh } = ridgeData(40, 60);
    const store = memoryStore();
    const decoder = await fitOn(x, y, { alphas: golden.alphas, folds: { kind: 'k-fold', folds: 4 }, provenance: { subject: 'subj01' } }, { store });
    const opened = await openDecoder(store);
    expect(opened.record).toEqual(decoder.record);
    expect(opened.record.provenance).toEqual({ subject: 'subj01' });
    const all = await predict(decoder, fresh, products);
    expectClose((await predict(opened, fresh, products, { targets: [3, 6] })).data, columnsOf(all, 3, 6).data, { absolute: 1e-4 });
  });
  it('with many targets is solved in blocks and stored in parts', async () => {
    const { x, y, fresh } = ridgeData(20, 31);
    const store = memoryStore();
    // 8 x 200 000 targets of 20 rows are 128 MB: two blocks.
    const source: TargetSource = {
      rows: 20, targets: 200_000 * TARGETS,
      read: (from, to) => Promise.resolve(f32([20, to - from], Float32Array.from({ length: 20 * (to - from) }, (_, n) =>
        y.data[Math.floor(n / (to - from)) * TARGETS + ((from + (n % (to - from))) % TARGETS)] ?? NaN))),
    };
    const decoder = await fitDecoder({ x, y: source, alphas: [7], folds: null }, { products, store });
    expect(decoder.record.weights.map((part) => part.file)).toEqual(['dual-000.npy', 'dual-001.npy']);
    const edge = decoder.record.weights[0]?.to ?? NaN;
    const predicted = await predict(decoder, fresh, products, { targets: [edge - 2, edge + 2] });
    for (let k = 0; k < 4; k++) {
      expectClose(Array.from({ length: NEW }, (_, i) => predicted.data[i * 4 + k] ?? NaN), slowRidge(x, y, (edge - 2 + k) % TARGETS, 7, fresh), PREDICTION);
    }
  }, 120_000);
  it('refuses wrong input by name', async () => {
    const { x, y, fresh } = ridgeData(20, 31);
    const short = arrayTargets(f32([19, 1], new Float32Array(19)));
    await expect(fitDecoder({ x, y: short, alphas: [1], folds: null }, dependencies())).rejects.toThrow('X has 20 rows, Y has 19 rows');
    await expect(fitOn(x, y, { alphas: [1, -1], folds: { kind: 'k-fold', folds: 2 } })).rejects.toThrow('penalties 1, -1');
    await expect(fitOn(x, y, { alphas: [1, 2], folds: null })).rejects.toThrow('several penalties need folds');
    await expect(fitOn(x, y, { alphas: [1], folds: { kind: 'k-fold', folds: 21 } })).rejects.toThrow('21 folds of 20 groups');
    const broken = f32(x.shape, x.data.slice());
    broken.data[3 * 31 + 4] = NaN;
    await expect(fitOn(broken, y, { alphas: [1], folds: null })).rejects.toThrow('X has NaN at row 3, column 4');
    const decoder = await fitOn(x, y, { alphas: [1], folds: null });
    await expect(predict(decoder, f32([1, 30], new Float32Array(30)), products)).rejects.toThrow('the decoder reads 31 voxels');
    expect(() => matchVariance(decoder, fresh, [0, 31])).toThrow('cross-validation');
    await expect(openDecoder(memoryStore('empty'))).rejects.toThrow('empty has no decoder.json');
  });
  it('stops when the signal fires, and says how far it is before that', async () => {
    const { x, y } = ridgeData(40, 60);
    const controller = new AbortController();
    const seen: number[] = [];
    const run = fitOn(x, y, { alphas: golden.alphas, folds: { kind: 'k-fold', folds: 4 } }, {
      signal: controller.signal, progress: (done) => { seen.push(done); if (seen.length === 12) controller.abort(); },
    });
    await expect(run).rejects.toThrow('cancelled');
    expect(seen.length).toBeLessThan(20);
    expect(seen.every((done, i) => i === 0 || done >= (seen[i - 1] ?? NaN))).toBe(true);
  });
  it('penalties per row become absolute', () => {
    expect(absolutePenalties([0.5, 2], 40)).toEqual([20, 80]);
  });
});

describe('folds', () => {
  it('keep groups whole, are balanced and repeatable', () => {
    const source = random(3);
    const groups = Int32Array.from({ length: 300 }, () => source.integer(90));
    const foldOf = assignFolds(300, { kind: 'k-fold', folds: 5, groups });
    for (let i = 0; i < 300; i++) for (let j = 0; j < i; j++) if (groups[i] === groups[j]) expect(foldOf[i]).toBe(foldOf[j]);
    const sizes = sortByFold(foldOf).ranges.map(([from, to]) => to - from);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(6);
    expect(assignFolds(300, { kind: 'k-fold', folds: 5, groups })).toEqual(foldOf);
    expect(assignFolds(300, { kind: 'k-fold', folds: 5, groups, seed: 1 })).not.toEqual(foldOf);
  });
  it('refuse fold numbers with a gap', () => {
    expect(() => sortByFold(Int32Array.of(0, 2, 0, 2))).toThrow('folds of 2, 0, 2 rows');
  });
});
