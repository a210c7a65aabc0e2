/**
 * Weights made from names and shapes alone, the same in every language (test/golden/autodiff/torch_graph.py, `seeded`): murmur3's finaliser of
 * k * 0x9E3779B1 + FNV-1a(name) as a uniform number in [-1, 1); matrices scaled by their fan-in, gains around one, everything else small.
 * Half-precision weights are the float32 ones rounded.
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

/** Bits of the float16 nearest to each number, ties to even; smaller than 2^-14 is subnormal, from 65520 on infinite (IEEE 754, binary16). */
export function halfBits(numbers: Float32Array): Uint16Array {
  return Uint16Array.from(numbers, (x) => {
    const sign = Object.is(Math.sign(x), -0) || x < 0 ? 0x8000 : 0, size = Math.abs(x);
    if (Number.isNaN(x)) return 0x7e00;
    if (size >= 65520) return sign | 0x7c00;
    const exponent = Math.max(-14, Math.floor(Math.log2(size || 1e-9))), steps = evenRound(size / 2 ** (exponent - 10));
    // 1024 steps up from a power of two; a carry out of them is the next exponent by itself.
    return sign | (steps + (exponent + 14) * 1024);
  });
}

function evenRound(x: number): number {
  const down = Math.floor(x), rest = x - down;
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down;
}

const ENCODED: { readonly [D in Initializer['dtype']]?: (numbers: Float32Array) => Uint8Array } = {
  float32: (numbers) => new Uint8Array(numbers.buffer),
  float16: (numbers) => new Uint8Array(halfBits(numbers).buffer),
};

/** Small tensors may be shape arithmetic; small biases are not, and a trained one left in place would tie the golden values to its training. */
const isWeight = ({ name, shape, dtype }: Initializer): boolean => ENCODED[dtype] !== undefined && (sizeOf(shape) >= SMALLEST || (shape.length === 1 && name.endsWith('bias')));

/** The graph with every float32 and float16 weight replaced. */
export function seededWeights(graph: Graph): Graph {
  return makeGraph({
    ...graph,
    initializers: graph.initializers.map((initializer) => {
      const encode = ENCODED[initializer.dtype];
      if (encode === undefined || !isWeight(initializer)) return initializer;
      return { ...initializer, source: { kind: 'inline', bytes: encode(weight(initializer)) } };
    }),
  });
}
