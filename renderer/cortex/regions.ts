/**
 * Region outlines from vertex labels, for any surface: no drawing by hand, no flat map needed.
 *
 * Each region becomes a smooth field that is 1 inside and 0 outside; the fragment shader draws its level line at one half, which
 * is thin and even on every shape. Regions that touch must not share a field, so the map is coloured greedily with eight fields.
 */
import type { SurfaceLabels } from '../../common/dataset.ts';

export const FIELDS = 8;
/** Rounds of averaging over neighbours; two round the steps of the mesh off without moving a border by more than an edge. */
const SMOOTHING_ROUNDS = 3;

/** Neighbours of every vertex in compressed rows. */
export interface Adjacency {
  /** `[vertices + 1]` */
  readonly start: Uint32Array;
  readonly neighbours: Uint32Array;
}

export interface RegionMark {
  readonly index: number;
  readonly name: string;
  readonly vertices: number;
  /** The vertex deepest inside the largest piece: where the name goes. */
  readonly centre: number;
}

export interface RegionFields {
  /** `[vertices, 8]`, 0..255. */
  readonly fields: Uint8Array;
  readonly marks: readonly RegionMark[];
}

/** Neighbour lists from triangles; each undirected edge is stored at both ends, once per triangle side at most. */
export function adjacencyOf(index: Uint32Array, vertices: number): Adjacency {
  const degree = new Uint32Array(vertices + 1);
  for (let t = 0; t < index.length; t++) degree[index[t]! + 1]! += 2;
  const start = new Uint32Array(vertices + 1);
  for (let v = 0; v < vertices; v++) start[v + 1] = start[v]! + degree[v + 1]!;
  const at = start.slice(0, vertices);
  const loose = new Uint32Array(start[vertices]!);
  for (let t = 0; t < index.length; t += 3) {
    const a = index[t]!, b = index[t + 1]!, c = index[t + 2]!;
    loose[at[a]!++] = b; loose[at[a]!++] = c;
    loose[at[b]!++] = a; loose[at[b]!++] = c;
    loose[at[c]!++] = a; loose[at[c]!++] = b;
  }
  // An inner edge appears in two triangles: drop the second mention.
  const tight = new Uint32Array(loose.length), tightStart = new Uint32Array(vertices + 1);
  let write = 0;
  for (let v = 0; v < vertices; v++) {
    const from = write;
    for (let k = start[v]!; k < start[v + 1]!; k++) {
      const neighbour = loose[k]!;
      let seen = false;
      for (let j = from; j < write && !seen; j++) seen = tight[j] === neighbour;
      if (!seen) tight[write++] = neighbour;
    }
    tightStart[v + 1] = write;
  }
  return { start: tightStart, neighbours: tight.slice(0, write) };
}

/** A field number for each region so that regions within two steps of each other differ; -1 for regions left out. */
export function colourRegions(labels: Int32Array, regions: number, adjacency: Adjacency, shown: (region: number) => boolean): Int32Array {
  const touching = Array.from({ length: regions }, () => new Set<number>());
  for (let v = 0; v < labels.length; v++) {
    const own = labels[v]!;
    if (own < 0) continue;
    for (let k = adjacency.start[v]!; k < adjacency.start[v + 1]!; k++) {
      const near = adjacency.neighbours[k]!;
      const first = labels[near]!;
      if (first !== own && first >= 0) touching[own]?.add(first);
      if (first === own) continue;
      for (let j = adjacency.start[near]!; j < adjacency.start[near + 1]!; j++) {
        const second = labels[adjacency.neighbours[j]!]!;
        if (second !== own && second >= 0) { touching[own]?.add(second); touching[second]?.add(own); }
      }
    }
  }
  const colours = new Int32Array(regions).fill(-1);
  const order = Array.from({ length: regions }, (_, r) => r).sort((a, b) => (touching[b]?.size ?? 0) - (touching[a]?.size ?? 0));
  for (const region of order) {
    if (!shown(region)) continue;
    const used = new Set([...(touching[region] ?? [])].map((other) => colours[other]));
    let colour = 0;
    while (used.has(colour) && colour < FIELDS - 1) colour++;
    colours[region] = colour;
  }
  return colours;
}

/** Steps from the nearest vertex of another label, within each region (breadth first). */
function depthInside(labels: Int32Array, adjacency: Adjacency): Int32Array {
  const depth = new Int32Array(labels.length).fill(-1);
  let front: number[] = [];
  for (let v = 0; v < labels.length; v++) {
    if (labels[v]! < 0) continue;
    for (let k = adjacency.start[v]!; k < adjacency.start[v + 1]!; k++) {
      if (labels[adjacency.neighbours[k]!] !== labels[v]) { depth[v] = 0; front.push(v); break; }
    }
  }
  while (front.length > 0) {
    const next: number[] = [];
    for (const v of front) {
      for (let k = adjacency.start[v]!; k < adjacency.start[v + 1]!; k++) {
        const near = adjacency.neighbours[k]!;
        if (depth[near] === -1 && labels[near] === labels[v]) { depth[near] = depth[v]! + 1; next.push(near); }
      }
    }
    front = next;
  }
  return depth;
}

/** The vertex deepest inside each region, `[regions]`; -1 for one without vertices. */
function deepest(labels: Int32Array, adjacency: Adjacency, regions: number): Int32Array {
  const depth = depthInside(labels, adjacency), centre = new Int32Array(regions).fill(-1);
  for (let v = 0; v < labels.length; v++) {
    const region = labels[v]!;
    if (region >= 0 && region < regions && (centre[region] === -1 || depth[v]! > depth[centre[region]!]!)) centre[region] = v;
  }
  return centre;
}

/** 1 for each vertex that a triangle uses, 0 for those a flat patch leaves out: `[vertices]`. */
export function verticesIn(index: Uint32Array, vertices: number): Uint8Array {
  const used = new Uint8Array(vertices);
  for (const vertex of index) used[vertex] = 1;
  return used;
}

/**
 * Smooth fields and the place of each name. `shown` leaves regions out (the user's choice). With a flat patch (`inPatch`, `[vertices]`) a name
 * goes to a vertex of it, away from its cuts, so that it lies on its region on every shape.
 */
export function regionFields(labels: SurfaceLabels, adjacency: Adjacency, shown: (region: number) => boolean, inPatch: Uint8Array | null = null): RegionFields {
  const vertices = labels.labels.length, regions = labels.names.length;
  const colours = colourRegions(labels.labels, regions, adjacency, shown);
  let now = new Float32Array(vertices * FIELDS), next = new Float32Array(vertices * FIELDS);
  const active = new Uint8Array(vertices);
  for (let v = 0; v < vertices; v++) {
    const region = labels.labels[v]!;
    const colour = region >= 0 ? (colours[region] ?? -1) : -1;
    if (colour >= 0) { now[v * FIELDS + colour] = 1; active[v] = 1; }
  }
  for (let round = 0; round < SMOOTHING_ROUNDS; round++) {
    next.set(now);
    for (let v = 0; v < vertices; v++) {
      const from = adjacency.start[v]!, to = adjacency.start[v + 1]!;
      let busy = active[v] === 1;
      for (let k = from; k < to && !busy; k++) busy = active[adjacency.neighbours[k]!] === 1;
      if (!busy) continue;
      for (let f = 0; f < FIELDS; f++) {
        let sum = 0;
        for (let k = from; k < to; k++) sum += now[adjacency.neighbours[k]! * FIELDS + f]!;
        next[v * FIELDS + f] = 0.5 * now[v * FIELDS + f]! + (0.5 * sum) / Math.max(1, to - from);
      }
    }
    for (let v = 0; v < vertices; v++) {
      for (let f = 0; f < FIELDS; f++) if (next[v * FIELDS + f]! > 0) { active[v] = 1; break; }
    }
    [now, next] = [next, now];
  }
  const fields = new Uint8Array(vertices * FIELDS);
  for (let i = 0; i < fields.length; i++) fields[i] = Math.round(255 * now[i]!);
  const count = new Uint32Array(regions);
  for (const region of labels.labels) if (region >= 0 && region < regions) count[region]!++;
  const whole = deepest(labels.labels, adjacency, regions);
  const flat = inPatch === null ? whole : deepest(labels.labels.map((region, v) => (inPatch[v] === 1 ? region : -1)), adjacency, regions);
  const centre = flat.map((vertex, region) => (vertex >= 0 ? vertex : whole[region]!));
  const marks: RegionMark[] = [];
  for (let region = 0; region < regions; region++) {
    if (count[region]! > 0 && shown(region)) {
      marks.push({ index: region, name: labels.names[region] ?? String(region), vertices: count[region]!, centre: centre[region]! });
    }
  }
  return { fields, marks };
}
