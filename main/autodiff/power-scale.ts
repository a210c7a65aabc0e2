/**
 * The power of two that brings arrays into the middle of float16's range: 2^-14 (below which numbers lose bits, and vanish at 2^-25) to 2^16.
 *
 *   s = 2^k with 1 <= s max|v| < 2 over all arrays v together
 *
 * k is chosen while the graph runs, by comparing with every power of two: multiplying by s and by 1 / s is then exact on every device, where a logarithm or a
 * division may round. Of nothing but zeros, and below 2^-126, the largest power is taken. What is not finite stays so whatever the power: rows (of the first
 * axis) that hold such numbers do not count, or one image that overflows would take the gradients of those beside it.
 */
import { f32 } from '../../common/ndarray.ts';
import type { GraphBuilder, Ref } from '../onnx/build.ts';
import { dims, range } from './rule.ts';

/** Powers whose inverse is a normal float32 too. */
const LARGEST_POWER = 126;
/** s max|v| stays below this. */
const BOUND = 2;

export interface PowerScale {
  /** s and 1 / s, float32[]. */
  readonly factor: Ref;
  readonly inverse: Ref;
}

/** Arrays of float32, any shapes. */
export function powerScale(b: GraphBuilder, arrays: readonly Ref[]): PowerScale {
  const finite = (sizes: Ref): Ref => b.reduceMax(b.where(b.less(sizes, b.scalar(Infinity)), sizes, b.scalar(0)), null);
  const sizes = arrays.map((each) => { const all = b.abs(each), { length } = dims(each); return finite(length < 2 ? all : b.reduceMax(all, range(length).slice(1))); }), [first] = sizes;
  if (first === undefined) throw new RangeError('a scale of no arrays');
  const table = (name: string, value: (k: number) => number): Ref => b.shared(name, () => b.constant(f32([2 * LARGEST_POWER + 1], Float32Array.from({ length: 2 * LARGEST_POWER + 1 }, (_, i) => value(i - LARGEST_POWER))), 'powers'));
  const size = sizes.length === 1 ? first : b.max(...sizes);
  // 2^-k falls as 2^k rises: the smallest inverse that fits is the largest of their negatives.
  const factors = table('powers of two', (k) => 2 ** k), negatives = table('negative inverse powers of two', (k) => -(2 ** -k)), fits = b.less(b.mul(factors, size), b.scalar(BOUND));
  return {
    factor: b.reduceMax(b.where(fits, factors, b.scalar(2 ** -LARGEST_POWER)), null),
    inverse: b.neg(b.reduceMax(b.where(fits, negatives, b.scalar(-(2 ** LARGEST_POWER))), null)),
  };
}
