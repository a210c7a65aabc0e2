/** Elementwise operators of several values. Gradients are in the broadcast shape; the walker sums them back. */
import { ALL_OPSETS, cotangent, input, number, output } from '../rule.ts';
import type { Rule } from '../rule.ts';

/** y = a + b */
export const ADD: Rule<'Add'> = { op: 'Add', opsets: ALL_OPSETS, vjp: (c) => [cotangent(c), cotangent(c)] };

/** y = a - b */
export const SUB: Rule<'Sub'> = { op: 'Sub', opsets: ALL_OPSETS, vjp: (c) => [cotangent(c), c.needs[1] === true ? c.b.neg(cotangent(c)) : null] };

/** y = a b: da = dy b, db = dy a */
export const MUL: Rule<'Mul'> = {
  op: 'Mul', opsets: ALL_OPSETS,
  vjp: (c) => [c.needs[0] === true ? c.b.mul(cotangent(c), input(c, 1)) : null, c.needs[1] === true ? c.b.mul(cotangent(c), input(c, 0)) : null],
};

/** y = a / b: da = dy / b, db = -dy y / b */
export const DIV: Rule<'Div'> = {
  op: 'Div', opsets: ALL_OPSETS,
  vjp(c) {
    const part = c.b.div(cotangent(c), input(c, 1));
    return [part, c.needs[1] === true ? c.b.neg(c.b.mul(part, output(c))) : null];
  },
};

/** y = a^p: da = dy p a^(p-1), dp = dy y ln a (a > 0) */
export const POW: Rule<'Pow'> = {
  op: 'Pow', opsets: ALL_OPSETS,
  vjp(c) {
    const { b } = c, a = input(c, 0), dy = cotangent(c);
    const p = b.cast(input(c, 1), a.dtype);
    const known = b.constantOf(input(c, 1));
    const zero = number(b, 0, a.dtype), one = number(b, 1, a.dtype);
    if (known?.length === 1 && known[0] === 2 && c.needs[1] !== true) return [b.mul(dy, b.mul(number(b, 2, a.dtype), a)), null];
    // a^0 is 1 whatever a is, 0 included, where 0 times a^-1 would be no number.
    const less = b.sub(p, one), power = known?.every((each) => each !== 0) === true ? less : b.where(b.equal(p, zero), zero, less);
    const da = b.mul(dy, b.mul(p, b.pow(a, power)));
    // 0^p stays 0, where 0 times ln 0 would be no number.
    return [c.needs[0] === true ? da : null, c.needs[1] === true ? b.mul(dy, b.mul(output(c), b.log(b.where(b.equal(a, zero), one, a)))) : null];
  },
};

/** y = sum of all */
export const SUM: Rule<'Sum'> = { op: 'Sum', opsets: ALL_OPSETS, vjp: (c) => c.inputs.map(() => cotangent(c)) };

/** y = mean of all */
export const MEAN: Rule<'Mean'> = {
  op: 'Mean', opsets: ALL_OPSETS,
  vjp(c) {
    const share = c.b.div(cotangent(c), number(c.b, c.inputs.length, output(c).dtype));
    return c.inputs.map(() => share);
  },
};

/** The winner takes the gradient; equal winners share it. */
function extreme<O extends 'Min' | 'Max'>(op: O): Rule<O> {
  return {
    op, opsets: ALL_OPSETS,
    vjp(c) {
      const { b } = c, y = output(c), dy = cotangent(c);
      const wins = c.inputs.map((_, i) => b.cast(b.equal(input(c, i), y), y.dtype));
      const share = wins.length === 1 ? dy : b.div(dy, b.sum(...wins));
      return wins.map((win) => b.mul(share, win));
    },
  };
}
export const MIN = extreme('Min');
export const MAX = extreme('Max');

/** y = a where the test holds, else b */
export const WHERE: Rule<'Where'> = {
  op: 'Where', opsets: ALL_OPSETS,
  vjp(c) {
    const { b } = c, test = input(c, 0), dy = cotangent(c), zero = number(b, 0, dy.dtype);
    return [null, c.needs[1] === true ? b.where(test, dy, zero) : null, c.needs[2] === true ? b.where(test, zero, dy) : null];
  },
};

/** y = min(max(x, low), high): inside the limits, ends included, the gradient passes; beyond them it goes to the limit itself. */
export const CLIP: Rule<'Clip'> = {
  op: 'Clip', opsets: ALL_OPSETS,
  vjp(c) {
    const { b } = c, x = input(c, 0), dy = cotangent(c), zero = number(b, 0, dy.dtype);
    const low = c.inputs[1] ?? null, high = c.inputs[2] ?? null;
    const below = low === null ? null : b.less(x, low), above = high === null ? null : b.greater(x, high);
    let dx = dy;
    if (below !== null) dx = b.where(below, zero, dx);
    if (above !== null) dx = b.where(above, zero, dx);
    if (low === null || high === null) return [dx, below !== null && c.needs[1] === true ? b.where(below, dy, zero) : null, above !== null && c.needs[2] === true ? b.where(above, dy, zero) : null];
    const crossed = b.greater(low, high); // then y is high everywhere
    return [
      b.where(crossed, zero, dx),
      below !== null && c.needs[1] === true ? b.where(crossed, zero, b.where(below, dy, zero)) : null, above !== null && c.needs[2] === true ? b.where(crossed, dy, b.where(above, dy, zero)) : null,
    ];
  },
};

/** y = x for x > 0, slope x otherwise */
export const PRELU: Rule<'PRelu'> = {
  op: 'PRelu', opsets: ALL_OPSETS,
  vjp(c) {
    const { b } = c, x = input(c, 0), slope = input(c, 1), dy = cotangent(c), zero = number(b, 0, dy.dtype);
    const positive = b.greater(x, zero);
    return [b.where(positive, dy, b.mul(dy, slope)), c.needs[1] === true ? b.where(positive, zero, b.mul(dy, x)) : null];
  },
};

/** y = x - m floor(x / m), or with fmod x - m trunc(x / m): dx = dy, dm = -dy floor or trunc, almost everywhere */
export const MOD: Rule<'Mod'> = {
  op: 'Mod', opsets: ALL_OPSETS,
  vjp(c) {
    const { b } = c, dy = cotangent(c);
    if (c.needs[1] !== true) return [dy, null];
    const ratio = b.div(input(c, 0), input(c, 1));
    const whole = c.attributes.fmod === 1 ? b.mul(b.sign(ratio), b.node('Floor', [b.abs(ratio)])) : b.node('Floor', [ratio]);
    return [dy, b.neg(b.mul(dy, whole))];
  },
};
