import { describe, expect, it } from 'vitest';
import type { HemisphereGeometry } from '../../../common/contract/payloads.ts';
import { f32, ndarray } from '../../../common/ndarray.ts';
import { orientFlat, prepareMesh, vertexNormals } from '../../../renderer/cortex/mesh.ts';
import { LAYOUTS, placementOf, positionOfShape, stopsAt } from '../../../renderer/cortex/placement.ts';
import type { LayoutName } from '../../../renderer/cortex/placement.ts';

/** float32 geometry. */
const CLOSE = 5;

/** An octahedron, its faces seen counter-clockwise from outside. RAS: right, left, front, back, top, bottom. */
const POINTS = [1, 0, 0, -1, 0, 0, 0, 2, 0, 0, -2, 0, 0, 0, 3, 0, 0, -3];
const FACES = [0, 2, 4, 2, 1, 4, 1, 3, 4, 3, 0, 4, 2, 0, 5, 1, 2, 5, 3, 1, 5, 0, 3, 5];

const octahedron = (extra: Partial<HemisphereGeometry> = {}): HemisphereGeometry => ({
  hemisphere: 'lh', vertices: 6, triangles: ndarray('int32', [8, 3], Int32Array.from(FACES)), shapes: { white: f32([6, 3], POINTS.map((x) => x + 10)), inflated: f32([6, 3], POINTS) },
  flat: null, flatTriangles: null, curvature: Float32Array.from([-1, 1, 0.5, Number.NaN, 0, -3]), ...extra,
});

describe('prepared meshes', () => {
  it('turns surface RAS into scene axes about the middle, without mirroring', () => {
    const mesh = prepareMesh(octahedron());
    const white = mesh.shapes[0]!;
    expect(white.name).toBe('white');
    expect(white.centre).toEqual([10, 10, -10]);
    expect(white.half).toEqual([1, 3, 2]);
    expect([...white.positions.slice(12, 15)]).toEqual([0, 3, -0].map((x) => x + 0));
    for (let v = 0; v < 6; v++) {
      const outward = [0, 1, 2].reduce((sum, k) => sum + white.positions[3 * v + k]! * white.normals[3 * v + k]!, 0);
      expect(outward, `vertex ${v}`).toBeGreaterThan(0);
    }
  });

  it('gives unit normals that point along the axes of a symmetric body', () => {
    const normals = vertexNormals(Float32Array.from([1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1]), Uint32Array.from(FACES));
    expect([...normals].map((x) => Number(x.toFixed(CLOSE)) + 0)).toEqual([1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1]);
  });

  it('puts the faces of the patch first, whichever way round they are given', () => {
    const flat = f32([6, 2], [0, 0, 1, 0, 0, 1, 1, 1, 0.5, 2, Number.NaN, Number.NaN]);
    const patch = Int32Array.from([4, 3, 1, 4, 0, 2]); // faces 1 3 4 mirrored and 0 2 4 mirrored: 4-3-1, 4-0-2 turned
    const mesh = prepareMesh(octahedron({ flat, flatTriangles: ndarray('int32', [2, 3], patch) }));
    expect(mesh.patchFaces).toBe(2);
    expect([...mesh.index].sort()).toEqual([...FACES].sort());
    const first = [0, 3].map((at) => [...mesh.index.slice(at, at + 3)].sort().join());
    expect(first).toEqual(['0,2,4', '1,3,4']);
    expect(mesh.shapes.at(-1)?.name).toBe('flat');
  });

  it('squeezes curvature to -1 .. 1 and drops what is not a number', () => {
    const { curvature } = prepareMesh(octahedron());
    expect(Math.min(...curvature)).toBe(-1);
    expect(curvature[3]).toBe(0);
    expect(curvature[1]).toBeGreaterThan(0);
  });
});

describe('flat maps', () => {
  it('are turned and mirrored back to the lateral view', () => {
    // The truth: a patch that already looks like its reference. Given turned by 130 degrees and mirrored, it must come back.
    const n = 40, reference = new Float32Array(n * 3), given = new Float32Array(n * 2), angle = (130 * Math.PI) / 180;
    for (let i = 0; i < n; i++) {
      const u = Math.cos(i * 2.4) * (3 + i / 5), v = Math.sin(i * 2.4) * (1 + i / 9);
      reference[3 * i + 2] = u; // scene z: towards the back of the head
      reference[3 * i + 1] = v;
      given[2 * i] = -(Math.cos(angle) * u - Math.sin(angle) * v);
      given[2 * i + 1] = Math.sin(angle) * u + Math.cos(angle) * v;
    }
    // Triangles that are counter-clockwise in the true picture.
    const faces: number[] = [];
    for (let i = 0; i + 2 < n; i++) {
      const [a, b, c] = [i, i + 1, i + 2];
      const area = (reference[3 * b + 2]! - reference[3 * a + 2]!) * (reference[3 * c + 1]! - reference[3 * a + 1]!) - (reference[3 * c + 2]! - reference[3 * a + 2]!) * (reference[3 * b + 1]! - reference[3 * a + 1]!);
      faces.push(...(area > 0 ? [a, b, c] : [a, c, b]));
    }
    const out = orientFlat(given, reference, Uint32Array.from(faces), 'lh');
    const mean = [2, 1].map((axis) => Array.from({ length: n }, (_, i) => reference[3 * i + axis]!).reduce((sum, x) => sum + x, 0) / n);
    for (let i = 0; i < n; i++) {
      expect(out[3 * i]!, `vertex ${i}`).toBeCloseTo(reference[3 * i + 2]! - mean[0]!, 4);
      expect(out[3 * i + 1]!, `vertex ${i}`).toBeCloseTo(reference[3 * i + 1]! - mean[1]!, 4);
    }
  });

  it('keep vertices outside the patch in its middle', () => {
    const out = orientFlat(Float32Array.from([0, 0, 1, 0, 0, 1, Number.NaN, Number.NaN]), new Float32Array(12), Uint32Array.from([0, 1, 2]), 'rh');
    expect([...out.slice(9)]).toEqual([0, 0, 0]);
  });
});

describe('placement', () => {
  const shape = prepareMesh(octahedron()).shapes[1]!;

  it.each(Object.keys(LAYOUTS) as LayoutName[])('keeps the hemispheres of layout %s apart and mirrored', (layout) => {
    const left = placementOf(shape, 'lh', layout, true), right = placementOf(shape, 'rh', layout, true);
    expect(left.x).toBeCloseTo(-right.x, 9);
    expect(left.turn).toBeCloseTo(-right.turn, 9);
    expect(right.x).toBeGreaterThan(0);
    expect(placementOf(shape, 'rh', layout, false).x).toBe(0);
  });

  it('finds the two stops around a slider position', () => {
    const stops = ['white', 'inflated', 'flat'] as const;
    expect(stopsAt(0, stops)).toEqual({ from: 0, to: 1, t: 0 });
    expect(stopsAt(1, stops)).toEqual({ from: 2, to: 2, t: 0 });
    expect(stopsAt(0.75, stops)).toMatchObject({ from: 1, to: 2 });
    expect(stopsAt(0.75, stops).t).toBeCloseTo(0.5, 9);
    expect(stopsAt(0.3, ['white'])).toEqual({ from: 0, to: 0, t: 0 });
    expect([positionOfShape('inflated', stops), positionOfShape('pial', stops)]).toEqual([0.5, null]);
  });
});
