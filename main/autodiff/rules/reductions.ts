/** Reductions over axes: the gradient is spread back over what was reduced. */
import type { GraphBuilder, Ref } from '../../onnx/build.ts';
import { ALL_OPSETS, axisOf, cotangent, dims, input, integers, number, output, range } from '../rule.ts';
import type { Rule, RuleContext } from '../rule.ts';

type Reduction = 'ReduceSum' | 'ReduceMean' | 'ReduceMax' | 'ReduceMin' | 'ReduceProd' | 'ReduceL1' | 'ReduceL2' | 'ReduceSumSquare' | 'ReduceLogSum' | 'ReduceLogSumExp';

/** What a rule sees: x, its reduced value and cotangent with the reduced axes kept as 1, and how many elements went into one. */
interface Reduced { readonly b: GraphBuilder; readonly x: Ref; readonly y: Ref; readonly dy: Ref; readonly axes: readonly number[]; readonly count: number }

function reduction<O extends Reduction>(op: O, gradient: (r: Reduced) => Ref): Rule<O> {
  return {
    op, opsets: ALL_OPSETS,
    vjp(context) {
      const { b } = context, x = input(context, 0), shape = dims(x);
      const { axes: attribute, noop_with_empty_axes: noop } = context.attributes as RuleContext<'ReduceSum'>['attributes'];
      const given = context.inputs[1] ? integers(context, 1) : attribute;
      if ((given === null || given.length === 0) && noop === 1) return [cotangent(context), null];
      const axes = (given === null || given.length === 0 ? range(shape.length) : given).map((axis) => axisOf(axis, shape.length));
      const kept = shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
      const count = axes.reduce((product, axis) => product * (shape[axis] ?? 1), 1);
      const result = gradient({ b, x, y: b.reshape(output(context), kept), dy: b.reshape(cotangent(context), kept), axes, count });
      return [dims(result).every((extent, axis) => extent === shape[axis]) ? result : b.expand(result, shape), null];
    },
  };
}

/** Equal extremes share the gradient. */
const extreme = ({ b, x, y, dy, axes }: Reduced): Ref => {
  const wins = b.cast(b.equal(x, y), x.dtype);
  return b.mul(wins, b.div(dy, b.reduceSum(wins, axes, true)));
};

export const REDUCTION_RULES = {
  ReduceSum: reduction('ReduceSum', ({ dy }) => dy),
  ReduceMean: reduction('ReduceMean', ({ b, dy, count }) => b.mul(dy, number(b, 1 / count, dy.dtype))),
  ReduceMax: reduction('ReduceMax', extreme),
  ReduceMin: reduction('ReduceMin', extreme),
  ReduceProd: reduction('ReduceProd', ({ b, x, y, dy }) => b.div(b.mul(dy, y), x)), // undefined at zeros, as the quotient says
  ReduceL1: reduction('ReduceL1', ({ b, x, dy }) => b.mul(dy, b.sign(x))),
  ReduceL2: reduction('ReduceL2', ({ b, x, y, dy }) => b.mul(dy, b.div(x, y))),
  ReduceSumSquare: reduction('ReduceSumSquare', ({ b, x, dy }) => b.mul(dy, b.mul(number(b, 2, x.dtype), x))),
  ReduceLogSum: reduction('ReduceLogSum', ({ b, y, dy }) => b.div(dy, b.exp(y))),
  ReduceLogSumExp: reduction('ReduceLogSumExp', ({ b, x, y, dy }) => b.mul(dy, b.exp(b.sub(x, y)))),
} as const;
