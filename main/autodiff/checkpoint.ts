/**
 * Checkpoints: the forward pass is cut into blocks where little is alive, only what crosses a boundary is kept, and each block is computed again when
 * the way back reaches it (Chen et al. 2016, "Training deep nets with sublinear memory cost"). Same numbers, one more forward pass.
 *
 * The runtime orders nodes by what they read. A block that is computed again therefore reads its inputs joined with an empty piece of the
 * gradient that arrives at its end: it cannot start before the blocks after it are done with.
 */
import type { GraphBuilder, Ref } from '../onnx/build.ts';
import { readsOf } from '../onnx/graph.ts';
import type { Graph, Node } from '../onnx/graph.ts';
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

/**
 * Computes a block again. `cotangentOf` gives the gradient that has arrived at a value, or null.
 * Returns original name -> name of the new value, for everything that the block makes; empty where no gradient reaches the block.
 */
export function recompute(b: GraphBuilder, graph: Graph, block: readonly Node[], cotangentOf: (name: string) => Ref | null): ReadonlyMap<string, string> {
  const made = new Set(block.flatMap((node) => node.outputs.filter((name) => name !== ''))), own = new Set(block);
  // 1. The gradient that arrives last: of the value that the next nodes read first.
  const gradient = graph.nodes.filter((node) => !own.has(node)).flatMap((node) => readsOf(node)).filter((name) => made.has(name)).map(cotangentOf).find((ref) => ref !== null)
    ?? [...made].map(cotangentOf).find((ref) => ref !== null);
  const again = new Map<string, string>();
  if (gradient === undefined) return again;
  // 2. What comes from outside, tied to it. Constants need no tie.
  const constants = new Set(graph.initializers.map((initializer) => initializer.name));
  for (const name of new Set(block.flatMap((node) => readsOf(node)))) {
    if (made.has(name) || constants.has(name) || !b.has(name)) continue;
    const ref = b.ref(name);
    if ((ref.shape ?? []).length > 0 && ref.dtype.startsWith('float')) again.set(name, tied(b, ref, gradient).name);
  }
  // 3. The same nodes under new names.
  for (const node of block) {
    const outputs = node.outputs.map((name) => (name === '' ? '' : b.fresh(`${name}/again`)));
    b.append({ ...node, name: b.fresh(`${node.name === '' ? node.op : node.name}/again`), inputs: node.inputs.map((name) => again.get(name) ?? name), outputs });
    node.outputs.forEach((name, i) => { if (name !== '') again.set(name, outputs[i] ?? name); });
  }
  return again;
}
