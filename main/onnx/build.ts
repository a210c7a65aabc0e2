/**
 * The only way anyone makes nodes: `const b = graphBuilder('name'); const y = b.matMul(x, w); b.output(y, 'y'); b.build()`.
 *
 * Each call returns a reference with dtype and shape worked out at once, so a mistake is reported where it is made.
 * `graphBuilder(graph)` continues an existing graph. Nodes follow the graph's opset: 13 or later.
 */
import { UserError } from '../../common/errors.ts';
import { ndarray, sizeOf } from '../../common/ndarray.ts';
import type { DataOf, DType, NdArray } from '../../common/ndarray.ts';
import { CODE_OF } from './element-type.ts';
import { makeGraph, opsetOf } from './graph.ts';
import type { Graph, Initializer, Node, Shape, ValueInfo } from './graph.ts';
import { encodeAttributes } from './ops.ts';
import type { AttributesOf, Op } from './ops.ts';
import { inferNode, inferShapes, operandOf } from './shape.ts';
import type { Operand } from './shape-rules.ts';
import { initializerOf } from './tensor.ts';

/** A value of the graph being built. */
export interface Ref {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

export interface BuilderOptions {
  /** 17 unless said otherwise: LayerNormalization exists, and every runtime of the last years reads it. */
  readonly opset?: number;
}

const DEFAULT_OPSET = 17;
/** IR 8 belongs to opsets up to 18; later opsets need 9 or more. */
const irVersionFor = (opset: number): number => (opset <= 18 ? 8 : opset <= 20 ? 9 : 10);

type WindowAttributes = Partial<AttributesOf<'Conv'>>;

export class GraphBuilder {
  readonly #start: Graph;
  readonly #nodes: Node[] = [];
  readonly #initializers: Initializer[] = [];
  readonly #inputs: ValueInfo[] = [];
  readonly #outputs: ValueInfo[] = [];
  readonly #known: Map<string, Operand>;
  /** Node names share no namespace with values, but the runtime refuses two nodes of one name. */
  readonly #nodeNames: Set<string>;
  readonly #shared = new Map<string, Ref>();
  readonly #counters = new Map<string, number>();
  readonly opset: number;

  constructor(start: Graph) {
    this.#start = start;
    this.opset = opsetOf(start);
    if (this.opset < 13) throw new UserError('unsupported', `${start.name} uses operator set ${this.opset}`, { expected: 'opset 13 or later', found: `${this.opset}`, fix: 'Export the model with opset 17.' });
    this.#known = new Map(inferShapes(start));
    this.#nodeNames = new Set(start.nodes.map((node) => node.name));
  }

  /** A name that nothing has yet: `stem`, `stem_1`, ... */
  fresh(stem: string): string {
    let count = this.#counters.get(stem) ?? 0, name = count === 0 ? stem : `${stem}_${count}`;
    while (this.#known.has(name) || this.#nodeNames.has(name)) name = `${stem}_${++count}`;
    this.#counters.set(stem, count + 1);
    return name;
  }

  /** Whether there is a value of this name whose type is known. */
  has(name: string): boolean {
    return this.#known.has(name);
  }

  /** Names that `fresh` must not give, because nodes that are still to be appended make them. */
  reserve(names: Iterable<string>): void {
    for (const name of names) this.#nodeNames.add(name);
  }

  /** A node of another graph as it is. Outputs of an operator outside the table take their declared types, if they have any. */
  append(node: Node, declared: ReadonlyMap<string, ValueInfo> = new Map()): void {
    const operands = node.inputs.map((name) => (name === '' ? null : this.#known.get(name)));
    const found = operands.every((operand) => operand !== undefined) ? inferNode(node, operands.map((operand) => operand ?? null), this.opset) : null;
    this.#nodes.push(node);
    node.outputs.forEach((name, i) => {
      const info = declared.get(name), operand = found?.[i] ?? (info === undefined ? null : { dtype: info.dtype, shape: info.shape, value: null });
      if (name !== '' && operand !== null) this.#add(name, operand);
    });
  }

  #add(name: string, operand: Operand): Ref {
    if (this.#known.has(name)) throw new RangeError(`a value called "${name}" exists already`);
    this.#known.set(name, operand);
    return { name, dtype: operand.dtype, shape: operand.shape };
  }

  /** A value of the graph that is being continued. Throws if nothing is known of it. */
  ref(name: string): Ref {
    const operand = this.#known.get(name);
    if (operand === undefined) throw new UserError('bad-input', `${this.#start.name} has no value "${name}" of known type`, { expected: 'the name of a value', found: name });
    return { name, dtype: operand.dtype, shape: operand.shape };
  }

  /** The elements of a small constant, or null if they are not known before the graph runs. */
  constantOf(ref: Ref): readonly number[] | null {
    return this.#known.get(ref.name)?.value?.values ?? null;
  }

  input(name: string, dtype: DType, shape: Shape): Ref {
    const ref = this.#add(name, { dtype, shape, value: null });
    this.#inputs.push({ name, dtype, shape });
    return ref;
  }

  /** An initializer over the array's own memory. */
  constant(array: NdArray, stem = 'constant'): Ref {
    return this.initializer(initializerOf(this.fresh(stem), array));
  }

  /** An initializer as it is, external data included. */
  initializer(value: Initializer): Ref {
    const ref = this.#add(value.name, operandOf(value));
    this.#initializers.push(value);
    return ref;
  }

  /** What `make` made for this key before, or makes now. */
  shared(key: string, make: () => Ref): Ref {
    const held = this.#shared.get(key) ?? make();
    this.#shared.set(key, held);
    return held;
  }

  /** A number of rank 0; the same number is stored once. */
  scalar(value: number, dtype: 'float32' | 'float64' | 'int64' = 'float32'): Ref {
    return this.shared(`${dtype} ${Object.is(value, -0) ? '-0' : value}`, () => {
      const data: DataOf[typeof dtype] = dtype === 'int64' ? BigInt64Array.of(BigInt(value)) : dtype === 'float64' ? Float64Array.of(value) : Float32Array.of(value);
      return this.constant(ndarray<DType>(dtype, [], data), 'scalar');
    });
  }

  /** int64 list, as shapes and axes are given. */
  integers(values: readonly number[], stem = 'integers'): Ref {
    return this.shared(`list ${values.join(' ')}`, () => this.constant(ndarray('int64', [values.length], BigInt64Array.from(values, BigInt)), stem));
  }

  /** A node of any known operator; null inputs are left out. Returns `outputs` references. */
  nodes<O extends Op>(op: O, inputs: readonly (Ref | null)[], attributes: Partial<AttributesOf<O>> = {}, outputs: number | readonly string[] = 1): readonly Ref[] {
    const stem = op.charAt(0).toLowerCase() + op.slice(1), name = this.fresh(stem);
    const names = typeof outputs === 'number' ? Array.from({ length: outputs }, (_, i) => (i === 0 ? name : this.fresh(`${stem}_part`))) : outputs;
    const node: Node = { op, domain: '', name, inputs: inputs.map((ref) => ref?.name ?? ''), outputs: names, attributes: encodeAttributes(op, attributes) };
    const operands = inputs.map((ref) => (ref === null ? null : (this.#known.get(ref.name) ?? null)));
    inputs.forEach((ref, i) => { if (ref !== null && operands[i] === null) throw new RangeError(`${op}: "${ref.name}" is not a value of this graph`); });
    const found = inferNode(node, operands, this.opset) ?? [];
    this.#nodes.push(node);
    return names.map((output, i) => {
      const operand = found[i];
      if (operand === undefined) throw new RangeError(`${op} has no output ${i}`);
      return this.#add(output, operand);
    });
  }

  /** As `nodes`, with one output. */
  node<O extends Op>(op: O, inputs: readonly (Ref | null)[], attributes: Partial<AttributesOf<O>> = {}, name?: string): Ref {
    const [ref] = this.nodes(op, inputs, attributes, name === undefined ? 1 : [name]);
    if (ref === undefined) throw new RangeError(`${op} made nothing`);
    return ref;
  }

  /** Declares an output; a new name costs an Identity node. */
  output(ref: Ref, name = ref.name): Ref {
    const named = name === ref.name ? ref : this.node('Identity', [ref], {}, name);
    this.#outputs.push({ name, dtype: named.dtype, shape: named.shape });
    return named;
  }

  /** The graph so far, checked and frozen. */
  build(): Graph {
    const start = this.#start;
    return makeGraph({
      ...start, nodes: [...start.nodes, ...this.#nodes], initializers: [...start.initializers, ...this.#initializers],
      inputs: [...start.inputs, ...this.#inputs], outputs: [...start.outputs, ...this.#outputs],
    });
  }

  add(a: Ref, b: Ref): Ref { return this.node('Add', [a, b]); }
  sub(a: Ref, b: Ref): Ref { return this.node('Sub', [a, b]); }
  mul(a: Ref, b: Ref): Ref { return this.node('Mul', [a, b]); }
  div(a: Ref, b: Ref): Ref { return this.node('Div', [a, b]); }
  pow(a: Ref, b: Ref): Ref { return this.node('Pow', [a, b]); }
  min(...refs: readonly Ref[]): Ref { return this.node('Min', refs); }
  max(...refs: readonly Ref[]): Ref { return this.node('Max', refs); }
  sum(...refs: readonly Ref[]): Ref { return this.node('Sum', refs); }
  neg(x: Ref): Ref { return this.node('Neg', [x]); }
  abs(x: Ref): Ref { return this.node('Abs', [x]); }
  sign(x: Ref): Ref { return this.node('Sign', [x]); }
  sqrt(x: Ref): Ref { return this.node('Sqrt', [x]); }
  exp(x: Ref): Ref { return this.node('Exp', [x]); }
  log(x: Ref): Ref { return this.node('Log', [x]); }
  sin(x: Ref): Ref { return this.node('Sin', [x]); }
  cos(x: Ref): Ref { return this.node('Cos', [x]); }
  tanh(x: Ref): Ref { return this.node('Tanh', [x]); }
  sigmoid(x: Ref): Ref { return this.node('Sigmoid', [x]); }
  erf(x: Ref): Ref { return this.node('Erf', [x]); }
  relu(x: Ref): Ref { return this.node('Relu', [x]); }
  reciprocal(x: Ref): Ref { return this.node('Reciprocal', [x]); }
  not(x: Ref): Ref { return this.node('Not', [x]); }
  equal(a: Ref, b: Ref): Ref { return this.node('Equal', [a, b]); }
  less(a: Ref, b: Ref): Ref { return this.node('Less', [a, b]); }
  lessOrEqual(a: Ref, b: Ref): Ref { return this.node('LessOrEqual', [a, b]); }
  greater(a: Ref, b: Ref): Ref { return this.node('Greater', [a, b]); }
  greaterOrEqual(a: Ref, b: Ref): Ref { return this.node('GreaterOrEqual', [a, b]); }
  where(test: Ref, yes: Ref, no: Ref): Ref { return this.node('Where', [test, yes, no]); }
  clip(x: Ref, low: Ref | null, high: Ref | null): Ref { return this.node('Clip', [x, low, high]); }
  cast(x: Ref, to: DType): Ref { return x.dtype === to ? x : this.node('Cast', [x], { to: CODE_OF[to] }); }
  identity(x: Ref): Ref { return this.node('Identity', [x]); }

  /** `[..., n, k] x [..., k, m] -> [..., n, m]` */
  matMul(a: Ref, b: Ref): Ref { return this.node('MatMul', [a, b]); }
  /** alpha A' B' + beta C, rank 2. */
  gemm(a: Ref, b: Ref, c: Ref | null = null, attributes: Partial<AttributesOf<'Gemm'>> = {}): Ref { return this.node('Gemm', c === null ? [a, b] : [a, b, c], attributes); }
  einsum(equation: string, ...refs: readonly Ref[]): Ref { return this.node('Einsum', refs, { equation }); }
  conv(x: Ref, weight: Ref, bias: Ref | null = null, attributes: WindowAttributes = {}): Ref { return this.node('Conv', bias === null ? [x, weight] : [x, weight, bias], attributes); }
  convTranspose(x: Ref, weight: Ref, bias: Ref | null = null, attributes: Partial<AttributesOf<'ConvTranspose'>> = {}): Ref { return this.node('ConvTranspose', bias === null ? [x, weight] : [x, weight, bias], attributes); }
  softmax(x: Ref, axis = -1): Ref { return this.node('Softmax', [x], { axis }); }
  /** Normalises over the axes from `axis` on. Needs opset 17. */
  layerNormalization(x: Ref, scale: Ref, bias: Ref | null, attributes: Partial<AttributesOf<'LayerNormalization'>> = {}): Ref { return this.node('LayerNormalization', bias === null ? [x, scale] : [x, scale, bias], attributes); }
  instanceNormalization(x: Ref, scale: Ref, bias: Ref, epsilon: number): Ref { return this.node('InstanceNormalization', [x, scale, bias], { epsilon }); }

  reshape(x: Ref, shape: readonly number[] | Ref): Ref { return this.node('Reshape', [x, this.#list(shape)]); }
  expand(x: Ref, shape: readonly number[] | Ref): Ref { return this.node('Expand', [x, this.#list(shape)]); }
  tile(x: Ref, repeats: readonly number[]): Ref { return this.node('Tile', [x, this.integers(repeats)]); }
  transpose(x: Ref, perm: readonly number[]): Ref { return this.node('Transpose', [x], { perm }); }
  unsqueeze(x: Ref, axes: readonly number[]): Ref { return this.node('Unsqueeze', [x, this.integers(axes)]); }
  squeeze(x: Ref, axes: readonly number[]): Ref { return this.node('Squeeze', [x, this.integers(axes)]); }
  concat(refs: readonly Ref[], axis: number): Ref { return this.node('Concat', refs, { axis }); }
  split(x: Ref, sizes: readonly number[], axis: number): readonly Ref[] { return this.nodes('Split', [x, this.integers(sizes)], { axis }, sizes.length); }
  /** Elements `starts` (inclusive) to `ends` (exclusive) along `axes`. */
  slice(x: Ref, starts: readonly number[], ends: readonly number[], axes: readonly number[], steps?: readonly number[]): Ref {
    return this.node('Slice', [x, this.integers(starts), this.integers(ends), this.integers(axes), ...(steps === undefined ? [] : [this.integers(steps)])]);
  }
  /** Constant padding; `before` and `after` have one entry per axis and may be negative. */
  pad(x: Ref, before: readonly number[], after: readonly number[], value?: Ref): Ref {
    return this.node('Pad', [x, this.integers([...before, ...after]), ...(value === undefined ? [] : [value])]);
  }
  gather(x: Ref, indices: Ref, axis: number): Ref { return this.node('Gather', [x, indices], { axis }); }
  shapeOf(x: Ref): Ref { return this.node('Shape', [x]); }
  resize(x: Ref, to: { readonly scales: readonly number[] } | { readonly sizes: readonly number[] }, attributes: Partial<AttributesOf<'Resize'>> = {}): Ref {
    return 'scales' in to
      ? this.node('Resize', [x, null, this.constant(ndarray('float32', [to.scales.length], Float32Array.from(to.scales)), 'scales')], attributes)
      : this.node('Resize', [x, null, null, this.integers(to.sizes)], attributes);
  }

  reduceSum(x: Ref, axes: readonly number[] | null, keep = false): Ref {
    return this.node('ReduceSum', axes === null ? [x] : [x, this.integers(axes)], { keepdims: keep ? 1 : 0 });
  }
  reduceMean(x: Ref, axes: readonly number[] | null, keep = false): Ref { return this.#reduce('ReduceMean', x, axes, keep); }
  reduceMax(x: Ref, axes: readonly number[] | null, keep = false): Ref { return this.#reduce('ReduceMax', x, axes, keep); }
  reduceProd(x: Ref, axes: readonly number[] | null, keep = false): Ref { return this.#reduce('ReduceProd', x, axes, keep); }

  /** Axes became an input in opset 18 for these. */
  #reduce(op: 'ReduceMean' | 'ReduceMax' | 'ReduceProd', x: Ref, axes: readonly number[] | null, keep: boolean): Ref {
    const keepdims = keep ? 1 : 0;
    if (axes === null) return this.node(op, [x], { keepdims });
    return this.opset < 18 ? this.node(op, [x], { keepdims, axes }) : this.node(op, [x, this.integers(axes)], { keepdims });
  }

  #list(shape: readonly number[] | Ref): Ref {
    return 'name' in shape ? shape : this.integers(shape);
  }
}

/** A builder of a new graph by name, or one that continues a graph. */
export function graphBuilder(start: string | Graph = 'graph', options: BuilderOptions = {}): GraphBuilder {
  if (typeof start !== 'string') return new GraphBuilder(start);
  const opset = options.opset ?? DEFAULT_OPSET;
  return new GraphBuilder({ name: start, nodes: [], initializers: [], inputs: [], outputs: [], valueInfos: [], irVersion: irVersionFor(opset), opsets: { '': opset }, producer: 'optogram' });
}

/** Elements of a reference, if every extent is known. */
export function elementsOf(ref: Ref): number | null {
  return ref.shape !== null && ref.shape.every((dim) => typeof dim === 'number') ? sizeOf(ref.shape) : null;
}
