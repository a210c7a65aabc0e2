import { beforeAll, describe, expect, it } from 'vitest';
import { random } from '../../../common/random.ts';
import { areasOf, KASTNER } from '../../../main/demo/areas.ts';
import type { HemisphereAreas } from '../../../main/demo/areas.ts';
import { hemisphereOf } from '../../../main/demo/cortex.ts';
import type { HemisphereSurfaces } from '../../../main/demo/cortex.ts';
import { distortionOf, flatten } from '../../../main/demo/flatten.ts';
import type { FlatMap } from '../../../main/demo/flatten.ts';
import { hullMesh } from '../../../main/demo/hull.ts';
import type { Hull } from '../../../main/demo/hull.ts';

const SEED = 7;
/** Twice a triangle's area that counts as turned over; rounding is far below. */
const FLAT = 1e-9;
/** Share of triangles that may disagree in direction with the mean of white and pial: a few in the tightest folds. */
const TURNED = 0.0005;

function cross(points: Float64Array, triangles: Int32Array, t: number): [number, number, number] {
  const [a, b, c] = [0, 1, 2].map((i) => 3 * (triangles[t + i] ?? 0)) as [number, number, number];
  const u = [0, 1, 2].map((k) => (points[b + k] ?? 0) - (points[a + k] ?? 0)), v = [0, 1, 2].map((k) => (points[c + k] ?? 0) - (points[a + k] ?? 0));
  const [ux = 0, uy = 0, uz = 0] = u, [vx = 0, vy = 0, vz = 0] = v;
  return [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
}

function volumeOf(points: Float64Array, triangles: Int32Array): number {
  let six = 0;
  for (let t = 0; t < triangles.length; t += 3) {
    const [x, y, z] = cross(points, triangles, t), a = 3 * (triangles[t] ?? 0);
    six += (points[a] ?? 0) * x + (points[a + 1] ?? 0) * y + (points[a + 2] ?? 0) * z;
  }
  return six / 6;
}

function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const n = a.length, mean = (x: ArrayLike<number>): number => Array.from(x).reduce((sum, value) => sum + value, 0) / n;
  const ma = mean(a), mb = mean(b);
  let ab = 0, aa = 0, bb = 0;
  for (let i = 0; i < n; i++) { const x = (a[i] ?? 0) - ma, y = (b[i] ?? 0) - mb; ab += x * y; aa += x * x; bb += y * y; }
  return ab / Math.sqrt(aa * bb);
}

describe(`a hemisphere of the demo (seed ${SEED})`, () => {
  let hull: Hull, left: HemisphereSurfaces, right: HemisphereSurfaces, areas: HemisphereAreas, flat: FlatMap;
  beforeAll(() => {
    hull = hullMesh(5);
    left = hemisphereOf(hull, { hemisphere: 'lh', scale: [1, 1.02, 0.98] }, random(SEED).fork('lh'));
    right = hemisphereOf(hull, { hemisphere: 'rh', scale: [1, 1, 1] }, random(SEED).fork('rh'));
    areas = areasOf(hull, 'lh', left.wall, random(SEED).fork('areas'));
    flat = flatten(hull, { points: right.inflated, triangles: hull.mesh.triangles }, right.wall, { rounds: 10 });
  }, 300_000);

  it('has the size of a human hemisphere, on its own side of the midline, faces outwards', () => {
    for (const side of [left, right]) {
      const sign = side.hemisphere === 'lh' ? -1 : 1;
      for (const points of [side.white, side.pial, side.inflated, side.sphere]) expect(volumeOf(points, side.triangles)).toBeGreaterThan(0);
      const pial = volumeOf(side.pial, side.triangles) / 1000, area = side.area.reduce((sum, value) => sum + value, 0) / 100;
      expect(pial).toBeGreaterThan(200);
      expect(pial).toBeLessThan(600);
      expect(area).toBeGreaterThan(450);
      expect(area).toBeLessThan(1100);
      for (let p = 0; p < side.pial.length; p += 3) expect(sign * (side.pial[p] ?? 0)).toBeGreaterThan(0);
    }
  });

  it('keeps white inside pial by the thickness, with hardly a triangle turned over', () => {
    for (const side of [left, right]) {
      const gaps = Float64Array.from(side.thickness, (_, v) => Math.hypot(...[0, 1, 2].map((k) => (side.pial[3 * v + k] ?? 0) - (side.white[3 * v + k] ?? 0))))
        .filter((_, v) => side.wall[v] === 0).sort();
      // Where a fold is tighter than the cortex is thick, untangling takes some of the thickness.
      expect(gaps[0]).toBeGreaterThan(0);
      expect(gaps[Math.floor(0.02 * gaps.length)]).toBeGreaterThan(1.2);
      expect(gaps[gaps.length >> 1]).toBeGreaterThan(2.2);
      expect(gaps.at(-1)).toBeLessThan(6);
      let turned = 0;
      for (let t = 0; t < side.triangles.length; t += 3) {
        const m = cross(side.layerB2, side.triangles, t);
        for (const points of [side.white, side.pial]) { const n = cross(points, side.triangles, t); if (m[0] * n[0] + m[1] * n[1] + m[2] * n[2] <= 0) turned++; }
      }
      expect(turned / side.triangles.length).toBeLessThan(TURNED);
    }
  });

  it('has curvature positive where the cortex lies deep', () => {
    expect(correlation(left.curvature, left.sulc)).toBeGreaterThan(0.6);
    expect(correlation(right.curvature, left.curvature)).toBeLessThan(0.5);
  });

  it('lays flat as one disc, every triangle upright, with little distortion', () => {
    const { triangles, points, inside, border } = flat;
    let turned = 0;
    const edges = new Set<number>(), used = new Set<number>();
    for (let t = 0; t < triangles.length; t += 3) {
      const [a = 0, b = 0, c = 0] = triangles.subarray(t, t + 3);
      const twice = ((points[2 * b] ?? 0) - (points[2 * a] ?? 0)) * ((points[2 * c + 1] ?? 0) - (points[2 * a + 1] ?? 0)) - ((points[2 * c] ?? 0) - (points[2 * a] ?? 0)) * ((points[2 * b + 1] ?? 0) - (points[2 * a + 1] ?? 0));
      if (twice <= FLAT) turned++;
      for (const [x, y] of [[a, b], [b, c], [c, a]] as const) { edges.add(Math.min(x, y) * 65536 + Math.max(x, y)); used.add(x); }
    }
    expect(turned).toBe(0);
    expect(used.size - edges.size + triangles.length / 3).toBe(1);
    expect(used.size).toBe(inside.reduce((sum, value) => sum + value, 0));
    expect(border.reduce((sum, value) => sum + value, 0)).toBeGreaterThan(100);
    expect(distortionOf(flat, { points: right.inflated, triangles: hull.mesh.triangles })).toBeLessThan(1.12);
    for (let v = 0; v < inside.length; v++) expect(Number.isNaN(points[2 * v])).toBe(inside[v] !== 1);
  });

  it('has every area, upper field below the calcarine and lower field above, mirrored at the borders', () => {
    const members = (name: (typeof KASTNER)[number]): number[] => Array.from(areas.own.keys()).filter((v) => areas.own[v] === KASTNER.indexOf(name) + 1);
    for (const name of KASTNER) expect(members(name).length, name).toBeGreaterThan(20);
    const height = (name: (typeof KASTNER)[number]): number => { const list = members(name); return list.reduce((sum, v) => sum + (hull.mesh.points[3 * v + 2] ?? 0), 0) / list.length; };
    expect(height('V3d')).toBeGreaterThan(height('V2d'));
    expect(height('V2d')).toBeGreaterThan(height('V1d'));
    expect(height('V1d')).toBeGreaterThan(height('V1v'));
    expect(height('V1v')).toBeGreaterThan(height('V2v'));
    expect(height('V2v')).toBeGreaterThan(height('V3v'));
    // The left hemisphere sees the right half: -90 is the lower vertical meridian, 0 the horizontal one, 90 the upper one.
    const at = (name: (typeof KASTNER)[number], beside: (typeof KASTNER)[number]): number => {
      const label = KASTNER.indexOf(beside) + 1;
      // Near the fovea the bands are narrower than a vertex.
      const list = members(name).filter((v) => (areas.eccentricity[v] ?? 0) > 1.5 && Array.from(hull.neighbours.list.subarray(hull.neighbours.start[v], hull.neighbours.start[v + 1])).some((w) => areas.own[w] === label));
      return list.reduce((sum, v) => sum + (((areas.angle[v] ?? 0) + 180) % 360) - 180, 0) / list.length;
    };
    expect(at('V1d', 'V1v')).toBeGreaterThan(-25);
    expect(at('V1d', 'V2d')).toBeLessThan(-60);
    expect(at('V2d', 'V1d')).toBeLessThan(-60);
    expect(at('V2d', 'V3d')).toBeGreaterThan(-35);
    expect(at('V3d', 'V2d')).toBeGreaterThan(-40);
    expect(at('V1v', 'V2v')).toBeGreaterThan(60);
    expect(at('V2v', 'V3v')).toBeLessThan(35);
    expect(at('V3v', 'hV4')).toBeGreaterThan(45);
    expect(at('hV4', 'V3v')).toBeGreaterThan(15);
    expect(at('V3d', 'V3A')).toBeLessThan(-45);
    expect(at('V3A', 'V3d')).toBeLessThan(-15);
  });
});
