/** Softmax and its logarithm along one axis. */
import { ALL_OPSETS, axisOf, cotangent, dims, output } from '../rule.ts';
import type { Rule } from '../rule.ts';

/** dx = y (dy - sum(dy y)). Rounded shares do not sum to one, and what they lack would meet all that the cotangents have in common: dx = y (dy - sum(dy y) / sum(y)) then. */
export const SOFTMAX: Rule<'Softmax'> = {
  op: 'Softmax', opsets: ALL_OPSETS,
  vjp(c) {
    const { b } = c, y = output(c), dy = cotangent(c), axis = axisOf(c.attributes.axis, dims(y).length), along = b.reduceSum(b.mul(dy, y), [axis], true);
    return [b.mul(y, b.sub(dy, c.fromHalf === true ? b.div(along, b.reduceSum(y, [axis], true)) : along))];
  },
};

/** dx = dy - exp(y) sum(dy) */
export const LOG_SOFTMAX: Rule<'LogSoftmax'> = {
  op: 'LogSoftmax', opsets: ALL_OPSETS,
  vjp(c) {
    const { b } = c, y = output(c), dy = cotangent(c), axis = axisOf(c.attributes.axis, dims(y).length);
    return [b.sub(dy, b.mul(b.exp(y), b.reduceSum(dy, [axis], true)))];
  },
};
