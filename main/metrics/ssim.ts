/**
 * Structural similarity of two RGB pictures (Wang, Bovik, Sheikh, Simoncelli 2004), in [-1, 1].
 *
 * `ssim_2d`: grey (Rec. 709 weights), Gaussian window sigma 1.5 with 11 taps, population covariance, data range 1, K1 = 0.01, K2 = 0.03;
 * mean over the pixels whose window lies inside. What scikit-image since 0.20 computes for the field's call.
 * `ssim_field_v1`: the same window along rows of pixels (the vertical axis) only, one 1-D SSIM per column, averaged. What scikit-image up to
 * 0.19 computed for that call, because it took the columns for channels (method.md 5.1). Never mix the two in a column of a table.
 *
 * Refuses pictures with fewer than 11 pixels along a windowed axis.
 */
const SIGMA = 1.5;
const RADIUS = 5;
/** Pixels that a window spans. */
export const SSIM_WINDOW = 2 * RADIUS + 1;
const C1 = 0.01 ** 2;
const C2 = 0.03 ** 2;
const GREY = [0.2125, 0.7154, 0.0721] as const;

const WINDOW: Float64Array = (() => {
  const taps = Float64Array.from({ length: SSIM_WINDOW }, (_, i) => Math.exp(-((i - RADIUS) ** 2) / (2 * SIGMA * SIGMA)));
  const sum = taps.reduce((total, tap) => total + tap, 0);
  return taps.map((tap) => tap / sum);
})();

/** Luminance of interleaved RGB, `[height * width]`. */
export function greyOf(rgb: Float32Array): Float64Array {
  const grey = new Float64Array(rgb.length / 3);
  for (let i = 0; i < grey.length; i++) {
    grey[i] = GREY[0] * (rgb[3 * i] ?? 0) + GREY[1] * (rgb[3 * i + 1] ?? 0) + GREY[2] * (rgb[3 * i + 2] ?? 0);
  }
  return grey;
}

/** Windowed mean down the columns, valid positions only: `[height, width]` -> `[height - 10, width]`. */
function blurDown(image: Float64Array, height: number, width: number): Float64Array {
  const out = new Float64Array((height - 2 * RADIUS) * width);
  for (let y = 0; y < height - 2 * RADIUS; y++) {
    for (let tap = 0; tap < WINDOW.length; tap++) {
      const weight = WINDOW[tap] ?? 0;
      const from = (y + tap) * width;
      for (let x = 0; x < width; x++) out[y * width + x] = (out[y * width + x] ?? 0) + weight * (image[from + x] ?? 0);
    }
  }
  return out;
}

/** Windowed mean along the rows, valid positions only: `[height, width]` -> `[height, width - 10]`. */
function blurAcross(image: Float64Array, height: number, width: number): Float64Array {
  const inner = width - 2 * RADIUS;
  const out = new Float64Array(height * inner);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < inner; x++) {
      let sum = 0;
      for (let tap = 0; tap < WINDOW.length; tap++) sum += (WINDOW[tap] ?? 0) * (image[y * width + x + tap] ?? 0);
      out[y * inner + x] = sum;
    }
  }
  return out;
}

function ssim(a: Float32Array, b: Float32Array, height: number, width: number, mean: (image: Float64Array) => Float64Array): number {
  if (a.length !== 3 * height * width || b.length !== a.length) {
    throw new RangeError(`SSIM of ${a.length} and ${b.length} values as ${height} x ${width} RGB pictures`);
  }
  // 1. Local moments E[x], E[y], E[xx], E[yy], E[xy] under the window.
  const x = greyOf(a);
  const y = greyOf(b);
  const mx = mean(x);
  const my = mean(y);
  const mxx = mean(x.map((value) => value * value));
  const myy = mean(y.map((value) => value * value));
  const mxy = mean(x.map((value, i) => value * (y[i] ?? 0)));
  // 2. SSIM per position, then its mean.
  let total = 0;
  for (let i = 0; i < mx.length; i++) {
    const ux = mx[i] ?? 0;
    const uy = my[i] ?? 0;
    const vxy = (mxy[i] ?? 0) - ux * uy;
    const vx = (mxx[i] ?? 0) - ux * ux;
    const vy = (myy[i] ?? 0) - uy * uy;
    total += ((2 * ux * uy + C1) * (2 * vxy + C2)) / ((ux * ux + uy * uy + C1) * (vx + vy + C2));
  }
  return total / mx.length;
}

function requireSide(pixels: number, axis: string): void {
  if (pixels < WINDOW.length) throw new RangeError(`SSIM needs at least ${WINDOW.length} pixels in ${axis}, got ${pixels}`);
}

/** True two-dimensional SSIM of two interleaved RGB pictures in [0, 1]. */
export function ssim2d(a: Float32Array, b: Float32Array, height: number, width: number): number {
  requireSide(height, 'height');
  requireSide(width, 'width');
  return ssim(a, b, height, width, (image) => blurAcross(blurDown(image, height, width), height - 2 * RADIUS, width));
}

/** Mean of the one-dimensional SSIMs of the columns; see the head of this file. */
export function ssimFieldV1(a: Float32Array, b: Float32Array, height: number, width: number): number {
  requireSide(height, 'height');
  return ssim(a, b, height, width, (image) => blurDown(image, height, width));
}
