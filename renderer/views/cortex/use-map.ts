/** Which map is shown, its values and its colours: the same for surface, legend, list and export. */
import { useMemo } from 'react';
import { lutChoices } from '../../../common/colour/luts.ts';
import { defaultLimits, quantile } from '../../../common/colour/scale.ts';
import type { Scale } from '../../../common/colour/scale.ts';
import type { MapKind, MapRequest, RunDetail, VoxelMap } from '../../../common/contract/payloads.ts';
import { MAP_KINDS } from '../../../common/map-kinds.ts';
import type { SpaceName } from '../../../common/recipe.ts';
import type { Loaded } from '../../state/lab-state.ts';
import { useResource } from '../../state/resources.ts';
import { useLab, useServices, useView } from '../../state/app-context.ts';
import type { Look } from '../../state/view-state.ts';

export interface MapChoice {
  readonly kinds: readonly MapKind[];
  readonly spaces: readonly SpaceName[];
  readonly request: MapRequest | null;
}

/** The nearest thing to what the user asked for that this run can show. */
export function chooseMap(list: readonly MapRequest[], look: Pick<Look, 'kind' | 'space'>, imageId: number | null): MapChoice {
  const kinds = (Object.keys(MAP_KINDS) as MapKind[]).filter((kind) => list.some((each) => each.kind === kind));
  const kind = kinds.includes(look.kind) ? look.kind : kinds[0];
  if (kind === undefined) return { kinds, spaces: [], request: null };
  const spaces = [...new Set(list.filter((each) => each.kind === kind).map((each) => each.space))];
  const space = spaces.includes(look.space) ? look.space : spaces[0];
  if (space === undefined) return { kinds, spaces, request: null };
  if (!MAP_KINDS[kind].perImage) return { kinds, spaces, request: { kind, space } };
  return { kinds, spaces, request: imageId === null ? null : { kind, space, imageId } };
}

export function scaleFor(map: VoxelMap, look: Look, dark: boolean): Scale {
  const { low, high } = look.limits ?? defaultLimits(map.values, map.signed);
  const threshold = look.thresholdShare <= 0 ? 0 : quantile(map.values, look.thresholdShare, map.signed ? Math.abs : undefined);
  return {
    lut: map.signed ? look.lutSigned : look.lutUnsigned ?? lutChoices(false, dark)[0] ?? 'viridis',
    low, high, threshold: Number.isFinite(threshold) && threshold > 0 ? threshold : 0, below: look.below, signed: map.signed, opacity: look.opacity,
  };
}

export interface MapView {
  readonly choice: MapChoice;
  readonly map: Loaded<VoxelMap>;
  readonly scale: Scale | null;
  /** Region of each voxel column. */
  readonly regions: readonly string[];
}

export function useMap(detail: RunDetail | null, imageId: number | null, dark: boolean): MapView {
  const { lab, resources } = useServices();
  const age = useLab((s) => s.engineAge);
  const look = useView((s) => s.look);
  const ref = detail?.ref ?? null;
  const run = ref === null ? null : `${ref.runId} ${Object.keys(ref.keys).length} ${age}`;
  const list = useResource(resources, run === null ? null : `maps ${run}`, () => lab.view('map.list', ref as NonNullable<typeof ref>));
  const regions = useResource(resources, run === null ? null : `regions ${run}`, () => lab.view('region.list', ref as NonNullable<typeof ref>));
  const choice = useMemo(() => chooseMap(list.state === 'ready' ? list.value : [], look, imageId), [list, look, imageId]);
  const { request } = choice;
  const map = useResource(resources, run === null || request === null ? null : `map ${run} ${request.kind} ${request.space} ${request.imageId ?? ''}`,
    () => lab.view('map.voxels', ref as NonNullable<typeof ref>, request as MapRequest));
  const scale = useMemo(() => (map.state === 'ready' ? scaleFor(map.value, look, dark) : null), [map, look, dark]);
  return { choice, map: list.state === 'failed' ? list : map, scale, regions: regions.state === 'ready' ? regions.value : [] };
}

export interface RegionValue {
  readonly region: string;
  readonly voxels: number;
  /** Sum for contributions (they are shares), mean otherwise. */
  readonly value: number;
  readonly peak: number;
  readonly peakVoxel: number;
}

/** The map by region: what the eye sees on the surface, in numbers. */
export function byRegion(map: VoxelMap, regions: readonly string[]): readonly RegionValue[] {
  const rows = new Map<string, { voxels: number; sum: number; peak: number; peakVoxel: number }>();
  for (let voxel = 0; voxel < map.values.length; voxel++) {
    const value = map.values[voxel] ?? Number.NaN, region = regions[voxel];
    if (region === undefined || !Number.isFinite(value)) continue;
    const row = rows.get(region) ?? { voxels: 0, sum: 0, peak: 0, peakVoxel: -1 };
    row.voxels++;
    row.sum += value;
    if (Math.abs(value) > Math.abs(row.peak) || row.peakVoxel === -1) { row.peak = value; row.peakVoxel = voxel; }
    rows.set(region, row);
  }
  const share = map.request.kind === 'contribution';
  return [...rows].map(([region, { voxels, sum, peak, peakVoxel }]) => ({ region, voxels, value: share ? sum : sum / voxels, peak, peakVoxel })).sort((a, b) => b.value - a.value);
}
