/**
 * Where a hemisphere folds in: a labyrinth of sulci of even width, led by the named primary sulci.
 *
 * The labyrinth is a pattern of local activation and lateral inhibition on the surface (a difference of two diffusions,
 * squashed, repeated), which settles into stripes of one width, as cortical folds do. The primary sulci are lines in the
 * canonical axes of `hull.ts` that push the pattern down along them; secondary folds then run beside them of themselves.
 */
import type { Random } from '../../common/random.ts';
import type { Hull } from './hull.ts';
import { smooth } from './mesh.ts';

type Point = readonly [number, number, number];

interface Sulcus {
  readonly name: string;
  readonly line: readonly Point[];
  /** Relative to an ordinary fold. */
  readonly depth: number;
}

const PRIMARY: readonly Sulcus[] = [
  { name: 'lateral', depth: 1.7, line: [[46, 26, -12], [56, 8, -8], [62, -14, -1], [61, -34, 10], [55, -46, 20]] },
  { name: 'central', depth: 1.25, line: [[8, -20, 62], [28, -18, 57], [44, -8, 45], [56, 0, 28], [61, 4, 12]] },
  { name: 'superior temporal', depth: 1.2, line: [[46, 24, -34], [58, 4, -24], [62, -20, -15], [60, -42, -4], [52, -58, 14], [46, -60, 28]] },
  { name: 'intraparietal', depth: 1.2, line: [[54, -32, 36], [44, -46, 46], [32, -60, 42], [24, -74, 30]] },
  { name: 'calcarine', depth: 1.15, line: [[10, -88, 2], [4, -76, 4], [4, -60, 3], [4, -44, 0]] },
  { name: 'parieto-occipital', depth: 1.2, line: [[12, -66, 38], [4, -64, 28], [4, -56, 14], [4, -46, 2]] },
  { name: 'cingulate', depth: 1, line: [[4, 48, -8], [4, 52, 12], [4, 34, 32], [4, 6, 40], [4, -22, 42], [6, -34, 58]] },
  { name: 'superior frontal', depth: 1, line: [[20, 68, 14], [26, 50, 36], [28, 26, 50], [28, 2, 58]] },
  { name: 'inferior frontal', depth: 1, line: [[42, 50, 6], [50, 32, 22], [54, 14, 30]] },
  { name: 'precentral', depth: 1, line: [[30, 0, 56], [44, 10, 42], [56, 16, 22]] },
  { name: 'postcentral', depth: 1, line: [[18, -36, 60], [40, -30, 52], [57, -20, 36], [61, -16, 20]] },
  { name: 'collateral', depth: 1.1, line: [[26, 6, -32], [24, -20, -28], [22, -46, -24], [22, -66, -22]] },
  { name: 'occipitotemporal', depth: 1, line: [[46, 10, -42], [46, -20, -40], [44, -46, -32], [38, -66, -24]] },
  { name: 'orbital', depth: 0.9, line: [[24, 58, -22], [26, 38, -28], [30, 24, -26]] },
];

/** Reach of a primary sulcus to either side, mm (Gaussian), and how far its line is moved between subjects, mm. */
const LINE = { reach: 3.2, jitter: 3 };
/** Diffusion steps of activation and inhibition (one step spreads about 1 mm^2 per axis), and rounds of pattern making. */
const PATTERN = { near: 7, far: 30, share: 0.5, gain: 5, rounds: 26, push: 1.5, lead: 8, later: 0.3, restless: 0.32 };
/** The medial wall (callosum, thalamus, brain stem), canonical y and z, mm, and the unfolded margin around it. */
const WALL = { y: -2, z: 4, length: 27, height: 13, tilt: 0.12, maxX: 12, margin: 7 };

/** Distance in mm, roughly, outside the rim of the medial wall; negative inside it. Far away on the outer faces. */
export function wallDistance(x: number, y: number, z: number): number {
  const cos = Math.cos(WALL.tilt), sin = Math.sin(WALL.tilt);
  const dy = (cos * (y - WALL.y) + sin * (z - WALL.z)) / WALL.length, dz = (cos * (z - WALL.z) - sin * (y - WALL.y)) / WALL.height;
  const reach = Math.sqrt(dy * dy + dz * dz);
  return (reach - 1) * (WALL.height + 4) + Math.max(0, x - WALL.maxX) * 2;
}

function distanceToLine(x: number, y: number, z: number, line: readonly Point[]): number {
  let nearest = Infinity;
  for (let i = 1; i < line.length; i++) {
    const [ax, ay, az] = line[i - 1] ?? [0, 0, 0], [bx, by, bz] = line[i] ?? [0, 0, 0];
    const ux = bx - ax, uy = by - ay, uz = bz - az;
    const along = Math.min(1, Math.max(0, ((x - ax) * ux + (y - ay) * uy + (z - az) * uz) / (ux * ux + uy * uy + uz * uz)));
    nearest = Math.min(nearest, (x - ax - along * ux) ** 2 + (y - ay - along * uy) ** 2 + (z - az - along * uz) ** 2);
  }
  return Math.sqrt(nearest);
}

/** Divides by the root mean square, in place. */
function scaleToUnit(values: Float64Array): void {
  let sum = 0;
  for (const value of values) sum += value * value;
  const size = Math.sqrt(sum / values.length) || 1;
  for (let i = 0; i < values.length; i++) values[i] = (values[i] ?? 0) / size;
}

export interface Folding {
  /** -1 in the depth of a sulcus, +1 on the crown of a gyrus, per vertex. */
  readonly pattern: Float64Array;
  /** Depth of the fold relative to an ordinary one, about 0.7 to 1.7; falls to 0 at the medial wall. */
  readonly depth: Float64Array;
  /** 1 inside the medial wall. */
  readonly wall: Uint8Array;
}

/** Folds of one hemisphere, its own for every stream. */
export function foldingOf(hull: Hull, source: Random): Folding {
  const { points } = hull.mesh, vertices = points.length / 3;
  // 1. Primary sulci, each line moved a little, as people differ.
  const push = new Float64Array(vertices), depth = new Float64Array(vertices).fill(1), wall = new Uint8Array(vertices), rim = new Float64Array(vertices);
  for (const sulcus of PRIMARY) {
    const line = sulcus.line.map(([x, y, z]): Point => [x, y + LINE.jitter * source.normal(), z + LINE.jitter * source.normal()]);
    for (let v = 0; v < vertices; v++) {
      const d = distanceToLine(points[3 * v] ?? 0, points[3 * v + 1] ?? 0, points[3 * v + 2] ?? 0, line);
      if (d > 5 * LINE.reach) continue;
      const near = Math.exp((-d * d) / (2 * LINE.reach * LINE.reach));
      push[v] = Math.max(push[v] ?? 0, near);
      const wide = Math.exp((-d * d) / (18 * LINE.reach * LINE.reach));
      depth[v] = (depth[v] ?? 1) + (sulcus.depth - (depth[v] ?? 1)) * wide;
    }
  }
  // 2. The labyrinth, kept restless so that stripes bend and branch.
  const unrest = smooth(Float64Array.from({ length: vertices }, () => source.normal()), 1, hull.neighbours, 0.5, 12);
  scaleToUnit(unrest);
  const pattern = new Float64Array(vertices);
  for (let v = 0; v < vertices; v++) pattern[v] = 0.4 * source.normal() - PATTERN.push * (push[v] ?? 0);
  for (let round = 0; round < PATTERN.rounds; round++) {
    const near = smooth(pattern.slice(), 1, hull.neighbours, PATTERN.share, PATTERN.near);
    const far = smooth(near.slice(), 1, hull.neighbours, PATTERN.share, PATTERN.far - PATTERN.near);
    for (let v = 0; v < vertices; v++) {
      pattern[v] = Math.tanh(PATTERN.gain * ((near[v] ?? 0) - (far[v] ?? 0)) - PATTERN.push * (push[v] ?? 0) * (round < PATTERN.lead ? 1 : PATTERN.later)
        + PATTERN.restless * (unrest[v] ?? 0) * (1 - (push[v] ?? 0)));
    }
  }
  // 3. Folds differ in depth along their way, and die out at the medial wall.
  const wave = smooth(Float64Array.from({ length: vertices }, () => source.normal()), 1, hull.neighbours, 0.5, 60);
  scaleToUnit(wave);
  for (let v = 0; v < vertices; v++) {
    const outside = wallDistance(points[3 * v] ?? 0, points[3 * v + 1] ?? 0, points[3 * v + 2] ?? 0);
    rim[v] = Math.min(1, Math.max(0, outside / WALL.margin));
    wall[v] = outside < 0 ? 1 : 0;
    depth[v] = (depth[v] ?? 1) * Math.max(0.35, 1 + 0.24 * (wave[v] ?? 0)) * (rim[v] ?? 0);
  }
  smooth(pattern, 1, hull.neighbours, 0.5, 2);
  smooth(depth, 1, hull.neighbours, 0.5, 6);
  return { pattern, depth, wall };
}
