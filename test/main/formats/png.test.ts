import { describe, expect, it } from 'vitest';
import { ndarray } from '../../../common/ndarray.ts';
import { readPng, writePng } from '../../../main/formats/png.ts';
import { expectArray, goldenBytes, goldenSection } from './golden.ts';
import type { GoldenArray } from './golden.ts';

describe('png', () => {
  it.each(Object.entries(goldenSection<Record<string, GoldenArray>>('png')))('reads %s as Pillow wrote it', (name, golden) => {
    expectArray(readPng(goldenBytes(name), name), golden);
  });

  it.each([[3, 4], [3, 4, 1], [3, 4, 2], [3, 4, 3], [3, 4, 4]])('reads back what it writes as [%s]', (...shape) => {
    const image = ndarray('uint8', shape, Uint8Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (i * 37) % 256));
    for (const options of [{}, { dpi: 300 }]) {
      expect(readPng(writePng(image, options), 'x.png')).toEqual({ ...image, shape: shape.length === 2 ? [...shape, 1] : shape });
    }
  });

  it('stores the resolution in pixels per metre', () => {
    const bytes = Buffer.from(writePng(ndarray('uint8', [1, 1], Uint8Array.of(7)), { dpi: 300 }));
    expect(bytes.toString('latin1', 37, 41)).toBe('pHYs');
    expect([bytes.readUInt32BE(41), bytes.readUInt32BE(45), bytes[49]]).toEqual([11811, 11811, 1]);
  });

  it('refuses 16 bits by name, cut files, other checksums and sizes that lie', () => {
    expect(() => readPng(goldenBytes('png-deep.png'), 'x.png')).toThrow('16 bits');
    const bytes = goldenBytes('png-rgb.png');
    expect(() => readPng(bytes.subarray(0, bytes.length - 20), 'x.png')).toThrow('bytes left');
    bytes[60] = (bytes[60] ?? 0) ^ 1;
    expect(() => readPng(bytes, 'x.png')).toThrow('checksum');
  });
});
