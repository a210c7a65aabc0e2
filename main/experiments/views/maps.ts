/** Voxel maps for the screen and for export: stored ones by name, per-image contributions on demand. */
import type { MapRequest, VoxelMap } from '../../../common/contract/payloads.ts';
import type { Dataset } from '../../../common/dataset.ts';
import { UserError } from '../../../common/errors.ts';
import { MAP_KINDS } from '../../../common/map-kinds.ts';
import type { SpaceName } from '../../../common/recipe.ts';
import { contributionShares } from '../../maps/contribution.ts';
import { noiseCeilingPercent } from '../../metrics/noise-ceiling.ts';
import { readArray } from '../artefacts.ts';
import { SPACES } from '../spaces.ts';
import type { OpenedRun, OpenedSpace } from './open-run.ts';
import { hasMap } from './open-run.ts';

/** What this run can show now. */
export async function listMaps(run: OpenedRun, dataset: Dataset): Promise<MapRequest[]> {
  const requests: MapRequest[] = [];
  for (const space of run.spaces) {
    if (!run.has(`fit:${space}`)) continue;
    for (const kind of ['pattern', 'weight', 'accuracy'] as const) if (await hasMap(run, `${kind}-${space}`)) requests.push({ kind, space });
    for (const imageId of run.testIds) requests.push({ kind: 'contribution', space, imageId });
  }
  const space = run.spaces[0] ?? 'z';
  if (run.responses.ncsnr !== null) requests.push({ kind: 'noise-ceiling', space });
  if (await hasMap(run, 'repeat-mean')) requests.push({ kind: 'repeat-mean', space });
  if (dataset.synthetic) for (const each of run.spaces) requests.push({ kind: 'truth', space: each });
  return requests;
}

export async function voxelMap(run: OpenedRun, request: MapRequest, dataset: Dataset): Promise<VoxelMap> {
  const { kind, space } = request;
  const entry = MAP_KINDS[kind];
  const of = entry.perSpace ? ` of ${SPACES[space].title}` : '';
  return {
    request, values: await valuesOf(run, request, dataset), unit: entry.unit, signed: entry.signed, caveat: entry.caveat,
    title: `${entry.title}${of}${request.imageId === undefined ? '' : `, image ${request.imageId}`}`,
  };
}

async function valuesOf(run: OpenedRun, { kind, space, imageId }: MapRequest, dataset: Dataset): Promise<Float32Array> {
  switch (kind) {
    case 'pattern': case 'weight': case 'accuracy': return (await readArray(run.folder('maps'), `${kind}-${space}`, 'float32')).data;
    case 'repeat-mean': return (await readArray(run.folder('maps'), 'repeat-mean', 'float32')).data;
    case 'contribution': return sharesOf(run, space, await run.space(space), imageId);
    case 'noise-ceiling': {
      if (run.responses.ncsnr === null) throw new UserError('bad-input', 'this data set has no noise ceiling', { expected: 'ncsnr.nii.gz beside the betas', found: 'none', fix: 'Add the file to the data folder.' });
      return noiseCeilingPercent(run.responses.ncsnr, testRepeats(run));
    }
    case 'truth': {
      const { voxels } = run.responses;
      const truth = voxels === null ? null : await dataset.plantedSensitivity(run.ref.subject, space, voxels);
      if (truth === null) throw new UserError('bad-input', 'this data set has no planted truth', { expected: 'synthetic data', found: dataset.label });
      return truth;
    }
    default: { const never: never = kind; return never; }
  }
}

function testRepeats(run: OpenedRun): number[] {
  return Array.from(run.responses.repeats).filter((_, row) => run.responses.isTest[row] === 1);
}

/** Shares of one test image. */
export function sharesOf(run: OpenedRun, name: SpaceName, space: OpenedSpace, imageId: number | undefined): Float32Array {
  const row = imageId === undefined ? -1 : run.testIds.indexOf(imageId);
  if (row < 0) throw new UserError('usage', `a contribution map of ${name} needs a test image`, { expected: 'the id of a test image', found: String(imageId) });
  const { voxels } = space.decoder.record;
  return contributionShares(space.test.data.subarray(row * voxels, (row + 1) * voxels), Float64Array.from(space.projected.data.subarray(row * voxels, (row + 1) * voxels)));
}
