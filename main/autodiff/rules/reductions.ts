/** Reductions over axes: the gradient is spread back over what was reduced. */
import type { GraphBuilder, Ref } from '../../onnx/build.ts';
import { ALL_OPSETS, axisOf, cotangent, dims, input, integers, number, output, range } from '../rule.ts';
import type { Rule, RuleContext } from '../rule.ts';

type Reduction = 'ReduceSum' | 'ReduceMean' | 'ReduceMax' | 'ReduceMin' | 'ReduceProd' | 'ReduceL1' | 'ReduceL2' | 'ReduceSumSquare' | 'ReduceLogSum' | 'ReduceLogSumExp';

/** Over no axes (`noop_with_empty_axes`) these still take the absolute value, the square or the logarithm of each element; the others are then the identity. */
const OF_EACH: ReadonlySet<Reduction> = new Set<Reduction>(['ReduceL1', 'ReduceL2', 'ReduceSumSquare', 'ReduceLogSum']);

/** What a rule sees: x, its reduced value and cotangent with the reduced axes kept as 1, and how many elements went into one. */
interface Reduced { readonly b: GraphBuilder; readonly x: Ref; readonly y: Ref; readonly dy: Ref; readonly axes: readonly number[]; readonly count: number }

function reduction<O extends Reduction>(op: O, gradient: (r: Reduced) => Ref): Rule<O> {
  return {
    op, opsets: ALL_OPSETS,
    vjp(context) {
      const { b } = context, x = input(context, 0), shape = dims(x);
      const { axes: attribute, noop_with_empty_axes: noop } = context.attributes as RuleContext<'ReduceSum'>['attributes'];
      const given = context.inputs[1] ? integers(context, 1) : attribute;
      const none = (given === null || given.length === 0) && noop === 1;
      if (none && !OF_EACH.has(op)) return [cotangent(context), null];
      const axes = (none ? [] : given === null || given.length === 0 ? range(shape.length) : given).map((axis) => axisOf(axis, shape.length));
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

/** dy times the product of all others: that of what is not zero, over x, and zero where another one is zero. */
const product = ({ b, x, dy, axes }: Reduced): Ref => {
  const test = b.equal(x, number(b, 0, x.dtype)), others = b.where(test, number(b, 1, x.dtype), x), zeros = b.cast(test, x.dtype);
  return b.mul(b.mul(dy, b.div(b.reduceProd(others, axes, true), others)), b.cast(b.equal(b.reduceSum(zeros, axes, true), zeros), x.dtype));
};

export const REDUCTION_RULES = {
  ReduceSum: reduction('ReduceSum', ({ dy }) => dy),
  ReduceMean: reduction('ReduceMean', ({ b, dy, count }) => b.mul(dy, number(b, 1 / count, dy.dtype))),
  ReduceMax: reduction('ReduceMax', extreme),
  ReduceMin: reduction('ReduceMin', extreme),
  ReduceProd: reduction('ReduceProd', product),
  ReduceL1: reduction('ReduceL1', ({ b, x, dy }) => b.mul(dy, b.sign(x))),
  // At zero the gradient is taken as zero, as PyTorch does.
  ReduceL2: reduction('ReduceL2', ({ b, x, y, dy }) => { const zero = number(b, 0, y.dtype); return b.mul(dy, b.div(x, b.where(b.equal(y, zero), number(b, 1, y.dtype), y))); }),
  ReduceSumSquare: reduction('ReduceSumSquare', ({ b, x, dy }) => b.mul(dy, b.mul(number(b, 2, x.dtype), x))),
  ReduceLogSum: reduction('ReduceLogSum', ({ b, y, dy }) => b.div(dy, b.exp(y))),
  ReduceLogSumExp: reduction('ReduceLogSumExp', ({ b, x, y, dy }) => b.mul(dy, b.exp(b.sub(x, y)))),
} as const;
