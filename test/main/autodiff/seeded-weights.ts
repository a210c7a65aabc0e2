/**
 * Weights made from names and shapes alone, the same in every language (test/golden/autodiff/torch_graph.py, `seeded`): murmur3's finaliser of
 * k * 0x9E3779B1 + FNV-1a(name) as a uniform number in [-1, 1); matrices scaled by their fan-in, gains around one, everything else small.
 */
import { sizeOf } from '../../../common/ndarray.ts';
import { hashText } from '../../../common/random.ts';
import { makeGraph } from '../../../main/onnx/graph.ts';
import type { Graph, Initializer } from '../../../main/onnx/graph.ts';

const SMALLEST = 32;

function weight({ name, shape }: Initializer): Float32Array {
  const count = sizeOf(shape), out = new Float32Array(count), seed = hashText(name);
  const fan = shape.length === 2 ? (shape[0] ?? 1) : count / (shape[0] ?? 1), scale = shape.length >= 2 ? Math.sqrt(3 / fan) : name.endsWith('weight') ? 0.2 : 0.1;
  const middle = shape.length === 1 && name.endsWith('weight') ? 1 : 0;
  for (let k = 0; k < count; k++) {
    let u = (Math.imul(k, 0x9e3779b1) + seed) | 0;
    u ^= u >>> 16;
    u = Math.imul(u, 0x85ebca6b);
    u ^= u >>> 13;
    u = Math.imul(u, 0xc2b2ae35);
    u ^= u >>> 16;
    out[k] = middle + scale * ((u >>> 0) / 2 ** 31 - 1);
  }
  return out;
}

/** Small tensors may be shape arithmetic; small biases are not, and a trained one left in place would tie the golden values to its training. */
const isWeight = ({ name, shape, dtype }: Initializer): boolean => dtype === 'float32' && (sizeOf(shape) >= SMALLEST || (shape.length === 1 && name.endsWith('bias')));

/** The graph with every float32 weight replaced. */
export function seededWeights(graph: Graph): Graph {
  return makeGraph({
    ...graph,
    initializers: graph.initializers.map((initializer) => {
      if (!isWeight(initializer)) return initializer;
      return { ...initializer, source: { kind: 'inline', bytes: new Uint8Array(weight(initializer).buffer) } };
    }),
  });
}
