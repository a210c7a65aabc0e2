/**
 * Gradients at the edges of operators' definitions: attributes that change what an operator is, zeros, and what the runtime rounds. Against every element's own
 * difference by the runtime, exact where the operator is linear; or against the closed form. Seeds are printed on failure.
 */
import { describe, expect, it } from 'vitest';
import { f32, ndarray, sizeOf } from '../../../common/ndarray.ts';
import type { F32 } from '../../../common/ndarray.ts';
import { hashText, random } from '../../../common/random.ts';
import { vjp } from '../../../main/autodiff/backward.ts';
import { graphBuilder } from '../../../main/onnx/build.ts';
import type { GraphBuilder, Ref } from '../../../main/onnx/build.ts';
import type { Graph } from '../../../main/onnx/graph.ts';
import { writeModel } from '../../../main/onnx/protobuf/write.ts';
import { initializerOf } from '../../../main/onnx/tensor.ts';
import { openSession } from '../../../main/runtime/session.ts';

type Feeds = Readonly<Record<string, F32>>;
interface Case {
  readonly title: string;
  readonly shape: readonly number[];
  readonly make: (b: GraphBuilder, x: Ref) => Ref;
  readonly opset?: number;
  /** Values of x; standard normal unless given. */
  readonly at?: readonly number[];
  /** Half the difference; 1 where the operator is linear. */
  readonly step?: number;
}

const ints = (b: GraphBuilder, shape: readonly number[], values: readonly number[]): Ref => b.constant(ndarray('int64', shape, BigInt64Array.from(values, BigInt)));
const LINEAR = 1;

/** Runs a graph once. */
async function run(graph: Graph, feeds: Feeds, threads = 1): Promise<Readonly<Record<string, readonly number[]>>> {
  const session = await openSession({ bytes: writeModel(graph), name: graph.name }, { threads, quiet: true });
  try { return Object.fromEntries(Object.entries(await session.run(feeds)).map(([name, value]) => [name, Array.from(value.data as ArrayLike<number>)])); } finally { await session.release(); }
}

function graphOf({ title, shape, make, opset = 17 }: Case): Graph {
  const b = graphBuilder(title, { opset });
  b.output(make(b, b.input('x', 'float32', shape)), 'y');
  return b.build();
}

const pads = (mode: string, opset: number): Case[] => ([[1, -1], [-1, 1], [-2, 2], [-1, 2]] as const).map(([before, after]) => ({
  title: `Pad ${mode} ${before}, ${after}`, shape: [2, 5], opset, step: LINEAR, make: (b, x) => b.node('Pad', [x, b.integers([0, before, 0, after])], { mode }),
}));
const resized = (extent: number, scale: number, nearest_mode: string, coordinate_transformation_mode = 'asymmetric'): Case => ({
  title: `Resize ${extent} by ${scale}, ${nearest_mode}, ${coordinate_transformation_mode}`, shape: [1, 1, 1, extent], step: LINEAR,
  make: (b, x) => b.resize(x, { scales: [1, 1, 1, scale] }, { mode: 'nearest', nearest_mode, coordinate_transformation_mode }),
});
const withoutAxes = (op: 'ReduceL1' | 'ReduceL2' | 'ReduceSumSquare' | 'ReduceLogSum' | 'ReduceSum' | 'ReduceMax' | 'ReduceLogSumExp'): Case => ({
  title: `${op} over no axes`, shape: [2, 3], opset: 18, step: 0.02, at: op === 'ReduceLogSum' ? [0.5, 1, 1.5, 2, 3, 4] : [-2, -1, -0.5, 0.5, 1, 2], make: (b, x) => b.node(op, [x, ints(b, [0], [])], { noop_with_empty_axes: 1 }),
});
const wider = (auto_pad: string): Case => ({ title: `ConvTranspose to more than the kernel reaches, ${auto_pad}`, shape: [1, 2, 4], step: LINEAR,
  make: (b, x) => b.convTranspose(x, b.constant(f32([2, 1, 3], [1, -2, 3, 0.5, 4, -1])), null, { strides: [2], output_shape: [10], auto_pad }) });

const CASES: readonly Case[] = [
  ...pads('reflect', 17), ...pads('edge', 17), ...pads('wrap', 19),
  // What float32 makes of the coordinate decides which sample is copied.
  resized(9, 4 / 3, 'floor'), resized(16, 0.6, 'floor'), resized(30, 0.1, 'floor'), resized(9, 4 / 3, 'round_prefer_ceil'), resized(7, 1.3, 'round_prefer_floor', 'half_pixel'), resized(30, 0.1, 'round_prefer_ceil', 'half_pixel'),
  // ... and how many there are: 7 of 10 by 0.7.
  resized(10, 0.7, 'floor'),
  ...(['ReduceL1', 'ReduceL2', 'ReduceSumSquare', 'ReduceLogSum', 'ReduceSum', 'ReduceMax', 'ReduceLogSumExp'] as const).map(withoutAxes),
  wider('NOTSET'), wider('SAME_UPPER'), wider('SAME_LOWER'),
  { title: 'Einsum, a letter of its own beside a broadcast one', shape: [1, 4], step: LINEAR, make: (b, x) => b.einsum('...j,...->...', x, b.constant(f32([3], [1, -2, 3]))) },
  { title: 'Einsum, an extent of 1 elsewhere', shape: [2, 3], step: LINEAR, make: (b, x) => b.einsum('ij,ij->i', b.constant(f32([2, 1], [2, -1])), x) },
  { title: 'ReduceProd with one zero, two and none', shape: [3, 3], at: [0, 2, 3, 0, 0, 3, 1, 2, 3], step: LINEAR / 8, make: (b, x) => b.reduceProd(x, [1]) },
  { title: 'powers 0 and 1 of 0', shape: [2], at: [0, 0], step: LINEAR / 8, make: (b, x) => b.pow(x, b.constant(f32([2], [0, 1]))) },
  { title: 'powers of 0', shape: [2], at: [1, 2], step: 0.1, make: (b, x) => b.pow(b.scalar(0), x) },
  { title: 'Gather of places that are met twice', shape: [3, 2], step: LINEAR, make: (b, x) => b.gather(x, ints(b, [2, 2], [-1, 2, 0, 2]), 0) },
  { title: 'GatherND of negative places', shape: [3, 4], step: LINEAR, make: (b, x) => b.node('GatherND', [x, ints(b, [3, 2], [-1, 0, 2, -4, 1, -1])]) },
  { title: 'GatherND of rows in two batch axes', shape: [2, 3, 4, 2], step: LINEAR, make: (b, x) => b.node('GatherND', [x, ints(b, [2, 3, 1], [-1, 0, 1, -3, 1, 1])], { batch_dims: 2 }) },
];

describe('the gradient is the runtime\'s own difference, element by element', () => {
  it.each(CASES)('$title', async (each) => {
    const graph = graphOf(each), seed = hashText(each.title), source = random(seed), count = sizeOf(each.shape), h = each.step ?? LINEAR;
    const values = Float32Array.from({ length: count }, (_, i) => each.at?.[i] ?? source.normal()), session = await openSession({ bytes: writeModel(graph), name: each.title }, { threads: 1, quiet: true });
    try {
      const y = async (x: Float32Array): Promise<Float32Array> => (await session.run({ x: f32(each.shape, x) }))['y']?.data as Float32Array;
      const w = Float32Array.from(await y(values), () => source.normal()), { x_grad: found = [] } = await run(vjp(graph, { wrt: ['x'] }), { x: f32(each.shape, values), y_grad: f32((graph.outputs[0]?.shape ?? []).map(Number), w) });
      for (let i = 0; i < count; i++) {
        const [up, down] = [await y(values.with(i, values[i]! + h)), await y(values.with(i, values[i]! - h))];
        const slope = up.reduce((sum, value, k) => sum + w[k]! * (value - down[k]!), 0) / (2 * h);
        expect(Math.abs((found[i] ?? Number.NaN) - slope), `element ${i}: ${found[i]}, difference ${slope}, seed ${seed}`).toBeLessThan(2e-3 * Math.max(1, Math.abs(slope)));
      }
    } finally { await session.release(); }
  });
});

it('takes the norm\'s gradient at zero as zero, so that a normalised row of zeros spoils nothing', async () => {
  const b = graphBuilder('normalise'), x = b.input('x', 'float32', [2, 2]), norm = b.node('ReduceL2', [x], { axes: [1] });
  b.output(b.div(x, b.clip(norm, b.scalar(0.5), null)), 'y');
  // (3, 4) / 5: along itself nothing, across it 1 / 5.
  const { x_grad: found } = await run(vjp(b.build(), { wrt: ['x'] }), { x: f32([2, 2], [0, 0, 3, 4]), y_grad: f32([2, 2], [1, -2, -4, 3]) });
  [2, -4, -0.8, 0.6].forEach((expected, i) => { expect(found?.[i]).toBeCloseTo(expected, 5); });
});

it('adds what many threads gather from one place, all of it', async () => {
  const picks = 200_000, places = 7, width = 3;
  for (const op of ['Gather', 'GatherND'] as const) {
    const b = graphBuilder(op), x = b.input('x', 'float32', [places, width]), at = Array.from({ length: picks }, (_, i) => i % places);
    b.output(op === 'Gather' ? b.gather(x, ints(b, [picks], at), 0) : b.node('GatherND', [x, ints(b, [picks, 1], at)]), 'y');
    const feeds = { x: f32([places, width], new Float32Array(places * width)), y_grad: f32([picks, width], new Float32Array(picks * width).fill(1)) };
    const { x_grad: found } = await run(vjp(b.build(), { wrt: ['x'] }), feeds, 8);
    expect(found, op).toEqual(Array.from({ length: places * width }, (_, i) => at.filter((place) => place === Math.floor(i / width)).length));
  }
});

it('refuses values that an operator of indices copies, where they change', () => {
  const b = graphBuilder('marks'), x = b.input('x', 'float32', [2]);
  b.output(b.add(b.node('OneHot', [ints(b, [2], [0, 2]), b.scalar(3, 'int64'), x]), b.reduceSum(x, [0])), 'y');
  expect(() => vjp(b.build(), { wrt: ['x'] })).toThrow(/no gradient of OneHot .*input 2 to be a constant/);
});

describe('with respect to a small weight', () => {
  /** y = x w w^T, w `[2, 2]`. */
  const tied = (): Graph => {
    const b = graphBuilder('tied'), x = b.input('x', 'float32', [1, 2]), w = b.initializer(initializerOf('w', f32([2, 2], [1, 2, 3, 4])));
    b.output(b.matMul(b.matMul(x, w), b.transpose(w, [1, 0])), 'y');
    return b.build();
  };
  it('counts every path, those through values that are constants otherwise included', async () => {
    // The first element of y is the square of w's first row.
    const { w_grad: found } = await run(vjp(tied(), { wrt: ['w'] }), { x: f32([1, 2], [1, 0]), y_grad: f32([1, 2], [1, 0]) });
    expect(found).toEqual([2, 4, 0, 0]);
  });
  it('counts the exponent 2 as a value, not as a square', async () => {
    const b = graphBuilder('power'), x = b.input('x', 'float32', [1]);
    b.output(b.pow(x, b.initializer(initializerOf('p', f32([1], [2])))), 'y');
    const { p_grad: found } = await run(vjp(b.build(), { wrt: ['x', 'p'] }), { x: f32([1], [3]), y_grad: f32([1], [1]) });
    expect(found?.[0]).toBeCloseTo(9 * Math.log(3), 4);
  });
  it('says what cannot be asked for at once', () => {
    const b = graphBuilder('twice'), x = b.input('x', 'float32', [1]);
    b.output(b.exp(b.output(b.neg(x), 'h')), 'y');
    const graph = b.build();
    expect(() => vjp(graph, { wrt: ['x', 'x'] })).toThrow('the gradient of "x" is asked for twice');
    expect(() => vjp(graph, { wrt: ['h'] })).toThrow('"h" is an output that gets a gradient');
    expect(vjp(graph, { wrt: ['h'], of: ['y'] }).outputs.map((output) => output.name)).toEqual(['h', 'y', 'h_grad']);
  });
});
