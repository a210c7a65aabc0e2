/**
 * Triangle meshes as flat arrays, and the few measures and smoothings that the demo's cortex needs.
 *
 * `points` is `[vertices * 3]` (mm), `triangles` `[triangles * 3]`, counter-clockwise seen from outside.
 * Sources: cotangent Laplacian and mean-curvature normal after Meyer et al. 2003 (barycentric areas).
 */
export interface Mesh {
  readonly points: Float64Array;
  readonly triangles: Int32Array;
}

/** Vertex neighbours in compressed rows: those of `v` are `list[start[v] .. start[v + 1]]`. */
export interface Neighbours {
  readonly start: Int32Array;
  readonly list: Int32Array;
}

export interface Icosphere extends Mesh {
  /** The two vertices that each vertex was made between, `[vertices * 2]`; -1 for the first twelve. */
  readonly parents: Int32Array;
}

/** The sphere of radius 1 from an icosahedron split `order` times; vertices of each order come before those of the next. */
export function icosphere(order: number): Icosphere {
  const points: number[] = [0, 0, 1];
  const parents: number[] = new Array<number>(24).fill(-1);
  const height = 1 / Math.sqrt(5), radius = 2 / Math.sqrt(5);
  for (let ring = 0; ring < 2; ring++) {
    for (let i = 0; i < 5; i++) {
      const angle = ((2 * i + ring) * Math.PI) / 5;
      points.push(radius * Math.cos(angle), radius * Math.sin(angle), ring === 0 ? height : -height);
    }
  }
  points.push(0, 0, -1);
  let triangles: number[] = [];
  for (let i = 0; i < 5; i++) {
    const a = 1 + i, b = 1 + ((i + 1) % 5), c = 6 + i, d = 6 + ((i + 1) % 5);
    triangles.push(0, a, b, a, c, b, b, c, d, 11, d, c);
  }
  for (let level = 0; level < order; level++) {
    const middle = new Map<number, number>();
    const between = (a: number, b: number): number => {
      const key = Math.min(a, b) * 65536 + Math.max(a, b);
      const known = middle.get(key);
      if (known !== undefined) return known;
      const x = (points[3 * a] ?? 0) + (points[3 * b] ?? 0), y = (points[3 * a + 1] ?? 0) + (points[3 * b + 1] ?? 0);
      const z = (points[3 * a + 2] ?? 0) + (points[3 * b + 2] ?? 0), length = Math.hypot(x, y, z);
      const made = points.length / 3;
      points.push(x / length, y / length, z / length);
      parents.push(a, b);
      middle.set(key, made);
      return made;
    };
    const finer: number[] = [];
    for (let t = 0; t < triangles.length; t += 3) {
      const a = triangles[t] ?? 0, b = triangles[t + 1] ?? 0, c = triangles[t + 2] ?? 0;
      const ab = between(a, b), bc = between(b, c), ca = between(c, a);
      finer.push(a, ab, ca, b, bc, ab, c, ca, bc, ab, bc, ca);
    }
    triangles = finer;
  }
  return { points: Float64Array.from(points), triangles: Int32Array.from(triangles), parents: Int32Array.from(parents) };
}

/** Neighbours of every vertex of a mesh, in no particular order. */
export function neighboursOf(triangles: Int32Array, vertices: number): Neighbours {
  const sets: Set<number>[] = Array.from({ length: vertices }, () => new Set<number>());
  for (let t = 0; t < triangles.length; t += 3) {
    for (let i = 0; i < 3; i++) {
      const a = triangles[t + i] ?? 0, b = triangles[t + ((i + 1) % 3)] ?? 0;
      sets[a]?.add(b);
      sets[b]?.add(a);
    }
  }
  const start = new Int32Array(vertices + 1);
  sets.forEach((set, v) => { start[v + 1] = (start[v] ?? 0) + set.size; });
  const list = new Int32Array(start[vertices] ?? 0);
  sets.forEach((set, v) => { list.set([...set], start[v] ?? 0); });
  return { start, list };
}

/** `steps` times: each value moves by `share` towards the mean of its neighbours. `width` values per vertex; in place. */
export function smooth(values: Float64Array, width: number, { start, list }: Neighbours, share: number, steps: number): Float64Array {
  const vertices = start.length - 1;
  let from: Float64Array = values, to: Float64Array = new Float64Array(values.length);
  for (let step = 0; step < steps; step++) {
    for (let v = 0; v < vertices; v++) {
      const first = start[v] ?? 0, last = start[v + 1] ?? 0, weight = share / Math.max(1, last - first);
      for (let k = 0; k < width; k++) {
        let sum = 0;
        for (let n = first; n < last; n++) sum += from[(list[n] ?? 0) * width + k] ?? 0;
        to[v * width + k] = (1 - share) * (from[v * width + k] ?? 0) + weight * sum;
      }
    }
    const held = from; from = to; to = held;
  }
  if (from !== values) values.set(from);
  return values;
}

/** Unit normals `[vertices * 3]` (area-weighted) and a third of the area of each vertex's triangles `[vertices]`. */
export function normalsOf({ points, triangles }: Mesh): { normals: Float64Array; areas: Float64Array } {
  const normals = new Float64Array(points.length), areas = new Float64Array(points.length / 3);
  for (let t = 0; t < triangles.length; t += 3) {
    const a = 3 * (triangles[t] ?? 0), b = 3 * (triangles[t + 1] ?? 0), c = 3 * (triangles[t + 2] ?? 0);
    const ax = points[a] ?? 0, ay = points[a + 1] ?? 0, az = points[a + 2] ?? 0;
    const ux = (points[b] ?? 0) - ax, uy = (points[b + 1] ?? 0) - ay, uz = (points[b + 2] ?? 0) - az;
    const vx = (points[c] ?? 0) - ax, vy = (points[c + 1] ?? 0) - ay, vz = (points[c + 2] ?? 0) - az;
    const nx = uy * vz - uz * vy, ny = uz * vx - ux * vz, nz = ux * vy - uy * vx;
    const third = Math.sqrt(nx * nx + ny * ny + nz * nz) / 6;
    for (const p of [a, b, c]) {
      normals[p] = (normals[p] ?? 0) + nx;
      normals[p + 1] = (normals[p + 1] ?? 0) + ny;
      normals[p + 2] = (normals[p + 2] ?? 0) + nz;
      areas[p / 3] = (areas[p / 3] ?? 0) + third;
    }
  }
  for (let p = 0; p < normals.length; p += 3) {
    const length = Math.hypot(normals[p] ?? 0, normals[p + 1] ?? 0, normals[p + 2] ?? 0) || 1;
    normals[p] = (normals[p] ?? 0) / length;
    normals[p + 1] = (normals[p + 1] ?? 0) / length;
    normals[p + 2] = (normals[p + 2] ?? 0) / length;
  }
  return { normals, areas };
}

/** Total area, mm^2. */
export function areaOf(mesh: Mesh): number {
  return normalsOf(mesh).areas.reduce((sum, area) => sum + area, 0);
}

/**
 * Mean curvature per vertex (1/mm) `[vertices]`, positive in sulci (FreeSurfer's sign), negative on gyri.
 *
 * 1. cotangents of the two angles opposite each edge; 2. Laplacian of the positions over twice the vertex area;
 * 3. its component along the outward normal: positive where the surface is hollow seen from outside.
 */
export function meanCurvature(mesh: Mesh): Float64Array {
  const { points, triangles } = mesh;
  const { normals, areas } = normalsOf(mesh);
  const laplacian = new Float64Array(points.length);
  for (let t = 0; t < triangles.length; t += 3) {
    for (let i = 0; i < 3; i++) {
      const o = 3 * (triangles[t + i] ?? 0), a = 3 * (triangles[t + ((i + 1) % 3)] ?? 0), b = 3 * (triangles[t + ((i + 2) % 3)] ?? 0);
      const ux = (points[a] ?? 0) - (points[o] ?? 0), uy = (points[a + 1] ?? 0) - (points[o + 1] ?? 0), uz = (points[a + 2] ?? 0) - (points[o + 2] ?? 0);
      const vx = (points[b] ?? 0) - (points[o] ?? 0), vy = (points[b + 1] ?? 0) - (points[o + 1] ?? 0), vz = (points[b + 2] ?? 0) - (points[o + 2] ?? 0);
      const cross = Math.hypot(uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx) || 1e-12;
      const half = (ux * vx + uy * vy + uz * vz) / cross / 2;
      for (let k = 0; k < 3; k++) {
        const flow = half * ((points[b + k] ?? 0) - (points[a + k] ?? 0));
        laplacian[a + k] = (laplacian[a + k] ?? 0) + flow;
        laplacian[b + k] = (laplacian[b + k] ?? 0) - flow;
      }
    }
  }
  return Float64Array.from(areas, (area, v) => ((laplacian[3 * v] ?? 0) * (normals[3 * v] ?? 0) + (laplacian[3 * v + 1] ?? 0) * (normals[3 * v + 1] ?? 0)
    + (laplacian[3 * v + 2] ?? 0) * (normals[3 * v + 2] ?? 0)) / (2 * Math.max(area, 1e-9)));
}

/** Shortest edge paths from the given vertices (Dijkstra over edge lengths): distance in mm and the vertex before. */
export function geodesics({ points }: Mesh, { start, list }: Neighbours, sources: Iterable<number>, blocked?: Uint8Array): { distance: Float64Array; before: Int32Array } {
  const distance = new Float64Array(start.length - 1).fill(Infinity), before = new Int32Array(start.length - 1).fill(-1);
  // A binary heap of vertices; an entry whose distance is out of date is skipped when it comes out.
  const heapVertex: number[] = [], heapKey: number[] = [];
  const push = (vertex: number, key: number): void => {
    let at = heapKey.length;
    heapVertex.push(vertex); heapKey.push(key);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((heapKey[parent] ?? 0) <= key) break;
      heapVertex[at] = heapVertex[parent] ?? 0; heapKey[at] = heapKey[parent] ?? 0;
      at = parent;
    }
    heapVertex[at] = vertex; heapKey[at] = key;
  };
  const pop = (): readonly [number, number] => {
    const top = [heapVertex[0] ?? 0, heapKey[0] ?? 0] as const;
    const vertex = heapVertex.pop() ?? 0, key = heapKey.pop() ?? 0, size = heapKey.length;
    for (let at = 0; size > 0;) {
      let child = 2 * at + 1;
      if (child + 1 < size && (heapKey[child + 1] ?? 0) < (heapKey[child] ?? 0)) child++;
      if (child >= size || (heapKey[child] ?? 0) >= key) { heapVertex[at] = vertex; heapKey[at] = key; break; }
      heapVertex[at] = heapVertex[child] ?? 0; heapKey[at] = heapKey[child] ?? 0;
      at = child;
    }
    return top;
  };
  for (const source of sources) { distance[source] = 0; push(source, 0); }
  while (heapKey.length > 0) {
    const [v, key] = pop();
    if (key > (distance[v] ?? 0)) continue;
    for (let n = start[v] ?? 0; n < (start[v + 1] ?? 0); n++) {
      const w = list[n] ?? 0;
      if (blocked?.[w] === 1) continue;
      const length = Math.hypot((points[3 * v] ?? 0) - (points[3 * w] ?? 0), (points[3 * v + 1] ?? 0) - (points[3 * w + 1] ?? 0), (points[3 * v + 2] ?? 0) - (points[3 * w + 2] ?? 0));
      if (key + length < (distance[w] ?? 0)) {
        distance[w] = key + length;
        before[w] = v;
        push(w, key + length);
      }
    }
  }
  return { distance, before };
}
