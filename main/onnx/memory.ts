/**
 * What running a graph takes: bytes of weights, and the most bytes that values take at once when nodes run in the runtime's order (`run-order.ts`) and a
 * value is freed after its last reader. The runtime also reuses buffers in place, and loses some to gaps. Fixed shapes are needed; open ones count as nothing.
 */
import { readsOf } from './graph.ts';
import type { Graph } from './graph.ts';
import { runOrder } from './run-order.ts';
import { inferShapes } from './shape.ts';
import { fixed } from './shape-rules.ts';
import { byteLengthOf } from './tensor.ts';

/** Bytes of the weights, inside the file and outside. */
export function weightBytes(graph: Graph): number {
  return graph.initializers.reduce((sum, { dtype, shape }) => sum + byteLengthOf(dtype, shape), 0);
}

/** Operators whose result is the same bytes under another shape. */
const VIEWS = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity']);

/** Value name -> bytes, of everything that nodes make. */
export function valueBytes(graph: Graph): ReadonlyMap<string, number> {
  const known = inferShapes(graph);
  return new Map(graph.nodes.flatMap((node) => node.outputs.filter((name) => name !== '').map((name): readonly [string, number] => {
    const operand = known.get(name), shape = fixed(operand?.shape ?? null);
    return [name, operand === undefined || shape === null ? 0 : byteLengthOf(operand.dtype, shape)];
  })));
}

/** The most bytes of values alive at once. Outputs live to the end. */
export function peakBytes(graph: Graph): number {
  const bytes = valueBytes(graph), nodes = runOrder(graph), outputs = new Set(graph.outputs.map((output) => output.name));
  // A view keeps what it looks at alive: both count as the one buffer.
  const base = new Map<string, string>();
  const root = (name: string): string => base.get(name) ?? name;
  const last = new Map<string, number>();
  nodes.forEach((node, at) => {
    const [source = '', made = ''] = [node.inputs[0], node.outputs[0]];
    if (VIEWS.has(node.op) && node.domain === '' && bytes.has(root(source))) base.set(made, root(source));
    for (const name of readsOf(node)) last.set(root(name), at);
  });
  const ending = new Map<number, string[]>();
  for (const [name, at] of last) if (bytes.has(name) && ![...outputs].some((output) => root(output) === name)) ending.set(at, [...(ending.get(at) ?? []), name]);
  let now = 0, peak = 0;
  nodes.forEach((node, at) => {
    for (const name of node.outputs) if (name !== '' && root(name) === name) now += bytes.get(name) ?? 0;
    peak = Math.max(peak, now);
    for (const name of ending.get(at) ?? []) now -= bytes.get(name) ?? 0;
    for (const name of node.outputs) if (name !== '' && root(name) === name && !last.has(name) && !outputs.has(name)) now -= bytes.get(name) ?? 0;
  });
  return peak;
}
