import { describe, expect, it } from 'vitest';
import type { SurfaceLabels } from '../../../common/dataset.ts';
import { arrangeLabels } from '../../../renderer/cortex/label-layer.ts';
import { adjacencyOf, colourRegions, FIELDS, regionFields, verticesIn } from '../../../renderer/cortex/regions.ts';

/** A grid of squares, each cut into two triangles. */
function grid(side: number): { readonly index: Uint32Array; readonly vertices: number } {
  const index: number[] = [];
  for (let y = 0; y + 1 < side; y++) for (let x = 0; x + 1 < side; x++) {
    const a = y * side + x;
    index.push(a, a + 1, a + side, a + 1, a + side + 1, a + side);
  }
  return { index: Uint32Array.from(index), vertices: side * side };
}

const SIDE = 24;
const { index, vertices } = grid(SIDE);
const adjacency = adjacencyOf(index, vertices);
/** Nine square regions with a border of nothing around them. */
const labels: SurfaceLabels = {
  hemisphere: 'lh', atlas: 'squares', names: Array.from({ length: 9 }, (_, i) => `R${i}`),
  labels: Int32Array.from({ length: vertices }, (_, v) => {
    const x = (v % SIDE) - 1, y = Math.floor(v / SIDE) - 1;
    return x < 0 || y < 0 || x >= 21 || y >= 21 ? -1 : 3 * Math.floor(y / 7) + Math.floor(x / 7);
  }),
};

describe('region outlines', () => {
  it('lists every neighbour once, both ways', () => {
    for (let v = 0; v < vertices; v++) {
      const near = [...adjacency.neighbours.slice(adjacency.start[v], adjacency.start[v + 1])];
      expect(new Set(near).size).toBe(near.length);
      for (const other of near) expect([...adjacency.neighbours.slice(adjacency.start[other], adjacency.start[other + 1])]).toContain(v);
    }
    expect(adjacency.neighbours.length).toBe(2 * (2 * SIDE * (SIDE - 1) + (SIDE - 1) ** 2));
  });

  it('never gives two regions that touch the same field', () => {
    const colours = colourRegions(labels.labels, 9, adjacency, () => true);
    for (let v = 0; v < vertices; v++) {
      for (let k = adjacency.start[v]!; k < adjacency.start[v + 1]!; k++) {
        const a = labels.labels[v]!, b = labels.labels[adjacency.neighbours[k]!]!;
        if (a >= 0 && b >= 0 && a !== b) expect(colours[a]).not.toBe(colours[b]);
      }
    }
  });

  it('names a region on the flat patch, away from a cut through its middle', () => {
    // The patch leaves out the column through the middle of the middle regions.
    const cut = 12, patch = Uint32Array.from([...Array.from({ length: index.length / 3 }, (_, t) => index.subarray(3 * t, 3 * t + 3))].filter((face) => face.every((v) => v % SIDE !== cut)).flatMap((face) => [...face]));
    const inPatch = verticesIn(patch, vertices);
    expect(inPatch.reduce((sum, used) => sum + used, 0)).toBe(vertices - SIDE);
    const whole = regionFields(labels, adjacency, () => true).marks, flat = regionFields(labels, adjacency, () => true, inPatch).marks;
    const columnOf = (marks: typeof whole, region: number): number => (marks[region]?.centre ?? 0) % SIDE;
    for (const region of [1, 4, 7]) {
      expect(inPatch[flat[region]?.centre ?? 0]).toBe(1);
      expect(Math.abs(columnOf(flat, region) - cut)).toBeGreaterThan(1);
      expect(labels.labels[flat[region]?.centre ?? 0]).toBe(region);
    }
    expect(flat[0]?.centre).toBe(whole[0]?.centre);
    // A region wholly outside the patch keeps its place on the folded surface.
    expect(regionFields(labels, adjacency, () => true, new Uint8Array(vertices)).marks).toEqual(whole);
  });

  it('crosses one half between a region and what is not the region, and nowhere inside', () => {
    const { fields } = regionFields(labels, adjacency, () => true);
    const colours = colourRegions(labels.labels, 9, adjacency, () => true);
    for (let v = 0; v < vertices; v++) {
      const region = labels.labels[v]!, x = ((v % SIDE) - 1) % 7, y = (Math.floor(v / SIDE) - 1) % 7;
      const deep = region >= 0 && x >= 2 && x <= 4 && y >= 2 && y <= 4;
      if (deep) expect(fields[v * FIELDS + colours[region]!]! / 255, `vertex ${v}`).toBeGreaterThan(0.5);
      if (region === -1) for (let f = 0; f < FIELDS; f++) expect(fields[v * FIELDS + f]! / 255).toBeLessThan(0.5);
    }
  });

  it('puts the name at the deepest vertex and leaves hidden regions out', () => {
    const { marks, fields } = regionFields(labels, adjacency, (region) => region === 4);
    expect(marks).toHaveLength(1);
    const { centre, name, vertices: size } = marks[0]!;
    expect([name, size]).toEqual(['R4', 49]);
    expect([centre % SIDE, Math.floor(centre / SIDE)]).toEqual([11, 11]);
    expect(fields[(SIDE + 1) * FIELDS]).toBe(0);
  });
});

describe('names on the cortex', () => {
  it('never overlap, the larger region keeps its place, and one without room is left out', () => {
    const wanted = Array.from({ length: 14 }, (_, i) => ({ name: `V${i}`, hemisphere: 'lh' as const, x: 100 + (i % 3), y: 100, weight: i }));
    const placed = arrangeLabels(wanted);
    expect(placed[0]).toMatchObject({ name: 'V13', x: 101, y: 100 });
    expect(placed.length).toBeLessThan(14);
    for (const a of placed) for (const b of placed) if (a !== b) expect(Math.abs(a.y - b.y) >= 18 || Math.abs(a.x - b.x) > 20).toBe(true);
  });
});
