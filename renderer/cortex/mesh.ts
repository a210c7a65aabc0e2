/**
 * Geometry of one hemisphere, made ready to draw: pure arrays in, pure arrays out (runs in a worker and in tests).
 *
 * Axes. The folder gives surface RAS in mm (x right, y anterior, z superior). The scene has x right, y up, z towards a viewer
 * who stands behind the head: `(x, y, z) -> (x, z, -y)`, a rotation, so triangles keep their winding.
 */
import type { Hemisphere } from '../../common/dataset.ts';
import type { HemisphereGeometry } from '../../common/contract/payloads.ts';

export type ShapeName = 'white' | 'pial' | 'inflated' | 'flat';

/** Order of the stops of the morph slider. */
export const SHAPE_ORDER: readonly ShapeName[] = ['white', 'pial', 'inflated', 'flat'];

export interface PreparedShape {
  readonly name: ShapeName;
  /** `[vertices, 3]`, mm, about `centre`. */
  readonly positions: Float32Array;
  /** `[vertices, 3]`, unit length. */
  readonly normals: Float32Array;
  /** Middle of the bounding box in scene axes, where the hemisphere sits in the head. */
  readonly centre: readonly [number, number, number];
  /** Half extent of the bounding box along x, y, z. */
  readonly half: readonly [number, number, number];
}

export interface PreparedMesh {
  readonly hemisphere: Hemisphere;
  readonly vertices: number;
  /** `[triangles * 3]`; faces of the flat patch first. */
  readonly index: Uint32Array;
  /** Faces that exist on the flat map. */
  readonly patchFaces: number;
  readonly shapes: readonly PreparedShape[];
  /** -1 (gyrus) to 1 (sulcus); zeros if the folder has none. */
  readonly curvature: Float32Array;
}

function toSceneAxes(points: Float32Array): Float32Array {
  const out = new Float32Array(points.length);
  for (let i = 0; i < points.length; i += 3) {
    out[i] = points[i] ?? 0;
    out[i + 1] = points[i + 2] ?? 0;
    out[i + 2] = -(points[i + 1] ?? 0);
  }
  return out;
}

/** Moves the middle of the bounding box to the origin, in place, and returns where it was. */
function centreInPlace(positions: Float32Array): { centre: [number, number, number]; half: [number, number, number] } {
  const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
  for (let i = 0; i < positions.length; i++) {
    const value = positions[i] ?? 0, axis = i % 3;
    if (value < (low[axis] ?? 0)) low[axis] = value;
    if (value > (high[axis] ?? 0)) high[axis] = value;
  }
  const middle = (axis: number): number => ((low[axis] ?? 0) + (high[axis] ?? 0)) / 2;
  const extent = (axis: number): number => ((high[axis] ?? 0) - (low[axis] ?? 0)) / 2;
  const centre: [number, number, number] = [middle(0), middle(1), middle(2)];
  for (let i = 0; i < positions.length; i++) positions[i] = (positions[i] ?? 0) - (centre[i % 3] ?? 0);
  return { centre, half: [extent(0), extent(1), extent(2)] };
}

/** Area-weighted vertex normals. `positions` `[vertices, 3]`, `index` `[triangles * 3]`. */
export function vertexNormals(positions: Float32Array, index: Uint32Array): Float32Array {
  const normals = new Float32Array(positions.length);
  for (let t = 0; t < index.length; t += 3) {
    const a = 3 * index[t]!, b = 3 * index[t + 1]!, c = 3 * index[t + 2]!;
    const ax = positions[a]!, ay = positions[a + 1]!, az = positions[a + 2]!;
    const ux = positions[b]! - ax, uy = positions[b + 1]! - ay, uz = positions[b + 2]! - az;
    const vx = positions[c]! - ax, vy = positions[c + 1]! - ay, vz = positions[c + 2]! - az;
    const nx = uy * vz - uz * vy, ny = uz * vx - ux * vz, nz = ux * vy - uy * vx;
    normals[a]! += nx; normals[a + 1]! += ny; normals[a + 2]! += nz;
    normals[b]! += nx; normals[b + 1]! += ny; normals[b + 2]! += nz;
    normals[c]! += nx; normals[c + 1]! += ny; normals[c + 2]! += nz;
  }
  for (let i = 0; i < normals.length; i += 3) {
    const length = Math.hypot(normals[i]!, normals[i + 1]!, normals[i + 2]!) || 1;
    normals[i]! /= length; normals[i + 1]! /= length; normals[i + 2]! /= length;
  }
  return normals;
}

/**
 * Turns the flat patch so that it looks as the hemisphere does from its lateral side: superior up, occipital pole towards the
 * midline. The angle is the two-dimensional Procrustes solution against `reference` (scene axes); a patch seen from inside is mirrored.
 */
export function orientFlat(flat: Float32Array, reference: Float32Array, index: Uint32Array, hemisphere: Hemisphere): Float32Array {
  const vertices = flat.length / 2;
  // 1. Handedness: the sign of the summed area of the patch's faces.
  let area = 0;
  for (let t = 0; t < index.length; t += 3) {
    const a = 2 * index[t]!, b = 2 * index[t + 1]!, c = 2 * index[t + 2]!;
    const twice = (flat[b]! - flat[a]!) * (flat[c + 1]! - flat[a + 1]!) - (flat[c]! - flat[a]!) * (flat[b + 1]! - flat[a + 1]!);
    if (Number.isFinite(twice)) area += twice;
  }
  const mirror = area < 0 ? -1 : 1;
  // 2. Means over the patch; the lateral view has z (towards the back of the head) pointing at the midline.
  const across = hemisphere === 'lh' ? 1 : -1;
  let n = 0, mx = 0, my = 0, mu = 0, mv = 0;
  for (let i = 0; i < vertices; i++) {
    const x = mirror * flat[2 * i]!, y = flat[2 * i + 1]!;
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    n++; mx += x; my += y; mu += across * reference[3 * i + 2]!; mv += reference[3 * i + 1]!;
  }
  if (n === 0) return new Float32Array(vertices * 3);
  mx /= n; my /= n; mu /= n; mv /= n;
  // 3. Angle that maximises the agreement: atan2 of the antisymmetric and symmetric sums.
  let along = 0, turned = 0;
  for (let i = 0; i < vertices; i++) {
    const x = mirror * flat[2 * i]! - mx, y = flat[2 * i + 1]! - my;
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    const u = across * reference[3 * i + 2]! - mu, v = reference[3 * i + 1]! - mv;
    along += x * u + y * v;
    turned += x * v - y * u;
  }
  const angle = Math.atan2(turned, along), cos = Math.cos(angle), sin = Math.sin(angle);
  // 4. Apply; vertices outside the patch go to its middle (no face there is drawn).
  const out = new Float32Array(vertices * 3);
  for (let i = 0; i < vertices; i++) {
    const x = mirror * flat[2 * i]! - mx, y = flat[2 * i + 1]! - my;
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    out[3 * i] = cos * x - sin * y;
    out[3 * i + 1] = sin * x + cos * y;
  }
  return out;
}

/**
 * Faces of the patch first, then the others, each in their own order. A face is named by the directed edge that leaves its
 * smallest vertex, which no other face of an oriented surface shares.
 */
function orderFaces(triangles: Int32Array, patch: Int32Array | null, vertices: number): { index: Uint32Array; patchFaces: number } {
  const index = new Uint32Array(triangles.length);
  if (patch === null) { index.set(triangles); return { index, patchFaces: 0 }; }
  const nameOf = (faces: Int32Array, at: number, mirrored: boolean): number => {
    const a = faces[at]!, b = faces[at + 1]!, c = faces[at + 2]!;
    const [low, next, last] = a < b && a < c ? [a, b, c] : b < c ? [b, c, a] : [c, a, b];
    return low * vertices + (mirrored ? last : next);
  };
  const names = new Set<number>();
  for (let face = 0; face < patch.length; face += 3) { names.add(nameOf(patch, face, false)); names.add(nameOf(patch, face, true)); }
  const inside = (face: number): boolean => names.has(nameOf(triangles, face, false)) && names.has(nameOf(triangles, face, true));
  let at = 0, patchFaces = 0;
  for (const wanted of [true, false]) {
    for (let face = 0; face < triangles.length; face += 3) {
      if (inside(face) !== wanted) continue;
      index[at++] = triangles[face]!; index[at++] = triangles[face + 1]!; index[at++] = triangles[face + 2]!;
    }
    if (wanted) patchFaces = at / 3;
  }
  return { index, patchFaces };
}

/** Curvature squeezed to -1..1 by its own spread, so that any folder's units give the same picture. */
function normaliseCurvature(curvature: Float32Array | null, vertices: number): Float32Array {
  const out = new Float32Array(vertices);
  if (curvature === null) return out;
  let sum = 0;
  for (const value of curvature) if (Number.isFinite(value)) sum += Math.abs(value);
  const spread = 2 * (sum / Math.max(1, vertices)) || 1;
  for (let i = 0; i < vertices; i++) {
    const value = curvature[i] ?? 0;
    out[i] = Number.isFinite(value) ? Math.min(1, Math.max(-1, value / spread)) : 0;
  }
  return out;
}

/** Everything that the GPU and the picker need from one hemisphere. About 0.3 s for 164,000 vertices: call it in the worker. */
export function prepareMesh(geometry: HemisphereGeometry): PreparedMesh {
  const flat = geometry.flat?.data ?? null;
  const { index, patchFaces } = orderFaces(geometry.triangles.data, flat === null ? null : geometry.flatTriangles?.data ?? null, geometry.vertices);
  const shapes: PreparedShape[] = [];
  for (const name of ['white', 'pial', 'inflated'] as const) {
    const points = geometry.shapes[name];
    if (points === undefined) continue;
    const positions = toSceneAxes(points.data);
    const { centre, half } = centreInPlace(positions);
    shapes.push({ name, positions, normals: vertexNormals(positions, index), centre, half });
  }
  const reference = shapes.at(-1);
  if (flat !== null && patchFaces > 0 && reference !== undefined) {
    const positions = orientFlat(flat, reference.positions, index.subarray(0, patchFaces * 3), geometry.hemisphere);
    const { half } = centreInPlace(positions);
    const normals = new Float32Array(positions.length);
    for (let i = 2; i < normals.length; i += 3) normals[i] = 1;
    shapes.push({ name: 'flat', positions, normals, centre: [0, 0, 0], half });
  }
  return {
    hemisphere: geometry.hemisphere, vertices: geometry.vertices, index, patchFaces, shapes,
    curvature: normaliseCurvature(geometry.curvature, geometry.vertices),
  };
}
