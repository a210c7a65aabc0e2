/**
 * One shape rule per operator: element types and shapes of the outputs from those of the inputs (onnx/docs/Operators.md).
 *
 * An extent that cannot be known from what is given is null; a contradiction throws `UserError` naming the node.
 */
import { UserError } from '../../common/errors.ts';
import { sizeOf } from '../../common/ndarray.ts';
import type { DType } from '../../common/ndarray.ts';
import { aspect } from './aspect.ts';
import { einsumTerms } from './einsum.ts';
import { dtypeOf } from './element-type.ts';
import { positive, reshapeTo, sliceRange } from './evaluate.ts';
import type { Value } from './evaluate.ts';
import type { Dim, Node, Shape } from './graph.ts';
import type { AttributesOf, Op } from './ops.ts';

export interface Typed {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** What is known of an input: its type, and its elements if it is a small constant. */
export interface Operand extends Typed {
  readonly value: Value | null;
}

export interface RuleContext<O extends Op> {
  readonly node: Node;
  readonly attributes: AttributesOf<O>;
  /** null = left out. */
  readonly inputs: readonly (Operand | null)[];
  readonly opset: number;
}

type Rule<O extends Op> = (context: RuleContext<O>) => readonly Typed[];

export function shapeText(shape: Shape): string {
  return shape === null ? '[?]' : `[${shape.map((dim) => dim ?? '?').join(', ')}]`;
}

function wrong(node: Node, expected: string, found: string): UserError {
  return new UserError('bad-input', `${node.op} "${node.name}" cannot work: expected ${expected}, found ${found}`, { expected, found });
}

function need(context: { readonly node: Node; readonly inputs: readonly (Operand | null)[] }, index: number): Operand {
  const operand = context.inputs[index];
  if (operand === null || operand === undefined) throw wrong(context.node, `input ${index}`, 'none');
  return operand;
}

/** Constant integers of an input, or null if they are not known. */
function known(context: { readonly inputs: readonly (Operand | null)[] }, index: number): readonly number[] | null {
  return context.inputs[index]?.value?.values ?? null;
}

function joinDims(node: Node, a: Dim, b: Dim): Dim {
  if (a === b) return a;
  if (a === 1) return b;
  if (b === 1) return a;
  if (typeof a === 'number' && typeof b === 'number') throw wrong(node, 'shapes that broadcast', `extents ${a} and ${b}`);
  return typeof a === 'number' ? a : typeof b === 'number' ? b : null;
}

export function broadcast(node: Node, shapes: readonly Shape[]): Shape {
  let out: Dim[] = [];
  for (const shape of shapes) {
    if (shape === null) return null;
    const rank = Math.max(out.length, shape.length), before = out;
    out = Array.from({ length: rank }, (_, axis) => {
      const left = axis - rank + before.length, right = axis - rank + shape.length;
      return joinDims(node, left < 0 ? 1 : (before[left] ?? null), right < 0 ? 1 : (shape[right] ?? null));
    });
  }
  return out;
}

/** The shape if every extent is a number. */
export function fixed(shape: Shape): readonly number[] | null {
  return shape !== null && shape.every((dim) => typeof dim === 'number') ? shape : null;
}

type AnyContext = { readonly node: Node; readonly inputs: readonly (Operand | null)[]; readonly attributes: unknown; readonly opset: number };

const same = (context: AnyContext): readonly Typed[] => [{ dtype: need(context, 0).dtype, shape: need(context, 0).shape }];
const asBool = (context: AnyContext): readonly Typed[] => [{ dtype: 'bool', shape: need(context, 0).shape }];

function agree(context: AnyContext): DType {
  const first = need(context, 0).dtype;
  context.inputs.forEach((operand, i) => {
    if (operand !== null && operand.dtype !== first) throw wrong(context.node, `input ${i} to be ${first} as input 0`, operand.dtype);
  });
  return first;
}

const elementwise = (context: AnyContext): readonly Typed[] => [{ dtype: agree(context), shape: broadcast(context.node, context.inputs.map((_, i) => need(context, i).shape)) }];
const compare = (context: AnyContext): readonly Typed[] => [{ dtype: 'bool', shape: (elementwise(context)[0] ?? { shape: null }).shape }];

/** Where the axes come from changed from attribute to input: 13 for ReduceSum, 18 for the others. Both are read. */
const reduce = (context: RuleContext<'ReduceSum'>): readonly Typed[] => {
  const { dtype, shape } = need(context, 0), { keepdims, noop_with_empty_axes: noop } = context.attributes;
  const axes = context.inputs[1] === undefined || context.inputs[1] === null ? context.attributes.axes : known(context, 1);
  if (shape === null) return [{ dtype, shape: null }];
  const all = axes === null || axes.length === 0;
  if (context.inputs[1] && known(context, 1) === null) return [{ dtype, shape: keepdims === 1 ? shape.map(() => null) : null }];
  if (all && noop === 1) return [{ dtype, shape }];
  const over = new Set((all ? shape.map((_, axis) => axis) : axes).map((axis) => axisOf(context.node, axis, shape.length)));
  return [{ dtype, shape: keepdims === 1 ? shape.map((dim, axis) => (over.has(axis) ? 1 : dim)) : shape.filter((_, axis) => !over.has(axis)) }];
};

function axisOf(node: Node, axis: number, rank: number): number {
  const at = positive(axis, rank);
  if (at < 0 || at >= rank) throw wrong(node, `an axis from ${-rank} to ${rank - 1}`, `${axis}`);
  return at;
}

const arg = (context: RuleContext<'ArgMax'>): readonly Typed[] => {
  const { shape } = need(context, 0), { keepdims } = context.attributes;
  if (shape === null) return [{ dtype: 'int64', shape: null }];
  const axis = axisOf(context.node, context.attributes.axis, shape.length);
  return [{ dtype: 'int64', shape: keepdims === 1 ? shape.map((dim, k) => (k === axis ? 1 : dim)) : shape.filter((_, k) => k !== axis) }];
};

/** Padding of one spatial axis (before, after) and output extent of a sliding window. */
function windowed(context: RuleContext<'Conv'> | RuleContext<'MaxPool'> | RuleContext<'AveragePool'>, kernel: readonly Dim[], channels: Dim): readonly Typed[] {
  const { dtype, shape } = need(context, 0), { auto_pad: autoPad, dilations, pads, strides } = context.attributes;
  const ceil = 'ceil_mode' in context.attributes && context.attributes.ceil_mode === 1;
  if (shape === null) return [{ dtype, shape: null }];
  const spatial = shape.slice(2).map((dim, k): Dim => {
    const size = kernel[k] ?? null, stride = strides?.[k] ?? 1;
    if (typeof dim !== 'number' || typeof size !== 'number') return null;
    if (autoPad.startsWith('SAME')) return Math.ceil(dim / stride);
    const padding = autoPad === 'VALID' ? 0 : (pads?.[k] ?? 0) + (pads?.[k + shape.length - 2] ?? 0);
    const room = dim + padding - ((size - 1) * (dilations?.[k] ?? 1) + 1);
    if (room < 0) throw wrong(context.node, `at least ${dim - room} on spatial axis ${k}`, `${dim}`);
    const count = (ceil ? Math.ceil(room / stride) : Math.floor(room / stride)) + 1;
    // A window that would start behind the last element and its leading pad is left out.
    return ceil && (count - 1) * stride >= dim + (autoPad === 'VALID' ? 0 : (pads?.[k] ?? 0)) ? count - 1 : count;
  });
  return [{ dtype, shape: [shape[0] ?? null, channels, ...spatial] }];
}

const pool = (context: RuleContext<'MaxPool'>): readonly Typed[] => {
  const channels = need(context, 0).shape?.[1] ?? null, first = windowed(context, context.attributes.kernel_shape ?? [], channels)[0];
  return first === undefined ? [] : [first, { dtype: 'int64', shape: first.shape }];
};

/** Rank 4 `[n, heads, length, size]` or rank 3 `[n, length, heads * size]`; outputs y, present key, present value, products of queries and keys. */
const attention = (c: RuleContext<'Attention'>): readonly Typed[] => {
  const { dtype, shape: q } = need(c, 0), k = need(c, 1).shape, v = need(c, 2), past = c.inputs[4]?.shape ?? null, { q_num_heads: heads, kv_num_heads: kvHeads } = c.attributes;
  if (q === null || k === null || v.shape === null) return [{ dtype, shape: null }, { dtype, shape: null }, { dtype: v.dtype, shape: null }, { dtype, shape: null }];
  const flat = q.length === 3, over = (dim: Dim | undefined, by: number): Dim => (typeof dim === 'number' ? dim / by : null), times = (dim: Dim, by: number): Dim => (typeof dim === 'number' ? dim * by : null);
  const split = (shape: readonly Dim[], by: number): readonly Dim[] => (flat ? [shape[0] ?? null, by, shape[1] ?? null, over(shape[2], by)] : shape);
  const [n = null, h = null, queries = null] = split(q, heads), [, hk = null, own = null, size = null] = split(k, kvHeads), width = split(v.shape, kvHeads)[3] ?? null;
  const before = c.inputs[4] ? (past?.[2] ?? null) : 0, keys = typeof own === 'number' && typeof before === 'number' ? own + before : null;
  return [
    { dtype, shape: flat ? [n, queries, times(width, heads)] : [n, h, queries, width] }, { dtype, shape: [n, hk, keys, size] }, { dtype: v.dtype, shape: [n, hk, keys, width] }, { dtype, shape: [n, h, queries, keys] },
  ];
};

const global = (context: AnyContext): readonly Typed[] => [{ dtype: need(context, 0).dtype, shape: need(context, 0).shape?.map((dim, axis) => (axis < 2 ? dim : 1)) ?? null }];

/** `[n, channels, height, width]` with channels and extents changed. */
function blocks(context: AnyContext, channels: (n: number) => number, extent: (n: number) => number): readonly Typed[] {
  const { dtype, shape } = need(context, 0);
  return [{ dtype, shape: shape?.map((dim, axis): Dim => (axis === 0 || typeof dim !== 'number' ? (axis === 0 ? dim : null) : axis === 1 ? channels(dim) : extent(dim))) ?? null }];
}

function matMul(node: Node, a: Shape, b: Shape): Shape {
  if (a === null || b === null) return null;
  if (a.length === 0 || b.length === 0) throw wrong(node, 'operands of rank 1 or more', 'a scalar');
  const left = a.length === 1 ? [1, ...a] : a, right = b.length === 1 ? [...b, 1] : b;
  const inner = [left[left.length - 1] ?? null, right[right.length - 2] ?? null] as const;
  if (typeof inner[0] === 'number' && typeof inner[1] === 'number' && inner[0] !== inner[1]) throw wrong(node, 'matching inner extents', `${shapeText(a)} x ${shapeText(b)}`);
  const batch = broadcast(node, [left.slice(0, -2), right.slice(0, -2)]) ?? [];
  return [...batch, ...(a.length === 1 ? [] : [left[left.length - 2] ?? null]), ...(b.length === 1 ? [] : [right[right.length - 1] ?? null])];
}

const fromConstant = (context: RuleContext<'Constant'>): readonly Typed[] => {
  const { value, value_float: float, value_floats: floats, value_int: int, value_ints: ints } = context.attributes;
  if (value !== null) return [{ dtype: value.dtype, shape: value.shape }];
  if (float !== null) return [{ dtype: 'float32', shape: [] }];
  if (floats !== null) return [{ dtype: 'float32', shape: [floats.length] }];
  if (int !== null) return [{ dtype: 'int64', shape: [] }];
  if (ints !== null) return [{ dtype: 'int64', shape: [ints.length] }];
  throw wrong(context.node, 'a value', 'none');
};

const layerNorm = (context: RuleContext<'LayerNormalization'>): readonly Typed[] => {
  const { dtype, shape } = need(context, 0);
  const axis = shape === null ? 0 : axisOf(context.node, context.attributes.axis, shape.length);
  const statistics = shape === null ? null : shape.map((dim, k) => (k < axis ? dim : 1));
  return [{ dtype, shape }, { dtype: 'float32', shape: statistics }, { dtype: 'float32', shape: statistics }];
};

function einsum(context: RuleContext<'Einsum'>): Shape {
  const written = einsumTerms(context.attributes.equation, context.inputs.map((operand) => operand?.shape?.length ?? null));
  if (written === null) return null;
  const extents = new Map<string, Dim>(), { terms, result } = written;
  terms.forEach((term, i) => {
    const shape = need(context, i).shape;
    if (shape !== null && shape.length !== term.length) throw wrong(context.node, `rank ${term.length} for "${term}"`, shapeText(shape));
    [...term].forEach((letter, k) => { extents.set(letter, joinDims(context.node, extents.get(letter) ?? 1, shape?.[k] ?? null)); });
  });
  return [...result].map((letter) => extents.get(letter) ?? null);
}

export const SHAPE_RULES: { readonly [O in Op]: Rule<O> } = {
  Abs: same, Acos: same, Acosh: same, Asin: same, Asinh: same, Atan: same, Atanh: same, Ceil: same, Celu: same, Clip: same, Cos: same, Cosh: same, CumSum: same, Elu: same, Erf: same, Exp: same, Floor: same,
  Gelu: same, GroupNormalization: same, HardSigmoid: same, HardSwish: same, Identity: same, InstanceNormalization: same, LeakyRelu: same, Log: same, LogSoftmax: same, LpNormalization: same, Mish: same,
  Neg: same, Not: same, PRelu: same, Reciprocal: same, Relu: same, RMSNormalization: same, Round: same, ScatterElements: same, ScatterND: same, Selu: same, Sigmoid: same, Sign: same,
  Sin: same, Sinh: same, Softmax: same, Softplus: same, Softsign: same, Sqrt: same, Swish: same, Tan: same, Tanh: same, ThresholdedRelu: same, Trilu: same,
  IsInf: asBool, IsNaN: asBool,
  Add: elementwise, Div: elementwise, Max: elementwise, Mean: elementwise, Min: elementwise, Mod: elementwise, Mul: elementwise, Sub: elementwise, Sum: elementwise,
  And: compare, Or: compare, Xor: compare, Equal: compare, Greater: compare, GreaterOrEqual: compare, Less: compare, LessOrEqual: compare,
  Pow: (c) => [{ dtype: need(c, 0).dtype, shape: broadcast(c.node, [need(c, 0).shape, need(c, 1).shape]) }],
  ReduceL1: reduce, ReduceL2: reduce, ReduceLogSum: reduce, ReduceLogSumExp: reduce, ReduceMax: reduce, ReduceMean: reduce, ReduceMin: reduce, ReduceProd: reduce, ReduceSum: reduce, ReduceSumSquare: reduce,
  ArgMax: arg, ArgMin: arg, MaxPool: pool, Constant: fromConstant, LayerNormalization: layerNorm,
  AveragePool: (c) => windowed(c, c.attributes.kernel_shape ?? [], need(c, 0).shape?.[1] ?? null),
  Attention: attention,
  GlobalAveragePool: global, GlobalMaxPool: global,
  /** In training form the running statistics come out too. */
  BatchNormalization: (c) => [...same(c), ...[3, 4].map((i) => ({ dtype: need(c, i).dtype, shape: need(c, i).shape }))],
  DepthToSpace: (c) => blocks(c, (n) => n / c.attributes.blocksize ** 2, (n) => n * c.attributes.blocksize),
  SpaceToDepth: (c) => blocks(c, (n) => n * c.attributes.blocksize ** 2, (n) => n / c.attributes.blocksize),
  Conv: (c) => {
    const weight = need(c, 1).shape, input = need(c, 0).shape;
    const [given = null, taken = null] = [input?.[1], weight?.[1]];
    if (typeof given === 'number' && typeof taken === 'number' && given !== taken * c.attributes.group) throw wrong(c.node, `${taken * c.attributes.group} channels`, `${given}`);
    return windowed(c, weight?.slice(2) ?? [], weight?.[0] ?? null);
  },
  ConvTranspose: (c) => {
    const { dtype, shape } = need(c, 0), weight = need(c, 1).shape, { strides, pads, dilations, group, output_padding: extra, output_shape: forced, auto_pad: autoPad } = c.attributes;
    if (shape === null || weight === null) return [{ dtype, shape: null }];
    const channels = typeof weight[1] === 'number' ? weight[1] * group : null;
    const spatial = shape.slice(2).map((dim, k): Dim => {
      const size = weight[k + 2] ?? null, stride = strides?.[k] ?? 1;
      if (forced !== null) return forced[k] ?? null;
      if (typeof dim !== 'number' || typeof size !== 'number') return null;
      if (autoPad.startsWith('SAME')) return dim * stride;
      return stride * (dim - 1) + (extra?.[k] ?? 0) + (size - 1) * (dilations?.[k] ?? 1) + 1 - (pads?.[k] ?? 0) - (pads?.[k + shape.length - 2] ?? 0);
    });
    return [{ dtype, shape: [shape[0] ?? null, channels, ...spatial] }];
  },
  Cast: (c) => {
    const dtype = dtypeOf(c.attributes.to);
    if (dtype === null) throw wrong(c.node, 'a supported element type', `code ${c.attributes.to}`);
    return [{ dtype, shape: need(c, 0).shape }];
  },
  CastLike: (c) => [{ dtype: need(c, 1).dtype, shape: need(c, 0).shape }],
  Concat: (c) => {
    const dtype = agree(c), shapes = c.inputs.map((_, i) => need(c, i).shape), first = shapes[0] ?? null;
    if (first === null || shapes.includes(null)) return [{ dtype, shape: null }];
    const axis = axisOf(c.node, c.attributes.axis, first.length);
    return [{ dtype, shape: first.map((_, k): Dim => {
      const dims = shapes.map((shape) => shape?.[k] ?? null);
      if (k === axis) return dims.reduce<Dim>((sum, dim) => (typeof sum === 'number' && typeof dim === 'number' ? sum + dim : null), 0);
      const numbers = new Set(dims.filter((dim) => typeof dim === 'number'));
      if (numbers.size > 1) throw wrong(c.node, `equal extents on axis ${k}`, dims.join(', '));
      return [...numbers][0] ?? dims[0] ?? null;
    }) }];
  },
  ConstantOfShape: (c) => {
    const shape = known(c, 0), length = need(c, 0).shape?.[0];
    return [{ dtype: c.attributes.value?.dtype ?? 'float32', shape: shape ?? (typeof length === 'number' ? new Array<Dim>(length).fill(null) : null) }];
  },
  Dropout: (c) => [...same(c), { dtype: 'bool', shape: need(c, 0).shape }],
  Einsum: (c) => [{ dtype: agree(c), shape: einsum(c) }],
  Expand: (c) => {
    const { dtype, shape } = need(c, 0), to = known(c, 1);
    return [{ dtype, shape: to === null ? null : broadcast(c.node, [shape, to]) }];
  },
  Flatten: (c) => {
    const { dtype, shape } = need(c, 0), size = fixed(shape);
    if (shape === null || size === null) return [{ dtype, shape: [null, null] }];
    const axis = positive(c.attributes.axis, size.length);
    return [{ dtype, shape: [sizeOf(size.slice(0, axis)), sizeOf(size.slice(axis))] }];
  },
  Gather: (c) => {
    const { dtype, shape } = need(c, 0), indices = need(c, 1).shape;
    if (shape === null || indices === null) return [{ dtype, shape: null }];
    const axis = axisOf(c.node, c.attributes.axis, shape.length);
    return [{ dtype, shape: [...shape.slice(0, axis), ...indices, ...shape.slice(axis + 1)] }];
  },
  GatherElements: (c) => [{ dtype: need(c, 0).dtype, shape: need(c, 1).shape }],
  GatherND: (c) => {
    const { dtype, shape } = need(c, 0), indices = need(c, 1).shape, last = indices?.[indices.length - 1];
    return [{ dtype, shape: shape === null || indices === null || typeof last !== 'number' ? null : [...indices.slice(0, -1), ...shape.slice(c.attributes.batch_dims + last)] }];
  },
  Gemm: (c) => {
    const a = need(c, 0).shape, b = need(c, 1).shape;
    const turned = (shape: Shape, turn: number): Shape => (shape === null ? null : turn === 1 ? [...shape].reverse() : shape);
    return [{ dtype: agree(c), shape: matMul(c.node, turned(a, c.attributes.transA), turned(b, c.attributes.transB)) }];
  },
  If: (c) => {
    const yes = c.attributes.then_branch, no = c.attributes.else_branch;
    if (yes === null || no === null) throw wrong(c.node, 'two branches', 'fewer');
    return yes.outputs.map((output, i) => ({ dtype: output.dtype, shape: JSON.stringify(output.shape) === JSON.stringify(no.outputs[i]?.shape) ? output.shape : null }));
  },
  MatMul: (c) => [{ dtype: agree(c), shape: matMul(c.node, need(c, 0).shape, need(c, 1).shape) }],
  NonZero: (c) => [{ dtype: 'int64', shape: [need(c, 0).shape?.length ?? null, null] }],
  OneHot: (c) => {
    const indices = need(c, 0).shape, depth = known(c, 1)?.[0] ?? null, dtype = need(c, 2).dtype;
    if (indices === null) return [{ dtype, shape: null }];
    const axis = axisOf(c.node, c.attributes.axis, indices.length + 1);
    return [{ dtype, shape: [...indices.slice(0, axis), depth, ...indices.slice(axis)] }];
  },
  Pad: (c) => {
    const { dtype, shape } = need(c, 0), pads = known(c, 1), axes = c.inputs[3] ? known(c, 3) : null;
    if (shape === null) return [{ dtype, shape: null }];
    if (pads === null || (c.inputs[3] && axes === null)) return [{ dtype, shape: shape.map(() => null) }];
    const order = (axes ?? shape.map((_, axis) => axis)).map((axis) => axisOf(c.node, axis, shape.length));
    return [{ dtype, shape: shape.map((dim, axis): Dim => {
      const k = order.indexOf(axis);
      return k < 0 ? dim : typeof dim === 'number' ? dim + (pads[k] ?? 0) + (pads[k + order.length] ?? 0) : null;
    }) }];
  },
  Range: (c) => [{ dtype: need(c, 0).dtype, shape: [null] }],
  Reshape: (c) => {
    const { dtype, shape } = need(c, 0), to = known(c, 1), length = need(c, 1).shape?.[0];
    if (to === null) return [{ dtype, shape: typeof length === 'number' ? new Array<Dim>(length).fill(null) : null }];
    const allowZero = c.attributes.allowzero === 1, from = fixed(shape);
    if (from === null) return [{ dtype, shape: to.map((extent, axis): Dim => (extent === -1 ? null : extent === 0 && !allowZero ? (shape?.[axis] ?? null) : extent)) }];
    const out = reshapeTo(from, to, allowZero);
    if (out === null) throw wrong(c.node, `a shape for ${sizeOf(from)} elements`, `[${to.join(', ')}] from ${shapeText(shape)}`);
    return [{ dtype, shape: out }];
  },
  Resize: (c) => {
    const { dtype, shape } = need(c, 0), scales = known(c, 2), sizes = known(c, 3), { axes } = c.attributes;
    if (shape === null) return [{ dtype, shape: null }];
    const order = (axes ?? shape.map((_, axis) => axis)).map((axis) => axisOf(c.node, axis, shape.length));
    const ratio = aspect(c.attributes.keep_aspect_ratio_policy, order.map((axis) => shape[axis] ?? null), sizes);
    return [{ dtype, shape: shape.map((dim, axis): Dim => {
      const k = order.indexOf(axis);
      if (k < 0) return dim;
      if (c.inputs[3]) return c.attributes.keep_aspect_ratio_policy === 'stretch' ? (sizes?.[k] ?? null) : ratio === null || typeof dim !== 'number' ? null : Math.floor(ratio * dim + 0.5);
      const scale = scales?.[k];
      // The product is float32's, as in the runtime: 10 x 0.7 is 7, although 0.7 in float32 is less.
      return scale === undefined ? null : typeof dim === 'number' ? Math.floor(Math.fround(dim * scale)) : scale === 1 ? dim : null;
    }) }];
  },
  Shape: (c) => {
    const rank = need(c, 0).shape?.length;
    if (rank === undefined) return [{ dtype: 'int64', shape: [null] }];
    return [{ dtype: 'int64', shape: [sliceRange(rank, c.attributes.start, c.attributes.end ?? rank, 1).count] }];
  },
  Size: () => [{ dtype: 'int64', shape: [] }],
  Slice: (c) => {
    const { dtype, shape } = need(c, 0), starts = known(c, 1), ends = known(c, 2), axes = c.inputs[3] ? known(c, 3) : undefined, steps = c.inputs[4] ? known(c, 4) : undefined;
    if (shape === null) return [{ dtype, shape: null }];
    if (axes === null) return [{ dtype, shape: shape.map(() => null) }];
    const count = starts?.length ?? ends?.length ?? axes?.length ?? shape.length;
    const order = (axes ?? Array.from({ length: count }, (_, k) => k)).map((axis) => axisOf(c.node, axis, shape.length));
    return [{ dtype, shape: shape.map((dim, axis): Dim => {
      const k = order.indexOf(axis), start = starts?.[k], end = ends?.[k];
      if (k < 0) return dim;
      if (typeof dim !== 'number' || start === undefined || end === undefined || steps === null) return null;
      return sliceRange(dim, start, end, steps?.[k] ?? 1).count;
    }) }];
  },
  Split: (c) => {
    const { dtype, shape } = need(c, 0), parts = c.node.outputs.length;
    if (shape === null) return c.node.outputs.map(() => ({ dtype, shape: null }));
    const axis = axisOf(c.node, c.attributes.axis, shape.length), extent = shape[axis] ?? null, sizes = c.inputs[1] ? known(c, 1) : undefined;
    const even = typeof extent === 'number' ? Math.ceil(extent / parts) : null;
    return c.node.outputs.map((_, part) => {
      const own = sizes === null ? null : sizes !== undefined ? (sizes[part] ?? null) : even === null || typeof extent !== 'number' ? null : Math.min(even, extent - part * even);
      return { dtype, shape: shape.map((dim, k) => (k === axis ? own : dim)) };
    });
  },
  Squeeze: (c) => {
    const { dtype, shape } = need(c, 0), axes = c.inputs[1] ? known(c, 1) : undefined;
    if (shape === null || axes === null) return [{ dtype, shape: null }];
    const drop = axes?.map((axis) => axisOf(c.node, axis, shape.length));
    if (drop === undefined && fixed(shape) === null) return [{ dtype, shape: null }];
    return [{ dtype, shape: shape.filter((dim, axis) => (drop === undefined ? dim !== 1 : !drop.includes(axis))) }];
  },
  Tile: (c) => {
    const { dtype, shape } = need(c, 0), repeats = known(c, 1);
    return [{ dtype, shape: shape?.map((dim, axis): Dim => (typeof dim === 'number' && repeats !== null ? dim * (repeats[axis] ?? 1) : null)) ?? null }];
  },
  TopK: (c) => {
    const { dtype, shape } = need(c, 0), k = known(c, 1)?.[0] ?? null;
    const out = shape === null ? null : shape.map((dim, axis) => (axis === axisOf(c.node, c.attributes.axis, shape.length) ? k : dim));
    return [{ dtype, shape: out }, { dtype: 'int64', shape: out }];
  },
  Transpose: (c) => {
    const { dtype, shape } = need(c, 0);
    if (shape === null) return [{ dtype, shape: null }];
    const perm = c.attributes.perm ?? shape.map((_, axis) => shape.length - 1 - axis);
    if (perm.length !== shape.length) throw wrong(c.node, `a permutation of ${shape.length} axes`, `[${perm.join(', ')}]`);
    return [{ dtype, shape: perm.map((axis) => shape[axis] ?? null) }];
  },
  Unsqueeze: (c) => {
    const { dtype, shape } = need(c, 0), axes = known(c, 1);
    if (shape === null || axes === null) return [{ dtype, shape: null }];
    const rank = shape.length + axes.length, ones = new Set(axes.map((axis) => axisOf(c.node, axis, rank))), rest = [...shape];
    return [{ dtype, shape: Array.from({ length: rank }, (_, axis) => (ones.has(axis) ? 1 : (rest.shift() ?? null))) }];
  },
  Where: (c) => [{ dtype: need(c, 1).dtype, shape: broadcast(c.node, [need(c, 0).shape, need(c, 1).shape, need(c, 2).shape]) }],
};
