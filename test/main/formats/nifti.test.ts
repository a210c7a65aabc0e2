import { describe, expect, it } from 'vitest';
import { f32, ndarray } from '../../../common/ndarray.ts';
import { gzip } from '../../../main/formats/gzip.ts';
import { readNifti, readNiftiHeader, streamNiftiVolumes, writeNifti } from '../../../main/formats/nifti.ts';
import { expectArray, formatErrorOf, goldenBytes, goldenSection, numbers } from './golden.ts';
import type { GoldenArray } from './golden.ts';

interface Golden { shape: number[]; raw: GoldenArray; affine: (number | string)[] | null; scaled: (number | string)[]; pixdim: number[] }
const images = goldenSection<Record<string, Golden>>('nifti');
/** The affine goes through float32 quaternions. */
const AFFINE_TOLERANCE = 1e-5;

describe('nifti', () => {
  it.each(Object.entries(images))('reads %s as nibabel does', (name, golden) => {
    const image = readNifti(goldenBytes(name), name);
    expect(image.shape).toEqual(golden.shape);
    expectArray(image.data, golden.raw);
    expect([...image.scaled().data]).toEqual(numbers(golden.scaled).map(Math.fround));
    if (golden.affine !== null) numbers(golden.affine).forEach((value, i) => { expect(Math.abs((image.affine[i] ?? NaN) - value)).toBeLessThan(AFFINE_TOLERANCE); });
    expect(image.header.pixdim).toEqual(golden.pixdim);
  });

  it('takes sform, then qform, then voxel sizes', () => {
    expect(readNifti(goldenBytes('nifti-int16.nii'), 'x').header.affineSource).toBe('sform');
    expect(readNifti(goldenBytes('nifti-qform.nii'), 'x').header.affineSource).toBe('qform');
    const plain = readNifti(goldenBytes('nifti-no-form.nii'), 'x');
    expect(plain.header.affineSource).toBe('pixdim');
    expect([...plain.affine]).toEqual([1.5, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1]);
  });

  it.each([['complex', 'complex64'], ['rgb', 'RGB24']])('refuses %s images by name', (kind, text) => {
    expect(formatErrorOf(() => readNifti(goldenBytes(`refused-nifti-${kind}.nii`), 'x.nii')).detail.found).toBe(text);
  });

  it('refuses two-file images and ANALYZE by name', () => {
    expect(() => readNifti(goldenBytes('refused-nifti-pair.hdr'), 'x')).toThrow('two-file image (ni1)');
    expect(() => readNifti(goldenBytes('refused-nifti-analyze.hdr'), 'x')).toThrow('ANALYZE');
  });

  it('writes a header as NSD has it', () => {
    const affine = Float64Array.from([1.8, 0, 0, -72, 0, 1.8, 0, -92.7, 0, 0, 1.8, -73.8, 0, 0, 0, 1]);
    const data = ndarray('int16', [2, 3, 4], Int16Array.from({ length: 24 }, (_, i) => i - 5));
    const bytes = writeNifti({ shape: [4, 3, 2], affine, data }, { compress: true });
    const back = readNifti(bytes, 'x.nii.gz');
    expect(back.header).toMatchObject({ version: 1, littleEndian: true, shape: [4, 3, 2], datatype: 4, dataOffset: 352, sclSlope: 0, sclInter: 0, xyztUnits: 0, qformCode: 0, sformCode: 1 });
    expect(back.data).toEqual(data);
    affine.forEach((value, i) => { expect(back.affine[i]).toBe(Math.fround(value)); });
    expect(readNiftiHeader(bytes.subarray(0, 300), 'x')).toMatchObject({ shape: [4, 3, 2] });
  });

  it('streams volumes from chunks of any size and notices a cut', async () => {
    const name = 'nifti-gz.nii.gz';
    const whole = readNifti(goldenBytes(name), name);
    const bytes = writeNifti({ shape: whole.shape, affine: whole.affine, data: whole.data });
    async function* cut(size: number, end: number): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < end; at += size) yield await Promise.resolve(bytes.subarray(at, Math.min(end, at + size)));
    }
    const width = whole.data.data.length / 3;
    for (const size of [1, 100, 1e6]) {
      let count = 0;
      for await (const volume of streamNiftiVolumes(cut(size, bytes.length), name)) {
        expect(volume.index).toBe(count++);
        expect(volume.data.data).toEqual(whole.data.data.slice(volume.index * width, (volume.index + 1) * width));
      }
      expect(count).toBe(3);
    }
    await expect(async () => { for await (const volume of streamNiftiVolumes(cut(100, bytes.length - 1), name)) expect(volume.index).toBeLessThan(3); }).rejects.toThrow('then the end of the file');
  });

  it('does not allocate for a header that lies, nor for a bomb', () => {
    const bytes = writeNifti({ shape: [2, 1, 1], affine: new Float64Array(16), data: f32([1, 1, 2], [1, 2]) });
    const lie = bytes.slice();
    for (let axis = 0; axis < 3; axis++) new DataView(lie.buffer).setInt16(42 + 2 * axis, 32767, true);
    expect(() => readNifti(lie, 'x')).toThrow('8 bytes left');
    expect(() => readNifti(gzip(new Uint8Array(1e7)), 'x', { maxInflatedBytes: 1e6 })).toThrow('at most 1000000 bytes after decompression');
  });
});
