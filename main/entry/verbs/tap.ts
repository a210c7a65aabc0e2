import path from 'node:path';
import { UserError } from '../../../common/errors.ts';
import { tap } from '../../onnx/edit/tap.ts';
import { readModel } from '../../onnx/protobuf/read.ts';
import { writeModel } from '../../onnx/protobuf/write.ts';
import { readInput, writeOutput } from './files.ts';
import type { Verb } from './verb.ts';
import { list, required } from './verb.ts';

const USAGE = 'tap MODEL.onnx --tensors T,... --out TAPPED.onnx';

export const TAP: Verb = {
  usage: USAGE,
  does: 'exposes inner tensors of a model as outputs',
  options: ['tensors', 'out'],
  words: [1, 1],
  async run(context) {
    const file = path.resolve(context.words[0] ?? '');
    const tensors = list(context, 'tensors');
    if (tensors.length === 0) throw new UserError('usage', '--tensors is missing', { expected: USAGE, found: 'no tensor names' });
    const out = path.resolve(required(context, 'out', USAGE));
    const bytes = await readInput(file, 'an ONNX model');
    const tapped = tap(readModel(bytes, file), tensors);
    await writeOutput(out, writeModel(tapped));
    context.out({ out, outputs: tapped.outputs }, `Wrote ${out} with outputs ${tapped.outputs.map((output) => output.name).join(', ')}.`);
  },
};
