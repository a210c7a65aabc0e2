/** Whole models of test/golden/autodiff/models.json: what they are fed, what PyTorch's autograd answers, and how far an answer may be from it. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { f32, ndarray, sizeOf } from '../../../common/ndarray.ts';
import type { NdArray } from '../../../common/ndarray.ts';
import { feedsOf, readsOf } from '../../../main/onnx/graph.ts';
import type { Graph } from '../../../main/onnx/graph.ts';
import { readModel } from '../../../main/onnx/protobuf/read.ts';
import { inferShapes } from '../../../main/onnx/shape.ts';
import { seededWeights } from './seeded-weights.ts';

export interface Places { readonly shape: readonly number[]; readonly norm: number; readonly at: readonly number[]; readonly values: readonly number[] }
export interface Entry {
  readonly file: string;
  readonly wrt: readonly string[];
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly outputs: Readonly<Record<string, Places>>;
  readonly gradients: Readonly<Record<string, Places>>;
}
const ROOT = new URL('../../../', import.meta.url);

export function wholeModels(): Readonly<Record<string, Entry>> {
  return (JSON.parse(readFileSync(new URL('../../golden/autodiff/models.json', import.meta.url), 'utf8')) as { readonly models: Readonly<Record<string, Entry>> }).models;
}

/** What the issue asks for. */
const COSINE = 0.9999, RELATIVE = 1e-3;
/** Half precision: cosine as asked; the error as its own rounding explains it, at most `HALF_ROUNDING` relative for each value made. */
const HALF_COSINE = 0.999, HALF_ROUNDING = 2 ** -11;
const FLOATING: ReadonlySet<string> = new Set(['float16', 'float32']);
/** Nodes that make no new number round nothing. */
const MOVES: ReadonlySet<string> = new Set(['Cast', 'Concat', 'Expand', 'Gather', 'Identity', 'Neg', 'Pad', 'Reshape', 'Slice', 'Split', 'Squeeze', 'Transpose', 'Unsqueeze', 'Where']);

/** Most float16 values made one after the other on a way through the graph: its roundings, taken as independent, add up in squares. */
function roundings(graph: Graph): number {
  const kinds = inferShapes(graph), depth = new Map<string, number>();
  for (const node of graph.nodes) {
    const before = Math.max(0, ...readsOf(node).map((name) => depth.get(name) ?? 0));
    for (const name of node.outputs) depth.set(name, before + (kinds.get(name)?.dtype === 'float16' && !MOVES.has(node.op) ? 1 : 0));
  }
  return Math.max(...depth.values());
}

export interface Limits { readonly cosine: number; readonly relative: number }

export function limitsOf(gradient: Graph): Limits {
  const made = roundings(gradient);
  return made > 0 ? { cosine: HALF_COSINE, relative: HALF_ROUNDING * Math.sqrt(made) } : { cosine: COSINE, relative: RELATIVE };
}

/** The network with weights made from names. */
export function loadModel({ file }: Entry): Graph {
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

/** Inputs of the gradient graph; cotangents are size * cos(0.61 k + i). */
export function feedsFor(entry: Entry, graph: Graph, gradient: Graph, size = 1): Readonly<Record<string, NdArray>> {
  const feeds: Record<string, NdArray> = Object.fromEntries(feedsOf(graph).map((input, i) => [input.name, feed(input.dtype, entry.inputs[input.name] ?? [], i)]));
  graph.outputs.filter((output) => FLOATING.has(output.dtype)).forEach((output, i) => {
    const shape = entry.outputs[output.name]?.shape;
    if (shape !== undefined) feeds[`${output.name}_grad`] = f32(shape, Float32Array.from({ length: sizeOf(shape) }, (_, k) => size * Math.cos(0.61 * k + i)));
  });
  const asked = new Set(gradient.inputs.map((input) => input.name));
  return Object.fromEntries(Object.entries(feeds).filter(([key]) => asked.has(key)));
}

/** Cosine and relative error at the places that the golden file knows, and how far the whole norm is off; `found` is divided by `size` first. */
export function compare(found: NdArray | undefined, { at, values, norm, shape }: Places, size = 1): { readonly cosine: number; readonly relative: number; readonly norm: number } {
  if (!(found?.data instanceof Float32Array) || found.shape.join() !== shape.join()) throw new Error(`expected float32[${shape.join(', ')}], found ${found?.dtype ?? 'nothing'}[${found?.shape.join(', ') ?? ''}]`);
  let dot = 0, own = 0, theirs = 0, gap = 0, whole = 0;
  for (const [i, place] of at.entries()) {
    const a = (found.data[place] ?? Number.NaN) / size, b = values[i] ?? Number.NaN;
    dot += a * b; own += a * a; theirs += b * b; gap += (a - b) ** 2;
  }
  for (const value of found.data) whole += (value / size) ** 2;
  return { cosine: dot / Math.sqrt(own * theirs), relative: Math.sqrt(gap / theirs), norm: Math.abs(Math.sqrt(whole) - norm) / norm };
}
