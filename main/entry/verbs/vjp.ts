import path from 'node:path';
import { UserError } from '../../../common/errors.ts';
import { vjp } from '../../autodiff/backward.ts';
import { feedsOf } from '../../onnx/graph.ts';
import { readModel } from '../../onnx/protobuf/read.ts';
import { writeModel } from '../../onnx/protobuf/write.ts';
import { readInput, writeOutput } from './files.ts';
import type { Verb } from './verb.ts';
import { list, required } from './verb.ts';

const USAGE = 'vjp MODEL.onnx --wrt A,... --out GRAD.onnx [--shape NAME=1x3x64x64,...]';

export const VJP: Verb = {
  usage: USAGE,
  does: 'writes the model with its vector-Jacobian product: inputs plus <output>_grad, outputs plus <input>_grad',
  options: ['wrt', 'out', 'shape'],
  words: [1, 1],
  async run(context) {
    const file = path.resolve(context.words[0] ?? '');
    const wrt = list(context, 'wrt');
    if (wrt.length === 0) throw new UserError('usage', '--wrt is missing', { expected: USAGE, found: 'no names' });
    const out = path.resolve(required(context, 'out', USAGE));
    const shapes = Object.fromEntries(list(context, 'shape').map((text) => {
      const [name = '', extents = ''] = text.split('=');
      const shape = extents.split('x').map(Number);
      if (name === '' || extents === '' || !shape.every((extent) => Number.isInteger(extent) && extent >= 0)) throw new UserError('usage', `--shape ${text}`, { expected: 'NAME=1x3x64x64', found: text });
      return [name, shape];
    }));
    const bytes = await readInput(file, 'an ONNX model');
    const graph = vjp(readModel(bytes, file), { wrt, shapes });
    await writeOutput(out, writeModel(graph));
    const names = (values: readonly { readonly name: string }[]): string => values.map((value) => value.name).join(', ');
    context.out({ out, inputs: feedsOf(graph), outputs: graph.outputs, nodes: graph.nodes.length }, `Wrote ${out}: inputs ${names(feedsOf(graph))}; outputs ${names(graph.outputs)}.`);
  },
};
