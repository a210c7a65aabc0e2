/** How many tokens a text network knows: the rows of its table of token embeddings, found in its graph. */
import { producers } from '../onnx/graph.ts';
import type { Graph } from '../onnx/graph.ts';

/** Operators through which ids, or a table, stay what they are row by row. */
const UNCHANGED: ReadonlySet<string> = new Set(['Cast', 'Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'DequantizeLinear']);

/**
 * Rows of the table that the input `ids` picks from by Gather; null where the graph reads its ids in another way, so that nothing can be said before it
 * runs. Where ids pick from several tables (a quantised one and its scales), the smallest counts.
 */
export function tokenRows(graph: Graph, ids: string): number | null {
  const made = producers(graph), tables = new Map(graph.initializers.map(({ name, shape }) => [name, shape]));
  const fromIds = new Set([ids]);
  for (const node of graph.nodes) if (UNCHANGED.has(node.op) && fromIds.has(node.inputs[0] ?? '')) for (const output of node.outputs) fromIds.add(output);
  /** Shape of a stored table, read through what leaves its rows as they are. */
  const shapeOf = (name: string): readonly number[] | undefined => {
    const node = made.get(name);
    if (node === undefined) return tables.get(name);
    if (node.op === 'Constant') { const value = node.attributes['value']; return value?.type === 'tensor' ? value.value.shape : undefined; }
    return ['Cast', 'Identity', 'DequantizeLinear'].includes(node.op) ? shapeOf(node.inputs[0] ?? '') : undefined;
  };
  const rows = graph.nodes.flatMap((node) => {
    const axis = node.attributes['axis'], shape = node.op === 'Gather' && fromIds.has(node.inputs[1] ?? '') && (axis === undefined || (axis.type === 'int' && axis.value === 0)) ? shapeOf(node.inputs[0] ?? '') : undefined;
    return shape?.[0] === undefined ? [] : [shape[0]];
  });
  return rows.length === 0 ? null : Math.min(...rows);
}
