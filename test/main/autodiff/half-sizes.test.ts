/**
 * Cotangents of any size through half precision. The power of two against its closed form; whole half-precision exports, rounded to float16 after every operator,
 * against float32 autograd (test/golden/autodiff/models.json), the gradient divided by the size of the cotangent.
 */
import { describe, expect, it } from 'vitest';
import { f32 } from '../../../common/ndarray.ts';
import { vjp } from '../../../main/autodiff/backward.ts';
import { powerScale } from '../../../main/autodiff/power-scale.ts';
import { graphBuilder } from '../../../main/onnx/build.ts';
import { writeModel } from '../../../main/onnx/protobuf/write.ts';
import { openSession } from '../../../main/runtime/session.ts';
import { roundedGraph } from './rounded-graph.ts';
import { roundedRun } from './rounded-run.ts';
import { compare, feedsFor, limitsOf, loadModel, wholeModels } from './whole-models.ts';

/** Sizes of losses' gradients far below and above what float16 holds, 6e-8 to 65504, and one inside. */
const SIZES = [1, 1e-6, 1e-9, 1e4, 7e-21, 3e30] as const;
/** Multiplying by a power of two rounds nothing, so that every bit of the gradient must stay. */
const POWER = 2 ** -40;

const HALF = Object.entries(wholeModels()).filter(([name]) => name.startsWith('half-'));

describe('the power of two of a product', () => {
  it.each([17, 18])('is the power of two that brings the largest of all to between 1 and 2 (opset %i)', async (opset) => {
    const b = graphBuilder('scale', { opset }), { factor, inverse } = powerScale(b, [b.input('u', 'float32', [3]), b.input('v', 'float32', [2, 1])]);
    b.output(factor, 'factor');
    b.output(inverse, 'inverse');
    const session = await openSession({ bytes: writeModel(b.build()), name: 'scale' }, { threads: 1 });
    for (const size of [1, 1.999, 2, 0.75, 2 ** -24, 1e-9, 65504, 1e30, 2 ** 126, 2 ** -126]) {
      for (const [u, v] of [[[size, 0, -size / 3], [0, size / 8]], [[0, size / 8, 0], [-size, 0]]] as const) {
        const found = await session.run({ u: f32([3], u), v: f32([2, 1], v) }), power = 2 ** -Math.floor(Math.log2(Math.fround(size)));
        expect([found['factor']?.data[0], found['inverse']?.data[0]], `largest ${size}`).toEqual([power, 1 / power]);
      }
    }
    // Of nothing and of the smallest numbers the largest power is taken.
    for (const [size, power] of [[0, 2 ** 126], [1e-45, 2 ** 126], [3e38, 2 ** -126]] as const) {
      const found = await session.run({ u: f32([3], [0, size, 0]), v: f32([2, 1], [0, 0]) });
      expect([found['factor']?.data[0], found['inverse']?.data[0]], `largest ${size}`).toEqual([power, 1 / power]);
    }
    // What is not finite does not count, wherever it stands.
    for (const odd of [Number.NaN, Infinity, -Infinity]) {
      for (const [u, v] of [[[odd, 3, 1], [0, 0]], [[1, 3, odd], [0, 0]], [[0, 0, 0], [odd, -3]], [[0, 0, 0], [3, odd]], [[odd, odd, odd], [odd, 3]]] as const) {
        const found = await session.run({ u: f32([3], u), v: f32([2, 1], v) });
        expect([found['factor']?.data[0], found['inverse']?.data[0]], `${u.join(' ')} and ${v.join(' ')}`).toEqual([0.5, 2]);
      }
    }
    await session.release();
  });
});

describe('cotangents that are not finite', () => {
  it.each([Number.NaN, Infinity])('give a gradient that is not finite, in their place only (%f)', async (odd) => {
    const b = graphBuilder('odd', {});
    b.output(b.matMul(b.input('x', 'float16', [3, 1]), b.cast(b.constant(f32([1, 1], [0.5])), 'float16')), 'y');
    const session = await openSession({ bytes: writeModel(roundedGraph(vjp(b.build(), { wrt: ['x'] }))), name: 'odd' }, { threads: 1 });
    const { x_grad: found } = await session.run({ x: f32([3, 1], [0.5, 0.5, 0.5]), y_grad: f32([3, 1], [odd, 2 ** 30, 2 ** 20]) });
    await session.release();
    expect(Array.from(found?.data as Float32Array, (value) => (Number.isFinite(value) ? value : null))).toEqual([null, 2 ** 29, 2 ** 19]);
  });
});

describe('half-precision gradients do not depend on the size of the cotangent', () => {
  it.each(HALF)('%s', { timeout: 120_000 }, async (name, entry) => {
    const graph = loadModel(entry), gradient = vjp(graph, { wrt: entry.wrt, shapes: entry.inputs }), limits = limitsOf(gradient);
    const session = await openSession({ bytes: writeModel(roundedGraph(gradient)), name }, { threads: 1 }), lines: string[] = [];
    for (const size of SIZES) {
      const results = await session.run(feedsFor(entry, graph, gradient, size));
      for (const [key, places] of Object.entries(entry.gradients)) {
        const { cosine, relative, norm } = compare(results[`${key}_grad`], places, size);
        lines.push(`${key} x ${size}: ${relative.toExponential(1)}`);
        expect(cosine, `${key}, size ${size}: cosine`).toBeGreaterThanOrEqual(limits.cosine);
        expect(relative, `${key}, size ${size}: relative error`).toBeLessThanOrEqual(limits.relative);
        expect(norm, `${key}, size ${size}: norm`).toBeLessThanOrEqual(limits.relative);
      }
    }
    console.log(`${name} (limit ${limits.relative.toExponential(1)}): ${lines.join('; ')}`);
    const one = await session.run(feedsFor(entry, graph, gradient)), small = await session.run(feedsFor(entry, graph, gradient, POWER));
    for (const key of Object.keys(entry.gradients)) expect(Float32Array.from(small[`${key}_grad`]?.data as Float32Array, (value) => value / POWER), `${key}, every bit`).toEqual(one[`${key}_grad`]?.data);
    await session.release();
  });
});

describe('the graph that rounds', () => {
  it('gives what rounding operator by operator gives', { timeout: 120_000 }, async () => {
    const [name, entry] = HALF.find(([each]) => each === 'half-dynamo-clip-vision') ?? [];
    if (name === undefined || entry === undefined) throw new Error('no half-precision image encoder among the golden models');
    const graph = loadModel(entry), gradient = vjp(graph, { wrt: entry.wrt, shapes: entry.inputs }), feeds = feedsFor(entry, graph, gradient, 1e-6);
    const session = await openSession({ bytes: writeModel(roundedGraph(gradient)), name }, { threads: 1 }), fast = await session.run(feeds), slow = await roundedRun(gradient, feeds);
    await session.release();
    // The runtime sums in another order where it sees the whole graph, so that single roundings fall otherwise: the same limit as against the golden values.
    for (const [key, { shape }] of Object.entries(entry.gradients)) {
      const theirs = Array.from(slow.get(`${key}_grad`)?.data as Float32Array), norm = Math.hypot(...theirs);
      expect(compare(fast[`${key}_grad`], { shape, norm, at: theirs.map((_, i) => i), values: theirs }).relative, key).toBeLessThanOrEqual(limitsOf(gradient).relative);
    }
  });
});
