/**
 * Shapes of every value of a graph, and specialisation of a graph to fixed input shapes.
 *
 * Small constants are followed as values (`evaluate.ts`), so that the Shape-Gather-Concat-Reshape arithmetic of exporters resolves.
 */
import { UserError } from '../../common/errors.ts';
import type { DType } from '../../common/ndarray.ts';
import { evaluate, valueOf } from './evaluate.ts';
import type { Value } from './evaluate.ts';
import { feedsOf, makeGraph, opsetOf } from './graph.ts';
import type { Graph, Node, Subgraph, ValueInfo } from './graph.ts';
import { attributesOf, isKnown } from './ops.ts';
import type { Op } from './ops.ts';
import { fixed, SHAPE_RULES, shapeText } from './shape-rules.ts';
import type { Operand, RuleContext, Typed } from './shape-rules.ts';

/** Value name -> what is known of it. */
export type Known = ReadonlyMap<string, Operand>;

/** Output types of one node. An operator outside the table gives null: nothing is known. */
export function inferNode(node: Node, inputs: readonly (Operand | null)[], opset: number): readonly Operand[] | null {
  if (node.domain !== '' || !isKnown(node.op)) return null;
  const typed = applyRule(node.op, node, inputs, opset);
  const values = knownValues(node, inputs, opset);
  return node.outputs.map((_, i): Operand => {
    const value = values?.[i] ?? null, type = typed[i];
    if (value !== null) return { dtype: value.dtype, shape: value.shape, value };
    if (type === undefined) throw new UserError('unsupported', `${node.op} "${node.name}" has ${node.outputs.length} outputs; at most ${typed.length} are supported`, { expected: `${typed.length} outputs`, found: `${node.outputs.length}` });
    const shape = fixed(type.shape);
    return { ...type, value: shape !== null && shape.includes(0) ? { dtype: type.dtype, shape, values: [] } : null }; // no elements: nothing is unknown
  });
}

function applyRule<O extends Op>(op: O, node: Node, inputs: readonly (Operand | null)[], opset: number): readonly Typed[] {
  const rule: (context: RuleContext<O>) => readonly Typed[] = SHAPE_RULES[op];
  return rule({ node, attributes: attributesOf(op, node), inputs, opset });
}

function knownValues(node: Node, inputs: readonly (Operand | null)[], opset: number): readonly Value[] | null {
  const shape = fixed(inputs[0]?.shape ?? null);
  if (shape !== null && node.op === 'Shape') {
    const { start, end } = attributesOf('Shape', node);
    const part = shape.slice(start, end ?? undefined);
    return [{ dtype: 'int64', shape: [part.length], values: part }];
  }
  if (shape !== null && node.op === 'Size') return [{ dtype: 'int64', shape: [], values: [shape.reduce((product, extent) => product * extent, 1)] }];
  return evaluate(node, inputs.map((operand) => operand?.value ?? null), opset);
}

/** What is known of an initializer. */
export function operandOf(initializer: Subgraph['initializers'][number]): Operand {
  return { dtype: initializer.dtype, shape: initializer.shape, value: valueOf(initializer) };
}

/**
 * Everything that can be known of the values of a graph. Where no rule helps, the file's own declarations are used;
 * values known from neither are absent. Throws `UserError` where shapes contradict each other, naming the node.
 */
export function inferShapes(graph: Graph): Known {
  const known = new Map<string, Operand>(), opset = opsetOf(graph);
  const declared = new Map([...graph.valueInfos, ...graph.outputs].map((info) => [info.name, info] as const));
  for (const input of graph.inputs) known.set(input.name, { dtype: input.dtype, shape: input.shape, value: null });
  for (const initializer of graph.initializers) known.set(initializer.name, operandOf(initializer));
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => (name === '' ? null : (known.get(name) ?? undefined)));
    const complete = inputs.every((operand) => operand !== undefined);
    const outputs = complete ? inferNode(node, inputs.map((operand) => operand ?? null), opset) : null;
    node.outputs.forEach((name, i) => {
      const info = declared.get(name), found = outputs?.[i];
      if (found !== undefined) known.set(name, found.shape === null && info !== undefined ? { ...found, shape: info.shape } : found);
      else if (info !== undefined) known.set(name, { dtype: info.dtype, shape: info.shape, value: null });
    });
  }
  return known;
}

/**
 * The graph with its inputs fixed to these shapes and every inner shape worked out and declared.
 *
 * `shapes`: input name -> extents. Inputs that already have fixed shapes may be left out. Throws `UserError` (`usage`) for an
 * unknown input, a shape that contradicts the declared one, or an input that stays open.
 */
export function specialise(graph: Graph, shapes: Readonly<Record<string, readonly number[]>>): Graph {
  const feeds = feedsOf(graph);
  const wrong = (name: string, expected: string, found: string): UserError =>
    new UserError('usage', `input "${name}" of ${graph.name}: expected ${expected}, found ${found}`, { expected, found, fix: `Give each input as NAME=1x3x64x64; the inputs are ${feeds.map((feed) => `${feed.name} ${shapeText(feed.shape)}`).join(', ')}.` });
  for (const name of Object.keys(shapes)) if (!feeds.some((feed) => feed.name === name)) throw wrong(name, `one of ${feeds.map((feed) => feed.name).join(', ')}`, name);
  const named = new Map<string, number>();
  const inputs = graph.inputs.map((input): ValueInfo => {
    const shape = shapes[input.name];
    if (shape === undefined) return input;
    if (input.shape !== null && input.shape.length !== shape.length) throw wrong(input.name, shapeText(input.shape), shapeText(shape));
    input.shape?.forEach((dim, axis) => {
      const extent = shape[axis] ?? 0, before = typeof dim === 'string' ? named.get(dim) : dim;
      if (before !== null && before !== undefined && before !== extent) throw wrong(input.name, `${before} on axis ${axis}${typeof dim === 'string' ? ` ("${dim}")` : ''}`, `${extent}`);
      if (typeof dim === 'string') named.set(dim, extent);
    });
    return { ...input, shape };
  }).map((input) => ({ ...input, shape: input.shape?.map((dim) => (typeof dim === 'string' ? (named.get(dim) ?? dim) : dim)) ?? null }));
  const open = feedsOf({ ...graph, inputs }).find((input) => fixed(input.shape) === null);
  if (open !== undefined) throw wrong(open.name, 'a fixed shape', shapeText(open.shape));
  // Declarations of the open graph name extents that no longer exist; they are dropped and worked out anew.
  const bare = { ...graph, inputs, valueInfos: [], outputs: graph.outputs.map((output) => ({ ...output, shape: null })) };
  const known = inferShapes(bare);
  const declare = (name: string, dtype: DType): ValueInfo => ({ name, dtype: known.get(name)?.dtype ?? dtype, shape: known.get(name)?.shape ?? null });
  const outputs = graph.outputs.map((output) => declare(output.name, output.dtype));
  const outer = new Set([...inputs, ...outputs, ...graph.initializers].map((value) => value.name));
  const inner = [...known].filter(([name]) => !outer.has(name)).map(([name, operand]): ValueInfo => ({ name, dtype: operand.dtype, shape: operand.shape }));
  return makeGraph({ ...graph, inputs, outputs, valueInfos: inner });
}
