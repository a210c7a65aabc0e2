/**
 * Gradients of half-precision graphs. float16 has 11 bits, counts only to 2048, vanishes below 2^-24 and ends at 65504, and a loss's gradient may be of any
 * size. So cotangents are float32 from the graph's edge to its other edge, and every rule works in float32, but for products of matrices and convolutions, where
 * the time goes: these stay in half precision (runtimes accumulate them in float32 themselves). A product is linear in its cotangent, which is brought to
 * float16's middle by a power of two and back:
 *
 *   J' v = (J' (s v)) / s,   s from the size of v while the graph runs (`power-scale.ts`)
 *
 * Loss scaling (Micikevicius et al. 2018, "Mixed precision training", section 3.2) has one s for all; here each product has its own, so that neither means over many
 * places nor sums over them on the way can leave float16's range. Checked by `half.test.ts` and `half-sizes.test.ts`.
 */
import type { DType } from '../../common/ndarray.ts';
import type { Op } from '../onnx/ops.ts';
import type { GraphBuilder, Ref } from '../onnx/build.ts';
import { powerScale } from './power-scale.ts';
import type { Rule, RuleContext } from './rule.ts';

/** Operators whose gradient is products of matrices or convolutions. */
const PRODUCTS: ReadonlySet<Op> = new Set<Op>(['Conv', 'ConvTranspose', 'Einsum', 'Gemm', 'MatMul']);

/** Type of the cotangent and of the gradient of a value: its own, float32 for float16. */
export function cotangentType(dtype: DType): DType {
  return dtype === 'float16' ? 'float32' : dtype;
}

/** A rule's gradients, of cotangents and to gradients that are never float16. */
export function gradientsOf<O extends Op>(rule: Rule<O>, context: RuleContext<O>): readonly (Ref | null)[] {
  const { b, inputs, outputs, dys } = context, wide = (ref: Ref | null): Ref | null => (ref === null ? null : widened(b, ref));
  if (![...inputs, ...outputs].some((ref) => ref?.dtype === 'float16')) return rule.vjp(context);
  if (!PRODUCTS.has(rule.op)) return rule.vjp({ ...context, inputs: inputs.map(wide), outputs: outputs.map((ref) => widened(b, ref)), fromHalf: true });
  const { factor, inverse } = powerScale(b, dys.filter((dy) => dy !== null));
  const gradients = rule.vjp({ ...context, dys: dys.map((dy) => (dy === null ? null : b.cast(b.mul(dy, factor), 'float16'))) });
  return gradients.map((gradient) => (gradient === null ? null : b.mul(widened(b, gradient), inverse)));
}

function widened(b: GraphBuilder, ref: Ref): Ref {
  return b.cast(ref, cotangentType(ref.dtype));
}
