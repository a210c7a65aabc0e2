/**
 * Cuts tensors that are too large: a chain of operators that works row by row along one axis (attention's products, scaling, mask, softmax, second product)
 * is run part by part along that axis, and its result joined. Values do not change.
 *
 * Inside Electron one native block above 1 GiB ends the process; Stable Diffusion's attention over 64 x 64 places makes one at batch 2. Parts that fit
 * the processor's cache are also several times faster than one pass over memory per operator (`autodiff/MEASURED.md`).
 */
import { graphBuilder } from '../build.ts';
import type { GraphBuilder, Ref } from '../build.ts';
import { makeGraph } from '../graph.ts';
import type { Graph, Node } from '../graph.ts';
import { inferShapes } from '../shape.ts';
import type { Known } from '../shape.ts';
import { fixed } from '../shape-rules.ts';
import { attributesOf } from '../ops.ts';
import { byteLengthOf } from '../tensor.ts';

/** No tensor comes near 1 GiB. */
export const LARGEST_TENSOR_BYTES = 0.9 * 2 ** 30;

const ELEMENTWISE = new Set(['Add', 'Sub', 'Mul', 'Div', 'Where', 'Cast', 'Tanh', 'Identity', 'Sigmoid', 'Erf', 'Exp', 'Sqrt', 'Neg', 'Min', 'Max', 'Clip', 'Equal', 'Less', 'Greater', 'And', 'Or', 'Not']);

const bytesOf = (known: Known, name: string): number => {
  const operand = known.get(name), shape = fixed(operand?.shape ?? null);
  return operand === undefined || shape === null ? 0 : byteLengthOf(operand.dtype, shape);
};

/** How an input of a row-wise node is shared out along an axis of its output: cut along one of its own axes, or given whole to every part. Null: not row-wise. */
function shareOf(known: Known, node: Node, index: number, axis: number): number | 'whole' | null {
  const out = fixed(known.get(node.outputs[0] ?? '')?.shape ?? null), own = fixed(known.get(node.inputs[index] ?? '')?.shape ?? null);
  if (out === null || own === null || node.domain !== '') return null;
  const aligned = axis - out.length + own.length, broadcast: number | 'whole' = aligned < 0 || own[aligned] === 1 ? 'whole' : aligned;
  if (ELEMENTWISE.has(node.op)) return broadcast;
  if (node.op === 'MatMul') {
    if (axis === out.length - 2 && own.length >= 2) return index === 0 ? own.length - 2 : 'whole'; // rows of the first factor are rows of the product
    return axis < out.length - 2 ? (own.length > 2 ? broadcast : 'whole') : null;
  }
  if (node.op === 'Softmax') return ((attributesOf('Softmax', node).axis + out.length) % out.length) === axis ? null : aligned;
  if (node.op === 'Transpose') return attributesOf('Transpose', node).perm?.[axis] ?? out.length - 1 - axis;
  return null;
}

/** Nodes joined to a first one through oversized values, all row-wise along the axis; null where one of them is not. */
function regionOf(graph: Graph, known: Known, first: Node, axis: number, largest: number): ReadonlySet<Node> | null {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const))), region = new Set<Node>(), open = [first];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (region.has(node)) continue;
    const current = node;
    if (current.outputs.length !== 1 || current.inputs.some((name, i) => name !== '' && shareOf(known, current, i, axis) === null)) return null;
    region.add(current);
    for (const name of current.inputs) { const maker = makers.get(name); if (maker !== undefined && bytesOf(known, name) > largest) open.push(maker); }
    const made = current.outputs[0] ?? '';
    if (bytesOf(known, made) > largest) open.push(...graph.nodes.filter((reader) => reader.inputs.includes(made)));
  }
  return region;
}

interface Cut { readonly region: ReadonlySet<Node>; readonly axis: number; readonly parts: number }

/** A cut of the chain around a node whose parts stay within `part` bytes. */
function cutFor(graph: Graph, known: Known, node: Node, largest: number, part: number): Cut | null {
  const shape = fixed(known.get(node.outputs[0] ?? '')?.shape ?? null) ?? [];
  for (let axis = 0; axis < shape.length - 1; axis++) {
    const region = regionOf(graph, known, node, axis, largest);
    if (region === null) continue;
    const most = Math.max(...[...region].flatMap((each) => each.outputs.map((name) => bytesOf(known, name))));
    const extent = shape[axis] ?? 1, needed = Math.ceil(most / part);
    const parts = Array.from({ length: extent }, (_, i) => i + 1).find((count) => count >= needed && extent % count === 0);
    if (parts !== undefined && [...region].every((each) => fixed(known.get(each.outputs[0] ?? '')?.shape ?? null)?.[axis] === extent)) return { region, axis, parts };
  }
  return null;
}

/** Runs the region once per part and joins what leaves it. The nodes of a part stand together. */
function writeCut(b: GraphBuilder, graph: Graph, known: Known, { region, axis, parts }: Cut): Part[] {
  const nodes = graph.nodes.filter((node) => region.has(node)), inside = new Set(nodes.flatMap((node) => node.outputs));
  const pieces = new Map<string, readonly Ref[]>();
  const piecesOf = (name: string, share: number | 'whole'): readonly Ref[] => {
    if (share === 'whole') return Array.from({ length: parts }, () => b.ref(name));
    const key = `${name} ${share}`, held = pieces.get(key);
    if (held !== undefined) return held;
    const extent = fixed(b.ref(name).shape)?.[share] ?? 0, cut = b.split(b.ref(name), new Array<number>(parts).fill(extent / parts), share);
    pieces.set(key, cut);
    return cut;
  };
  const shares = nodes.map((node) => node.inputs.map((name, i) => (name === '' || inside.has(name) ? 'whole' : shareOf(known, node, i, axis) ?? 'whole')));
  nodes.forEach((node, n) => node.inputs.forEach((name, i) => { const share = shares[n]?.[i] ?? 'whole'; if (share !== 'whole') piecesOf(name, share); }));
  const made = new Map<string, Ref[]>(), written: Part[] = [];
  for (let part = 0; part < parts; part++) {
    const names: string[] = [];
    for (const [n, node] of nodes.entries()) {
      const inputs = node.inputs.map((name, i) => {
        if (name === '') return '';
        if (inside.has(name)) return made.get(name)?.[part]?.name ?? '';
        return piecesOf(name, shares[n]?.[i] ?? 'whole')[part]?.name ?? '';
      });
      const name = node.outputs[0] ?? '', output = b.fresh(`${name}/part`);
      b.append({ ...node, name: output, inputs, outputs: [output] });
      names.push(output);
      made.set(name, [...(made.get(name) ?? []), b.ref(output)]);
    }
    written.push({ makes: names, own: [...pieces.values()].flatMap((cut) => cut[part]?.name ?? []) });
  }
  const leaving = new Set([...graph.outputs.map((output) => output.name), ...graph.nodes.filter((node) => !region.has(node)).flatMap((node) => node.inputs)]);
  for (const node of nodes) {
    const name = node.outputs[0] ?? '';
    if (leaving.has(name)) b.node('Concat', made.get(name) ?? [], { axis }, name);
  }
  return written;
}

/** Values above the limit, largest first. */
export function oversized(graph: Graph, largest = LARGEST_TENSOR_BYTES): readonly { readonly name: string; readonly bytes: number }[] {
  const known = inferShapes(graph);
  return graph.nodes.flatMap((node) => node.outputs).map((name) => ({ name, bytes: bytesOf(known, name) })).filter(({ bytes }) => bytes > largest).sort((a, b) => b.bytes - a.bytes);
}

/** One part of a chain that was cut: values that its nodes make, in their order, and the pieces of what was shared out that only it reads. */
export interface Part { readonly makes: readonly string[]; readonly own: readonly string[] }

export interface Cuts { readonly graph: Graph; readonly parts: readonly Part[] }

/** The graph with oversized chains cut where that is possible; fixed shapes are needed. What cannot be cut stays (`oversized` tells). */
export function sliceOversized(graph: Graph, largest = LARGEST_TENSOR_BYTES): Graph {
  return inParts(graph, largest, largest).graph;
}

/** The graph with chains of values above `largest` bytes cut into parts of at most `part` bytes each where that is possible, and what the parts are. */
export function inParts(graph: Graph, largest: number, part: number): Cuts {
  const known = inferShapes(graph);
  const cuts: Cut[] = [], taken = new Set<Node>();
  for (const node of graph.nodes) {
    if (taken.has(node) || !node.outputs.some((name) => bytesOf(known, name) > largest)) continue;
    const cut = cutFor(graph, known, node, largest, part);
    if (cut === null || [...cut.region].some((each) => taken.has(each))) continue;
    cuts.push(cut);
    cut.region.forEach((each) => taken.add(each));
  }
  if (cuts.length === 0) return { graph, parts: [] };
  const b = graphBuilder({ ...graph, nodes: [], valueInfos: [] }), declared = new Map([...graph.valueInfos, ...graph.outputs].map((info) => [info.name, info] as const));
  b.reserve(graph.nodes.flatMap((node) => [node.name, ...node.outputs]));
  // A region is written where its last node stood: everything it reads is there by then.
  const last = new Map(cuts.map((cut) => [graph.nodes.filter((node) => cut.region.has(node)).at(-1), cut] as const));
  const waiting: Node[] = [], parts: Part[] = [];
  const ready = (): void => {
    for (let i = 0; i < waiting.length; i++) {
      const node = waiting[i];
      if (node === undefined || !node.inputs.every((name) => name === '' || b.has(name))) continue;
      b.append(node, declared);
      waiting.splice(i--, 1);
    }
  };
  for (const node of graph.nodes) {
    const cut = last.get(node);
    if (cut !== undefined) { parts.push(...writeCut(b, graph, known, cut)); ready(); continue; }
    if (taken.has(node)) continue;
    if (node.inputs.every((name) => name === '' || b.has(name))) b.append(node, declared);
    else waiting.push(node);
  }
  ready();
  for (const node of waiting) b.append(node, declared); // readers of values of unknown type
  return { graph: makeGraph(b.build()), parts };
}
