/**
 * Graph: one ONNX model as an immutable value. Edits return new graphs; nothing here loads a native library.
 *
 * Source: onnx/onnx.proto (IR version 3 and later), opset 13 and later of the default domain.
 * Refused by name when read: model-local functions, sparse initializers, training info, string tensors, 4- and 8-bit floats, bfloat16, complex.
 */
import { UserError } from '../../common/errors.ts';
import type { DType, NdArray } from '../../common/ndarray.ts';

/** An extent of a declared shape: known, named (`batch`), or unknown. */
export type Dim = number | string | null;

/** A declared shape; null = not even the rank is known. */
export type Shape = readonly Dim[] | null;

export interface ValueInfo {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** Wire bytes of fields that we carry along unread (documentation, metadata). */
  readonly rest?: Uint8Array;
}

/** Where the elements of an initializer are. External data is never read or copied, only pointed to. */
export type TensorSource =
  /** Little-endian elements, row-major; usually a view on the bytes of the file it was read from. */
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  /** A byte range of a file in the model's own folder. `length` null = to the end of the tensor's size. */
  | { readonly kind: 'external'; readonly location: string; readonly offset: number; readonly length: number | null };

export interface Initializer {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly source: TensorSource;
  readonly rest?: Uint8Array;
}

export type Attribute =
  | { readonly type: 'int'; readonly value: number }
  | { readonly type: 'ints'; readonly value: readonly number[] }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'floats'; readonly value: readonly number[] }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'tensor'; readonly value: Initializer }
  | { readonly type: 'graph'; readonly value: Subgraph };

export interface Node {
  readonly op: string;
  /** '' = the standard operators. */
  readonly domain: string;
  readonly name: string;
  /** '' = an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly rest?: Uint8Array;
}

/** The body of a model, or of a branch or loop inside one (which may also read values of the graphs around it). */
export interface Subgraph {
  readonly name: string;
  /** In topological order. */
  readonly nodes: readonly Node[];
  readonly initializers: readonly Initializer[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** What the file says about inner values; may be incomplete. */
  readonly valueInfos: readonly ValueInfo[];
  readonly rest?: Uint8Array;
}

export interface Graph extends Subgraph {
  readonly irVersion: number;
  /** Domain -> version; '' is the standard domain. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly producer: string;
  /** Wire bytes of model fields that we carry along unread. */
  readonly modelRest?: Uint8Array;
}

/** Names that the subgraphs of a node read from the graph around it. */
export function capturedBy(node: Node): readonly string[] {
  const captured = new Set<string>();
  for (const attribute of Object.values(node.attributes)) {
    if (attribute.type !== 'graph') continue;
    const own = new Set<string>([...attribute.value.inputs, ...attribute.value.initializers].map((value) => value.name));
    for (const inner of attribute.value.nodes) {
      for (const name of [...inner.inputs, ...capturedBy(inner)]) if (name !== '' && !own.has(name)) captured.add(name);
      for (const name of inner.outputs) own.add(name);
    }
    for (const output of attribute.value.outputs) if (!own.has(output.name)) captured.add(output.name);
  }
  return [...captured];
}

/** Everything a node reads: its inputs and what its subgraphs capture. */
export function readsOf(node: Node): readonly string[] {
  return [...node.inputs.filter((name) => name !== ''), ...capturedBy(node)];
}

/**
 * Freezes a graph after checking that every name is made once, before it is read, and that outputs exist.
 * Throws `UserError` naming the node.
 */
export function makeGraph(parts: Graph, file = parts.name): Graph {
  const wrong = (expected: string, found: string): UserError =>
    new UserError('bad-input', `${file} is not a valid graph: expected ${expected}, found ${found}`, { file, expected, found, fix: 'Export the model again.' });
  const made = new Set<string>();
  for (const value of [...parts.inputs, ...parts.initializers]) {
    // An initializer may give the default of an input of the same name (IR versions before 4 required it).
    if (made.has(value.name) && !parts.inputs.some((input) => input.name === value.name)) throw wrong('each value to be named once', `two values "${value.name}"`);
    made.add(value.name);
  }
  for (const node of parts.nodes) {
    for (const name of readsOf(node)) {
      if (!made.has(name)) throw wrong(`"${name}", read by ${node.op} "${node.name}", to be made before it`, 'no such value');
    }
    for (const name of node.outputs) {
      if (name === '') continue;
      if (made.has(name)) throw wrong('each value to be made once', `a second "${name}" by ${node.op} "${node.name}"`);
      made.add(name);
    }
  }
  for (const output of parts.outputs) if (!made.has(output.name)) throw wrong(`output "${output.name}" to be made by a node`, 'no such value');
  return Object.freeze({
    ...parts, nodes: Object.freeze([...parts.nodes]), initializers: Object.freeze([...parts.initializers]), inputs: Object.freeze([...parts.inputs]),
    outputs: Object.freeze([...parts.outputs]), valueInfos: Object.freeze([...parts.valueInfos]), opsets: Object.freeze({ ...parts.opsets }),
  });
}

/** Inputs that must be fed: declared inputs without an initializer of the same name. */
export function feedsOf(graph: Subgraph): readonly ValueInfo[] {
  const given = new Set(graph.initializers.map((initializer) => initializer.name));
  return graph.inputs.filter((input) => !given.has(input.name));
}

/** Version of the standard operators that the graph is written in. */
export function opsetOf(graph: Graph): number {
  const version = graph.opsets[''];
  if (version === undefined) throw new UserError('bad-input', `${graph.name} does not import the standard operators`, { expected: 'an opset import of the default domain', found: Object.keys(graph.opsets).join(', ') });
  return version;
}

/** Value name -> the node that makes it. */
export function producers(graph: Subgraph): ReadonlyMap<string, Node> {
  const map = new Map<string, Node>();
  for (const node of graph.nodes) for (const name of node.outputs) if (name !== '') map.set(name, node);
  return map;
}

/** A value, if it is a constant held inside the file. */
export type Constants = ReadonlyMap<string, NdArray>;
