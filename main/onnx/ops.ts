/**
 * The standard operators that the house knows, with their attributes and defaults (onnx/docs/Operators.md, opsets 13 to 28).
 *
 * One table gives the builder its argument types, the shape rules and gradient rules their attribute values without casts,
 * and the reader of a graph an error when a node carries an attribute that nobody would honour.
 */
import { UserError } from '../../common/errors.ts';
import type { Attribute, Initializer, Node, Subgraph } from './graph.ts';

interface Field<T, Type extends Attribute['type'] = Attribute['type']> {
  readonly type: Type;
  readonly fallback: T;
}

const int = (fallback: number): Field<number, 'int'> => ({ type: 'int', fallback });
const optionalInt: Field<number | null, 'int'> = { type: 'int', fallback: null };
const float = (fallback: number): Field<number, 'float'> => ({ type: 'float', fallback });
const optionalFloat: Field<number | null, 'float'> = { type: 'float', fallback: null };
const text = (fallback: string): Field<string, 'string'> => ({ type: 'string', fallback });
const ints: Field<readonly number[] | null, 'ints'> = { type: 'ints', fallback: null };
const floats: Field<readonly number[] | null, 'floats'> = { type: 'floats', fallback: null };
const tensor: Field<Initializer | null, 'tensor'> = { type: 'tensor', fallback: null };
const graph: Field<Subgraph | null, 'graph'> = { type: 'graph', fallback: null };

const NONE = {};
const CONVOLUTION = { auto_pad: text('NOTSET'), dilations: ints, group: int(1), kernel_shape: ints, pads: ints, strides: ints };
const POOL = { auto_pad: text('NOTSET'), ceil_mode: int(0), dilations: ints, kernel_shape: ints, pads: ints, strides: ints };
const REDUCTION = { axes: ints, keepdims: int(1), noop_with_empty_axes: int(0) };
const ARG = { axis: int(0), keepdims: int(1), select_last_index: int(0) };

export const OPS = {
  Abs: NONE, Acos: NONE, Acosh: NONE, Add: NONE, And: NONE, ArgMax: ARG, ArgMin: ARG, Asin: NONE, Asinh: NONE, Atan: NONE, Atanh: NONE,
  Attention: {
    is_causal: int(0), kv_num_heads: int(0), left_window_size: int(-1), q_num_heads: int(0), qk_matmul_output_mode: int(0), right_window_size: int(-1), scale: optionalFloat,
    softcap: float(0), softmax_precision: int(0),
  },
  AveragePool: { ...POOL, count_include_pad: int(0) },
  BatchNormalization: { epsilon: float(1e-5), momentum: float(0.9), training_mode: int(0) },
  Cast: { to: int(0), saturate: int(1), round_mode: text('up') }, CastLike: { saturate: int(1), round_mode: text('up') }, Ceil: NONE, Celu: { alpha: float(1) }, Clip: NONE,
  Concat: { axis: int(0) },
  Constant: { value: tensor, value_float: optionalFloat, value_floats: floats, value_int: optionalInt, value_ints: ints },
  ConstantOfShape: { value: tensor }, Conv: CONVOLUTION,
  ConvTranspose: { ...CONVOLUTION, output_padding: ints, output_shape: ints },
  Cos: NONE, Cosh: NONE, CumSum: { exclusive: int(0), reverse: int(0) }, DepthToSpace: { blocksize: int(1), mode: text('DCR') }, Div: NONE, Dropout: { seed: optionalInt }, Einsum: { equation: text('') },
  Elu: { alpha: float(1) }, Equal: NONE, Erf: NONE, Exp: NONE, Expand: NONE, Flatten: { axis: int(1) }, Floor: NONE,
  Gather: { axis: int(0) }, GatherElements: { axis: int(0) }, GatherND: { batch_dims: int(0) }, Gelu: { approximate: text('none') },
  Gemm: { alpha: float(1), beta: float(1), transA: int(0), transB: int(0) }, GlobalAveragePool: NONE, GlobalMaxPool: NONE, Greater: NONE, GreaterOrEqual: NONE,
  GroupNormalization: { epsilon: float(1e-5), num_groups: int(0), stash_type: int(1) }, HardSigmoid: { alpha: float(0.2), beta: float(0.5) },
  HardSwish: NONE, Identity: NONE, If: { then_branch: graph, else_branch: graph }, InstanceNormalization: { epsilon: float(1e-5) },
  IsInf: { detect_negative: int(1), detect_positive: int(1) }, IsNaN: NONE, LayerNormalization: { axis: int(-1), epsilon: float(1e-5), stash_type: int(1) },
  LeakyRelu: { alpha: float(0.01) }, Less: NONE, LessOrEqual: NONE, Log: NONE, LogSoftmax: { axis: int(-1) }, LpNormalization: { axis: int(-1), p: int(2) }, MatMul: NONE, Max: NONE,
  MaxPool: { ...POOL, storage_order: int(0) }, Mean: NONE, Min: NONE, Mish: NONE, Mod: { fmod: int(0) }, Mul: NONE, Neg: NONE, NonZero: NONE, Not: NONE,
  OneHot: { axis: int(-1) }, Or: NONE, Pad: { mode: text('constant') }, Pow: NONE, PRelu: NONE, Range: NONE, Reciprocal: NONE,
  ReduceL1: REDUCTION, ReduceL2: REDUCTION, ReduceLogSum: REDUCTION, ReduceLogSumExp: REDUCTION, ReduceMax: REDUCTION, ReduceMean: REDUCTION, ReduceMin: REDUCTION,
  ReduceProd: REDUCTION, ReduceSum: REDUCTION, ReduceSumSquare: REDUCTION, Relu: NONE, Reshape: { allowzero: int(0) },
  Resize: {
    antialias: int(0), axes: ints, coordinate_transformation_mode: text('half_pixel'), cubic_coeff_a: float(-0.75), exclude_outside: int(0),
    extrapolation_value: float(0), keep_aspect_ratio_policy: text('stretch'), mode: text('nearest'), nearest_mode: text('round_prefer_floor'),
  },
  RMSNormalization: { axis: int(-1), epsilon: float(1e-5), stash_type: int(1) },
  Round: NONE, ScatterElements: { axis: int(0), reduction: text('none') }, ScatterND: { reduction: text('none') },
  Selu: { alpha: float(1.6732632), gamma: float(1.0507009) }, Shape: { start: int(0), end: optionalInt }, Sigmoid: NONE, Sign: NONE, Sin: NONE, Sinh: NONE, Size: NONE, Slice: NONE,
  Softmax: { axis: int(-1) }, Softplus: NONE, Softsign: NONE, SpaceToDepth: { blocksize: int(1), mode: text('DCR') }, Split: { axis: int(0), num_outputs: optionalInt }, Sqrt: NONE, Squeeze: NONE, Sub: NONE,
  Sum: NONE, Swish: { alpha: float(1) }, Tan: NONE, Tanh: NONE, ThresholdedRelu: { alpha: float(1) }, Tile: NONE, TopK: { axis: int(-1), largest: int(1), sorted: int(1) }, Transpose: { perm: ints },
  Trilu: { upper: int(1) }, Unsqueeze: NONE, Where: NONE, Xor: NONE,
} as const satisfies Readonly<Record<string, Readonly<Record<string, Field<unknown>>>>>;

export type Op = keyof typeof OPS;

/** Attribute values of an operator, defaults filled in. */
export type AttributesOf<O extends Op> = { readonly [K in keyof (typeof OPS)[O]]: (typeof OPS)[O][K] extends Field<infer T> ? T : never };

/** A node of one operator of the standard domain. */
export type NodeOf<O extends Op> = Node & { readonly op: O; readonly domain: '' };

export function isKnown(op: string): op is Op {
  return Object.hasOwn(OPS, op);
}

/** True if the node is this standard operator; narrows. */
export function isOp<O extends Op>(node: Node, op: O): node is NodeOf<O> {
  return node.op === op && node.domain === '';
}

function fieldsOf(op: Op): Readonly<Record<string, Field<unknown>>> {
  return OPS[op];
}

/** Attributes of a node with defaults. An attribute that the table does not know, or of another type, throws. */
export function attributesOf<O extends Op>(op: O, node: Node): AttributesOf<O> {
  const fields = fieldsOf(op);
  for (const [name, attribute] of Object.entries(node.attributes)) {
    const field = fields[name];
    if (field === undefined || field.type !== attribute.type) {
      throw new UserError('unsupported', `${node.op} "${node.name}" has an attribute that is not supported: ${name} (${attribute.type})`, {
        expected: Object.entries(fields).map(([key, value]) => `${key} (${value.type})`).join(', ') || 'no attributes', found: `${name} (${attribute.type})`, fix: 'Export the model with opset 17.',
      });
    }
  }
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, node.attributes[name]?.value ?? field.fallback])) as AttributesOf<O>;
}

/** Given attribute values as a node carries them. */
export function encodeAttributes<O extends Op>(op: O, values: Partial<AttributesOf<O>>): Readonly<Record<string, Attribute>> {
  const fields = fieldsOf(op);
  const encoded: Record<string, Attribute> = {};
  for (const [name, value] of Object.entries(values)) {
    const field = fields[name];
    if (field === undefined) throw new RangeError(`${op} has no attribute ${name}`);
    if (value !== null && value !== undefined) encoded[name] = { type: field.type, value } as Attribute;
  }
  return encoded;
}
