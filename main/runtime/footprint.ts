/**
 * What an open session takes on the processor, counted from its graph (ONNX Runtime 1.30; constants measured, `autodiff/MEASURED.md`):
 *
 * - its weights, copied or mapped;
 * - what the runtime makes of them unless it runs the graph as it is: results of nodes that compute from constants alone, kernels of convolutions in blocks of
 *   channels, packed second factors of products (one for each product; the first takes the place of the weight), float32 of half precision;
 * - the graph itself, node by node;
 * - values: the blocks that its planner asks for (`allocation.ts`) as its arena lays them out (`arena.ts`), and inputs and outputs, which lie in arrays of ours too.
 *
 * Not counted: scratch of single operators, a tenth to a fifth of the values where it was measured.
 */
import type { DType } from '../../common/ndarray.ts';
import { feedsOf } from '../onnx/graph.ts';
import type { Graph, Node } from '../onnx/graph.ts';
import { weightBytes } from '../onnx/memory.ts';
import { fixed } from '../onnx/shape-rules.ts';
import { inferShapes } from '../onnx/shape.ts';
import { byteLengthOf } from '../onnx/tensor.ts';
import { allocationSteps, constantNodes } from './allocation.ts';
import { arenaUse } from './arena.ts';

export interface Footprint {
  readonly weightBytes: number;
  /** The runtime's graph and its copies of weights. */
  readonly copyBytes: number;
  /** Values, inputs and outputs of one run. */
  readonly valueBytes: number;
}

/** Objects of the runtime for one node, its values and its kernel: 3.4 to 4 kB measured for graphs of 500 to 2700 nodes. */
const NODE_BYTES = 3800;

/** `graph` with fixed shapes. `asIs`: opened without rewriting and packing (`SessionOptions.frugal` or `mapWeights`). */
export function footprint(graph: Graph, asIs: boolean): Footprint {
  const constants = asIs ? new Set<Node>() : constantNodes(graph), half = graph.initializers.reduce((sum, { dtype, shape }) => sum + (dtype === 'float16' ? wideBytes(dtype, shape) : 0), 0);
  const { touchedBytes } = arenaUse(allocationSteps(graph, constants));
  const edge = (values: Graph['inputs']): number => values.reduce((sum, { dtype, shape }) => sum + wideBytes(dtype, fixed(shape) ?? [0]), 0);
  return {
    weightBytes: weightBytes(graph),
    copyBytes: NODE_BYTES * graph.nodes.length + (asIs ? 0 : half + rewritten(graph, constants)),
    valueBytes: touchedBytes + edge(feedsOf(graph)) + edge(graph.outputs),
  };
}

/** As the processor holds them: half precision as float32. */
const wideBytes = (dtype: DType, shape: readonly number[]): number => byteLengthOf(dtype === 'float16' ? 'float32' : dtype, shape);

/** Folded constants, and weights in the layouts that kernels read. */
function rewritten(graph: Graph, constants: ReadonlySet<Node>): number {
  const kinds = inferShapes(graph), bytes = new Map<string, number>(graph.initializers.map(({ name, dtype, shape }) => [name, wideBytes(dtype, shape)])), packed = new Map<string, number>();
  let sum = 0;
  for (const node of constants) for (const name of node.outputs) {
    const kind = kinds.get(name), size = kind === undefined ? 0 : wideBytes(kind.dtype, fixed(kind.shape) ?? [0]);
    bytes.set(name, size);
    sum += size;
  }
  for (const node of graph.nodes) {
    if (constants.has(node) || node.domain !== '') continue;
    const weight = node.inputs[1] ?? '', size = bytes.get(weight) ?? 0;
    if (node.op === 'Conv') sum += size;
    else if (node.op === 'MatMul' || node.op === 'Gemm') {
      packed.set(weight, (packed.get(weight) ?? 0) + 1);
      if ((packed.get(weight) ?? 0) > 1) sum += size;
    }
  }
  return sum;
}
