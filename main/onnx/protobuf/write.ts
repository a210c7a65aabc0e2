/** Graph -> ModelProto. Field numbers are those of onnx/onnx.proto. Weights are referred to, not copied, until the pieces are joined. */
import { CODE_OF } from '../element-type.ts';
import type { Attribute, Graph, Initializer, Node, Subgraph, ValueInfo } from '../graph.ts';
import { byteLengthOf } from '../tensor.ts';
import { join, WireWriter } from './wire.ts';

function tensor(value: Initializer): WireWriter {
  const out = new WireWriter();
  for (const extent of value.shape) out.integer(1, extent);
  out.integer(2, CODE_OF[value.dtype]).text(8, value.name);
  if (value.source.kind === 'inline') out.view(9, value.source.bytes);
  else {
    const { location, offset, length } = value.source;
    const entries = { location, offset, length: length ?? byteLengthOf(value.dtype, value.shape) };
    for (const [key, entry] of Object.entries(entries)) out.message(13, new WireWriter().text(1, key).text(2, String(entry)));
    out.integer(14, 1);
  }
  return out.raw(value.rest);
}

/** `i` of AttributeProto.type, then the value field. */
function attribute(name: string, value: Attribute): WireWriter {
  const out = new WireWriter().text(1, name);
  switch (value.type) {
    case 'float': return out.float(2, value.value).integer(20, 1);
    case 'int': return out.integer(3, value.value).integer(20, 2);
    case 'string': return out.text(4, value.value).integer(20, 3);
    case 'tensor': return out.message(5, tensor(value.value)).integer(20, 4);
    case 'graph': return out.message(6, subgraph(value.value)).integer(20, 5);
    case 'floats': for (const item of value.value) out.float(7, item); return out.integer(20, 6);
    case 'ints': for (const item of value.value) out.integer(8, item); return out.integer(20, 7);
    case 'strings': for (const item of value.value) out.text(9, item); return out.integer(20, 8);
    default: { const never: never = value; return never; }
  }
}

function node(value: Node): WireWriter {
  const out = new WireWriter();
  for (const name of value.inputs) out.text(1, name);
  for (const name of value.outputs) out.text(2, name);
  if (value.name !== '') out.text(3, value.name);
  out.text(4, value.op);
  for (const [name, item] of Object.entries(value.attributes)) out.message(5, attribute(name, item));
  if (value.domain !== '') out.text(7, value.domain);
  return out.raw(value.rest);
}

function valueInfo(value: ValueInfo): WireWriter {
  const type = new WireWriter().integer(1, CODE_OF[value.dtype]);
  if (value.shape !== null) {
    const shape = new WireWriter();
    for (const dim of value.shape) {
      const extent = new WireWriter();
      if (typeof dim === 'number') extent.integer(1, dim); else if (dim !== null) extent.text(2, dim);
      shape.message(1, extent);
    }
    type.message(2, shape);
  }
  return new WireWriter().text(1, value.name).message(2, new WireWriter().message(1, type)).raw(value.rest);
}

function subgraph(value: Subgraph): WireWriter {
  const out = new WireWriter();
  for (const item of value.nodes) out.message(1, node(item));
  out.text(2, value.name);
  for (const item of value.initializers) out.message(5, tensor(item));
  for (const item of value.inputs) out.message(11, valueInfo(item));
  for (const item of value.outputs) out.message(12, valueInfo(item));
  for (const item of value.valueInfos) out.message(13, valueInfo(item));
  return out.raw(value.rest);
}

/** The file as pieces to be written one after the other; weights are the graph's own views. */
export function modelPieces(graph: Graph): readonly Uint8Array[] {
  const out = new WireWriter().integer(1, graph.irVersion).text(2, graph.producer).message(7, subgraph(graph));
  for (const [domain, version] of Object.entries(graph.opsets)) out.message(8, new WireWriter().text(1, domain).integer(2, version));
  return out.raw(graph.modelRest).pieces;
}

/** The file in one array (below 2 GiB; larger weights belong in external data). */
export function writeModel(graph: Graph): Uint8Array {
  return join(modelPieces(graph));
}
