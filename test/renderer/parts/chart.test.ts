import { describe, expect, it } from 'vitest';
import { barChart, cellChart, csvOf, itemAt, nextItem, ticks } from '../../../renderer/parts/chart.ts';
import type { Mark } from '../../../renderer/parts/chart.ts';

const rects = (marks: readonly Mark[]) => marks.flatMap((mark) => (mark.kind === 'rect' ? [mark] : []));
const texts = (marks: readonly Mark[]) => marks.flatMap((mark) => (mark.kind === 'text' ? [mark] : []));
const bar = (label: string, value: number) => ({ label, value, lines: [label], csv: [label, String(value)] });
const bars = (values: readonly number[], levels: readonly { value: number; label: string }[] = []) => barChart({
  title: 'Bars', width: 400, height: 200, xTitle: 'Layer', yTitle: 'r', colour: '#CC79A7', bars: values.map((value, i) => bar(String(i + 1), value)), levels, csvHead: ['layer', 'r'],
});

describe('ticks', () => {
  it.each([[0, 1, 4, [0, 0.5, 1]], [0, 0.42, 4, [0, 0.2, 0.4]], [-0.2, 0.3, 4, [-0.2, 0, 0.2]], [0, 5000, 4, [0, 2000, 4000]], [3, 3, 4, [3]]] as const)('from %d to %d are round and inside', (low, high, count, expected) => {
    expect(ticks(low, high, count)).toEqual(expected);
  });
});

describe('a bar chart', () => {
  it('has bars as high as their values, up from zero, down below it', () => {
    const [first, second, third] = rects(bars([0.2, 0.4, -0.1]).marks);
    expect((second?.h ?? 0) / (first?.h ?? 1)).toBeCloseTo(2, 9);
    expect((third?.h ?? 0) / (first?.h ?? 1)).toBeCloseTo(0.5, 9);
    expect((first?.y ?? 0) + (first?.h ?? 0)).toBeCloseTo(third?.y ?? 0, 9);
  });

  it('draws nothing for an unknown value, keeps its place, and names axes and levels', () => {
    const chart = bars([Number.NaN, 0.3], [{ value: 0.1, label: 'chance' }]);
    expect([rects(chart.marks).length, chart.items.length]).toEqual([1, 2]);
    expect(texts(chart.marks).map(({ text }) => text)).toEqual(expect.arrayContaining(['Layer', 'r', '- - -  chance', '1', '2']));
    expect(chart.csv[0]).toEqual(['layer', 'r']);
  });

  it('stays inside its frame whatever the values', () => {
    for (const values of [[0, 0], [1e-9], [1e9, -1e9], [Number.NaN], []]) {
      const chart = bars(values);
      for (const mark of rects(chart.marks)) expect([mark.y >= 0, mark.y + mark.h <= chart.height, mark.x >= 0, mark.x + mark.w <= chart.width]).toEqual([true, true, true, true]);
    }
  });
});

describe('a picture of cells', () => {
  const chart = cellChart({ title: 'Cells', side: 120, rows: 2, columns: 3, values: Float32Array.of(0, 0.5, 1, Number.NaN, 1, 1), limits: { low: 0, high: 1 }, lut: 'viridis', unit: 'r', xTitle: 'Column', yTitle: 'Row', lines: (cell) => [`cell ${cell}`] });
  it('leaves out what is not known, and equal values have equal colours', () => {
    const cells = rects(chart.marks).filter(({ w }) => w > 30);
    expect(cells.length).toBe(5);
    expect(new Set(cells.slice(2).map(({ fill }) => fill)).size).toBe(1);
  });
  it('is read by pointer and by arrow keys, which stop at the edges', () => {
    const fourth = chart.items[4];
    expect(itemAt(chart, (fourth?.x ?? 0) + 1, (fourth?.y ?? 0) + 1)).toBe(4);
    expect(itemAt(chart, 0, 0)).toBeNull();
    expect(['ArrowRight', 'ArrowDown', 'ArrowUp', 'End', 'Home', 'a'].map((key) => nextItem(chart, 1, key))).toEqual([2, 4, 1, 5, 0, null]);
    expect(nextItem(chart, null, 'ArrowRight')).toBe(0);
  });
  it('is exported with rows and columns counted from one, unknown cells empty', () => {
    expect(csvOf(chart.csv).split('\n').slice(0, 5)).toEqual(['row,column,r', '1,1,0', '1,2,0.5', '1,3,1', '2,1,']);
    expect(csvOf([['a,b', 'say "x"']])).toBe('"a,b","say ""x"""\n');
  });
});
