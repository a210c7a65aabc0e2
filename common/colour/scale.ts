/**
 * Scale: how a number becomes a colour and an opacity. The shader of the cortex, the legend and the exporter all follow
 * these few lines; `test/common/colour` holds the shader's formula against them.
 */
import { colourAt, LUTS } from './luts.ts';
import type { LutName } from './luts.ts';

/** What happens below the threshold: fade out with the square of the distance, vanish, or nothing. */
export type BelowThreshold = 'fade' | 'hide' | 'show';

export interface Scale {
  readonly lut: LutName;
  /** Values at the two ends of the table; for a signed map `low === -high`. */
  readonly low: number;
  readonly high: number;
  /** In the unit of the values; compared with |value| for signed maps. 0 = no threshold. */
  readonly threshold: number;
  readonly below: BelowThreshold;
  readonly signed: boolean;
  /** 0..1, applied on top. */
  readonly opacity: number;
}

/** Place in the table, 0..1; NaN stays NaN. */
export function positionOf(scale: Scale, value: number): number {
  if (Number.isNaN(value)) return Number.NaN;
  const span = scale.high - scale.low;
  return span > 0 ? Math.min(1, Math.max(0, (value - scale.low) / span)) : 0.5;
}

/** Opacity 0..1. NaN is transparent, always. */
export function alphaOf(scale: Scale, value: number): number {
  if (Number.isNaN(value)) return 0;
  const size = scale.signed ? Math.abs(value) : value;
  if (scale.below === 'show' || scale.threshold <= 0 || size >= scale.threshold) return scale.opacity;
  if (scale.below === 'hide') return 0;
  const ratio = Math.max(0, size / scale.threshold);
  return scale.opacity * ratio * ratio;
}

/** Straight-alpha sRGB bytes. */
export function rgbaOf(scale: Scale, value: number): readonly [number, number, number, number] {
  const alpha = alphaOf(scale, value);
  if (alpha === 0) return [0, 0, 0, 0];
  const [r, g, b] = colourAt(LUTS[scale.lut], positionOf(scale, value));
  return [r, g, b, Math.round(255 * alpha)];
}

/** The `q`-quantile (0..1) of the defined values by linear interpolation; NaN if there are none. */
export function quantile(values: Float32Array, q: number, transform: (value: number) => number = (value) => value): number {
  const defined = new Float32Array(values.length);
  let count = 0;
  for (const value of values) if (Number.isFinite(value)) defined[count++] = transform(value);
  if (count === 0) return Number.NaN;
  const sorted = defined.subarray(0, count).sort();
  const x = q * (count - 1), low = Math.floor(x);
  const a = sorted[low] ?? Number.NaN, b = sorted[Math.min(count - 1, low + 1)] ?? a;
  return a + (b - a) * (x - low);
}

/** Default limits: signed maps symmetric at the 98th percentile of |x|, others 0 to the 98th percentile. */
export function defaultLimits(values: Float32Array, signed: boolean): { readonly low: number; readonly high: number } {
  const high = quantile(values, 0.98, signed ? Math.abs : undefined);
  const safe = Number.isFinite(high) && high > 0 ? high : 1;
  return signed ? { low: -safe, high: safe } : { low: 0, high: safe };
}

/** Default threshold: the value that three quarters of the voxels stay below, so that the strongest quarter is opaque. */
export function defaultThreshold(values: Float32Array, signed: boolean): number {
  const q = quantile(values, 0.75, signed ? Math.abs : undefined);
  return Number.isFinite(q) && q > 0 ? q : 0;
}

export interface Histogram {
  readonly low: number;
  readonly high: number;
  readonly counts: Uint32Array;
  readonly undefinedCount: number;
}

/** Counts of the defined values in equal bins between `low` and `high`; values outside go to the end bins. */
export function histogramOf(values: Float32Array, low: number, high: number, bins: number): Histogram {
  const counts = new Uint32Array(bins);
  const factor = high > low ? bins / (high - low) : 0;
  let undefinedCount = 0;
  for (const value of values) {
    if (!Number.isFinite(value)) { undefinedCount++; continue; }
    const bin = Math.min(bins - 1, Math.max(0, Math.floor((value - low) * factor)));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return { low, high, counts, undefinedCount };
}

/** The rule of the legend in words, for captions. */
export function ruleOf(scale: Scale): string {
  if (scale.threshold <= 0 || scale.below === 'show') return 'all values shown';
  const what = scale.signed ? 'magnitudes' : 'values';
  const limit = formatValue(scale.threshold);
  return scale.below === 'hide' ? `${what} below ${limit} hidden` : `${what} below ${limit} fade to transparent`;
}

/** One function formats every value on screen: three significant digits, a real minus sign, a sign where asked. */
export function formatValue(value: number, options: { readonly sign?: boolean } = {}): string {
  if (Number.isNaN(value)) return 'n/a';
  if (value === 0) return '0';
  const size = Math.abs(value);
  const digits = size >= 100 && size < 1e5 ? size.toFixed(0) : size >= 1e-3 && size < 100
    ? size.toPrecision(3).replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '') : size.toExponential(1).replace('.0e', 'e');
  return `${value < 0 ? '−' : options.sign === true ? '+' : ''}${digits}`;
}
