/** Pooling. */
import { ndarray } from '../../../common/ndarray.ts';
import { ALL_OPSETS, NEWEST_OPSET, cotangent, dims, input, number, output, range, unsupported } from '../rule.ts';
import type { Rule, RuleContext } from '../rule.ts';
import { alongAxis } from './shape.ts';

export const GLOBAL_AVERAGE_POOL: Rule<'GlobalAveragePool'> = {
  op: 'GlobalAveragePool', opsets: ALL_OPSETS,
  vjp(c) {
    const shape = dims(input(c, 0)), count = shape.slice(2).reduce((product, extent) => product * extent, 1);
    return [c.b.expand(c.b.mul(cotangent(c), number(c.b, 1 / count, cotangent(c).dtype)), shape)];
  },
};

/** The largest of each channel; equal ones share its gradient. */
export const GLOBAL_MAX_POOL: Rule<'GlobalMaxPool'> = {
  op: 'GlobalMaxPool', opsets: ALL_OPSETS,
  vjp(c) {
    const { b } = c, x = input(c, 0), wins = b.cast(b.equal(x, output(c)), x.dtype);
    return [b.mul(wins, b.div(cotangent(c), b.reduceSum(wins, range(dims(x).length).slice(2), true)))];
  },
};

interface Axis { readonly extent: number; readonly out: number; readonly kernel: number; readonly stride: number; readonly dilation: number; readonly before: number; readonly after: number }

function axesOf(c: RuleContext<'AveragePool'> | RuleContext<'MaxPool'>): Axis[] {
  const { kernel_shape, strides, dilations, pads, auto_pad: auto } = c.attributes, image = dims(input(c, 0)).slice(2), out = dims(output(c)).slice(2);
  return image.map((extent, k) => {
    const axis = { extent, out: out[k] ?? 0, kernel: kernel_shape?.[k] ?? 1, stride: strides?.[k] ?? 1, dilation: dilations?.[k] ?? 1 };
    if (auto === 'NOTSET') return { ...axis, before: pads?.[k] ?? 0, after: pads?.[k + image.length] ?? 0 };
    if (auto === 'VALID') return { ...axis, before: 0, after: 0 };
    const total = Math.max(0, (axis.out - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1 - extent), small = Math.floor(total / 2);
    return auto === 'SAME_UPPER' ? { ...axis, before: small, after: total - small } : { ...axis, before: total - small, after: small };
  });
}

/** A mean over a window is a product of means along each axis: y = M1 x M2^T, so dx = M1^T dy M2. */
export const AVERAGE_POOL: Rule<'AveragePool'> = {
  op: 'AveragePool', opsets: ALL_OPSETS,
  vjp(c) {
    const axes = axesOf(c), padded = c.attributes.count_include_pad === 1;
    let dx = cotangent(c);
    axes.forEach(({ extent, out, kernel, stride, dilation, before, after }, k) => {
      const matrix = new Float32Array(out * extent);
      for (let o = 0; o < out; o++) {
        const reached = range(kernel).map((i) => o * stride - before + i * dilation);
        const inside = reached.filter((position) => position >= 0 && position < extent);
        // With ceil_mode a window may reach past the padding; those places never count.
        const count = padded ? reached.filter((position) => position >= -before && position < extent + after).length : inside.length;
        for (const position of inside) matrix[o * extent + position] = 1 / count;
      }
      dx = alongAxis(c, dx, k + 2, matrix, out, extent);
    });
    return [dx];
  },
};

/** The winner of each window takes its gradient: indices from the operator itself, scattered with addition. */
export const MAX_POOL: Rule<'MaxPool'> = {
  op: 'MaxPool', opsets: [16, NEWEST_OPSET],
  vjp(c) {
    const { b } = c, x = input(c, 0), shape = dims(x), dy = cotangent(c);
    const { kernel_shape, strides, dilations, pads, ceil_mode, auto_pad } = c.attributes;
    // Column-major indices count only the spatial axes the other way round; ours are asked for instead.
    const indices = (c.attributes.storage_order === 0 ? c.outputs[1] : undefined) ?? b.nodes('MaxPool', [x], { kernel_shape, strides, dilations, pads, ceil_mode, auto_pad }, 2)[1];
    if (indices === undefined) throw unsupported(c.node, 'indices', 'none');
    const total = shape.reduce((product, extent) => product * extent, 1), count = dims(dy).reduce((product, extent) => product * extent, 1);
    const zero = b.cast(b.constant(ndarray('float32', [1], new Float32Array(1))), x.dtype);
    const spread = b.node('ScatterElements', [b.expand(zero, [total]), b.reshape(indices, [count]), b.reshape(dy, [count])], { axis: 0, reduction: 'add' });
    return [b.reshape(spread, shape)];
  },
};
