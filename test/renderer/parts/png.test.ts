import { decode, encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { annotatePng } from '../../../renderer/parts/png.ts';
import { bytes, duration, timeLeft } from '../../../renderer/parts/words.ts';

describe('exported pictures', () => {
  it('carry their resolution and notes, and still decode to the same pixels', () => {
    const data = Uint8Array.from({ length: 5 * 3 * 4 }, (_, i) => (i * 37) % 256);
    const png = annotatePng(encode({ width: 5, height: 3, data, channels: 4 }), 300, { Software: 'Optogram', Description: 'run 1; 2 × 3' });
    const read = decode(png, { checkCrc: true });
    expect([...read.data]).toEqual([...data]);
    // 300 per inch is 11811.02 per metre.
    expect(read.resolution).toEqual({ x: 11811, y: 11811, unit: 1 });
    expect(read.text).toEqual({ Software: 'Optogram', Description: 'run 1; 2 × 3' });
  });
});

describe('words for numbers', () => {
  it('round as people do', () => {
    expect([0.4, 42, 60, 143, 1200, 7300].map(duration)).toEqual(['under a second', '42 s', '1 min', '2 min 23 s', '20 min', '2 h 2 min']);
    expect([null, 2, 83].map(timeLeft)).toEqual(['estimating time', 'a few seconds left', 'about 1 min 30 s left']);
    expect([0, 999, 2.1e6, 412e6].map(bytes)).toEqual(['0 B', '999 B', '2.10 MB', '412 MB']);
  });
});
