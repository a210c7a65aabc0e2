import { describe, expect, it } from 'vitest';
import type { ImageRow, MapRequest, RunRow, VoxelMap } from '../../../common/contract/payloads.ts';
import { rankOf } from '../../../renderer/state/lab-state.ts';
import { keyText, matchesKey } from '../../../renderer/state/commands.ts';
import { DEFAULT_LOOK } from '../../../renderer/state/view-state.ts';
import { byRegion, chooseMap, scaleFor } from '../../../renderer/views/cortex/use-map.ts';
import { estimate } from '../../../renderer/views/experiment/estimate.ts';
import { regionsOf, setOf, setsOf, voxelsOf } from '../../../renderer/views/experiment/region-sets.ts';
import { ruleOfOrder, sortImages } from '../../../renderer/views/gallery/sorting.ts';

const image = (imageId: number, scores: ImageRow['scores']): ImageRow => ({ imageId, truthUrl: '', reconstructionUrl: '', scores });
const images = [image(5, { pcc: 0.1, mse: 0.3 }), image(2, { pcc: 0.9, mse: 0.1 }), image(9, {}), image(4, { pcc: 0.5, mse: 0.2 })];
const ids = (list: readonly ImageRow[]): number[] => list.map((each) => each.imageId);

describe('the order of pictures', () => {
  it('puts the best first by the direction of the score, and pictures without a score last', () => {
    expect(ids(sortImages(images, { sort: 'pcc', order: 'best' }))).toEqual([2, 4, 5, 9]);
    expect(ids(sortImages(images, { sort: 'mse', order: 'best' }))).toEqual([2, 4, 5, 9]);
    expect(ids(sortImages(images, { sort: 'pcc', order: 'worst' }))).toEqual([5, 4, 2, 9]);
    expect(ids(sortImages(images, { sort: 'id', order: 'best' }))).toEqual([2, 4, 5, 9]);
  });

  it('says in words how the pictures were chosen', () => {
    expect(ruleOfOrder({ sort: 'pcc', order: 'worst' }, 2, 4)).toBe('first 2 of 4 images by PCC, worst first');
    expect(ruleOfOrder({ sort: 'id', order: 'best' }, 4, 4)).toBe('all 4 images by ascending image id');
  });

  it('ranks with 1 as the best, ties sharing a rank', () => {
    expect([rankOf(images, 2, 'pcc', 'higher'), rankOf(images, 5, 'mse', 'lower'), rankOf(images, 9, 'pcc', 'higher')]).toEqual([1, 3, null]);
  });
});

describe('sets of regions', () => {
  const atlas = { name: 'minddiffuser', regions: ['V1', 'V2', 'V3', 'hV4', 'V3ab', 'LO'].map((name, i) => ({ name, label: i + 1, voxels: 10 * (i + 1) })) };
  it('knows lower and higher visual cortex, and V3ab is higher', () => {
    expect(regionsOf('lower', atlas)).toEqual(['V1', 'V2', 'V3']);
    expect(regionsOf('higher', atlas)).toEqual(['hV4', 'V3ab', 'LO']);
    expect([setOf([], atlas), setOf(['V3', 'V1', 'V2'], atlas), setOf(['V1'], atlas)]).toEqual(['all', 'lower', 'chosen']);
    expect([voxelsOf([], atlas), voxelsOf(['V2', 'LO'], atlas)]).toEqual([210, 80]);
  });

  it('offers lower and higher cortex only where an atlas has both', () => {
    expect(setsOf(atlas)).toEqual(['all', 'lower', 'higher']);
    expect(setsOf({ name: 'all', regions: [{ name: 'all', label: 1, voxels: 9 }] })).toEqual(['all']);
    expect(setsOf({ name: 'early', regions: atlas.regions.slice(0, 3) })).toEqual(['all']);
  });
});

describe('the time that a run will take', () => {
  const run = (seconds: number, count: number, reused = 0): RunRow => ({
    id: '', name: '', dataPath: '', dataLabel: '', synthetic: true, subject: '', pack: 'demo', state: 'done', created: '', started: null, finished: null, progress: 1, activity: '', secondsLeft: null, error: null,
    summary: { seconds, steps: 5, reused, images: count, scores: {} },
  });
  it('is a range from runs done here, and nothing without one', () => {
    expect(estimate([], 10)).toBeNull();
    expect(estimate([run(5, 10, 3)], 10)).toBeNull();
    expect(estimate([run(100, 20)], 40)).toEqual({ lowSeconds: 100, highSeconds: 200, runs: 1 });
  });
});

describe('the map shown', () => {
  const list: readonly MapRequest[] = [{ kind: 'pattern', space: 'c' }, { kind: 'pattern', space: 'z' }, { kind: 'contribution', space: 'z', imageId: 3 }, { kind: 'noise-ceiling', space: 'z' }];
  it('is the nearest to what was asked that the run has', () => {
    expect(chooseMap(list, { kind: 'pattern', space: 'clip' }, null).request).toEqual({ kind: 'pattern', space: 'c' });
    expect(chooseMap(list, { kind: 'truth', space: 'z' }, null).request).toEqual({ kind: 'pattern', space: 'z' });
    expect(chooseMap(list, { kind: 'contribution', space: 'z' }, 8).request).toEqual({ kind: 'contribution', space: 'z', imageId: 8 });
    expect(chooseMap(list, { kind: 'contribution', space: 'z' }, null).request).toBeNull();
    expect(chooseMap([], DEFAULT_LOOK, 1).request).toBeNull();
  });

  const map = (signed: boolean, values: readonly number[]): VoxelMap => ({ request: { kind: signed ? 'contribution' : 'pattern', space: 'c' }, values: Float32Array.from(values), title: '', unit: '', signed, caveat: '' });
  it('has symmetric limits and a diverging table when signed, and the threshold of the share asked', () => {
    const scale = scaleFor(map(true, [-4, -1, 0, 1, 2]), { ...DEFAULT_LOOK, thresholdShare: 0.5 }, true);
    expect(scale).toMatchObject({ lut: 'tide', signed: true, threshold: 1 });
    expect(scale.low).toBe(-scale.high);
    expect(scaleFor(map(false, [0, 1]), { ...DEFAULT_LOOK, thresholdShare: 0 }, false)).toMatchObject({ lut: 'viridis', low: 0, threshold: 0 });
  });

  it('sums contributions by region and averages the rest', () => {
    const regions = ['V1', 'V1', 'LO', 'LO'];
    expect(byRegion(map(true, [0.5, 0.25, Number.NaN, 0.25]), regions)).toMatchObject([{ region: 'V1', value: 0.75, voxels: 2 }, { region: 'LO', value: 0.25, voxels: 1, peakVoxel: 3 }]);
    expect(byRegion(map(false, [1, 3, 5, 7]), regions)).toMatchObject([{ region: 'LO', value: 6, peak: 7 }, { region: 'V1', value: 2, peakVoxel: 1 }]);
  });
});

describe('keys', () => {
  const press = (key: string, change: Partial<KeyboardEvent> = {}): KeyboardEvent => ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...change }) as KeyboardEvent;
  it('match exactly what is bound', () => {
    expect(matchesKey('mod+K', press('k', { ctrlKey: true }), false)).toBe(true);
    expect(matchesKey('mod+K', press('k', { metaKey: true }), true)).toBe(true);
    expect(matchesKey('F', press('f', { ctrlKey: true }), false)).toBe(false);
    expect(matchesKey('C', press('C', { shiftKey: true }), false)).toBe(false);
    expect(matchesKey('Shift+C', press('C', { shiftKey: true }), false)).toBe(true);
    expect(matchesKey('?', press('?', { shiftKey: true }), false)).toBe(true);
    expect(matchesKey('+', press('+', { shiftKey: true }), false)).toBe(true);
    expect([keyText('mod+Shift+Z', false), keyText('+', false)]).toEqual(['Ctrl + Shift + Z', '+']);
  });
});
