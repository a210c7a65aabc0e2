import type { Numbers } from './pearson.ts';
import { clampUnit } from './pearson.ts';

/**
 * Cosine of the angle between two embeddings, in [-1, 1]; for CLIP image embeddings this is the "CLIP similarity" of MindDiffuser.
 * It has a high floor (unrelated photographs reach about 0.5), so it is read beside its shuffled baseline. 0 if a vector is all zero.
 */
export function cosineSimilarity(a: Numbers, b: Numbers): number {
  if (a.length !== b.length || a.length === 0) throw new RangeError(`cosine of ${a.length} and ${b.length} values`);
  let ab = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    const x = a[i] ?? 0;
    const y = b[i] ?? 0;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa === 0 || bb === 0 ? 0 : clampUnit(ab / Math.sqrt(aa * bb));
}
