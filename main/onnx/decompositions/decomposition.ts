/** What a decomposition is: one fused node written out in standard operators, for graphs of fixed shapes. */
import { UserError } from '../../../common/errors.ts';
import type { GraphBuilder, Ref } from '../build.ts';
import type { Attribute, Node } from '../graph.ts';

export interface FusedNode {
  readonly node: Node;
  readonly b: GraphBuilder;
  /** null = left out. */
  readonly inputs: readonly (Ref | null)[];
}

/** One reference per output of the node; null for an output that nobody may ask for. Throws `UserError` (`unsupported`) for forms it does not know. */
export type Decomposition = (fused: FusedNode) => readonly (Ref | null)[];

export function refused({ node }: FusedNode, expected: string, found: string): UserError {
  const name = `${node.domain === '' ? '' : `${node.domain}.`}${node.op} "${node.name}"`;
  return new UserError('unsupported', `${name} cannot be written out in standard operators: expected ${expected}, found ${found}`, { expected, found, fix: 'Export the model without this fused operator.' });
}

export function needed(fused: FusedNode, index: number): Ref {
  const ref = fused.inputs[index];
  if (ref === null || ref === undefined) throw refused(fused, `input ${index}`, 'none');
  return ref;
}

export function optional(fused: FusedNode, index: number): Ref | null {
  return fused.inputs[index] ?? null;
}

/** Fixed extents. */
export function extents(fused: FusedNode, ref: Ref): readonly number[] {
  if (ref.shape === null || !ref.shape.every((dim) => typeof dim === 'number')) throw refused(fused, `a fixed shape of "${ref.name}"`, 'an open one');
  return ref.shape;
}

/** Attribute of an operator that is not in the standard table. */
export function numberOf(fused: FusedNode, name: string, fallback: number | null): number {
  const attribute: Attribute | undefined = fused.node.attributes[name];
  if (attribute === undefined && fallback !== null) return fallback;
  if (attribute?.type !== 'int' && attribute?.type !== 'float') throw refused(fused, `a number as ${name}`, attribute?.type ?? 'none');
  return attribute.value;
}

/** A number in the element type of another value. */
export function constantLike(b: GraphBuilder, value: number, like: Ref): Ref {
  return like.dtype === 'float64' ? b.scalar(value, 'float64') : like.dtype === 'float16' ? b.cast(b.scalar(value), 'float16') : b.scalar(value);
}
