/**
 * Which voxel each vertex of a hemisphere sees, at up to three depths of cortex.
 *
 * Source: nsd-data-format 6: `hh.func1pt8-to-layerB1..3.mgz` hold 1-based voxel coordinates per vertex, 9999 = none. Nearest voxel per
 * depth; the caller averages over the depths that hit.
 */
import type { Hemisphere, VoxelSampling } from '../../common/dataset.ts';
import { UserError } from '../../common/errors.ts';
import { ndarray } from '../../common/ndarray.ts';
import type { NdArray } from '../../common/ndarray.ts';
import type { Folder } from '../formats/folder.ts';
import { nearestVoxel } from './interpolation.ts';
import { DEPTHS, layerTransform } from './layout.ts';
import type { Space } from './layout.ts';
import type { Grid } from './regions.ts';
import { readCoordinates } from './surfaces.ts';

/**
 * Position in `voxels` of the voxel nearest to each coordinate, -1 where there is none.
 * `coordinates` `[3, vertices]` 1-based; `voxels` `[n, 3]` 0-based.
 */
export function nearestColumns(grid: Grid, coordinates: Float32Array, voxels: NdArray<'int32'>): Int32Array {
  const [X, Y, Z] = grid;
  const columnOf = new Int32Array(X * Y * Z).fill(-1);
  const count = voxels.shape[0] ?? 0;
  for (let v = 0; v < count; v++) {
    const i = voxels.data[3 * v] ?? -1, j = voxels.data[3 * v + 1] ?? -1, k = voxels.data[3 * v + 2] ?? -1;
    if (i < 0 || j < 0 || k < 0 || i >= X || j >= Y || k >= Z) throw new RangeError(`voxel (${i}, ${j}, ${k}) is outside the grid ${grid.join(' x ')}`);
    columnOf[i + X * (j + Y * k)] = v;
  }
  const vertices = coordinates.length / 3;
  const out = new Int32Array(vertices);
  for (let v = 0; v < vertices; v++) {
    const voxel = nearestVoxel(grid, coordinates[v] ?? NaN, coordinates[vertices + v] ?? NaN, coordinates[2 * vertices + v] ?? NaN);
    out[v] = voxel < 0 ? -1 : columnOf[voxel] ?? -1;
  }
  return out;
}

/** Sampling at the depths whose files exist; null if none does. Throws if the depths differ in vertices. */
export async function readSampling(folder: Folder, subject: string, hemisphere: Hemisphere, space: Space, grid: Grid, voxels: NdArray<'int32'>): Promise<VoxelSampling | null> {
  const depths: Int32Array[] = [];
  for (const depth of DEPTHS) {
    const file = layerTransform(subject, hemisphere, space, depth);
    const coordinates = await readCoordinates(folder, file);
    if (coordinates === null) continue;
    const columns = nearestColumns(grid, coordinates.data, voxels);
    const vertices = depths[0]?.length ?? columns.length;
    if (columns.length !== vertices) {
      throw new UserError('bad-input', `${file} has ${columns.length} vertices, the depth before it ${vertices}`, { file, expected: `${vertices} vertices`, found: `${columns.length}`, fix: 'Copy the transform files of one subject.' });
    }
    depths.push(columns);
  }
  const vertices = depths[0]?.length;
  if (vertices === undefined) return null;
  const data = new Int32Array(depths.length * vertices);
  depths.forEach((columns, d) => { data.set(columns, d * vertices); });
  return { hemisphere, vertices, nearest: ndarray('int32', [depths.length, vertices], data) };
}
