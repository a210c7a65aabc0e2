/** A graph as stable text, one value a line; what tests snapshot and people read. Weights are shown by type, small constants by value. */
import { sizeOf } from '../../common/ndarray.ts';
import { valueOf } from './evaluate.ts';
import type { Attribute, Graph, Initializer, Node, Subgraph, ValueInfo } from './graph.ts';
import { shapeText } from './shape-rules.ts';

/** Constants up to this many elements are printed in full. */
const SHOWN = 8;

function typeText(value: ValueInfo | Initializer): string {
  return `${value.dtype}${shapeText(value.shape)}`;
}

function number(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(7)));
}

function elements(value: Initializer): string {
  if (value.source.kind === 'external') return `= ${value.source.location} @ ${value.source.offset}`;
  const held = sizeOf(value.shape) <= SHOWN ? valueOf(value) : null;
  return held === null ? '' : `= {${held.values.map(number).join(', ')}}`;
}

function attributeText(name: string, attribute: Attribute): string {
  switch (attribute.type) {
    case 'int': return `${name}=${attribute.value}`;
    case 'float': return `${name}=${number(attribute.value)}`;
    case 'ints': case 'floats': return `${name}=[${attribute.value.map(number).join(', ')}]`;
    case 'string': return `${name}="${attribute.value}"`;
    case 'strings': return `${name}=[${attribute.value.map((text) => `"${text}"`).join(', ')}]`;
    case 'tensor': return `${name}=${typeText(attribute.value)} ${elements(attribute.value)}`.trimEnd();
    case 'graph': return `${name}={\n${bodyLines(attribute.value).map((line) => `    ${line}`).join('\n')}\n  }`;
    default: { const never: never = attribute; return never; }
  }
}

/** `y = Op(a, b) {axis=1}` */
export function printNode(node: Node): string {
  const attributes = Object.keys(node.attributes).sort().map((name) => {
    const attribute = node.attributes[name];
    return attribute === undefined ? '' : attributeText(name, attribute);
  });
  const op = node.domain === '' ? node.op : `${node.domain}.${node.op}`;
  return `${node.outputs.map((name) => name || '_').join(', ')} = ${op}(${node.inputs.map((name) => name || '_').join(', ')})${attributes.length === 0 ? '' : ` {${attributes.join(', ')}}`}`;
}

function bodyLines(body: Subgraph): string[] {
  return [
    ...body.inputs.map((value) => `in ${value.name}: ${typeText(value)}`),
    ...body.initializers.map((value) => `const ${value.name}: ${typeText(value)} ${elements(value)}`.trimEnd()),
    ...body.nodes.map(printNode),
    ...body.outputs.map((value) => `out ${value.name}: ${typeText(value)}`),
  ];
}

export function printGraph(graph: Graph): string {
  const opsets = Object.entries(graph.opsets).map(([domain, version]) => `${domain === '' ? 'onnx' : domain} ${version}`).join(', ');
  return [`graph ${graph.name} (${opsets})`, ...bodyLines(graph).map((line) => `  ${line}`), ''].join('\n');
}
