/** How Resize keeps a picture's proportions (onnx/docs/Operators.md, keep_aspect_ratio_policy). */
import type { Dim } from './graph.ts';

/** The one scale of all resized axes that keeps the picture's proportions, under or over the wanted sizes; null where it is not asked for or not known. */
export function aspect(policy: string, from: readonly Dim[], sizes: readonly number[] | null): number | null {
  if (policy === 'stretch' || sizes === null || !from.every((dim) => typeof dim === 'number')) return null;
  const ratios = from.map((dim, k) => (sizes[k] ?? 0) / dim);
  return policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
}
