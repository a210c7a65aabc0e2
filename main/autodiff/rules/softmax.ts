/** Softmax and its logarithm along one axis. */
import { inFloat32 } from '../half.ts';
import { ALL_OPSETS, axisOf, cotangent, dims, output } from '../rule.ts';
import type { Ref } from '../../onnx/build.ts';
import type { Rule, RuleContext } from '../rule.ts';

/** dx = y (dy - sum(dy y)). Rounded shares do not sum to one, and what they lack would meet all that the cotangents have in common: dx = y (dy - sum(dy y) / sum(y)) then. */
function shares(c: RuleContext<'Softmax'>, areRounded: boolean): Ref {
  const { b } = c, y = output(c), dy = cotangent(c), axis = axisOf(c.attributes.axis, dims(y).length), along = b.reduceSum(b.mul(dy, y), [axis], true);
  return b.mul(y, b.sub(dy, areRounded ? b.div(along, b.reduceSum(y, [axis], true)) : along));
}
const ROUNDED_SOFTMAX = inFloat32<'Softmax'>({ op: 'Softmax', opsets: ALL_OPSETS, vjp: (c) => [shares(c, true)] });

export const SOFTMAX: Rule<'Softmax'> = {
  op: 'Softmax', opsets: ALL_OPSETS,
  vjp: (c) => (output(c).dtype === 'float16' ? ROUNDED_SOFTMAX.vjp(c) : [shares(c, false)]),
};

/** dx = dy - exp(y) sum(dy) */
export const LOG_SOFTMAX: Rule<'LogSoftmax'> = inFloat32({
  op: 'LogSoftmax', opsets: ALL_OPSETS,
  vjp(c) {
    const { b } = c, y = output(c), dy = cotangent(c), axis = axisOf(c.attributes.axis, dims(y).length);
    return [b.sub(dy, b.mul(b.exp(y), b.reduceSum(dy, [axis], true)))];
  },
});
