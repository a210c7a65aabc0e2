/**
 * Maps between volume, native surface and fsaverage by NSD's own transform files and by the rules of its mapping utility.
 *
 * Source: nsd-data-format 6.1 and 6.2. Volume to surface: interpolated at layerB1 to layerB3 and averaged, NaN propagating; a coordinate of
 * 9999 or outside the grid is NaN. Labels (`wta`) are taken at layerB2 alone, for labels have no mean; angles are averaged as cosine and
 * sine. Native to fsaverage: nearest vertex. Surface to volume: every vertex adds to the 8 voxels around it.
 */
import type { Hemisphere } from '../../common/dataset.ts';
import { UserError } from '../../common/errors.ts';
import type { Folder } from '../formats/folder.ts';
import { readMgh, surfaceValues } from '../formats/mgh.ts';
import { niftiHeaderOf } from './functional.ts';
import { gather, interpolate, meanOverDepths, NO_COORDINATE } from './interpolation.ts';
import type { Interpolation, Volume } from './interpolation.ts';
import { anatomyTransform, anatomyVolume, DEPTHS, fromFsaverage, layerTransform, referenceVolumes, SPACES, toFsaverage } from './layout.ts';
import type { Space } from './layout.ts';
import { gridOf } from './regions.ts';
import type { Grid } from './regions.ts';
import { readCoordinates } from './surfaces.ts';

/** The four of the utility, and `angle`: degrees, linear in cosine and sine. */
export type ProjectionMethod = Interpolation | 'angle';
export const PROJECTION_METHODS: readonly ProjectionMethod[] = ['cubic', 'linear', 'nearest', 'wta', 'angle'];
const LABEL_DEPTH = 'layerB2';
/** What `nsd_mapdata` writes where nothing can be said. */
const BAD = NaN;
/** The 0.8 mm anatomical grid of every subject, for folders without anatomical volumes. */
const ANATOMY_GRID: Grid = [320, 320, 320];

function missing(file: string, expected: string): UserError {
  return new UserError('bad-input', `${file} is missing`, { file, expected, found: 'no such file', fix: 'Download the transforms of this subject (nsddata/ppdata/subjXX/transforms).' });
}

async function coordinatesOf(folder: Folder, file: string): Promise<Float32Array> {
  const coordinates = await readCoordinates(folder, file);
  if (coordinates === null) throw missing(file, 'voxel coordinates of each vertex');
  return coordinates.data;
}

/** The functional space whose grid a volume has. Throws `UserError` naming the grids that there are. */
export async function spaceOfVolume(folder: Folder, subject: string, shape: readonly number[], file: string): Promise<Space> {
  const grids: string[] = [];
  for (const space of SPACES) {
    for (const reference of referenceVolumes(subject, space)) {
      if (await folder.facts(reference) === null) continue;
      const grid = gridOf((await niftiHeaderOf(folder, reference)).shape, reference);
      if (grid.join() === shape.join()) return space;
      grids.push(`${grid.join(' x ')} (${space})`);
      break;
    }
  }
  throw new UserError('bad-input', `${file} is not on a functional grid of ${subject}`, { file, expected: grids.join(' or ') || 'a functional volume of this subject beside it', found: shape.join(' x '), fix: 'Project volumes on the grid of the betas.' });
}

/** Values per vertex of the native surface `[V]`. `depths` default to the three of the utility. Throws `UserError` naming an absent file. */
export async function volumeToSurface(folder: Folder, subject: string, space: Space, hemisphere: Hemisphere, volume: Volume, method: ProjectionMethod, depths: readonly string[] = method === 'wta' ? [LABEL_DEPTH] : DEPTHS): Promise<Float64Array> {
  const points = await Promise.all(depths.map((depth) => coordinatesOf(folder, layerTransform(subject, hemisphere, space, depth))));
  if (method !== 'angle') return meanOverDepths(points.map((coordinates) => interpolate(volume, coordinates, method, BAD)));
  const part = (of: (radians: number) => number): Float64Array => {
    const turned = { shape: volume.shape, data: Float64Array.from(volume.data, (degrees) => of((degrees * Math.PI) / 180)) };
    return meanOverDepths(points.map((coordinates) => interpolate(turned, coordinates, 'linear', BAD)));
  };
  const [x, y] = [part(Math.cos), part(Math.sin)];
  // 0 to 360 degrees, as the maps of the release have them.
  return x.map((cosine, v) => ((Math.atan2(y[v] ?? NaN, cosine) * 180) / Math.PI + 360) % 360);
}

/** Native to fsaverage, or back; nearest vertex. Values `[V]` of one hemisphere. Throws `UserError` if the file or the counts do not fit. */
export async function acrossSurfaces(folder: Folder, subject: string, hemisphere: Hemisphere, values: ArrayLike<number>, to: 'fsaverage' | 'native'): Promise<Float64Array> {
  const file = (to === 'fsaverage' ? toFsaverage : fromFsaverage)(subject, hemisphere);
  if (await folder.facts(file) === null) throw missing(file, 'the nearest vertex of each vertex');
  const index = surfaceValues(readMgh(await folder.inflated(file), file), file).data;
  try {
    return gather(values, index);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError('bad-input', `${file} does not fit ${values.length} vertices`, { file, expected: `vertex numbers from 1 to ${values.length}`, found: error.message, fix: 'Use a map and transforms of the same subject.' });
  }
}

/**
 * Spreads vertex values over a volume: a vertex at (x, y, z) adds (1 - |dx|) + (1 - |dy|) + (1 - |dz|) to each of the 8 voxels around it. A voxel
 * is the weighted mean of what it received, or with `wta` the label of most weight (the smaller on a tie); without any, NaN.
 * `coordinates` `[3, V]` 1-based.
 */
export function spreadOverVolume(shape: Grid, coordinates: Float32Array, values: ArrayLike<number>, method: 'mean' | 'wta'): Float32Array {
  const [X, Y, Z] = shape;
  const vertices = coordinates.length / 3;
  const weights = new Float64Array(X * Y * Z);
  const sums = new Float64Array(method === 'mean' ? X * Y * Z : 0);
  const votes = new Map<number, Map<number, number>>();
  for (let v = 0; v < vertices; v++) {
    const point = [coordinates[v] ?? NaN, coordinates[vertices + v] ?? NaN, coordinates[2 * vertices + v] ?? NaN] as const;
    const value = values[v] ?? NaN;
    if (point.includes(NO_COORDINATE) || Number.isNaN(value)) continue;
    const low = point.map(Math.floor);
    for (let corner = 0; corner < 8; corner++) {
      const at = low.map((base, axis) => base + ((corner >> axis) & 1));
      const [i = 0, j = 0, k = 0] = at;
      if (i < 1 || j < 1 || k < 1 || i > X || j > Y || k > Z) continue;
      const weight = at.reduce((sum, position, axis) => sum + 1 - Math.abs((point[axis] ?? 0) - position), 0);
      const voxel = i - 1 + X * (j - 1 + Y * (k - 1));
      weights[voxel] = (weights[voxel] ?? 0) + weight;
      if (method === 'mean') { sums[voxel] = (sums[voxel] ?? 0) + weight * value; continue; }
      const own = votes.get(voxel) ?? new Map<number, number>();
      own.set(value, (own.get(value) ?? 0) + weight);
      votes.set(voxel, own);
    }
  }
  const out = new Float32Array(X * Y * Z).fill(NaN);
  if (method === 'mean') weights.forEach((weight, voxel) => { if (weight > 0) out[voxel] = (sums[voxel] ?? 0) / weight; });
  else for (const [voxel, own] of votes) out[voxel] = [...own].reduce((best, next) => (next[1] > best[1] || (next[1] === best[1] && next[0] < best[0]) ? next : best))[0];
  return out;
}

/** Values of a native surface on the 0.8 mm anatomical grid, over the three depths together. Throws `UserError` naming an absent file. */
export async function surfaceToAnatomy(folder: Folder, subject: string, hemisphere: Hemisphere, values: ArrayLike<number>, method: 'mean' | 'wta'): Promise<{ readonly shape: Grid; readonly data: Float32Array }> {
  const reference = anatomyVolume(subject);
  const shape = await folder.facts(reference) === null ? ANATOMY_GRID : gridOf((await niftiHeaderOf(folder, reference)).shape, reference);
  const files = DEPTHS.map((depth) => anatomyTransform(subject, hemisphere, depth));
  const points = await Promise.all(files.map((file) => coordinatesOf(folder, file)));
  const vertices = (points[0]?.length ?? 0) / 3;
  if (values.length !== vertices) throw new UserError('bad-input', `the map has ${values.length} vertices, ${files[0] ?? ''} ${vertices}`, { file: files[0] ?? '', expected: `${vertices} vertices`, found: `${values.length}`, fix: 'Use a map of the native surfaces of this subject.' });
  // All x, then all y, then all z of the depths one after the other.
  const all = new Float32Array(3 * vertices * points.length);
  points.forEach((depth, d) => { for (let axis = 0; axis < 3; axis++) all.set(depth.subarray(axis * vertices, (axis + 1) * vertices), (axis * points.length + d) * vertices); });
  const repeated = Float64Array.from({ length: vertices * points.length }, (_, n) => values[n % vertices] ?? NaN);
  return { shape, data: spreadOverVolume(shape, all, repeated, method) };
}
