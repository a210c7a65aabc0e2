import path from 'node:path';
import { UserError } from '../../../common/errors.ts';
import { arrayFolder } from '../../experiments/array-folder.ts';
import { writeNpy } from '../../formats/npy.ts';
import { sessionProducts } from '../../linalg/session-products.ts';
import { openDecoder, predict } from '../../ridge/decoder.ts';
import { readMatrix } from './fit.ts';
import { writeOutput } from './files.ts';
import type { Verb } from './verb.ts';
import { required } from './verb.ts';

const USAGE = 'predict --decoder DIR --x X.npy --out P.npy';

export const PREDICT: Verb = {
  usage: USAGE,
  does: 'applies a decoder to responses; a row does not depend on the other rows',
  options: ['decoder', 'x', 'out'],
  words: [0, 0],
  async run(context) {
    const decoder = await openDecoder(arrayFolder(path.resolve(required(context, 'decoder', USAGE))));
    const file = path.resolve(required(context, 'x', USAGE));
    const x = await readMatrix(file);
    if (x.shape[1] !== decoder.record.voxels) {
      throw new UserError('bad-input', `${file} has ${x.shape[1] ?? 0} columns, the decoder reads ${decoder.record.voxels} voxels`, {
        file, expected: `${decoder.record.voxels} columns`, found: `${x.shape[1] ?? 0} columns`, fix: 'Use the same subject, atlas and regions as in the fit.',
      });
    }
    const out = path.resolve(required(context, 'out', USAGE));
    const products = sessionProducts();
    try {
      const predicted = await predict(decoder, x, products, { signal: context.signal });
      await writeOutput(out, writeNpy(predicted));
      context.out({ out, shape: predicted.shape }, `Wrote ${predicted.shape.join(' x ')} predictions to ${out}.`);
    } finally { await products.release(); }
  },
};
