/** Operators that pick elements by index: the gradient is scattered back and added where an element was picked twice. */
import { sizeOf } from '../../../common/ndarray.ts';
import { ALL_OPSETS, NEWEST_OPSET, axisOf, cotangent, dims, input, number, output, range, unsupported } from '../rule.ts';
import type { Rule, RuleContext } from '../rule.ts';
import type { GraphBuilder, Ref } from '../../onnx/build.ts';

/** Zeros of this shape, to scatter into. */
function zeros(b: GraphBuilder, like: Ref, shape: readonly number[]): Ref {
  return b.expand(number(b, 0, like.dtype), shape);
}

/**
 * Rows `[picks, width]` added to zeros `[extent, width]` at `at` `[picks]`. Where a place may be met twice, element by element: the runtime's ScatterND shares rows
 * out among threads that add to the same place unguarded, and loses some.
 */
function added(b: GraphBuilder, rows: Ref, at: Ref, extent: number): Ref {
  const [picks = 0, width = 1] = dims(rows), known = b.constantOf(at), blank = zeros(b, rows, [extent, width]);
  if (known !== null && new Set(known.map((each) => axisOf(each, extent))).size === picks) return b.node('ScatterND', [blank, b.reshape(at, [picks, 1]), rows], { reduction: 'add' });
  return b.node('ScatterElements', [blank, b.expand(b.reshape(at, [picks, 1]), [picks, width]), rows], { axis: 0, reduction: 'add' });
}

/** y[.., i, ..] = x[.., index_i, ..] along one axis */
export const GATHER: Rule<'Gather'> = {
  op: 'Gather', opsets: [16, NEWEST_OPSET],
  vjp(c) {
    const { b } = c, x = input(c, 0), indices = input(c, 1), shape = dims(x), axis = axisOf(c.attributes.axis, shape.length);
    const picked = dims(indices), extent = shape[axis] ?? 0;
    const known = b.constantOf(indices);
    const rest = shape.filter((_, k) => k !== axis);
    // Axis to the front, indices flat: [picks, ...rest].
    const rank = dims(output(c)).length;
    const front = [...range(picked.length).map((k) => axis + k), ...range(rank).filter((k) => k < axis || k >= axis + picked.length)];
    const picks = picked.reduce((product, size) => product * size, 1);
    const rows = b.reshape(b.transpose(cotangent(c), front), [picks, ...rest]);
    const back = range(shape.length).map((k) => (k === axis ? 0 : k < axis ? k + 1 : k));
    if (known?.length === 1) { // one element: a pad is cheaper than a scatter
      const at = axisOf(known[0] ?? 0, extent);
      const padded = b.pad(rows, [at, ...rest.map(() => 0)], [extent - 1 - at, ...rest.map(() => 0)]);
      return [b.transpose(padded, back), null];
    }
    const spread = added(b, b.reshape(rows, [picks, sizeOf(rest)]), b.reshape(b.cast(indices, 'int64'), [picks]), extent);
    return [b.transpose(b.reshape(spread, [extent, ...rest]), back), null];
  },
};

/** y[i][j] = x[index[i][j]][j] for axis 0 */
export const GATHER_ELEMENTS: Rule<'GatherElements'> = {
  op: 'GatherElements', opsets: [16, NEWEST_OPSET],
  vjp: (c) => [c.b.node('ScatterElements', [zeros(c.b, input(c, 0), dims(input(c, 0))), input(c, 1), cotangent(c)], { axis: c.attributes.axis, reduction: 'add' }), null],
};

export const GATHER_ND: Rule<'GatherND'> = {
  op: 'GatherND', opsets: [16, NEWEST_OPSET],
  vjp(c) {
    const { b } = c, shape = dims(input(c, 0)), batch = c.attributes.batch_dims, indices = dims(input(c, 1)), lead = indices.slice(0, -1), deep = batch + (indices.at(-1) ?? 0);
    // 1. The places of one pick as one number: batch axes count along, the others as they are given.
    const strides = range(deep).map((k) => sizeOf(shape.slice(k + 1, deep)));
    const given = range(deep - batch).map((k) => b.reshape(b.slice(input(c, 1), [k], [k + 1], [lead.length]), lead));
    const parts = range(deep).map((k) => {
      const extent = b.scalar(shape[k] ?? 1, 'int64'), own = given[k - batch];
      const place = own === undefined ? b.reshape(b.integers(range(lead[k] ?? 0)), lead.map((_, axis) => (axis === k ? (lead[k] ?? 0) : 1))) : b.where(b.less(own, b.scalar(0, 'int64')), b.add(own, extent), own);
      return b.mul(place, b.scalar(strides[k] ?? 1, 'int64'));
    });
    const picks = sizeOf(lead), at = b.reshape(b.expand(parts.reduce((sum, part) => b.add(sum, part)), lead), [picks]);
    // 2. What lies behind them is one row.
    return [b.reshape(added(b, b.reshape(cotangent(c), [picks, sizeOf(shape.slice(deep))]), at, sizeOf(shape.slice(0, deep))), shape), null];
  },
};

/** The two scatter operators as functions, so that one rule serves both. */
interface Scatter {
  readonly scatter: (target: Ref, updates: Ref, reduction?: string) => Ref;
  readonly gather: (from: Ref) => Ref;
}

/**
 * y = x with some places overwritten, added to, multiplied, or replaced by an extreme.
 *   none: dx loses the places, du takes them; add: dx = dy, du = dy there;
 *   mul: dx = dy (product of the updates), du = dy y / u; min, max: the winners share dy.
 */
function scattered(c: RuleContext<'ScatterND'> | RuleContext<'ScatterElements'>, { scatter, gather }: Scatter): readonly (Ref | null)[] {
  const { b } = c, x = input(c, 0), u = input(c, 2), dy = cotangent(c), reduction = c.attributes.reduction;
  switch (reduction) {
    case 'none': return [scatter(dy, zeros(b, u, dims(u))), null, gather(dy)];
    case 'add': return [dy, null, gather(dy)];
    case 'mul': {
      const factors = scatter(b.expand(number(b, 1, x.dtype), dims(x)), u, 'mul');
      return [b.mul(dy, factors), null, c.needs[2] === true ? b.div(gather(b.mul(dy, output(c))), u) : null];
    }
    case 'min': case 'max': {
      const y = output(c), own = b.cast(b.equal(x, y), x.dtype), theirs = b.cast(b.equal(u, gather(y)), u.dtype);
      const share = b.div(dy, scatter(own, theirs, 'add'));
      return [b.mul(share, own), null, c.needs[2] === true ? b.mul(gather(share), theirs) : null];
    }
    default: throw unsupported(c.node, 'reduction none, add, mul, min or max', reduction);
  }
}

export const SCATTER_ND: Rule<'ScatterND'> = {
  op: 'ScatterND', opsets: [16, NEWEST_OPSET],
  vjp: (c) => scattered(c, {
    scatter: (target, updates, reduction) => c.b.node('ScatterND', [target, input(c, 1), updates], reduction === undefined ? {} : { reduction }),
    gather: (from) => c.b.node('GatherND', [from, input(c, 1)]),
  }),
};

export const SCATTER_ELEMENTS: Rule<'ScatterElements'> = {
  op: 'ScatterElements', opsets: [16, NEWEST_OPSET],
  vjp: (c) => scattered(c, {
    scatter: (target, updates, reduction) => c.b.node('ScatterElements', [target, input(c, 1), updates], reduction === undefined ? { axis: c.attributes.axis } : { axis: c.attributes.axis, reduction }),
    gather: (from) => c.b.node('GatherElements', [from, input(c, 1)], { axis: c.attributes.axis }),
  }),
};

/** The k largest values: each gradient goes back to where its value was. */
export const TOP_K: Rule<'TopK'> = {
  op: 'TopK', opsets: [16, NEWEST_OPSET],
  vjp: (c) => [c.b.node('ScatterElements', [zeros(c.b, input(c, 0), dims(input(c, 0))), output(c, 1), cotangent(c)], { axis: c.attributes.axis, reduction: 'add' }), null],
};

/** y_i = sum of x up to i: dx is the sum of dy from i on. */
export const CUM_SUM: Rule<'CumSum'> = {
  op: 'CumSum', opsets: ALL_OPSETS,
  vjp: (c) => [c.b.node('CumSum', [cotangent(c), input(c, 1)], { exclusive: c.attributes.exclusive, reverse: 1 - c.attributes.reverse }), null],
};

/** Keeps a triangle: dx keeps the same one. */
export const TRILU: Rule<'Trilu'> = {
  op: 'Trilu', opsets: [14, NEWEST_OPSET],
  vjp: (c) => [c.b.node('Trilu', c.inputs[1] === undefined ? [cotangent(c)] : [cotangent(c), c.inputs[1]], { upper: c.attributes.upper }), null],
};
