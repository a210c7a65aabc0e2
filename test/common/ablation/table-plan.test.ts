/** What is said where a table cannot be made, before anything runs. */
import { describe, expect, it } from 'vitest';
import { DEFAULT_TABLE } from '../../../common/ablation/arms.ts';
import type { TableNumber, TableOptions } from '../../../common/ablation/arms.ts';
import type { AtlasSummary, SubjectSummary } from '../../../common/dataset.ts';
import { DEFAULT_RECIPE } from '../../../common/recipe.ts';
import { tablePlan } from '../../../common/ablation/table-plan.ts';

const atlas = (name: string, voxels: Record<string, number>): AtlasSummary => ({ name, regions: Object.entries(voxels).map(([region, count], i) => ({ name: region, label: i + 1, voxels: count })) });
const BOTH = atlas('visual', { V1: 5, V2: 4, LO: 3 }), NONE = atlas('regions', { all: 12 }), EARLY = atlas('early', { V1v: 2, V1d: 2, V3: 1 }), HOLLOW = atlas('hollow', { V1: 0, LO: 3 });
const subject = (atlases: readonly AtlasSummary[]): SubjectSummary => ({
  id: 'one', sessions: 1, trials: 36, trainImages: 24, testImages: 12, volume: null, voxelSizeMm: null, betas: ['arrays'], atlases, surfaces: [], files: [],
});
const CAPTIONS = { images: 36, perImage: 2 }, CROSSED: TableOptions = { ...DEFAULT_TABLE, crossed: true };

/** Table, atlases (the first is the recipe's), captions, options, and what is said; null = it can be made. */
const CASES: readonly (readonly [TableNumber, readonly AtlasSummary[], typeof CAPTIONS | null, TableOptions, RegExp | null, RegExp | null])[] = [
  [1, [BOTH], CAPTIONS, DEFAULT_TABLE, null, null],
  [2, [NONE], CAPTIONS, DEFAULT_TABLE, null, null],
  [1, [NONE], CAPTIONS, DEFAULT_TABLE, /^The atlas "regions" has no lower visual cortex \(LVC\): none of its regions is called V1, V2 or V3\.$/, /names the region of each voxel in dataset\.json/],
  [1, [NONE, BOTH, EARLY], CAPTIONS, DEFAULT_TABLE, /^The atlas "regions" has no lower/, /^Choose the atlas "visual" \(on the Experiment screen, or data\.atlas in a recipe\)\.$/],
  [1, [EARLY], CAPTIONS, DEFAULT_TABLE, /^The atlas "early" has no higher visual cortex \(HVC\)/, /^Choose an atlas that tells V1 to V3 from the rest\./],
  [1, [HOLLOW], CAPTIONS, DEFAULT_TABLE, /^The atlas "hollow" has no voxel in V1\.$/, /^Choose an atlas/],
  [1, [], CAPTIONS, DEFAULT_TABLE, /^This data has no regions\.$/, /dataset\.json/],
  [2, [NONE], CAPTIONS, CROSSED, /^The atlas "regions" has no lower/, /Or leave the table uncrossed, which needs no regions\.$/],
  [1, [BOTH], null, DEFAULT_TABLE, /^This data has no captions/, /"captions"/],
  [2, [BOTH], null, DEFAULT_TABLE, /^This data has no captions/, /decode pixels/],
];

describe('a table on data', () => {
  it.each(CASES)('%i %j %j', (table, atlases, captions, options, why, fix) => {
    const recipe = { ...DEFAULT_RECIPE, data: { ...DEFAULT_RECIPE.data, atlas: atlases[0]?.name ?? 'none' } }, plan = tablePlan(table, recipe, subject(atlases), captions, options);
    if (why === null || fix === null) { expect([plan.obstacle, plan.arms.length > 0]).toEqual([null, true]); return; }
    expect(plan.arms).toEqual([]);
    expect(plan.obstacle?.why).toMatch(why);
    expect(plan.obstacle?.fix).toMatch(fix);
  });
});
