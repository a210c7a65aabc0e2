import { describe, expect, it } from 'vitest';
import { areaOf, geodesics, icosphere, meanCurvature, neighboursOf, normalsOf } from '../../../main/demo/mesh.ts';

/** A triangulated sphere of order 4 has a little less area than the sphere: about 0.3 %. */
const FACETS = 0.005;
/** Barycentric areas differ from Voronoi ones by this much at the twelve vertices of degree five, and little elsewhere. */
const CURVATURE_ERROR = { worst: 0.2, usual: 0.02 };

describe('meshes', () => {
  const sphere = icosphere(4), vertices = sphere.points.length / 3;

  it('splits the icosahedron so that Euler counts hold and old vertices keep their numbers', () => {
    expect(vertices).toBe(10 * 4 ** 4 + 2);
    expect(sphere.triangles.length / 3).toBe(2 * vertices - 4);
    const coarse = icosphere(3);
    expect(Array.from(sphere.points.subarray(0, coarse.points.length))).toEqual(Array.from(coarse.points));
    expect(icosphere(5).points.length / 3).toBe(10242);
  });

  it('has outward triangles and the area of a sphere', () => {
    const radius = 30, mesh = { points: sphere.points.map((value) => value * radius), triangles: sphere.triangles };
    expect(Math.abs(areaOf(mesh) / (4 * Math.PI * radius ** 2) - 1)).toBeLessThan(FACETS);
    const { normals } = normalsOf(mesh);
    for (let p = 0; p < normals.length; p += 3) {
      const dot = (normals[p] ?? 0) * (sphere.points[p] ?? 0) + (normals[p + 1] ?? 0) * (sphere.points[p + 1] ?? 0) + (normals[p + 2] ?? 0) * (sphere.points[p + 2] ?? 0);
      expect(dot).toBeGreaterThan(0.999);
    }
  });

  it('gives a ball the mean curvature -1/R, negative as on gyri, and its inside the opposite', () => {
    const radius = 20, points = sphere.points.map((value) => value * radius);
    const outside = meanCurvature({ points, triangles: sphere.triangles });
    const reversed = sphere.triangles.slice().reverse();
    const inside = meanCurvature({ points, triangles: reversed });
    for (const errors of [outside.map((value) => Math.abs(value * -radius - 1)), inside.map((value) => Math.abs(value * radius - 1))]) {
      errors.sort();
      expect(errors[vertices - 1]).toBeLessThan(CURVATURE_ERROR.worst);
      expect(errors[vertices >> 1]).toBeLessThan(CURVATURE_ERROR.usual);
    }
  });

  it('finds the same shortest paths as repeated relaxation over all edges', () => {
    const small = icosphere(2), neighbours = neighboursOf(small.triangles, small.points.length / 3);
    const { distance } = geodesics(small, neighbours, [3]);
    const slow = new Float64Array(distance.length).fill(Infinity);
    slow[3] = 0;
    for (let changed = true; changed;) {
      changed = false;
      for (let v = 0; v < slow.length; v++) {
        for (let n = neighbours.start[v] ?? 0; n < (neighbours.start[v + 1] ?? 0); n++) {
          const w = neighbours.list[n] ?? 0;
          const length = Math.hypot(...[0, 1, 2].map((k) => (small.points[3 * v + k] ?? 0) - (small.points[3 * w + k] ?? 0)));
          if ((slow[v] ?? 0) + length < (slow[w] ?? 0) - 1e-12) { slow[w] = (slow[v] ?? 0) + length; changed = true; }
        }
      }
    }
    for (let v = 0; v < slow.length; v++) expect(distance[v]).toBeCloseTo(slow[v] ?? 0, 10);
  });
});
