/** Operators that only move elements: the gradient moves them back. */
import { ndarray } from '../../../common/ndarray.ts';
import { ALL_OPSETS, NEWEST_OPSET, axisOf, cotangent, dims, input, integers, number, output, range, unsupported } from '../rule.ts';
import type { Rule } from '../rule.ts';
import type { GraphBuilder, Ref } from '../../onnx/build.ts';
import type { Op } from '../../onnx/ops.ts';

/** Gradient in the shape of the input: for every operator that keeps the order of elements. */
function reshapes<O extends Op>(op: O): Rule<O> {
  return { op, opsets: ALL_OPSETS, vjp: (c) => [c.b.reshape(cotangent(c), dims(input(c, 0))), null] };
}
export const RESHAPE = reshapes('Reshape');
export const FLATTEN = reshapes('Flatten');
export const SQUEEZE = reshapes('Squeeze');
export const UNSQUEEZE = reshapes('Unsqueeze');

export const IDENTITY: Rule<'Identity'> = { op: 'Identity', opsets: ALL_OPSETS, vjp: (c) => [cotangent(c)] };
/** Inference only: no element is dropped. */
export const DROPOUT: Rule<'Dropout'> = {
  op: 'Dropout', opsets: ALL_OPSETS,
  vjp(c) {
    const training = c.inputs[2] ?? null;
    if (training !== null && c.b.constantOf(training)?.[0] !== 0) throw unsupported(c.node, 'the inference form', 'a training mode that is or may be true');
    return [cotangent(c), null, null];
  },
};

export const CAST: Rule<'Cast'> = { op: 'Cast', opsets: ALL_OPSETS, vjp: (c) => [c.b.cast(cotangent(c), input(c, 0).dtype)] };
export const CAST_LIKE: Rule<'CastLike'> = { op: 'CastLike', opsets: [15, NEWEST_OPSET], vjp: (c) => [c.b.cast(cotangent(c), input(c, 0).dtype), null] };

export const TRANSPOSE: Rule<'Transpose'> = {
  op: 'Transpose', opsets: ALL_OPSETS,
  vjp(c) {
    const rank = dims(input(c, 0)).length, perm = c.attributes.perm ?? range(rank).reverse();
    return [c.b.transpose(cotangent(c), range(rank).map((axis) => perm.indexOf(axis)))];
  },
};

/** The walker sums over the axes that were expanded. */
export const EXPAND: Rule<'Expand'> = { op: 'Expand', opsets: ALL_OPSETS, vjp: (c) => [cotangent(c), null] };

/** Channels to blocks of places and back: each is the other's inverse, a permutation of elements. */
export const SPACE_TO_DEPTH: Rule<'SpaceToDepth'> = {
  op: 'SpaceToDepth', opsets: ALL_OPSETS, vjp: (c) => [c.b.node('DepthToSpace', [cotangent(c)], { blocksize: c.attributes.blocksize, mode: c.attributes.mode })],
};
export const DEPTH_TO_SPACE: Rule<'DepthToSpace'> = {
  op: 'DepthToSpace', opsets: ALL_OPSETS,
  vjp(c) {
    const { b } = c, { blocksize: s, mode } = c.attributes, depth = b.node('SpaceToDepth', [cotangent(c)], { blocksize: s });
    if (mode === 'DCR') return [depth];
    const [n = 1, channels = 1, height = 1, width = 1] = dims(depth); // CRD counts places inside a channel first; SpaceToDepth has that form from opset 28 on only
    return [b.reshape(b.transpose(b.reshape(depth, [n, s * s, channels / (s * s), height, width]), [0, 2, 1, 3, 4]), [n, channels, height, width])];
  },
};

/** y repeats x: dx sums the repeats. */
export const TILE: Rule<'Tile'> = {
  op: 'Tile', opsets: ALL_OPSETS,
  vjp(c) {
    const shape = dims(input(c, 0)), repeats = integers(c, 1) ?? [];
    const split = c.b.reshape(cotangent(c), shape.flatMap((extent, axis) => [repeats[axis] ?? 1, extent]));
    return [c.b.reduceSum(split, shape.map((_, axis) => 2 * axis)), null];
  },
};

export const CONCAT: Rule<'Concat'> = {
  op: 'Concat', opsets: ALL_OPSETS,
  vjp(c) {
    const rank = dims(output(c)).length, axis = axisOf(c.attributes.axis, rank);
    const sizes = c.inputs.map((_, i) => dims(input(c, i))[axis] ?? 0);
    return c.b.split(cotangent(c), sizes, axis);
  },
};

export const SPLIT: Rule<'Split'> = {
  op: 'Split', opsets: ALL_OPSETS, severalOutputs: true,
  vjp(c) {
    const { b } = c, axis = axisOf(c.attributes.axis, dims(input(c, 0)).length);
    const parts = c.outputs.map((part, i) => c.dys[i] ?? b.expand(number(b, 0, part.dtype), dims(part)));
    return [b.concat(parts, axis), null];
  },
};

/** y = x[ranges]: dx is zero outside them. Steps other than 1 are spread with zeros between. */
export const SLICE: Rule<'Slice'> = {
  op: 'Slice', opsets: ALL_OPSETS,
  vjp(c) {
    const { b } = c, shape = dims(input(c, 0));
    const starts = integers(c, 1) ?? [], axes = (integers(c, 3) ?? range(starts.length)).map((axis) => axisOf(axis, shape.length));
    const steps = integers(c, 4) ?? starts.map(() => 1);
    let dy = cotangent(c);
    const before = shape.map(() => 0), after = shape.map(() => 0);
    axes.forEach((axis, i) => {
      const extent = shape[axis] ?? 0, count = dims(output(c))[axis] ?? 0, step = steps[i] ?? 1, start = starts[i] ?? 0;
      let first = start < 0 ? Math.max(0, start + extent) : Math.min(start, step < 0 ? extent - 1 : extent);
      if (step < 0) { // the same elements, first to last
        dy = b.slice(dy, [-1], [Number.MIN_SAFE_INTEGER], [axis], [-1]);
        first += (count - 1) * step;
      }
      const stride = Math.abs(step);
      if (stride > 1) { // put stride-1 zeros after each element
        const now = dims(dy), spread = [...now.slice(0, axis + 1), 1, ...now.slice(axis + 1)];
        const wide = b.pad(b.reshape(dy, spread), spread.map(() => 0), spread.map((_, k) => (k === axis + 1 ? stride - 1 : 0)));
        dy = b.reshape(wide, now.map((size, k) => (k === axis ? size * stride : size)));
      }
      before[axis] = first;
      after[axis] = extent - first - count * stride; // negative where the zeros reach past the end: Pad then removes them
    });
    return [[...before, ...after].every((n) => n === 0) ? dy : b.pad(dy, before, after), null, null, null, null];
  },
};

/** y = x with a frame: dx is the inside; reflect and edge frames add their gradient to what they copy. */
export const PAD: Rule<'Pad'> = {
  op: 'Pad', opsets: ALL_OPSETS,
  vjp(c) {
    const { b } = c, shape = dims(input(c, 0)), given = integers(c, 1) ?? [];
    const axes = (integers(c, 3) ?? range(shape.length)).map((axis) => axisOf(axis, shape.length));
    const before = shape.map(() => 0), after = shape.map(() => 0);
    axes.forEach((axis, i) => { before[axis] = given[i] ?? 0; after[axis] = given[i + axes.length] ?? 0; });
    let dy = cotangent(c);
    if (c.attributes.mode === 'constant') {
      const inside = b.pad(dy, before.map((n) => -n), after.map((n) => -n));
      // The fill value takes what falls on the frame. Rows that a negative pad cut off come back as zeros above.
      const frame = c.needs[2] === true ? b.sub(b.reduceSum(dy, null), b.reduceSum(inside, null)) : null;
      return [inside, null, frame === null ? null : b.reshape(frame, dims(input(c, 2))), null];
    }
    // Gather form: element j of axis k was copied from source[j]; its gradient is added there by one product with a 0/1 matrix.
    shape.forEach((extent, axis) => {
      const lead = before[axis] ?? 0, tail = after[axis] ?? 0, total = extent + lead + tail;
      if (lead === 0 && tail === 0) return;
      // What a negative pad cuts off is gone before the frame is copied from what is left.
      const cut = Math.max(0, -lead), left = extent - cut - Math.max(0, -tail), matrix = new Float32Array(total * extent);
      for (let j = 0; j < total; j++) matrix[j * extent + cut + sourceOf(j - Math.max(0, lead), left, c.attributes.mode)] = 1;
      dy = alongAxis(c, dy, axis, matrix, total, extent);
    });
    return [dy, null, null, null];
  },
};

function sourceOf(position: number, extent: number, mode: string): number {
  if (mode === 'edge') return Math.min(extent - 1, Math.max(0, position));
  if (mode === 'wrap') return ((position % extent) + extent) % extent;
  const period = Math.max(1, 2 * (extent - 1)), folded = ((position % period) + period) % period;
  return folded < extent ? folded : period - folded;
}

/** Multiplies one axis of `x` (extent `from`) by a matrix `[from, to]`. */
export function alongAxis(c: { readonly b: GraphBuilder }, x: Ref, axis: number, matrix: Float32Array, from: number, to: number): Ref {
  const { b } = c, rank = dims(x).length;
  const weights = b.cast(b.constant(ndarray('float32', [from, to], matrix), 'along'), x.dtype);
  if (axis === rank - 1) return b.matMul(x, weights);
  const order = [...range(rank).filter((k) => k !== axis), axis];
  return b.transpose(b.matMul(b.transpose(x, order), weights), range(rank).map((k) => order.indexOf(k)));
}
