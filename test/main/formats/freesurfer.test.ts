import { describe, expect, it } from 'vitest';
import { f32, ndarray } from '../../../common/ndarray.ts';
import { memorySource } from '../../../main/formats/byte-source.ts';
import { readColorTable, writeColorTable } from '../../../main/formats/color-table.ts';
import { readAnnot, writeAnnot } from '../../../main/formats/freesurfer-annot.ts';
import { readCurv, writeCurv } from '../../../main/formats/freesurfer-curv.ts';
import { readLabel, writeLabel } from '../../../main/formats/freesurfer-label.ts';
import { readPatch, writePatch } from '../../../main/formats/freesurfer-patch.ts';
import { readSurface, writeSurface } from '../../../main/formats/freesurfer-surface.ts';
import { readMgh, readMghFrame, readMghHeader, surfaceValues, writeMgh } from '../../../main/formats/mgh.ts';
import { expectArray, goldenBytes, goldenSection, numbers } from './golden.ts';
import type { GoldenArray } from './golden.ts';

/** Cosines and voxel sizes are stored as float32; coordinates are around 100. */
const AFFINE_TOLERANCE = 1e-4;

describe('mgh', () => {
  const golden = goldenSection<Record<string, { raw: GoldenArray; affine: number[]; tkr: number[]; tr: number }>>('mgh');
  it.each(Object.entries(golden))('reads %s as nibabel does', (name, expected) => {
    const image = readMgh(goldenBytes(name), name);
    expectArray(image.data, expected.raw);
    expected.affine.forEach((value, i) => { expect(Math.abs((image.affine[i] ?? NaN) - value)).toBeLessThan(AFFINE_TOLERANCE); });
    expected.tkr.forEach((value, i) => { expect(Math.abs((image.header.tkrAffine[i] ?? NaN) - value)).toBeLessThan(AFFINE_TOLERANCE); });
    expect(image.repetitionTimeMs).toBe(expected.tr);
  });

  it('places NSD\'s 320 cube at 0.8 mm as the data sheet says', () => {
    const affine = Float64Array.from([-0.8, 0, 0, 128.4, 0, 0, 0.8, -127.6, 0, -0.8, 0, 128.4, 0, 0, 0, 1]);
    const header = readMghHeader(writeMgh({ data: ndarray('uint8', [1, 320, 320, 320], new Uint8Array(320 ** 3)), affine }).subarray(0, 284), 'T1.mgh');
    const tkr = [-0.8, 0, 0, 128, 0, 0, 0.8, -128, 0, -0.8, 0, 128, 0, 0, 0, 1];
    affine.forEach((value, i) => { expect(Math.abs((header.affine[i] ?? NaN) - value)).toBeLessThan(AFFINE_TOLERANCE); });
    tkr.forEach((value, i) => { expect(Math.abs((header.tkrAffine[i] ?? NaN) - value)).toBeLessThan(AFFINE_TOLERANCE); });
  });

  it('writes and reads surface vectors, whole and frame by frame', async () => {
    const data = f32([3, 5], [0, 1, 2, 3, NaN, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
    const bytes = writeMgh({ data, repetitionTimeMs: 1000 });
    const image = readMgh(bytes, 'x.mgh');
    expect(image.shape).toEqual([5, 1, 1, 3]);
    expect(image.header.orientationStored).toBe(false);
    expect(surfaceValues(image, 'x.mgh')).toEqual(data);
    const frame = await readMghFrame(memorySource(bytes), 'x.mgh', readMghHeader(bytes.subarray(0, 300), 'x.mgh'), 2);
    expect([...frame.data]).toEqual([10, 11, 12, 13, 14]);
    expect(readMgh(writeMgh({ data }, { compress: true }), 'x.mgz').data.data).toEqual(data.data);
  });

  it('names a type it cannot read', () => {
    const bytes = writeMgh({ data: f32([2], [1, 2]) });
    bytes[23] = 6;
    expect(() => readMgh(bytes, 'x.mgh')).toThrow('6 (tensor)');
  });
});

describe('freesurfer surface', () => {
  const golden = goldenSection<{ coordinates: GoldenArray; faces: GoldenArray; cras: number[] }>('surface');
  it.each(['surface-footer', 'surface-plain'])('reads %s as nibabel wrote it', (name) => {
    const surface = readSurface(goldenBytes(name), name);
    expectArray(surface.coordinates, golden.coordinates);
    expectArray(surface.faces, golden.faces);
    expect(surface.created).toBe('made for a test');
    expect(surface.footer?.cras).toEqual(name === 'surface-footer' ? golden.cras : undefined);
  });
  it('reads back what it writes', () => {
    const surface = readSurface(goldenBytes('surface-footer'), 'lh.white');
    expect(readSurface(writeSurface(surface), 'lh.white')).toEqual(surface);
  });
  it('refuses quadrangles by name and faces that name no vertex', () => {
    expect(() => readSurface(goldenBytes('refused-surface-quad'), 'q')).toThrow('new quadrangle');
    const bytes = goldenBytes('surface-plain');
    new DataView(bytes.buffer).setInt32(bytes.length - 4, 12);
    expect(() => readSurface(bytes, 's')).toThrow('vertex numbers from 0 to 11, found 12');
  });
});

describe('freesurfer curv, annot, label, patch', () => {
  it('reads both styles of curv and writes the new one', () => {
    const golden = goldenSection<{ new: GoldenArray; old: number[]; oldBack: number[] }>('curv');
    const curv = readCurv(goldenBytes('curv-new'), 'lh.curv');
    expectArray(curv.values, golden.new);
    expect(curv.faces).toBe(20);
    expect([...readCurv(goldenBytes('curv-old'), 'lh.curv').values.data]).toEqual(golden.old);
    expect(Buffer.from(writeCurv(curv)).equals(goldenBytes('curv-new'))).toBe(true);
  });

  it('reads both styles of annot and writes nibabel\'s bytes', () => {
    const golden = goldenSection<{ labels: number[]; names: string[]; rgbt: number[][]; oldLabels: number[] }>('annot');
    const annot = readAnnot(goldenBytes('annot-new'), 'lh.annot');
    expect([...annot.labels.data]).toEqual(golden.labels);
    expect(annot.entries.map((entry) => entry.name)).toEqual(golden.names);
    expect(annot.entries.map((entry) => [...entry.rgbt])).toEqual(golden.rgbt);
    expect([...readAnnot(goldenBytes('annot-old'), 'lh.annot').labels.data]).toEqual(golden.oldLabels);
    expect(readAnnot(writeAnnot(annot), 'lh.annot')).toEqual(annot);
  });

  it('reads a label as nibabel does, and what it writes', () => {
    const golden = goldenSection<{ vertices: number[]; statistic: number[] }>('label');
    const label = readLabel(goldenBytes('test.label'), 'lh.V1.label');
    expect([...label.vertices.data]).toEqual(golden.vertices);
    expect([...label.statistic.data]).toEqual(numbers(golden.statistic).map(Math.fround));
    expect(readLabel(writeLabel(label), 'lh.V1.label')).toEqual(label);
  });

  it('reads signed, 1-based patch vertices', () => {
    const golden = goldenSection<{ vertices: number[]; border: number[]; coordinates: GoldenArray }>('patch');
    const patch = readPatch(goldenBytes('test.patch.3d'), 'lh.full.flat.patch.3d');
    expect([...patch.vertices.data]).toEqual(golden.vertices);
    expect([...patch.border.data]).toEqual(golden.border);
    expectArray(patch.coordinates, golden.coordinates);
    expect(Buffer.from(writePatch(patch)).equals(goldenBytes('test.patch.3d'))).toBe(true);
  });
});

describe('color table', () => {
  it('reads NSD\'s two columns with stray text and FreeSurfer\'s six', () => {
    expect(readColorTable(goldenBytes('nsd.mgz.ctab'), 'x')).toEqual([{ index: 0, name: 'Unknown' }, { index: 1, name: 'FFA-1' }, { index: 2, name: 'ecc4+' }, { index: 3, name: 'area35' }]);
    expect(readColorTable(goldenBytes('freesurfer.ctab'), 'x')).toEqual([{ index: 0, name: 'Unknown', rgbt: [0, 0, 0, 0] }, { index: 1, name: 'V1v', rgbt: [120, 18, 134, 0] }]);
  });
  it('reads back what it writes and names the bad line', () => {
    for (const name of ['nsd.mgz.ctab', 'freesurfer.ctab']) {
      const table = readColorTable(goldenBytes(name), name);
      expect(readColorTable(writeColorTable(table), name)).toEqual(table);
    }
    expect(() => readColorTable(Buffer.from('0 Unknown\n0 V1\n'), 'x.ctab')).toThrow('expected index 0 once, found "0 V1" (byte 10)');
  });
});
