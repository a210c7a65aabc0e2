/** What a click on a voxel or a region answers. */
import type { RegionCard, VoxelCard } from '../../../common/contract/payloads.ts';
import { UserError } from '../../../common/errors.ts';
import type { F32 } from '../../../common/ndarray.ts';
import type { SpaceName } from '../../../common/recipe.ts';
import { percentileRanks } from '../../maps/percentile.ts';
import { extremes, latentWeights, patchWeights, tokenWeights } from '../../maps/voxel-card.ts';
import { noiseCeilingPercent } from '../../metrics/noise-ceiling.ts';
import { primalWeights } from '../../ridge/decoder.ts';
import { readArray } from '../artefacts.ts';
import { sharesOf } from './maps.ts';
import type { OpenedRun } from './open-run.ts';
import { hasMap } from './open-run.ts';

/** Images listed at each end. */
const LISTED = 5;

export async function voxelCard(run: OpenedRun, voxel: number): Promise<VoxelCard> {
  const { responses } = run;
  const region = responses.regions[voxel];
  if (!Number.isInteger(voxel) || region === undefined) {
    throw new UserError('usage', `there is no voxel ${voxel}`, { expected: `0 to ${responses.regions.length - 1}`, found: String(voxel) });
  }
  const spaces: VoxelCard['spaces'][number][] = [];
  for (const space of run.spaces) {
    const [weightNorm, weightPercentile] = await ranked(run, `weight-${space}`, voxel);
    const [patternNorm, patternPercentile] = await ranked(run, `pattern-${space}`, voxel);
    spaces.push({ space, weightNorm, weightPercentile, patternNorm, patternPercentile });
  }
  const at = responses.voxels?.data.subarray(3 * voxel, 3 * voxel + 3);
  const shares = await sharesPerImage(run, voxel);
  const { largest, smallest } = extremes(shares, LISTED);
  const listed = (rows: readonly number[]): { imageId: number; share: number }[] => rows.map((row) => ({ imageId: run.testIds[row] ?? -1, share: shares[row] ?? 0 }));
  return {
    voxel, region, spaces,
    ijk: at === undefined ? null : [at[0] ?? 0, at[1] ?? 0, at[2] ?? 0],
    noiseCeilingPercent: ceiling(run, [voxel]),
    latentWeights: await latentPicture(run, voxel),
    tokenWeights: await tokenBars(run, voxel),
    patchWeights: await patchPicture(run, voxel),
    helped: listed(largest), hurt: listed(smallest),
  };
}

export async function regionCard(run: OpenedRun, region: string): Promise<RegionCard> {
  const members = run.responses.regions.flatMap((name, voxel) => (name === region ? [voxel] : []));
  if (members.length === 0) {
    throw new UserError('usage', `there is no region ${region} in this run`, { expected: [...new Set(run.responses.regions)].join(', '), found: region });
  }
  const spaces: RegionCard['spaces'][number][] = [];
  for (const space of run.spaces) {
    const opened = await run.space(space);
    const sharePerImage = Float32Array.from(run.testIds, (imageId) => {
      const shares = sharesOf(run, space, opened, imageId);
      return members.reduce((sum, voxel) => sum + (shares[voxel] ?? 0), 0);
    });
    const pattern = await hasMap(run, `pattern-${space}`) ? (await readArray(run.folder('maps'), `pattern-${space}`, 'float32')).data : null;
    spaces.push({ space, sharePerImage, share: mean(sharePerImage), patternMean: pattern === null ? Number.NaN : mean(members.map((voxel) => pattern[voxel] ?? Number.NaN)) });
  }
  return { region, voxels: members.length, noiseCeilingPercent: ceiling(run, members), spaces };
}

/** Median noise ceiling of voxels, percent. */
function ceiling(run: OpenedRun, voxels: readonly number[]): number | null {
  if (run.responses.ncsnr === null) return null;
  const repeats = Array.from(run.responses.repeats).filter((_, row) => run.responses.isTest[row] === 1);
  const all = noiseCeilingPercent(Float32Array.from(voxels, (voxel) => run.responses.ncsnr?.[voxel] ?? Number.NaN), repeats);
  const known = [...all].filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  return known.length === 0 ? null : known[Math.floor(known.length / 2)] ?? null;
}

async function ranked(run: OpenedRun, map: string, voxel: number): Promise<[value: number, percentile: number]> {
  if (!await hasMap(run, map)) return [Number.NaN, Number.NaN];
  const values = (await readArray(run.folder('maps'), map, 'float32')).data;
  return [values[voxel] ?? Number.NaN, percentileRanks(values)[voxel] ?? Number.NaN];
}

/** This voxel's share of each test image, mean over the decoded spaces. */
async function sharesPerImage(run: OpenedRun, voxel: number): Promise<Float64Array> {
  const sums = new Float64Array(run.testIds.length);
  for (const space of run.spaces) {
    const opened = await run.space(space);
    run.testIds.forEach((imageId, row) => { sums[row] = (sums[row] ?? 0) + (sharesOf(run, space, opened, imageId)[voxel] ?? 0) / run.spaces.length; });
  }
  return sums;
}

/** Weights of one voxel per standardised response, targets in units of their SD, with the shape of one image's features; null if not decoded. */
async function weightRow(run: OpenedRun, name: SpaceName, voxel: number): Promise<{ readonly row: Float32Array; readonly shape: readonly number[] } | null> {
  if (!run.spaces.includes(name)) return null;
  const { decoder, shape } = await run.space(name);
  const weights = (await primalWeights(decoder, run.products, { voxels: [voxel, voxel + 1] })).data;
  return { shape, row: weights.map((w, f) => { const sd = decoder.yDeviation[f] ?? 0; return sd > 0 ? (w * (decoder.xScale[voxel] ?? 1)) / sd : 0; }) };
}

async function latentPicture(run: OpenedRun, voxel: number): Promise<F32 | null> {
  const found = await weightRow(run, 'z', voxel);
  const [channels = 0, height = 0, width = 0] = found?.shape ?? [];
  return found === null ? null : latentWeights(found.row, [channels, height, width]);
}

async function tokenBars(run: OpenedRun, voxel: number): Promise<F32 | null> {
  const found = await weightRow(run, 'c', voxel);
  const [tokens = 0, width = 0] = found?.shape ?? [];
  return found === null ? null : tokenWeights(found.row, tokens, width);
}

async function patchPicture(run: OpenedRun, voxel: number): Promise<F32 | null> {
  const found = await weightRow(run, 'clip', voxel);
  const [layers = 0, tokens = 1, width = 0] = found?.shape ?? [];
  const side = Math.round(Math.sqrt(tokens - 1));
  return found === null || side * side !== tokens - 1 ? null : patchWeights(found.row, side, width, layers);
}

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0;
  return sum / values.length;
}
