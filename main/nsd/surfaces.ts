/**
 * Cortical surfaces, flat patches, curvature and region labels of a subject, from its FreeSurfer folder.
 *
 * Source: nsd-data-format 5 and 2.2. Meshes are returned counter-clockwise seen from outside (positive enclosed volume), whichever way
 * the file winds them. A file that is absent gives null; a damaged or mismatched one throws.
 */
import type { FlatPatch, Hemisphere, SurfaceLabels, SurfaceMesh } from '../../common/dataset.ts';
import { UserError } from '../../common/errors.ts';
import { f32, ndarray } from '../../common/ndarray.ts';
import { readCurv } from '../formats/freesurfer-curv.ts';
import { readPatch } from '../formats/freesurfer-patch.ts';
import { readSurface } from '../formats/freesurfer-surface.ts';
import type { Folder } from '../formats/folder.ts';
import { readMgh, surfaceValues } from '../formats/mgh.ts';
import { outward } from '../formats/winding.ts';
import { CURVATURES, FLAT_PATCH, surfaceFile, surfaceLabelFile, SURFACES } from './layout.ts';
import type { Space } from './layout.ts';
import { GROUP_OF_LABEL, MERGED_ATLAS, MERGED_BASE, MERGED_GROUPS, MERGED_OVERRIDE } from './region-names.ts';
import { labelNames } from './regions.ts';

async function firstPresent(folder: Folder, files: readonly string[]): Promise<string | null> {
  for (const file of files) if (await folder.facts(file) !== null) return file;
  return null;
}

/** One mesh by the name it has in `layout.SURFACES` (or its own file name); null if the folder has none. */
export async function readMesh(folder: Folder, subject: string, hemisphere: Hemisphere, name: string): Promise<SurfaceMesh | null> {
  const file = await firstPresent(folder, (SURFACES[name] ?? [name]).map((candidate) => surfaceFile(subject, hemisphere, candidate)));
  if (file === null) return null;
  const { coordinates, faces } = readSurface(await folder.inflated(file), file);
  return { hemisphere, name, points: coordinates, triangles: outward(coordinates.data, faces) };
}

/** The whole-hemisphere flat patch with the faces that lie in it; null without patch or white surface. Throws if it names other vertices. */
export async function readFlat(folder: Folder, subject: string, hemisphere: Hemisphere): Promise<FlatPatch | null> {
  const file = surfaceFile(subject, hemisphere, FLAT_PATCH);
  if (await folder.facts(file) === null) return null;
  const white = await readMesh(folder, subject, hemisphere, 'white') ?? await readMesh(folder, subject, hemisphere, 'inflated');
  if (white === null) return null;
  const patch = readPatch(await folder.inflated(file), file);
  const vertices = white.points.shape[0] ?? 0;
  const points = new Float32Array(2 * vertices).fill(NaN);
  patch.vertices.data.forEach((vertex, i) => {
    if (vertex >= vertices) throw otherCount(file, `vertices below ${vertices}, as the white surface has`, `vertex ${vertex}`);
    points[2 * vertex] = patch.coordinates.data[3 * i] ?? NaN;
    points[2 * vertex + 1] = patch.coordinates.data[3 * i + 1] ?? NaN;
  });
  const inside: number[] = [];
  const { data } = white.triangles;
  const has = (vertex: number | undefined): boolean => !Number.isNaN(points[2 * (vertex ?? 0)] ?? NaN);
  for (let t = 0; t < data.length; t += 3) {
    if (has(data[t]) && has(data[t + 1]) && has(data[t + 2])) inside.push(data[t] ?? 0, data[t + 1] ?? 0, data[t + 2] ?? 0);
  }
  return { hemisphere, points: f32([vertices, 2], points), triangles: ndarray('int32', [inside.length / 3, 3], Int32Array.from(inside)) };
}

function otherCount(file: string, expected: string, found: string): UserError {
  return new UserError('bad-input', `${file}: expected ${expected}, found ${found}`, { file, expected, found, fix: 'It belongs to another subject or surface; copy the matching file.' });
}

/** Curvature `[vertices]`, positive in sulci; null if the folder has none. */
export async function readCurvature(folder: Folder, subject: string, hemisphere: Hemisphere): Promise<Float32Array | null> {
  const file = await firstPresent(folder, CURVATURES.map((name) => surfaceFile(subject, hemisphere, name)));
  if (file === null) return null;
  const bytes = await folder.inflated(file);
  return file.endsWith('.mgz') ? Float32Array.from(surfaceValues(readMgh(bytes, file), file).data) : readCurv(bytes, file).values.data;
}

/** A `[V, 1, 1, frames]` surface vector file as `[frames, V]`; null if it is absent. */
async function readVector(folder: Folder, file: string): Promise<{ readonly data: ArrayLike<number>; readonly frames: number; readonly vertices: number } | null> {
  if (await folder.facts(file) === null) return null;
  const values = surfaceValues(readMgh(await folder.inflated(file), file), file);
  return { data: values.data, frames: values.shape[0] ?? 0, vertices: values.shape[1] ?? 0 };
}

/** Three coordinate components per vertex, `[3, V]`; null if absent. Throws for another number of frames. */
export async function readCoordinates(folder: Folder, file: string): Promise<{ readonly vertices: number; readonly data: Float32Array } | null> {
  const vector = await readVector(folder, file);
  if (vector === null) return null;
  if (vector.frames !== 3) throw otherCount(file, 'three components per vertex', `${vector.frames}`);
  return { vertices: vector.vertices, data: Float32Array.from(vector.data) };
}

/**
 * Region of each vertex in a collection, or in the merged atlas made from two; null if the label files are absent.
 * `names` holds the regions in label order; empty ones are kept.
 */
export async function readSurfaceLabels(folder: Folder, subject: string, space: Space, hemisphere: Hemisphere, atlas: string): Promise<SurfaceLabels | null> {
  const merged = atlas === MERGED_ATLAS;
  const file = surfaceLabelFile(subject, hemisphere, merged ? MERGED_BASE : atlas);
  const base = await readVector(folder, file);
  if (base === null) return null;
  const labels = Int32Array.from(base.data, (value) => Math.max(0, Math.round(value)));
  if (!merged) return { hemisphere, atlas, ...indexed(atlas, labels, await labelNames(folder, subject, space, atlas)) };
  const overrideFile = surfaceLabelFile(subject, hemisphere, MERGED_OVERRIDE);
  const override = await readVector(folder, overrideFile);
  if (override === null) return null;
  if (override.vertices !== base.vertices) throw otherCount(overrideFile, `${base.vertices} vertices`, `${override.vertices}`);
  const groups = labels.map((label, v) => GROUP_OF_LABEL[(override.data[v] ?? 0) > 0 ? Math.round(override.data[v] ?? 0) : label] ?? 0);
  return { hemisphere, atlas, ...indexed(atlas, groups, new Map(MERGED_GROUPS.map((group, i) => [i + 1, group.name]))) };
}

function indexed(atlas: string, labels: Int32Array, table: ReadonlyMap<number, string>): Pick<SurfaceLabels, 'labels' | 'names'> {
  const all = [...new Set([...table.keys(), ...labels])].filter((label) => label > 0).sort((a, b) => a - b);
  const position = new Map(all.map((label, i) => [label, i]));
  return {
    labels: labels.map((label) => position.get(label) ?? -1),
    names: all.map((label) => table.get(label) ?? (all.length === 1 ? atlas : `${atlas}-${label}`)),
  };
}
