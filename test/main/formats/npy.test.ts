import { describe, expect, it } from 'vitest';
import { f32, ndarray } from '../../../common/ndarray.ts';
import type { NdArray } from '../../../common/ndarray.ts';
import { readNpy, readNpyHeader, writeNpy } from '../../../main/formats/npy.ts';
import { readNpz, writeNpz } from '../../../main/formats/npz.ts';
import { expectArray, formatErrorOf, goldenBytes, goldenSection } from './golden.ts';
import type { GoldenArray } from './golden.ts';

const arrays = goldenSection<Record<string, GoldenArray>>('npy');

describe('npy', () => {
  it.each(Object.entries(arrays))('reads %s as NumPy wrote it', (name, golden) => {
    expectArray(readNpy(goldenBytes(name), name), golden);
  });

  it('writes what NumPy writes, byte for byte', () => {
    for (const name of ['npy-vector.npy', 'npy-little-f4.npy', 'npy-little-b1.npy', 'npy-scalar.npy', 'npy-empty.npy']) {
      expect(Buffer.from(writeNpy(readNpy(goldenBytes(name), name))).equals(goldenBytes(name)), name).toBe(true);
    }
  });

  it.each(['complex', 'object', 'struct', 'text'])('refuses %s arrays by their dtype', (kind) => {
    const name = `refused-npy-${kind}.npy`;
    expect(formatErrorOf(() => readNpy(goldenBytes(name), name)).message).toContain('expected a dtype among');
  });

  it('names both lengths when the file is cut', () => {
    const error = formatErrorOf(() => readNpy(goldenBytes('npy-vector.npy').subarray(0, 150), 'cut.npy'));
    expect(error.message).toBe('cut.npy: expected 40 bytes of float64[5], found 22 bytes left (byte 128)');
  });

  it('refuses bytes after the array', () => {
    expect(() => readNpy(Buffer.concat([goldenBytes('npy-vector.npy'), Buffer.of(1)]), 'long.npy')).toThrow('1 more bytes');
  });

  it('reads the header from a prefix', () => {
    expect(readNpyHeader(goldenBytes('npy-fortran.npy').subarray(0, 128), 'x')).toMatchObject({ dtype: 'int32', shape: [2, 3, 4], fortranOrder: true, dataOffset: 128 });
  });
});

describe('npz', () => {
  it.each(['npz-stored.npz', 'npz-deflated.npz'])('reads %s', (name) => {
    const found = readNpz(goldenBytes(name), name);
    const expected = goldenSection<Record<string, GoldenArray>>('npz');
    expect([...found.keys()]).toEqual(Object.keys(expected));
    for (const [key, golden] of Object.entries(expected)) expectArray(found.get(key), golden);
  });

  it.each([false, true])('reads back what it writes, compress %s', (compress) => {
    const value = new Map<string, NdArray>([['x', f32([2, 2], [1, 2, 3, NaN])], ['y', ndarray('int64', [2], BigInt64Array.of(-5n, 2n ** 62n))]]);
    expect(readNpz(writeNpz(value, { compress }), 'x.npz')).toEqual(value);
  });

  it('refuses a bomb before inflating it', () => {
    const bomb = writeNpz(new Map([['x', f32([2 ** 20], new Float32Array(2 ** 20))]]), { compress: true });
    expect(bomb.length).toBeLessThan(10_000);
    expect(() => readNpz(bomb, 'x.npz', { maxInflatedBytes: 2 ** 20 })).toThrow('at most 1048576 bytes');
  });

  it('notices a flipped bit', () => {
    const bytes = writeNpz(new Map([['x', f32([2], [1, 2])]]));
    bytes[170] = (bytes[170] ?? 0) ^ 1;
    expect(() => readNpz(bytes, 'x.npz')).toThrow('checksum');
  });
});
