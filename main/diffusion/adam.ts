/**
 * Adam (Kingma and Ba 2015, algorithm 1) on one array: m and v the running moments of the gradient, t the update's number from 1.
 *
 *   m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  x -= rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)
 *
 * Element by element in float32 storage and float64 arithmetic, as PyTorch's default constants.
 */
const B1 = 0.9;
const B2 = 0.999;
const EPSILON = 1e-8;

export interface Moments {
  readonly m: Float32Array;
  readonly v: Float32Array;
}

export const noMoments = (size: number): Moments => ({ m: new Float32Array(size), v: new Float32Array(size) });

/** Update number `t` of the active elements; the others are copied. Inputs are not changed. */
export function adamStep(x: Float32Array, gradient: Float32Array, { m, v }: Moments, t: number, rate: number, active: (element: number) => boolean): { readonly x: Float32Array; readonly moments: Moments } {
  if (gradient.length !== x.length || m.length !== x.length) throw new RangeError(`${gradient.length} gradients and ${m.length} moments for ${x.length} values`);
  const out = { x: x.slice(), moments: { m: m.slice(), v: v.slice() } };
  const first = 1 - B1 ** t, second = 1 - B2 ** t;
  for (let i = 0; i < x.length; i++) {
    if (!active(i)) continue;
    const g = gradient[i]!, mean = B1 * m[i]! + (1 - B1) * g, square = B2 * v[i]! + (1 - B2) * g * g;
    out.moments.m[i] = mean;
    out.moments.v[i] = square;
    out.x[i] = x[i]! - (rate * (mean / first)) / (Math.sqrt(square / second) + EPSILON);
  }
  return out;
}
