/**
 * vjp: a model in, the same model with its vector-Jacobian product out, as one graph for the same runtime.
 *
 * Inputs of the result = the model's plus `<output>_grad`; outputs = the model's plus `<input>_grad`.
 *   x_grad = sum over outputs y of J_yx^T y_grad
 *
 * Each in its value's type; cotangents and gradients of float16 values in float32 (`half.ts`).
 * The walker owns reachability, un-broadcasting, accumulation (one Sum per value) and the check of every rule's dtype and shape.
 */
import { UserError } from '../../common/errors.ts';
import { ndarray, sizeOf } from '../../common/ndarray.ts';
import { graphBuilder } from '../onnx/build.ts';
import type { GraphBuilder, Ref } from '../onnx/build.ts';
import { decompose } from '../onnx/edit/decompose.ts';
import { fold } from '../onnx/edit/fold.ts';
import { prune } from '../onnx/edit/prune.ts';
import { raiseOpset } from '../onnx/edit/raise.ts';
import { inParts, LARGEST_TENSOR_BYTES } from '../onnx/edit/slice.ts';
import type { Cuts } from '../onnx/edit/slice.ts';
import { producers, readsOf } from '../onnx/graph.ts';
import type { Graph, Node } from '../onnx/graph.ts';
import { peakBytes } from '../onnx/memory.ts';
import { attributesOf, isKnown } from '../onnx/ops.ts';
import type { Op } from '../onnx/ops.ts';
import { specialise } from '../onnx/shape.ts';
import { blocksOf, piecesOf, recompute } from './checkpoint.ts';
import { cotangentType, gradientsOf } from './half.ts';
import { dims, unsupported } from './rule.ts';
import type { Rule, RuleContext } from './rule.ts';
import { CARRIED, FORBIDDEN, NO_GRADIENT, RULES } from './rules/index.ts';

export interface VjpOptions {
  /** Inputs (or inner values, or initializers) whose gradient is wanted. */
  readonly wrt: readonly string[];
  /** Fixed shapes of inputs that the model leaves open. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  /** Outputs that get a cotangent input; all floating outputs that depend on `wrt` unless given. */
  readonly of?: readonly string[];
  /**
   * Ceiling of the memory that values take at once (weights not counted, `onnx/memory.ts`). Above it the forward pass is kept only at block
   * boundaries and computed again, block by block, on the way back.
   */
  readonly memoryBytes?: number;
  /** Largest single value of a chain that can be cut into parts (`onnx/edit/slice.ts`). `CUT_ABOVE_BYTES` unless given. */
  readonly largestTensorBytes?: number;
}

/** Chains of larger values (attention over many places) are cut into parts of at most `PART_BYTES`, which are computed again on the way back. */
const CUT_ABOVE_BYTES = 2 ** 27;
/** About a processor's shared cache: measured in `MEASURED.md`. */
const PART_BYTES = 2 ** 25;

/** More blocks than this save nothing. */
const MOST_BLOCKS = 64;

const FLOATING: ReadonlySet<string> = new Set(['float16', 'float32', 'float64']);

/** Throws `UserError` (`usage`) for unknown names, (`unsupported`) for an operator without a rule, with the path from loss to it. */
export function vjp(model: Graph, options: VjpOptions): Graph {
  const largest = Math.min(options.largestTensorBytes ?? CUT_ABOVE_BYTES, LARGEST_TENSOR_BYTES);
  const graph = inParts(fold(decompose(specialise(raiseOpset(model), options.shapes ?? {})), options.wrt), largest, Math.min(largest, PART_BYTES));
  let result = inBlocks(graph, options, 1);
  const ceiling = options.memoryBytes;
  if (ceiling === undefined) return result;
  let least = peakBytes(result);
  for (let blocks = 2; least > ceiling && blocks <= MOST_BLOCKS; blocks *= 2) {
    const tried = inBlocks(graph, options, blocks), peak = peakBytes(tried);
    if (peak < least) [result, least] = [tried, peak];
  }
  if (least > ceiling) {
    const text = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;
    throw new UserError('unsupported', `the gradient of ${model.name} needs ${text(least)} for its values, more than the ${text(ceiling)} that it may take`, { expected: `at most ${text(ceiling)}`, found: text(least), fix: 'Allow more memory, or take a smaller batch or picture.' });
  }
  return result;
}

/** The gradient graph with the forward pass kept whole (one block) or at block boundaries only. */
function inBlocks({ graph, parts }: Cuts, options: VjpOptions, count: number): Graph {
  const b = graphBuilder(graph);
  for (const name of options.wrt) {
    const ref = known(b, graph, name);
    if (!FLOATING.has(ref.dtype)) throw new UserError('usage', `"${name}" holds ${ref.dtype}, which has no gradient`, { expected: 'a floating-point value', found: ref.dtype });
    if (options.wrt.indexOf(name) !== options.wrt.lastIndexOf(name)) throw new UserError('usage', `the gradient of "${name}" is asked for twice`, { expected: 'each value once', found: options.wrt.join(', ') });
    if ((options.of ?? graph.outputs.map((output) => output.name)).includes(name)) {
      throw new UserError('usage', `"${name}" is an output that gets a gradient, and its own is asked for`, { expected: 'values before the outputs', found: name, fix: 'Ask for the gradient of values before it, or leave it out of the outputs.' });
    }
  }
  // 1. Forward: which values depend on wrt through something differentiable.
  const active = new Set(options.wrt);
  for (const node of graph.nodes) {
    if (!readsOf(node).some((name) => active.has(name)) || (stops(node) && carriedBy(node, active) === undefined)) continue;
    node.outputs.forEach((name) => { if (name !== '' && isFloating(b, name)) active.add(name); });
  }
  // 2. A cotangent input for each output asked for.
  const cotangents = new Map<string, Ref[]>();
  const outputs = (options.of ?? graph.outputs.map((output) => output.name)).filter((name) => {
    if (!graph.outputs.some((output) => output.name === name)) throw new UserError('usage', `${graph.name} has no output "${name}"`, { expected: graph.outputs.map((output) => output.name).join(', '), found: name });
    return active.has(name);
  });
  if (outputs.length === 0) {
    throw new UserError('usage', `no output of ${graph.name} depends on ${options.wrt.join(', ')}`, { expected: 'an output that changes with these values', found: 'none', fix: 'Ask for other values.' });
  }
  refuseUnknown(b, graph, active, outputs);
  for (const name of outputs) {
    const ref = b.ref(name);
    cotangents.set(name, [b.input(`${name}_grad`, cotangentType(ref.dtype), dims(ref))]);
  }
  // 3. Backward, each node once, after everything downstream of it.
  const blocks = blocksOf(graph, count);
  const cotangentOf = (name: string): Ref | null => gather(b, cotangents, name);
  for (const block of [...blocks].reverse()) {
    const names: ReadonlyMap<string, string> = block === blocks.at(-1) ? new Map() : recompute(b, graph, block, { cotangentOf, after: [], names: new Map() });
    let before: Ref[] = [];
    for (const piece of [...piecesOf(block, parts)].reverse()) {
      const again = piece.part === null ? names : recompute(b, graph, piece.nodes, { cotangentOf, after: before, names, waits: piece.part.own });
      const seen = (name: string): Ref => b.ref(again.get(name) ?? names.get(name) ?? name), reached = new Set<string>();
      for (const node of [...piece.nodes].reverse()) {
        const dys = node.outputs.map(cotangentOf);
        if (dys.every((dy) => dy === null) || stops(node)) continue;
        const needs = node.inputs.map((name) => active.has(name));
        if (!needs.includes(true)) continue;
        const gradients = apply(ruleOf(b, graph, node, outputs), b, node, dys, needs, seen);
        node.inputs.forEach((name, index) => {
          const gradient = gradients[index] ?? null;
          if (needs[index] !== true || gradient === null) return;
          const target = b.ref(name);
          cotangents.set(name, [...(cotangents.get(name) ?? []), checked(unbroadcast(b, gradient, dims(target)), target, node, index)]);
          reached.add(name);
        });
      }
      // The next part waits until this one is done with: its gradients are summed at once.
      before = piece.part === null ? [] : [...reached].filter((name) => piece.part?.makes.includes(name) !== true).flatMap((name) => cotangentOf(name) ?? []);
    }
  }
  // 4. Gradients become outputs; a value that nothing reached has gradient zero.
  for (const name of options.wrt) {
    const ref = b.ref(name);
    b.output(gather(b, cotangents, name) ?? zerosLike(b, ref), `${name}_grad`);
  }
  return prune(b.build());
}

function known(b: GraphBuilder, graph: Graph, name: string): Ref {
  try { return b.ref(name); } catch {
    throw new UserError('usage', `${graph.name} has no value "${name}"`, { expected: graph.inputs.map((input) => input.name).join(', '), found: name, fix: 'Name an input, an initializer or an inner value of the model.' });
  }
}

/** True for operators through which, by their nature, no gradient flows. */
function stops(node: Node): boolean {
  return node.domain === '' && NO_GRADIENT[node.op] !== undefined;
}

/** An input that changes and is copied into the output of an operator without a gradient. */
function carriedBy(node: Node, active: ReadonlySet<string>): number | undefined {
  return CARRIED[node.op]?.find((index) => active.has(node.inputs[index] ?? ''));
}

function isFloating(b: GraphBuilder, name: string): boolean {
  try { return FLOATING.has(b.ref(name).dtype); } catch { return true; }
}

/** The one cotangent of a value: the sum of all that arrived, made once. */
function gather(b: GraphBuilder, cotangents: Map<string, Ref[]>, name: string): Ref | null {
  const parts = cotangents.get(name);
  const first = parts?.[0];
  if (parts === undefined || first === undefined) return null;
  if (parts.length === 1) return first;
  const sum = b.sum(...parts);
  cotangents.set(name, [sum]);
  return sum;
}

/** Says which operator is in the way before shapes behind it are missed. */
function refuseUnknown(b: GraphBuilder, graph: Graph, active: ReadonlySet<string>, outputs: readonly string[]): void {
  const reached = new Set(outputs);
  for (const node of [...graph.nodes].reverse()) {
    const carried = carriedBy(node, active);
    if (carried !== undefined && stops(node) && node.outputs.some((name) => reached.has(name))) throw unsupported(node, `input ${carried} to be a constant`, `"${node.inputs[carried] ?? ''}", which changes with what is asked for`);
    if (!node.outputs.some((name) => reached.has(name)) || stops(node) || !readsOf(node).some((name) => active.has(name))) continue;
    ruleOf(b, graph, node, outputs);
    for (const name of readsOf(node)) if (active.has(name)) reached.add(name);
  }
}

/** Throws `UserError` (`unsupported`) with the path from the loss. */
function ruleOf(b: GraphBuilder, graph: Graph, node: Node, outputs: readonly string[]): NonNullable<(typeof RULES)[Op]> {
  const rule = node.domain === '' && isKnown(node.op) ? RULES[node.op] : undefined;
  if (rule === undefined) {
    const reason = FORBIDDEN[node.op] ?? 'it has no gradient rule';
    throw new UserError('unsupported', `no gradient through ${node.domain === '' ? '' : `${node.domain}.`}${node.op} "${node.name}": ${reason}`, {
      expected: 'operators with a gradient rule', found: `${node.op} on the path ${path(graph, node, outputs).join(' <- ')}`, fix: 'Export the model without this operator, or add a rule for it.',
    });
  }
  const opset = b.opset;
  if (opset < rule.opsets[0] || opset > rule.opsets[1]) {
    throw new UserError('unsupported', `the gradient of ${node.op} is written for opsets ${rule.opsets[0]} to ${rule.opsets[1]}`, { expected: `opset ${rule.opsets.join(' to ')}`, found: `opset ${opset}`, fix: 'Export the model with opset 17.' });
  }
  return rule;
}

function apply<O extends Op>(rule: Rule<O>, b: GraphBuilder, node: Node, dys: readonly (Ref | null)[], needs: readonly boolean[], seen: (name: string) => Ref): readonly (Ref | null)[] {
  const context: RuleContext<O> = {
    node, b, dys, needs, attributes: attributesOf(rule.op, node),
    inputs: node.inputs.map((name) => (name === '' ? null : seen(name))),
    outputs: node.outputs.filter((name) => name !== '').map(seen),
  };
  const ignored = rule.severalOutputs === true ? -1 : dys.findIndex((dy, i) => i > 0 && dy !== null);
  if (ignored > 0) throw unsupported(node, 'only its first output to matter', `a gradient of output ${ignored} ("${node.outputs[ignored] ?? ''}")`);
  return gradientsOf(rule, context);
}

/** Sums a gradient over the axes along which its value was broadcast. */
export function unbroadcast(b: GraphBuilder, gradient: Ref, shape: readonly number[]): Ref {
  const from = dims(gradient);
  if (from.length === shape.length && from.every((extent, axis) => extent === shape[axis])) return gradient;
  if (sizeOf(from) === sizeOf(shape)) return b.reshape(gradient, shape);
  const lead = from.length - shape.length;
  const axes = from.map((_, axis) => axis).filter((axis) => axis < lead || (shape[axis - lead] === 1 && from[axis] !== 1));
  const summed = axes.length === 0 ? gradient : b.reduceSum(gradient, axes, true);
  return lead === 0 ? summed : b.reshape(summed, shape);
}

/** A rule that answers in another type or shape than its input is wrong; better said here than by the runtime. */
function checked(gradient: Ref, target: Ref, node: Node, index: number): Ref {
  const got = dims(gradient), want = dims(target), dtype = cotangentType(target.dtype);
  if (gradient.dtype !== dtype || got.length !== want.length || got.some((extent, axis) => extent !== want[axis])) {
    throw new RangeError(`the gradient of ${node.op} "${node.name}" with respect to input ${index} is ${gradient.dtype}[${got.join(', ')}], expected ${dtype}[${want.join(', ')}]`);
  }
  return gradient;
}

function zerosLike(b: GraphBuilder, ref: Ref): Ref {
  return b.expand(ref.dtype === 'float64' ? b.constant(ndarray('float64', [1], new Float64Array(1))) : b.constant(ndarray('float32', [1], new Float32Array(1))), dims(ref));
}

/** Value names from an output back to the node, for error messages. */
function path(graph: Graph, node: Node, outputs: readonly string[]): string[] {
  const maker = producers(graph), wanted = new Set(node.outputs);
  const cameFrom = new Map<string, string | null>(outputs.map((name) => [name, null]));
  const open = [...outputs];
  for (let name = open.shift(); name !== undefined; name = open.shift()) {
    if (wanted.has(name)) {
      const trail: string[] = [];
      for (let at: string | null = name; at !== null; at = cameFrom.get(at) ?? null) trail.unshift(at);
      return trail.length <= 8 ? trail : [...trail.slice(0, 3), `... ${trail.length - 6} more ...`, ...trail.slice(-3)];
    }
    const producer = maker.get(name);
    for (const next of producer === undefined ? [] : readsOf(producer)) {
      if (!cameFrom.has(next)) { cameFrom.set(next, name); open.push(next); }
    }
  }
  return [node.name];
}
