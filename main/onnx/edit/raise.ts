/**
 * Stamps a graph of opset 13 to 16 with opset 17, so that operators of 14 to 17 may be added to it (scatter with addition, for one).
 *
 * Allowed because no operator of the house's table changed its meaning between 13 and 17, only element types were added, with one exception,
 * BatchNormalization in training form, which is refused here. Source: onnx/docs/Changelog.md. Later versions do change inputs and are left as they are.
 */
import { UserError } from '../../../common/errors.ts';
import { makeGraph, opsetOf } from '../graph.ts';
import type { Graph } from '../graph.ts';

const FROM = 13, TO = 17;
/** IR version that opset 17 was released with. */
const IR_VERSION = 8;

export function raiseOpset(graph: Graph): Graph {
  const opset = opsetOf(graph);
  if (opset < FROM || opset >= TO) return graph;
  const training = graph.nodes.find((node) => node.op === 'BatchNormalization' && node.domain === '' && node.outputs.length > 1);
  if (training !== undefined) throw new UserError('unsupported', `BatchNormalization "${training.name}" is in training form`, { expected: 'the inference form', found: `${training.outputs.length} outputs`, fix: 'Export the model for inference.' });
  return makeGraph({ ...graph, irVersion: Math.max(graph.irVersion, IR_VERSION), opsets: { ...graph.opsets, '': TO } });
}
