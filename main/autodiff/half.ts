/**
 * Half-precision graphs. Rules that sum many products, square, or take several steps for one number do so in float32 and round once, to the type of the
 * gradient: float16 has 11 bits, counts only to 2048 and ends at 65504. Products of matrices, convolutions and what only moves or adds stay in the
 * graph's own type: runtimes accumulate those in float32 themselves.
 */
import type { Op } from '../onnx/ops.ts';
import type { GraphBuilder, Ref } from '../onnx/build.ts';
import type { Rule } from './rule.ts';

const widened = (b: GraphBuilder, ref: Ref | null): Ref | null => (ref?.dtype === 'float16' ? b.cast(ref, 'float32') : ref);

/** The same rule with every float16 value that it reads as float32, and its gradients cast back to the type of their inputs. */
export function inFloat32<O extends Op>(rule: Rule<O>): Rule<O> {
  return {
    ...rule,
    vjp(context) {
      const { b, inputs, outputs, dys } = context, wide = (ref: Ref | null): Ref | null => widened(b, ref);
      if (![...inputs, ...outputs].some((ref) => ref?.dtype === 'float16')) return rule.vjp(context);
      const gradients = rule.vjp({ ...context, inputs: inputs.map(wide), outputs: outputs.map((ref) => wide(ref) ?? ref), dys: dys.map(wide) });
      return gradients.map((gradient, i) => {
        const target = inputs[i] ?? null;
        return gradient === null || target === null || target.dtype !== 'float16' || gradient.dtype !== 'float32' ? gradient : b.cast(gradient, 'float16');
      });
    },
  };
}
