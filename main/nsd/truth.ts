/** What a made-up folder says about itself: that it is synthetic, and how sensitive each voxel was planted to be. */
import type { NdArray } from '../../common/ndarray.ts';
import { toFloat64 } from '../formats/elements.ts';
import type { FileFacts, Folder } from '../formats/folder.ts';
import { readNifti } from '../formats/nifti.ts';
import { SYNTHETIC_FILE, truthFile, truthFolder } from './layout.ts';
import { gridOf, otherGrid } from './regions.ts';
import type { Grid } from './regions.ts';

/** Name of a made-up data set; null for real data. */
export async function syntheticLabel(folder: Folder): Promise<string | null> {
  if (await folder.facts(SYNTHETIC_FILE) === null) return null;
  const lines = Buffer.from(await folder.bytes(SYNTHETIC_FILE)).toString('utf8').split('\n').map((line) => line.trim()).filter((line) => line !== '');
  return lines[1]?.split('.')[0] ?? 'Synthetic data';
}

/** Files of planted truth of a subject. */
export async function truthFiles(folder: Folder, subject: string): Promise<readonly FileFacts[]> {
  const names = await folder.names(truthFolder(subject));
  return (await Promise.all(names.map((name) => folder.facts(`${truthFolder(subject)}/${name}`)))).filter((facts): facts is FileFacts => facts?.isFolder === false);
}

/** Planted sensitivity of some voxels `[n]` to a feature space; null if the folder has none. */
export async function readPlanted(folder: Folder, subject: string, space: string, grid: Grid, voxels: NdArray<'int32'>): Promise<Float32Array | null> {
  const file = truthFile(subject, space);
  if (await folder.facts(file) === null) return null;
  const image = readNifti(await folder.inflated(file), file);
  const shape = gridOf(image.shape, file);
  if (shape.join() !== grid.join()) throw otherGrid(file, shape, grid);
  const values = toFloat64(image.data);
  return Float32Array.from({ length: voxels.shape[0] ?? 0 }, (_, v) => {
    const [i = 0, j = 0, k = 0] = voxels.data.subarray(3 * v, 3 * v + 3);
    return values[i + shape[0] * (j + shape[1] * k)] ?? NaN;
  });
}
