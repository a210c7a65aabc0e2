/** What is read from disk for some voxels and some targets, and that it gives the same numbers as all of it. */
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { f32 } from '../../../common/ndarray.ts';
import { fillNormal, random } from '../../../common/random.ts';
import { arrayFolder } from '../../../main/experiments/array-folder.ts';
import { readNpyRows } from '../../../main/formats/npy-rows.ts';
import { writeNpy } from '../../../main/formats/npy.ts';
import { plainProducts } from '../../../main/linalg/plain-products.ts';
import { memoryStore, parseRecord } from '../../../main/ridge/artefact.ts';
import { openDecoder, primalWeights, projectWeights } from '../../../main/ridge/decoder.ts';
import { fitDecoder } from '../../../main/ridge/fit.ts';
import { arrayTargets } from '../../../main/ridge/targets.ts';
import { expectClose } from '../../support/close.ts';
import type { ArrayStore } from '../../../main/ridge/artefact.ts';

const SEED = 29;
const ROWS = 30, TARGETS = 50;
const products = plainProducts();
/** Sums of 30 to 80 single-precision products. */
const SINGLE = { absolute: 1e-5 };
let folder = '';
beforeAll(async () => { folder = await fs.mkdtemp(path.join(os.tmpdir(), 'optogram-tiles-')); });
afterAll(() => fs.rm(folder, { recursive: true, force: true }));

/** A store that counts the bytes of the arrays that it hands out. */
function counting(store: ArrayStore): { readonly store: ArrayStore; readonly bytes: () => number } {
  let bytes = 0;
  return {
    bytes: () => bytes,
    store: {
      ...store,
      readArray: async (name) => { const array = await store.readArray(name); bytes += array.data.byteLength; return array; },
      readRows: async (name, from, to) => { const part = await store.readRows(name, from, to); bytes += part.rows.data.byteLength; return part; },
    },
  };
}

for (const [form, voxels] of [['dual', 80], ['primal', 20]] as const) {
  describe(`a ${form} decoder on disk`, () => {
    it('reads for some voxels and targets only what they need', async () => {
      const source = random(SEED);
      const x = f32([ROWS, voxels], fillNormal(new Float32Array(ROWS * voxels), source)), y = f32([ROWS, TARGETS], fillNormal(new Float32Array(ROWS * TARGETS), source));
      const place = path.join(folder, form);
      await fs.mkdir(place);
      await fitDecoder({ x, y: arrayTargets(y), alphas: [3], folds: null }, { products, store: arrayFolder(place) });
      const { store, bytes } = counting(arrayFolder(place));
      const decoder = await openDecoder(store);
      expect(decoder.record.form).toBe(form);
      const opened = bytes();
      const whole = await primalWeights(decoder, products);
      expect(bytes() - opened).toBe(4 * (form === 'dual' ? ROWS * voxels + ROWS * TARGETS : voxels * TARGETS));
      // One voxel and a few targets; one voxel; one target. Primal weights lie by voxel: a target needs its part of them.
      const asked = [[[7, 8], [10, 14]], [[7, 8], [0, TARGETS]], [[0, voxels], [10, 11]]] as const;
      const needed = form === 'dual' ? [ROWS + 4 * ROWS, ROWS + TARGETS * ROWS, voxels * ROWS + ROWS] : [TARGETS, TARGETS, voxels * TARGETS];
      for (const [index, [range, targets]] of asked.entries()) {
        const before = bytes();
        const part = await primalWeights(decoder, products, { voxels: range, targets });
        expect((bytes() - before) / 4).toBe(needed[index]);
        const expected: number[] = [];
        for (let v = range[0]; v < range[1]; v++) for (let t = targets[0]; t < targets[1]; t++) expected.push(whole.data[v * TARGETS + t] ?? NaN);
        expectClose(part.data, expected, SINGLE, SEED);
      }
      // D W' against the whole weights.
      const d = f32([2, TARGETS], fillNormal(new Float32Array(2 * TARGETS), source));
      expectClose((await projectWeights(decoder, d, products)).data, (await products.multiply('abT', d, whole)).data, { absolute: 1e-4 }, SEED);
    });
  });
}

describe('rows of a .npy file', () => {
  it('are those of the array, and a cut file or other rows are refused', async () => {
    const file = path.join(folder, 'a.npy');
    const array = f32([5, 2, 3], Float32Array.from({ length: 30 }, (_, i) => i));
    await fs.writeFile(file, writeNpy(array));
    const { rows, shape } = await readNpyRows(file, 2, 4);
    expect([rows.shape, shape]).toEqual([[2, 2, 3], [5, 2, 3]]);
    expect([...rows.data]).toEqual(Array.from({ length: 12 }, (_, i) => 12 + i));
    expect((await readNpyRows(file, 5, 5)).rows.data.length).toBe(0);
    await expect(readNpyRows(file, 4, 6)).rejects.toThrow('rows 4 to 6 of 5');
    await fs.writeFile(file, writeNpy(array).subarray(0, -4));
    await expect(readNpyRows(file, 4, 5)).rejects.toThrow('expected 248 bytes, found 244');
    await expect(readNpyRows(path.join(folder, 'b.npy'), 0, 1)).rejects.toThrow('b.npy');
  });
});

describe('a decoder of an earlier layout', () => {
  it('is refused if its weights are dual, and read if they are primal', async () => {
    const store = memoryStore();
    const { record } = await fitDecoder({ x: f32([4, 2], [1, 2, 0, 1, 3, 1, 2, 2]), y: arrayTargets(f32([4, 1], [1, 2, 3, 4])), alphas: [1], folds: null }, { products, store });
    expect(() => parseRecord(JSON.stringify({ ...record, version: 1, form: 'dual' }), 'here')).toThrow('here/decoder.json is not a decoder');
    expect(parseRecord(JSON.stringify({ ...record, version: 1 }), 'here').form).toBe('primal');
  });
});
