/** The order in which nodes are thought to run is the one that the runtime's own profile shows. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { ndarray, sizeOf } from '../../../common/ndarray.ts';
import { vjp } from '../../../main/autodiff/backward.ts';
import { feedsOf } from '../../../main/onnx/graph.ts';
import { readModel } from '../../../main/onnx/protobuf/read.ts';
import { writeModel } from '../../../main/onnx/protobuf/write.ts';
import { runOrder } from '../../../main/onnx/run-order.ts';

const FILE = fileURLToPath(new URL('../../../resources/models/demo/unet/model.onnx', import.meta.url));
const SHAPES = { sample: [1, 4, 16, 16], timestep: [1], encoder_hidden_states: [1, 24, 96] };

interface Event { readonly cat: string; readonly name: string; readonly ts: number }
const KERNEL = '_kernel_time';

describe('order of running', () => {
  it.each([['cut into parts', { largestTensorBytes: 40_000 }], ['in checkpoints', { memoryBytes: 4.5e6 }], ['whole', {}]])('of the demo UNet\'s gradient, %s, is the runtime\'s', { timeout: 60_000 }, async (_, options) => {
    const graph = vjp(readModel(await readFile(FILE), FILE), { wrt: ['sample', 'encoder_hidden_states'], shapes: SHAPES, ...options }), folder = await mkdtemp(path.join(os.tmpdir(), 'optogram-order-'));
    try {
      const session = await ort.InferenceSession.create(writeModel(graph), { graphOptimizationLevel: 'disabled', enableMemPattern: false, intraOpNumThreads: 1, enableProfiling: true, profileFilePrefix: path.join(folder, 'p') });
      await session.run(Object.fromEntries(feedsOf(graph).map(({ name, dtype, shape }) => {
        const dims = (shape ?? []).map(Number), data = ndarray(dtype, dims, dtype === 'int64' ? new BigInt64Array(sizeOf(dims)) : new Float32Array(sizeOf(dims)).fill(0.1)).data;
        return [name, new ort.Tensor(dtype, data, dims)];
      })));
      session.endProfiling();
      await session.release();
      const [profile] = await readdir(folder), events = JSON.parse(await readFile(path.join(folder, profile ?? ''), 'utf8')) as Event[];
      const ran = events.filter((event) => event.cat === 'Node' && event.name.endsWith(KERNEL)).sort((a, b) => a.ts - b.ts).map((event) => event.name.slice(0, -KERNEL.length));
      const expected = runOrder(graph).filter((node) => node.op !== 'Constant').map((node) => node.name);
      expect(expected.length).toBeGreaterThan(1000);
      expect(ran).toEqual(expected);
      expect(expected).not.toEqual(graph.nodes.filter((node) => node.op !== 'Constant').map((node) => node.name));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
