import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ndarray } from '../../../common/ndarray.ts';
import type { U8 } from '../../../common/ndarray.ts';
import { preprocess } from '../../../main/clip/preprocess.ts';
import { resize } from '../../../main/clip/resample.ts';
import type { Resample } from '../../../main/clip/resample.ts';
import { expectClose } from '../../support/close.ts';

interface Source { readonly height: number; readonly width: number; readonly seed: number; readonly resample: Resample; readonly at: readonly number[]; readonly values: readonly number[] }
interface Golden {
  readonly resized: readonly (Source & { readonly to: readonly [number, number]; readonly sum: number })[];
  readonly processed: readonly (Source & { readonly shape: readonly number[]; readonly mean: number })[];
}
const golden = JSON.parse(readFileSync(new URL('../../golden/clip/pictures.json', import.meta.url), 'utf8')) as Golden;
/** One float32 rounding of values of order one, and the mean of 12 288 of them. */
const ROUNDING = 1e-6;
const CLIP = { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] };

/** The picture of make.py. */
function picture({ height, width, seed }: Source): U8 {
  const data = new Uint8Array(height * width * 3);
  for (let k = 0; k < data.length; k++) {
    const c = k % 3, x = Math.floor(k / 3) % width, y = Math.floor(k / (3 * width));
    const noise = Number(((BigInt(k) * 2654435761n + BigInt(seed)) % 4294967296n) >> 24n) - 128;
    data[k] = Math.min(255, Math.max(0, Math.floor(128 + 90 * Math.sin(x / 9 + c) * Math.cos(y / 7) + 0.3 * noise + 0.5)));
  }
  return ndarray('uint8', [height, width, 3], data);
}

describe('resizing is Pillow\'s, byte for byte', () => {
  it.each(golden.resized.map((entry) => [`${entry.resample} ${entry.height}x${entry.width} to ${entry.to.join('x')}`, entry] as const))('%s', (_, entry) => {
    const out = resize(picture(entry), ...entry.to, entry.resample);
    expect(out.shape).toEqual([...entry.to, 3]);
    expect(entry.at.map((index) => out.data[index])).toEqual(entry.values);
    expect(out.data.reduce((sum, value) => sum + value, 0)).toBe(entry.sum);
  });

  it('and leaves a picture of the right size alone', () => {
    const image = picture({ height: 20, width: 30, seed: 1, resample: 'bicubic', at: [], values: [] });
    expect(resize(image, 20, 30, 'bicubic').data).toBe(image.data);
    expect(() => resize(image, 0, 30, 'bicubic')).toThrow(/0 x 30/);
  });
});

describe('preprocessing is the image processor\'s', () => {
  it.each(golden.processed.map((entry) => [`${entry.resample} ${entry.height}x${entry.width}`, entry] as const))('%s', (_, entry) => {
    const image = picture(entry);
    const out = preprocess(ndarray('uint8', [1, ...image.shape], image.data), { ...CLIP, pixels: 64, resample: entry.resample });
    expect(out.shape.slice(1)).toEqual(entry.shape);
    expectClose(entry.at.map((index) => out.data[index] ?? Number.NaN), entry.values, { absolute: ROUNDING });
    expectClose(out.data.reduce((sum, value) => sum + value, 0) / out.data.length, entry.mean, { absolute: ROUNDING });
  });

  it('refuses what is not pictures', () => {
    expect(() => preprocess(ndarray('uint8', [1, 2, 2, 1], new Uint8Array(4)), { ...CLIP, pixels: 2, resample: 'bilinear' })).toThrow(/\[1, 2, 2, 1\]/);
  });
});
