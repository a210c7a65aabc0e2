import fs from 'node:fs';
import path from 'node:path';
import type { MapKind, MapRequest, RunRef, VoxelMap } from '../../../common/contract/payloads.ts';
import type { Dataset, Hemisphere } from '../../../common/dataset.ts';
import { UserError } from '../../../common/errors.ts';
import { MAP_KINDS } from '../../../common/map-kinds.ts';
import { f32 } from '../../../common/ndarray.ts';
import type { SpaceName } from '../../../common/recipe.ts';
import { openDataset } from '../../experiments/open-dataset.ts';
import { voxelMap } from '../../experiments/views/maps.ts';
import type { OpenedRun } from '../../experiments/views/open-run.ts';
import { openRun } from '../../experiments/views/open-run.ts';
import { writeGifti } from '../../formats/gifti.ts';
import { writeMgh } from '../../formats/mgh.ts';
import { writeNifti } from '../../formats/nifti.ts';
import { writeNpy } from '../../formats/npy.ts';
import { sessionProducts } from '../../linalg/session-products.ts';
import { openStore } from '../../store/open.ts';
import { getRun, listRuns, listSteps } from '../../store/runs.ts';
import { writeOutput } from './files.ts';
import type { Verb } from './verb.ts';
import { choice, numeric, required } from './verb.ts';

const USAGE = 'map --workspace WS --run ID --kind K [--space z|c|clip] [--image N] [--hemisphere lh|rh] --out FILE.{npy,mgz,gii,nii.gz}';

export const MAP: Verb = {
  usage: USAGE,
  does: 'writes a map of a run: .npy per voxel, .nii.gz on the functional grid, .mgz or .gii per vertex of one hemisphere',
  options: ['workspace', 'run', 'kind', 'space', 'image', 'hemisphere', 'out'],
  words: [0, 0],
  async run(context) {
    const out = path.resolve(required(context, 'out', USAGE));
    const kind = choice(context, 'kind', Object.keys(MAP_KINDS) as MapKind[], 'pattern');
    const space = choice(context, 'space', ['z', 'c', 'clip', 'pixels'] as const satisfies readonly SpaceName[], 'z');
    const request: MapRequest = context.options['image'] === undefined ? { kind, space } : { kind, space, imageId: numeric(context, 'image', 0) };
    const workspace = path.resolve(required(context, 'workspace', USAGE));
    const ref = findRef(workspace, required(context, 'run', USAGE));
    const products = sessionProducts();
    const dataset = await openDataset(ref.dataPath);
    try {
      const run = await openRun(workspace, products)(ref);
      const map = await voxelMap(run, request, dataset);
      const bytes = await encode(out, map, run, dataset, choice(context, 'hemisphere', ['lh', 'rh'], 'lh'));
      await writeOutput(out, bytes);
      context.out({ out, title: map.title, unit: map.unit, caveat: map.caveat, voxels: map.values.length }, `Wrote ${map.title} (${map.unit}) to ${out}.\n${map.caveat}`);
    } finally {
      dataset.close();
      await products.release();
    }
  },
};

/** The run of a workspace by its id, or the beginning of it. Throws UserError (`bad-input`) naming the runs there are. */
export function findRef(workspace: string, id: string): RunRef {
  if (!fs.existsSync(path.join(workspace, 'store.db'))) { // a workspace is not made by reading it
    throw new UserError('bad-input', `${workspace} is not a workspace`, { file: workspace, expected: 'a folder with store.db, as `run` makes it', found: fs.existsSync(workspace) ? 'no store.db' : 'no such folder', fix: 'Name the folder that was given to `run --workspace`.' });
  }
  const store = openStore(workspace);
  try {
    const run = getRun(store, id) ?? listRuns(store).find((each) => each.row.id.startsWith(id)) ?? null;
    if (run === null) {
      throw new UserError('bad-input', `there is no run ${id} in ${workspace}`, { file: workspace, expected: listRuns(store).map((each) => each.row.id.slice(0, 8)).join(', ') || 'a run', found: id, fix: 'Use an id that `run --json` printed.' });
    }
    const steps = listSteps(store, run.row.id).filter((step) => step.state === 'done' || step.state === 'reused');
    return { runId: run.row.id, dataPath: run.row.dataPath, subject: run.row.subject, keys: Object.fromEntries(steps.map((step) => [step.label, step.key])) };
  } finally { store.close(); }
}

async function encode(out: string, map: VoxelMap, run: OpenedRun, dataset: Dataset, hemisphere: Hemisphere): Promise<Uint8Array> {
  const { voxels } = run.responses;
  if (out.endsWith('.npy')) return writeNpy(f32([map.values.length], map.values));
  if (voxels === null) throw new UserError('bad-input', 'this data set has no voxel geometry', { expected: 'a .npy file name', found: path.basename(out), fix: 'Write .npy.' });
  if (out.endsWith('.nii.gz') || out.endsWith('.nii')) {
    const affine = await dataset.affine(run.ref.subject);
    const subject = (await dataset.inspect()).subjects.find((each) => each.id === run.ref.subject);
    if (affine === null || subject === undefined || subject.volume === null) throw new UserError('bad-input', 'the functional grid of this data set is not known', { expected: 'a volume header', found: 'none' });
    const [nx, ny, nz] = subject.volume;
    const data = new Float32Array(nx * ny * nz).fill(Number.NaN); // outside the mask: not a value
    map.values.forEach((value, v) => { data[(voxels.data[3 * v] ?? 0) + nx * ((voxels.data[3 * v + 1] ?? 0) + ny * (voxels.data[3 * v + 2] ?? 0))] = value; });
    return writeVolume(data, [nx, ny, nz], affine, out.endsWith('.gz'));
  }
  const sampling = await dataset.sampling(run.ref.subject, hemisphere, voxels);
  if (sampling === null) throw new UserError('bad-input', `there is no volume-to-surface transform of ${hemisphere}`, { expected: 'transforms/ in the data folder', found: 'none', fix: 'Write .nii.gz, or add the files.' });
  const depths = sampling.nearest.shape[0] ?? 0, vertices = sampling.vertices;
  const values = Float32Array.from({ length: vertices }, (_, vertex) => {
    let sum = 0, count = 0;
    for (let d = 0; d < depths; d++) {
      const voxel = sampling.nearest.data[d * vertices + vertex] ?? -1;
      if (voxel >= 0) { sum += map.values[voxel] ?? Number.NaN; count++; }
    }
    return count === 0 ? Number.NaN : sum / count;
  });
  const data = f32([vertices], values);
  if (out.endsWith('.mgz') || out.endsWith('.mgh')) return writeMgh({ data }, { compress: out.endsWith('.mgz') });
  if (out.endsWith('.gii')) return writeGifti({ metadata: new Map([['Name', map.title], ['Caveat', map.caveat]]), labels: [], arrays: [{ intent: 'NIFTI_INTENT_SHAPE', data, metadata: new Map([['Name', map.title]]), coordinateSystems: [] }] });
  throw new UserError('usage', `unknown file type ${path.extname(out)}`, { expected: '.npy, .nii.gz, .mgz or .gii', found: path.basename(out) });
}

function writeVolume(data: Float32Array, shape: readonly [number, number, number], affine: Float64Array, compress: boolean): Uint8Array {
  return writeNifti({ shape, data: { dtype: 'float32', shape: [...shape].reverse(), data }, affine }, { compress });
}
