/** Cases of the gradient check: for every rule, the shapes, attributes and broadcasts that change what it does. */
import { f32, ndarray, sizeOf } from '../../../common/ndarray.ts';
import type { NdArray } from '../../../common/ndarray.ts';
import type { Random } from '../../../common/random.ts';
import { graphBuilder } from '../../../main/onnx/build.ts';
import type { GraphBuilder, Ref } from '../../../main/onnx/build.ts';
import type { Graph } from '../../../main/onnx/graph.ts';
import type { Op } from '../../../main/onnx/ops.ts';

type Draw = (r: Random) => number;
interface Input { readonly shape: readonly number[]; readonly draw: Draw }
export interface Case {
  readonly op: Op;
  readonly title: string;
  readonly dtype: 'float32' | 'float64';
  readonly opset: number;
  readonly inputs: readonly Input[];
  readonly make: (b: GraphBuilder, x: readonly Ref[]) => Ref | readonly Ref[];
}

const normal: Draw = (r) => r.normal();
const positive: Draw = (r) => 0.5 + r.uniform();
const inside: Draw = (r) => r.between(-0.8, 0.8);
/** At least 0.15 from every multiple of one half: away from kinks at 0, 1/2, 1, 3. */
const offKinks: Draw = (r) => (r.integer(9) - 4) * 0.5 + r.between(0.15, 0.35);
const x = (shape: readonly number[], draw: Draw = normal): Input => ({ shape, draw });

function at(refs: readonly Ref[], index: number): Ref {
  const ref = refs[index];
  if (ref === undefined) throw new RangeError(`no input ${index}`);
  return ref;
}

interface Options { readonly dtype?: 'float32' | 'float64'; readonly opset?: number; readonly title?: string }
function one(op: Op, inputs: readonly Input[], make: Case['make'], { dtype = 'float32', opset = 17, title }: Options = {}): Case {
  return { op, title: title ?? inputs.map((input) => `[${input.shape.join(',')}]`).join(' '), dtype, opset, inputs, make };
}

const unary = (op: Op, draw: Draw, attributes: object = {}, options: Options = {}): Case =>
  one(op, [x([2, 3, 4], draw)], (b, r) => b.node(op, [at(r, 0)], attributes), { ...options, title: JSON.stringify(attributes) });
const D: Options = { dtype: 'float64' };

const BROADCASTS: readonly (readonly [readonly number[], readonly number[]])[] = [[[2, 3], [2, 3]], [[2, 3], [3]], [[3], [2, 3]], [[2, 1], [1, 3]], [[], [2, 3]], [[2, 3], [1]], [[4, 1, 3], [2, 1]], [[1], [1, 1]]];
/** Multiples of one half, plus a quarter for the second of two: never closer to each other than 0.2. */
const onGrid: Draw = (r) => (r.integer(9) - 4) * 0.5 + r.between(-0.02, 0.02);
const offGrid: Draw = (r) => onGrid(r) + 0.25;
const turns = new WeakMap<Random, number>();
/** No two of 257 draws in a row from one stream are closer than 0.1. */
const distinct: Draw = (r) => {
  const turn = turns.get(r) ?? 0;
  turns.set(r, turn + 1);
  return ((turn * 97) % 257) * 0.1;
};
const binary = (op: Op, first: Draw = normal, second: Draw = normal, options: Options = {}): Case[] =>
  BROADCASTS.map(([a, c]) => one(op, [x(a, first), x(c, second)], (b, r) => b.node(op, [at(r, 0), at(r, 1)]), options));

const reduce = (op: Op, draw: Draw = normal): Case[] => ([[null, 1], [[1], 0], [[0, 2], 1], [[-1], 1]] as const).map(([axes, keepdims]) =>
  one(op, [x([2, 3, 4], draw)], (b, r) => op === 'ReduceSum'
    ? b.node(op, axes === null ? [at(r, 0)] : [at(r, 0), b.integers(axes)], { keepdims })
    : b.node(op, [at(r, 0)], axes === null ? { keepdims } : { keepdims, axes }), { title: `axes ${JSON.stringify(axes)} keep ${keepdims}` }));

const conv = (image: readonly number[], weight: readonly number[], attributes: object, bias = true): Case =>
  one('Conv', [x(image), x(weight), ...(bias ? [x([weight[0] ?? 1])] : [])], (b, r) => b.node('Conv', r, attributes), { title: `${image.join('x')} * ${weight.join('x')} ${JSON.stringify(attributes)}` });
const convT = (image: readonly number[], weight: readonly number[], attributes: object): Case =>
  one('ConvTranspose', [x(image), x(weight)], (b, r) => b.node('ConvTranspose', r, attributes), { title: `${image.join('x')} * ${weight.join('x')} ${JSON.stringify(attributes)}` });
const resize = (from: readonly number[], to: readonly number[], attributes: object, opset = 17): Case =>
  one('Resize', [x(from)], (b, r) => b.resize(at(r, 0), { sizes: to }, attributes), { opset, title: `${from.join('x')} to ${to.join('x')} ${JSON.stringify(attributes)}` });
const pool = (op: 'AveragePool' | 'MaxPool', attributes: object, image: readonly number[] = [2, 3, 7, 6]): Case =>
  one(op, [x(image, op === 'MaxPool' ? distinct : normal)], (b, r) => b.node(op, [at(r, 0)], attributes), { title: JSON.stringify(attributes) });
const slice = (starts: number[], ends: number[], axes: number[], steps: number[]): Case =>
  one('Slice', [x([5, 7])], (b, r) => b.slice(at(r, 0), starts, ends, axes, steps), { title: JSON.stringify({ starts, ends, axes, steps }) });
const pad = (pads: readonly number[], mode: string): Case =>
  one('Pad', [x([3, 5])], (b, r) => b.node('Pad', [at(r, 0), b.integers(pads)], { mode }), { title: `${pads.join(',')} ${mode}`, opset: mode === 'wrap' ? 19 : 17 });
const norm = (op: Op, inputs: readonly Input[], attributes: object, opset: number): Case =>
  one(op, inputs, (b, r) => b.node(op, r, attributes), { opset, title: `${inputs[0]?.shape.join('x') ?? ''} ${JSON.stringify(attributes)} opset ${opset}` });
const ints = (b: GraphBuilder, dims: readonly number[], values: readonly number[]): Ref => b.constant(ndarray('int64', dims, BigInt64Array.from(values, BigInt)));

export const CASES: readonly Case[] = [
  unary('Abs', offKinks, {}, D), unary('Acos', inside), unary('Asin', inside), unary('Acosh', (r) => 1.5 + r.uniform()), unary('Asinh', normal), unary('Atanh', inside), unary('Celu', offKinks, { alpha: 1.3 }), unary('Cosh', normal), unary('Sinh', normal), unary('ThresholdedRelu', offKinks, { alpha: 0.5 }), unary('Atan', normal), unary('Cos', normal, {}, D), unary('Elu', offKinks, { alpha: 1.3 }),
  unary('Erf', normal), unary('Exp', normal, {}, D), unary('Gelu', normal, {}, { opset: 20 }), unary('Gelu', normal, { approximate: 'tanh' }, { opset: 20 }),
  unary('HardSigmoid', (r) => r.between(-1.5, 1.5), { alpha: 0.3, beta: 0.5 }), unary('HardSwish', (r) => r.pick([-4, -1.2, 0.4, 1.7, 4.1]) + r.between(-0.2, 0.2)),
  unary('LeakyRelu', offKinks, { alpha: 0.1 }), unary('Log', positive, {}, D), unary('Mish', normal, {}, { opset: 18 }), unary('Neg', normal, {}, D), unary('Reciprocal', positive, {}, D),
  unary('Relu', offKinks, {}, D), unary('Selu', offKinks), unary('Sigmoid', normal, {}, D), unary('Sin', normal, {}, D), unary('Softplus', normal), unary('Softsign', offKinks),
  unary('Sqrt', positive, {}, D), unary('Tan', inside), unary('Tanh', normal, {}, D), unary('Identity', normal, {}, D), unary('Dropout', normal, {}),
  ...binary('Add', normal, normal, D), ...binary('Sub', normal, normal, D), ...binary('Mul', normal, normal, D), ...binary('Div', normal, positive, D), ...binary('Pow', positive, normal, D),
  one('Pow', [x([2, 3])], (b, r) => b.pow(at(r, 0), b.scalar(2)), { title: 'square of negative numbers' }),
  ...binary('Min', onGrid, offGrid), ...binary('Max', onGrid, offGrid), ...binary('Sum'), ...binary('Mean'), ...binary('PRelu', offKinks).filter((each) => (each.inputs[0]?.shape.length ?? 0) >= (each.inputs[1]?.shape.length ?? 0) && sizeOf(each.inputs[0]?.shape ?? []) >= sizeOf(each.inputs[1]?.shape ?? []) && each.inputs[0]?.shape.join() !== '2,1' && each.inputs[0]?.shape.join() !== '4,1,3'),
  one('Mod', [x([2, 3], (r) => r.between(0.2, 0.8))], (b, r) => b.node('Mod', [at(r, 0), b.scalar(1)], { fmod: 1 })), ...[1].map((fmod) => one('Mod', [x([2, 3], (r) => r.pick([-3.5, 2.5, 4.5])), x([3], (r) => 1 + 0.1 * r.uniform())], (b, r) => b.node('Mod', [at(r, 0), at(r, 1)], { fmod }), { title: `divisor, fmod ${fmod}` })),
  one('Where', [x([2, 3]), x([3])], (b, r) => b.where(b.greater(b.constant(f32([2, 1], [1, -1])), b.scalar(0)), at(r, 0), at(r, 1))),
  one('Clip', [x([3, 4], offKinks)], (b, r) => b.clip(at(r, 0), b.scalar(-0.5), b.scalar(1))), one('Clip', [x([3, 4], offKinks)], (b, r) => b.clip(at(r, 0), null, b.scalar(0.5)), { title: 'no lower limit' }),
  one('MatMul', [x([3, 4]), x([4, 5])], (b, r) => b.matMul(at(r, 0), at(r, 1)), D), one('MatMul', [x([2, 3, 4]), x([4, 5])], (b, r) => b.matMul(at(r, 0), at(r, 1)), D),
  one('MatMul', [x([2, 1, 3, 4]), x([3, 4, 2])], (b, r) => b.matMul(at(r, 0), at(r, 1)), D), one('MatMul', [x([4]), x([4, 5])], (b, r) => b.matMul(at(r, 0), at(r, 1)), D),
  one('MatMul', [x([2, 3, 4]), x([4])], (b, r) => b.matMul(at(r, 0), at(r, 1)), D), one('MatMul', [x([4]), x([4])], (b, r) => b.matMul(at(r, 0), at(r, 1)), D),
  one('MatMul', [x([4, 5]), x([2, 5, 3])], (b, r) => b.matMul(at(r, 0), at(r, 1)), D), one('MatMul', [x([4]), x([2, 4, 3])], (b, r) => b.matMul(at(r, 0), at(r, 1)), D),
  ...[[0, 0], [0, 1], [1, 0], [1, 1]].map(([transA = 0, transB = 0]) => one('Gemm', [x(transA === 1 ? [4, 3] : [3, 4]), x(transB === 1 ? [5, 4] : [4, 5]), x(transA === 1 ? [5] : [3, 1])],
    (b, r) => b.gemm(at(r, 0), at(r, 1), at(r, 2), { alpha: 0.7, beta: 1.3, transA, transB }), { ...D, title: `transA ${transA} transB ${transB}` })),
  one('Einsum', [x([2, 3, 4]), x([2, 4, 5])], (b, r) => b.einsum('bij,bjk->bik', at(r, 0), at(r, 1)), D), one('Einsum', [x([2, 3]), x([4, 3])], (b, r) => b.einsum('ij,kj->ik', at(r, 0), at(r, 1)), D),
  one('Einsum', [x([2, 3]), x([2, 4])], (b, r) => b.einsum('ij,ik->i', at(r, 0), at(r, 1)), D), one('Einsum', [x([3, 4])], (b, r) => b.einsum('ij->j', at(r, 0)), { ...D, title: 'one term summed' }),
  one('Einsum', [x([5, 2, 3]), x([1, 3, 4])], (b, r) => b.einsum('...ij,...jk->...ik', at(r, 0), at(r, 1)), { title: 'broadcast by ellipsis' }), one('Einsum', [x([2, 3, 3])], (b, r) => b.einsum('bii->bi', at(r, 0)), { title: 'diagonal' }), one('Einsum', [x([3, 3])], (b, r) => b.einsum('ii', at(r, 0)), { title: 'trace' }),
  ...[-1, 1, 0].flatMap((axis) => [one('Softmax', [x([2, 3, 4])], (b, r) => b.node('Softmax', [at(r, 0)], { axis }), { ...D, title: `axis ${axis}` }), one('LogSoftmax', [x([2, 3, 4])], (b, r) => b.node('LogSoftmax', [at(r, 0)], { axis }), { ...D, title: `axis ${axis}` })]),
  norm('LayerNormalization', [x([2, 3, 4]), x([4]), x([4])], { axis: -1 }, 17), norm('LayerNormalization', [x([2, 3, 4]), x([3, 4])], { axis: 1, epsilon: 0.1 }, 17),
  one('LayerNormalization', [x([2, 3, 4]), x([4]), x([4])], (b, r) => b.nodes('LayerNormalization', r, { axis: -1, epsilon: 0.1 }, 3), { title: 'mean and deviation too' }),
  norm('InstanceNormalization', [x([2, 3, 4, 5]), x([3]), x([3])], { epsilon: 0.01 }, 17), norm('InstanceNormalization', [x([2, 3, 7]), x([3]), x([3])], {}, 17),
  norm('GroupNormalization', [x([2, 6, 3, 2]), x([6]), x([6])], { num_groups: 3 }, 21), norm('RMSNormalization', [x([2, 3, 4]), x([4])], { axis: -1 }, 23),
  one('BatchNormalization', [x([2, 3, 4]), x([3]), x([3])], (b, r) => b.node('BatchNormalization', [at(r, 0), at(r, 1), at(r, 2), b.constant(f32([3], [0.1, -0.2, 0.3])), b.constant(f32([3], [1, 2, 0.5]))], {})),
  one('BatchNormalization', [x([2, 3, 4]), x([3]), x([3]), x([3]), x([3], positive)], (b, r) => b.node('BatchNormalization', r, {}), { title: 'statistics too' }),
  conv([2, 3, 6, 5], [4, 3, 3, 3], { pads: [1, 1, 1, 1] }), conv([2, 3, 7, 8], [4, 3, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }), conv([1, 4, 6, 6], [6, 2, 3, 3], { group: 2, pads: [1, 1, 1, 1] }),
  conv([2, 3, 5, 5], [4, 3, 1, 1], {}), conv([1, 2, 9, 9], [3, 2, 3, 3], { dilations: [2, 2], pads: [2, 2, 2, 2] }), conv([2, 3, 8, 8], [4, 3, 2, 2], { strides: [2, 2] }), conv([1, 2, 8, 7], [3, 2, 3, 3], { strides: [3, 2], pads: [0, 1, 1, 0] }),
  conv([2, 4, 9], [4, 1, 3], { group: 4, pads: [1, 1] }), conv([1, 2, 6, 7], [3, 2, 3, 3], { auto_pad: 'SAME_UPPER', strides: [2, 2] }), conv([1, 2, 4, 4], [3, 2, 2, 2], { pads: [2, 2, 2, 2] }), conv([1, 3, 8, 8], [5, 3, 8, 8], { strides: [8, 8] }, false),
  convT([2, 3, 4, 5], [3, 4, 3, 3], { pads: [1, 1, 1, 1] }), convT([2, 3, 4, 5], [3, 4, 2, 2], { strides: [2, 2] }), convT([1, 3, 4, 4], [3, 2, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] }), convT([1, 4, 5], [4, 2, 3], { group: 2, strides: [2], dilations: [2] }), convT([1, 2, 4, 4], [2, 3, 3, 3], { strides: [3, 2], output_shape: [10, 8] }), convT([1, 2, 4, 5], [2, 3, 3, 3], { strides: [2, 2], auto_pad: 'SAME_LOWER' }),
  pool('AveragePool', { kernel_shape: [2, 2], strides: [2, 2] }), pool('AveragePool', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], count_include_pad: 1 }), pool('AveragePool', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
  pool('AveragePool', { kernel_shape: [3, 2], strides: [2, 2], auto_pad: 'SAME_UPPER' }), pool('AveragePool', { kernel_shape: [2, 3], auto_pad: 'SAME_LOWER', count_include_pad: 1 }), pool('MaxPool', { kernel_shape: [2, 2], strides: [2, 2] }), pool('MaxPool', { kernel_shape: [3, 3], strides: [1, 2], pads: [1, 1, 1, 1] }),
  one('GlobalMaxPool', [x([2, 3, 4, 5], distinct)], (b, r) => b.node('GlobalMaxPool', [at(r, 0)])), ...[1, 2].map((p) => one('LpNormalization', [x([2, 3, 4], offKinks)], (b, r) => b.node('LpNormalization', [at(r, 0)], { axis: 1, p }), { title: `p ${p}` })),
  one('SpaceToDepth', [x([2, 3, 4, 6])], (b, r) => b.node('SpaceToDepth', [at(r, 0)], { blocksize: 2 })), ...['DCR', 'CRD'].map((mode) => one('DepthToSpace', [x([2, 8, 3, 2])], (b, r) => b.node('DepthToSpace', [at(r, 0)], { blocksize: 2, mode }), { title: mode })),
  ...(['mul', 'min', 'max'] as const).flatMap((reduction) => [one('ScatterND', [x([4, 3], distinct), x([3, 3], distinct)], (b, r) => b.node('ScatterND', [at(r, 0), ints(b, [3, 1], [3, 1, 3]), at(r, 1)], { reduction }), { opset: 18, title: reduction }),
    one('ScatterElements', [x([3, 3], distinct), x([2, 3], distinct)], (b, r) => b.node('ScatterElements', [at(r, 0), ints(b, [2, 3], [0, 2, 1, 0, 0, 1]), at(r, 1)], { axis: 0, reduction }), { opset: 18, title: reduction })]),
  one('GlobalAveragePool', [x([2, 3, 4, 5])], (b, r) => b.node('GlobalAveragePool', [at(r, 0)])),
  resize([1, 2, 4, 3], [1, 2, 8, 6], { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }), resize([1, 2, 4, 3], [1, 2, 7, 8], { mode: 'nearest' }), resize([1, 2, 4, 5], [1, 2, 9, 7], { mode: 'linear' }),
  ...['linear', 'cubic'].map((mode) => resize([1, 1, 9, 12], [1, 1, 4, 5], { mode, antialias: 1 }, 18)), resize([1, 2, 6, 8], [1, 2, 3, 5], { mode: 'linear', coordinate_transformation_mode: 'align_corners' }), resize([1, 2, 5, 6], [1, 2, 8, 11], { mode: 'cubic', cubic_coeff_a: -0.5 }), resize([1, 1, 8, 8], [1, 1, 5, 4], { mode: 'cubic', coordinate_transformation_mode: 'pytorch_half_pixel' }),
  ...reduce('ReduceSum'), ...reduce('ReduceMean'), ...reduce('ReduceMax'), ...reduce('ReduceMin'), ...reduce('ReduceProd', positive), ...reduce('ReduceL1', offKinks), ...reduce('ReduceL2'), ...reduce('ReduceSumSquare'), ...reduce('ReduceLogSumExp'), ...reduce('ReduceLogSum', positive),
  one('Reshape', [x([2, 6])], (b, r) => b.reshape(at(r, 0), [3, -1])), one('Flatten', [x([2, 3, 4])], (b, r) => b.node('Flatten', [at(r, 0)], { axis: 2 })), one('Squeeze', [x([2, 1, 3])], (b, r) => b.squeeze(at(r, 0), [1])), one('Unsqueeze', [x([2, 3])], (b, r) => b.unsqueeze(at(r, 0), [0, 2])),
  one('Transpose', [x([2, 3, 4])], (b, r) => b.transpose(at(r, 0), [2, 0, 1])), one('Expand', [x([3, 1])], (b, r) => b.expand(at(r, 0), [2, 3, 4])), one('Tile', [x([2, 3])], (b, r) => b.tile(at(r, 0), [2, 3])),
  one('Cast', [x([2, 3])], (b, r) => b.cast(b.cast(at(r, 0), 'float64'), 'float32')), one('CastLike', [x([2, 3])], (b, r) => b.node('CastLike', [at(r, 0), b.scalar(1)])),
  one('Concat', [x([2, 3]), x([2, 1]), x([2, 2])], (b, r) => b.concat(r, -1)), one('Split', [x([2, 6])], (b, r) => b.split(at(r, 0), [1, 3, 2], 1)), one('Split', [x([4, 2])], (b, r) => b.split(at(r, 0), [1, 3], 0).slice(1), { title: 'one part unused' }),
  slice([1], [4], [0], [1]), slice([0, -5], [5, 6], [0, 1], [2, 2]), slice([-1], [-100], [1], [-1]), slice([6], [0], [1], [-3]), slice([1], [7], [1], [3]),
  pad([1, 2, 0, 1], 'constant'), pad([-1, 1, 0, -2], 'constant'), one('Pad', [x([3, 5]), x([])], (b, r) => b.pad(at(r, 0), [1, -1], [2, 1], at(r, 1)), { title: 'fill value' }), pad([1, 2, 2, 1], 'reflect'), pad([1, 2, 0, 3], 'edge'), pad([1, 2, 1, 1], 'wrap'),
  one('Gather', [x([5, 3])], (b, r) => b.gather(at(r, 0), ints(b, [2, 2], [4, 0, 0, -1]), 0)), one('Gather', [x([2, 5, 3])], (b, r) => b.gather(at(r, 0), ints(b, [3], [1, 1, 4]), 1)), one('Gather', [x([2, 5])], (b, r) => b.gather(at(r, 0), ints(b, [], [-2]), 1), { title: 'one element' }),
  one('GatherElements', [x([3, 4])], (b, r) => b.node('GatherElements', [at(r, 0), ints(b, [2, 4], [0, 1, 2, 0, 2, 1, 2, 2])], { axis: 0 })), one('GatherND', [x([3, 4, 2])], (b, r) => b.node('GatherND', [at(r, 0), ints(b, [3, 2], [0, 1, 2, 3, 0, 1])])),
  one('GatherND', [x([2, 4, 3])], (b, r) => b.node('GatherND', [at(r, 0), ints(b, [2, 2, 1], [0, 3, 1, 1])], { batch_dims: 1 }), { title: 'batch 1' }),
  one('ScatterND', [x([4, 3]), x([2, 3])], (b, r) => b.node('ScatterND', [at(r, 0), ints(b, [2, 1], [3, 1]), at(r, 1)])), one('ScatterND', [x([4]), x([3])], (b, r) => b.node('ScatterND', [at(r, 0), ints(b, [3, 1], [3, 1, 3]), at(r, 1)], { reduction: 'add' }), { opset: 18, title: 'add' }),
  one('ScatterElements', [x([3, 3]), x([2, 3])], (b, r) => b.node('ScatterElements', [at(r, 0), ints(b, [2, 3], [0, 2, 1, 2, 0, 0]), at(r, 1)], { axis: 0 })),
  one('TopK', [x([3, 6])], (b, r) => b.nodes('TopK', [at(r, 0), b.integers([2])], {}, 2).slice(0, 1)), one('CumSum', [x([3, 4])], (b, r) => b.node('CumSum', [at(r, 0), b.scalar(1, 'int64')], { exclusive: 1 })), one('CumSum', [x([3, 4])], (b, r) => b.node('CumSum', [at(r, 0), b.scalar(0, 'int64')], { reverse: 1 })),
  one('Trilu', [x([4, 4])], (b, r) => b.node('Trilu', [at(r, 0), b.scalar(1, 'int64')], { upper: 0 })),
  one('Swish', [x([2, 3])], (b, r) => b.node('Swish', [at(r, 0)], { alpha: 1.2 }), { opset: 24 }),
];

/** The case as a graph with named inputs `x0`, `x1`, ... and outputs `y0`, ..., and values drawn for it. */
export function buildCase(each: Case, source: Random): { graph: Graph; feeds: Record<string, NdArray>; wrt: string[]; outputs: string[]; dtype: 'float32' | 'float64' } {
  const b = graphBuilder(each.op, { opset: each.opset });
  const refs = each.inputs.map((input, i) => b.input(`x${i}`, each.dtype, input.shape));
  const made = each.make(b, refs);
  const outputs = (Array.isArray(made) ? made as readonly Ref[] : [made as Ref]).map((ref, i) => b.output(ref, `y${i}`).name);
  const feeds: Record<string, NdArray> = {};
  each.inputs.forEach((input, i) => {
    const values = Float64Array.from({ length: sizeOf(input.shape) }, () => input.draw(source));
    feeds[`x${i}`] = each.dtype === 'float64' ? ndarray('float64', input.shape, values) : f32(input.shape, Float32Array.from(values));
  });
  return { graph: b.build(), feeds, wrt: Object.keys(feeds), outputs, dtype: each.dtype };
}
