/**
 * Checkpoints: the forward pass is cut into blocks where little is alive, only what crosses a boundary is kept, and each block is computed again when
 * the way back reaches it (Chen et al. 2016, "Training deep nets with sublinear memory cost"). Same numbers, one more forward pass.
 *
 * Parts of a chain that was cut (`onnx/edit/slice.ts`, attention over many places) are always computed again, one at a time: their products are cheap
 * beside the memory that they would hold.
 *
 * The runtime orders nodes by what they read (`onnx/run-order.ts`). A block that is computed again therefore reads its inputs tied to the gradient that
 * arrives at its end: it cannot start before the blocks after it are done with.
 */
import type { GraphBuilder, Ref } from '../onnx/build.ts';
import { readsOf } from '../onnx/graph.ts';
import type { Graph, Node } from '../onnx/graph.ts';
import type { Part } from '../onnx/edit/slice.ts';
import { valueBytes } from '../onnx/memory.ts';
import { tied } from './rule.ts';

/** How far from an equal share a boundary may move to where less is alive. */
const SLACK = 0.35;

/** The nodes of a graph in `count` runs of about equal bytes, cut where little crosses. */
export function blocksOf(graph: Graph, count: number): readonly (readonly Node[])[] {
  if (count <= 1) return [graph.nodes];
  const bytes = valueBytes(graph), last = new Map<string, number>();
  graph.nodes.forEach((node, at) => { for (const name of readsOf(node)) last.set(name, at); });
  // crossing[p]: bytes made before node p and read at p or later; passed[p]: bytes made before p.
  const crossing = [0], passed = [0], ending = new Map<number, number>();
  let alive = 0, total = 0;
  graph.nodes.forEach((node, at) => {
    for (const name of node.outputs) {
      const size = bytes.get(name) ?? 0, end = last.get(name);
      total += size;
      if (end === undefined || end <= at) continue;
      alive += size;
      ending.set(end, (ending.get(end) ?? 0) + size);
    }
    alive -= ending.get(at) ?? 0;
    crossing.push(alive);
    passed.push(total);
  });
  const cuts = new Set<number>();
  for (let k = 1; k < count; k++) {
    const [low, high] = [(k - SLACK) * total / count, (k + SLACK) * total / count];
    let best: number | null = null;
    for (let p = 1; p < graph.nodes.length; p++) {
      const done = passed[p] ?? 0;
      if (done >= low && done <= high && (best === null || (crossing[p] ?? 0) < (crossing[best] ?? 0))) best = p;
    }
    if (best !== null) cuts.add(best);
  }
  const edges = [0, ...[...cuts].sort((a, b) => a - b), graph.nodes.length];
  return edges.slice(1).map((end, i) => graph.nodes.slice(edges[i], end));
}

/** Consecutive nodes that belong to one part of a cut chain, or to none. */
export interface Piece { readonly nodes: readonly Node[]; readonly part: Part | null }

/** A run of nodes cut where parts begin and end. */
export function piecesOf(nodes: readonly Node[], parts: readonly Part[]): readonly Piece[] {
  const partOf = new Map(parts.flatMap((part) => part.makes.map((name) => [name, part] as const))), pieces: { nodes: Node[]; part: Part | null }[] = [];
  for (const node of nodes) {
    const part = partOf.get(node.outputs[0] ?? '') ?? null, last = pieces.at(-1);
    if (last?.part === part) last.nodes.push(node);
    else pieces.push({ nodes: [node], part });
  }
  return pieces;
}

/** What a block that is computed again waits for and reads. */
export interface Again {
  /** The gradient that has arrived at a value, or null. */
  readonly cotangentOf: (name: string) => Ref | null;
  /** Further values that must be there first. */
  readonly after: readonly Ref[];
  /** Names under which values are to be read, where a larger block was computed again before. */
  readonly names: ReadonlyMap<string, string>;
  /** Which inputs wait; all floating ones unless given. */
  readonly waits?: readonly string[];
}

/**
 * Computes a block again. Returns original name -> name of the new value, for everything that the block makes; empty where no gradient reaches the block.
 */
export function recompute(b: GraphBuilder, graph: Graph, block: readonly Node[], { cotangentOf, after, names, waits }: Again): ReadonlyMap<string, string> {
  const made = new Set(block.flatMap((node) => node.outputs.filter((name) => name !== ''))), own = new Set(block);
  // 1. The gradient that arrives last: of the value that the next nodes read first.
  const gradient = graph.nodes.filter((node) => !own.has(node)).flatMap((node) => readsOf(node)).filter((name) => made.has(name)).map(cotangentOf).find((ref) => ref !== null)
    ?? [...made].map(cotangentOf).find((ref) => ref !== null);
  const again = new Map<string, string>();
  if (gradient === undefined) return again;
  // 2. What comes from outside, tied to it. Constants need no tie.
  const constants = new Set(graph.initializers.map((initializer) => initializer.name));
  for (const name of new Set(block.flatMap((node) => readsOf(node)))) {
    if (made.has(name) || constants.has(name)) continue;
    const seen = names.get(name) ?? name;
    if (!b.has(seen)) continue;
    const ref = b.ref(seen), waiting = waits === undefined ? (ref.shape ?? []).length > 0 && ref.dtype.startsWith('float') : waits.includes(name);
    if (waiting) again.set(name, tied(b, ref, [gradient, ...after]).name);
    else if (seen !== name) again.set(name, seen);
  }
  // 3. The same nodes under new names.
  for (const node of block) {
    const outputs = node.outputs.map((name) => (name === '' ? '' : b.fresh(`${name}/again`)));
    b.append({ ...node, name: b.fresh(`${node.name === '' ? node.op : node.name}/again`), inputs: node.inputs.map((name) => again.get(name) ?? name), outputs });
    node.outputs.forEach((name, i) => { if (name !== '') again.set(name, outputs[i] ?? name); });
  }
  return again;
}
