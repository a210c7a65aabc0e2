/**
 * Charts as values: marks to paint, and boxes that a pointer or the arrow keys can be on. The screen and an exported picture paint the same marks.
 * Lengths in CSS pixels.
 */
import { colourAt, LUTS } from '../../common/colour/luts.ts';
import type { LutName } from '../../common/colour/luts.ts';
import { formatValue } from '../../common/colour/scale.ts';

/** A role of the theme, or a fixed colour. */
export type Ink = 'text' | 'secondary' | 'hairline' | 'warn' | `#${string}`;

export type Mark =
  | { readonly kind: 'rect'; readonly x: number; readonly y: number; readonly w: number; readonly h: number; readonly fill: Ink; readonly opacity?: number }
  | { readonly kind: 'line'; readonly x1: number; readonly y1: number; readonly x2: number; readonly y2: number; readonly stroke: Ink; readonly width?: number; readonly dash?: boolean }
  | { readonly kind: 'text'; readonly x: number; readonly y: number; readonly text: string; readonly align: 'left' | 'center' | 'right'; readonly fill: Ink; readonly turned?: boolean };

export interface ChartItem {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
  /** What it says, one line each. */
  readonly lines: readonly string[];
}

export interface Chart {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly marks: readonly Mark[];
  readonly items: readonly ChartItem[];
  /** Items in a row, for the arrow keys up and down. */
  readonly columns: number;
  /** Header and rows of what is plotted. */
  readonly csv: readonly (readonly string[])[];
}

/** About `count` round numbers from `low` to `high`. */
export function ticks(low: number, high: number, count: number): number[] {
  const span = high - low;
  if (!(span > 0)) return [low];
  const rough = span / count, power = 10 ** Math.floor(Math.log10(rough)), step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.max(1, Math.floor(high / step + 1e-9) - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

export interface BarDatum {
  readonly label: string;
  /** NaN draws no bar. */
  readonly value: number;
  /** Ends of a whisker. */
  readonly low?: number;
  readonly high?: number;
  readonly lines: readonly string[];
  readonly csv: readonly string[];
}

export interface BarOptions {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly colour: Ink;
  readonly bars: readonly BarDatum[];
  /** Dashed lines with a word, such as chance. */
  readonly levels: readonly { readonly value: number; readonly label: string }[];
  readonly csvHead: readonly string[];
  readonly format?: (value: number) => string;
}

/** Width of a digit or small letter of the axis. */
const LETTER = 6;

/** Bars from zero, with whiskers and named levels. */
export function barChart({ title, width, height, xTitle, yTitle, colour, bars, levels, csvHead, format = formatValue }: BarOptions): Chart {
  const right = 10, top = levels.length > 0 ? 22 : 14, bottom = 42, h = height - top - bottom;
  const known = bars.flatMap(({ value, low, high }) => [value, low ?? value, high ?? value]).concat(levels.map(({ value }) => value)).filter(Number.isFinite);
  const floor = Math.min(0, ...known), ceiling = Math.max(floor + 1e-9, ...known), span = (ceiling - floor) * 1.06;
  const steps = ticks(floor, floor + span, 4), left = Math.max(52, 28 + LETTER * Math.max(...steps.map((tick) => format(tick).length))), w = width - left - right;
  const y = (value: number): number => top + h - ((value - floor) / span) * h, step = w / Math.max(1, bars.length);
  const marks: Mark[] = [];
  for (const tick of steps) {
    marks.push({ kind: 'line', x1: left, x2: left + w, y1: y(tick), y2: y(tick), stroke: 'hairline' });
    marks.push({ kind: 'text', x: left - 6, y: y(tick) + 4, text: format(tick), align: 'right', fill: 'secondary' });
  }
  const widest = Math.max(...bars.map(({ label }) => label.length), 1) * LETTER + 4, every = Math.max(1, Math.ceil(widest / step)), thick = Math.max(1, Math.min(36, step * 0.72));
  const items = bars.map(({ label, value, low, high, lines }, i): ChartItem => {
    const centre = left + (i + 0.5) * step;
    if (Number.isFinite(value)) {
      marks.push({ kind: 'rect', x: centre - thick / 2, y: Math.min(y(value), y(0)), w: thick, h: Math.abs(y(value) - y(0)), fill: colour, opacity: 0.9 });
      if (low !== undefined && high !== undefined && Number.isFinite(low) && Number.isFinite(high)) marks.push({ kind: 'line', x1: centre, x2: centre, y1: y(low), y2: y(high), stroke: 'text', width: 1.25 });
    }
    if (i % every === 0) marks.push({ kind: 'text', x: centre, y: top + h + 15, text: label, align: 'center', fill: 'secondary' });
    return { x: left + i * step, y: top, w: step, h, lines };
  });
  marks.push({ kind: 'line', x1: left, x2: left + w, y1: y(0), y2: y(0), stroke: 'secondary' });
  for (const { value } of levels) {
    if (!Number.isFinite(value)) continue;
    marks.push({ kind: 'line', x1: left, x2: left + w, y1: y(value), y2: y(value), stroke: 'text', dash: true });
  }
  // Named above the plot, where no bar is behind the words.
  const names = levels.filter(({ value }) => Number.isFinite(value)).map(({ label }) => `- - -  ${label}`).join('    ');
  if (names !== '') marks.push({ kind: 'text', x: left + w, y: 12, text: names, align: 'right', fill: 'text' });
  marks.push({ kind: 'text', x: left + w / 2, y: height - 8, text: xTitle, align: 'center', fill: 'secondary' }, { kind: 'text', x: 13, y: top + h / 2, text: yTitle, align: 'center', fill: 'secondary', turned: true });
  return { title, width, height, marks, items, columns: Math.max(1, bars.length), csv: [csvHead, ...bars.map(({ csv }) => csv)] };
}

export interface CellOptions {
  readonly title: string;
  /** Longest side of the picture. */
  readonly side: number;
  readonly rows: number;
  readonly columns: number;
  /** Row-major; NaN leaves a cell empty. */
  readonly values: Float32Array;
  readonly limits: { readonly low: number; readonly high: number };
  readonly lut: LutName;
  readonly unit: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly lines: (cell: number) => readonly string[];
}

/** A picture of cells with numbered sides and a scale. */
export function cellChart({ title, side, rows, columns, values, limits, lut, unit, xTitle, yTitle, lines }: CellOptions): Chart {
  const left = 44, top = 10, bottom = 40, size = side / Math.max(rows, columns), w = size * columns, h = size * rows, scaleX = left + w + 18, { low, high } = limits;
  const height = top + Math.max(h, 90) + bottom, marks: Mark[] = [], items: ChartItem[] = [];
  const colour = (value: number): Ink => {
    const [r, g, b] = colourAt(LUTS[lut], Math.min(1, Math.max(0, high > low ? (value - low) / (high - low) : 0)));
    return `#${[r, g, b].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
  };
  for (let cell = 0; cell < rows * columns; cell++) {
    const x = left + (cell % columns) * size, y = top + Math.floor(cell / columns) * size, value = values[cell] ?? Number.NaN;
    // Half a pixel over the neighbour, so that no seam shows; the last row and column end where they should.
    if (Number.isFinite(value)) marks.push({ kind: 'rect', x, y, w: Math.min(size + 0.5, left + w - x), h: Math.min(size + 0.5, top + h - y), fill: colour(value) });
    items.push({ x, y, w: size, h: size, lines: lines(cell) });
  }
  marks.push(...([[left, top, left + w, top], [left, top + h, left + w, top + h], [left, top, left, top + h], [left + w, top, left + w, top + h]] as const).map(([x1, y1, x2, y2]): Mark => ({ kind: 'line', x1, y1, x2, y2, stroke: 'hairline' })));
  for (const [count, across] of [[columns, true], [rows, false]] as const) {
    const every = Math.max(1, Math.ceil(22 / size));
    for (let i = 0; i < count; i += every) {
      marks.push(across ? { kind: 'text', x: left + (i + 0.5) * size, y: top + h + 14, text: String(i + 1), align: 'center', fill: 'secondary' }
        : { kind: 'text', x: left - 6, y: top + (i + 0.5) * size + 4, text: String(i + 1), align: 'right', fill: 'secondary' });
    }
  }
  marks.push({ kind: 'text', x: left + w / 2, y: top + h + 32, text: xTitle, align: 'center', fill: 'secondary' }, { kind: 'text', x: 12, y: top + h / 2, text: yTitle, align: 'center', fill: 'secondary', turned: true });
  const tall = Math.max(h, 90), STEPS = 48;
  for (let i = 0; i < STEPS; i++) marks.push({ kind: 'rect', x: scaleX, y: top + tall - ((i + 1) * tall) / STEPS, w: 10, h: tall / STEPS + 0.5, fill: colour(low + ((i + 0.5) / STEPS) * (high - low)) });
  for (const tick of ticks(low, high, 4)) marks.push({ kind: 'text', x: scaleX + 15, y: top + tall - ((tick - low) / (high - low || 1)) * tall + 4, text: formatValue(tick), align: 'left', fill: 'secondary' });
  marks.push({ kind: 'text', x: scaleX + 5, y: top + tall + 14, text: unit, align: 'center', fill: 'secondary' });
  const csv = Array.from(values, (value, cell) => [String(Math.floor(cell / columns) + 1), String((cell % columns) + 1), Number.isFinite(value) ? String(value) : '']);
  return { title, width: scaleX + 62, height, marks, items, columns, csv: [['row', 'column', unit], ...csv] };
}

/** Comma-separated, quoted where it must be (RFC 4180). */
export function csvOf(rows: readonly (readonly string[])[]): string {
  return `${rows.map((row) => row.map((field) => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',')).join('\n')}\n`;
}

/** The item at a point, or null. */
export function itemAt({ items }: Pick<Chart, 'items'>, x: number, y: number): number | null {
  const found = items.findIndex((item) => x >= item.x && x < item.x + item.w && y >= item.y && y < item.y + item.h);
  return found < 0 ? null : found;
}

/** Where a key leads from an item; null for keys that lead nowhere. */
export function nextItem({ items, columns }: Pick<Chart, 'items' | 'columns'>, from: number | null, key: string): number | null {
  if (items.length === 0) return null;
  const steps: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
  if (key === 'Home') return 0;
  if (key === 'End') return items.length - 1;
  const step = steps[key];
  if (step === undefined) return null;
  if (from === null) return 0;
  const to = from + step;
  return to < 0 || to >= items.length ? from : to;
}
