/**
 * Writes fused operators out in standard ones, so that shapes follow and gradients flow. Specialise the graph first: the forms depend on shapes.
 * Operators that nothing is known of stay as they are.
 */
import { UserError } from '../../../common/errors.ts';
import { graphBuilder } from '../build.ts';
import { ATTENTION } from '../decompositions/attention.ts';
import type { Decomposition } from '../decompositions/decomposition.ts';
import { FUSED } from '../decompositions/fused.ts';
import { makeGraph } from '../graph.ts';
import type { Graph, Node } from '../graph.ts';

/** Standard operators that are written out rather than given a gradient rule, with the reason. */
export const WRITTEN_OUT: Readonly<Record<string, string>> = { Attention: 'products, a softmax and masks, each with its own rule' };

const FUSED_DOMAIN = 'com.microsoft';

function decompositionOf(node: Node): Decomposition | null {
  if (node.domain === '') return node.op === 'Attention' ? ATTENTION : null;
  return node.domain === FUSED_DOMAIN ? (FUSED[node.op] ?? null) : null;
}

/** The same graph without fused operators. Throws `UserError` (`unsupported`) naming a node whose form is not covered. */
export function decompose(graph: Graph): Graph {
  if (!graph.nodes.some((node) => decompositionOf(node) !== null)) return graph;
  const declared = new Map([...graph.valueInfos, ...graph.outputs].map((info) => [info.name, info] as const));
  const b = graphBuilder({ ...graph, nodes: [], valueInfos: [] });
  b.reserve(graph.nodes.flatMap((node) => [node.name, ...node.outputs]));
  for (const node of graph.nodes) {
    const write = decompositionOf(node);
    if (write === null) { b.append(node, declared); continue; }
    const made = write({ node, b, inputs: node.inputs.map((name) => (name === '' ? null : b.ref(name))) });
    node.outputs.forEach((name, i) => {
      if (name === '') return;
      const ref = made[i];
      if (ref === undefined || ref === null) throw new UserError('unsupported', `output ${i} of ${node.op} "${node.name}" is not written out`, { expected: 'the outputs that inference uses', found: `"${name}"` });
      b.append({ op: 'Identity', domain: '', name: `${name}/written_out`, inputs: [ref.name], outputs: [name], attributes: {} });
    });
  }
  const left = b.build(), domains = new Set(left.nodes.map((node) => node.domain)), made = new Set(left.nodes.flatMap((node) => node.outputs));
  return makeGraph({ ...left, valueInfos: graph.valueInfos.filter((info) => made.has(info.name)), opsets: Object.fromEntries(Object.entries(left.opsets).filter(([domain]) => domain === '' || domains.has(domain))) });
}
