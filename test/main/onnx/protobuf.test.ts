import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { graphBuilder } from '../../../main/onnx/build.ts';
import { UserError } from '../../../common/errors.ts';
import { f32 } from '../../../common/ndarray.ts';
import { random } from '../../../common/random.ts';
import { capturedBy, feedsOf } from '../../../main/onnx/graph.ts';
import type { Graph, Initializer } from '../../../main/onnx/graph.ts';
import { printGraph } from '../../../main/onnx/print.ts';
import { readModel } from '../../../main/onnx/protobuf/read.ts';
import { WireReader, WireWriter, join } from '../../../main/onnx/protobuf/wire.ts';
import { writeModel } from '../../../main/onnx/protobuf/write.ts';
import { arrayOf } from '../../../main/onnx/tensor.ts';
import { externalise } from '../../../main/onnx/edit/externalise.ts';

const file = new Uint8Array(readFileSync(new URL('../../golden/onnx/odd.onnx', import.meta.url)));

function initializer(graph: Graph, name: string): Initializer {
  const found = graph.initializers.find((value) => value.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

describe('the wire format', () => {
  it.each([0, 1, 127, 128, 300, 2 ** 31, 2 ** 32, 2 ** 53 - 1, -1, -128, -(2 ** 31) - 1, -(2 ** 53) + 1])('round-trips the integer %s', (value) => {
    const reader = new WireReader(join(new WireWriter().integer(3, value).pieces), 'test');
    expect(reader.next()).toBe(true);
    expect([reader.field, reader.integer('value')]).toEqual([3, value]);
    expect(reader.next()).toBe(false);
  });

  it('refuses integers that JavaScript cannot hold exactly', () => {
    const reader = new WireReader(join(new WireWriter().integer(1, 2n ** 60n).pieces), 'test');
    reader.next();
    expect(() => reader.integer('value')).toThrow(/2\^53/);
  });

  it('refuses a length beyond the file', () => {
    const reader = new WireReader(Uint8Array.of(0x0a, 0x7f, 1), 'short.onnx');
    reader.next();
    expect(() => reader.view('a name')).toThrow(/short\.onnx: expected 127 bytes, found 1 bytes left/);
  });
});

describe('a model that another program wrote', () => {
  const graph = readModel(file, 'odd.onnx');

  it('gives every typed data field as elements', () => {
    expect(Array.from(arrayOf(initializer(graph, 'weights')).data as Float32Array)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(Array.from(arrayOf(initializer(graph, 'half')).data as Uint16Array)).toEqual([0x3e00, 0xc000]);
    expect(Array.from(arrayOf(initializer(graph, 'doubles')).data as Float64Array)).toEqual([0.1, -1e300]);
    expect(Array.from(arrayOf(initializer(graph, 'large')).data as BigInt64Array)).toEqual([2n ** 62n, -1n, 2n ** 63n - 1n]);
    expect(Array.from(arrayOf(initializer(graph, 'flags')).data as Uint8Array)).toEqual([1, 0]);
    expect(Array.from(arrayOf(initializer(graph, 'tiny')).data as Int8Array)).toEqual([-128, 5]);
  });

  it('keeps external data as a reference', () => {
    expect(initializer(graph, 'outside').source).toEqual({ kind: 'external', location: 'odd.bin', offset: 4096, length: 4000 });
    expect(() => arrayOf(initializer(graph, 'outside'))).toThrow(/odd\.bin/);
  });

  it('knows what subgraphs read from outside', () => {
    expect(graph.nodes.filter((node) => node.op === 'If').map(capturedBy)).toEqual([['product']]);
    expect(feedsOf(graph).map((input) => input.name)).toEqual(['x']);
  });

  it('is the same graph after writing and reading, notes and metadata included', () => {
    const written = writeModel(graph), again = readModel(written, 'again.onnx');
    expect(printGraph(again)).toBe(printGraph(graph));
    expect(again.initializers.map((value) => value.source.kind === 'inline' ? Array.from(value.source.bytes) : value.source))
      .toEqual(graph.initializers.map((value) => value.source.kind === 'inline' ? Array.from(value.source.bytes) : value.source));
    for (const note of ['kept', 'graph note', 'model note', 'Optogram']) expect(Buffer.from(written).includes(note)).toBe(true);
  });

  it('prints as stable text', () => {
    expect(printGraph(graph)).toMatchInlineSnapshot(`
      "graph odd (onnx 17)
        in x: float32[n, 2]
        const half: float16[2]
        const weights: float32[2, 3] = {1, 2, 3, 4, 5, 6}
        const doubles: float64[2] = {0.1, -1e+300}
        const large: int64[3] = {4611686018427388000, -1, 9223372036854776000}
        const flags: bool[2] = {1, 0}
        const tiny: int8[2] = {-128, 5}
        const outside: float32[1000] = odd.bin @ 4096
        product = MatMul(x, weights)
        yes = Constant() {value=bool[] = {1}}
        y = If(yes) {else_branch={
          squared = Mul(product, product)
          out squared: float32[n, 3]
        }, then_branch={
          doubled = Add(product, product)
          out doubled: float32[n, 3]
        }}
        z = LeakyRelu(y) {alpha=0.125}
        out z: float32[n, 3]
      "
    `);
  });

  it('is refused when it is cut off anywhere', () => {
    for (const length of [0, 1, 10, 100, file.length - 1]) expect(() => readModel(file.subarray(0, length), 'cut.onnx'), `at ${length}`).toThrow();
  });
});

describe('what is refused', () => {
  const body = new WireWriter().text(2, 'g');
  const model = (extra: (writer: WireWriter) => WireWriter): Uint8Array => join(extra(new WireWriter().integer(1, 8).message(7, body)).pieces);

  it('names model-local functions', () => {
    expect(() => readModel(model((w) => w.message(25, new WireWriter().text(1, 'MyBlock'))), 'f.onnx')).toThrow(/functions \(MyBlock\)/);
  });

  it('names element types outside the house', () => {
    const tensor = new WireWriter().integer(1, 1).integer(2, 16).text(8, 'w').view(9, new Uint8Array(2));
    expect(() => readModel(join(new WireWriter().integer(1, 8).message(7, new WireWriter().message(5, tensor)).pieces), 'b.onnx')).toThrow(/bfloat16/);
  });

  it.each(['../other.bin', '/etc/passwd', 'C:\\x', 'a/../../b'])('external data at %s', (location) => {
    const entry = new WireWriter().text(1, 'location').text(2, location);
    const tensor = new WireWriter().integer(1, 1).integer(2, 1).text(8, 'w').message(13, entry).integer(14, 1);
    expect(() => readModel(join(new WireWriter().integer(1, 8).message(7, new WireWriter().message(5, tensor)).pieces), 'e.onnx')).toThrow(/own folder/);
  });

  it('values used before they are made', () => {
    const node = new WireWriter().text(1, 'ghost').text(2, 'y').text(4, 'Neg');
    expect(() => readModel(join(new WireWriter().integer(1, 8).message(7, new WireWriter().message(1, node)).pieces), 'o.onnx')).toThrow(/"ghost", read by Neg/);
  });
});

it('weights inside a file can be pointed to instead of copied', () => {
  const b = graphBuilder('shared');
  b.output(b.matMul(b.input('x', 'float32', [1, 16]), b.constant(f32([16, 32], new Float32Array(512).fill(0.5)), 'w')), 'y');
  const bytes = writeModel(b.build()), small = externalise(readModel(bytes, 'shared.onnx'), bytes, 'shared.onnx');
  const source = initializer(small, 'w').source;
  expect(source.kind).toBe('external');
  if (source.kind !== 'external') return;
  expect(Array.from(new Float32Array(bytes.slice(source.offset, source.offset + 8).buffer))).toEqual([0.5, 0.5]);
  expect(writeModel(small).length).toBeLessThan(400);
});

describe('damaged models', () => {
  const seed = 20;
  it('are read or refused by name, whatever the damage', () => {
    const source = random(seed);
    let refused = 0;
    for (let round = 0; round < 400; round++) {
      const damaged = file.slice();
      for (let hits = 1 + source.integer(4); hits > 0; hits--) damaged[source.integer(damaged.length)] = source.integer(256);
      try { printGraph(readModel(damaged, 'damaged.onnx')); } catch (error) {
        refused++;
        if (!(error instanceof UserError)) throw new Error(`round ${round}, seed ${seed}: ${String(error)}`, { cause: error });
      }
    }
    expect(refused).toBeGreaterThan(50);
  });
});
