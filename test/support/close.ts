/** Comparison of numbers within a stated tolerance. Messages are computed from the values. Pure: returns the complaint, or null. */
export interface Tolerance {
  /** Largest allowed |actual - expected|. */
  readonly absolute?: number;
  /** Largest allowed |actual - expected| as a share of |expected|. An element passes if it meets either bound. */
  readonly relative?: number;
}

/** First difference beyond tolerance, with the worst one named too; null if all are close. NaN is close to nothing. */
export function difference(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: Tolerance): string | null {
  if (actual.length !== expected.length) return `${actual.length} values, expected ${expected.length}`;
  let bad = 0;
  let worst = -1;
  let worstExcess = 0;
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i] ?? NaN;
    const e = expected[i] ?? NaN;
    if (a === e) continue;
    const gap = Math.abs(a - e);
    const allowed = Math.max(tolerance.absolute ?? 0, (tolerance.relative ?? 0) * Math.abs(e));
    if (gap <= allowed) continue;
    bad++;
    const excess = Number.isNaN(gap) ? Infinity : gap / Math.max(allowed, Number.MIN_VALUE);
    if (worst < 0 || excess > worstExcess) { worst = i; worstExcess = excess; }
  }
  if (bad === 0) return null;
  return `${bad} of ${expected.length} values differ; worst at ${worst}: ${actual[worst]} instead of ${expected[worst]} `
    + `(absolute ${tolerance.absolute ?? 0}, relative ${tolerance.relative ?? 0})`;
}

/** Throws with the complaint of `difference` (and the seed, if given). */
export function expectClose(actual: ArrayLike<number> | number, expected: ArrayLike<number> | number, tolerance: Tolerance, seed?: number): void {
  const complaint = difference(asList(actual), asList(expected), tolerance);
  if (complaint !== null) throw new Error(seed === undefined ? complaint : `${complaint}; seed ${seed}`);
}

function asList(value: ArrayLike<number> | number): ArrayLike<number> {
  return typeof value === 'number' ? [value] : value;
}
