/** One hemisphere for the screen: shared triangles, a position array per shape, flat patch, curvature. */
import type { HemisphereGeometry } from '../../../common/contract/payloads.ts';
import type { Dataset, Hemisphere, SurfaceMesh } from '../../../common/dataset.ts';
import { UserError } from '../../../common/errors.ts';
import type { F32 } from '../../../common/ndarray.ts';

const SHAPES = ['white', 'pial', 'inflated', 'sphere'] as const;

/** Null if the folder has no surface of this hemisphere. Throws if two shapes have different vertex counts. */
export async function hemisphereGeometry(dataset: Dataset, subject: string, hemisphere: Hemisphere): Promise<HemisphereGeometry | null> {
  const shapes: Partial<Record<(typeof SHAPES)[number], F32>> = {};
  let first: SurfaceMesh | null = null;
  for (const name of SHAPES) {
    const mesh = await dataset.surface(subject, hemisphere, name);
    if (mesh === null) continue;
    first ??= mesh;
    if (mesh.points.shape[0] !== first.points.shape[0]) {
      throw new UserError('bad-input', `${hemisphere}.${name} has ${mesh.points.shape[0] ?? 0} vertices, ${hemisphere}.${first.name} has ${first.points.shape[0] ?? 0}`, {
        file: `${hemisphere}.${name}`, expected: `${first.points.shape[0] ?? 0} vertices`, found: `${mesh.points.shape[0] ?? 0} vertices`,
        fix: 'These surfaces belong to different subjects or resolutions; use the ones of one reconstruction.',
      });
    }
    shapes[name] = mesh.points;
  }
  if (first === null) return null;
  const flat = await dataset.flat(subject, hemisphere);
  return {
    hemisphere, vertices: first.points.shape[0] ?? 0, triangles: first.triangles, shapes,
    flat: flat?.points ?? null, flatTriangles: flat?.triangles ?? null,
    curvature: await dataset.curvature(subject, hemisphere),
  };
}
