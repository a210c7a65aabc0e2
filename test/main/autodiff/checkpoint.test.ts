/** Checkpoints and slices change memory, not numbers. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { f32, ndarray, sizeOf } from '../../../common/ndarray.ts';
import type { NdArray } from '../../../common/ndarray.ts';
import { random } from '../../../common/random.ts';
import { vjp } from '../../../main/autodiff/backward.ts';
import { blocksOf } from '../../../main/autodiff/checkpoint.ts';
import { graphBuilder } from '../../../main/onnx/build.ts';
import { fold } from '../../../main/onnx/edit/fold.ts';
import { oversized, sliceOversized } from '../../../main/onnx/edit/slice.ts';
import { feedsOf } from '../../../main/onnx/graph.ts';
import type { Graph } from '../../../main/onnx/graph.ts';
import { peakBytes } from '../../../main/onnx/memory.ts';
import { readModel } from '../../../main/onnx/protobuf/read.ts';
import { writeModel } from '../../../main/onnx/protobuf/write.ts';
import { specialise } from '../../../main/onnx/shape.ts';
import { openSession } from '../../../main/runtime/session.ts';
import { difference } from '../../support/close.ts';

const FILE = fileURLToPath(new URL('../../../resources/models/demo/unet/model.onnx', import.meta.url));
const SHAPES = { sample: [2, 4, 16, 16], timestep: [1], encoder_hidden_states: [2, 24, 96] };
const WRT = ['sample', 'encoder_hidden_states'];
/** The same sums, fused by the runtime in another way where a graph has another form. Relative to the largest gradient. */
const SAME = 2e-5;
const SEED = 5;

const unet = (): Graph => readModel(readFileSync(FILE), FILE);

async function run(graph: Graph): Promise<Record<string, NdArray>> {
  const session = await openSession({ bytes: writeModel(graph), name: 'gradient' }, { threads: 1 }), source = random(SEED);
  const feeds = Object.fromEntries(feedsOf(graph).map(({ name, dtype, shape }): readonly [string, NdArray] => {
    const dims = (shape ?? []).map(Number), draw = source.fork(name);
    return [name, dtype === 'int64' ? ndarray('int64', dims, BigInt64Array.from({ length: sizeOf(dims) }, () => 501n)) : f32(dims, Float32Array.from({ length: sizeOf(dims) }, () => draw.normal()))];
  }));
  const results = await session.run(feeds);
  await session.release();
  return results;
}

function same(found: Readonly<Record<string, NdArray>>, expected: Readonly<Record<string, NdArray>>): void {
  expect(Object.keys(found)).toEqual(Object.keys(expected));
  for (const [name, value] of Object.entries(expected)) {
    const data = value.data as Float32Array, largest = data.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
    expect(difference(found[name]?.data as Float32Array, data, { absolute: SAME * largest }), `${name}, seed ${SEED}`).toBeNull();
  }
}

describe('checkpoints', () => {
  it('cut a graph into all of its nodes, in order', () => {
    const graph = fold(specialise(unet(), SHAPES));
    for (const count of [1, 3, 8]) expect(blocksOf(graph, count).flat()).toEqual(graph.nodes);
    expect(blocksOf(graph, 8).length).toBeGreaterThan(4);
  });

  it('give the gradient of the demo UNet in less memory', async () => {
    const whole = vjp(unet(), { wrt: WRT, shapes: SHAPES }), peak = peakBytes(whole);
    const blocked = vjp(unet(), { wrt: WRT, shapes: SHAPES, memoryBytes: 0.6 * peak });
    expect(peakBytes(blocked)).toBeLessThan(0.6 * peak);
    expect(blocked.nodes.length).toBeGreaterThan(whole.nodes.length);
    same(await run(blocked), await run(whole));
  });

  it('are not used where the memory suffices, and say what is missing where they do not help enough', () => {
    const whole = vjp(unet(), { wrt: WRT, shapes: SHAPES });
    expect(vjp(unet(), { wrt: WRT, shapes: SHAPES, memoryBytes: 2 * peakBytes(whole) }).nodes.length).toBe(whole.nodes.length);
    expect(() => vjp(unet(), { wrt: WRT, shapes: SHAPES, memoryBytes: 1000 })).toThrow(/needs .* GB for its values, more than the .* GB/);
  });
});

describe('tensors that are too large', () => {
  const LARGEST = 40_000;

  it('of attention in the demo UNet are cut by image or head; values and gradients stay', async () => {
    const graph = fold(specialise(unet(), SHAPES));
    const before = oversized(graph, LARGEST).filter(({ name }) => /attn/.test(name));
    expect(before.length).toBeGreaterThan(0);
    expect(oversized(sliceOversized(graph, LARGEST), LARGEST).filter(({ name }) => /Softmax|attn.*MatMul_output|attn.*MatMul_1/.test(name) && /Softmax/.test(name))).toEqual([]);
    same(await run(vjp(unet(), { wrt: WRT, shapes: SHAPES, largestTensorBytes: LARGEST })), await run(vjp(unet(), { wrt: WRT, shapes: SHAPES })));
  });

  const attention = (heads: number, axis: number): Graph => {
    const b = graphBuilder('attention'), q = b.input('q', 'float32', [1, heads, 64, 8]), k = b.input('k', 'float32', [1, heads, 8, 64]), v = b.input('v', 'float32', [1, heads, 64, 8]);
    b.output(b.matMul(b.softmax(b.mul(b.matMul(q, k), b.scalar(0.3)), axis), v), 'y');
    return b.build();
  };
  /** Half, or an eighth, of [1, 4, 64, 64] in float32. */
  const HALF = 32768, EIGHTH = 8192;

  it.each([['heads', 4, -1, HALF], ['rows', 4, -1, EIGHTH], ['rows of one head', 1, -1, EIGHTH], ['heads where each softmax runs over rows', 4, 2, HALF]])('are cut along %s', (_, heads, axis, limit) => {
    const graph = attention(heads, axis);
    expect(oversized(graph, limit)).toHaveLength(3);
    expect(oversized(sliceOversized(graph, limit), limit)).toEqual([]);
  });

  it('are left alone where rows depend on each other', () => {
    expect(oversized(sliceOversized(attention(1, 2), EIGHTH), EIGHTH)).toHaveLength(3);
  });

  it('are computed again part by part: gradients stay, memory falls', async () => {
    const graph = attention(4, -1), wrt = ['q', 'k', 'v'], whole = vjp(graph, { wrt }), parts = vjp(graph, { wrt, largestTensorBytes: EIGHTH });
    expect(peakBytes(parts)).toBeLessThan(0.7 * peakBytes(whole));
    same(await run(parts), await run(whole));
  });
});
