/**
 * What a gradient check needs, drawn from a seed that is a hash of the check's name: feeds away from kinks, cotangents, directions.
 * The same plan is read by `test/golden/autodiff/write.ts`, which has the derivatives taken in float64 by the standard's reference evaluator.
 */
import { sizeOf } from '../../../common/ndarray.ts';
import type { NdArray } from '../../../common/ndarray.ts';
import { hashText, random } from '../../../common/random.ts';
import { vjp } from '../../../main/autodiff/backward.ts';
import { makeGraph } from '../../../main/onnx/graph.ts';
import type { Graph, Initializer } from '../../../main/onnx/graph.ts';
import { readModel } from '../../../main/onnx/protobuf/read.ts';
import { initializerOf } from '../../../main/onnx/tensor.ts';
import { buildCase, CASES } from './cases.ts';
import { like, real } from './direction.ts';
import type { StandardTest } from './standard-nodes.ts';

export interface Plan {
  readonly key: string;
  readonly seed: number;
  readonly graph: Graph;
  readonly gradient: Graph;
  readonly feeds: Readonly<Record<string, NdArray>>;
  readonly wrt: readonly string[];
  /** Output -> its cotangent, standard normal. */
  readonly cotangents: Readonly<Record<string, Float64Array>>;
  /** Input -> a direction in it, standard normal. */
  readonly directions: Readonly<Record<string, Float64Array>>;
}

function planned(key: string, graph: Graph, feeds: Readonly<Record<string, NdArray>>, wrt: readonly string[]): Plan {
  const gradient = vjp(graph, { wrt }), seed = hashText(key), source = random(seed).fork('plan');
  const normal = (length: number): Float64Array => Float64Array.from({ length }, () => source.normal());
  const own = new Set(graph.inputs.map((input) => input.name));
  const cotangents = Object.fromEntries(gradient.inputs.filter((input) => !own.has(input.name)).map((input) => [input.name.slice(0, -'_grad'.length), normal(sizeOf((input.shape ?? []).map(Number)))]));
  return { key, seed, graph, gradient, feeds, wrt, cotangents, directions: Object.fromEntries(wrt.map((name) => [name, normal(sizeOf(feeds[name]?.shape ?? []))])) };
}

export function casePlans(): readonly Plan[] {
  return CASES.map((each, index) => {
    const key = `${each.op} ${index}: ${each.title}`, { graph, feeds, wrt } = buildCase(each, random(hashText(key)));
    return planned(key, graph, feeds, wrt);
  });
}

/** The newest opset that the runtime opens, and the IR version that belongs to it. */
const RUNTIME = { opset: 25, irVersion: 12 } as const;

/** Inputs that say how, not what: they are bound as constants although they hold floating-point numbers. */
const SETTINGS: Readonly<Record<string, readonly number[]>> = { Resize: [1, 2], Dropout: [1], Range: [0, 1, 2], OneHot: [1, 2] };

/** The test's graph with its settings bound, stamped with a version that the runtime knows (later ones change no operator of the table but its element types). */
export function bound(test: StandardTest): { readonly graph: Graph; readonly feeds: Readonly<Record<string, NdArray>> } {
  const graph = readModel(test.bytes, test.name), settings = new Set(SETTINGS[test.op] ?? []);
  const feeds: Record<string, NdArray> = {}, constants: Initializer[] = [];
  graph.inputs.forEach((input, i) => {
    const value = test.feeds[i];
    if (value === undefined) throw new Error(`${test.name} has no value of ${input.name}`);
    if (input.dtype.startsWith('float') && !settings.has(i)) feeds[input.name] = value;
    else constants.push(initializerOf(input.name, value));
  });
  const inputs = graph.inputs.filter((input) => feeds[input.name] !== undefined);
  return {
    graph: makeGraph({ ...graph, inputs, initializers: [...graph.initializers, ...constants], irVersion: Math.min(graph.irVersion, RUNTIME.irVersion), opsets: { '': Math.min(graph.opsets[''] ?? 0, RUNTIME.opset) } }),
    feeds,
  };
}

/** A few per cent towards zero, zeros away from it: off kinks and ties, inside the domain. */
function moved(array: NdArray, name: string): NdArray {
  const source = random(hashText(name)).fork('moved');
  return like(array, Float64Array.from(real(array), (value) => (value === 0 ? 0.02 + 0.05 * source.uniform() : value * (1 - 0.05 * source.uniform()))));
}

/** The gradient check of a standard test, or null where nothing in it has a gradient (integers, half precision, empty arrays). */
export function standardPlan(test: StandardTest): Plan | null {
  const { graph, feeds } = bound(test);
  const wrt = Object.entries(feeds).filter(([, feed]) => (feed.dtype === 'float32' || feed.dtype === 'float64') && feed.data.length > 0).map(([name]) => name);
  if (wrt.length === 0 || !graph.outputs.some((output) => output.dtype.startsWith('float')) || test.expected.every((output) => output.values.data.length === 0)) return null;
  return planned(test.name, graph, Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, wrt.includes(name) ? moved(feed, `${test.name} ${name}`) : feed])), wrt);
}
