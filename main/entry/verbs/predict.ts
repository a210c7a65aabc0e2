import fs from 'node:fs/promises';
import path from 'node:path';
import { arrayFolder } from '../../experiments/array-folder.ts';
import { writeNpy } from '../../formats/npy.ts';
import { sessionProducts } from '../../linalg/session-products.ts';
import { openDecoder, predict } from '../../ridge/decoder.ts';
import { readMatrix } from './fit.ts';
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
    const x = await readMatrix(path.resolve(required(context, 'x', USAGE)));
    const out = path.resolve(required(context, 'out', USAGE));
    const products = sessionProducts();
    try {
      const predicted = await predict(decoder, x, products, { signal: context.signal });
      await fs.mkdir(path.dirname(out), { recursive: true });
      await fs.writeFile(out, writeNpy(predicted));
      context.out({ out, shape: predicted.shape }, `Wrote ${predicted.shape.join(' x ')} predictions to ${out}.`);
    } finally { await products.release(); }
  },
};
