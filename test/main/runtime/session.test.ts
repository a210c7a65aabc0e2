import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { f32, ndarray } from '../../../common/ndarray.ts';
import { graphBuilder } from '../../../main/onnx/build.ts';
import { makeGraph } from '../../../main/onnx/graph.ts';
import { readModel } from '../../../main/onnx/protobuf/read.ts';
import { writeModel } from '../../../main/onnx/protobuf/write.ts';
import { bestProvider, probeProvider, probeProviders } from '../../../main/runtime/providers.ts';
import { graphSource, openSession } from '../../../main/runtime/session.ts';

let folder = '';
beforeAll(async () => { folder = await mkdtemp(path.join(tmpdir(), 'session-')); });
afterAll(async () => { await rm(folder, { recursive: true, force: true }); });

function affine(dtype: 'float32' | 'float16' = 'float32') {
  const b = graphBuilder('affine');
  const x = b.input('x', dtype, ['n', 2]), bias = b.input('bias', dtype, [2]);
  b.output(b.add(b.add(x, x), bias), 'y');
  b.output(b.shapeOf(x), 'shape');
  return b.build();
}

describe('a session', () => {
  it('declares its inputs and outputs and computes', async () => {
    const session = await openSession({ bytes: writeModel(affine()) }, { threads: 1 });
    expect(session.inputs).toEqual([{ name: 'x', dtype: 'float32', shape: ['n', 2] }, { name: 'bias', dtype: 'float32', shape: [2] }]);
    expect(session.provider).toBe('cpu');
    const { y, shape } = await session.run({ x: f32([1, 2], [1, 2]), bias: f32([2], [10, 20]) });
    expect(y).toEqual(f32([1, 2], [12, 24]));
    expect(shape).toEqual(ndarray('int64', [2], BigInt64Array.of(1n, 2n)));
    expect(Object.keys(await session.run({ x: f32([1, 2], [1, 2]), bias: f32([2], [10, 20]) }, { outputs: ['shape'] }))).toEqual(['shape']);
    await session.release();
    await session.release();
    await expect(session.run({})).rejects.toThrow(/was released/);
  });

  it('reports every wrong feed together, with dtype and shape and no data', async () => {
    const session = await openSession({ bytes: writeModel(affine()), name: 'affine.onnx' }, { threads: 1 });
    await expect(session.run({ x: ndarray('float64', [1, 3], new Float64Array([7.5, 8.5, 9.5])), extra: f32([1], [1]) }))
      .rejects.toThrow('affine.onnx: x: float32[n, 2] got float64[1, 3]; bias: float32[2] is missing; extra is not an input');
    await session.release();
  });

  it('gives a half-precision model a float32 edge', async () => {
    const session = await openSession({ bytes: writeModel(affine('float16')) }, { threads: 1 });
    expect(session.inputs.map((input) => input.dtype)).toEqual(['float32', 'float32']);
    const { y } = await session.run({ x: f32([1, 2], [1, 2]), bias: f32([2], [0.5, -0.5]) });
    expect(y).toEqual(f32([1, 2], [2.5, 3.5]));
    await session.release();
  });

  it('names the file and the runtime\'s reason when a model cannot be opened', async () => {
    await writeFile(path.join(folder, 'bad.onnx'), 'not a model');
    await expect(openSession({ path: path.join(folder, 'bad.onnx') })).rejects.toMatchObject({ kind: 'bad-input', message: expect.stringContaining('bad.onnx cannot be opened on cpu') as string });
    await expect(openSession({ path: path.join(folder, 'bad.onnx') }, { threads: 0 })).rejects.toThrow(/threads/);
  });
});

describe('weights outside the model file', () => {
  const weights = Float32Array.from({ length: 64 * 64 }, (_, i) => i % 7);
  const expected = Array.from({ length: 64 }, (_, column) => { let sum = 0; for (let row = 0; row < 64; row++) sum += weights[row * 64 + column] ?? 0; return sum; });

  it('are read from the file beside it, mapped or not', async () => {
    const b = graphBuilder('outside');
    const w = b.initializer({ name: 'w', dtype: 'float32', shape: [64, 64], source: { kind: 'external', location: 'w.bin', offset: 4096, length: 16384 } });
    b.output(b.matMul(b.input('x', 'float32', [1, 64]), w), 'y');
    await writeFile(path.join(folder, 'outside.onnx'), writeModel(b.build()));
    await writeFile(path.join(folder, 'w.bin'), Buffer.concat([Buffer.alloc(4096), Buffer.from(weights.buffer)]));
    for (const mapWeights of [false, true]) {
      const session = await openSession({ path: path.join(folder, 'outside.onnx') }, { mapWeights, threads: 1 });
      const { y } = await session.run({ x: f32([1, 64], new Float32Array(64).fill(1)) });
      expect(Array.from(y?.data as Float32Array)).toEqual(expected);
      await session.release();
    }
  });

  it('of an edited graph stay in the file it was read from', async () => {
    const b = graphBuilder('inside');
    b.output(b.matMul(b.input('x', 'float32', [1, 64]), b.constant(f32([64, 64], weights), 'w')), 'y');
    const bytes = writeModel(b.build()), file = path.join(folder, 'inside.onnx');
    await writeFile(file, bytes);
    const graph = readModel(bytes, file);
    const source = graphSource(makeGraph({ ...graph, name: 'edited' }), { bytes, path: file });
    expect('bytes' in source && source.bytes.length < 1000).toBe(true);
    const session = await openSession(source, { threads: 1 });
    const { y } = await session.run({ x: f32([1, 64], new Float32Array(64).fill(1)) });
    expect(Array.from(y?.data as Float32Array)).toEqual(expected);
    await session.release();
  });
});

describe('providers', () => {
  it('the CPU works; one that cannot load says why', async () => {
    expect(await probeProvider('cpu')).toEqual({ provider: 'cpu', works: true, reason: '' });
    const foreign = process.platform === 'darwin' ? 'dml' : 'coreml';
    const report = await probeProvider(foreign);
    expect(report.works).toBe(false);
    expect(report.reason).toMatch(new RegExp(foreign));
  });

  it('the best is the first that works', async () => {
    const reports = await probeProviders();
    expect(reports.at(-1)).toEqual({ provider: 'cpu', works: true, reason: '' });
    expect(bestProvider(reports)).toBe(reports.find((report) => report.works)?.provider);
  });
});
