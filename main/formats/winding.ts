/** Which way the faces of a closed mesh wind. */
import { ndarray } from '../../common/ndarray.ts';
import type { I32 } from '../../common/ndarray.ts';

/** Six times the volume that a closed mesh encloses; positive if its faces wind counter-clockwise seen from outside. */
export function enclosedVolumeTimesSix(points: Float32Array, triangles: Int32Array): number {
  let sum = 0;
  for (let t = 0; t < triangles.length; t += 3) {
    const a = 3 * (triangles[t] ?? 0), b = 3 * (triangles[t + 1] ?? 0), c = 3 * (triangles[t + 2] ?? 0);
    const ax = points[a] ?? 0, ay = points[a + 1] ?? 0, az = points[a + 2] ?? 0;
    const bx = points[b] ?? 0, by = points[b + 1] ?? 0, bz = points[b + 2] ?? 0;
    const cx = points[c] ?? 0, cy = points[c + 1] ?? 0, cz = points[c + 2] ?? 0;
    sum += ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx);
  }
  return sum;
}

/** The triangles, or each with two corners exchanged, so that they are counter-clockwise seen from outside. */
export function outward(points: Float32Array, triangles: I32): I32 {
  if (enclosedVolumeTimesSix(points, triangles.data) >= 0) return triangles;
  const data = Int32Array.from(triangles.data, (_, i) => triangles.data[i % 3 === 0 ? i : i % 3 === 1 ? i + 1 : i - 1] ?? 0);
  return ndarray('int32', triangles.shape, data);
}
