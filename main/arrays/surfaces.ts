/**
 * Cortical surfaces beside arrays, or a folder of nothing but surfaces: GIFTI (`.gii`, `.gii.gz`) or FreeSurfer files.
 *
 * A flat map may have its own triangle list; vertices that no triangle of it uses are outside the patch and become NaN.
 */
import type { FlatPatch, Hemisphere, SurfaceMesh, SurfaceSummary } from '../../common/dataset.ts';
import { UserError } from '../../common/errors.ts';
import { f32 } from '../../common/ndarray.ts';
import type { F32, I32 } from '../../common/ndarray.ts';
import type { Folder } from '../formats/folder.ts';
import { readCurv } from '../formats/freesurfer-curv.ts';
import { readSurface } from '../formats/freesurfer-surface.ts';
import { giftiArray, giftiSurface, readGifti } from '../formats/gifti.ts';
import { readMgh, surfaceValues } from '../formats/mgh.ts';
import { toFloat64 } from '../formats/elements.ts';
import { outward } from '../formats/winding.ts';

export const HEMISPHERES: readonly Hemisphere[] = ['lh', 'rh'];
/** Meshes, then the flat map, then values per vertex. */
export const SHAPES = ['white', 'pial', 'inflated', 'sphere'] as const;
export const SURFACE_FIELDS: readonly string[] = [...SHAPES, 'flat', 'curvature', 'sees'];

/** File of each surface of a hemisphere, by the field's name. */
export type HemisphereFiles = Readonly<Record<string, string>>;
export type SurfaceFiles = Readonly<Partial<Record<Hemisphere, HemisphereFiles>>>;

function wrong(file: string, expected: string, found: string): UserError {
  return new UserError('bad-input', `${file}: expected ${expected}, found ${found}`, { file, expected, found, fix: 'Use the files of one reconstruction.' });
}

async function geometry(folder: Folder, file: string): Promise<{ readonly coordinates: F32; readonly faces: I32 }> {
  const bytes = await folder.inflated(file);
  return /\.gii(\.gz)?$/i.test(file) ? giftiSurface(readGifti(bytes, file), file) : readSurface(bytes, file);
}

/** One mesh, wound outwards; null if the data set names none. */
export async function readMesh(folder: Folder, surfaces: SurfaceFiles, hemisphere: Hemisphere, name: string): Promise<SurfaceMesh | null> {
  const file = surfaces[hemisphere]?.[name];
  if (file === undefined || !SHAPES.some((shape) => shape === name)) return null;
  const { coordinates, faces } = await geometry(folder, file);
  return { hemisphere, name, points: coordinates, triangles: outward(coordinates.data, faces) };
}

/** The flat map with its own triangles; null if the data set names none. Throws `UserError` if it is of other vertices. */
export async function readFlat(folder: Folder, surfaces: SurfaceFiles, hemisphere: Hemisphere): Promise<FlatPatch | null> {
  const file = surfaces[hemisphere]?.['flat'];
  if (file === undefined) return null;
  const { coordinates, faces } = await geometry(folder, file);
  const vertices = coordinates.shape[0] ?? 0;
  const points = new Float32Array(2 * vertices).fill(NaN);
  for (const vertex of faces.data) {
    points[2 * vertex] = coordinates.data[3 * vertex] ?? NaN;
    points[2 * vertex + 1] = coordinates.data[3 * vertex + 1] ?? NaN;
  }
  for (const shape of SHAPES) {
    const mesh = await readMesh(folder, surfaces, hemisphere, shape);
    if (mesh === null) continue;
    if (mesh.points.shape[0] !== vertices) throw wrong(file, `${mesh.points.shape[0] ?? 0} vertices, as ${surfaces[hemisphere]?.[shape] ?? shape}`, `${vertices}`);
    break;
  }
  return { hemisphere, points: f32([vertices, 2], points), triangles: faces };
}

/** Curvature per vertex, positive in sulci (FreeSurfer's sign); null if the data set names none. */
export async function readCurvature(folder: Folder, surfaces: SurfaceFiles, hemisphere: Hemisphere): Promise<Float32Array | null> {
  const file = surfaces[hemisphere]?.['curvature'];
  if (file === undefined) return null;
  const bytes = await folder.inflated(file);
  if (/\.gii(\.gz)?$/i.test(file)) return Float32Array.from(toFloat64(giftiArray(readGifti(bytes, file), 'SHAPE', file).data));
  return /\.mg[hz]$/i.test(file) ? Float32Array.from(surfaceValues(readMgh(bytes, file), file).data) : readCurv(bytes, file).values.data;
}

/** What there is, with the vertex count that all of a hemisphere share. Throws `UserError` for surfaces that do not fit each other. */
export async function summariseSurfaces(folder: Folder, surfaces: SurfaceFiles): Promise<readonly SurfaceSummary[]> {
  const found: SurfaceSummary[] = [];
  for (const hemisphere of HEMISPHERES) {
    const files = surfaces[hemisphere] ?? {};
    const names: string[] = [];
    let vertices = 0;
    for (const name of SHAPES) {
      const mesh = await readMesh(folder, surfaces, hemisphere, name);
      if (mesh === null) continue;
      const count = mesh.points.shape[0] ?? 0;
      if (vertices !== 0 && count !== vertices) throw wrong(files[name] ?? name, `${vertices} vertices, as the other surfaces`, `${count}`);
      vertices = count;
      names.push(name);
    }
    if (await readFlat(folder, surfaces, hemisphere) !== null) names.push('flat');
    const curvature = await readCurvature(folder, surfaces, hemisphere);
    if (curvature !== null && vertices !== 0 && curvature.length !== vertices) throw wrong(files['curvature'] ?? '', `${vertices} values, as the surfaces have vertices`, `${curvature.length}`);
    if (names.length > 0) found.push({ hemisphere, names, vertices });
  }
  return found;
}
