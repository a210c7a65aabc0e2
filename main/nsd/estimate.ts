/**
 * What preparing a subject's responses will cost: bytes read, bytes kept, seconds.
 *
 * The rates are those of `npm run bench -- reading` on two shared cores of an AMD EPYC with the files in memory (2026-11-28: 15 724 voxels of
 * 40 sessions in 15 to 18 s of processor time; a NIfTI session inflates at some 150 MB/s). A slow disk adds its own time: the estimate says
 * how much is read.
 */
import type { SubjectSummary } from '../../common/dataset.ts';
import type { Grid } from './regions.ts';
import type { BetaSet } from './subject-files.ts';
import { RELEASE_TRIALS_PER_SESSION } from './release.ts';

/** Reading, scaling and adding one voxel of one session of 750 trials. */
const SECONDS_PER_VOXEL = 28e-6;
const INFLATED_BYTES_PER_SECOND = 150e6;

/** For `voxels` voxels of the sessions of a set, averaged to `images` rows of float32. */
export function preparationOf(set: BetaSet, grid: Grid, voxels: number, images: number, trialsPerSession = RELEASE_TRIALS_PER_SESSION): NonNullable<SubjectSummary['preparation']> {
  const [X, Y, Z] = grid;
  const whole = 2 * X * Y * Z * trialsPerSession;
  let readBytes = 0;
  let seconds = 0;
  for (const { container, bytes } of set.sessions) {
    const streamed = container === 'nifti';
    readBytes += streamed ? bytes : 2 * voxels * trialsPerSession;
    seconds += SECONDS_PER_VOXEL * voxels * (trialsPerSession / RELEASE_TRIALS_PER_SESSION) + (streamed ? whole / INFLATED_BYTES_PER_SECOND : 0);
  }
  return { voxels, images, readBytes, keptBytes: 4 * voxels * images, seconds };
}
