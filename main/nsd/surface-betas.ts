/**
 * Single-trial betas on surfaces: which sessions a folder has, and the values of some vertices.
 *
 * Source: nsd-data-format 1.1. `nativesurface/BETA/hh.betas_sessionNN.hdf5`: `betas` `[trials, V]`, int16 = 300 x percent signal change, 0
 * throughout a session = no data. `fsaverage/BETA/hh.betas_sessionNN.mgh`: float32 `[V, 1, 1, trials]`, already percent, NaN = no data.
 * Both are given back as 300 x percent with 0 for no data.
 */
import type { Hemisphere } from '../../common/dataset.ts';
import { throwIfAborted, UserError } from '../../common/errors.ts';
import type { ByteSource } from '../formats/byte-source.ts';
import type { Folder } from '../formats/folder.ts';
import { readVoxelChunks } from '../formats/hdf5-chunks.ts';
import { chunkedDataset } from '../formats/hdf5-structure.ts';
import { openHdf5 } from '../formats/hdf5.ts';
import { readMghFrame, readMghHeader } from '../formats/mgh.ts';
import { BETA_DATASET, BETAS, HEMISPHERES, SURFACE_SPACES, surfaceBetaFolder, surfaceSessionOf } from './layout.ts';
import type { SurfaceSpace } from './layout.ts';
import { BETA_SCALE } from './responses.ts';
import type { RawBetas } from './responses.ts';
import type { SubjectFiles } from './subject-files.ts';

const MGH_PREFIX = 512;

export interface SurfaceSession {
  /** 1-based. */
  readonly session: number;
  readonly files: Readonly<Record<Hemisphere, string>>;
}

export interface SurfaceBetaSet {
  /** As it is asked for: `fsaverage/betas_fithrf`. */
  readonly name: string;
  readonly space: SurfaceSpace;
  readonly beta: string;
  /** Sessions that have both hemispheres, ascending. */
  readonly sessions: readonly SurfaceSession[];
}

/** Surface beta sets of a subject, native before fsaverage, best preparation first. Lists folders only. */
export async function surfaceBetaSets(folder: Folder, subject: string): Promise<readonly SurfaceBetaSet[]> {
  const found: SurfaceBetaSet[] = [];
  for (const space of SURFACE_SPACES) {
    for (const beta of BETAS) {
      const place = surfaceBetaFolder(subject, space, beta);
      const sides: Record<Hemisphere, Map<number, string>> = { lh: new Map(), rh: new Map() };
      for (const name of await folder.names(place)) {
        const match = surfaceSessionOf(name);
        if (match !== null) sides[match.hemisphere].set(match.session, `${place}/${name}`);
      }
      const sessions = [...sides.lh].flatMap(([session, lh]): readonly SurfaceSession[] => {
        const rh = sides.rh.get(session);
        return rh === undefined ? [] : [{ session, files: { lh, rh } }];
      }).sort((a, b) => a.session - b.session);
      if (sessions.length > 0) found.push({ name: `${space}/${beta}`, space, beta, sessions });
    }
  }
  return found;
}

/** The surface set that a request means: the one it names, or the first where the subject has no volume betas. Null = volume betas are meant. */
export async function chooseSurfaceBetas(folder: Folder, subject: SubjectFiles, beta: string | null): Promise<SurfaceBetaSet | null> {
  const named = beta !== null && SURFACE_SPACES.some((space) => beta.startsWith(`${space}/`));
  if (!named && (beta !== null || subject.betas.length > 0)) return null;
  const sets = await surfaceBetaSets(folder, subject.id);
  if (!named) return sets[0] ?? null;
  const found = sets.find((set) => set.name === beta);
  if (found !== undefined) return found;
  throw new UserError('bad-input', `${subject.id} has no betas "${beta}"`, {
    file: `nsddata_betas/ppdata/${subject.id}/${beta}`, expected: sets.length === 0 ? 'lh.betas_session01 and rh.betas_session01 and so on' : `one of ${sets.map((set) => set.name).join(', ')}`, found: 'none',
    fix: 'Copy the session files of both hemispheres into that folder, or choose betas that are there.',
  });
}

/** Vertices of each hemisphere and trials, from the headers of a session. Throws if the two differ in trials. */
export async function readSurfaceHeader(folder: Folder, { files }: SurfaceSession): Promise<{ readonly vertices: Readonly<Record<Hemisphere, number>>; readonly trials: number }> {
  const [lh, rh] = await Promise.all(HEMISPHERES.map((hemisphere) => headerOf(folder, files[hemisphere])));
  if (lh === undefined || rh === undefined) throw new RangeError('two hemispheres');
  if (lh.trials !== rh.trials) throw wrong(files.rh, `${lh.trials} trials, as ${files.lh}`, `${rh.trials}`);
  return { vertices: { lh: lh.vertices, rh: rh.vertices }, trials: lh.trials };
}

function wrong(file: string, expected: string, found: string): UserError {
  return new UserError('bad-input', `${file}: expected ${expected}, found ${found}`, { file, expected, found, fix: 'Copy the original session files of one subject.' });
}

async function headerOf(folder: Folder, file: string): Promise<{ readonly vertices: number; readonly trials: number }> {
  if (file.endsWith('.mgh')) {
    const { shape, dtype } = readMghHeader(await folder.prefix(file, MGH_PREFIX), file);
    const [vertices, height, depth, trials] = shape;
    if (dtype !== 'float32' || height !== 1 || depth !== 1) throw wrong(file, 'float32 [vertices, 1, 1, trials]', `${dtype} [${shape.join(', ')}]`);
    return { vertices, trials };
  }
  const source = await folder.source(file);
  try {
    const stored = await chunkedDataset(source, file, BETA_DATASET);
    if (stored.kind !== 'other') return shapeOf(file, stored.dtype, stored.shape);
  } finally { await source.close(); }
  const library = await openHdf5(folder.path(file));
  try {
    const dataset = library.datasets().find((entry) => entry.name === BETA_DATASET);
    return shapeOf(file, dataset?.dtype ?? dataset?.storedAs ?? 'no such dataset', dataset?.shape ?? []);
  } finally { library.close(); }
}

function shapeOf(file: string, type: string, shape: readonly number[]): { readonly vertices: number; readonly trials: number } {
  const [trials = 0, vertices = 0] = shape;
  if (type !== 'int16' || shape.length !== 2) throw wrong(file, `int16 "${BETA_DATASET}" [trials, vertices]`, `${type} [${shape.join(', ')}]`);
  return { vertices, trials };
}

/** Raw values `[vertices, trials]` of some vertices (ascending) of one hemisphere's session. */
export async function readSurfaceVertices(folder: Folder, file: string, index: Int32Array, trials: number, signal?: AbortSignal): Promise<RawBetas> {
  throwIfAborted(signal);
  const source = await folder.source(file);
  try {
    if (file.endsWith('.mgh')) return await fromFrames(source, file, index, trials, signal);
    const stored = await chunkedDataset(source, file, BETA_DATASET);
    const values = await readVoxelChunks(source, file, stored, index, signal === undefined ? {} : { signal });
    if ('data' in values) return values.data;
  } finally { await source.close(); }
  return byTrial(folder, file, index, trials, signal);
}

/** One trial is one contiguous block of the file. */
async function fromFrames(source: ByteSource, file: string, index: Int32Array, trials: number, signal?: AbortSignal): Promise<Float32Array> {
  const header = readMghHeader(await source.read(0, Math.min(MGH_PREFIX, source.size)), file);
  const out = new Float32Array(index.length * trials);
  for (let t = 0; t < trials; t++) {
    throwIfAborted(signal);
    const { data } = await readMghFrame(source, file, header, t);
    for (let v = 0; v < index.length; v++) {
      const value = data[index[v] ?? 0] ?? NaN;
      out[v * trials + t] = Number.isNaN(value) ? 0 : BETA_SCALE * value;
    }
  }
  return out;
}

/** Any other layout, through the library. */
async function byTrial(folder: Folder, file: string, index: Int32Array, trials: number, signal?: AbortSignal): Promise<Int16Array> {
  const library = await openHdf5(folder.path(file));
  try {
    const out = new Int16Array(index.length * trials);
    for (let t = 0; t < trials; t++) {
      const { data } = library.read(BETA_DATASET, [[t, t + 1], null]);
      for (let v = 0; v < index.length; v++) out[v * trials + t] = Number(data[index[v] ?? 0] ?? 0);
      // Library calls are synchronous; lets a cancel through now and then.
      if (t % 64 === 63) await new Promise((resolve) => { setImmediate(resolve); });
      throwIfAborted(signal);
    }
    return out;
  } finally { library.close(); }
}
