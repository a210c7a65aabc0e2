/**
 * Which blocks the runtime asks for while a graph runs on the processor, and when it gives them back: the rules of its planner (ONNX Runtime 1.30,
 * `core/framework/allocation_planner.cc`, memory patterns off), followed over the nodes in its order (`onnx/run-order.ts`).
 *
 * - A value that only renames another (Reshape and the like) lies in its block.
 * - An elementwise result takes the block of an input of the same size that nothing reads afterwards.
 * - Otherwise it takes the block of a value of the same shape and element size that is done with, the one that ended last. Until then such a block is not given back: it
 *   counts as taken from its first value to its last.
 * - Otherwise it asks for a block. Outputs of the graph have blocks of their own.
 *
 * The processor has no kernels for half precision: its values are float32 there. Fixed shapes are needed; values of open shapes count as nothing.
 */
import { sizeOf } from '../../common/ndarray.ts';
import { readsOf } from '../onnx/graph.ts';
import type { Graph, Node } from '../onnx/graph.ts';
import { valueBytes } from '../onnx/memory.ts';
import { runOrder } from '../onnx/run-order.ts';
import { fixed } from '../onnx/shape-rules.ts';
import { inferShapes } from '../onnx/shape.ts';
import type { ArenaStep } from './arena.ts';

const RENAMES: ReadonlySet<string> = new Set(['Flatten', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze']);
/** Inputs whose block the result may take. */
const IN_PLACE: Readonly<Record<string, readonly number[]>> = {
  Add: [0, 1], Sub: [0, 1], Mul: [0, 1], Div: [0, 1], Sum: [0],
  Abs: [0], Cast: [0], Clip: [0], Cos: [0], Elu: [0], Erf: [0], Exp: [0], Floor: [0], Gelu: [0], LeakyRelu: [0], Log: [0], Neg: [0], Reciprocal: [0], Relu: [0], Sigmoid: [0], Sin: [0], Softplus: [0], Sqrt: [0], Tanh: [0],
};
/** Float32 where the graph says float16. */
const HALF_FACTOR = 2;

interface Block { readonly bytes: number; readonly kind: string; readonly first: number; last: number; left: number; kept: boolean }

/** `skip`: nodes that do not run (`constantNodes`); their results are weights. */
export function allocationSteps(graph: Graph, skip: ReadonlySet<Node> = new Set()): readonly ArenaStep[] {
  const nodes = runOrder(graph).filter((node) => !skip.has(node)), sizes = valueBytes(graph), kinds = inferShapes(graph), outputs = new Set(graph.outputs.map(({ name }) => name));
  const bytesOf = (name: string): number => (sizes.get(name) ?? 0) * (kinds.get(name)?.dtype === 'float16' ? HALF_FACTOR : 1);
  const kindOf = (name: string): string => { const shape = fixed(kinds.get(name)?.shape ?? null); return shape === null ? name : `${sizeOf(shape) === 0 ? 0 : bytesOf(name) / sizeOf(shape)} x ${shape.join(' ')}`; };
  // 1. Reads of every value; a node that reads one twice counts twice, and cannot take its block.
  const readers = new Map<string, number>();
  for (const node of nodes) for (const name of readsOf(node)) readers.set(name, (readers.get(name) ?? 0) + 1);
  // 2. A block for every value.
  const blocks = new Map<string, Block>(), all: Block[] = [], done: Block[] = [];
  const inPlace = (node: Node, name: string): Block | undefined => (IN_PLACE[node.op] ?? []).map((index) => blocks.get(node.inputs[index] ?? '')).find((block) => block?.left === 1 && !block.kept && block.kind === kindOf(name));
  const reused = (name: string): Block | undefined => { const at = done.findIndex((block) => block.kind === kindOf(name)); return at < 0 ? undefined : done.splice(at, 1)[0]; };
  const fresh = (name: string, at: number, kept: boolean): Block => {
    const block: Block = { bytes: bytesOf(name), kind: kindOf(name), first: at, last: at, left: 0, kept };
    all.push(block);
    return block;
  };
  nodes.forEach((node, at) => {
    node.outputs.forEach((name, index) => {
      if (name === '') return;
      const renamed = index === 0 && RENAMES.has(node.op) ? blocks.get(node.inputs[0] ?? '') : undefined;
      const block = outputs.has(name) ? fresh(name, at, true) : (renamed ?? (index === 0 ? inPlace(node, name) : undefined) ?? reused(name) ?? fresh(name, at, false));
      block.left += readers.get(name) ?? 0;
      block.last = at;
      blocks.set(name, block);
    });
    const unread = node.outputs.filter((name) => name !== '' && (readers.get(name) ?? 0) === 0);
    for (const name of [...readsOf(node), ...unread]) {
      const block = blocks.get(name);
      if (block === undefined) continue;
      if (!unread.includes(name)) block.left--;
      block.last = at;
      if (block.left === 0 && !block.kept) done.unshift(block);
    }
  });
  // 3. In the order of time.
  const steps: ArenaStep[] = [], taken = new Map<number, number[]>(), givenBack = new Map<number, number[]>(), push = (map: Map<number, number[]>, at: number, block: number): void => { map.set(at, [...(map.get(at) ?? []), block]); };
  all.forEach((block, index) => { push(taken, block.first, index); if (!block.kept) push(givenBack, block.last, index); });
  nodes.forEach((_, at) => {
    for (const index of taken.get(at) ?? []) steps.push({ take: String(index), bytes: all[index]?.bytes ?? 0 });
    for (const index of givenBack.get(at) ?? []) steps.push({ giveBack: String(index) });
  });
  return steps;
}

/** Nodes that compute from constants alone: the runtime runs them once, when it rewrites a graph, and keeps their results as weights. */
export function constantNodes(graph: Graph): ReadonlySet<Node> {
  const known = new Set(graph.initializers.map(({ name }) => name)), found = new Set<Node>(), outputs = new Set(graph.outputs.map(({ name }) => name));
  for (const node of graph.nodes) {
    if (!readsOf(node).every((name) => known.has(name)) || node.outputs.some((name) => outputs.has(name))) continue;
    found.add(node);
    for (const name of node.outputs) known.add(name);
  }
  return found;
}
