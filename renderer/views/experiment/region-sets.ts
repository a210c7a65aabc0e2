/** The three sets of the study: early (lower) visual cortex, higher visual cortex, both. */
import type { AtlasSummary } from '../../../common/dataset.ts';

export type RegionSet = 'all' | 'lower' | 'higher' | 'chosen';

export const REGION_SETS: { readonly [S in Exclude<RegionSet, 'chosen'>]: { readonly title: string; readonly short: string; readonly hint: string } } = {
  all: { title: 'Both', short: 'LVC + HVC', hint: 'Every region of the atlas' },
  lower: { title: 'Lower', short: 'LVC', hint: 'Lower visual cortex: V1, V2, V3 with their dorsal and ventral parts' },
  higher: { title: 'Higher', short: 'HVC', hint: 'Higher visual cortex: everything after V3' },
};

const EARLY = /^V[123](v|d)?$/i;

/** Region names of a set; empty for `all`, which recipes understand as every region. */
export function regionsOf(set: Exclude<RegionSet, 'chosen'>, atlas: AtlasSummary): readonly string[] {
  if (set === 'all') return [];
  return atlas.regions.filter((region) => EARLY.test(region.name) === (set === 'lower')).map((region) => region.name);
}

/** Sets that an atlas can tell apart: lower and higher only where it has regions of both. */
export function setsOf(atlas: AtlasSummary): readonly Exclude<RegionSet, 'chosen'>[] {
  const low = regionsOf('lower', atlas).length;
  return low > 0 && low < atlas.regions.length ? ['all', 'lower', 'higher'] : ['all'];
}

/** Which set a choice of regions is. */
export function setOf(rois: readonly string[], atlas: AtlasSummary): RegionSet {
  if (rois.length === 0 || rois.length === atlas.regions.length) return 'all';
  for (const set of ['lower', 'higher'] as const) {
    const names = regionsOf(set, atlas);
    if (names.length === rois.length && names.every((name) => rois.includes(name))) return set;
  }
  return 'chosen';
}

export function voxelsOf(rois: readonly string[], atlas: AtlasSummary): number {
  return atlas.regions.filter((region) => rois.length === 0 || rois.includes(region.name)).reduce((sum, region) => sum + region.voxels, 0);
}
