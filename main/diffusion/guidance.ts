/** Classifier-free guidance (Ho and Salimans 2022): e = e_u + w (e_c - e_u). w = 1 is the conditional prediction alone, w = 0 the unconditional. */
import { f32 } from '../../common/ndarray.ts';
import type { F32 } from '../../common/ndarray.ts';

/** Predictions of one shape. */
export function guide(conditional: F32, unconditional: F32, weight: number): F32 {
  if (conditional.data.length !== unconditional.data.length) throw new RangeError(`branches of ${conditional.data.length} and ${unconditional.data.length} values`);
  return f32(conditional.shape, conditional.data.map((value, i) => { const base = unconditional.data[i]!; return base + weight * (value - base); }));
}
