import { afterAll, describe, expect, it } from 'vitest';
import { f32 } from '../../../common/ndarray.ts';
import { random } from '../../../common/random.ts';
import { sessionProducts } from '../../../main/linalg/session-products.ts';
import { memoryStore } from '../../../main/ridge/artefact.ts';
import { openDecoder, predict, primalWeights } from '../../../main/ridge/decoder.ts';
import { bandPredictions, drawMixes, productMeasure } from '../../../main/ridge/fit-banded.ts';
import { fitDecoder } from '../../../main/ridge/fit.ts';
import { arrayTargets } from '../../../main/ridge/targets.ts';
import golden from '../../golden/ridge/banded.json' with { type: 'json' };
import { expectClose } from '../../support/close.ts';
import { noise } from './fixture.ts';
import type { FitOptions } from '../../../main/ridge/fit-options.ts';

const products = sessionProducts({ threads: 1 });
afterAll(() => products.release());

const { rows, voxels, targets, new: fresh, mixes, alphas, bands } = golden.banded;
const all = Float32Array.from(noise(rows + fresh, voxels, 11).map((value, at) => value * (1 + ((at % voxels) % 3))));
const x = f32([rows, voxels], all.subarray(0, rows * voxels)), later = f32([fresh, voxels], all.subarray(rows * voxels));
const y = f32([rows, targets], Float32Array.from(golden.banded.y)), truth = f32([fresh, targets], Float32Array.from(golden.banded.truth));
const options: FitOptions = { x, y: arrayTargets(y), alphas, bands, mixes, folds: { kind: 'given', foldOf: Int32Array.from({ length: rows }, (_, i) => i % 4) } };

describe('banded ridge', () => {
  it('chooses the mixes and penalties that himalaya chooses, and predicts what it predicts', async () => {
    const store = memoryStore();
    await fitDecoder(options, { products, store });
    const decoder = await openDecoder(store);
    const chosen = (await store.readArray('mixes.npy')).data;
    // log(gamma / alpha) per band and target; -1e9 stands for a band that is left out.
    const deltas = golden.banded.deltas.map((expected, at) => {
      const weight = Number(chosen[at] ?? NaN);
      return { expected, found: weight === 0 ? -1e9 : Math.log(weight / (decoder.record.alphaPerTarget[at % targets] ?? NaN)) };
    });
    expectClose(deltas.map(({ found }) => found), deltas.map(({ expected }) => expected), { absolute: 1e-5 });
    // More than one mix won, so that the choice was one.
    expect(new Set(Array.from({ length: targets }, (_, t) => [0, 1, 2].map((band) => Number(chosen[band * targets + t])).join())).size).toBeGreaterThan(2);
    expectClose((decoder.record.scores?.mse ?? []).map((mse) => -mse), golden.banded.scores, { relative: 1e-4 });
    expectClose((await predict(decoder, later, products)).data, golden.banded.predictions, { absolute: 2e-4 });
  });
  it('splits R2 over bands: the parts of the product measure sum to the joint R2', async () => {
    const store = memoryStore();
    const decoder = await fitDecoder(options, { products, store });
    const parts = await bandPredictions(decoder, later, await primalWeights(decoder, products), products);
    const predicted = await predict(decoder, later, products);
    const summed = predicted.data.map((_, at) => parts.reduce((sum, part) => sum + (part.data[at] ?? NaN), decoder.intercept[at % targets] ?? NaN));
    expectClose(summed, predicted.data, { absolute: 1e-5 });
    const shares = productMeasure(truth, decoder.intercept, parts);
    for (let t = 0; t < targets; t++) {
      // The joint R2 by its definition, in double precision from the same parts.
      let mean = 0, total = 0, error = 0;
      for (let i = 0; i < fresh; i++) mean += (truth.data[i * targets + t] ?? NaN) / fresh;
      for (let i = 0; i < fresh; i++) {
        const at = i * targets + t;
        const p = parts.reduce((sum, part) => sum + (part.data[at] ?? NaN), decoder.intercept[t] ?? NaN);
        total += ((truth.data[at] ?? NaN) - mean) ** 2;
        error += ((truth.data[at] ?? NaN) - p) ** 2;
      }
      expectClose(shares.reduce((sum, share) => sum + (share[t] ?? NaN), 0), 1 - error / total, { absolute: 1e-6 });
    }
    expectClose(Float64Array.from({ length: targets }, (_, t) => shares.reduce((sum, share) => sum + (share[t] ?? NaN), 0)), golden.banded.r2, { absolute: 1e-4 });
    // On centred truth and parts: himalaya's own split.
    const centred = (array: typeof truth): typeof truth => f32(array.shape, array.data.map((value, at) => {
      let mean = 0;
      for (let i = 0; i < fresh; i++) mean += (array.data[i * targets + (at % targets)] ?? NaN) / fresh;
      return value - mean;
    }));
    expectClose(productMeasure(centred(truth), new Float64Array(targets), parts.map(centred)).flatMap((share) => [...share]), golden.banded.centred_split, { absolute: 1e-4 });
  });
  it('with one band is ridge', async () => {
    const one = await fitDecoder({ ...options, bands: new Int32Array(voxels), mixes: [[1]] }, { products, store: memoryStore() });
    const plain = await fitDecoder({ x, y: arrayTargets(y), alphas, folds: options.folds, search: 'exhaustive' }, { products, store: memoryStore() });
    expect(one.record.alphaPerTarget).toEqual(plain.record.alphaPerTarget);
    expectClose((await predict(one, later, products)).data, (await predict(plain, later, products)).data, { absolute: 1e-4 });
  });
  it('draws mixes on the simplex, the first uniform, the same for the same seed, with the means of the Dirichlet', () => {
    const drawn = drawMixes(4, 4001, random(5));
    expect(drawn[0]).toEqual([0.25, 0.25, 0.25, 0.25]);
    for (const mix of drawn) expectClose(mix.reduce((sum, weight) => sum + weight, 0), 1, { absolute: 1e-12 });
    expect(drawMixes(4, 10, random(5))).toEqual(drawn.slice(0, 10));
    // 2000 of each concentration c: mean 1/4, variance (3/16) / (4 c + 1); 5 standard errors.
    for (const [concentration, own] of [[0.1, drawn.filter((_, i) => i % 2 === 1)], [1, drawn.filter((_, i) => i > 0 && i % 2 === 0)]] as const) {
      const first = own.map((mix) => mix[0] ?? NaN);
      const mean = first.reduce((sum, value) => sum + value, 0) / first.length;
      const variance = first.reduce((sum, value) => sum + (value - mean) ** 2, 0) / first.length;
      const expected = 3 / 16 / (4 * concentration + 1);
      expectClose(mean, 0.25, { absolute: 5 * Math.sqrt(expected / 2000) });
      expectClose(variance, expected, { relative: 0.15 });
    }
  });
  it('refuses bands that cannot be', async () => {
    const fit = (changed: Partial<FitOptions>): Promise<unknown> => fitDecoder({ ...options, ...changed }, { products, store: memoryStore() });
    await expect(fit({ bands: bands.slice(1) })).rejects.toThrow('44 band numbers for 45 voxels');
    await expect(fit({ bands: bands.map((band) => band * 2) })).rejects.toThrow('bands numbered 0, 2, 4');
    await expect(fit({ folds: null, alphas: [1] })).rejects.toThrow('banded ridge chooses mixes by k folds');
    await expect(fit({ standardise: 'zscore' })).rejects.toThrow('z-scoring inside folds');
    await expect(fit({ mixes: [[0, 0, 0]] })).rejects.toThrow('a mix of 0, 0, 0');
  });
});
