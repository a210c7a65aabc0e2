/**
 * Resize: every mode is separable, y = R_1 x R_2 ..., with one small matrix R_k `[out, in]` for each resized axis, so dx multiplies
 * dy by the same matrices. R_k is built as the operator's definition computes a sample (onnx/docs/Operators.md, Resize).
 * Nearest enlargement by a whole factor, which all decoders use, is a sum over blocks instead.
 */
import type { AttributesOf } from '../../onnx/ops.ts';
import { axisOf, cotangent, dims, input, integers, output, range, unsupported, ALL_OPSETS } from '../rule.ts';
import type { Rule } from '../rule.ts';
import { alongAxis } from './shape.ts';

type Attributes = AttributesOf<'Resize'>;

/** Coordinate in the input of output position `o`. */
function coordinate(o: number, extent: number, out: number, scale: number, mode: string): number | null {
  switch (mode) {
    case 'half_pixel': return (o + 0.5) / scale - 0.5;
    case 'half_pixel_symmetric': return (extent / 2) * (1 - out / (scale * extent)) + (o + 0.5) / scale - 0.5;
    case 'pytorch_half_pixel': return out > 1 ? (o + 0.5) / scale - 0.5 : 0;
    case 'align_corners': return out > 1 ? (o * (extent - 1)) / (out - 1) : 0;
    case 'asymmetric': return o / scale;
    default: return null;
  }
}

const ROUNDINGS: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5), round_prefer_ceil: (x) => Math.floor(x + 0.5), floor: Math.floor, ceil: Math.ceil,
};

/** Weights of the four samples around a coordinate with fraction t. */
function cubic(t: number, a: number): number[] {
  const near = (x: number): number => ((a + 2) * x - (a + 3)) * x * x + 1, far = (x: number): number => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return [far(1 + t), near(t), near(1 - t), far(2 - t)];
}

/** R `[out, in]`, or null for a form that is not supported. */
export function resizeMatrix(extent: number, out: number, scale: number, attributes: Attributes): Float32Array | null {
  const { mode, nearest_mode: rounding, cubic_coeff_a: a, exclude_outside: exclude, coordinate_transformation_mode: transform } = attributes;
  const matrix = new Float32Array(out * extent);
  for (let o = 0; o < out; o++) {
    const at = coordinate(o, extent, out, scale, transform);
    if (at === null) return null;
    const add = (position: number, weight: number): void => {
      const index = o * extent + Math.min(extent - 1, Math.max(0, position));
      matrix[index] = (matrix[index] ?? 0) + weight;
    };
    if (mode === 'nearest') {
      const round = ROUNDINGS[rounding];
      if (round === undefined) return null;
      add(round(at), 1);
      continue;
    }
    const base = Math.floor(at), t = at - base;
    const taps: (readonly [number, number])[] | null = mode === 'linear' ? [[base, 1 - t], [base + 1, t]] : mode === 'cubic' ? cubic(t, a).map((weight, k) => [base - 1 + k, weight]) : null;
    if (taps === null) return null;
    const kept = exclude === 1 ? taps.filter(([position]) => position >= 0 && position < extent) : taps;
    const total = exclude === 1 ? kept.reduce((sum, [, weight]) => sum + weight, 0) : 1;
    for (const [position, weight] of kept) add(position, weight / total);
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
    const scales = integers(c, 2), axes = (attributes.axes ?? range(shape.length)).map((axis) => axisOf(axis, shape.length));
    let dx = cotangent(c);
    for (const [k, axis] of axes.entries()) {
      const extent = shape[axis] ?? 1, out = result[axis] ?? 1;
      const given = scales?.[k], scale = given === undefined ? out / extent : given;
      if (extent === out && scale === 1) continue;
      if (attributes.antialias === 1 && scale < 1) throw unsupported(c.node, 'no antialiasing', 'antialias 1');
      const matrix = resizeMatrix(extent, out, scale, attributes);
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
