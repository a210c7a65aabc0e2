import { afterAll, describe, expect, it } from 'vitest';
import { f32 } from '../../../common/ndarray.ts';
import { fillNormal, random } from '../../../common/random.ts';
import { sessionProducts } from '../../../main/linalg/session-products.ts';
import { memoryStore } from '../../../main/ridge/artefact.ts';
import { memoryCheckpoint } from '../../../main/ridge/checkpoint.ts';
import { openDecoder, primalWeights } from '../../../main/ridge/decoder.ts';
import { fitDecoder } from '../../../main/ridge/fit.ts';
import { planMemory } from '../../../main/ridge/memory.ts';
import { arrayTargets } from '../../../main/ridge/targets.ts';
import { expectClose } from '../../support/close.ts';
import type { CheckpointStore } from '../../../main/ridge/checkpoint.ts';
import type { FitDependencies, FitOptions } from '../../../main/ridge/fit-options.ts';

const SEED = 3;
const products = sessionProducts({ threads: 1 });
afterAll(() => products.release());

const ROWS = 60, TARGETS = 200;
/** Blocks of 64 targets: the least that the plan makes. */
const memoryFor = (voxels: number, form: 'dual' | 'primal', ownKernels: number): number => {
  for (let ceiling = 4e8; ; ceiling += 1e3) {
    try { planMemory({ rows: ROWS, voxels, targets: TARGETS, form, ownKernels }, ceiling); return ceiling; } catch { /* too low: look further */ }
  }
};

function problem(voxels: number): Pick<FitOptions, 'x' | 'y'> {
  const source = random(SEED);
  const x = fillNormal(new Float32Array(ROWS * voxels), source.fork('x')), y = fillNormal(new Float32Array(ROWS * TARGETS), source.fork('y'));
  for (let i = 0; i < ROWS; i++) for (let t = 0; t < TARGETS; t++) y[i * TARGETS + t] = (y[i * TARGETS + t] ?? 0) + (x[i * voxels + (t % voxels)] ?? 0) * (t % 5);
  return { x: f32([ROWS, voxels], x), y: arrayTargets(f32([ROWS, TARGETS], y)) };
}

const KINDS: readonly { readonly name: string; readonly voxels: number; readonly form: 'dual' | 'primal'; readonly kernels: number; readonly more: Partial<FitOptions> }[] = [
  { name: 'dual, exhaustive', voxels: 90, form: 'dual', kernels: 0, more: { search: 'exhaustive' } },
  { name: 'dual, bracket', voxels: 90, form: 'dual', kernels: 0, more: { search: 'bracket' } },
  { name: 'dual, z-scored in folds', voxels: 90, form: 'dual', kernels: 4, more: { standardise: 'zscore', search: 'bracket' } },
  { name: 'primal', voxels: 20, form: 'primal', kernels: 0, more: {} },
  { name: 'banded', voxels: 90, form: 'dual', kernels: 2, more: { bands: Int32Array.from({ length: 90 }, (_, v) => v % 2), mixes: [[0.5, 0.5], [0.9, 0.1]] } },
  { name: 'FastL2LiR', voxels: 90, form: 'primal', kernels: 0, more: { solver: 'fastl2lir', voxelsPerTarget: 10, alphas: [0.15] } },
];

/** A checkpoint that ends the process, as far as the fit can tell, after so many writes. */
function mortal(inner: CheckpointStore, writes: number): CheckpointStore {
  let left = writes;
  return { ...inner, write: async (name, array) => { if (left-- <= 0) throw new Error('killed'); await inner.write(name, array); } };
}

describe('a fit that is killed', () => {
  for (const { name, voxels, form, kernels, more } of KINDS) {
    it(`goes on after any block and ends with the same bytes: ${name}`, async () => {
      const options: FitOptions = { ...problem(voxels), alphas: [1, 10, 100, 1000], folds: { kind: 'k-fold', folds: 4 }, memory: memoryFor(voxels, form, kernels), ...more };
      const whole = memoryStore();
      await fitDecoder(options, { products, store: whole });
      const record = await whole.readText('decoder.json');
      // Several blocks, or nothing would be shown.
      const files = (JSON.parse(record) as { weights: readonly { file: string }[] }).weights.map(({ file }) => file);
      expect(files.length).toBe(4);
      // Blocks, and inverses that do not all fit, change nothing but the last digits.
      const roomy = await fitDecoder({ ...options, memory: 8e9 }, { products, store: memoryStore() });
      expect(roomy.record.alphaPerTarget).toEqual((JSON.parse(record) as { alphaPerTarget: readonly number[] }).alphaPerTarget);
      const joined = await primalWeights(await openDecoder(whole), products);
      expectClose(joined.data, (await primalWeights(roomy, products)).data, { absolute: 1e-5 });
      let kills = 0;
      for (let writes = 1; ; writes += 3) {
        const store = memoryStore(), checkpoint = memoryCheckpoint();
        let made = 0;
        const counted: FitDependencies = { products: { ...products, residualSums: (terms, target) => { made++; return products.residualSums(terms, target); } }, store, checkpoint };
        const killed = await fitDecoder(options, { products, store, checkpoint: mortal(checkpoint, writes) }).then(() => false, (error: unknown) => { if (String(error) !== 'Error: killed') throw error; return true; });
        if (!killed) break;
        kills++;
        await fitDecoder(options, counted);
        expect(await store.readText('decoder.json')).toBe(record);
        for (const file of [...files, 'oof-deviation.npy']) expect((await store.readArray(file)).data).toEqual((await whole.readArray(file)).data);
        // Once cross-validation is kept, none of it is done again.
        if (kills > 1 && writes > 24) expect(made).toBeLessThan(64);
      }
      expect(kills).toBeGreaterThan(2);
    });
  }
  it('starts anew when the data or the options are others', async () => {
    const options: FitOptions = { ...problem(90), alphas: [1, 10], folds: { kind: 'k-fold', folds: 4 } };
    const checkpoint = memoryCheckpoint();
    await fitDecoder(options, { products, store: memoryStore(), checkpoint });
    const other: FitOptions = { ...options, alphas: [1, 20] };
    const [resumed, fresh] = [memoryStore(), memoryStore()];
    await fitDecoder(other, { products, store: resumed, checkpoint });
    await fitDecoder(other, { products, store: fresh });
    expect(await resumed.readText('decoder.json')).toBe(await fresh.readText('decoder.json'));
  });
});

describe('a memory ceiling', () => {
  it('names the least that would do, and makes smaller blocks below it', async () => {
    const shape = { rows: 8859, voxels: 11694, targets: 85248, form: 'dual', ownKernels: 0 } as const;
    expect(() => planMemory(shape, 1e9)).toThrow('a memory ceiling of 1.00 GB is too low for 8859 rows and 11694 voxels');
    const [tight, roomy] = [planMemory(shape, 4e9), planMemory(shape, 8e9)];
    expect(roomy.estimate).toBeLessThanOrEqual(8e9);
    expect(tight.estimate).toBeLessThanOrEqual(4e9);
    expect(tight.blockTargets).toBeLessThanOrEqual(roomy.blockTargets);
    // What is held beside the fit counts: for c's errors at this size, 1000 images of 59 136 values.
    const beside = 4 * 1000 * 59136, held = planMemory({ ...shape, beside }, 4e9);
    expect(held.estimate).toBeLessThanOrEqual(4e9);
    expect(held.estimate - held.keptInverses).toBeGreaterThanOrEqual(tight.estimate - tight.keptInverses);
    expect(held.keptInverses).toBeCloseTo(tight.keptInverses - 0.4 * beside, -1);
    await expect(fitDecoder({ ...problem(90), alphas: [1], folds: null, memory: 1e6 }, { products, store: memoryStore() })).rejects.toThrow('memory ceiling');
  });
});
