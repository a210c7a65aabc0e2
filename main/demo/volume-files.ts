/** Functional volumes of a demo subject: labels, receptive fields, masks, anatomy, reliability, truth. */
import { ndarray } from '../../common/ndarray.ts';
import type { NdArray } from '../../common/ndarray.ts';
import { writeNifti } from '../formats/nifti.ts';
import type { DemoFile } from './surface-files.ts';
import { COLLECTIONS } from './surface-files.ts';
import { affineOf, voteLabels } from './volume.ts';
import type { Anatomy, Grid, Side, VolumeFields } from './volume.ts';
import type { Reliability } from './reliability.ts';
import { SPACES } from './sensitivity.ts';
import type { Space } from './sensitivity.ts';

export const BETA = 'betas_fithrf_GLMdenoise_RR';
const DESCRIPTION = 'Optogram demo: synthetic';
/** What NSD's writer puts into the fourth pixel size of 1.8 mm files. */
const FOURTH_STEP = 4 / 3;

type Values = Float32Array | Float64Array | Int16Array;

function arrayOf(values: Values, shape: readonly number[]): NdArray {
  if (values instanceof Float32Array) return ndarray('float32', shape, values);
  return values instanceof Float64Array ? ndarray('float64', shape, values) : ndarray('int16', shape, values);
}

export function volumeFile(path: string, grid: Grid, values: Values): DemoFile {
  const [I, J, K] = grid.shape;
  return { path, bytes: writeNifti({ shape: [I, J, K], affine: affineOf(grid), data: arrayOf(values, [K, J, I]), fourthStep: FOURTH_STEP, description: DESCRIPTION }, { compress: true }) };
}

export function functionalFolder(subject: string): string {
  return `nsddata/ppdata/${subject}/func1pt8mm`;
}

/** `roi/` with lh, rh and both. */
export function roiFiles(subject: string, grid: Grid, sides: readonly Side[]): DemoFile[] {
  const root = `${functionalFolder(subject)}/roi`;
  return COLLECTIONS.flatMap(({ name, of }) => {
    const labels = voteLabels(grid, sides, of);
    return [volumeFile(`${root}/${name}.nii.gz`, grid, labels.both), volumeFile(`${root}/lh.${name}.nii.gz`, grid, labels.lh), volumeFile(`${root}/rh.${name}.nii.gz`, grid, labels.rh)];
  });
}

export function anatomyFiles(subject: string, grid: Grid, anatomy: Anatomy, fields: VolumeFields, sessions: number): DemoFile[] {
  const root = functionalFolder(subject), mask = Float32Array.from(anatomy.brainmask);
  const files = [
    volumeFile(`${root}/brainmask.nii.gz`, grid, anatomy.brainmask), volumeFile(`${root}/T1_to_func1pt8mm.nii.gz`, grid, anatomy.t1),
    volumeFile(`${root}/mean.nii.gz`, grid, anatomy.mean), volumeFile(`${root}/valid.nii.gz`, grid, mask),
    volumeFile(`${root}/prf_angle.nii.gz`, grid, fields.angle), volumeFile(`${root}/prf_eccentricity.nii.gz`, grid, fields.eccentricity),
    volumeFile(`${root}/prf_size.nii.gz`, grid, fields.size),
  ];
  for (let session = 1; session <= sessions; session++) files.push(volumeFile(`${root}/valid_session${String(session).padStart(2, '0')}.nii.gz`, grid, anatomy.brainmask));
  return files;
}

/** A vector over listed voxels as a whole volume, zero elsewhere. */
export function spread(grid: Grid, voxels: Int32Array, values: Float32Array): Float32Array {
  const out = new Float32Array(grid.shape[0] * grid.shape[1] * grid.shape[2]);
  voxels.forEach((voxel, v) => { out[voxel] = values[v] ?? 0; });
  return out;
}

export function reliabilityFiles(subject: string, grid: Grid, voxels: Int32Array, made: Reliability): DemoFile[] {
  const root = `nsddata_betas/ppdata/${subject}/func1pt8mm/${BETA}`;
  const file = (name: string, values: Float32Array): DemoFile => volumeFile(`${root}/${name}.nii.gz`, grid, spread(grid, voxels, values));
  return [
    file('ncsnr', made.ncsnr), file('meanbeta', made.meanbeta), file('R2', made.R2),
    ...made.sessionMeans.map((values, s) => file(`meanbeta_session${String(s + 1).padStart(2, '0')}`, values)),
  ];
}

export function truthVolumes(subject: string, grid: Grid, voxels: Int32Array, truth: { readonly [S in Space]: Float32Array }): DemoFile[] {
  return SPACES.map((space) => volumeFile(`truth/${subject}/sensitivity_${space}.nii.gz`, grid, spread(grid, voxels, truth[space])));
}
