import { describe, expect, it } from 'vitest';
import { cellMeans, groupSummaries, layoutOf } from '../../common/feature-layout.ts';
import { fitWork, secondsFor } from '../../common/fit-work.ts';
import type { SpaceName } from '../../common/recipe.ts';

/** Shape, and the value of a unit that names its group and cell: 100 x group + cell. */
const CASES: readonly (readonly [SpaceName, readonly number[], number, number])[] = [['z', [4, 3, 5], 4, 15], ['c', [6, 7], 6, 0], ['clip', [3, 5, 8], 3, 4], ['pixels', [3, 5, 3], 3, 15], ['pixels', [4, 4], 1, 16]];

describe('where a target is', () => {
  it.each(CASES)('%s %o: every group and every place is filled as often as it should be', (space, shape, groups, cells) => {
    const layout = layoutOf(space, shape), size = shape.reduce((product, extent) => product * extent, 1);
    const values = Float32Array.from({ length: size }, (_, unit) => layout.groupOf(unit));
    const summaries = groupSummaries(layout, values);
    expect(summaries.map(({ median, units }) => [median, units])).toEqual(Array.from({ length: groups }, (_, group) => [group, size / groups]));
    const means = cellMeans(layout, Float32Array.from({ length: size }, (_, unit) => layout.cellOf(unit)), null);
    expect([...means.values]).toEqual(Array.from({ length: cells }, (_, cell) => cell));
  });

  it('z is channel, row, column; clip is layer, token, unit with the class token first; pixels have the channel last', () => {
    const z = layoutOf('z', [4, 3, 5]), clip = layoutOf('clip', [3, 5, 8]), pixels = layoutOf('pixels', [3, 5, 3]);
    expect([z.groupOf(2 * 15 + 7), z.cellOf(2 * 15 + 7)]).toEqual([2, 7]);
    expect([clip.groupOf(40 + 3), clip.cellOf(40 + 3), clip.cellOf(40 + 8)]).toEqual([1, -1, 0]);
    expect([pixels.groupOf(3 * 7 + 2), pixels.cellOf(3 * 7 + 2)]).toEqual([2, 7]);
  });

  it('leaves unknown targets out, gives the class token apart, and shows no picture of patches that are not a square', () => {
    const clip = layoutOf('clip', [1, 5, 2]), means = cellMeans(clip, Float32Array.of(0.5, 0.7, 1, Number.NaN, 2, 4, Number.NaN, Number.NaN, 1, 1), 0);
    expect([...means.values]).toEqual([1, 3, Number.NaN, 1]);
    expect(means.outside).toBeCloseTo(0.6, 6);
    expect([...means.units]).toEqual([1, 2, 0, 2]);
    expect(layoutOf('clip', [1, 4, 2]).picture).toBeNull();
    expect(groupSummaries(layoutOf('c', [2, 2]), Float32Array.of(Number.NaN, Number.NaN, 1, 3))).toEqual([{ label: '0', units: 0, q1: Number.NaN, median: Number.NaN, q3: Number.NaN }, { label: '1', units: 2, q1: 1.5, median: 2, q3: 2.5 }]);
  });
});

describe('work of a fit', () => {
  const extent = { rows: 800, voxels: 2000, targets: 1000, alphas: 10, folds: 5 };
  it('is the same for both forms where rows equal voxels, less for fewer voxels, and adds up over targets', () => {
    expect(fitWork({ ...extent, voxels: 100 })).toBeLessThan(fitWork(extent) / 4);
    const targets = (n: number) => fitWork({ ...extent, targets: n });
    expect(targets(300) - targets(200)).toBeCloseTo(targets(200) - targets(100), 0);
  });
  it('becomes seconds by what was timed; without a timed fit nothing is said', () => {
    expect(secondsFor([extent, extent], [{ extent, seconds: 7 }])).toBeCloseTo(14, 9);
    expect(secondsFor([extent], [])).toBeNull();
  });
});
