/**
 * One hemisphere of a demo subject: white, pial, layers between, inflated and sphere, with curvature, depth and thickness.
 *
 * All surfaces share the icosphere's vertices and triangles. Coordinates in mm, surface RAS (x right, y front, z up).
 * The middle of the grey matter is the smooth hull pushed in by the folds; white and pial lie half the thickness to
 * either side of it. Stylised: the folds are those of nobody.
 */
import type { Hemisphere } from '../../common/dataset.ts';
import type { Random } from '../../common/random.ts';
import type { Folding } from './folding.ts';
import { foldingOf } from './folding.ts';
import type { Hull } from './hull.ts';
import { evenOut } from './hull.ts';
import { areaOf, meanCurvature, normalsOf, smooth } from './mesh.ts';
import type { Mesh, Neighbours } from './mesh.ts';

/** Depth of an ordinary fold from crown to floor, mm. */
const FOLD_DEPTH = 13.5;
/** Above 1 makes sulci narrow and gyri broad. */
const NARROW = 1.45;
const THICKNESS = { mean: 2.6, crown: 0.35, wave: 0.25, low: 1.8, high: 3.5, wall: 0.6 };
const SPHERE_RADIUS = 100;

export interface HemisphereSurfaces {
  readonly hemisphere: Hemisphere;
  readonly triangles: Int32Array;
  readonly neighbours: Neighbours;
  /** `[vertices * 3]` each. */
  readonly white: Float64Array;
  readonly pial: Float64Array;
  readonly layerB1: Float64Array;
  readonly layerB2: Float64Array;
  readonly layerB3: Float64Array;
  readonly inflated: Float64Array;
  readonly sphere: Float64Array;
  /** Mean curvature of the white surface, 1/mm, positive in sulci. */
  readonly curvature: Float64Array;
  /** Depth below the mean of the hull, mm, positive in sulci. */
  readonly sulc: Float64Array;
  readonly thickness: Float64Array;
  /** Area per vertex of the white surface, mm^2. */
  readonly area: Float64Array;
  /** 1 inside the medial wall, which is not cortex. */
  readonly wall: Uint8Array;
}

/** Swaps two corners of every triangle: what a mirror does to the winding. */
function mirrored(triangles: Int32Array): Int32Array {
  const out = triangles.slice();
  for (let t = 0; t < out.length; t += 3) { out[t + 1] = triangles[t + 2] ?? 0; out[t + 2] = triangles[t + 1] ?? 0; }
  return out;
}

function offset(points: Float64Array, normals: Float64Array, thickness: Float64Array, share: number): Float64Array {
  return points.map((value, i) => value + share * (thickness[Math.floor(i / 3)] ?? 0) * (normals[i] ?? 0));
}

/** Rounds of smoothing, then of drawing back towards the middle surface, where triangles turned over. */
const UNTANGLE = { smooth: 8, retreat: 30, step: 0.75 };

/** Mends where a surface's triangles turned over against the middle surface's. In place. */
function untangle(points: Float64Array, middle: Mesh, neighbours: Neighbours): void {
  const normal = (p: Float64Array, t: number): readonly [number, number, number] => {
    const a = 3 * (middle.triangles[t] ?? 0), b = 3 * (middle.triangles[t + 1] ?? 0), c = 3 * (middle.triangles[t + 2] ?? 0);
    const ux = (p[b] ?? 0) - (p[a] ?? 0), uy = (p[b + 1] ?? 0) - (p[a + 1] ?? 0), uz = (p[b + 2] ?? 0) - (p[a + 2] ?? 0);
    const vx = (p[c] ?? 0) - (p[a] ?? 0), vy = (p[c + 1] ?? 0) - (p[a + 1] ?? 0), vz = (p[c + 2] ?? 0) - (p[a + 2] ?? 0);
    return [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
  };
  for (let round = 0; round < UNTANGLE.smooth + UNTANGLE.retreat; round++) {
    const bad = new Set<number>();
    for (let t = 0; t < middle.triangles.length; t += 3) {
      const m = normal(middle.points, t), n = normal(points, t);
      if (m[0] * n[0] + m[1] * n[1] + m[2] * n[2] > 0) continue;
      for (let i = 0; i < 3; i++) bad.add(middle.triangles[t + i] ?? 0);
    }
    if (bad.size === 0) break;
    const from = points.slice();
    for (const v of bad) {
      const first = neighbours.start[v] ?? 0, last = neighbours.start[v + 1] ?? 0;
      for (let k = 0; k < 3; k++) {
        const now = from[3 * v + k] ?? 0, base = middle.points[3 * v + k] ?? 0;
        let sum = 0;
        for (let n = first; n < last; n++) sum += from[3 * (neighbours.list[n] ?? 0) + k] ?? 0;
        points[3 * v + k] = round < UNTANGLE.smooth ? 0.3 * now + (0.7 * sum) / (last - first) : base + UNTANGLE.step * (now - base);
      }
    }
  }
}

function inflate(hull: Hull, folding: Folding, scale: readonly [number, number, number], whiteArea: number): Float64Array {
  const points = hull.mesh.points.map((value, i) => value * (scale[i % 3] ?? 1));
  smooth(points, 3, hull.neighbours, 0.5, 60);
  // A trace of the folds stays, as after FreeSurfer's inflation.
  const { normals } = normalsOf({ points, triangles: hull.mesh.triangles });
  const trace = smooth(folding.pattern.slice(), 1, hull.neighbours, 0.5, 6);
  for (let i = 0; i < points.length; i++) points[i] = (points[i] ?? 0) + 0.8 * (trace[Math.floor(i / 3)] ?? 0) * (normals[i] ?? 0);
  const grow = Math.sqrt(whiteArea / areaOf({ points, triangles: hull.mesh.triangles }));
  let centre = 0;
  for (let p = 0; p < points.length; p += 3) centre += points[p] ?? 0;
  centre /= points.length / 3;
  return points.map((value, i) => (i % 3 === 0 ? (value - centre) * grow : value * grow));
}

export interface HemisphereOptions {
  readonly hemisphere: Hemisphere;
  /** Size of this head along x, y and z against the canonical hull. */
  readonly scale: readonly [number, number, number];
}

/** Builds one hemisphere; folds and thickness come from the stream. */
export function hemisphereOf(hull: Hull, { hemisphere, scale }: HemisphereOptions, source: Random): HemisphereSurfaces {
  const vertices = hull.mesh.points.length / 3, { neighbours } = hull, canonical = hull.mesh.triangles;
  const folding = foldingOf(hull, source.fork('folds'));
  // 1. The middle surface: the hull, scaled, pushed in where the pattern is low.
  const middle: Mesh = { points: hull.mesh.points.map((value, i) => value * (scale[i % 3] ?? 1)), triangles: canonical };
  const inward = normalsOf(middle).normals;
  smooth(inward, 3, neighbours, 0.5, 10);
  const sunk = new Float64Array(vertices);
  for (let v = 0; v < vertices; v++) {
    const low = (1 - Math.max(-1, Math.min(1, folding.pattern[v] ?? 0))) / 2;
    sunk[v] = FOLD_DEPTH * (folding.depth[v] ?? 0) * low ** NARROW;
    for (let k = 0; k < 3; k++) middle.points[3 * v + k] = (middle.points[3 * v + k] ?? 0) - (sunk[v] ?? 0) * (inward[3 * v + k] ?? 0);
  }
  for (let round = 0; round < 6; round++) evenOut(middle, neighbours, 0.6);
  smooth(middle.points, 3, neighbours, 0.3, 1);
  // 2. Thickness: more on crowns, with slow differences along the cortex.
  const wave = smooth(Float64Array.from({ length: vertices }, () => source.normal()), 1, neighbours, 0.5, 40);
  const spread = Math.sqrt(wave.reduce((sum, value) => sum + value * value, 0) / vertices);
  const thickness = wave.map((value, v) => {
    const grey = Math.min(THICKNESS.high, Math.max(THICKNESS.low, THICKNESS.mean + THICKNESS.crown * (folding.pattern[v] ?? 0) + (THICKNESS.wave * value) / spread));
    return folding.wall[v] === 1 ? THICKNESS.wall : grey;
  });
  smooth(thickness, 1, neighbours, 0.5, 2);
  // 3. White and pial, half the thickness to either side.
  const { normals } = normalsOf(middle);
  smooth(normals, 3, neighbours, 0.5, 1);
  const white = offset(middle.points, normals, thickness, -0.5), pial = offset(middle.points, normals, thickness, 0.5);
  untangle(white, middle, neighbours);
  untangle(pial, middle, neighbours);
  const between = (share: number): Float64Array => pial.map((value, i) => value + share * ((white[i] ?? 0) - value));
  // 4. Measures on the white surface.
  const area = normalsOf({ points: white, triangles: canonical }).areas;
  const whiteArea = area.reduce((sum, value) => sum + value, 0);
  const curvature = smooth(meanCurvature({ points: white, triangles: canonical }), 1, neighbours, 0.5, 2);
  const meanDepth = sunk.reduce((sum, value) => sum + value, 0) / vertices;
  const inflated = inflate(hull, folding, scale, whiteArea);
  const sphere = hull.sphere.points.map((value) => value * SPHERE_RADIUS);
  // 5. The left hemisphere is the mirror image.
  const sign = hemisphere === 'lh' ? -1 : 1;
  const placed = (points: Float64Array): Float64Array => points.map((value, i) => (i % 3 === 0 ? sign * value : value));
  return {
    hemisphere, neighbours, triangles: hemisphere === 'lh' ? mirrored(canonical) : canonical,
    white: placed(white), pial: placed(pial), layerB1: placed(between(0.25)), layerB2: placed(between(0.5)), layerB3: placed(between(0.75)),
    inflated: placed(inflated), sphere: placed(sphere),
    curvature, sulc: sunk.map((value) => value - meanDepth), thickness, area, wall: folding.wall,
  };
}
