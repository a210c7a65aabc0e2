import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ndarray } from '../../../common/ndarray.ts';
import type { NdArray } from '../../../common/ndarray.ts';
import { readMat5, writeMat5 } from '../../../main/formats/mat5.ts';
import { expectArray, goldenBytes, goldenSection } from './golden.ts';
import type { GoldenArray } from './golden.ts';

const DIGITS = join(import.meta.dirname, '../../../../shared/data/fmri-digits69/digit69_28x28.mat');

describe('mat level 5', () => {
  it.each(['mat-plain.mat', 'mat-compressed.mat'])('reads %s as SciPy wrote it', (name) => {
    const file = readMat5(goldenBytes(name), name);
    const golden = goldenSection<Record<string, GoldenArray>>('mat');
    expect([...file.arrays.keys()]).toEqual(Object.keys(golden));
    for (const [key, array] of Object.entries(golden)) expectArray(file.arrays.get(key), array);
    expect(file.text.get('text')).toEqual(['hello']);
    expect(file.skipped).toEqual([{ name: 'sparse', matlabClass: 'sparse' }, { name: 'cell', matlabClass: 'cell' }, { name: 'record', matlabClass: 'struct' }, { name: 'wave', matlabClass: 'complex' }]);
  });

  it.each(['mat-compact-little.mat', 'mat-compact-big.mat'])('gives doubles back from the integers stored in %s', (name) => {
    const golden = goldenSection<Record<string, GoldenArray>>('matCompact');
    const { arrays } = readMat5(goldenBytes(name), name);
    for (const [key, array] of Object.entries(golden)) expectArray(arrays.get(key), array);
  });

  it.each([{}, { compress: true }, { compact: true }, { compress: true, compact: true }])('reads back what it writes with %o', (options) => {
    const value = new Map<string, NdArray>([
      ['subjectim', ndarray('float64', [2, 3], Float64Array.of(1, 2, 3, 4, 5, 70000))], ['half', ndarray('float64', [1, 2], Float64Array.of(0.5, -0))],
      ['flags', ndarray('bool', [3, 1], Uint8Array.of(1, 0, 1))], ['cube', ndarray('int16', [2, 2, 2], Int16Array.of(1, -2, 3, -4, 5, -6, 7, -8))],
      ['longs', ndarray('int64', [1, 2], BigInt64Array.of(-(2n ** 62n), 7n))],
    ]);
    expect(readMat5(writeMat5(value, options), 'x.mat').arrays).toEqual(value);
  });

  it('refuses v7.3 and bombs by name', () => {
    expect(() => readMat5(goldenBytes('hdf5-v73.mat'), 'betas.mat')).toThrow('MAT v7.3, which is HDF5');
    const bomb = writeMat5(new Map([['x', ndarray('uint8', [1, 1_000_000], new Uint8Array(1_000_000))]]), { compress: true });
    expect(() => readMat5(bomb, 'x.mat', { maxInflatedBytes: 100_000 })).toThrow('at most 100000 bytes after decompression');
  });

  it.skipIf(!existsSync(DIGITS))('reads the real digits data (skipped where ../shared/data is absent)', () => {
    const { arrays } = readMat5(new Uint8Array(readFileSync(DIGITS)), 'digit69_28x28.mat');
    expect(arrays.get('fmriTrn')).toMatchObject({ dtype: 'float64', shape: [90, 3092] });
    // Class double, stored as uint8: the class decides.
    expect(arrays.get('stimTest')).toMatchObject({ dtype: 'float64', shape: [10, 784] });
    const labels = arrays.get('labelTrn');
    expect(labels?.data instanceof Float64Array ? [...new Set(labels.data)].sort() : labels).toEqual([1, 2]);
  });
});
