/**
 * Elementwise functions of one value: dx = dy f'(x). One line each; `y` is the forward output where the derivative is simplest in it.
 *
 * At kinks the derivative of the side towards larger x is not assumed: Relu, Abs and their kin take 0 where the function's own
 * definition gives 0, as PyTorch does (Abs: sign(0) = 0; Relu: 0 at 0).
 */
import type { GraphBuilder, Ref } from '../../onnx/build.ts';
import type { AttributesOf, Op } from '../../onnx/ops.ts';
import { ALL_OPSETS, NEWEST_OPSET, cotangent, input, number, output } from '../rule.ts';
import type { Rule } from '../rule.ts';

interface Slope<O extends Op> { readonly b: GraphBuilder; readonly x: Ref; readonly y: Ref; readonly attributes: AttributesOf<O>; readonly c: (value: number) => Ref }

function unary<O extends Op>(op: O, slope: (context: Slope<O>) => Ref, opsets: readonly [number, number] = ALL_OPSETS): Rule<O> {
  return {
    op, opsets,
    vjp(context) {
      const { b, attributes } = context;
      const x = input(context, 0);
      const derivative = slope({ b, x, y: output(context), attributes, c: (value) => number(b, value, x.dtype) });
      return [b.mul(cotangent(context), derivative)];
    },
  };
}

/** 1 where the test holds, 0 elsewhere, in the type of x. */
const indicator = (b: GraphBuilder, test: Ref, x: Ref): Ref => b.cast(test, x.dtype);
const SQRT_2 = Math.SQRT2, ROOT_2_OVER_PI = Math.sqrt(2 / Math.PI);

/** Standard normal distribution function and density. */
const phi = ({ b, x, c }: Slope<'Gelu'>): readonly [Ref, Ref] => [
  b.mul(c(0.5), b.add(c(1), b.erf(b.div(x, c(SQRT_2))))),
  b.mul(c(1 / Math.sqrt(2 * Math.PI)), b.exp(b.mul(c(-0.5), b.mul(x, x)))),
];

const geluSlope = (context: Slope<'Gelu'>): Ref => {
  const { b, x, c, attributes } = context;
  if (attributes.approximate === 'none') {
    const [distribution, density] = phi(context);
    return b.add(distribution, b.mul(x, density));
  }
  // y = x (1 + tanh u) / 2, u = sqrt(2/pi) (x + 0.044715 x^3)
  const square = b.mul(x, x);
  const t = b.tanh(b.mul(c(ROOT_2_OVER_PI), b.add(x, b.mul(c(0.044715), b.mul(square, x)))));
  const du = b.mul(c(ROOT_2_OVER_PI), b.add(c(1), b.mul(c(3 * 0.044715), square)));
  return b.mul(c(0.5), b.add(b.add(c(1), t), b.mul(b.mul(x, b.sub(c(1), b.mul(t, t))), du)));
};

const mishSlope = ({ b, x, c }: Slope<'Mish'>): Ref => {
  const t = b.tanh(b.node('Softplus', [x])); // y = x tanh(softplus x); softplus' = sigmoid
  return b.add(t, b.mul(x, b.mul(b.sub(c(1), b.mul(t, t)), b.sigmoid(x))));
};

export const UNARY_RULES = {
  Abs: unary('Abs', ({ b, x }) => b.sign(x)),
  Acos: unary('Acos', ({ b, x, c }) => b.neg(b.reciprocal(b.sqrt(b.sub(c(1), b.mul(x, x)))))),
  Acosh: unary('Acosh', ({ b, x, c }) => b.reciprocal(b.sqrt(b.sub(b.mul(x, x), c(1))))),
  Asin: unary('Asin', ({ b, x, c }) => b.reciprocal(b.sqrt(b.sub(c(1), b.mul(x, x))))),
  Asinh: unary('Asinh', ({ b, x, c }) => b.reciprocal(b.sqrt(b.add(b.mul(x, x), c(1))))),
  Atan: unary('Atan', ({ b, x, c }) => b.reciprocal(b.add(c(1), b.mul(x, x)))),
  Atanh: unary('Atanh', ({ b, x, c }) => b.reciprocal(b.sub(c(1), b.mul(x, x)))),
  Celu: unary('Celu', ({ b, x, c, attributes: { alpha } }) => b.where(b.greater(x, c(0)), c(1), b.exp(b.div(b.min(x, c(0)), c(alpha))))),
  Cos: unary('Cos', ({ b, x }) => b.neg(b.sin(x))),
  Cosh: unary('Cosh', ({ b, x }) => b.node('Sinh', [x])),
  Elu: unary('Elu', ({ b, x, y, c, attributes }) => b.where(b.greater(x, c(0)), c(1), b.add(y, c(attributes.alpha)))),
  Erf: unary('Erf', ({ b, x, c }) => b.mul(c(2 / Math.sqrt(Math.PI)), b.exp(b.neg(b.mul(x, x))))),
  Exp: unary('Exp', ({ y }) => y),
  Gelu: unary('Gelu', geluSlope, [20, NEWEST_OPSET]),
  HardSigmoid: unary('HardSigmoid', ({ b, x, y, c, attributes }) => b.mul(c(attributes.alpha), b.mul(indicator(b, b.greater(y, c(0)), x), indicator(b, b.less(y, c(1)), x)))),
  HardSwish: unary('HardSwish', ({ b, x, c }) => {
    const inside = b.mul(indicator(b, b.greater(x, c(-3)), x), indicator(b, b.less(x, c(3)), x));
    return b.add(b.mul(inside, b.add(b.mul(c(1 / 3), x), c(0.5))), indicator(b, b.greaterOrEqual(x, c(3)), x));
  }),
  LeakyRelu: unary('LeakyRelu', ({ b, x, c, attributes }) => b.add(c(attributes.alpha), b.mul(c(1 - attributes.alpha), indicator(b, b.greater(x, c(0)), x)))),
  Log: unary('Log', ({ b, x }) => b.reciprocal(x)),
  Mish: unary('Mish', mishSlope, [18, NEWEST_OPSET]),
  Neg: unary('Neg', ({ c }) => c(-1)),
  Reciprocal: unary('Reciprocal', ({ b, y }) => b.neg(b.mul(y, y))),
  Relu: unary('Relu', ({ b, x, c }) => indicator(b, b.greater(x, c(0)), x)),
  Selu: unary('Selu', ({ b, x, y, c, attributes: { alpha, gamma } }) => b.where(b.greater(x, c(0)), c(gamma), b.add(y, c(alpha * gamma)))),
  Sigmoid: unary('Sigmoid', ({ b, y, c }) => b.mul(y, b.sub(c(1), y))),
  Sin: unary('Sin', ({ b, x }) => b.cos(x)),
  Sinh: unary('Sinh', ({ b, x }) => b.node('Cosh', [x])),
  Softplus: unary('Softplus', ({ b, x }) => b.sigmoid(x)),
  Softsign: unary('Softsign', ({ b, x, c }) => { const d = b.add(c(1), b.abs(x)); return b.reciprocal(b.mul(d, d)); }),
  Sqrt: unary('Sqrt', ({ b, y, c }) => b.div(c(0.5), y)),
  Swish: unary('Swish', ({ b, x, y, c, attributes: { alpha } }) => {
    const s = b.sigmoid(b.mul(c(alpha), x)); // y = x s(alpha x): y' = s + alpha y (1 - s)
    return b.add(s, b.mul(c(alpha), b.mul(y, b.sub(c(1), s))));
  }, [24, NEWEST_OPSET]),
  Tan: unary('Tan', ({ b, y, c }) => b.add(c(1), b.mul(y, y))),
  Tanh: unary('Tanh', ({ b, y, c }) => b.sub(c(1), b.mul(y, y))),
  ThresholdedRelu: unary('ThresholdedRelu', ({ b, x, c, attributes: { alpha } }) => indicator(b, b.greater(x, c(alpha)), x)),
} as const;
