/** Small RGB pictures for grids: area average when shrinking, nearest when enlarging; grey becomes RGB. */
import type { U8 } from '../../../common/ndarray.ts';
import { zeros } from '../../../common/ndarray.ts';

/** uint8 `[images, height, width, 1|3]` to `[images, pixels, pixels, 3]`. */
export function thumbnails(images: U8, pixels: number): U8 {
  const [count = 0, height = 0, width = 0, channels = 0] = images.shape;
  const out = zeros('uint8', [count, pixels, pixels, 3]);
  for (let image = 0; image < count; image++) {
    for (let y = 0; y < pixels; y++) {
      const y0 = Math.floor((y * height) / pixels), y1 = Math.max(y0 + 1, Math.floor(((y + 1) * height) / pixels));
      for (let x = 0; x < pixels; x++) {
        const x0 = Math.floor((x * width) / pixels), x1 = Math.max(x0 + 1, Math.floor(((x + 1) * width) / pixels));
        for (let c = 0; c < 3; c++) {
          let sum = 0;
          for (let sy = y0; sy < y1; sy++) {
            for (let sx = x0; sx < x1; sx++) sum += images.data[((image * height + sy) * width + sx) * channels + Math.min(c, channels - 1)] ?? 0;
          }
          out.data[((image * pixels + y) * pixels + x) * 3 + c] = Math.round(sum / ((y1 - y0) * (x1 - x0)));
        }
      }
    }
  }
  return out;
}
