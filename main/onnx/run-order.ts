/**
 * The order in which ONNX Runtime runs nodes: not the file's, but depth first from the results. Of the nodes that a node reads from, the one that
 * stands last in the file is run first, with all that it needs; of the nodes that nothing reads, too, the last is begun first.
 *
 * Source: onnxruntime 1.30, GraphViewer (core/graph/graph_viewer.cc) and Graph::ReverseDFSFrom, which a session uses with its graph optimisations off; held against
 * the runtime's own profile (test/main/onnx/run-order.test.ts). It decides what is alive at once, and so how much memory a graph takes.
 */
import { producers, readsOf } from './graph.ts';
import type { Node, Subgraph } from './graph.ts';

/** All nodes, in the order in which they are run. Constants take no turn but are listed. */
export function runOrder(graph: Subgraph): readonly Node[] {
  const maker = producers(graph), position = new Map(graph.nodes.map((node, at) => [node, at] as const));
  const sources = (node: Node): Node[] => [...new Set(readsOf(node).flatMap((name) => maker.get(name) ?? []))].sort((a, b) => (position.get(a) ?? 0) - (position.get(b) ?? 0));
  const read = new Set(graph.nodes.flatMap(sources)), entered = new Set<Node>(), order: Node[] = [];
  const stack: { readonly node: Node; readonly done: boolean }[] = graph.nodes.filter((node) => !read.has(node)).map((node) => ({ node, done: false }));
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { node, done } = top;
    if (done) { order.push(node); continue; }
    if (entered.has(node)) continue;
    entered.add(node);
    stack.push({ node, done: true }, ...sources(node).filter((source) => !entered.has(source)).map((source) => ({ node: source, done: false })));
  }
  return order;
}
