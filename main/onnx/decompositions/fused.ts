/**
 * Operators of the com.microsoft domain that optimised exports contain, written out (onnxruntime/docs/ContribOperators.md).
 * Forms that these do not cover (masks by length, caches, packed projections) are refused by name.
 */
import type { Ref } from '../build.ts';
import { byHead } from './attention.ts';
import { constantLike, extents, needed, numberOf, optional, refused } from './decomposition.ts';
import type { Decomposition, FusedNode } from './decomposition.ts';

/** x (1 + erf(x / sqrt 2)) / 2 */
function gelu({ b }: FusedNode, x: Ref): Ref {
  return b.mul(b.mul(constantLike(b, 0.5, x), x), b.add(constantLike(b, 1, x), b.erf(b.div(x, constantLike(b, Math.SQRT2, x)))));
}

/** x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 */
function fastGelu({ b }: FusedNode, x: Ref): Ref {
  const inner = b.mul(constantLike(b, Math.sqrt(2 / Math.PI), x), b.add(x, b.mul(constantLike(b, 0.044715, x), b.mul(x, b.mul(x, x)))));
  return b.mul(b.mul(constantLike(b, 0.5, x), x), b.add(constantLike(b, 1, x), b.tanh(inner)));
}

const withBias = (fused: FusedNode, x: Ref, bias: Ref | null): Ref => (bias === null ? x : fused.b.add(x, bias));

const quickGelu: Decomposition = (fused) => {
  const { b } = fused, x = needed(fused, 0);
  return [b.mul(x, b.sigmoid(b.mul(constantLike(b, numberOf(fused, 'alpha', 1.702), x), x)))];
};

const fusedMatMul: Decomposition = (fused) => {
  const { b } = fused;
  if (numberOf(fused, 'transBatchA', 0) !== 0 || numberOf(fused, 'transBatchB', 0) !== 0) throw refused(fused, 'no transposed batch axes', 'transBatchA or transBatchB');
  const turned = (x: Ref, turn: number): Ref => {
    const rank = extents(fused, x).length;
    return turn === 0 || rank < 2 ? x : b.transpose(x, [...Array.from({ length: rank - 2 }, (_, axis) => axis), rank - 1, rank - 2]);
  };
  const product = b.matMul(turned(needed(fused, 0), numberOf(fused, 'transA', 0)), turned(needed(fused, 1), numberOf(fused, 'transB', 0))), alpha = numberOf(fused, 'alpha', 1);
  return [alpha === 1 ? product : b.mul(product, constantLike(b, alpha, product))];
};

/** Mean and deviation over the last axis, as far as the fused forms go. */
function normalised({ b }: FusedNode, x: Ref, scale: Ref, bias: Ref | null, epsilon: number, centred: boolean): Ref {
  const middle = centred ? b.sub(x, b.reduceMean(x, [-1], true)) : x;
  const n = b.div(middle, b.sqrt(b.add(b.reduceMean(b.mul(middle, middle), [-1], true), constantLike(b, epsilon, x))));
  return bias === null ? b.mul(n, scale) : b.add(b.mul(n, scale), bias);
}

/** Inputs: x, skip, scale, bias of the norm (only where centred), bias of the sum. Outputs 1 and 2 are statistics that training wants. */
const skipNormalisation = (centred: boolean): Decomposition => (fused) => {
  const bias = optional(fused, centred ? 4 : 3), total = withBias(fused, fused.b.add(needed(fused, 0), needed(fused, 1)), bias);
  const beta = centred ? optional(fused, 3) : null;
  return [normalised(fused, total, needed(fused, 2), beta, numberOf(fused, 'epsilon', centred ? 1e-12 : 1e-6), centred), null, null, total];
};

/** softmax(scale q k^T + bias) v for `[n, length, heads * size]`. */
function attend(fused: FusedNode, given: readonly [Ref, Ref, Ref], heads: number, bias: Ref | null): Ref {
  const { b } = fused, [q, k, v] = given, [n = 0, queries = 0, width = 1] = extents(fused, q), out = extents(fused, v)[2] ?? 0;
  const causal = numberOf(fused, 'unidirectional', 0) === 1, keys = extents(fused, k)[1] ?? 0;
  if (causal && queries !== keys) throw refused(fused, 'as many keys as queries in the causal form', `${keys} and ${queries}`);
  const scale = numberOf(fused, 'scale', 0), factor = constantLike(b, scale === 0 ? 1 / Math.sqrt(width / heads) : scale, q);
  const products = b.mul(b.matMul(byHead(fused, q, heads), b.transpose(byHead(fused, k, heads), [0, 1, 3, 2])), factor);
  const added = bias === null ? products : b.add(products, bias);
  const places = (axis: 0 | 1): Ref => b.reshape(b.integers(Array.from({ length: keys }, (_, i) => i)), axis === 0 ? [keys, 1] : [1, keys]);
  const masked = causal ? b.where(b.lessOrEqual(places(1), places(0)), added, constantLike(b, -Infinity, q)) : added;
  return b.reshape(b.transpose(b.matMul(b.softmax(masked), byHead(fused, v, heads)), [0, 2, 1, 3]), [n, queries, out]);
}

const multiHeadAttention: Decomposition = (fused) => {
  const { b } = fused, q = needed(fused, 0), k = needed(fused, 1), v = needed(fused, 2), bias = optional(fused, 3);
  if ([4, 6, 7, 8, 9].some((index) => optional(fused, index) !== null)) throw refused(fused, 'no padding mask and no cache', 'inputs beyond query, key, value, bias and attention bias');
  if ([q, k, v].some((x) => extents(fused, x).length !== 3)) throw refused(fused, 'query, key and value of rank 3', 'packed or split ones');
  const widths = [q, k, v].map((x) => extents(fused, x)[2] ?? 0), parts = bias === null ? [null, null, null] : b.split(bias, widths, 0);
  const add = (x: Ref, i: number): Ref => withBias(fused, x, parts[i] ?? null);
  return [attend(fused, [add(q, 0), add(k, 1), add(v, 2)], numberOf(fused, 'num_heads', null), optional(fused, 5)), null, null];
};

/** One projection makes queries, keys and values. */
const attention: Decomposition = (fused) => {
  const { b } = fused, x = needed(fused, 0), weights = needed(fused, 1), bias = optional(fused, 2);
  if ([3, 4, 6].some((index) => optional(fused, index) !== null)) throw refused(fused, 'no mask by index and no cache', 'a mask or a past');
  if (numberOf(fused, 'do_rotary', 0) !== 0) throw refused(fused, 'no rotary embedding', 'do_rotary');
  if (fused.node.attributes['qkv_hidden_sizes'] !== undefined) throw refused(fused, 'equal widths', 'qkv_hidden_sizes');
  const width = (extents(fused, weights)[1] ?? 0) / 3;
  const [q, k, v] = b.split(withBias(fused, b.matMul(x, weights), bias), [width, width, width], 2);
  if (q === undefined || k === undefined || v === undefined) throw refused(fused, 'three parts', 'fewer');
  return [attend(fused, [q, k, v], numberOf(fused, 'num_heads', null), optional(fused, 5)), null];
};

export const FUSED: Readonly<Record<string, Decomposition>> = {
  Attention: attention, MultiHeadAttention: multiHeadAttention,
  Gelu: (fused) => [gelu(fused, needed(fused, 0))],
  BiasGelu: (fused) => [gelu(fused, fused.b.add(needed(fused, 0), needed(fused, 1)))],
  FastGelu: (fused) => [fastGelu(fused, withBias(fused, needed(fused, 0), optional(fused, 1)))],
  QuickGelu: quickGelu, FusedMatMul: fusedMatMul,
  SkipLayerNormalization: skipNormalisation(true), SkipSimplifiedLayerNormalization: skipNormalisation(false),
};
