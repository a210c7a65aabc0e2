/** Gives a half-precision model float32 inputs and outputs, by casts at its edge. The inner graph is unchanged. */
import { CODE_OF } from '../element-type.ts';
import { makeGraph } from '../graph.ts';
import type { Graph, Node, Subgraph, ValueInfo } from '../graph.ts';

function cast(name: string, from: string, to: 'float16' | 'float32'): Node {
  return { op: 'Cast', domain: '', name: `${name}/cast`, inputs: [from], outputs: [name], attributes: { to: { type: 'int', value: CODE_OF[to] } } };
}

const half = (value: ValueInfo): boolean => value.dtype === 'float16';

function renameReads(node: Node, rename: (name: string) => string): Node {
  const attributes = Object.fromEntries(Object.entries(node.attributes).map(([key, attribute]) =>
    [key, attribute.type === 'graph' ? { ...attribute, value: renameBody(attribute.value, rename) } : attribute]));
  return { ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename), attributes };
}

function renameBody(body: Subgraph, rename: (name: string) => string): Subgraph {
  return { ...body, nodes: body.nodes.map((node) => renameReads(node, rename)), outputs: body.outputs.map((output) => ({ ...output, name: rename(output.name) })) };
}

/** The graph with every float16 input and output turned into float32 of the same name. */
export function float32Edge(graph: Graph): Graph {
  const edge = new Set([...graph.inputs, ...graph.outputs].filter(half).map((value) => value.name));
  const rename = (name: string): string => (edge.has(name) ? `${name}/half` : name);
  const nodes = [
    ...graph.inputs.filter(half).map((input) => cast(rename(input.name), input.name, 'float16')),
    ...graph.nodes.map((node) => renameReads(node, rename)),
    ...graph.outputs.filter(half).map((output) => cast(output.name, rename(output.name), 'float32')),
  ];
  const widen = (value: ValueInfo): ValueInfo => (half(value) ? { ...value, dtype: 'float32' } : value);
  return makeGraph({ ...graph, nodes, inputs: graph.inputs.map(widen), outputs: graph.outputs.map(widen) });
}
