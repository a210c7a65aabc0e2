/** Pearson correlation, in double precision whatever the input, two passes (mean first) so that large offsets cost no digits. */
export type Numbers = Float32Array | Float64Array;

/** Variance over squared mean that summing equal numbers can leave behind by rounding (n = 1e6 gives about 1e-24); real variation is far above. */
const CONSTANT = 1e-20;

/** True if a sum of squared deviations is that of a constant. */
export function isConstant(squares: number, count: number, mean: number): boolean {
  return squares <= CONSTANT * count * mean * mean;
}

/**
 * Pearson's r of two equally long vectors, in [-1, 1]. A constant vector has no correlation: r is 0.
 * Throws RangeError if the lengths differ or are zero.
 */
export function pearson(a: Numbers, b: Numbers): number {
  if (a.length !== b.length || a.length === 0) throw new RangeError(`correlation of ${a.length} and ${b.length} values`);
  let meanA = 0;
  let meanB = 0;
  for (let i = 0; i < a.length; i++) { meanA += a[i] ?? 0; meanB += b[i] ?? 0; }
  meanA /= a.length;
  meanB /= a.length;
  let ab = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    const x = (a[i] ?? 0) - meanA;
    const y = (b[i] ?? 0) - meanB;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  if (isConstant(aa, a.length, meanA) || isConstant(bb, b.length, meanB)) return 0;
  return clampUnit(ab / Math.sqrt(aa * bb));
}

/** Rounding can push |r| past 1 by an ulp; scores never show it. */
export function clampUnit(r: number): number {
  return Math.max(-1, Math.min(1, r));
}
