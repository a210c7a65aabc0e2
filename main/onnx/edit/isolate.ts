/** One part of a model: the outputs or inner tensors asked for, and only the inputs that they need. For graphs that hold more than a role wants. */
import { readsOf, makeGraph } from '../graph.ts';
import type { Graph } from '../graph.ts';
import { tap } from './tap.ts';

/** The graph that computes just these values, in this order. Throws as `tap` does for names that do not exist. */
export function isolate(graph: Graph, values: readonly string[]): Graph {
  const part = tap(graph, values, { keepOutputs: false }), read = new Set(part.nodes.flatMap(readsOf));
  return makeGraph({ ...part, inputs: part.inputs.filter((input) => read.has(input.name) || values.includes(input.name)) });
}
