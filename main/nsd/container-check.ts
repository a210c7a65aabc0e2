/**
 * The same session in two containers must hold the same numbers: `hdf5[t, z, y, x] == nifti[x, y, z, t]`.
 *
 * Source: nsd-data-format 1.1 and 12. Compared in the first trial, at voxels spread over the grid, for the first session of a beta set
 * that has both: the NIfTI is inflated no further than its first volume.
 */
import { UserError } from '../../common/errors.ts';
import type { Folder } from '../formats/folder.ts';
import { streamNiftiVolumes } from '../formats/nifti.ts';
import { readBetaVoxels } from './betas.ts';
import type { BetaHeader } from './betas.ts';
import { betaFolder, CONTAINERS, sessionOf } from './layout.ts';
import type { BetaSet, BetaFile, SubjectFiles } from './subject-files.ts';

const COMPARED_VOXELS = 2000;

/** The NIfTI beside the HDF5 of the earliest session that has both. */
async function twinOf(folder: Folder, subject: SubjectFiles, set: BetaSet): Promise<{ readonly beta: BetaFile; readonly nifti: string } | null> {
  const place = betaFolder(subject.id, subject.space, set.name);
  for (const name of await folder.names(place)) {
    const session = sessionOf(name);
    const beta = session?.container === 'nifti' ? set.sessions.find((each) => each.session === session.session) : undefined;
    if (beta !== undefined && CONTAINERS.indexOf(beta.container) < CONTAINERS.indexOf('nifti')) return { beta, nifti: `${place}/${name}` };
  }
  return null;
}

/** Throws `UserError` naming the first voxel that differs; null if no session has two containers, else the files compared. */
export async function compareContainers(folder: Folder, subject: SubjectFiles, set: BetaSet, header: Pick<BetaHeader, 'grid' | 'trials'>, signal?: AbortSignal): Promise<readonly string[] | null> {
  const twin = await twinOf(folder, subject, set);
  if (twin === null) return null;
  const { beta, nifti } = twin;
  const [X, Y, Z] = header.grid;
  const count = Math.min(COMPARED_VOXELS, X * Y * Z);
  const index = Int32Array.from({ length: count }, (_, n) => Math.floor((n * X * Y * Z) / count));
  const stored = await readBetaVoxels(folder, beta, index, header, signal);
  for await (const { data } of streamNiftiVolumes(folder.stream(nifti, signal), nifti)) {
    index.forEach((voxel, n) => {
      const one = stored[n * header.trials] ?? NaN;
      const two = Number(data.data[voxel] ?? NaN);
      if (one === two) return;
      throw new UserError('bad-input', `${nifti} differs from ${beta.file}`, {
        file: nifti, expected: `${one} at voxel (${voxel % X}, ${Math.floor(voxel / X) % Y}, ${Math.floor(voxel / (X * Y))}) of the first trial, as ${beta.file} has`, found: `${two}`,
        fix: 'One of the two belongs to another session or preparation; download both again.',
      });
    });
    break;
  }
  return [beta.file, nifti];
}
