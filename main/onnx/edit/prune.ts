/** Keeps only what the outputs need: nodes, initializers and declarations that nothing reads are dropped. Inputs stay. */
import { makeGraph, producers, readsOf } from '../graph.ts';
import type { Graph, Node } from '../graph.ts';

/** Names that are needed to compute these outputs, themselves included. */
export function neededFor(graph: Graph, outputs: readonly string[]): ReadonlySet<string> {
  const maker = producers(graph), needed = new Set<string>(), open = [...outputs];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (needed.has(name)) continue;
    needed.add(name);
    const node = maker.get(name);
    if (node !== undefined) open.push(...readsOf(node));
  }
  return needed;
}

/** The graph without what its outputs do not need. */
export function prune(graph: Graph): Graph {
  const needed = neededFor(graph, graph.outputs.map((output) => output.name));
  const used = (node: Node): boolean => node.outputs.some((name) => needed.has(name));
  return makeGraph({
    ...graph,
    nodes: graph.nodes.filter(used),
    initializers: graph.initializers.filter((initializer) => needed.has(initializer.name)),
    valueInfos: graph.valueInfos.filter((info) => needed.has(info.name)),
  });
}
