/**
 * Small files that ask for a lot of memory: every reader that inflates, and every length that a file may lie about, stops at a
 * `FormatError` (the HDF5 library's door: `UserError`) long before a gigabyte.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { FormatError, UserError } from '../../../common/errors.ts';
import { folderAt } from '../../../main/formats/folder.ts';
import { readGifti } from '../../../main/formats/gifti.ts';
import { gunzip, inflateZlib, inflationLimit } from '../../../main/formats/gzip.ts';
import { openHdf5 } from '../../../main/formats/hdf5.ts';
import { readMat5 } from '../../../main/formats/mat5.ts';
import { readMgh } from '../../../main/formats/mgh.ts';
import { readNifti } from '../../../main/formats/nifti.ts';
import { readNpz, writeNpz } from '../../../main/formats/npz.ts';
import { f32 } from '../../../common/ndarray.ts';
import { goldenPath } from './golden.ts';

const BLOCK = 2 ** 20;
const BLOCKS = 600;
const scratch = mkdtempSync(join(tmpdir(), 'bombs-'));
afterAll(() => { rmSync(scratch, { recursive: true }); });

/** 600 MB of zeros in 0.6 MB: one flushed block, repeated, and an end. */
const raw = ((): Buffer => {
  const block = deflateRawSync(Buffer.alloc(BLOCK), { finishFlush: constants.Z_FULL_FLUSH });
  return Buffer.concat([...Array.from({ length: BLOCKS }, () => block), deflateRawSync(Buffer.alloc(0))]);
})();
const zlib = Buffer.concat([Buffer.from([0x78, 0x9c]), raw, Buffer.alloc(4)]);
const gzip = Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]), raw, Buffer.alloc(8)]);

function element(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(type, 0);
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body]);
}
const matHead = ((): Buffer => {
  const out = Buffer.alloc(128, ' ');
  out.writeUInt16LE(0x0100, 124);
  out.write('IM', 126, 'latin1');
  return out;
})();
/** A variable of `count` doubles that are stored as zero bytes, deflated. */
function compact(count: number): Buffer {
  const words = (...values: number[]): Buffer => Buffer.from(Uint32Array.from(values).buffer);
  const matrix = Buffer.concat([element(6, words(6, 0)), element(5, words(1, count)), element(1, Buffer.from('x       ', 'latin1')), element(2, Buffer.alloc(count))]);
  return deflateSync(element(14, matrix), { level: 1 });
}
const gifti = (data: Buffer): Buffer => Buffer.from(`<?xml version="1.0"?><GIFTI Version="1.0" NumberOfDataArrays="1"><DataArray Intent="NIFTI_INTENT_NONE" DataType="NIFTI_TYPE_UINT8" ArrayIndexingOrder="RowMajorOrder" Dimensionality="1" Dim0="${BLOCK * BLOCKS}" Encoding="GZipBase64Binary" Endian="LittleEndian"><Data>${data.toString('base64')}</Data></DataArray></GIFTI>`);
const npz = ((): Buffer => {
  const out = Buffer.from(writeNpz(new Map([['x', f32([4], [1, 2, 3, 4])]]), { compress: true }));
  // The directory's size field, in the entry whose mark is 50 4B 01 02.
  out.writeUInt32LE(BLOCK * BLOCKS, out.indexOf(Buffer.from([0x50, 0x4b, 1, 2])) + 24);
  return out;
})();

const BOMBS: Readonly<Record<string, { readonly open: () => unknown; readonly expected: RegExp }>> = {
  'a gzip file': { open: () => gunzip(gzip, 'x'), expected: /at most 26\d{7} bytes/ },
  'a zlib stream': { open: () => inflateZlib(zlib, 'x', 0, 2 ** 30), expected: /at most 26\d{7} bytes/ },
  'a NIfTI file': { open: () => readNifti(gzip, 'x'), expected: /at most \d+ bytes/ },
  'an MGZ file': { open: () => readMgh(gzip, 'x'), expected: /at most \d+ bytes/ },
  'a gzipped GIFTI file': { open: () => readGifti(gzip, 'x'), expected: /at most \d+ bytes/ },
  'data inside a GIFTI file': { open: () => readGifti(gifti(zlib), 'x'), expected: /at most \d+ bytes/ },
  'a GIFTI file of nothing but elements': { open: () => readGifti(gzipSync(`<GIFTI>${'<a/>'.repeat(60_000)}</GIFTI>`), 'x'), expected: /at most \d+ elements/ },
  'a MAT variable': { open: () => readMat5(Buffer.concat([matHead, element(15, zlib)]), 'x'), expected: /at most \d+ bytes/ },
  'a MAT variable of bytes that stand for doubles': { open: () => readMat5(Buffer.concat([matHead, element(15, compact(4e7))]), 'x'), expected: /arrays that fit the file/ },
  'an NPZ archive': { open: () => readNpz(npz, 'x'), expected: /at most \d+ bytes/ },
  'a file of a data folder': { open: () => { writeFileSync(join(scratch, 'bomb.gz'), gzip); return folderAt(scratch).inflated('bomb.gz'); }, expected: /at most \d+ bytes/ },
};

describe('a small file that inflates to hundreds of megabytes', () => {
  it.each(Object.entries(BOMBS))('is refused as %s', async (_, { open, expected }) => {
    const error = await Promise.resolve().then(open).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FormatError);
    expect(error instanceof FormatError ? error.detail : null).toMatchObject({ expected: expect.stringMatching(expected) as string, file: expect.stringMatching(/./) as string, found: expect.stringMatching(/./) as string });
  });

  it.each([['refused-hdf5-chunks.h5', /chunks of at most/], ['refused-hdf5-size.h5', /at most \d+ bytes/]] as const)('is refused as %s', async (name, expected) => {
    const file = await openHdf5(goldenPath(name));
    try {
      const error = ((): unknown => { try { return file.read('x'); } catch (thrown) { return thrown; } })();
      expect(error).toBeInstanceOf(UserError);
      expect(error instanceof UserError ? error.detail.expected : '').toMatch(expected);
    } finally { file.close(); }
  });

  it('a large file may inflate further, but never beyond the limit', () => {
    expect([inflationLimit(1e6), inflationLimit(5e7), inflationLimit(1e9), inflationLimit(1e9, 7)]).toEqual([269_484_032, 8e8, 2 ** 30, 7]);
  });
});
