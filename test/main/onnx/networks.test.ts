/** The shipped networks, as an exporter wrote them: all shapes can be worked out, and folding the shape arithmetic away changes no number. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { f32, ndarray, sizeOf } from '../../../common/ndarray.ts';
import type { NdArray } from '../../../common/ndarray.ts';
import { fold } from '../../../main/onnx/edit/fold.ts';
import { feedsOf } from '../../../main/onnx/graph.ts';
import { readModel } from '../../../main/onnx/protobuf/read.ts';
import { writeModel } from '../../../main/onnx/protobuf/write.ts';
import { inferShapes, specialise } from '../../../main/onnx/shape.ts';
import { openSession } from '../../../main/runtime/session.ts';
import { expectClose } from '../../support/close.ts';

const PACK = new URL('../../../resources/models/demo/', import.meta.url);
/** Extents of the axes that the exporter left open. */
const OPEN: Readonly<Record<string, number>> = { batch_size: 2, sequence_length: 24, steps: 1 };
/** The runtime fuses other operators once shapes are known: float32, values of order one. */
const FUSING = { absolute: 2e-4, relative: 2e-4 };

it.each(['text_encoder', 'image_encoder', 'vae_encoder', 'vae_decoder', 'unet'])('%s', async (name) => {
  const file = fileURLToPath(new URL(`${name}/model.onnx`, PACK)), graph = readModel(readFileSync(file), file);
  const shapes = Object.fromEntries(feedsOf(graph).map((input) => [input.name, (input.shape ?? []).map((dim) => (typeof dim === 'number' ? dim : (OPEN[dim ?? ''] ?? -1)))]));
  const fixed = specialise(graph, shapes), folded = fold(fixed), known = inferShapes(fixed);
  const open = graph.nodes.flatMap((node) => node.outputs).filter((value) => known.get(value)?.shape?.every((dim) => typeof dim === 'number') !== true);
  expect(open).toEqual([]);
  expect(folded.nodes.length).toBeLessThan(0.7 * graph.nodes.length);
  const feeds = Object.fromEntries(feedsOf(graph).map((input): readonly [string, NdArray] => {
    const shape = shapes[input.name] ?? [];
    return [input.name, input.dtype === 'int64' ? ndarray('int64', shape, BigInt64Array.from({ length: sizeOf(shape) }, (_, k) => BigInt(3 + (k % 50)))) : f32(shape, Float32Array.from({ length: sizeOf(shape) }, (_, k) => Math.sin(0.37 * k)))];
  }));
  const [before, after] = await Promise.all([openSession({ path: file }, { threads: 1 }), openSession({ bytes: writeModel(folded), name }, { threads: 1 })]);
  const [expected, found] = [await before.run(feeds), await after.run(feeds)];
  await Promise.all([before.release(), after.release()]);
  for (const output of fixed.outputs) {
    expect(found[output.name]?.shape).toEqual(output.shape);
    expectClose(found[output.name]?.data as Float32Array, expected[output.name]?.data as Float32Array, FUSING);
  }
});
