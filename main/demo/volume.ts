/**
 * The functional grid of a demo subject and what the cortex says on it: labels, receptive fields, masks, anatomy.
 *
 * Grids are `[I, J, K]` with i fastest (NIfTI file order), i to the right, j to the front, k up, as NSD stores them. Voxel
 * coordinates in transforms are 1-based. As in NSD the header's affine is only the grid centred on itself
 * (nsd-data-format 5.7): it does not align the grid with the surfaces, the transforms do.
 */
import type { Hemisphere } from '../../common/dataset.ts';
import type { Random } from '../../common/random.ts';
import { VISUAL_LABELS } from './areas.ts';
import type { HemisphereAreas } from './areas.ts';
import type { HemisphereSurfaces } from './cortex.ts';
import { hullDistance } from './hull.ts';

export interface Grid {
  readonly shape: readonly [number, number, number];
  readonly voxelSizeMm: number;
  /** Surface coordinates of the grid's centre, mm. */
  readonly centre: readonly [number, number, number];
}

export interface Side {
  readonly surfaces: HemisphereSurfaces;
  readonly areas: HemisphereAreas;
}

export const LAYERS = ['layerB1', 'layerB2', 'layerB3'] as const;
/** A voxel is cortical if the vertices' linear kernels around it add up to this. */
const CORTICAL_WEIGHT = 0.9;
/** Liberal mask: mm beyond the hull. */
const MASK_MARGIN = 5;
const INVALID = 9999;

/** A grid that holds both hemispheres with most of a voxel to spare. */
export function gridOf(sides: readonly Side[], voxelSizeMm: number): Grid {
  const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
  for (const { surfaces } of sides) {
    surfaces.pial.forEach((value, i) => {
      low[i % 3] = Math.min(low[i % 3] ?? 0, value);
      high[i % 3] = Math.max(high[i % 3] ?? 0, value);
    });
  }
  const extent = (axis: number): number => Math.ceil(((high[axis] ?? 0) - (low[axis] ?? 0)) / voxelSizeMm + 1.6);
  const middle = (axis: number): number => ((high[axis] ?? 0) + (low[axis] ?? 0)) / 2;
  return { shape: [extent(0), extent(1), extent(2)], voxelSizeMm, centre: [middle(0), middle(1), middle(2)] };
}

export function voxelsOf({ shape }: Grid): number {
  return shape[0] * shape[1] * shape[2];
}

/** Header affine as NSD's writer makes it, 4x4 row-major. */
export function affineOf({ shape, voxelSizeMm: size }: Grid): Float64Array {
  const shift = (extent: number): number => (1 - (1 + extent) / 2) * size;
  return Float64Array.of(size, 0, 0, shift(shape[0]), 0, size, 0, shift(shape[1]), 0, 0, size, shift(shape[2]), 0, 0, 0, 1);
}

/** 1-based voxel coordinates of surface points, `[3, vertices]` (all x, then y, then z); 9999 outside the grid. */
export function coordinatesOf(grid: Grid, points: Float64Array): Float32Array {
  const vertices = points.length / 3, out = new Float32Array(points.length);
  for (let v = 0; v < vertices; v++) {
    let inside = true;
    for (let axis = 0; axis < 3; axis++) {
      const extent = grid.shape[axis] ?? 0;
      const at = ((points[3 * v + axis] ?? 0) - (grid.centre[axis] ?? 0)) / grid.voxelSizeMm + (extent + 1) / 2;
      out[axis * vertices + v] = at;
      inside &&= at >= 1 && at <= extent;
    }
    if (!inside) for (let axis = 0; axis < 3; axis++) out[axis * vertices + v] = INVALID;
  }
  return out;
}

/** Calls `visit(vertex, voxel, weight)` for the eight voxels around every valid coordinate (trilinear weights). */
function eachCorner(grid: Grid, coordinates: Float32Array, visit: (vertex: number, voxel: number, weight: number) => void): void {
  const vertices = coordinates.length / 3, [I, J, K] = grid.shape;
  for (let v = 0; v < vertices; v++) {
    const x = (coordinates[v] ?? 0) - 1, y = (coordinates[vertices + v] ?? 0) - 1, z = (coordinates[2 * vertices + v] ?? 0) - 1;
    if (x + 1 === INVALID) continue;
    const i = Math.floor(x), j = Math.floor(y), k = Math.floor(z);
    for (let c = 0; c < 8; c++) {
      const ci = i + (c & 1), cj = j + ((c >> 1) & 1), ck = k + (c >> 2);
      const weight = (1 - Math.abs(x - ci)) * (1 - Math.abs(y - cj)) * (1 - Math.abs(z - ck));
      if (weight > 0 && ci < I && cj < J && ck < K) visit(v, ci + I * (cj + J * ck), weight);
    }
  }
}

/** Labels on the grid, for one hemisphere and for both: -1 not cortical, 0 cortical without label, else the label. */
export interface VolumeLabels {
  readonly lh: Float64Array;
  readonly rh: Float64Array;
  readonly both: Float64Array;
}

/** Winner-takes-all vote of the three layers' vertices, wall excluded. `labelsOf` gives each side's vertex labels. */
export function voteLabels(grid: Grid, sides: readonly Side[], labelsOf: (areas: HemisphereAreas) => Uint8Array): VolumeLabels {
  const voxels = voxelsOf(grid), names = 26;
  const sum = new Float32Array(voxels * names);
  const result: { [Key in Hemisphere | 'both']?: Float64Array } = {};
  const decide = (votes: Float32Array): Float64Array => {
    const out = new Float64Array(voxels).fill(-1);
    for (let voxel = 0; voxel < voxels; voxel++) {
      let total = 0, best = 0, winner = 0;
      for (let label = 0; label < names; label++) {
        const votesFor = votes[voxel * names + label] ?? 0;
        total += votesFor;
        if (votesFor > best) { best = votesFor; winner = label; }
      }
      if (total >= CORTICAL_WEIGHT) out[voxel] = winner;
    }
    return out;
  };
  for (const { surfaces, areas } of sides) {
    const labels = labelsOf(areas), votes = new Float32Array(voxels * names);
    for (const layer of LAYERS) {
      eachCorner(grid, coordinatesOf(grid, surfaces[layer]), (vertex, voxel, weight) => {
        if (surfaces.wall[vertex] === 1) return;
        const at = voxel * names + (labels[vertex] ?? 0);
        votes[at] = (votes[at] ?? 0) + weight;
        sum[at] = (sum[at] ?? 0) + weight;
      });
    }
    result[surfaces.hemisphere] = decide(votes);
  }
  return { lh: result.lh ?? new Float64Array(voxels).fill(-1), rh: result.rh ?? new Float64Array(voxels).fill(-1), both: decide(sum) };
}

/** Receptive fields on the grid; NaN where no visual area is. */
export interface VolumeFields {
  /** Degrees to the right and up of fixation. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** Gaussian SD, degrees, spread of the voxel's own centres included. */
  readonly size: Float32Array;
  /** Degrees, 0 = right horizontal meridian, 90 = up. */
  readonly angle: Float32Array;
  readonly eccentricity: Float32Array;
}

/** Mean field of the vertices that carry the voxel's own label, from the hemisphere that has more of it there. */
export function fieldsOf(grid: Grid, sides: readonly Side[], own: Float64Array): VolumeFields {
  const voxels = voxelsOf(grid);
  const fields = { x: nan(voxels), y: nan(voxels), size: nan(voxels), angle: nan(voxels), eccentricity: nan(voxels) };
  const most = new Float64Array(voxels);
  for (const { surfaces, areas } of sides) {
    const weights = new Float64Array(voxels), x = new Float64Array(voxels), y = new Float64Array(voxels), square = new Float64Array(voxels), size = new Float64Array(voxels);
    for (const layer of LAYERS) {
      eachCorner(grid, coordinatesOf(grid, surfaces[layer]), (vertex, voxel, weight) => {
        const label = areas.own[vertex] ?? 0;
        if (label === 0 || label > VISUAL_LABELS || label !== own[voxel]) return;
        const radians = ((areas.angle[vertex] ?? 0) * Math.PI) / 180, e = areas.eccentricity[vertex] ?? 0;
        const fx = e * Math.cos(radians), fy = e * Math.sin(radians);
        weights[voxel] = (weights[voxel] ?? 0) + weight;
        x[voxel] = (x[voxel] ?? 0) + weight * fx;
        y[voxel] = (y[voxel] ?? 0) + weight * fy;
        square[voxel] = (square[voxel] ?? 0) + weight * (fx * fx + fy * fy);
        size[voxel] = (size[voxel] ?? 0) + weight * (areas.size[vertex] ?? 0);
      });
    }
    for (let voxel = 0; voxel < voxels; voxel++) {
      const w = weights[voxel] ?? 0;
      if (w <= (most[voxel] ?? 0)) continue;
      most[voxel] = w;
      const fx = (x[voxel] ?? 0) / w, fy = (y[voxel] ?? 0) / w;
      const scatter = Math.max(0, (square[voxel] ?? 0) / w - fx * fx - fy * fy) / 2;
      fields.x[voxel] = fx; fields.y[voxel] = fy;
      fields.size[voxel] = Math.sqrt(((size[voxel] ?? 0) / w) ** 2 + 0.25 * scatter);
      fields.eccentricity[voxel] = Math.hypot(fx, fy);
      fields.angle[voxel] = ((Math.atan2(fy, fx) * 180) / Math.PI + 360) % 360;
    }
  }
  return fields;
}

function nan(length: number): Float32Array {
  return new Float32Array(length).fill(NaN);
}

/** Mean depth in mm below the head's hull on the grid (positive inside), hemispheres scaled by `scale`. */
export function depthBelowHull(grid: Grid, scale: readonly [number, number, number]): Float32Array {
  const [I, J, K] = grid.shape, out = new Float32Array(I * J * K);
  const at = (index: number, axis: number): number => (index - ((grid.shape[axis] ?? 0) - 1) / 2) * grid.voxelSizeMm + (grid.centre[axis] ?? 0);
  for (let k = 0, voxel = 0; k < K; k++) {
    for (let j = 0; j < J; j++) {
      for (let i = 0; i < I; i++, voxel++) out[voxel] = -hullDistance(Math.abs(at(i, 0)) / scale[0], at(j, 1) / scale[1], at(k, 2) / scale[2]);
    }
  }
  return out;
}

export interface Anatomy {
  /** 0 or 1, liberal. */
  readonly brainmask: Int16Array;
  /** A T1-like picture: white matter bright, grey matter middle, the rest dark. */
  readonly t1: Float32Array;
  /** A T2*-like mean of the functional volumes, dark where air is near. */
  readonly mean: Float32Array;
}

/** Masks and pictures from depth below the hull and the grey-matter votes. */
export function anatomyOf(grid: Grid, sides: readonly Side[], depth: Float32Array, source: Random): Anatomy {
  const voxels = voxelsOf(grid);
  const grey = new Float32Array(voxels), outer = new Float32Array(voxels), inner = new Float32Array(voxels);
  for (const { surfaces } of sides) {
    for (const [points, into] of [[surfaces.layerB2, grey], [surfaces.pial, outer], [surfaces.white, inner]] as const) {
      eachCorner(grid, coordinatesOf(grid, points), (_, voxel, weight) => { into[voxel] = (into[voxel] ?? 0) + weight; });
    }
  }
  const brainmask = new Int16Array(voxels), t1 = new Float32Array(voxels), mean = new Float32Array(voxels);
  const [I, J] = grid.shape;
  for (let voxel = 0; voxel < voxels; voxel++) {
    const d = depth[voxel] ?? 0;
    if (d <= -MASK_MARGIN) continue;
    brainmask[voxel] = 1;
    // Share of grey matter from the ribbon's votes; what is left is fluid outside and white matter inside of it.
    const ribbon = Math.min(1, (grey[voxel] ?? 0) / 2);
    const inwards = (inner[voxel] ?? 0) - (outer[voxel] ?? 0);
    const white = Math.max(0, Math.min(1, 0.5 + 0.35 * inwards + (d - 9) / 10)) * (1 - ribbon);
    const fluid = Math.max(0, 1 - ribbon - white);
    t1[voxel] = 160 * white + 100 * ribbon + 25 * fluid + 2 * source.normal();
    const j = Math.floor(voxel / I) % J, dropout = j > 0.72 * J && voxel / (I * J) < 0.3 * grid.shape[2] ? 0.45 : 1;
    mean[voxel] = dropout * (900 * white + 1050 * ribbon + 1300 * fluid * Math.max(0, Math.min(1, 1 + d / MASK_MARGIN))) + 15 * source.normal();
  }
  return { brainmask, t1, mean };
}

/** Index (0-based) of the vertex nearest on the sphere for each of another sphere's vertices, by walking downhill over neighbours. */
export function nearestOnSphere(from: Float64Array, to: HemisphereSurfaces['neighbours'], toPoints: Float64Array): Int32Array {
  const out = new Int32Array(from.length / 3);
  let at = 0;
  for (let v = 0; v < out.length; v++) {
    const x = from[3 * v] ?? 0, y = from[3 * v + 1] ?? 0, z = from[3 * v + 2] ?? 0;
    const near = (w: number): number => x * (toPoints[3 * w] ?? 0) + y * (toPoints[3 * w + 1] ?? 0) + z * (toPoints[3 * w + 2] ?? 0);
    for (let best = near(at); ;) {
      let next = at;
      for (let n = to.start[at] ?? 0; n < (to.start[at + 1] ?? 0); n++) {
        const w = to.list[n] ?? 0, dot = near(w);
        if (dot > best) { best = dot; next = w; }
      }
      if (next === at) break;
      at = next;
    }
    out[v] = at;
  }
  return out;
}
