/**
 * A graph run one operator at a time, every float16 value rounded to float16 in between. The runtime's CPU provider has no half-precision kernels: it casts
 * around each operator and then drops casts that meet, so that a whole graph runs nearly in float32 there and hides what half precision would lose.
 * Inside one operator sums are float32, as on the devices that have such kernels.
 */
import { f32 } from '../../../common/ndarray.ts';
import type { NdArray } from '../../../common/ndarray.ts';
import { halfToNumber } from '../../../main/formats/elements.ts';
import { makeGraph, readsOf } from '../../../main/onnx/graph.ts';
import type { Graph, ValueInfo } from '../../../main/onnx/graph.ts';
import { writeModel } from '../../../main/onnx/protobuf/write.ts';
import { inferShapes } from '../../../main/onnx/shape.ts';
import { openSession } from '../../../main/runtime/session.ts';
import { halfBits } from './seeded-weights.ts';

/** The nearest float16 of each number, as float32. */
export function rounded(array: NdArray): NdArray {
  return array.data instanceof Float32Array ? f32(array.shape, Float32Array.from(halfBits(array.data), halfToNumber)) : array;
}

/** All values of the graph; float16 ones are given and answered as float32 that float16 holds exactly. */
export async function roundedRun(graph: Graph, feeds: Readonly<Record<string, NdArray>>): Promise<ReadonlyMap<string, NdArray>> {
  const kinds = inferShapes(graph), values = new Map(Object.entries(feeds));
  const info = (name: string): ValueInfo => {
    const kind = kinds.get(name);
    if (kind === undefined) throw new RangeError(`nothing is known of "${name}"`);
    return { name, dtype: kind.dtype, shape: kind.shape };
  };
  for (const node of graph.nodes) {
    const reads = new Set(readsOf(node)), initializers = graph.initializers.filter((each) => reads.has(each.name)), held = new Set(initializers.map((each) => each.name));
    const inputs = [...reads].filter((name) => !held.has(name)).map(info), outputs = node.outputs.filter((name) => name !== '').map(info);
    const session = await openSession({ bytes: writeModel(makeGraph({ ...graph, nodes: [node], initializers, inputs, outputs, valueInfos: [] })), name: node.name }, { threads: 1 });
    const given = inputs.map(({ name }) => [name, values.get(name)] as const).filter((pair): pair is readonly [string, NdArray] => pair[1] !== undefined);
    const results = await session.run(Object.fromEntries(given));
    await session.release();
    for (const { name, dtype } of outputs) {
      const result = results[name];
      if (result === undefined) throw new RangeError(`${node.op} did not answer "${name}"`);
      values.set(name, dtype === 'float16' ? rounded(result) : result);
    }
  }
  return values;
}
