import type { Numbers } from './pearson.ts';

/** Mean squared difference of two equally long vectors, in squared units of the input. Throws RangeError if the lengths differ. */
export function meanSquaredError(a: Numbers, b: Numbers): number {
  if (a.length !== b.length || a.length === 0) throw new RangeError(`difference of ${a.length} and ${b.length} values`);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] ?? 0) - (b[i] ?? 0)) ** 2;
  return sum / a.length;
}
