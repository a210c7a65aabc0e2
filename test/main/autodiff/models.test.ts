/**
 * Whole models against PyTorch's autograd (test/golden/autodiff/models.json): the demo pack's five networks, tiny Stable Diffusion v1 networks and
 * CLIP's text and image encoders as the real exporters write them, with weights made from names.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { f32, ndarray, sizeOf } from '../../../common/ndarray.ts';
import type { NdArray } from '../../../common/ndarray.ts';
import { vjp } from '../../../main/autodiff/backward.ts';
import { feedsOf } from '../../../main/onnx/graph.ts';
import type { Graph } from '../../../main/onnx/graph.ts';
import { readModel } from '../../../main/onnx/protobuf/read.ts';
import { writeModel } from '../../../main/onnx/protobuf/write.ts';
import { openSession } from '../../../main/runtime/session.ts';
import { seededWeights } from './seeded-weights.ts';

interface Places { readonly shape: readonly number[]; readonly norm: number; readonly at: readonly number[]; readonly values: readonly number[] }
interface Entry {
  readonly file: string;
  readonly wrt: readonly string[];
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly outputs: Readonly<Record<string, Places>>;
  readonly gradients: Readonly<Record<string, Places>>;
}
const { models } = JSON.parse(readFileSync(new URL('../../golden/autodiff/models.json', import.meta.url), 'utf8')) as { readonly models: Readonly<Record<string, Entry>> };
const ROOT = new URL('../../../', import.meta.url);

/** What the issue asks for. */
const COSINE = 0.9999, RELATIVE = 1e-3;

function load({ file }: Entry): Graph {
  const path = fileURLToPath(new URL(file, ROOT)), bytes = readFileSync(path);
  return seededWeights(readModel(file.endsWith('.gz') ? gunzipSync(bytes) : bytes, path));
}

/** sin(0.37 k + i), or ids that count from 3. */
function feed(dtype: NdArray['dtype'], shape: readonly number[], index: number): NdArray {
  const count = sizeOf(shape), id = (k: number): number => 3 + (k % 50);
  if (dtype === 'int64') return ndarray('int64', shape, BigInt64Array.from({ length: count }, (_, k) => BigInt(id(k))));
  if (dtype === 'int32') return ndarray('int32', shape, Int32Array.from({ length: count }, (_, k) => id(k)));
  return f32(shape, Float32Array.from({ length: count }, (_, k) => Math.sin(0.37 * k + index)));
}

const cotangent = (shape: readonly number[], index: number): NdArray => f32(shape, Float32Array.from({ length: sizeOf(shape) }, (_, k) => Math.cos(0.61 * k + index)));

/** Cosine and relative error at the places that the golden file knows, and how far the whole norm is off. */
function compare(found: NdArray | undefined, { at, values, norm, shape }: Places): { readonly cosine: number; readonly relative: number; readonly norm: number } {
  if (!(found?.data instanceof Float32Array) || found.shape.join() !== shape.join()) throw new Error(`expected float32[${shape.join(', ')}], found ${found?.dtype ?? 'nothing'}[${found?.shape.join(', ') ?? ''}]`);
  let dot = 0, own = 0, theirs = 0, gap = 0, whole = 0;
  for (const [i, place] of at.entries()) {
    const a = found.data[place] ?? Number.NaN, b = values[i] ?? Number.NaN;
    dot += a * b; own += a * a; theirs += b * b; gap += (a - b) ** 2;
  }
  for (const value of found.data) whole += value * value;
  return { cosine: dot / Math.sqrt(own * theirs), relative: Math.sqrt(gap / theirs), norm: Math.abs(Math.sqrt(whole) - norm) / norm };
}

describe('gradients of whole models agree with PyTorch\'s', () => {
  it.each(Object.entries(models))('%s', { timeout: 120_000 }, async (name, entry) => {
    const graph = load(entry), gradient = vjp(graph, { wrt: entry.wrt, shapes: entry.inputs });
    const feeds: Record<string, NdArray> = Object.fromEntries(feedsOf(graph).map((input, i) => [input.name, feed(input.dtype, entry.inputs[input.name] ?? [], i)]));
    const floating = graph.outputs.filter((output) => output.dtype === 'float32');
    floating.forEach((output, i) => { const places = entry.outputs[output.name]; if (places !== undefined) feeds[`${output.name}_grad`] = cotangent(places.shape, i); });
    const asked = new Set(gradient.inputs.map((input) => input.name));
    const session = await openSession({ bytes: writeModel(gradient), name }, { threads: 1 });
    const results = await session.run(Object.fromEntries(Object.entries(feeds).filter(([key]) => asked.has(key))));
    await session.release();
    const report = [
      ...Object.entries(entry.outputs).map(([key, places]) => ({ key, ...compare(results[key], places) })),
      ...Object.entries(entry.gradients).map(([key, places]) => ({ key: `${key}_grad`, ...compare(results[`${key}_grad`], places) })),
    ];
    console.log(`${name}: ${report.map(({ key, cosine, relative }) => `${key} 1-cos ${(1 - cosine).toExponential(1)} rel ${relative.toExponential(1)}`).join('; ')}`);
    for (const { key, cosine, relative, norm } of report) {
      expect(cosine, `${key}: cosine`).toBeGreaterThanOrEqual(COSINE);
      expect(relative, `${key}: relative error`).toBeLessThanOrEqual(RELATIVE);
      expect(norm, `${key}: norm`).toBeLessThanOrEqual(RELATIVE);
    }
  });
});
