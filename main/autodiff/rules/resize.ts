/**
 * Resize: every mode is separable, y = R_1 x R_2 ..., with one small matrix R_k `[out, in]` for each resized axis, so dx multiplies
 * dy by the same matrices. R_k is built as the operator's definition computes a sample (onnx/docs/Operators.md, Resize).
 * Nearest enlargement by a whole factor, which all decoders use, is a sum over blocks instead.
 */
import type { AttributesOf } from '../../onnx/ops.ts';
import { aspect } from '../../onnx/aspect.ts';
import { axisOf, cotangent, dims, input, integers, output, range, unsupported, ALL_OPSETS } from '../rule.ts';
import type { Rule } from '../rule.ts';
import { alongAxis } from './shape.ts';

type Attributes = AttributesOf<'Resize'>;

/** One resized axis: extents, scale, and for `tf_crop_and_resize` where the region starts and ends (shares of the axis). */
export interface ResizedAxis { readonly extent: number; readonly out: number; readonly scale: number; readonly region: readonly [number, number] }

/**
 * Coordinate in the input of output position `o`, rounded to float32 after every operation, as runtimes compute it: in `nearest` a last bit decides which
 * sample is copied (4 / fround(4 / 3) is below 3, and 3 in float32).
 */
function coordinate(o: number, { extent, out, scale, region: [start, end] }: ResizedAxis, mode: string): number | null {
  const r = Math.fround, half = r(r(r(o + 0.5) / r(scale)) - 0.5);
  switch (mode) {
    case 'half_pixel': return half;
    case 'half_pixel_symmetric': return r(r(r((extent / 2) * r(1 - r(out / r(r(scale) * extent)))) + r(r(o + 0.5) / r(scale))) - 0.5);
    case 'pytorch_half_pixel': return out > 1 ? half : 0;
    case 'align_corners': return out > 1 ? r(r(o * (extent - 1)) / (out - 1)) : 0;
    case 'asymmetric': return r(o / r(scale));
    case 'tf_crop_and_resize': return out > 1 ? r(r(start * (extent - 1)) + r(r(o * r(r(end - start) * (extent - 1))) / (out - 1))) : r(0.5 * r(r(start + end) * (extent - 1)));
    default: return null;
  }
}

const ROUNDINGS: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5), round_prefer_ceil: (x) => Math.floor(x + 0.5), floor: Math.floor, ceil: Math.ceil,
};

/** Weight of a sample at distance x, in samples: a tent, or Keys' cubic with parameter a. */
const KERNELS: Readonly<Record<string, { readonly reach: number; readonly weight: (x: number, a: number) => number }>> = {
  linear: { reach: 1, weight: (x) => Math.max(0, 1 - x) },
  cubic: { reach: 2, weight: (x, a) => (x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0) },
};

/** R `[out, in]`, or null for a form that is not supported. */
export function resizeMatrix(axis: ResizedAxis, attributes: Attributes): Float32Array | null {
  const { mode, nearest_mode: rounding, cubic_coeff_a: a, exclude_outside: exclude, coordinate_transformation_mode: transform } = attributes, { extent, out, scale } = axis;
  const matrix = new Float32Array(out * extent), kernel = KERNELS[mode], round = ROUNDINGS[rounding];
  // With antialiasing the kernel widens as the picture shrinks, and its weights are made to sum to one.
  const wide = attributes.antialias === 1 && scale < 1 ? scale : 1;
  for (let o = 0; o < out; o++) {
    const at = coordinate(o, axis, transform);
    if (at === null) return null;
    if (transform === 'tf_crop_and_resize' && (at < 0 || at > extent - 1)) continue; // the extrapolation value, a constant
    const add = (position: number, weight: number): void => {
      const index = o * extent + Math.min(extent - 1, Math.max(0, position));
      matrix[index] = (matrix[index] ?? 0) + weight;
    };
    if (mode === 'nearest') {
      if (round === undefined) return null;
      add(round(at), 1);
      continue;
    }
    if (kernel === undefined) return null;
    const reach = kernel.reach / wide, taps: (readonly [number, number])[] = [];
    for (let position = Math.ceil(at - reach); position <= Math.floor(at + reach); position++) {
      if (exclude !== 1 || (position >= 0 && position < extent)) taps.push([position, kernel.weight(Math.abs(position - at) * wide, a)]);
    }
    const total = exclude === 1 || wide < 1 ? taps.reduce((sum, [, weight]) => sum + weight, 0) : 1;
    for (const [position, weight] of taps) add(position, weight / total);
  }
  return matrix;
}

/** The whole factor s if output o copies input floor(o / s), else null. */
function blockFactor(matrix: Float32Array, extent: number, out: number): number | null {
  const factor = out / extent;
  if (!Number.isInteger(factor)) return null;
  return range(out).every((o) => matrix[o * extent + Math.floor(o / factor)] === 1) ? factor : null;
}

export const RESIZE: Rule<'Resize'> = {
  op: 'Resize', opsets: ALL_OPSETS,
  vjp(c) {
    const { b, attributes } = c, shape = dims(input(c, 0)), result = dims(output(c));
    const scales = integers(c, 2), regions = integers(c, 1), order = (attributes.axes ?? range(shape.length)).map((axis) => axisOf(axis, shape.length));
    const ratio = aspect(attributes.keep_aspect_ratio_policy, order.map((axis) => shape[axis] ?? null), integers(c, 3));
    let dx = cotangent(c);
    for (const [k, axis] of order.entries()) {
      const extent = shape[axis] ?? 1, out = result[axis] ?? 1, given = scales?.[k], scale = given ?? ratio ?? out / extent;
      const region = [regions?.[k] ?? 0, regions?.[k + order.length] ?? 1] as const;
      if (extent === out && scale === 1 && region[0] === 0 && region[1] === 1) continue;
      const matrix = resizeMatrix({ extent, out, scale, region }, attributes);
      if (matrix === null) throw unsupported(c.node, 'nearest, linear or cubic with a known coordinate rule', `${attributes.mode}, ${attributes.coordinate_transformation_mode}`);
      const factor = blockFactor(matrix, extent, out);
      if (factor === null) dx = alongAxis(c, dx, axis, matrix, out, extent);
      else {
        const now = dims(dx);
        dx = b.reduceSum(b.reshape(dx, [...now.slice(0, axis), extent, factor, ...now.slice(axis + 1)]), [axis + 1]);
      }
    }
    return [dx, null, null, null];
  },
};
