/** The functional grid of a subject and where it lies in space. */
import { UserError } from '../../common/errors.ts';
import type { Folder } from '../formats/folder.ts';
import { readNiftiHeader } from '../formats/nifti.ts';
import type { NiftiHeader } from '../formats/nifti.ts';
import { readBetaHeader } from './betas.ts';
import { referenceVolumes } from './layout.ts';
import { gridOf } from './regions.ts';
import type { Grid } from './regions.ts';
import type { SubjectFiles } from './subject-files.ts';

/** Enough of a gzipped file for a header; more would inflate a thousandfold for nothing. */
const HEADER_BYTES = 2048;

/** Header of a NIfTI file, gzipped or not. */
export async function niftiHeaderOf(folder: Folder, file: string): Promise<NiftiHeader> {
  return readNiftiHeader(await folder.prefix(file, HEADER_BYTES), file);
}

/** Grid of the betas, else of a functional volume. */
export async function functionalGrid(folder: Folder, subject: SubjectFiles): Promise<Grid> {
  const beta = subject.betas[0]?.sessions[0];
  if (beta !== undefined) return (await readBetaHeader(folder, beta)).grid;
  for (const file of referenceVolumes(subject.id, subject.space)) {
    if (await folder.facts(file) !== null) return gridOf((await niftiHeaderOf(folder, file)).shape, file);
  }
  throw new UserError('bad-input', `${subject.id} has no functional volume`, { file: referenceVolumes(subject.id, subject.space)[0] ?? '', expected: 'betas or a functional volume', found: 'neither', fix: 'Download the betas of this subject.' });
}

/** Voxel to world in mm, 4x4 row-major, of the functional grid; null if no file says. */
export async function functionalAffine(folder: Folder, subject: SubjectFiles): Promise<Float64Array | null> {
  for (const file of referenceVolumes(subject.id, subject.space)) {
    if (await folder.facts(file) !== null) return (await niftiHeaderOf(folder, file)).affine;
  }
  const nifti = subject.betas[0]?.sessions.find((beta) => beta.container === 'nifti');
  return nifti === undefined ? null : (await readBetaHeader(folder, nifti)).affine;
}

