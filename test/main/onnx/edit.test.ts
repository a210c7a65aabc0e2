import { expect, it } from 'vitest';
import { f32 } from '../../../common/ndarray.ts';
import { graphBuilder } from '../../../main/onnx/build.ts';
import { float32Edge } from '../../../main/onnx/edit/float32-io.ts';
import { prune } from '../../../main/onnx/edit/prune.ts';
import { tap } from '../../../main/onnx/edit/tap.ts';
import { makeGraph } from '../../../main/onnx/graph.ts';
import { printGraph } from '../../../main/onnx/print.ts';
import { writeModel } from '../../../main/onnx/protobuf/write.ts';
import { openSession } from '../../../main/runtime/session.ts';

function chain() {
  const b = graphBuilder('chain');
  const x = b.input('x', 'float32', ['n', 2]);
  const hidden = b.node('MatMul', [x, b.constant(f32([2, 2], [1, 2, 3, 4]), 'w')], {}, 'block.1/mlp/fc2/out');
  b.output(b.relu(b.neg(hidden)), 'y');
  return b.build();
}

it('a tapped tensor becomes an output after the old ones, with its type and the same numbers', async () => {
  const tapped = tap(chain(), ['block.1/mlp/fc2/out']);
  expect(tapped.outputs).toEqual([{ name: 'y', dtype: 'float32', shape: ['n', 2] }, { name: 'block.1/mlp/fc2/out', dtype: 'float32', shape: ['n', 2] }]);
  const session = await openSession({ bytes: writeModel(tapped), name: 'tapped' });
  const result = await session.run({ x: f32([1, 2], [1, -1]) });
  await session.release();
  expect(Array.from(result['block.1/mlp/fc2/out']!.data as Float32Array)).toEqual([-2, -2]);
  expect(Array.from(result['y']!.data as Float32Array)).toEqual([2, 2]);
});

it('without the old outputs, what only they need is dropped', () => {
  expect(printGraph(tap(chain(), ['block.1/mlp/fc2/out'], { keepOutputs: false }))).toMatchInlineSnapshot(`
    "graph chain (onnx 17)
      in x: float32[n, 2]
      const w: float32[2, 2] = {1, 2, 3, 4}
      block.1/mlp/fc2/out = MatMul(x, w)
      out block.1/mlp/fc2/out: float32[n, 2]
    "
  `);
});

it('a tap that does not exist is named, with similar names', () => {
  expect(() => tap(chain(), ['block.2/mlp/fc2', 'y'])).toThrow(/no inner tensor "block\.2\/mlp\/fc2"/);
  try { tap(chain(), ['mlp/fc2']); } catch (error) { expect(error).toMatchObject({ detail: { fix: expect.stringContaining('block.1/mlp/fc2/out') as string } }); }
});

it('pruning drops dead nodes and weights and keeps inputs', () => {
  const graph = chain();
  const small = prune(makeGraph({ ...graph, outputs: [{ name: 'block.1/mlp/fc2/out', dtype: 'float32', shape: null }] }));
  expect(small.nodes.map((node) => node.op)).toEqual(['MatMul']);
  expect(small.inputs).toEqual(graph.inputs);
  expect(prune(graph)).toEqual(graph);
});

it('a half-precision model gets float32 inputs and outputs of the same names', () => {
  const b = graphBuilder('half');
  const x = b.input('x', 'float16', [2]);
  b.output(b.add(x, x), 'y');
  expect(printGraph(float32Edge(b.build()))).toMatchInlineSnapshot(`
    "graph half (onnx 17)
      in x: float32[2]
      x/half = Cast(x) {to=10}
      add = Add(x/half, x/half)
      y/half = Identity(add)
      y = Cast(y/half) {to=1}
      out y: float32[2]
    "
  `);
});
