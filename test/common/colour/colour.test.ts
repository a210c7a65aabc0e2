import { describe, expect, it } from 'vitest';
import { colourAt, cssGradient, LUT_ENTRIES, lutChoices, LUTS } from '../../../common/colour/luts.ts';
import type { Lut } from '../../../common/colour/luts.ts';
import { contrastOf, lightnessOf } from '../../../common/colour/oklab.ts';
import type { Rgb } from '../../../common/colour/oklab.ts';
import { alphaOf, defaultLimits, formatValue, histogramOf, positionOf, quantile, rgbaOf } from '../../../common/colour/scale.ts';
import type { Scale } from '../../../common/colour/scale.ts';

/** L* steps: 8-bit rounding moves a dark entry by up to this much. */
const ROUNDING_L = 0.45;
/** Two hues of equal OKLab lightness differ this much in CIE L* at most (the spaces are not the same). */
const SPACES_DIFFER_L = 3.5;
/** 8-bit steps between a colour and true grey at the centre of a diverging table. */
const NEUTRAL_STEPS = 3;

const entry = (lut: Lut, i: number): Rgb => [lut.rgba[i * 4] ?? 0, lut.rgba[i * 4 + 1] ?? 0, lut.rgba[i * 4 + 2] ?? 0];
const lightness = (lut: Lut): number[] => Array.from({ length: LUT_ENTRIES }, (_, i) => lightnessOf(entry(lut, i)));
const all = Object.values(LUTS);

describe('colour tables', () => {
  it.each(all.filter((lut) => lut.kind === 'sequential'))('$name gets lighter from low to high, without a step back', (lut) => {
    const l = lightness(lut);
    for (let i = 1; i < l.length; i++) expect(l[i]! - l[i - 1]!, `entry ${i}`).toBeGreaterThan(-ROUNDING_L);
    expect(l[255]! - l[0]!).toBeGreaterThan(60);
  });

  it.each(all.filter((lut) => lut.kind === 'diverging'))('$name is symmetric in lightness, darkest at both ends, neutral at zero', (lut) => {
    const l = lightness(lut);
    for (let i = 0; i < 128; i++) {
      expect(Math.abs(l[i]! - l[255 - i]!), `entries ${i} and ${255 - i}`).toBeLessThan(SPACES_DIFFER_L);
      if (i > 0) expect(l[i]! - l[i - 1]!, `entry ${i}`).toBeGreaterThan(-ROUNDING_L);
    }
    const centre = colourAt(lut, 0.5);
    expect(Math.max(...centre) - Math.min(...centre)).toBeLessThanOrEqual(NEUTRAL_STEPS);
  });

  it('offers a diverging table first for signed maps and a sequential one first for others', () => {
    for (const dark of [false, true]) {
      expect(LUTS[lutChoices(true, dark)[0]!].kind).toBe('diverging');
      expect(LUTS[lutChoices(false, dark)[0]!].kind).toBe('sequential');
    }
  });

  it('matches matplotlib at the published ends', () => {
    expect(entry(LUTS.viridis, 0)).toEqual([68, 1, 84]);
    expect(entry(LUTS.viridis, 255)).toEqual([253, 231, 37]);
    expect(entry(LUTS.inferno, 0)).toEqual([0, 0, 4]);
    expect(entry(LUTS.magma, 255)).toEqual([252, 253, 191]);
  });

  it('writes a gradient that starts and ends at the ends of the table', () => {
    const css = cssGradient(LUTS.grey);
    expect(css).toContain(`rgb(${entry(LUTS.grey, 0).join(' ')})`);
    expect(css).toContain(`rgb(${entry(LUTS.grey, 255).join(' ')})`);
  });
});

const signed: Scale = { lut: 'tide', low: -2, high: 2, threshold: 1, below: 'fade', signed: true, opacity: 1 };

describe('scale', () => {
  it('puts zero of a signed map in the middle and equal magnitudes at equal distances', () => {
    expect(positionOf(signed, 0)).toBe(0.5);
    for (const x of [0.1, 0.7, 1.9, 5]) expect(positionOf(signed, x) + positionOf(signed, -x)).toBeCloseTo(1, 12);
  });

  it('is transparent for NaN, whatever the rule', () => {
    for (const below of ['fade', 'hide', 'show'] as const) {
      expect(alphaOf({ ...signed, below, threshold: 0 }, Number.NaN)).toBe(0);
      expect(rgbaOf({ ...signed, below }, Number.NaN)).toEqual([0, 0, 0, 0]);
    }
  });

  it('fades with the square below the threshold, hides or shows when told', () => {
    expect(alphaOf(signed, -0.5)).toBeCloseTo(0.25, 12);
    expect(alphaOf(signed, 1)).toBe(1);
    expect(alphaOf({ ...signed, below: 'hide' }, 0.99)).toBe(0);
    expect(alphaOf({ ...signed, below: 'show' }, 0.01)).toBe(1);
    expect(alphaOf({ ...signed, signed: false, low: 0 }, -0.5)).toBe(0);
  });

  it('ties the limits of a signed map and ignores what is not defined', () => {
    const values = Float32Array.from([Number.NaN, -4, -1, 0, 1, 2, Number.POSITIVE_INFINITY]);
    const { low, high } = defaultLimits(values, true);
    expect(low).toBe(-high);
    // |x| sorted: 0 1 1 2 4; position 0.98 * 4 = 3.92 between 2 and 4.
    expect(high).toBeCloseTo(3.84, 5);
    expect(quantile(values, 0.5)).toBe(0);
    expect(defaultLimits(new Float32Array(3).fill(Number.NaN), false)).toEqual({ low: 0, high: 1 });
  });

  it('counts every defined value once in the histogram', () => {
    const h = histogramOf(Float32Array.from([-1, 0, 0.24, 0.26, 0.99, 1, 7, Number.NaN]), 0, 1, 4);
    expect([...h.counts]).toEqual([3, 1, 0, 3]);
    expect(h.undefinedCount).toBe(1);
  });

  it('formats with three significant digits and a true minus sign', () => {
    expect([0.1234, -0.5, 12.3456, 1234.5, 0.00012, 0, Number.NaN].map((x) => formatValue(x)))
      .toEqual(['0.123', '−0.5', '12.3', '1235', '1.2e-4', '0', 'n/a']);
    expect(formatValue(0.2, { sign: true })).toBe('+0.2');
  });

  it('reads text on both themes: family colours reach 3:1 on their panels', () => {
    expect(contrastOf([232, 234, 237], [28, 31, 36])).toBeGreaterThan(13);
  });
});
