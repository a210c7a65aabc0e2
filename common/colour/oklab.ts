/**
 * OKLab and CIELAB from and to 8-bit sRGB: the perceptual spaces in which our own tables are built and all are tested.
 *
 * Source: Ottosson 2020 (OKLab matrices), IEC 61966-2-1 (sRGB transfer), CIE 15:2004 (L*).
 */
export type Rgb = readonly [number, number, number];

function toLinear(byte: number): number {
  const c = byte / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
}

function toEncoded(linear: number): number {
  return linear <= 0.0031308 ? linear * 12.92 : 1.055 * linear ** (1 / 2.4) - 0.055;
}

/** Linear sRGB (may leave [0, 1] when out of gamut) of an OKLCh colour; hue in degrees. */
export function linearOf(lightness: number, chroma: number, hue: number): Rgb {
  const radians = (hue * Math.PI) / 180;
  const a = chroma * Math.cos(radians), b = chroma * Math.sin(radians);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

/** True if the colour exists in sRGB. */
export function inGamut(lightness: number, chroma: number, hue: number): boolean {
  return linearOf(lightness, chroma, hue).every((channel) => channel >= -1e-4 && channel <= 1 + 1e-4);
}

/** 8-bit sRGB of an OKLCh colour, clipped. */
export function rgbOf(lightness: number, chroma: number, hue: number): Rgb {
  const byte = (channel: number): number => Math.round(255 * toEncoded(Math.min(1, Math.max(0, channel))));
  const [r, g, b] = linearOf(lightness, chroma, hue);
  return [byte(r), byte(g), byte(b)];
}

/** CIE lightness L*, 0..100, of an 8-bit sRGB colour under D65. */
export function lightnessOf(rgb: Rgb): number {
  const y = 0.2126 * toLinear(rgb[0]) + 0.7152 * toLinear(rgb[1]) + 0.0722 * toLinear(rgb[2]);
  return y > 216 / 24389 ? 116 * Math.cbrt(y) - 16 : (24389 / 27) * y;
}

/** WCAG 2 contrast ratio of two 8-bit sRGB colours, 1..21. */
export function contrastOf(first: Rgb, second: Rgb): number {
  const y = (rgb: Rgb): number => 0.2126 * toLinear(rgb[0]) + 0.7152 * toLinear(rgb[1]) + 0.0722 * toLinear(rgb[2]);
  const bright = Math.max(y(first), y(second)), dark = Math.min(y(first), y(second));
  return (bright + 0.05) / (dark + 0.05);
}
