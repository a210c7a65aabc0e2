/** Pictures of an arrays data set as uint8 `[images, height, width, channels]`, from an array in any documented layout. Pure. */
import { UserError } from '../../common/errors.ts';
import { ndarray } from '../../common/ndarray.ts';
import type { NdArray, U8 } from '../../common/ndarray.ts';
import { toFloat64 } from '../formats/elements.ts';
import type { ImageLayout } from './schema.ts';

/** Position of (row, column, channel) in a flat picture. */
const POSITION: Readonly<Record<ImageLayout['order'], (layout: ImageLayout, y: number, x: number, c: number) => number>> = {
  'row-major': ({ width, channels }, y, x, c) => (y * width + x) * channels + c,
  'column-major': ({ height, width }, y, x, c) => y + height * (x + width * c),
  'channels-first': ({ height, width }, y, x, c) => (c * height + y) * width + x,
};

/** Layout of an array that carries its own picture shape: `[rows, h, w]` or `[rows, h, w, 1 or 3]`; null for flat pictures. */
export function layoutOf(array: NdArray): ImageLayout | null {
  const [, height, width, channels = 1] = array.shape;
  if (array.shape.length < 3 || array.shape.length > 4 || height === undefined || width === undefined || (channels !== 1 && channels !== 3)) return null;
  return { height, width, channels, order: 'row-major', range: [0, 255] };
}

/** Some rows as pictures; values are mapped linearly from the layout's range to 0..255, rounded and clipped. */
export function picturesOf(array: NdArray, layout: ImageLayout, rows: readonly number[], file: string): U8 {
  const { height, width, channels, range: [black, white] } = layout;
  const pixels = height * width * channels;
  const count = array.shape[0] ?? 0;
  const perRow = array.data.length / Math.max(1, count);
  if (perRow !== pixels) {
    throw new UserError('bad-input', `${file} has ${perRow} values a picture, but ${height} x ${width} x ${channels} needs ${pixels}`, {
      file, expected: `${pixels} values a row`, found: `${perRow} in [${array.shape.join(', ')}]`, fix: 'Correct "image" in dataset.json; pictures are rows.',
    });
  }
  const values = toFloat64(array);
  const out = new Uint8ClampedArray(rows.length * pixels);
  const from = Int32Array.from({ length: pixels }, (_, i) => POSITION[layout.order](layout, Math.floor(i / (width * channels)), Math.floor(i / channels) % width, i % channels));
  rows.forEach((row, n) => {
    for (let i = 0; i < pixels; i++) out[n * pixels + i] = ((values[row * pixels + (from[i] ?? 0)] ?? NaN) - black) * 255 / (white - black);
  });
  return ndarray('uint8', [rows.length, height, width, channels], new Uint8Array(out.buffer));
}
