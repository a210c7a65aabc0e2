/** An NSD folder as a `Dataset`. Opening reads nothing; small tables are kept after their first use. */
import type { Dataset, Progress, Responses, ResponsesRequest, SessionKeep } from '../../common/dataset.ts';
import { throwIfAborted, UserError } from '../../common/errors.ts';
import { f32, ndarray } from '../../common/ndarray.ts';
import type { NdArray } from '../../common/ndarray.ts';
import { folderAt } from '../formats/folder.ts';
import type { Folder } from '../formats/folder.ts';
import { readNifti } from '../formats/nifti.ts';
import { readBetaHeader, readBetaVoxels } from './betas.ts';
import { captionsOf, readCaptionIndex } from './captions.ts';
import type { CaptionIndex } from './captions.ts';
import { splitOf, trialsInSession, trialsOf } from './design.ts';
import type { Design } from './design.ts';
import { readDesign } from './design-file.ts';
import { functionalAffine, functionalGrid } from './functional.ts';
import { inspectNsd, RELEASE_LABEL } from './inspect.ts';
import { ncsnrFile, STIMULI_FILE } from './layout.ts';
import { readObjects } from './objects.ts';
import { assembleResponses, keptOrRead, labelsOf } from './responses.ts';
import { gridOf, maskOf, otherGrid, readAtlas } from './regions.ts';
import type { Grid } from './regions.ts';
import { readSampling } from './sampling.ts';
import { openStimuli } from './stimuli.ts';
import { chooseBetas, findSubject, hasNsdMarks, partsOfName } from './subject-files.ts';
import type { BetaSet, SubjectFiles } from './subject-files.ts';
import { chooseSurfaceBetas } from './surface-betas.ts';
import { readSurfaceResponses } from './surface-responses.ts';
import { readCurvature, readFlat, readMesh, readSurfaceLabels } from './surfaces.ts';
import { readPlanted, syntheticLabel } from './truth.ts';

/** True for a folder with `nsddata/ppdata`, `nsddata/experiments/nsd` or `nsddata_betas/ppdata` in it. */
export async function looksLikeNsd(root: string): Promise<boolean> {
  return hasNsdMarks(folderAt(root));
}

/** Keeps the first successful result; a failure may be tried again. */
interface Once<T> {
  get(): Promise<T>;
  /** What is held, without starting the work. */
  held(): Promise<T> | null;
}

function once<T>(work: () => Promise<T>): Once<T> {
  let held: Promise<T> | null = null;
  return {
    get: () => (held ??= work().catch((error: unknown) => { held = null; throw error; })),
    held: () => held,
  };
}

/** The folder as a dataset. Throws `UserError` if it is no NSD folder. The folder is never written. */
export async function openNsd(root: string): Promise<Dataset> {
  const folder = folderAt(root);
  if (!await hasNsdMarks(folder)) {
    const entries = (await folder.names('')).slice(0, 8);
    throw new UserError('bad-input', `no NSD files in ${root}`, {
      file: root, expected: 'a folder that contains nsddata/', found: entries.length === 0 ? 'nothing' : entries.join(', '), fix: 'Choose the folder that contains nsddata.',
    });
  }
  const label = await syntheticLabel(folder);
  const design = once(() => readDesign(folder));
  const stimuli = once(() => openStimuli(folder));
  const captions = once<CaptionIndex>(() => readCaptionIndex(folder));
  const grids = new Map<string, Grid>();
  const gridOfSubject = async (subject: SubjectFiles): Promise<Grid> => {
    const key = `${subject.id} ${subject.space}`, grid = grids.get(key) ?? await functionalGrid(folder, subject);
    grids.set(key, grid);
    return grid;
  };
  return {
    kind: 'nsd', root, label: label ?? RELEASE_LABEL, synthetic: label !== null,
    inspect: (signal, progress) => inspectNsd(folder, signal, progress),
    responses: async (request, signal, progress, keep) => readResponses(folder, await design.get(), request, signal, progress, keep),
    stimuli: async (imageIds, signal) => (await stimuli.get() ?? noPictures()).read(imageIds, signal),
    captions: async (imageIds, signal) => {
      throwIfAborted(signal);
      return captionsOf(await captions.get(), imageIds);
    },
    objects: async (imageIds, signal) => readObjects(folder, imageIds, (await stimuli.get() ?? noPictures()).shape[1], signal),
    surface: (subject, hemisphere, name) => readMesh(folder, partsOfName(subject).id, hemisphere, name),
    flat: (subject, hemisphere) => readFlat(folder, partsOfName(subject).id, hemisphere),
    curvature: (subject, hemisphere) => readCurvature(folder, partsOfName(subject).id, hemisphere),
    surfaceLabels: async (subject, hemisphere, atlas) => {
      const files = await findSubject(folder, subject);
      return readSurfaceLabels(folder, files.id, files.space, hemisphere, atlas);
    },
    sampling: async (subject, hemisphere, voxels) => {
      const files = await findSubject(folder, subject);
      return readSampling(folder, files.id, hemisphere, files.space, await gridOfSubject(files), voxels);
    },
    affine: async (subject) => functionalAffine(folder, await findSubject(folder, subject)),
    plantedSensitivity: async (subject, space, voxels) => {
      const files = await findSubject(folder, subject);
      return readPlanted(folder, files.id, space, await gridOfSubject(files), voxels);
    },
    // A failure to open was already reported to whoever asked.
    close: () => { void stimuli.held()?.then((open) => { open?.close(); }, () => undefined); },
  };
}

function noPictures(): never {
  throw new UserError('bad-input', 'this folder has no pictures', { file: STIMULI_FILE, expected: STIMULI_FILE, found: 'no such file', fix: 'Download nsd_stimuli.hdf5 from the NSD bucket into that place.' });
}

async function readResponses(folder: Folder, design: Design, request: ResponsesRequest, signal?: AbortSignal, progress?: Progress, keep?: SessionKeep): Promise<Responses> {
  const subject = await findSubject(folder, request.subject);
  const onSurface = await chooseSurfaceBetas(folder, subject, request.beta);
  if (onSurface !== null) return readSurfaceResponses(folder, design, subject, onSurface, request, signal, progress, keep);
  const set = chooseBetas(subject, request.beta);
  const first = set.sessions[0];
  if (first === undefined) throw new RangeError(`${set.name} has no sessions`);
  const { grid } = await readBetaHeader(folder, first);
  const mask = maskOf(await readAtlas(folder, subject.id, subject.space, subject.collections, request.atlas, grid), request.rois);
  const trials = trialsOf(design, subject.number, set.sessions.map((beta) => beta.session));
  const split = splitOf(trials);
  const { values, kept, partial } = await assembleResponses({
    voxels: mask.index.length, trials, split, zscore: request.zscore, average: request.average, only: request.only,
    readSession: (position) => {
      const beta = set.sessions[position];
      if (beta === undefined) throw new RangeError(`no session at ${position}`);
      const T = trialsInSession(design, beta.session);
      return keptOrRead(keep, beta.session, mask.index.length * T, () => readBetaVoxels(folder, beta, mask.index, { grid, trials: T }, signal));
    },
  }, signal, progress);
  if (kept.length === 0) {
    throw new UserError('bad-input', `no chosen voxel of ${subject.id} has data`, { file: first.file, expected: 'betas that are not all 0', found: `${mask.index.length} voxels of zeros`, fix: 'Download the session files again.' });
  }
  const index = Int32Array.from(kept, (v) => mask.index[v] ?? 0);
  const notes = [
    ...(kept.length < mask.index.length ? [`${mask.index.length - kept.length} voxels without data in any session were dropped`] : []),
    ...(partial > 0 ? [`${partial} voxels lack data in some sessions; those trials were left out of their averages`] : []),
  ];
  return {
    values, ...labelsOf(trials, split, request),
    voxels: gridIndices(index, grid), regions: Array.from(kept, (v) => mask.regions[v] ?? ''),
    ncsnr: await readCeiling(folder, subject, set, grid, index), beta: set.name, ...(notes.length === 0 ? {} : { notes }),
  };
}

/** 0-based `[n, 3]` indices (i, j, k) of linear ones. */
function gridIndices(index: Int32Array, [X, Y]: Grid): NdArray<'int32'> {
  const out = new Int32Array(3 * index.length);
  index.forEach((voxel, v) => { out.set([voxel % X, Math.floor(voxel / X) % Y, Math.floor(voxel / (X * Y))], 3 * v); });
  return ndarray('int32', [index.length, 3], out);
}

async function readCeiling(folder: Folder, subject: SubjectFiles, set: BetaSet, grid: Grid, index: Int32Array): Promise<Responses['ncsnr']> {
  const file = ncsnrFile(subject.id, subject.space, set.name);
  if (await folder.facts(file) === null) return null;
  const image = readNifti(await folder.inflated(file), file);
  const shape = gridOf(image.shape, file);
  if (shape.join() !== grid.join()) throw otherGrid(file, shape, grid);
  const { data } = image.scaled();
  return f32([index.length], Float32Array.from(index, (voxel) => data[voxel] ?? NaN));
}
