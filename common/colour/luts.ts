/**
 * Colour tables of 256 entries, shared by the cortex, its legend, the charts and every exporter, so that none of them can disagree.
 */
import { inGamut, rgbOf } from './oklab.ts';
import type { Rgb } from './oklab.ts';
import { PUBLISHED_TABLES } from './tables.ts';

export const LUT_ENTRIES = 256;

export type LutName = 'viridis' | 'inferno' | 'magma' | 'cividis' | 'grey' | 'tide' | 'ember';

export interface Lut {
  readonly name: LutName;
  readonly title: string;
  readonly kind: 'sequential' | 'diverging';
  /** `[256, 4]` sRGB bytes, alpha 255. */
  readonly rgba: Uint8Array;
}

function fromHex(hex: string): Uint8Array {
  const rgba = new Uint8Array(LUT_ENTRIES * 4);
  for (let i = 0; i < LUT_ENTRIES; i++) {
    const packed = Number.parseInt(hex.slice(i * 6, i * 6 + 6), 16);
    rgba.set([packed >> 16, (packed >> 8) & 255, packed & 255, 255], i * 4);
  }
  return rgba;
}

function fromFunction(colourAt: (t: number) => Rgb): Uint8Array {
  const rgba = new Uint8Array(LUT_ENTRIES * 4);
  for (let i = 0; i < LUT_ENTRIES; i++) rgba.set([...colourAt(i / (LUT_ENTRIES - 1)), 255], i * 4);
  return rgba;
}

/**
 * A diverging table: two hues that mirror each other in lightness and chroma about a neutral centre, so that equal
 * magnitudes of either sign look equally strong. Chroma is limited to what both hues can reach in sRGB.
 */
function diverging(negativeHue: number, positiveHue: number, centreLightness: number, endLightness: number): Uint8Array {
  return fromFunction((t) => {
    const signed = 2 * t - 1, magnitude = Math.abs(signed);
    const lightness = centreLightness + (endLightness - centreLightness) * magnitude ** 1.15;
    let chroma = 0.17 * Math.sin(Math.min(1, magnitude * 1.25) * (Math.PI / 2)) * (1 - 0.22 * magnitude ** 3);
    while (chroma > 0 && !(inGamut(lightness, chroma, negativeHue) && inGamut(lightness, chroma, positiveHue))) chroma -= 0.001;
    return rgbOf(lightness, Math.max(0, chroma), signed < 0 ? negativeHue : positiveHue);
  });
}

export const LUTS: { readonly [Name in LutName]: Lut } = {
  viridis: { name: 'viridis', title: 'Viridis', kind: 'sequential', rgba: fromHex(PUBLISHED_TABLES.viridis) },
  inferno: { name: 'inferno', title: 'Inferno', kind: 'sequential', rgba: fromHex(PUBLISHED_TABLES.inferno) },
  magma: { name: 'magma', title: 'Magma', kind: 'sequential', rgba: fromHex(PUBLISHED_TABLES.magma) },
  cividis: { name: 'cividis', title: 'Cividis', kind: 'sequential', rgba: fromHex(PUBLISHED_TABLES.cividis) },
  grey: { name: 'grey', title: 'Grey', kind: 'sequential', rgba: fromFunction((t) => rgbOf(0.12 + 0.86 * t, 0, 0)) },
  tide: { name: 'tide', title: 'Tide (blue to red)', kind: 'diverging', rgba: diverging(252, 32, 0.955, 0.43) },
  ember: { name: 'ember', title: 'Ember (teal to orange)', kind: 'diverging', rgba: diverging(195, 55, 0.955, 0.46) },
};

/** Table names that suit a map, the default first. */
export function lutChoices(signed: boolean, dark: boolean): readonly LutName[] {
  if (signed) return ['tide', 'ember'];
  return dark ? ['inferno', 'viridis', 'magma', 'cividis', 'grey'] : ['viridis', 'inferno', 'magma', 'cividis', 'grey'];
}

/** Colour at position `t` in [0, 1], linear between entries as a filtered texture is. */
export function colourAt(lut: Lut, t: number): Rgb {
  const x = Math.min(1, Math.max(0, t)) * (LUT_ENTRIES - 1);
  const low = Math.floor(x), high = Math.min(LUT_ENTRIES - 1, low + 1), part = x - low;
  const mix = (channel: number): number =>
    Math.round((lut.rgba[low * 4 + channel] ?? 0) * (1 - part) + (lut.rgba[high * 4 + channel] ?? 0) * part);
  return [mix(0), mix(1), mix(2)];
}

/** `linear-gradient(...)` of a table, for legends drawn by CSS. */
export function cssGradient(lut: Lut, direction = 'to right'): string {
  const stops = Array.from({ length: 33 }, (_, i) => `rgb(${colourAt(lut, i / 32).join(' ')})`);
  return `linear-gradient(${direction}, ${stops.join(', ')})`;
}
