/**
 * Replaces nodes whose result is a small constant (shape arithmetic of exporters) by initializers, and drops what nothing needs any more.
 * Specialise a graph first: its shapes are then constants too.
 */
import { ndarray } from '../../../common/ndarray.ts';
import type { DataOf, DType, NdArray } from '../../../common/ndarray.ts';
import type { Value } from '../evaluate.ts';
import { makeGraph, readsOf } from '../graph.ts';
import type { Graph, Initializer, Node } from '../graph.ts';
import { inferShapes } from '../shape.ts';
import { initializerOf } from '../tensor.ts';
import { prune } from './prune.ts';

const FROM_NUMBERS: { readonly [D in Exclude<DType, 'float16'>]: (values: readonly number[]) => DataOf[D] } = {
  float64: (v) => Float64Array.from(v), float32: (v) => Float32Array.from(v), int64: (v) => BigInt64Array.from(v, BigInt), uint64: (v) => BigUint64Array.from(v, BigInt),
  int32: (v) => Int32Array.from(v), uint32: (v) => Uint32Array.from(v), int16: (v) => Int16Array.from(v), uint16: (v) => Uint16Array.from(v),
  int8: (v) => Int8Array.from(v), uint8: (v) => Uint8Array.from(v), bool: (v) => Uint8Array.from(v),
};

/** Null where a value cannot be written exactly (float16, integers beyond 2^53 such as "to the end" in slices). */
function asArray(value: Value): NdArray | null {
  const { dtype, shape, values } = value;
  if (dtype === 'float16' || (!dtype.startsWith('float') && !values.every(Number.isSafeInteger))) return null;
  return ndarray<DType>(dtype, shape, FROM_NUMBERS[dtype](values));
}

/** Operators that read an extent, not a value. */
const ASKS_SHAPE: ReadonlySet<string> = new Set(['Shape', 'Size']);

/** The graph with constant nodes folded. Outputs of the graph keep their nodes, and so does what depends on `varying` values, which are constants by name only. */
export function fold(graph: Graph, varying: readonly string[] = []): Graph {
  const known = inferShapes(graph), outputs = new Set(graph.outputs.map((output) => output.name)), open = new Set(varying);
  const nodes: Node[] = [], made: Initializer[] = [];
  for (const node of graph.nodes) {
    if (!ASKS_SHAPE.has(node.op) && readsOf(node).some((name) => open.has(name))) {
      node.outputs.forEach((name) => open.add(name));
      nodes.push(node);
      continue;
    }
    const arrays = node.outputs.map((name) => {
      const value = known.get(name)?.value ?? null;
      return value === null || outputs.has(name) ? null : asArray(value);
    });
    if (arrays.length > 0 && arrays.every((array) => array !== null)) arrays.forEach((array, i) => made.push(initializerOf(node.outputs[i] ?? '', array)));
    else nodes.push(node);
  }
  const folded = new Set(made.map((initializer) => initializer.name));
  return prune(makeGraph({ ...graph, nodes, initializers: [...graph.initializers, ...made], valueInfos: graph.valueInfos.filter((info) => !folded.has(info.name)) }));
}
