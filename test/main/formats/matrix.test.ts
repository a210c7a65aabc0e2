/**
 * Agreement with nibabel, h5py, SciPy and NumPy, value by value, over a generated matrix of files: types x byte orders x versions x
 * storage x odd shapes. `test/golden/formats/matrix.py` wrote the files and what each library reads from them.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { BYTES, ndarray } from '../../../common/ndarray.ts';
import { memorySource } from '../../../main/formats/byte-source.ts';
import { decodeElements } from '../../../main/formats/elements.ts';
import { readAnnot } from '../../../main/formats/freesurfer-annot.ts';
import { readCurv } from '../../../main/formats/freesurfer-curv.ts';
import { readSurface } from '../../../main/formats/freesurfer-surface.ts';
import { readGifti } from '../../../main/formats/gifti.ts';
import { chunkedDataset } from '../../../main/formats/hdf5-structure.ts';
import { openHdf5 } from '../../../main/formats/hdf5.ts';
import { readMat5 } from '../../../main/formats/mat5.ts';
import { readMgh } from '../../../main/formats/mgh.ts';
import { readNifti } from '../../../main/formats/nifti.ts';
import { readNpy } from '../../../main/formats/npy.ts';
import { expectClose } from '../../support/close.ts';
import { expectArray, numbers } from './golden.ts';
import type { GoldenArray } from './golden.ts';

const FOLDER = join(import.meta.dirname, '../../golden/formats');
/** nibabel keeps float32 header fields as float64; products of three of them round differently. */
const AFFINE_TOLERANCE = { absolute: 1e-4 };
/** Ours is float32, nibabel's float64. */
const SCALED_TOLERANCE = { relative: 1e-6, absolute: 1e-6 };

interface Entry { readonly kind: string; readonly name: string; readonly offset: number; readonly length: number; readonly expected: unknown }
interface Oriented { readonly raw: GoldenArray; readonly affine: (number | string)[]; readonly scaled: (number | string)[] | null; readonly tkr: (number | string)[] }

const { provenance, entries } = JSON.parse(readFileSync(join(FOLDER, 'matrix.json'), 'utf8')) as { readonly provenance: Readonly<Record<string, string>>; readonly entries: readonly Entry[] };
const blob = new Uint8Array(readFileSync(join(FOLDER, 'matrix.bin')));
const scratch = mkdtempSync(join(tmpdir(), 'matrix-'));
afterAll(() => { rmSync(scratch, { recursive: true }); });

/** Compares our reading of one file with the library's. */
const COMPARE: Readonly<Record<string, (bytes: Uint8Array, entry: Entry) => unknown>> = {
  nifti: (bytes, { name, expected }) => {
    const golden = expected as Oriented & { readonly shape: number[] };
    const image = readNifti(bytes, name);
    expect([...image.shape]).toEqual(golden.shape);
    expectArray(image.data, golden.raw);
    expectClose(image.affine, numbers(golden.affine), AFFINE_TOLERANCE);
    if (golden.scaled !== null) {
      const wanted = numbers(golden.scaled);
      const { data } = image.scaled();
      expect(Array.from(data, Number.isFinite)).toEqual(wanted.map(Number.isFinite));
      expect(Array.from(data).filter((value) => !Number.isFinite(value))).toEqual(wanted.filter((value) => !Number.isFinite(value)));
      expectClose(Array.from(data).filter(Number.isFinite), wanted.filter(Number.isFinite), SCALED_TOLERANCE);
    }
  },
  mgh: (bytes, { name, expected }) => {
    const golden = expected as Oriented;
    const image = readMgh(bytes, name);
    expectArray(image.data, golden.raw);
    expectClose(image.affine, numbers(golden.affine), AFFINE_TOLERANCE);
    expectClose(image.header.tkrAffine, numbers(golden.tkr), AFFINE_TOLERANCE);
  },
  npy: (bytes, { name, expected }) => { expectArray(readNpy(bytes, name), expected as GoldenArray); },
  mat5: (bytes, { name, expected }) => {
    const { arrays } = readMat5(bytes, name);
    for (const [variable, golden] of Object.entries(expected as Record<string, GoldenArray>)) expectArray(arrays.get(variable), golden);
  },
  hdf5: async (bytes, { name, expected }) => {
    const file = join(scratch, name);
    writeFileSync(file, bytes);
    const opened = await openHdf5(file);
    for (const [dataset, golden] of Object.entries(expected as Record<string, GoldenArray>)) {
      expectArray(opened.read(dataset), golden);
      // The direct reader must say the same of every file that it takes on.
      const stored = await chunkedDataset(memorySource(bytes), name, dataset);
      if (stored.kind === 'other') continue;
      expect([stored.dtype, [...stored.shape]]).toEqual([golden.dtype, golden.shape]);
      if (stored.kind !== 'contiguous') continue;
      const data = bytes.slice(stored.dataOffset, stored.dataOffset + golden.values.length * BYTES[stored.dtype]);
      expectArray(ndarray(stored.dtype, [...stored.shape], decodeElements(stored.dtype, data, stored.littleEndian)), golden);
    }
    opened.close();
  },
  gifti: (bytes, { name, expected }) => { expectArray(readGifti(bytes, name).arrays[0]?.data, expected as GoldenArray); },
  surface: (bytes, { name, expected }) => {
    const golden = expected as { readonly coordinates: GoldenArray; readonly faces: GoldenArray; readonly cras: number[] };
    const surface = readSurface(bytes, name);
    expectArray(surface.coordinates, golden.coordinates);
    expectArray(surface.faces, golden.faces);
    expect([...surface.footer?.cras ?? []]).toEqual(golden.cras);
  },
  curv: (bytes, { name, expected }) => { expectArray(readCurv(bytes, name).values, expected as GoldenArray); },
  annot: (bytes, { name, expected }) => {
    const annot = readAnnot(bytes, name);
    expect({ labels: [...annot.labels.data], names: annot.entries.map((entry) => entry.name) }).toEqual(expected);
  },
};

describe(`the matrix of files, as ${['nibabel', 'h5py', 'scipy', 'numpy'].map((library) => `${library} ${provenance[library] ?? '?'}`).join(', ')} read them`, () => {
  it('has at least 200 files and a way to compare each', () => {
    expect(entries.length).toBeGreaterThanOrEqual(200);
    expect([...new Set(entries.map((entry) => entry.kind))].sort()).toEqual(Object.keys(COMPARE).sort());
    expect(entries.reduce((sum, entry) => sum + entry.length, 0)).toBe(blob.length);
  });

  it.each(entries.map((entry) => [entry.name, entry] as const))('%s', async (_, entry) => {
    await COMPARE[entry.kind]?.(blob.slice(entry.offset, entry.offset + entry.length), entry);
  });
});
