/** Fused operators of optimised exports, written out, against the runtime's own kernels; and what is refused, by name. */
import { describe, expect, it } from 'vitest';
import { f32, sizeOf } from '../../../common/ndarray.ts';
import { random } from '../../../common/random.ts';
import { vjp } from '../../../main/autodiff/backward.ts';
import { FUSED } from '../../../main/onnx/decompositions/fused.ts';
import { decompose } from '../../../main/onnx/edit/decompose.ts';
import { makeGraph } from '../../../main/onnx/graph.ts';
import type { Attribute, Graph, Node } from '../../../main/onnx/graph.ts';
import { printGraph } from '../../../main/onnx/print.ts';
import { writeModel } from '../../../main/onnx/protobuf/write.ts';
import { openSession } from '../../../main/runtime/session.ts';
import { expectClose } from '../../support/close.ts';

const FUSED_DOMAIN = 'com.microsoft';
/** float32 sums in another order. */
const AGREEMENT = { absolute: 2e-5, relative: 2e-5 };
const SEED = 7;

interface Form {
  readonly op: string;
  readonly title: string;
  /** Shape of each input; null = left out. */
  readonly shapes: readonly (readonly number[] | null)[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly outputs?: readonly string[];
}

const int = (value: number): Attribute => ({ type: 'int', value });
const float = (value: number): Attribute => ({ type: 'float', value });

const FORMS: readonly Form[] = [
  { op: 'Gelu', title: 'plain', shapes: [[2, 3, 4]] }, { op: 'BiasGelu', title: 'plain', shapes: [[2, 3, 4], [4]] },
  { op: 'FastGelu', title: 'plain', shapes: [[2, 3, 4]] }, { op: 'FastGelu', title: 'with bias', shapes: [[2, 3, 4], [4]] },
  { op: 'QuickGelu', title: 'of CLIP', shapes: [[2, 3, 4]] }, { op: 'QuickGelu', title: 'another slope', shapes: [[2, 3]], attributes: { alpha: float(1) } },
  { op: 'FusedMatMul', title: 'turned and scaled', shapes: [[2, 4, 3], [2, 5, 4]], attributes: { transA: int(1), transB: int(1), alpha: float(0.3) } },
  { op: 'SkipLayerNormalization', title: 'with both biases and the sum', shapes: [[2, 3, 8], [2, 3, 8], [8], [8], [8]], attributes: { epsilon: float(1e-5) }, outputs: ['y', '', '', 'sum'] },
  { op: 'SkipSimplifiedLayerNormalization', title: 'plain', shapes: [[2, 3, 8], [2, 3, 8], [8]], attributes: { epsilon: float(1e-5) } },
  { op: 'MultiHeadAttention', title: 'self', shapes: [[2, 5, 8], [2, 5, 8], [2, 5, 8]], attributes: { num_heads: int(2) } },
  { op: 'MultiHeadAttention', title: 'cross with bias', shapes: [[2, 5, 8], [2, 3, 8], [2, 3, 12], [28]], attributes: { num_heads: int(4) } },
  { op: 'MultiHeadAttention', title: 'with added bias', shapes: [[2, 5, 8], [2, 3, 8], [2, 3, 8], null, null, [1, 2, 5, 3]], attributes: { num_heads: int(2), scale: float(0.2) } },
  { op: 'Attention', title: 'one projection, causal', shapes: [[2, 5, 8], [8, 24], [24]], attributes: { num_heads: int(2), unidirectional: int(1) } },
];

function fusedGraph(form: Form): Graph {
  const node: Node = { op: form.op, domain: FUSED_DOMAIN, name: 'fused', inputs: form.shapes.map((shape, i) => (shape === null ? '' : `x${i}`)), outputs: form.outputs ?? ['y'], attributes: form.attributes ?? {} };
  return makeGraph({
    name: 'fused', irVersion: 8, opsets: { '': 17, [FUSED_DOMAIN]: 1 }, producer: 'test', nodes: [node], initializers: [], valueInfos: [],
    inputs: form.shapes.flatMap((shape, i) => (shape === null ? [] : [{ name: `x${i}`, dtype: 'float32' as const, shape }])),
    outputs: node.outputs.filter((name) => name !== '').map((name) => ({ name, dtype: 'float32', shape: null })),
  });
}

describe('written out, a fused operator computes what the runtime\'s kernel computes', () => {
  it.each(FORMS)('$op: $title', async (form) => {
    const graph = fusedGraph(form), plain = decompose(graph), source = random(SEED);
    expect(plain.nodes.every((node) => node.domain === '')).toBe(true);
    const feeds = Object.fromEntries(graph.inputs.map(({ name, shape }) => { const dims = (shape ?? []).map(Number); return [name, f32(dims, Float32Array.from({ length: sizeOf(dims) }, () => source.normal()))]; }));
    const [fused, written] = [await openSession({ bytes: writeModel(graph), name: form.op }, { threads: 1 }), await openSession({ bytes: writeModel(plain), name: form.op }, { threads: 1 })];
    const [expected, found] = [await fused.run(feeds), await written.run(feeds)];
    await Promise.all([fused.release(), written.release()]);
    for (const { name } of graph.outputs) {
      expect(found[name]?.shape).toEqual(expected[name]?.shape);
      expectClose(found[name]?.data as Float32Array, expected[name]?.data as Float32Array, AGREEMENT, SEED);
    }
    expect(vjp(graph, { wrt: ['x0'] }).outputs.at(-1)).toMatchObject({ name: 'x0_grad', shape: form.shapes[0] });
  });

  it('every form of the table is tried', () => { expect(Object.keys(FUSED).filter((op) => !FORMS.some((form) => form.op === op))).toEqual([]); });
});

describe('what cannot be differentiated is refused by name, with the way there', () => {
  const around = (node: Omit<Node, 'name' | 'inputs' | 'outputs'>): Graph => makeGraph({
    name: 'model', irVersion: 8, opsets: { '': 17, [FUSED_DOMAIN]: 1 }, producer: 'test', initializers: [], valueInfos: [{ name: 'hidden', dtype: 'float32', shape: [2, 3, 4] }],
    inputs: [{ name: 'x', dtype: 'float32', shape: [2, 3, 4] }], outputs: [{ name: 'loss', dtype: 'float32', shape: [2, 3, 4] }],
    nodes: [
      { op: 'Relu', domain: '', name: 'before', inputs: ['x'], outputs: ['input'], attributes: {} }, { ...node, name: 'odd', inputs: ['input'], outputs: ['hidden'] },
      { op: 'Tanh', domain: '', name: 'after', inputs: ['hidden'], outputs: ['loss'], attributes: {} },
    ],
  });

  it.each([['NhwcConv', FUSED_DOMAIN], ['GroupNorm', FUSED_DOMAIN], ['GridSample', '']])('%s', (op, domain) => {
    expect(() => vjp(around({ op, domain, attributes: {} }), { wrt: ['x'] })).toThrow(expect.objectContaining({ kind: 'unsupported', message: expect.stringContaining(`${op} "odd"`) as string, detail: expect.objectContaining({ found: expect.stringContaining('loss <- hidden') as string }) as object }) as Error);
  });

  it('control flow', () => {
    const body = { name: 'body', nodes: [], initializers: [], inputs: [], outputs: [{ name: 'input', dtype: 'float32' as const, shape: [2, 3, 4] }], valueInfos: [] };
    const attributes: Record<string, Attribute> = { then_branch: { type: 'graph', value: body }, else_branch: { type: 'graph', value: body } };
    for (const op of ['If', 'Loop', 'Scan']) expect(() => vjp(around({ op, domain: '', attributes }), { wrt: ['x'] })).toThrow(/control flow/);
  });

  it('a form of a fused operator that is not covered', () => {
    expect(() => decompose(fusedGraph({ op: 'Attention', title: '', shapes: [[2, 5, 32], [32, 96], [96]], attributes: { num_heads: int(2), do_rotary: int(1) } }))).toThrow(/com\.microsoft\.Attention "fused" cannot be written out.*do_rotary/);
    expect(() => decompose(fusedGraph({ op: 'MultiHeadAttention', title: '', shapes: [[2, 5, 2, 3, 4]], attributes: { num_heads: int(2) } }))).toThrow(/com\.microsoft\.MultiHeadAttention "fused" cannot be written out.*input 1/);
  });
});

it('the Attention operator is written out as products, a softmax and nothing else where there is no mask', () => {
  const graph = makeGraph({
    name: 'attention', irVersion: 10, opsets: { '': 23 }, producer: 'test', initializers: [], valueInfos: [],
    inputs: ['q', 'k', 'v'].map((name) => ({ name, dtype: 'float32', shape: [1, 2, 3, 4] })), outputs: [{ name: 'y', dtype: 'float32', shape: null }],
    nodes: [{ op: 'Attention', domain: '', name: '', inputs: ['q', 'k', 'v'], outputs: ['y'], attributes: {} }],
  });
  expect(printGraph(decompose(graph))).toMatchInlineSnapshot(`
    "graph attention (onnx 23)
      in q: float32[1, 2, 3, 4]
      in k: float32[1, 2, 3, 4]
      in v: float32[1, 2, 3, 4]
      const scalar: float32[] = {0.7071068}
      const scalar_1: float32[] = {0}
      mul = Mul(q, scalar)
      mul_1 = Mul(k, scalar)
      transpose = Transpose(mul_1) {perm=[0, 1, 3, 2]}
      matMul = MatMul(mul, transpose)
      softmax = Softmax(matMul) {axis=-1}
      matMul_1 = MatMul(softmax, v)
      y = Identity(matMul_1)
      out y: float32[?]
    "
  `);
});
