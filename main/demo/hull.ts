/**
 * The smooth outline of one hemisphere, without folds: a blend of ellipsoids for the lobes, cut flat at the midline.
 *
 * Canonical axes, mm: x lateral (0 = midline, so that both hemispheres share it), y anterior, z superior.
 * `hullMesh` carries the vertices of an icosphere onto the outline with even spacing.
 */
import { icosphere, neighboursOf, normalsOf, smooth } from './mesh.ts';
import type { Mesh, Neighbours } from './mesh.ts';

interface Lobe {
  readonly centre: readonly [number, number, number];
  readonly radii: readonly [number, number, number];
  /** Turn about the lateral axis, radians; positive lifts the front. */
  readonly pitch: number;
}

const LOBES: readonly Lobe[] = [
  { centre: [22, 0, 14], radii: [39, 72, 46], pitch: 0 }, // the dome over all
  { centre: [24, 32, 10], radii: [33, 41, 38], pitch: -0.1 }, // frontal
  { centre: [27, -16, 20], radii: [36, 48, 42], pitch: 0 }, // parietal
  { centre: [23, -56, 4], radii: [27, 34, 32], pitch: 0.1 }, // occipital
  { centre: [38, -40, -10], radii: [24, 36, 22], pitch: 0.15 }, // occipitotemporal
  { centre: [43, -6, -26], radii: [17, 42, 17], pitch: -0.12 }, // temporal
  { centre: [24, 34, -8], radii: [24, 28, 20], pitch: 0 }, // orbital
];
const BLEND = 9;
const MIDLINE = { x: 3.5, blend: 7 };
/** From where every part of the outline is in sight. */
const WITHIN = [27, -8, 2] as const;

function softMin(a: number, b: number, width: number): number {
  const share = Math.max(width - Math.abs(a - b), 0) / width;
  return Math.min(a, b) - (share * share * width) / 4;
}

/** Signed distance (approximate, mm) to the outline; negative inside. */
export function hullDistance(x: number, y: number, z: number): number {
  let nearest = Infinity;
  for (const { centre, radii, pitch } of LOBES) {
    const cos = Math.cos(pitch), sin = Math.sin(pitch);
    const dx = x - centre[0], dy = cos * (y - centre[1]) + sin * (z - centre[2]), dz = cos * (z - centre[2]) - sin * (y - centre[1]);
    const ex = dx / radii[0], ey = dy / radii[1], ez = dz / radii[2];
    const reach = Math.sqrt(ex * ex + ey * ey + ez * ez);
    const slope = Math.sqrt((ex / radii[0]) ** 2 + (ey / radii[1]) ** 2 + (ez / radii[2]) ** 2);
    const distance = slope < 1e-9 ? -Math.min(...radii) : (reach * (reach - 1)) / slope;
    nearest = softMin(nearest, distance, BLEND);
  }
  return -softMin(-nearest, x - MIDLINE.x, MIDLINE.blend);
}

/** Moves points onto the outline along its gradient, in place. */
function toHull(points: Float64Array, steps: number): void {
  const e = 0.05;
  for (let p = 0; p < points.length; p += 3) {
    for (let step = 0; step < steps; step++) {
      const x = points[p] ?? 0, y = points[p + 1] ?? 0, z = points[p + 2] ?? 0, d = hullDistance(x, y, z);
      const gx = (hullDistance(x + e, y, z) - d) / e, gy = (hullDistance(x, y + e, z) - d) / e, gz = (hullDistance(x, y, z + e) - d) / e;
      const move = d / Math.max(gx * gx + gy * gy + gz * gz, 0.1);
      points[p] = x - move * gx; points[p + 1] = y - move * gy; points[p + 2] = z - move * gz;
    }
  }
}

/** Moves vertices within the surface towards neighbours that own more area, so that spacing becomes even. */
export function evenOut(mesh: Mesh, { start, list }: Neighbours, share: number): void {
  const { points } = mesh;
  const { normals, areas } = normalsOf(mesh);
  const from = points.slice();
  for (let v = 0; v < areas.length; v++) {
    let x = 0, y = 0, z = 0, total = 0;
    for (let n = start[v] ?? 0; n < (start[v + 1] ?? 0); n++) {
      const w = list[n] ?? 0, weight = areas[w] ?? 0;
      x += weight * (from[3 * w] ?? 0); y += weight * (from[3 * w + 1] ?? 0); z += weight * (from[3 * w + 2] ?? 0);
      total += weight;
    }
    const p = 3 * v;
    const dx = x / total - (from[p] ?? 0), dy = y / total - (from[p + 1] ?? 0), dz = z / total - (from[p + 2] ?? 0);
    const nx = normals[p] ?? 0, ny = normals[p + 1] ?? 0, nz = normals[p + 2] ?? 0, along = dx * nx + dy * ny + dz * nz;
    points[p] = (from[p] ?? 0) + share * (dx - along * nx);
    points[p + 1] = (from[p + 1] ?? 0) + share * (dy - along * ny);
    points[p + 2] = (from[p + 2] ?? 0) + share * (dz - along * nz);
  }
}

export interface Hull {
  readonly mesh: Mesh;
  readonly neighbours: Neighbours;
  /** The icosphere that carries the vertices, radius 1. */
  readonly sphere: Mesh;
}

/** Rounds of evening-out at each order, coarse ones first: what is far is settled where it is cheap. */
const ROUNDS: readonly (readonly [order: number, rounds: number])[] = [[2, 150], [3, 80], [4, 30], [5, 12]];
const FIRST_ORDER = 2;

function radially(sphere: Mesh): Float64Array {
  const points = new Float64Array(sphere.points.length);
  for (let p = 0; p < points.length; p += 3) {
    const dx = sphere.points[p] ?? 0, dy = sphere.points[p + 1] ?? 0, dz = sphere.points[p + 2] ?? 0;
    let inside = 0, outside = 140;
    for (let step = 0; step < 24; step++) {
      const middle = (inside + outside) / 2;
      if (hullDistance(WITHIN[0] + middle * dx, WITHIN[1] + middle * dy, WITHIN[2] + middle * dz) < 0) inside = middle; else outside = middle;
    }
    points[p] = WITHIN[0] + inside * dx; points[p + 1] = WITHIN[1] + inside * dy; points[p + 2] = WITHIN[2] + inside * dz;
  }
  return points;
}

/** The outline as a mesh with the triangles of the icosphere of that order; vertices keep their direction from `WITHIN` roughly. */
export function hullMesh(order: number): Hull {
  let sphere = icosphere(Math.min(order, FIRST_ORDER));
  let points = radially(sphere);
  let neighbours = neighboursOf(sphere.triangles, points.length / 3);
  for (const [level, rounds] of ROUNDS) {
    if (level > order) break;
    if (level > FIRST_ORDER) {
      sphere = icosphere(level);
      const finer = new Float64Array(sphere.points.length);
      finer.set(points);
      for (let p = points.length; p < finer.length; p++) {
        const v = Math.floor(p / 3), axis = p % 3;
        finer[p] = ((finer[3 * (sphere.parents[2 * v] ?? 0) + axis] ?? 0) + (finer[3 * (sphere.parents[2 * v + 1] ?? 0) + axis] ?? 0)) / 2;
      }
      points = finer;
      neighbours = neighboursOf(sphere.triangles, points.length / 3);
    }
    for (let round = 0; round < rounds; round++) {
      evenOut({ points, triangles: sphere.triangles }, neighbours, 0.7);
      toHull(points, 1);
    }
  }
  smooth(points, 3, neighbours, 0.4, 2);
  return { mesh: { points, triangles: sphere.triangles }, neighbours, sphere };
}
