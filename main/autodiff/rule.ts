/**
 * What a gradient rule is: one operator's vector-Jacobian product, written as nodes of the standard domain.
 *
 * A rule returns one entry per input, null where no gradient flows. An entry may have the shape that the input broadcasts to:
 * the walker sums it back. Graphs are specialised to fixed shapes first, so every extent is a number.
 */
import { UserError } from '../../common/errors.ts';
import type { DType } from '../../common/ndarray.ts';
import type { GraphBuilder, Ref } from '../onnx/build.ts';
import type { Node } from '../onnx/graph.ts';
import type { AttributesOf, Op } from '../onnx/ops.ts';

export interface RuleContext<O extends Op> {
  readonly node: Node;
  readonly attributes: AttributesOf<O>;
  readonly b: GraphBuilder;
  /** Forward values; null = left out. */
  readonly inputs: readonly (Ref | null)[];
  readonly outputs: readonly Ref[];
  /** Cotangent of each output; null = nothing downstream depends on it. */
  readonly dys: readonly (Ref | null)[];
  /** The forward values were float16 and are given as float32 (`half.ts`): they carry its roundings. */
  readonly fromHalf?: true;
  /** Which inputs need a gradient. */
  readonly needs: readonly boolean[];
}

export interface Rule<O extends Op> {
  readonly op: O;
  /** Versions of the operator set, inclusive, that the rule was written for. */
  readonly opsets: readonly [number, number];
  /** True where the rule uses the cotangents of outputs after the first; otherwise the walker refuses to ask for them. */
  readonly severalOutputs?: true;
  vjp(context: RuleContext<O>): readonly (Ref | null)[];
}

/** Later versions of the standard only widen element types (onnx 1.23, schema history of every operator with a rule). */
export const NEWEST_OPSET = 28;
/** Every operator set the house reads. */
export const ALL_OPSETS = [13, NEWEST_OPSET] as const;

/** Forward value of an input that must be there. */
export function input(context: RuleContext<Op>, index: number): Ref {
  const ref = context.inputs[index];
  if (ref === null || ref === undefined) throw unsupported(context.node, `input ${index}`, 'none');
  return ref;
}

export function output(context: RuleContext<Op>, index = 0): Ref {
  const ref = context.outputs[index];
  if (ref === undefined) throw unsupported(context.node, `output ${index}`, 'none');
  return ref;
}

/** Cotangent of the first output; a rule is only asked when there is one. */
export function cotangent(context: RuleContext<Op>, index = 0): Ref {
  const ref = context.dys[index];
  if (ref === null || ref === undefined) throw unsupported(context.node, `a gradient of output ${index}`, 'none');
  return ref;
}

/** The fixed extents of a value. Throws where one is open: specialise the graph first. */
export function dims(ref: Ref): readonly number[] {
  const { shape } = ref;
  if (shape === null || !shape.every((dim) => typeof dim === 'number')) {
    throw new UserError('unsupported', `the shape of "${ref.name}" is not fixed`, { expected: 'a fixed shape', found: `[${shape?.map((dim) => dim ?? '?').join(', ') ?? '?'}]`, fix: 'Give every input a shape: --shape NAME=1x3x64x64.' });
  }
  return shape;
}

/** A number of the same element type as `like`. */
export function number(b: GraphBuilder, value: number, like: DType): Ref {
  return like === 'float64' ? b.scalar(value, 'float64') : like === 'float16' ? b.cast(b.scalar(value), 'float16') : b.scalar(value);
}

/** Integer values of a constant input (axes, sizes, pads). Throws where they are not known when the graph is read. */
export function integers(context: RuleContext<Op>, index: number): readonly number[] | null {
  const ref = context.inputs[index];
  if (ref === null || ref === undefined) return null;
  const value = context.b.constantOf(ref);
  if (value === null) throw unsupported(context.node, `a constant as input ${index} ("${ref.name}")`, 'a value that is computed');
  return value;
}

export function unsupported(node: Node, expected: string, found: string): UserError {
  return new UserError('unsupported', `no gradient of ${node.op} "${node.name}": expected ${expected}, found ${found}`, { expected, found, fix: 'Export the model without this form of the operator.' });
}

/** An axis counted from the front. */
export function axisOf(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** 0 .. count-1. */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** x itself, but not before these values are there: its shape is read together with an empty piece of each. Nothing is copied. The runtime orders nodes by what they read. */
export function tied(b: GraphBuilder, x: Ref, after: readonly Ref[]): Ref {
  const nothing = after.map((ref) => b.cast(b.slice(b.reshape(ref, [-1]), [0], [0], [0]), 'int64'));
  return b.reshape(x, b.concat([...nothing, b.integers(dims(x))], 0));
}
