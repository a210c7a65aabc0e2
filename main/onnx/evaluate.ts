/**
 * Values of small constant tensors, worked out without a runtime: the arithmetic that exporters leave in graphs to compute shapes.
 *
 * A value is a list of JavaScript numbers (bool as 0/1), row-major, at most `LIMIT` elements. float32 results are rounded to float32, integers of up to 32 bits
 * wrap as the runtime's do. What would need more than 53 bits is not known: such integers are passed on ("to the end" in slices), not computed with.
 * Operators outside the table, float16, and large tensors are simply not evaluated (null).
 */
import { sizeOf } from '../../common/ndarray.ts';
import type { DType, NdArray } from '../../common/ndarray.ts';
import { dtypeOf } from './element-type.ts';
import type { Initializer, Node } from './graph.ts';
import { attributesOf } from './ops.ts';
import { arrayOf } from './tensor.ts';

/** Larger tensors are weights, not shapes. */
const LIMIT = 8192;

export interface Value {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

export function valueOf(initializer: Initializer): Value | null {
  const { dtype, shape, source } = initializer;
  if (source.kind === 'external' || dtype === 'float16' || sizeOf(shape) > LIMIT) return null;
  return valueOfArray(arrayOf(initializer));
}

function valueOfArray(array: NdArray): Value {
  return { dtype: array.dtype, shape: array.shape, values: Array.from(array.data as ArrayLike<number | bigint>, Number) };
}

export function positive(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** Row-major strides. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = (strides[i + 1] ?? 1) * (shape[i + 1] ?? 1);
  return strides;
}

/** Calls with the index vector of each element of a shape, in row-major order. */
function gather(shape: readonly number[], at: (index: readonly number[]) => number): number[] {
  const total = sizeOf(shape), index = new Array<number>(shape.length).fill(0), out: number[] = [];
  for (let n = 0; n < total; n++) {
    out.push(at(index));
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] ?? 0) + 1;
      if ((index[axis] ?? 0) < (shape[axis] ?? 0)) break;
      index[axis] = 0;
    }
  }
  return out;
}

/** Element of a value at an index of a shape it broadcasts to. */
function at(value: Value, index: readonly number[]): number {
  const strides = stridesOf(value.shape), lead = index.length - value.shape.length;
  let offset = 0;
  value.shape.forEach((extent, axis) => { offset += extent === 1 ? 0 : (index[axis + lead] ?? 0) * (strides[axis] ?? 0); });
  return value.values[offset] ?? Number.NaN;
}

export function broadcastFixed(shapes: readonly (readonly number[])[]): number[] | null {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length)), out: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    let extent = 1;
    for (const shape of shapes) {
      const own = shape[axis - rank + shape.length] ?? 1;
      if (own === 1) continue;
      if (extent !== 1 && extent !== own) return null;
      extent = own;
    }
    out.push(extent);
  }
  return out;
}

/** Elements as their type holds them, or null where that is not known: integers beyond 2^53, and numbers that no integer type holds. */
function held(dtype: DType, values: readonly number[]): number[] | null {
  if (dtype === 'float32') return values.map(Math.fround);
  if (dtype.startsWith('float') || dtype === 'bool') return [...values];
  const whole = values.map((value) => Math.trunc(value) + 0); // + 0: an integer has no -0
  if (!whole.every(Number.isSafeInteger)) return null;
  const wrap = WRAPS[dtype];
  return wrap === undefined ? whole : Array.from(wrap(whole));
}

const WRAPS: Readonly<Partial<Record<DType, (values: readonly number[]) => Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array>>> = {
  int8: (v) => Int8Array.from(v), uint8: (v) => Uint8Array.from(v), int16: (v) => Int16Array.from(v), uint16: (v) => Uint16Array.from(v), int32: (v) => Int32Array.from(v), uint32: (v) => Uint32Array.from(v),
};

function made(dtype: DType, shape: readonly number[], values: readonly number[]): readonly Value[] | null {
  const kept = held(dtype, values);
  return kept === null ? null : [{ dtype, shape, values: kept }];
}

/** True where every element is exact: floats, and integers that a number holds. */
const exact = ({ dtype, values }: Value): boolean => dtype.startsWith('float') || values.every(Number.isSafeInteger);

type Evaluator = (inputs: readonly (Value | null)[], node: Node, opset: number) => readonly Value[] | null;

function elementwise(compute: (...operands: number[]) => number, out?: DType): Evaluator {
  return (inputs) => {
    if (!inputs.every((value) => value === null || exact(value))) return null;
    const given = inputs.filter((value) => value !== null);
    const shape = broadcastFixed(given.map((value) => value.shape));
    const dtype = out ?? given[0]?.dtype;
    if (shape === null || dtype === undefined) return null;
    return made(dtype, shape, gather(shape, (index) => compute(...given.map((value) => at(value, index)))));
  };
}

/** One of the operands for each element: integers of any size. */
function choice(compute: (...operands: number[]) => number, out?: DType): Evaluator {
  return (inputs) => {
    const given = inputs.filter((value) => value !== null), shape = broadcastFixed(given.map((value) => value.shape)), dtype = out ?? given[0]?.dtype;
    return shape === null || dtype === undefined ? null : [{ dtype, shape, values: gather(shape, (index) => compute(...given.map((value) => at(value, index)))) }];
  };
}

/** Division of integers truncates; of floats does not. */
const divide: Evaluator = (inputs, node, opset) => {
  const whole = !(inputs[0]?.dtype ?? '').startsWith('float');
  return elementwise((a, b) => (whole ? Math.trunc(a / b) : a / b))(inputs, node, opset);
};

function reshaped(value: Value | null | undefined, shape: readonly number[] | null): readonly Value[] | null {
  return value === null || value === undefined || shape === null || sizeOf(shape) !== value.values.length ? null : [{ ...value, shape }];
}

function reduce(compute: (values: readonly number[]) => number): Evaluator {
  return ([value, axesInput], node) => {
    if (value === null || value === undefined) return null;
    const { axes, keepdims, noop_with_empty_axes: noop } = attributesOf('ReduceSum', node);
    const chosen = axesInput?.values ?? axes;
    if ((chosen === null || chosen.length === 0) && noop === 1) return [value];
    const over = new Set((chosen === null || chosen.length === 0 ? value.shape.map((_, axis) => axis) : chosen).map((axis) => positive(axis, value.shape.length)));
    const kept = value.shape.map((extent, axis) => (over.has(axis) ? 1 : extent)), inner = value.shape.map((extent, axis) => (over.has(axis) ? extent : 1));
    const values = gather(kept, (index) => {
      const items = gather(inner, (step) => at(value, value.shape.map((_, axis) => (over.has(axis) ? (step[axis] ?? 0) : (index[axis] ?? 0)))));
      return compute(items);
    });
    return exact(value) ? made(value.dtype, keepdims === 1 ? kept : value.shape.filter((_, axis) => !over.has(axis)), values) : null;
  };
}

/** Start, step and count of a slice of one axis, as the Slice operator clamps them. */
export function sliceRange(extent: number, start: number, end: number, step: number): { readonly first: number; readonly count: number } {
  const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value < 0 ? value + extent : value, low), high);
  const first = step > 0 ? clamp(start, 0, extent) : clamp(start, 0, extent - 1);
  const last = step > 0 ? clamp(end, 0, extent) : clamp(end, -1, extent - 1);
  return { first, count: Math.max(0, Math.ceil((last - first) / step)) };
}

/** The requested shape of Reshape with 0 and -1 resolved; null if it does not fit. */
export function reshapeTo(from: readonly number[], requested: readonly number[], allowZero: boolean): number[] | null {
  const shape = requested.map((extent, axis) => (extent === 0 && !allowZero ? (from[axis] ?? 0) : extent));
  const hole = shape.indexOf(-1);
  if (hole >= 0) {
    const rest = shape.reduce((product, extent, axis) => (axis === hole ? product : product * extent), 1);
    shape[hole] = rest === 0 ? 0 : sizeOf(from) / rest;
  }
  return shape.every((extent) => Number.isInteger(extent) && extent >= 0) && sizeOf(shape) === sizeOf(from) ? shape : null;
}

const EVALUATORS: Readonly<Record<string, Evaluator>> = {
  Constant: (_, node) => {
    const given = attributesOf('Constant', node);
    if (given.value !== null) { const value = valueOf(given.value); return value === null ? null : [value]; }
    if (given.value_int !== null) return [{ dtype: 'int64', shape: [], values: [given.value_int] }];
    if (given.value_ints !== null) return [{ dtype: 'int64', shape: [given.value_ints.length], values: given.value_ints }];
    if (given.value_float !== null) return [{ dtype: 'float32', shape: [], values: [given.value_float] }];
    if (given.value_floats !== null) return [{ dtype: 'float32', shape: [given.value_floats.length], values: given.value_floats }];
    return null;
  },
  ConstantOfShape: ([shape], node) => {
    const { value } = attributesOf('ConstantOfShape', node);
    const fill = value === null ? { dtype: 'float32' as const, shape: [1], values: [0] } : valueOf(value);
    if (shape === null || shape === undefined || fill === null || sizeOf(shape.values) > LIMIT) return null;
    return [{ dtype: fill.dtype, shape: shape.values, values: new Array<number>(sizeOf(shape.values)).fill(fill.values[0] ?? 0) }];
  },
  Identity: ([value]) => (value === null || value === undefined ? null : [value]),
  Cast: ([value], node) => {
    const dtype = dtypeOf(attributesOf('Cast', node).to);
    if (value === null || value === undefined || dtype === null || dtype === 'float16') return null;
    const convert = dtype === 'bool' ? (v: number) => (v === 0 ? 0 : 1) : dtype.startsWith('float') ? (v: number) => v : Math.trunc;
    if (dtype === value.dtype) return [value];
    return exact(value) ? made(dtype, value.shape, value.values.map(convert)) : null;
  },
  Gather: ([value, indices], node) => {
    if (!value || !indices) return null;
    const axis = positive(attributesOf('Gather', node).axis, value.shape.length);
    const shape = [...value.shape.slice(0, axis), ...indices.shape, ...value.shape.slice(axis + 1)];
    if (sizeOf(shape) > LIMIT) return null;
    const values = gather(shape, (index) => {
      const chosen = positive(at(indices, index.slice(axis, axis + indices.shape.length)), value.shape[axis] ?? 0);
      return at(value, [...index.slice(0, axis), chosen, ...index.slice(axis + indices.shape.length)]);
    });
    return [{ dtype: value.dtype, shape, values }];
  },
  Concat: (inputs, node) => {
    const given = inputs.filter((value) => value !== null), first = given[0];
    if (first === undefined || given.length !== inputs.length) return null;
    const axis = positive(attributesOf('Concat', node).axis, first.shape.length);
    const shape = first.shape.map((extent, k) => (k === axis ? given.reduce((sum, value) => sum + (value.shape[axis] ?? 0), 0) : extent));
    if (sizeOf(shape) > LIMIT) return null;
    const values = gather(shape, (index) => {
      let along = index[axis] ?? 0;
      for (const value of given) {
        const extent = value.shape[axis] ?? 0;
        if (along < extent) return at(value, index.map((i, k) => (k === axis ? along : i)));
        along -= extent;
      }
      return Number.NaN;
    });
    return [{ dtype: first.dtype, shape, values }];
  },
  Unsqueeze: ([value, axes]) => {
    if (!value || !axes) return null;
    const rank = value.shape.length + axes.values.length, at1 = new Set(axes.values.map((axis) => positive(axis, rank))), rest = [...value.shape];
    return reshaped(value, Array.from({ length: rank }, (_, axis) => (at1.has(axis) ? 1 : (rest.shift() ?? 1))));
  },
  Squeeze: ([value, axes]) => {
    if (!value) return null;
    const drop = axes?.values.map((axis) => positive(axis, value.shape.length));
    return reshaped(value, value.shape.filter((extent, axis) => (drop === undefined ? extent !== 1 : !drop.includes(axis))));
  },
  Reshape: ([value, shape], node) => (!value || !shape ? null : reshaped(value, reshapeTo(value.shape, shape.values, attributesOf('Reshape', node).allowzero === 1))),
  Expand: ([value, shape]) => {
    if (!value || !shape) return null;
    const to = broadcastFixed([value.shape, shape.values]);
    return to === null || sizeOf(to) > LIMIT ? null : [{ dtype: value.dtype, shape: to, values: gather(to, (index) => at(value, index)) }];
  },
  Transpose: ([value], node) => {
    if (!value) return null;
    const perm = attributesOf('Transpose', node).perm ?? value.shape.map((_, axis) => value.shape.length - 1 - axis);
    const shape = perm.map((axis) => value.shape[axis] ?? 0);
    return [{ dtype: value.dtype, shape, values: gather(shape, (index) => at(value, value.shape.map((_, axis) => index[perm.indexOf(axis)] ?? 0))) }];
  },
  Slice: ([value, starts, ends, axes, steps]) => {
    if (!value || !starts || !ends) return null;
    const ranges = value.shape.map((extent) => ({ first: 0, count: extent, step: 1 }));
    starts.values.forEach((start, i) => {
      const axis = positive(axes?.values[i] ?? i, value.shape.length), step = steps?.values[i] ?? 1;
      ranges[axis] = { ...sliceRange(value.shape[axis] ?? 0, start, ends.values[i] ?? 0, step), step };
    });
    const shape = ranges.map((range) => range.count);
    return [{ dtype: value.dtype, shape, values: gather(shape, (index) => at(value, index.map((i, k) => (ranges[k]?.first ?? 0) + i * (ranges[k]?.step ?? 1)))) }];
  },
  Range: ([start, limit, delta]) => {
    if (!start || !limit || !delta) return null;
    const [from = 0, to = 0, step = 1] = [start.values[0], limit.values[0], delta.values[0]];
    const count = Math.max(0, Math.ceil((to - from) / step));
    return count > LIMIT ? null : made(start.dtype, [count], Array.from({ length: count }, (_, i) => from + i * step));
  },
  Where: (inputs, node, opset) => {
    const dtype = inputs[1]?.dtype;
    return dtype === undefined ? null : choice((test, yes, no) => (test !== 0 ? yes : no), dtype)(inputs, node, opset);
  },
  Add: elementwise((a, b) => a + b), Sub: elementwise((a, b) => a - b), Mul: elementwise((a, b) => a * b), Div: divide,
  Mod: (inputs, node, opset) => elementwise(attributesOf('Mod', node).fmod === 1 ? (a, b) => a % b : (a, b) => a - b * Math.floor(a / b))(inputs, node, opset),
  Neg: elementwise((a) => -a), Abs: elementwise(Math.abs), Min: choice(Math.min), Max: choice(Math.max), Pow: elementwise((a, b) => a ** b),
  Floor: elementwise(Math.floor), Ceil: elementwise(Math.ceil), Sqrt: elementwise(Math.sqrt),
  Equal: elementwise((a, b) => (a === b ? 1 : 0), 'bool'), Less: elementwise((a, b) => (a < b ? 1 : 0), 'bool'), Greater: elementwise((a, b) => (a > b ? 1 : 0), 'bool'),
  LessOrEqual: elementwise((a, b) => (a <= b ? 1 : 0), 'bool'), GreaterOrEqual: elementwise((a, b) => (a >= b ? 1 : 0), 'bool'),
  Not: elementwise((a) => (a === 0 ? 1 : 0), 'bool'), And: elementwise((a, b) => (a !== 0 && b !== 0 ? 1 : 0), 'bool'), Or: elementwise((a, b) => (a !== 0 || b !== 0 ? 1 : 0), 'bool'),
  ReduceSum: reduce((values) => values.reduce((sum, value) => sum + value, 0)), ReduceProd: reduce((values) => values.reduce((product, value) => product * value, 1)),
  ReduceMax: reduce((values) => Math.max(...values)), ReduceMin: reduce((values) => Math.min(...values)),
};

/** Inputs that may be left out ('' or absent) do not stop an evaluation; unknown ones do. */
export function evaluate(node: Node, inputs: readonly (Value | null)[], opset: number): readonly Value[] | null {
  const evaluator = node.domain === '' ? EVALUATORS[node.op] : undefined;
  if (evaluator === undefined) return null;
  if (node.inputs.some((name, i) => name !== '' && inputs[i] === null)) return null;
  if (inputs.some((value) => value?.dtype === 'float16')) return null;
  const given = inputs.filter((value) => value !== null).map((value) => value.shape);
  if (sizeOf(broadcastFixed(given) ?? []) > LIMIT) return null;
  return evaluator(node.inputs.map((name, i) => (name === '' ? null : (inputs[i] ?? null))), node, opset);
}
