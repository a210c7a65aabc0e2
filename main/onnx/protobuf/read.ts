/**
 * ModelProto -> Graph. Field numbers are those of onnx/onnx.proto.
 *
 * Initializers are views on the file's bytes. Fields that we do not interpret (documentation, metadata, producer details,
 * quantisation notes) are kept as wire bytes and written back. What would change the meaning is refused by name.
 */
import { UserError } from '../../../common/errors.ts';
import type { DType } from '../../../common/ndarray.ts';
import { dtypeOf, nameOfCode } from '../element-type.ts';
import { makeGraph } from '../graph.ts';
import type { Attribute, Dim, Graph, Initializer, Node, Shape, Subgraph, TensorSource, ValueInfo } from '../graph.ts';
import { byteLengthOf } from '../tensor.ts';
import { join, WireReader } from './wire.ts';

function refuse(reader: WireReader, what: string, fix: string): never {
  throw new UserError('unsupported', `${reader.file}: ${what} are not supported`, { file: reader.file, expected: 'a model without them', found: what, fix });
}

function restOf(fields: readonly Uint8Array[]): { readonly rest?: Uint8Array } {
  return fields.length === 0 ? {} : { rest: join(fields) };
}

function dtype(reader: WireReader, code: number, what: string): DType {
  const found = dtypeOf(code);
  if (found === null) refuse(reader, `${nameOfCode(code)} elements (${what})`, 'Export the model in float32 or float16.');
  return found;
}

/** TensorProto fields 5, 7, 11: numbers in varints, turned into little-endian elements. */
function packIntegers(type: DType, values: readonly bigint[]): Uint8Array {
  switch (type) {
    case 'int64': case 'uint64': return new Uint8Array(BigUint64Array.from(values).buffer);
    case 'int32': case 'uint32': return new Uint8Array(Uint32Array.from(values, (v) => Number(BigInt.asUintN(32, v))).buffer);
    case 'int16': case 'uint16': case 'float16': return new Uint8Array(Uint16Array.from(values, (v) => Number(BigInt.asUintN(16, v))).buffer);
    default: return Uint8Array.from(values, (v) => Number(BigInt.asUintN(8, v)));
  }
}

function readExternal(reader: WireReader, entries: ReadonlyMap<string, string>, name: string): TensorSource {
  const location = entries.get('location') ?? '';
  if (location === '' || location.startsWith('/') || /^[a-zA-Z]:|\\/.test(location) || location.split('/').includes('..')) {
    throw reader.error(`external data of "${name}" in the model's own folder`, `location "${location}"`, 'Export the model with weights beside the .onnx file.');
  }
  const natural = (key: string): number | null => {
    const text = entries.get(key);
    if (text === undefined) return null;
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw reader.error(`a whole number as ${key} of "${name}"`, `"${text}"`);
    return value;
  };
  return { kind: 'external', location, offset: natural('offset') ?? 0, length: natural('length') };
}

export function readTensor(reader: WireReader): Initializer {
  const shape: number[] = [], integers: bigint[] = [], chunks: Uint8Array[] = [], rest: Uint8Array[] = [];
  const entries = new Map<string, string>();
  let code = 0, name = '', raw: Uint8Array | null = null, external = false;
  while (reader.next()) {
    switch (reader.field) {
      case 1: reader.integers('a tensor extent', shape); break;
      case 2: code = reader.integer('an element type'); break;
      case 4: chunks.push(reader.fixed('float_data', 4)); break;
      case 5: case 7: case 11: reader.bigIntegers('tensor elements', integers); break;
      case 8: name = reader.text('a tensor name'); break;
      case 9: raw = reader.view('raw_data'); break;
      case 10: chunks.push(reader.fixed('double_data', 8)); break;
      case 13: {
        const entry = reader.message('external_data');
        let key = '', value = '';
        while (entry.next()) {
          if (entry.field === 1) key = entry.text('key'); else if (entry.field === 2) value = entry.text('value'); else entry.skip();
        }
        entries.set(key, value);
        break;
      }
      case 14: external = reader.integer('data_location') === 1; break;
      case 3: refuse(reader, 'tensors in segments', 'Export the model again.'); break;
      default: rest.push(reader.skip()); // 6 string_data comes with the element type "string", refused below
    }
  }
  const type = dtype(reader, code, `tensor "${name}"`);
  if (shape.some((extent) => extent < 0)) throw reader.error(`extents of "${name}" of 0 or more`, `[${shape.join(', ')}]`);
  if (external) return { name, dtype: type, shape, source: readExternal(reader, entries, name), ...restOf(rest) };
  const only = chunks[0];
  const bytes = raw ?? (only !== undefined ? (chunks.length === 1 ? only : join(chunks)) : packIntegers(type, integers));
  const expected = byteLengthOf(type, shape);
  if (bytes.length !== expected) throw reader.error(`${expected} bytes in tensor "${name}" ${type}[${shape.join(', ')}]`, `${bytes.length}`);
  return { name, dtype: type, shape, source: { kind: 'inline', bytes }, ...restOf(rest) };
}

const ATTRIBUTE_TYPES = ['undefined', 'float', 'int', 'string', 'tensor', 'graph', 'floats', 'ints', 'strings'] as const;

function readAttribute(reader: WireReader, node: string): readonly [string, Attribute] {
  let name = '', code = 0, float = 0, int = 0, text = '';
  const floats: number[] = [], ints: number[] = [], strings: string[] = [];
  let tensor: Initializer | undefined, graph: Subgraph | undefined;
  while (reader.next()) {
    switch (reader.field) {
      case 1: name = reader.text('an attribute name'); break;
      case 2: float = reader.float(`attribute ${name}`); break;
      case 3: int = reader.integer(`attribute ${name}`); break;
      case 4: text = reader.text(`attribute ${name}`); break;
      case 5: tensor = readTensor(reader.message('a tensor')); break;
      case 6: graph = readSubgraph(reader.message('a subgraph')); break;
      case 7: reader.floats(`attribute ${name}`, floats); break;
      case 8: reader.integers(`attribute ${name}`, ints); break;
      case 9: strings.push(reader.text(`attribute ${name}`)); break;
      case 13: reader.skip(); break; // documentation of an attribute: no meaning
      case 20: code = reader.integer('an attribute type'); break;
      default: refuse(reader, `attributes of another kind (field ${reader.field} of "${name}" of ${node})`, 'Export the model again with opset 17.');
    }
  }
  const type = ATTRIBUTE_TYPES[code];
  switch (type) {
    case 'float': return [name, { type, value: float }];
    case 'int': return [name, { type, value: int }];
    case 'string': return [name, { type, value: text }];
    case 'floats': return [name, { type, value: floats }];
    case 'ints': return [name, { type, value: ints }];
    case 'strings': return [name, { type, value: strings }];
    case 'tensor': if (tensor !== undefined) return [name, { type, value: tensor }]; break;
    case 'graph': if (graph !== undefined) return [name, { type, value: graph }]; break;
    default:
  }
  throw reader.error(`a value of attribute "${name}" of ${node}`, type === undefined ? `attribute type ${code}` : `an empty ${type}`);
}

function readNode(reader: WireReader): Node {
  const inputs: string[] = [], outputs: string[] = [], rest: Uint8Array[] = [], attributes: Record<string, Attribute> = {};
  const pending: WireReader[] = [];
  let name = '', op = '', domain = '';
  while (reader.next()) {
    switch (reader.field) {
      case 1: inputs.push(reader.text('an input name')); break;
      case 2: outputs.push(reader.text('an output name')); break;
      case 3: name = reader.text('a node name'); break;
      case 4: op = reader.text('an operator name'); break;
      case 5: pending.push(reader.message('an attribute')); break;
      case 7: domain = reader.text('an operator domain'); break;
      default: rest.push(reader.skip());
    }
  }
  for (const attribute of pending) {
    const [key, value] = readAttribute(attribute, `${op} "${name}"`);
    attributes[key] = value;
  }
  return { op, domain: domain === 'ai.onnx' ? '' : domain, name, inputs, outputs, attributes, ...restOf(rest) };
}

function readShape(reader: WireReader): Shape {
  const dims: Dim[] = [];
  while (reader.next()) {
    if (reader.field !== 1) { reader.skip(); continue; }
    const dim = reader.message('an extent');
    let value: Dim = null;
    while (dim.next()) {
      if (dim.field === 1) value = dim.integer('an extent'); else if (dim.field === 2) value = dim.text('an extent name'); else dim.skip();
    }
    dims.push(value === '' || (typeof value === 'number' && value < 0) ? null : value);
  }
  return dims;
}

/** Null if the value is not a tensor (sequence, map, optional). */
function readValueInfo(reader: WireReader): { readonly name: string; readonly info: ValueInfo | null } {
  let name = '', code: number | null = null, shape: Shape = null;
  const rest: Uint8Array[] = [];
  while (reader.next()) {
    if (reader.field === 1) { name = reader.text('a value name'); continue; }
    if (reader.field !== 2) { rest.push(reader.skip()); continue; }
    const type = reader.message('a type');
    while (type.next()) {
      if (type.field !== 1) { type.skip(); continue; }
      const tensor = type.message('a tensor type');
      while (tensor.next()) {
        if (tensor.field === 1) code = tensor.integer('an element type');
        else if (tensor.field === 2) shape = readShape(tensor.message('a shape'));
        else tensor.skip();
      }
    }
  }
  const found = code === null ? null : dtypeOf(code);
  return { name, info: found === null ? null : { name, dtype: found, shape, ...restOf(rest) } };
}

function boundary(reader: WireReader, what: string): ValueInfo {
  const { name, info } = readValueInfo(reader.message(what));
  if (info === null) refuse(reader, `${what} values that are not number tensors ("${name}")`, 'Export the model with tensor inputs and outputs.');
  return info;
}

function readSubgraph(reader: WireReader): Subgraph {
  const nodes: Node[] = [], initializers: Initializer[] = [], inputs: ValueInfo[] = [], outputs: ValueInfo[] = [], valueInfos: ValueInfo[] = [];
  const rest: Uint8Array[] = [];
  let name = '';
  while (reader.next()) {
    switch (reader.field) {
      case 1: nodes.push(readNode(reader.message('a node'))); break;
      case 2: name = reader.text('a graph name'); break;
      case 5: initializers.push(readTensor(reader.message('an initializer'))); break;
      case 11: inputs.push(boundary(reader, 'input')); break;
      case 12: outputs.push(boundary(reader, 'output')); break;
      case 13: { const { info } = readValueInfo(reader.message('a value')); if (info !== null) valueInfos.push(info); break; } // an inner sequence needs no declaration
      case 15: refuse(reader, 'sparse initializers', 'Export the model with dense weights.'); break;
      default: rest.push(reader.skip());
    }
  }
  return { name, nodes, initializers, inputs, outputs, valueInfos, ...restOf(rest) };
}

/**
 * A model file as a graph. `file` is only for messages. Throws `FormatError` for damaged bytes and `UserError`
 * (`unsupported`) for functions, sparse tensors, training info and element types outside the house's.
 */
export function readModel(bytes: Uint8Array, file: string): Graph {
  const reader = new WireReader(bytes, file);
  const opsets: Record<string, number> = {}, rest: Uint8Array[] = [];
  let irVersion = 0, producer = '', body: Subgraph | undefined;
  while (reader.next()) {
    switch (reader.field) {
      case 1: irVersion = reader.integer('the IR version'); break;
      case 2: producer = reader.text('the producer'); break;
      case 7: body = readSubgraph(reader.message('the graph')); break;
      case 8: {
        const entry = reader.message('an opset import');
        let domain = '', version = 0;
        while (entry.next()) {
          if (entry.field === 1) domain = entry.text('a domain'); else if (entry.field === 2) version = entry.integer('a version'); else entry.skip();
        }
        opsets[domain === 'ai.onnx' ? '' : domain] = version;
        break;
      }
      case 20: refuse(reader, 'training graphs', 'Export the inference model.'); break;
      case 25: refuse(reader, `model-local functions (${functionName(reader.message('a function'))})`, 'Inline them when exporting (for PyTorch: optimize=True, or onnx.inliner).'); break;
      default: rest.push(reader.skip());
    }
  }
  if (body === undefined || irVersion === 0) throw reader.error('an ONNX model (an IR version and a graph)', body === undefined ? 'no graph' : 'no IR version');
  const modelRest = rest.length === 0 ? {} : { modelRest: join(rest) };
  return makeGraph({ ...body, irVersion, opsets, producer, ...modelRest }, file);
}

function functionName(reader: WireReader): string {
  while (reader.next()) {
    if (reader.field === 1) return reader.text('a function name');
    reader.skip();
  }
  return 'unnamed';
}
