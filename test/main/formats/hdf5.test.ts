import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { FormatError } from '../../../common/errors.ts';
import { f32, ndarray, zeros } from '../../../common/ndarray.ts';
import type { DType, NdArray } from '../../../common/ndarray.ts';
import { fileSource, memorySource } from '../../../main/formats/byte-source.ts';
import { readVoxelChunks } from '../../../main/formats/hdf5-chunks.ts';
import { chunkedDataset } from '../../../main/formats/hdf5-structure.ts';
import { openHdf5, writeHdf5 } from '../../../main/formats/hdf5.ts';
import { expectArray, goldenBytes, goldenPath, goldenSection, numbers } from './golden.ts';
import type { GoldenArray } from './golden.ts';

const folder = mkdtempSync(join(tmpdir(), 'optogram-hdf5-'));
afterAll(() => { rmSync(folder, { recursive: true }); });
const at = (name: string): string => join(folder, name);
const golden = goldenSection<{ betas: GoldenArray; betasFirstVoxels: number[]; many: GoldenArray; mixed: Record<string, GoldenArray>; v73: GoldenArray }>('hdf5');

describe('hdf5 through the library', () => {
  it.each(['hdf5-earliest.hdf5', 'hdf5-latest.hdf5'])('reads parts of %s as h5py wrote them', async (name) => {
    const file = await openHdf5(goldenPath(name));
    try {
      expect(file.datasets()).toEqual([{ name: 'betas', shape: [750, 2, 3, 4], dtype: 'int16', storedAs: 'little-endian integer of 2 bytes', chunks: [750, 1, 1, 1], filters: [] }]);
      expectArray(file.read('betas', [[0, 8], null, null, null]), golden.betas);
      expect(file.read('/betas', [null, [0, 1], [0, 1], [1, 2]]).shape).toEqual([750, 1, 1, 1]);
      expect(() => file.read('beta')).toThrow('expected a dataset "beta", found datasets betas');
      expect(() => file.read('betas', [[0, 751], null, null, null])).toThrow('range [0, 751) outside axis 0');
    } finally { file.close(); file.close(); }
  });

  it('reads every dtype it lists, in groups, and names the ones it cannot', async () => {
    const file = await openHdf5(goldenPath('hdf5-mixed.h5'));
    try {
      for (const [key, array] of Object.entries(golden.mixed)) expectArray(file.read(`group/${key}`), array);
      expect([...file.read('big').data]).toEqual([0, 1, 2, 3, 4]);
      expect(file.datasets().find((dataset) => dataset.name === 'packed')).toMatchObject({ dtype: 'int32', chunks: [5, 50], filters: ['shuffle', 'deflate'] });
      expect([...file.read('packed', [[3, 4], [10, 12]]).data]).toEqual([310, 311]);
      expect(() => file.read('words')).toThrow('text');
      expect(() => file.read('pairs')).toThrow('compound');
      const attributes = file.attributes('packed');
      expect(attributes.get('note')).toBe('text');
      expect(attributes.get('numbers')).toEqual(ndarray('float64', [2], Float64Array.of(1.5, 2.5)));
      expect(file.attributes('/').size).toBe(0);
    } finally { file.close(); }
  });

  it('opens MAT v7.3 behind its user block', async () => {
    const file = await openHdf5(goldenPath('hdf5-v73.mat'));
    try {
      expectArray(file.read('betas', [[0, 3], null, null, null]), golden.v73);
      expect(file.attributes('betas').get('MATLAB_class')).toBe('int16');
    } finally { file.close(); }
  });

  it('names what is not HDF5, and both sizes of a cut file', async () => {
    writeFileSync(at('garbage.h5'), 'not hdf5 at all'.repeat(100));
    await expect(openHdf5(at('garbage.h5'))).rejects.toThrow('expected an HDF5 file (signature');
    for (const name of ['hdf5-earliest.hdf5', 'hdf5-latest.hdf5', 'hdf5-v73.mat']) {
      const bytes = goldenBytes(name);
      writeFileSync(at('cut.h5'), bytes.subarray(0, bytes.length - 100));
      await expect(openHdf5(at('cut.h5'))).rejects.toThrow(`expected ${bytes.length} bytes, as its superblock says, found ${bytes.length - 100} bytes`);
    }
    writeFileSync(at('empty.h5'), '');
    await expect(openHdf5(at('empty.h5'))).rejects.toThrow(FormatError);
  });

  it('reads back what it writes, in both layouts, and leaves nothing after a failure', async () => {
    const dtypes: DType[] = ['float64', 'float32', 'int64', 'uint64', 'int32', 'uint32', 'int16', 'uint16', 'int8', 'uint8'];
    for (const layout of ['earliest', 'latest'] as const) {
      const entries = dtypes.map((dtype) => {
        const data: NdArray = zeros(dtype, [4, 3]);
        if (data.data instanceof BigInt64Array || data.data instanceof BigUint64Array) data.data.set([1n, 2n, 2n ** 60n]);
        else data.data.set([1, 2, 100]);
        return { name: `group/${dtype}`, data };
      });
      const packed = { name: 'packed', data: f32([4, 3], Float32Array.from({ length: 12 }, (_, i) => i)), chunks: [2, 3], compression: 4, attributes: new Map([['kind', 'test']]) };
      await writeHdf5(at('out.h5'), [...entries, packed], { layout });
      expect(readFileSync(at('out.h5'))[8]).toBe(layout === 'earliest' ? 0 : 3);
      const file = await openHdf5(at('out.h5'));
      try {
        for (const { name, data } of [...entries, packed]) expect(file.read(name)).toEqual(data);
        expect(file.attributes('packed').get('kind')).toBe('test');
      } finally { file.close(); }
    }
    await expect(writeHdf5(at('never.h5'), [{ name: 'x', data: zeros('bool', [2]) }])).rejects.toThrow('HDF5 writing of bool[2]');
    await expect(openHdf5(at('never.h5'))).rejects.toThrow('ENOENT');
  });
});

describe('hdf5 chunk by chunk', () => {
  it('finds the same numbers as h5py in the layout of NSD', async () => {
    const source = await fileSource(goldenPath('hdf5-earliest.hdf5'));
    try {
      const dataset = await chunkedDataset(source, 'betas.hdf5', 'betas');
      expect(dataset).toMatchObject({ kind: 'chunked', shape: [750, 2, 3, 4], chunkShape: [750, 1, 1, 1], dtype: 'int16', littleEndian: true, base: 0 });
      const two = await readVoxelChunks(source, 'betas.hdf5', dataset, Int32Array.of(0, 1));
      expect('data' in two ? [...two.data] : two).toEqual(numbers(golden.betasFirstVoxels));
      const all = await readVoxelChunks(source, 'betas.hdf5', dataset, Int32Array.from({ length: 24 }, (_, i) => i));
      if (!('data' in all)) throw new Error(all.reason);
      golden.betas.values.forEach((value, i) => { expect(all.data[(i % 24) * 750 + Math.floor(i / 24)]).toBe(value); });
      await expect(chunkedDataset(source, 'betas.hdf5', 'beta')).rejects.toThrow('no "beta"');
    } finally { await source.close(); }
  });

  it('walks trees of several levels for any subset of voxels', async () => {
    const bytes = goldenBytes('hdf5-many.hdf5');
    const source = memorySource(bytes);
    const dataset = await chunkedDataset(source, 'many', 'betas');
    for (const voxels of [Int32Array.of(335), Int32Array.of(0, 5, 6, 7, 100, 101, 334), Int32Array.from({ length: 336 }, (_, i) => i), new Int32Array(0)]) {
      const result = await readVoxelChunks(source, 'many', dataset, voxels);
      if (!('data' in result)) throw new Error(result.reason);
      expect(result.shape).toEqual([voxels.length, 4]);
      voxels.forEach((voxel, row) => { for (let trial = 0; trial < 4; trial++) expect(result.data[4 * row + trial]).toBe((trial * 336 + voxel) % 30000); });
    }
    await expect(readVoxelChunks(source, 'many', dataset, Int32Array.of(336))).rejects.toThrow('voxels must ascend');
    const cut = bytes.slice(0, bytes.length - 1);
    await expect(chunkedDataset(memorySource(cut), 'cut', 'betas')).rejects.toThrow(`found ${cut.length} bytes`);
  });

  it('adds the base of a user block', async () => {
    const source = memorySource(goldenBytes('hdf5-v73.mat'));
    const result = await readVoxelChunks(source, 'v73', await chunkedDataset(source, 'v73', 'betas'), Int32Array.of(0, 3));
    const first = golden.v73.values;
    expect('data' in result ? [...result.data.subarray(0, 3)] : result).toEqual([first[0], first[4], first[8]]);
  });

  it('says which other layout a file has', async () => {
    const latest = memorySource(goldenBytes('hdf5-latest.hdf5'));
    expect(await chunkedDataset(latest, 'latest', 'betas')).toEqual({ kind: 'other', reason: 'superblock version 3' });
    const mixed = memorySource(goldenBytes('hdf5-mixed.h5'));
    expect(await chunkedDataset(mixed, 'mixed', 'packed')).toMatchObject({ kind: 'other', reason: 'filters (compressed chunks)' });
    expect(await chunkedDataset(mixed, 'mixed', 'pairs')).toMatchObject({ kind: 'other' });
    const u1 = await chunkedDataset(mixed, 'mixed', 'group/u1');
    expect(u1).toMatchObject({ kind: 'contiguous', shape: [2, 3, 3, 3], dtype: 'uint8' });
    if (u1.kind === 'contiguous') expect([...await mixed.read(u1.dataOffset, 54)]).toEqual(golden.mixed['u1']?.values);
    expect(await readVoxelChunks(mixed, 'mixed', u1, Int32Array.of(0))).toMatchObject({ kind: 'other' });
  });

  it('reads what we write ourselves', async () => {
    const data = ndarray('int16', [5, 2, 3, 4], Int16Array.from({ length: 120 }, (_, i) => i - 60));
    await writeHdf5(at('betas.hdf5'), [{ name: 'betas', data, chunks: [5, 1, 1, 1] }]);
    const source = await fileSource(at('betas.hdf5'));
    try {
      const result = await readVoxelChunks(source, 'betas', await chunkedDataset(source, 'betas', 'betas'), Int32Array.of(3, 23));
      expect('data' in result ? [...result.data] : result).toEqual([3, 27, 51, 75, 99, 23, 47, 71, 95, 119].map((i) => i - 60));
    } finally { await source.close(); }
  });
});
