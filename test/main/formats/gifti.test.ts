import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { f32, ndarray } from '../../../common/ndarray.ts';
import { giftiArray, giftiSurface, readGifti, writeGifti } from '../../../main/formats/gifti.ts';
import type { Gifti } from '../../../main/formats/gifti.ts';
import { expectArray, goldenBytes, goldenSection } from './golden.ts';
import type { GoldenArray } from './golden.ts';

const CORTEX = join(import.meta.dirname, '../../../../shared/data/fsaverage5');
/** nibabel writes ASCII floats with six decimals. */
const ASCII_TOLERANCE = 1e-6;
const golden = goldenSection<{ coordinates: GoldenArray; faces: GoldenArray; shape: GoldenArray; labels: GoldenArray; names: string[]; xform: number[]; columnBack: GoldenArray }>('gifti');

describe('gifti', () => {
  it.each(['gifti-ASCII-little.gii', 'gifti-B64BIN-little.gii', 'gifti-B64GZ-little.gii', 'gifti.gii.gz'])('reads %s as nibabel wrote it', (name) => {
    const gifti = readGifti(goldenBytes(name), name);
    const { coordinates, faces } = giftiSurface(gifti, name);
    expectArray(faces, golden.faces);
    expectArray(giftiArray(gifti, 'LABEL', name).data, golden.labels);
    if (name.includes('ASCII')) golden.coordinates.values.forEach((value, i) => { expect(Math.abs((coordinates.data[i] ?? NaN) - Number(value))).toBeLessThan(ASCII_TOLERANCE + Math.abs(Number(value)) * 2 ** -23); });
    else { expectArray(coordinates, golden.coordinates); expectArray(giftiArray(gifti, 'SHAPE', name).data, golden.shape); }
    expect(gifti.labels.map((label) => label.name)).toEqual(golden.names);
    expect(gifti.labels[1]?.rgba?.[0]).toBeCloseTo(220 / 255, 6);
    expect(giftiArray(gifti, 'SHAPE', name).metadata.get('Name')).toBe('curv & <more>');
    expect(gifti.arrays[0]?.coordinateSystems[0]).toMatchObject({ dataSpace: 'NIFTI_XFORM_ALIGNED_ANAT', transformedSpace: 'NIFTI_XFORM_MNI_152', matrix: Float64Array.from(golden.xform) });
  });

  it.each([['gifti-column.gii', golden.columnBack], ['gifti-big.gii', golden.coordinates]])('honours index and byte order in %s', (name, array) => {
    expectArray(readGifti(goldenBytes(name), name).arrays[0]?.data, array);
  });

  it('refuses external data by name', () => {
    expect(() => readGifti(goldenBytes('refused-gifti-external.gii'), 'x.gii')).toThrow('found ExternalFileBinary');
  });

  const value: Gifti = {
    metadata: new Map([['Creator', 'a <b> & "c"']]), labels: [{ key: 0, name: 'none', rgba: [0, 0.25, 1, 1] }, { key: 3, name: 'é' }],
    arrays: [
      { intent: 'NIFTI_INTENT_POINTSET', data: f32([2, 3], [0.1, 1e-30, NaN, Infinity, -5, 6]), metadata: new Map(), coordinateSystems: [{ dataSpace: 'A', transformedSpace: 'B', matrix: Float64Array.from({ length: 16 }, (_, i) => i / 3) }] },
      { intent: 'NIFTI_INTENT_TRIANGLE', data: ndarray('int32', [1, 3], Int32Array.of(0, 1, 0)), metadata: new Map([['x', 'y']]), coordinateSystems: [] },
    ],
  };
  it.each(['ASCII', 'Base64Binary', 'GZipBase64Binary'] as const)('reads back what it writes as %s', (encoding) => {
    expect(readGifti(writeGifti(value, { encoding }), 'x.gii')).toEqual(value);
    expect(readGifti(writeGifti(value, { encoding, compress: true }), 'x.gii.gz')).toEqual(value);
  });

  it.each([
    ['NumberOfDataArrays="2"', 'NumberOfDataArrays="3"', '3 data arrays'], ['</GIFTI>', '', '</GIFTI>'], ['Dim0="2"', 'Dim0="200000000"', 'at most'],
    ['Dim0="2"', 'Dim0="4"', '48 bytes'], ['<Data>', '<Data>!', 'base64 text'], ['&amp;', '&bomb;', 'a named or numbered character'], ['GIFTI SYSTEM', 'GIFTI [<!ENTITY a "b">', 'DOCTYPE without definitions'],
  ])('refuses a file with %s made %s', (from, to, message) => {
    expect(() => readGifti(Buffer.from(Buffer.from(writeGifti(value, { encoding: 'Base64Binary' })).toString('utf8').replace(from, to)), 'x.gii')).toThrow(message);
  });

  describe.skipIf(!existsSync(CORTEX))('real cortex (skipped where ../shared/data is absent)', () => {
    it.each(['white', 'pial', 'infl', 'sphere'])('reads fsaverage5 %s: closed, outward faces', (kind) => {
      for (const side of ['left', 'right']) {
        const name = `${kind}_${side}.gii.gz`;
        const { coordinates, faces } = giftiSurface(readGifti(new Uint8Array(readFileSync(join(CORTEX, name))), name), name);
        expect([coordinates.shape[0], faces.shape[0]]).toEqual([10242, 2 * 10242 - 4]);
        let sixVolumes = 0;
        const at = (corner: number, axis: number): number => coordinates.data[3 * (faces.data[corner] ?? 0) + axis] ?? NaN;
        for (let f = 0; f < faces.data.length; f += 3) {
          const [a, b, c] = [f, f + 1, f + 2].map((corner) => [at(corner, 0), at(corner, 1), at(corner, 2)] as const);
          if (a === undefined || b === undefined || c === undefined) throw new Error('three corners');
          sixVolumes += a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) + a[2] * (b[0] * c[1] - b[1] * c[0]);
        }
        expect(sixVolumes, `${name}: signed volume`).toBeGreaterThan(0);
      }
    });
    it('reads curvature with one value per vertex', () => {
      for (const kind of ['sulc', 'curv', 'thick', 'area']) {
        const name = `${kind}_left.gii.gz`;
        const [only] = readGifti(new Uint8Array(readFileSync(join(CORTEX, name))), name).arrays;
        expect(only?.data.shape).toEqual([10242]);
        expect(only?.data.dtype).toBe('float32');
      }
    });
  });
});
