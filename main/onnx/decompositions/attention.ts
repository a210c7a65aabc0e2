/**
 * The Attention operator (opsets 23 to 28) written out: Y = softmax(softcap(scale Q K^T) + bias) V.
 *
 * Bias = the mask (additive, or 0 / -inf where boolean), the causal and sliding windows aligned to the cache, and the padding of the cache. A query row
 * that may attend to nothing gives zeros. Source: onnx/docs/Operators.md, Attention. Queries and keys are scaled by sqrt(scale) each, as defined there.
 */
import { ndarray } from '../../../common/ndarray.ts';
import type { GraphBuilder, Ref } from '../build.ts';
import { dtypeOf } from '../element-type.ts';
import { attributesOf } from '../ops.ts';
import { constantLike, extents, needed, optional, refused } from './decomposition.ts';
import type { Decomposition, FusedNode } from './decomposition.ts';

const ints = (b: GraphBuilder, shape: readonly number[], value: (i: number) => number): Ref => {
  const total = shape.reduce((product, extent) => product * extent, 1);
  return b.constant(ndarray('int64', shape, BigInt64Array.from({ length: total }, (_, i) => BigInt(value(i)))), 'places');
};

/** `[n, length, heads * size]` -> `[n, heads, length, size]` */
export function byHead(fused: FusedNode, x: Ref, heads: number): Ref {
  const [n = 0, length = 0, width = 0] = extents(fused, x);
  return fused.b.transpose(fused.b.reshape(x, [n, length, heads, width / heads]), [0, 2, 1, 3]);
}

/** Each key head serves a group of query heads. */
function repeated(fused: FusedNode, x: Ref, times: number): Ref {
  if (times === 1) return x;
  const { b } = fused, [n = 0, heads = 0, length = 0, size = 0] = extents(fused, x);
  return b.reshape(b.expand(b.unsqueeze(x, [2]), [n, heads, times, length, size]), [n, heads * times, length, size]);
}

/** True where query i may see key j, j - i between the window's ends, from the offset of the first query; `[q, k]` or `[n, 1, q, k]`. */
function windows(fused: FusedNode, queries: number, keys: number, offset: Ref | number, causal: boolean, left: number, right: number): Ref | null {
  const { b } = fused;
  if (!causal && left < 0 && right < 0) return null;
  const ahead = ints(b, [queries, keys], (i) => (i % keys) - Math.floor(i / keys)); // j - i
  const from = typeof offset === 'number' ? b.scalar(offset, 'int64') : b.reshape(offset, [-1, 1, 1, 1]), place = b.sub(ahead, from);
  const ends = [
    ...(causal ? [b.lessOrEqual(place, b.scalar(0, 'int64'))] : []), ...(right >= 0 ? [b.lessOrEqual(place, b.scalar(right, 'int64'))] : []),
    ...(left >= 0 ? [b.greaterOrEqual(place, b.scalar(-left, 'int64'))] : []),
  ];
  return ends.reduce((all, each) => b.node('And', [all, each]));
}

interface Biased { readonly bias: Ref | null; /** True where something may be seen. */ readonly allowed: Ref | null }

/** The mask of the node, padded to the keys that there are. */
function maskOf(fused: FusedNode, like: Ref, keys: number): Biased {
  const { b } = fused, mask = optional(fused, 3);
  if (mask === null) return { bias: null, allowed: null };
  const shape = extents(fused, mask), short = keys - (shape.at(-1) ?? 0), none = constantLike(b, -Infinity, like);
  const after = shape.map((_, axis) => (axis === shape.length - 1 ? short : 0)), before = shape.map(() => 0);
  if (mask.dtype === 'bool') {
    const whole = short > 0 ? b.cast(b.pad(b.cast(mask, 'int32'), before, after), 'bool') : mask;
    return { bias: null, allowed: whole };
  }
  const whole = short > 0 ? b.pad(mask, before, after, none) : mask;
  return { bias: whole, allowed: b.greater(whole, none) };
}

export const ATTENTION: Decomposition = (fused) => {
  const { b, node } = fused, a = attributesOf('Attention', node), flat = extents(fused, needed(fused, 0)).length === 3;
  // 1. [n, heads, length, size], the cache before the new keys.
  const split = (index: number, heads: number): Ref => (flat ? byHead(fused, needed(fused, index), heads) : needed(fused, index));
  const q = split(0, a.q_num_heads), newK = split(1, a.kv_num_heads), newV = split(2, a.kv_num_heads), pastK = optional(fused, 4), pastV = optional(fused, 5), filled = optional(fused, 6);
  const presentK = pastK === null ? newK : b.concat([pastK, newK], 2), presentV = pastV === null ? newV : b.concat([pastV, newV], 2);
  const [n = 0, heads = 0, queries = 0, size = 1] = extents(fused, q), [, kvHeads = 1, keys = 0] = extents(fused, presentK), width = extents(fused, presentV)[3] ?? 0;
  const k = repeated(fused, presentK, heads / kvHeads), v = repeated(fused, presentV, heads / kvHeads);
  // 2. Products [n, heads, queries, keys].
  const root = constantLike(b, Math.sqrt(a.scale ?? 1 / Math.sqrt(size)), q);
  const raw = b.matMul(b.mul(q, root), b.transpose(b.mul(k, root), [0, 1, 3, 2]));
  const cap = constantLike(b, a.softcap, q), capped = a.softcap > 0 ? b.mul(cap, b.tanh(b.div(raw, cap))) : raw;
  // 3. Who sees whom.
  const offset = pastK !== null ? keys - (extents(fused, newK)[2] ?? 0) : filled !== null ? b.sub(b.cast(filled, 'int64'), b.scalar(queries, 'int64')) : 0;
  const mask = maskOf(fused, q, keys), seen = windows(fused, queries, keys, offset, a.is_causal === 1, a.left_window_size, a.right_window_size);
  const cache = filled === null ? null : b.less(ints(b, [1, 1, 1, keys], (i) => i), b.reshape(b.cast(filled, 'int64'), [n, 1, 1, 1]));
  const tests = [mask.allowed, seen, cache].filter((test) => test !== null);
  const allowed = tests.length === 0 ? null : tests.reduce((all, each) => b.node('And', [all, each]));
  const added = mask.bias === null ? capped : b.add(capped, mask.bias);
  const biased = allowed === null ? added : b.where(allowed, added, constantLike(b, -Infinity, q));
  // 4. Weights; rows without any key become zeros.
  const precision = a.softmax_precision === 0 ? q.dtype : dtypeOf(a.softmax_precision);
  if (precision === null) throw refused(fused, 'softmax in float16, float32 or float64', `element type ${a.softmax_precision}`);
  let weights: Ref;
  if (allowed === null) weights = b.cast(b.softmax(b.cast(biased, precision)), q.dtype);
  else {
    const any = b.cast(b.reduceMax(b.cast(allowed, 'int32'), [(allowed.shape ?? []).length - 1], true), 'bool'), zero = constantLike(b, 0, q);
    // A row of -inf alone would be NaN in the softmax and in its gradient.
    weights = b.where(any, b.cast(b.softmax(b.cast(b.where(any, biased, zero), precision)), q.dtype), zero);
  }
  const y = b.matMul(weights, v);
  const products = [raw, capped, biased, weights][a.qk_matmul_output_mode];
  if (products === undefined) throw refused(fused, 'qk_matmul_output_mode 0 to 3', `${a.qk_matmul_output_mode}`);
  return [flat ? b.reshape(b.transpose(y, [0, 2, 1, 3]), [n, queries, heads * width]) : y, presentK, presentV, products];
};
