/**
 * What the early visual cortex takes from a picture: colour, and contrast energy by orientation, pooled in receptive fields.
 *
 * Channels, on a 32 x 32 grid over the picture (8.4 x 8.4 degrees): luminance, red-green, blue-yellow (of sRGB values),
 * then contrast energy at four orientations (0, 45, 90, 135 degrees) for a fine and a coarse scale: the length of a
 * quadrature pair of Gabor filters (Daugman 1985; energy model after Adelson and Bergen 1985), wavelengths 1/16 and 1/8
 * of the picture.
 */
export const FIELD_DEGREES = 8.4;
export const CHANNEL_GRID = 32;
export const CHANNELS = ['luminance', 'red-green', 'blue-yellow', 'fine 0', 'fine 45', 'fine 90', 'fine 135', 'coarse 0', 'coarse 45', 'coarse 90', 'coarse 135'] as const;
export const COLOUR_CHANNELS = 3;
const CELLS = CHANNEL_GRID * CHANNEL_GRID;
/** Sides of the grids that fields are pooled on, and the field SD in degrees below which the finer one is taken. */
const GRIDS = [CHANNEL_GRID, CHANNEL_GRID / 2] as const;
const FINE_FIELD = 0.6;

const ORIENTATIONS = 4;
/** In pixels of the plane that is filtered: wavelength, Gaussian SD, half width of the kernel. */
const GABOR = { wavelength: 4, sigma: 1.8, half: 4 };
const FINE_GRID = 64;

/** Mean of `factor` x `factor` blocks of a square plane. */
function shrink(plane: Float32Array, side: number, factor: number, out: Float32Array, offset: number): void {
  const small = side / factor, weight = 1 / (factor * factor);
  for (let row = 0; row < small; row++) {
    for (let column = 0; column < small; column++) {
      let sum = 0;
      for (let r = 0; r < factor; r++) for (let c = 0; c < factor; c++) sum += plane[(row * factor + r) * side + column * factor + c] ?? 0;
      out[offset + row * small + column] = sum * weight;
    }
  }
}

/**
 * Contrast energy of a plane at four orientations, `[4, side, side]`. The Gaussian envelope is round, so that each filter
 * is a product of a complex row filter and a complex column filter. Outside the picture its edge is repeated.
 */
export function gaborEnergy(plane: Float32Array, side: number): Float32Array {
  const { half, sigma, wavelength } = GABOR, taps = 2 * half + 1, wide = side + 2 * half;
  const out = new Float32Array(ORIENTATIONS * side * side);
  // The plane with its edge repeated, and the row filter's answer on all its rows.
  const padded = new Float32Array(wide * wide), real = new Float32Array(wide * side), imaginary = new Float32Array(wide * side);
  const clamp = (index: number): number => (index < 0 ? 0 : index >= side ? side - 1 : index);
  for (let row = 0; row < wide; row++) for (let column = 0; column < wide; column++) padded[row * wide + column] = plane[clamp(row - half) * side + clamp(column - half)] ?? 0;
  const window = Float64Array.from({ length: taps }, (_, i) => Math.exp(-((i - half) ** 2) / (2 * sigma * sigma)));
  const total = window.reduce((sum, value) => sum + value, 0);
  for (let o = 0; o < ORIENTATIONS; o++) {
    const angle = (o * Math.PI) / ORIENTATIONS, kx = (2 * Math.PI * Math.cos(angle)) / wavelength, ky = (2 * Math.PI * Math.sin(angle)) / wavelength;
    const filter = (k: number): readonly [Float64Array, Float64Array] => [
      window.map((value, i) => (value / total) * Math.cos(k * (i - half))), window.map((value, i) => (value / total) * Math.sin(k * (i - half)))];
    const [cosX, sinX] = filter(kx), [cosY, sinY] = filter(ky);
    real.fill(0); imaginary.fill(0);
    for (let i = 0; i < taps; i++) {
      const c = cosX[i] ?? 0, s = sinX[i] ?? 0;
      for (let row = 0; row < wide; row++) {
        for (let column = 0, to = row * side, from = row * wide + i; column < side; column++, to++, from++) {
          const value = padded[from] ?? 0;
          real[to] = (real[to] ?? 0) + c * value; imaginary[to] = (imaginary[to] ?? 0) + s * value;
        }
      }
    }
    for (let at = 0; at < side * side; at++) {
      let re = 0, im = 0;
      for (let i = 0, from = at; i < taps; i++, from += side) {
        const a = real[from] ?? 0, b = imaginary[from] ?? 0, c = cosY[i] ?? 0, s = sinY[i] ?? 0;
        re += a * c - b * s; im += a * s + b * c;
      }
      out[o * side * side + at] = Math.sqrt(re * re + im * im);
    }
  }
  return out;
}

/** Channels of many pictures, at two resolutions so that wide fields need not visit many cells. */
export interface ChannelBank {
  readonly pictures: number;
  /** `[channels, side * side, pictures]` for each side of `GRIDS`. */
  readonly planes: readonly Float32Array[];
}

export function emptyBank(pictures: number): ChannelBank {
  return { pictures, planes: GRIDS.map((side) => new Float32Array(CHANNELS.length * side * side * pictures)) };
}

/** Puts the channels of an RGB picture `[pixels, pixels, 3]` into place `n` of a bank. `pixels` must be a multiple of 64. */
export function addPicture(bank: ChannelBank, n: number, picture: Uint8Array, pixels: number): void {
  const all = channelsOf(picture, pixels);
  GRIDS.forEach((side, level) => {
    const plane = bank.planes[level];
    if (plane === undefined) return;
    const cells = side * side, factor = CHANNEL_GRID / side;
    const small = factor === 1 ? all : new Float32Array(CHANNELS.length * cells);
    if (factor !== 1) for (let c = 0; c < CHANNELS.length; c++) shrink(all.subarray(c * CELLS, (c + 1) * CELLS), CHANNEL_GRID, factor, small, c * cells);
    for (let i = 0; i < small.length; i++) plane[i * bank.pictures + n] = small[i] ?? 0;
  });
}

/** Channels `[11, 32, 32]` of an RGB picture. */
export function channelsOf(picture: Uint8Array, pixels: number): Float32Array {
  const out = new Float32Array(CHANNELS.length * CELLS);
  const planes = [0, 1, 2].map(() => new Float32Array(pixels * pixels));
  const [light = new Float32Array(), redGreen = new Float32Array(), blueYellow = new Float32Array()] = planes;
  for (let p = 0; p < pixels * pixels; p++) {
    const r = (picture[3 * p] ?? 0) / 255, g = (picture[3 * p + 1] ?? 0) / 255, b = (picture[3 * p + 2] ?? 0) / 255;
    light[p] = 0.299 * r + 0.587 * g + 0.114 * b; redGreen[p] = r - g; blueYellow[p] = b - (r + g) / 2;
  }
  planes.forEach((plane, c) => { shrink(plane, pixels, pixels / CHANNEL_GRID, out, c * CELLS); });
  const fine = new Float32Array(FINE_GRID * FINE_GRID), coarse = new Float32Array(CELLS);
  shrink(light, pixels, pixels / FINE_GRID, fine, 0);
  shrink(light, pixels, pixels / CHANNEL_GRID, coarse, 0);
  const fineEnergy = gaborEnergy(fine, FINE_GRID), coarseEnergy = gaborEnergy(coarse, CHANNEL_GRID);
  for (let o = 0; o < ORIENTATIONS; o++) {
    shrink(fineEnergy.subarray(o * FINE_GRID * FINE_GRID, (o + 1) * FINE_GRID * FINE_GRID), FINE_GRID, 2, out, (COLOUR_CHANNELS + o) * CELLS);
    out.set(coarseEnergy.subarray(o * CELLS, (o + 1) * CELLS), (COLOUR_CHANNELS + ORIENTATIONS + o) * CELLS);
  }
  return out;
}

export interface ReceptiveField {
  /** Degrees to the right and up of fixation, Gaussian SD in degrees. */
  readonly x: number;
  readonly y: number;
  readonly size: number;
}

export interface FieldWeights {
  /** Index into `GRIDS`. */
  readonly level: number;
  readonly cells: Int32Array;
  readonly weights: Float32Array;
  /** Share of the field that lies on the picture, 0 to about 1. */
  readonly seen: number;
}

/**
 * Weights of the cells under a Gaussian field, of sum 1 over the whole plane: a field that reaches over the edge of the
 * picture sees less of it. Cells within 2.7 SD, on the finer grid for small fields.
 */
export function fieldWeights({ x, y, size }: ReceptiveField): FieldWeights {
  const level = size < FINE_FIELD ? 0 : 1, side = GRIDS[level];
  const cell = FIELD_DEGREES / side, reach = Math.max(2.7 * size, cell);
  const column = (degrees: number): number => Math.round(degrees / cell + side / 2 - 0.5);
  const cells: number[] = [], weights: number[] = [];
  const scale = (cell * cell) / (2 * Math.PI * size * size);
  let seen = 0;
  for (let row = Math.max(0, column(-y - reach)); row <= Math.min(side - 1, column(-y + reach)); row++) {
    for (let col = Math.max(0, column(x - reach)); col <= Math.min(side - 1, column(x + reach)); col++) {
      const dx = (col + 0.5 - side / 2) * cell - x, dy = (side / 2 - row - 0.5) * cell - y, square = dx * dx + dy * dy;
      if (square > reach * reach) continue;
      const weight = scale * Math.exp(-square / (2 * size * size));
      cells.push(row * side + col); weights.push(weight);
      seen += weight;
    }
  }
  return { level, cells: Int32Array.from(cells), weights: Float32Array.from(weights), seen };
}

/** Pools one channel of every picture of a bank under a field: `out[n]`. */
export function pool({ pictures, planes }: ChannelBank, channel: number, { level, cells, weights }: FieldWeights, out: Float32Array): void {
  const plane = planes[level] ?? new Float32Array(), side = GRIDS[level] ?? 0;
  out.fill(0);
  for (let i = 0; i < cells.length; i++) {
    const weight = weights[i] ?? 0, from = (channel * side * side + (cells[i] ?? 0)) * pictures;
    for (let n = 0; n < pictures; n++) out[n] = (out[n] ?? 0) + weight * (plane[from + n] ?? 0);
  }
}

/** One cell of one channel over all pictures, at a level of `GRIDS` (0 = 32 x 32, 1 = 16 x 16). A view. */
export function channelPlane({ pictures, planes }: ChannelBank, level: number, channel: number, cell: number): Float32Array {
  const side = GRIDS[level] ?? 0, from = (channel * side * side + cell) * pictures;
  return (planes[level] ?? new Float32Array()).subarray(from, from + pictures);
}
