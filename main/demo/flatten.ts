/**
 * Flat map of a hemisphere: the medial wall is taken out, four cuts are made, and the rest is laid
 * flat with little distortion and no triangle turned over.
 *
 * 1. Cuts: shortest edge paths on the hull from the wall's rim; their vertices leave the patch, which stays a disc.
 * 2. Start: the sphere seen from its lateral pole (azimuthal), which turns no triangle over.
 * 3. Descent on the symmetric Dirichlet energy sum_t A_t (|J_t|^2 + |J_t^-1|^2) of the map from the surface to the plane,
 *    which is infinite where a triangle collapses; each step solves with the surface's Laplacian (accelerated quadratic
 *    proxy, Kovalsky, Galun and Lipman 2016) and is halved until the energy falls and nothing is turned over.
 */
import type { Hull } from './hull.ts';
import { geodesics } from './mesh.ts';
import type { Mesh } from './mesh.ts';

export interface FlatMap {
  /** 1 where the vertex is in the patch. */
  readonly inside: Uint8Array;
  /** 1 where it is also at the patch's border. */
  readonly border: Uint8Array;
  /** `[vertices * 2]`, mm, front to the right, up up; NaN outside. */
  readonly points: Float64Array;
  /** Triangles of the patch, indices into all vertices. */
  readonly triangles: Int32Array;
}

/** Where the cuts end, canonical mm: occipital pole along the calcarine, frontal pole, top, temporal pole. */
const CUT_ENDS: readonly (readonly [number, number, number])[] = [[16, -90, 4], [12, 74, 6], [14, -18, 66], [44, 32, -34]];

function nearestVertex({ points }: Mesh, [x, y, z]: readonly [number, number, number]): number {
  let best = 0, least = Infinity;
  for (let v = 0; v < points.length / 3; v++) {
    const d = ((points[3 * v] ?? 0) - x) ** 2 + ((points[3 * v + 1] ?? 0) - y) ** 2 + ((points[3 * v + 2] ?? 0) - z) ** 2;
    if (d < least) { least = d; best = v; }
  }
  return best;
}

/** Which vertices stay, after wall and cuts. */
function patchOf(hull: Hull, wall: Uint8Array): Omit<FlatMap, 'points'> {
  const { mesh, neighbours } = hull, vertices = wall.length;
  const inside = Uint8Array.from(wall, (inWall) => 1 - inWall);
  const wallVertices = Array.from(wall.keys()).filter((v) => wall[v] === 1);
  const { before } = geodesics(mesh, neighbours, wallVertices);
  for (const end of CUT_ENDS) {
    for (let v = nearestVertex(mesh, end); v >= 0 && wall[v] !== 1; v = before[v] ?? -1) inside[v] = 0;
  }
  const triangles = hull.mesh.triangles;
  // Vertices that no triangle holds, or hold on by a single corner, go; what remains is one disc.
  const kept: number[] = [];
  const uses = new Int32Array(vertices), gaps = new Int32Array(vertices);
  for (let t = 0; t < triangles.length; t += 3) {
    const corners = [triangles[t] ?? 0, triangles[t + 1] ?? 0, triangles[t + 2] ?? 0];
    if (!corners.every((v) => inside[v] === 1)) continue;
    kept.push(...corners);
    for (const v of corners) uses[v] = (uses[v] ?? 0) + 1;
  }
  const border = new Uint8Array(vertices);
  for (let v = 0; v < vertices; v++) {
    const degree = (neighbours.start[v + 1] ?? 0) - (neighbours.start[v] ?? 0);
    gaps[v] = degree - (uses[v] ?? 0);
    if (uses[v] === 0) inside[v] = 0;
    border[v] = inside[v] === 1 && (gaps[v] ?? 0) > 0 ? 1 : 0;
  }
  return { inside, border, triangles: Int32Array.from(kept) };
}

/** Per triangle: area and the inverse of its edge matrix in its own plane, `[a, i00, i01, i10, i11]`. */
function restShapes({ points }: Mesh, triangles: Int32Array): Float64Array {
  const out = new Float64Array((triangles.length / 3) * 5);
  for (let t = 0, o = 0; t < triangles.length; t += 3, o += 5) {
    const a = 3 * (triangles[t] ?? 0), b = 3 * (triangles[t + 1] ?? 0), c = 3 * (triangles[t + 2] ?? 0);
    const ux = (points[b] ?? 0) - (points[a] ?? 0), uy = (points[b + 1] ?? 0) - (points[a + 1] ?? 0), uz = (points[b + 2] ?? 0) - (points[a + 2] ?? 0);
    const vx = (points[c] ?? 0) - (points[a] ?? 0), vy = (points[c + 1] ?? 0) - (points[a + 1] ?? 0), vz = (points[c + 2] ?? 0) - (points[a + 2] ?? 0);
    const length = Math.hypot(ux, uy, uz), along = (ux * vx + uy * vy + uz * vz) / length;
    const across = Math.max(Math.hypot(uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx) / length, 0.05 * length);
    out[o] = (length * across) / 2;
    out[o + 1] = 1 / length; out[o + 2] = -along / (length * across); out[o + 4] = 1 / across;
  }
  return out;
}

/** Energy of a layout, and its gradient if asked for; Infinity if a triangle is turned over. */
function energyOf(points: Float64Array, triangles: Int32Array, rest: Float64Array, gradient?: Float64Array): number {
  gradient?.fill(0);
  let energy = 0;
  for (let t = 0, o = 0; t < triangles.length; t += 3, o += 5) {
    const a = 2 * (triangles[t] ?? 0), b = 2 * (triangles[t + 1] ?? 0), c = 2 * (triangles[t + 2] ?? 0);
    const area = rest[o] ?? 0, i00 = rest[o + 1] ?? 0, i01 = rest[o + 2] ?? 0, i11 = rest[o + 4] ?? 0;
    const ux = (points[b] ?? 0) - (points[a] ?? 0), uy = (points[b + 1] ?? 0) - (points[a + 1] ?? 0);
    const vx = (points[c] ?? 0) - (points[a] ?? 0), vy = (points[c + 1] ?? 0) - (points[a + 1] ?? 0);
    // J = [u v] * inverse edges (upper triangular).
    const j00 = ux * i00, j01 = ux * i01 + vx * i11, j10 = uy * i00, j11 = uy * i01 + vy * i11;
    const det = j00 * j11 - j01 * j10;
    if (!(det > 1e-9)) return Infinity;
    const square = j00 * j00 + j01 * j01 + j10 * j10 + j11 * j11, inverse = 1 / (det * det);
    energy += area * square * (1 + inverse);
    if (gradient === undefined) continue;
    const p = 2 * area * (1 + inverse), q = (-2 * area * square * inverse) / det;
    const g00 = p * j00 + q * j11, g01 = p * j01 - q * j10, g10 = p * j10 - q * j01, g11 = p * j11 + q * j00;
    const gux = g00 * i00 + g01 * i01, guy = g10 * i00 + g11 * i01, gvx = g01 * i11, gvy = g11 * i11;
    gradient[b] = (gradient[b] ?? 0) + gux; gradient[b + 1] = (gradient[b + 1] ?? 0) + guy;
    gradient[c] = (gradient[c] ?? 0) + gvx; gradient[c + 1] = (gradient[c + 1] ?? 0) + gvy;
    gradient[a] = (gradient[a] ?? 0) - gux - gvx; gradient[a + 1] = (gradient[a + 1] ?? 0) - guy - gvy;
  }
  return energy;
}

interface Laplacian {
  readonly start: Int32Array;
  readonly list: Int32Array;
  /** Positive edge weights beside `list`, and their sum per vertex. */
  readonly weights: Float64Array;
  readonly diagonal: Float64Array;
}

/**
 * Edge weights A_t s_t (grad_i . grad_j) of the patch, with the sign that makes the matrix positive; floored to stay so.
 * s_t = 1 + 3 / sigma^4 with sigma the lesser stretch of the triangle now: half the energy's second derivative there.
 */
function laplacianOf(hull: Hull, triangles: Int32Array, rest: Float64Array, points: Float64Array): Laplacian {
  const { start, list } = hull.neighbours;
  const weights = new Float64Array(list.length), diagonal = new Float64Array(start.length - 1);
  const add = (a: number, b: number, value: number): void => {
    for (let n = start[a] ?? 0; n < (start[a + 1] ?? 0); n++) if (list[n] === b) weights[n] = (weights[n] ?? 0) + value;
  };
  for (let t = 0, o = 0; t < triangles.length; t += 3, o += 5) {
    const i00 = rest[o + 1] ?? 0, i01 = rest[o + 2] ?? 0, i11 = rest[o + 4] ?? 0;
    const a = 2 * (triangles[t] ?? 0), b = 2 * (triangles[t + 1] ?? 0), c = 2 * (triangles[t + 2] ?? 0);
    const ux = (points[b] ?? 0) - (points[a] ?? 0), uy = (points[b + 1] ?? 0) - (points[a + 1] ?? 0);
    const vx = (points[c] ?? 0) - (points[a] ?? 0), vy = (points[c + 1] ?? 0) - (points[a + 1] ?? 0);
    const square = (ux * i00) ** 2 + (ux * i01 + vx * i11) ** 2 + (uy * i00) ** 2 + (uy * i01 + vy * i11) ** 2;
    const det = (ux * vy - vx * uy) * i00 * i11;
    const lesser = (square - Math.sqrt(Math.max(0, square * square - 4 * det * det))) / 2;
    const area = (rest[o] ?? 0) * (1 + 3 / Math.max(lesser * lesser, 1e-3));
    const grad = [[-i00, -i01 - i11], [i00, i01], [0, i11]] as const;
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) {
        if (i === j) continue;
        const gi = grad[i] ?? [0, 0], gj = grad[j] ?? [0, 0];
        add(triangles[t + i] ?? 0, triangles[t + j] ?? 0, -area * (gi[0] * gj[0] + gi[1] * gj[1]));
      }
    }
  }
  for (let v = 0; v < diagonal.length; v++) {
    let sum = 1e-4;
    for (let n = start[v] ?? 0; n < (start[v + 1] ?? 0); n++) {
      if (weights[n] !== 0) weights[n] = Math.max(weights[n] ?? 0, 0.02);
      sum += weights[n] ?? 0;
    }
    diagonal[v] = sum;
  }
  return { start, list, weights, diagonal };
}

/** Approximate solution of L x = b for two right-hand sides at once, by conjugate gradients with the diagonal as guide. */
function solve({ start, list, weights, diagonal }: Laplacian, b: Float64Array, out: Float64Array, steps: number): void {
  const size = b.length;
  out.fill(0);
  const residual = b.slice(), guided = new Float64Array(size), direction = new Float64Array(size), image = new Float64Array(size);
  let old = 0;
  for (let i = 0; i < size; i++) { guided[i] = (residual[i] ?? 0) / (diagonal[i >> 1] ?? 1); direction[i] = guided[i] ?? 0; old += (residual[i] ?? 0) * (guided[i] ?? 0); }
  const enough = old * 1e-6;
  for (let step = 0; step < steps && old > enough; step++) {
    let curved = 0;
    for (let v = 0; v < diagonal.length; v++) {
      const d = diagonal[v] ?? 0;
      let x = d * (direction[2 * v] ?? 0), y = d * (direction[2 * v + 1] ?? 0);
      for (let n = start[v] ?? 0; n < (start[v + 1] ?? 0); n++) {
        const w = weights[n] ?? 0, q = 2 * (list[n] ?? 0);
        x -= w * (direction[q] ?? 0); y -= w * (direction[q + 1] ?? 0);
      }
      image[2 * v] = x; image[2 * v + 1] = y;
      curved += x * (direction[2 * v] ?? 0) + y * (direction[2 * v + 1] ?? 0);
    }
    const length = old / curved;
    let next = 0;
    for (let i = 0; i < size; i++) {
      out[i] = (out[i] ?? 0) + length * (direction[i] ?? 0);
      residual[i] = (residual[i] ?? 0) - length * (image[i] ?? 0);
      guided[i] = (residual[i] ?? 0) / (diagonal[i >> 1] ?? 1);
      next += (residual[i] ?? 0) * (guided[i] ?? 0);
    }
    const turn = next / old;
    old = next;
    for (let i = 0; i < size; i++) direction[i] = (guided[i] ?? 0) + turn * (direction[i] ?? 0);
  }
}

export interface FlattenOptions {
  /** A layout to start from (same patch), instead of the sphere. */
  readonly from?: FlatMap;
  readonly rounds: number;
}

const SOLVER_STEPS = 60;

/** Lays the surface (canonical axes, the hull's triangles) flat. */
export function flatten(hull: Hull, surface: Mesh, wall: Uint8Array, { from, rounds }: FlattenOptions): FlatMap {
  const patch = from ?? patchOf(hull, wall);
  const { triangles, inside } = patch, vertices = inside.length;
  const rest = restShapes(surface, triangles);
  // The start, scaled so that areas agree in total.
  const points = new Float64Array(2 * vertices);
  for (let v = 0; v < vertices; v++) {
    if (inside[v] !== 1) continue;
    if (from !== undefined) { points[2 * v] = from.points[2 * v] ?? 0; points[2 * v + 1] = from.points[2 * v + 1] ?? 0; continue; }
    const x = hull.sphere.points[3 * v] ?? 0, y = hull.sphere.points[3 * v + 1] ?? 0, z = hull.sphere.points[3 * v + 2] ?? 0;
    const tilt = Math.acos(Math.max(-1, Math.min(1, x))), ring = Math.hypot(y, z) || 1;
    points[2 * v] = (tilt * y) / ring; points[2 * v + 1] = (tilt * z) / ring;
  }
  let flatArea = 0, area = 0;
  for (let t = 0, o = 0; t < triangles.length; t += 3, o += 5) {
    const a = 2 * (triangles[t] ?? 0), b = 2 * (triangles[t + 1] ?? 0), c = 2 * (triangles[t + 2] ?? 0);
    flatArea += (((points[b] ?? 0) - (points[a] ?? 0)) * ((points[c + 1] ?? 0) - (points[a + 1] ?? 0)) - ((points[c] ?? 0) - (points[a] ?? 0)) * ((points[b + 1] ?? 0) - (points[a + 1] ?? 0))) / 2;
    area += rest[o] ?? 0;
  }
  const grow = Math.sqrt(area / flatArea);
  for (let i = 0; i < points.length; i++) points[i] = (points[i] ?? 0) * grow;

  const gradient = new Float64Array(points.length), step = new Float64Array(points.length);
  const trial = new Float64Array(points.length), previous = points.slice();
  let energy = energyOf(points, triangles, rest);
  for (let round = 0; round < rounds; round++) {
    // Momentum as far as it keeps every triangle upright and the energy near.
    for (let momentum = 0.8; momentum > 0.1; momentum /= 2) {
      for (let i = 0; i < trial.length; i++) trial[i] = (points[i] ?? 0) + momentum * ((points[i] ?? 0) - (previous[i] ?? 0));
      if (energyOf(trial, triangles, rest) < energy * 1.02) { previous.set(points); points.set(trial); break; }
    }
    energy = energyOf(points, triangles, rest, gradient);
    const laplacian = laplacianOf(hull, triangles, rest, points);
    solve(laplacian, gradient, step, SOLVER_STEPS);
    let slope = 0;
    for (let i = 0; i < step.length; i++) slope += (step[i] ?? 0) * (gradient[i] ?? 0);
    for (let length = 1; length > 1e-5; length /= 2) {
      for (let i = 0; i < trial.length; i++) trial[i] = (points[i] ?? 0) - length * (step[i] ?? 0);
      const reached = energyOf(trial, triangles, rest);
      if (reached > energy - 1e-4 * length * slope) continue;
      previous.set(points); points.set(trial); energy = reached;
      break;
    }
  }
  for (let v = 0; v < vertices; v++) if (inside[v] !== 1) { points[2 * v] = NaN; points[2 * v + 1] = NaN; }
  return { inside, border: patch.border, triangles, points };
}

/** Energy per area over its least value (4): 1 for an isometry; for reports and tests. */
export function distortionOf(flat: FlatMap, surface: Mesh): number {
  const rest = restShapes(surface, flat.triangles);
  let area = 0;
  for (let o = 0; o < rest.length; o += 5) area += rest[o] ?? 0;
  return energyOf(flat.points.map((value) => (Number.isNaN(value) ? 0 : value)), flat.triangles, rest) / (4 * area);
}
