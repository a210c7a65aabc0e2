/**
 * The same graph in float32 with every float16 value rounded to float16 where it is made: what a device with half-precision kernels gives, in one session
 * of the CPU provider. That provider has no such kernels; left alone it runs a half-precision graph nearly in float32 (`rounded-run.ts`, which rounds operator by
 * operator, takes a session for each of them).
 */
import { ndarray } from '../../../common/ndarray.ts';
import { halfToNumber } from '../../../main/formats/elements.ts';
import { CODE_OF } from '../../../main/onnx/element-type.ts';
import { makeGraph } from '../../../main/onnx/graph.ts';
import type { Graph, Initializer, Node, ValueInfo } from '../../../main/onnx/graph.ts';
import { inferShapes } from '../../../main/onnx/shape.ts';
import { arrayOf, initializerOf } from '../../../main/onnx/tensor.ts';

const castTo = (dtype: 'float16' | 'float32', from: string, to: string): Node => ({ op: 'Cast', domain: '', name: `${to}/cast`, inputs: [from], outputs: [to], attributes: { to: { type: 'int', value: CODE_OF[dtype] } } });
const rounding = (from: string, to: string): readonly Node[] => [castTo('float16', from, `${to}/half`), castTo('float32', `${to}/half`, to)];

const widenedInfo = (info: ValueInfo): ValueInfo => (info.dtype === 'float16' ? { ...info, dtype: 'float32' } : info);

function widenedInitializer(initializer: Initializer): Initializer {
  const { dtype, name, shape } = initializer;
  return dtype === 'float16' ? initializerOf(name, ndarray('float32', shape, Float32Array.from(arrayOf({ ...initializer, dtype }).data, halfToNumber))) : initializer;
}

/** A cast to half precision becomes one to float32, whose result is then rounded. */
function widenedNode(node: Node): Node {
  const to = node.attributes['to'];
  return node.op === 'Cast' && to?.type === 'int' && to.value === CODE_OF.float16 ? { ...node, attributes: { ...node.attributes, to: { ...to, value: CODE_OF.float32 } } } : node;
}

/** Inputs and outputs keep their names; float16 ones become float32 that is rounded on the way in. All `watched` values are outputs too. */
export function roundedGraph(graph: Graph, watched: readonly string[] = []): Graph {
  const kinds = inferShapes(graph), half = (name: string): boolean => kinds.get(name)?.dtype === 'float16';
  const fed = new Map(graph.inputs.filter(({ name }) => half(name)).map(({ name }) => [name, `${name}/rounded`]));
  const nodes = [
    ...[...fed].flatMap(([name, inner]) => rounding(name, inner)),
    ...graph.nodes.flatMap((node) => {
      if (node.op === 'Constant' && half(node.outputs[0] ?? '')) return node.outputs.flatMap((name) => [{ ...node, outputs: [`${name}/half`] }, castTo('float32', `${name}/half`, name)]);
      const exact = node.outputs.map((name) => (name !== '' && half(name) ? `${name}/exact` : name));
      return [{ ...widenedNode(node), inputs: node.inputs.map((name) => fed.get(name) ?? name), outputs: exact }, ...node.outputs.flatMap((name, i) => (exact[i] === name ? [] : rounding(exact[i] ?? '', name)))];
    }),
  ];
  const known = new Set(graph.outputs.map(({ name }) => name));
  const seen = watched.filter((name) => !known.has(name)).map((name): ValueInfo => ({ name, dtype: kinds.get(name)?.dtype ?? 'float32', shape: kinds.get(name)?.shape ?? null }));
  return makeGraph({ ...graph, nodes, inputs: graph.inputs.map(widenedInfo), outputs: [...graph.outputs, ...seen].map(widenedInfo), initializers: graph.initializers.map(widenedInitializer), valueInfos: graph.valueInfos.map(widenedInfo) });
}
