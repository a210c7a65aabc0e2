/** Exposes inner tensors of a graph as outputs. */
import { UserError } from '../../../common/errors.ts';
import { makeGraph, producers } from '../graph.ts';
import type { Graph, ValueInfo } from '../graph.ts';
import { inferShapes } from '../shape.ts';
import { prune } from './prune.ts';

export interface TapOptions {
  /** Keep the graph's own outputs before the tapped ones (true unless said otherwise). Without them, what only they need is dropped. */
  readonly keepOutputs?: boolean;
}

/** Names close to what was asked, for the error message. */
function similar(graph: Graph, name: string): readonly string[] {
  const words = name.toLowerCase().split(/[^a-z0-9]+/).filter((word) => word.length > 1);
  const score = (candidate: string): number => words.filter((word) => candidate.toLowerCase().includes(word)).length;
  return [...producers(graph).keys()].filter((candidate) => score(candidate) > 0).sort((a, b) => score(b) - score(a) || a.length - b.length).slice(0, 5);
}

/**
 * The graph with these tensors as outputs, in this order after the outputs it has. A tensor that already is an output is not repeated.
 *
 * Throws `UserError` (`bad-input`) naming every tensor that does not exist, with similar names, or whose element type is not known.
 */
export function tap(graph: Graph, tensors: readonly string[], options: TapOptions = {}): Graph {
  const known = inferShapes(graph), made = producers(graph), kept = options.keepOutputs === false ? [] : graph.outputs;
  const missing = tensors.filter((name) => !made.has(name));
  if (missing.length > 0) {
    const hints = missing.flatMap((name) => similar(graph, name));
    throw new UserError('bad-input', `${graph.name} has no inner tensor ${missing.map((name) => `"${name}"`).join(', ')}`, {
      expected: `names among its ${made.size} inner tensors`, found: missing.join(', '), fix: hints.length === 0 ? 'Look at the names with a model viewer.' : `Similar names: ${[...new Set(hints)].join(', ')}.`,
    });
  }
  const added: ValueInfo[] = [];
  for (const name of tensors) {
    if ([...kept, ...added].some((output) => output.name === name)) continue;
    const operand = known.get(name);
    const declared = graph.outputs.find((output) => output.name === name);
    if (declared !== undefined) { added.push(declared); continue; }
    if (operand === undefined) {
      throw new UserError('unsupported', `the element type of "${name}" cannot be worked out`, { expected: 'known operators before it, or a declared type', found: `${made.get(name)?.op ?? 'unknown'} upstream`, fix: 'Run ONNX shape inference when exporting.' });
    }
    added.push({ name, dtype: operand.dtype, shape: operand.shape });
  }
  const declared = new Set(added.map((info) => info.name));
  return prune(makeGraph({ ...graph, outputs: [...kept, ...added], valueInfos: graph.valueInfos.filter((info) => !declared.has(info.name)) }));
}
