/**
 * Normalisations. With n = (x - mean) r over the normalised axes, r = 1 / sqrt(var + epsilon), and g = dy scale:
 *   dx = r (g - mean(g) - n mean(g n))                       (means over the normalised axes)
 * RMS normalisation has no mean to subtract: dx = r (g - n mean(g n)), n = x r, r = 1 / sqrt(mean(x^2) + epsilon).
 * Statistics of half-precision graphs are taken in float32 (stash type 1; `half.ts` widens them).
 */
import type { GraphBuilder, Ref } from '../../onnx/build.ts';
import { ALL_OPSETS, NEWEST_OPSET, axisOf, cotangent, dims, input, number, output, range, unsupported } from '../rule.ts';
import type { Rule } from '../rule.ts';

interface Normalised { readonly n: Ref; readonly r: Ref }

/** n and r of x over these axes; `centred` false = root mean square. x in float32 or float64. */
function normalise(b: GraphBuilder, x: Ref, axes: readonly number[], epsilon: number, centred: boolean): Normalised {
  const middle = centred ? b.sub(x, b.reduceMean(x, axes, true)) : x;
  const r = b.reciprocal(b.sqrt(b.add(b.reduceMean(b.mul(middle, middle), axes, true), number(b, epsilon, x.dtype))));
  return { n: b.mul(middle, r), r };
}

function back(b: GraphBuilder, g: Ref, { n, r }: Normalised, axes: readonly number[], centred: boolean): Ref {
  const along = b.mul(n, b.reduceMean(b.mul(g, n), axes, true));
  return b.mul(r, centred ? b.sub(b.sub(g, b.reduceMean(g, axes, true)), along) : b.sub(g, along));
}

/** Layer normalisation also gives out mean and r: dmean adds dmean / N to dx, dr adds -dr r^2 n / N. */
function tail<O extends 'LayerNormalization' | 'RMSNormalization'>(op: O, opsets: readonly [number, number], centred: boolean): Rule<O> {
  return {
    op, opsets, severalOutputs: true,
    vjp(c) {
      const { b } = c, x = input(c, 0), scale = input(c, 1), given = c.dys[0] ?? null;
      const dy = given ?? b.expand(number(b, 0, x.dtype), dims(x));
      const { axis, epsilon } = c.attributes as { axis: number; epsilon: number };
      const rank = dims(x).length, axes = range(rank).filter((k) => k >= axisOf(axis, rank));
      const normalised = normalise(b, x, axes, epsilon, centred);
      const count = axes.reduce((product, axis) => product * (dims(x)[axis] ?? 1), 1), share = (ref: Ref): Ref => b.mul(b.cast(ref, x.dtype), number(b, 1 / count, x.dtype));
      const parts = [back(b, b.mul(dy, scale), normalised, axes, centred)], dMean = c.dys[1] ?? null, dDeviation = c.dys[2] ?? null;
      if (dMean !== null) parts.push(b.expand(share(dMean), dims(x)));
      if (dDeviation !== null) parts.push(b.neg(b.mul(share(dDeviation), b.mul(normalised.n, b.mul(normalised.r, normalised.r)))));
      const dx = parts.reduce((sum, part) => b.add(sum, part));
      return [c.needs[0] === true ? dx : null, c.needs[1] === true ? b.mul(dy, normalised.n) : null, c.needs[2] === true ? dy : null];
    },
  };
}
/** scale and bias have the shape of the normalised axes; the walker sums over the others. */
export const LAYER_NORMALIZATION = tail('LayerNormalization', [17, NEWEST_OPSET], true);
export const RMS_NORMALIZATION = tail('RMSNormalization', [23, NEWEST_OPSET], false);

/** Per image and channel over the spatial axes; scale and bias `[channels]`. */
export const INSTANCE_NORMALIZATION: Rule<'InstanceNormalization'> = {
  op: 'InstanceNormalization', opsets: ALL_OPSETS,
  vjp(c) {
    const { b } = c, x = input(c, 0), dy = cotangent(c), shape = dims(x), channels = shape[1] ?? 0;
    const axes = range(shape.length).slice(2), others = [0, ...axes];
    const scale = b.reshape(input(c, 1), [1, channels, ...axes.map(() => 1)]);
    const normalised = normalise(b, x, axes, c.attributes.epsilon, true);
    return [
      c.needs[0] === true ? back(b, b.mul(dy, scale), normalised, axes, true) : null,
      c.needs[1] === true ? b.reduceSum(b.mul(dy, normalised.n), others) : null, c.needs[2] === true ? b.reduceSum(dy, others) : null,
    ];
  },
};

/** Per image and group of channels. Until opset 20 scale and bias are `[groups]`, from 21 on `[channels]`. */
export const GROUP_NORMALIZATION: Rule<'GroupNormalization'> = {
  op: 'GroupNormalization', opsets: [18, NEWEST_OPSET],
  vjp(c) {
    const { b } = c, shape = dims(input(c, 0)), groups = c.attributes.num_groups, channels = shape[1] ?? 0, spatial = shape.slice(2);
    const split = [shape[0] ?? 0, groups, channels / groups, ...spatial], axes = range(split.length).slice(2);
    const x = b.reshape(input(c, 0), split), dy = b.reshape(cotangent(c), split);
    const perGroup = dims(input(c, 1))[0] === groups && c.b.opset < 21;
    const scale = b.reshape(input(c, 1), [1, groups, perGroup ? 1 : channels / groups, ...spatial.map(() => 1)]);
    const normalised = normalise(b, x, axes, c.attributes.epsilon, true);
    const parameter = (ref: Ref): Ref => b.reshape(b.reduceSum(ref, perGroup ? [0, ...axes] : [0, ...axes.slice(1)]), dims(input(c, 1)));
    return [
      c.needs[0] === true ? b.reshape(back(b, b.mul(dy, scale), normalised, axes, true), shape) : null,
      c.needs[1] === true ? parameter(b.mul(dy, normalised.n)) : null, c.needs[2] === true ? parameter(dy) : null,
    ];
  },
};

/** y = x / |x|_p along one axis, p 1 or 2; 0 where the norm is 0. dx = (dy - y' sum(dy y)) / |x|, y' = sign(x) or y. */
export const LP_NORMALIZATION: Rule<'LpNormalization'> = {
  op: 'LpNormalization', opsets: ALL_OPSETS,
  vjp(c) {
    const { b } = c, x = input(c, 0), y = output(c), dy = cotangent(c), axis = axisOf(c.attributes.axis, dims(x).length), zero = number(b, 0, x.dtype);
    const first = c.attributes.p === 1, norm = first ? b.reduceSum(b.abs(x), [axis], true) : b.sqrt(b.reduceSum(b.mul(x, x), [axis], true));
    const along = b.mul(first ? b.sign(x) : y, b.reduceSum(b.mul(dy, y), [axis], true));
    return [b.where(b.equal(norm, zero), zero, b.div(b.sub(dy, along), norm))];
  },
};

/** Inference form, y = (x - mean) r scale + bias with r = 1 / sqrt(var + epsilon): dmean = -sum(dy scale r), dvar = -sum(dy scale n r^2) / 2. */
export const BATCH_NORMALIZATION: Rule<'BatchNormalization'> = {
  op: 'BatchNormalization', opsets: [15, NEWEST_OPSET],
  vjp(c) {
    if (c.attributes.training_mode === 1) throw unsupported(c.node, 'the inference form', 'training_mode 1');
    const { b } = c, x = input(c, 0), shape = dims(x), dy = cotangent(c), others = range(shape.length).filter((k) => k !== 1);
    const perChannel = (ref: Ref): Ref => b.reshape(ref, [1, shape[1] ?? 0, ...shape.slice(2).map(() => 1)]);
    const r = perChannel(b.reciprocal(b.sqrt(b.add(input(c, 4), number(b, c.attributes.epsilon, x.dtype)))));
    const n = b.mul(b.sub(x, perChannel(input(c, 3))), r);
    const dx = b.mul(dy, b.mul(perChannel(input(c, 1)), r));
    return [
      dx, c.needs[1] === true ? b.reduceSum(b.mul(dy, n), others) : null, c.needs[2] === true ? b.reduceSum(dy, others) : null,
      c.needs[3] === true ? b.neg(b.reduceSum(dx, others)) : null,
      c.needs[4] === true ? b.mul(number(b, -0.5, x.dtype), b.reduceSum(b.mul(dx, b.mul(n, r)), others)) : null,
    ];
  },
};
