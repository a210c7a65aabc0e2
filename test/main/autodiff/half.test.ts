/**
 * Rules of half-precision graphs where half precision would lose the answer on the way: sums over many elements, counts beyond 2048, squares beyond 65504,
 * shares below the smallest half, cotangents of any size. The answer is the same graph in float32, whose rules are held against float64 in rules.test.ts, at inputs and cotangents
 * that float16 holds exactly.
 */
import { describe, expect, it } from 'vitest';
import { f32, sizeOf } from '../../../common/ndarray.ts';
import type { NdArray } from '../../../common/ndarray.ts';
import { vjp } from '../../../main/autodiff/backward.ts';
import { graphBuilder } from '../../../main/onnx/build.ts';
import type { GraphBuilder, Ref } from '../../../main/onnx/build.ts';
import { roundedRun } from './rounded-run.ts';

/** One rounding of y in the forward pass, one of the gradient, two of steps between: 2^-11 each. */
const ROUNDINGS = 4 * 2 ** -11;
/** Cotangents as a case has them, and far outside of what float16 holds. */
const SIZES = [1, 1e-12, 1e12];

interface Case { readonly title: string; readonly shape: readonly number[]; readonly x: (k: number) => number; readonly dy: (k: number) => number; readonly opset?: number; readonly make: (b: GraphBuilder, x: Ref) => Ref }
const ones = (): number => 1, wave = (k: number): number => Math.round(16 * Math.sin(0.37 * k)) / 16, saw = (k: number): number => ((k * 7) % 11) / 4;

const CASES: readonly Case[] = [
  { title: 'Softmax, a sum over 1000 products that cancel', shape: [2, 1000], x: wave, dy: (k) => 500 + saw(k), make: (b, x) => b.node('Softmax', [x], { axis: -1 }) },
  { title: 'LogSoftmax, a sum of 4096 cotangents of 32', shape: [1, 4096], x: wave, dy: () => 32, make: (b, x) => b.node('LogSoftmax', [x], { axis: -1 }) },
  { title: 'LpNormalization, squares beyond 65504', shape: [2, 64], x: (k) => 400 + saw(k), dy: wave, make: (b, x) => b.node('LpNormalization', [x], { axis: 1, p: 2 }) },
  { title: 'ReduceMax, 4099 equal extremes', shape: [1, 4099], x: ones, dy: () => 1000, make: (b, x) => b.node('ReduceMax', [x], { axes: [1], keepdims: 1 }) },
  { title: 'ReduceMean, a share of 1 / 277310', shape: [1, 277_310], x: wave, dy: () => 3000, make: (b, x) => b.node('ReduceMean', [x], { axes: [1], keepdims: 1 }) },
  { title: 'ReduceLogSumExp, 4096 elements', shape: [1, 4096], x: wave, dy: () => 3000, make: (b, x) => b.node('ReduceLogSumExp', [x], { axes: [1], keepdims: 1 }) },
  { title: 'GlobalAveragePool, a share of 1 / 277729', shape: [1, 1, 527, 527], x: wave, dy: () => 3000, make: (b, x) => b.node('GlobalAveragePool', [x]) },
  { title: 'Gather, one row picked 4096 times', shape: [3, 2], x: ones, dy: ones, make: (b, x) => b.node('Gather', [x, b.integers(Array.from({ length: 4096 }, (_, k) => (k % 16 === 0 ? 2 : 0)))], { axis: 0 }) },
  { title: 'CumSum, 4096 ones', shape: [4096], x: () => 2 ** -10, dy: ones, make: (b, x) => b.node('CumSum', [x, b.scalar(0, 'int64')]) },
  { title: 'Gelu (tanh), squares beyond 65504', shape: [64], x: (k) => 16 * (k - 32), dy: ones, opset: 20, make: (b, x) => b.node('Gelu', [x], { approximate: 'tanh' }) },
  { title: 'Gelu (erf)', shape: [64], x: (k) => (k - 32) / 8, dy: ones, opset: 20, make: (b, x) => b.node('Gelu', [x]) },
  { title: 'Erf, the density far out', shape: [64], x: (k) => 2.5 + k / 64, dy: () => 1000, make: (b, x) => b.erf(x) },
  { title: 'Softsign, squares beyond 65504', shape: [64], x: (k) => 300 + 4 * k, dy: () => 60_000, make: (b, x) => b.node('Softsign', [x]) },
  { title: 'MatMul, sums of 4096 products', shape: [2, 64], x: wave, dy: () => 60_000, make: (b, x) => b.matMul(x, b.expand(b.cast(b.scalar(8), x.dtype), [64, 4096])) },
  { title: 'Pow, a square below the smallest share', shape: [64], x: (k) => 1000 + k, dy: () => 30_000, make: (b, x) => b.pow(x, b.cast(b.scalar(-1), x.dtype)) },
];

async function gradient({ title, shape, x, dy, opset, make }: Case, dtype: 'float16' | 'float32', size: number): Promise<Float32Array> {
  const b = graphBuilder(title, opset === undefined ? {} : { opset });
  b.output(make(b, b.input('x', dtype, shape)), 'y');
  const graph = vjp(b.build(), { wrt: ['x'] }), cotangent = graph.inputs.find((each) => each.name === 'y_grad');
  const filled = (extents: readonly number[], value: (k: number) => number): NdArray => f32(extents, Float32Array.from({ length: sizeOf(extents) }, (_, k) => value(k)));
  const results = await roundedRun(graph, { x: filled(shape, x), y_grad: filled((cotangent?.shape ?? []).map(Number), (k) => size * dy(k)) });
  const found = results.get('x_grad')?.data;
  if (!(found instanceof Float32Array)) throw new Error('expected a float32 gradient');
  return found;
}

describe('half-precision gradients are rounded, not lost', () => {
  it.each(CASES)('$title', async (each) => {
    for (const size of SIZES) {
      const half = await gradient(each, 'float16', size), exact = await gradient(each, 'float32', size);
      const typical = Math.sqrt(exact.reduce((sum, value) => sum + (value / size) ** 2, 0) / exact.length);
      const shares = Array.from(exact, (value, i) => Math.abs((half[i] ?? Number.NaN) - value) / size / (ROUNDINGS * Math.max(Math.abs(value) / size, typical)));
      const worst = shares.some(Number.isNaN) ? Number.POSITIVE_INFINITY : shares.reduce((a, b) => Math.max(a, b));
      console.log(`${each.title}, cotangents times ${size}: ${worst.toFixed(2)} of the limit`);
      expect(worst, `cotangents times ${size}`).toBeLessThanOrEqual(1);
    }
  });
});
