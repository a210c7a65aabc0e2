import path from 'node:path';
import { UserError } from '../../../common/errors.ts';
import { f32 } from '../../../common/ndarray.ts';
import type { F32, NdArray } from '../../../common/ndarray.ts';
import { arrayFolder } from '../../experiments/array-folder.ts';
import { writeNpy } from '../../formats/npy.ts';
import { writeNpz } from '../../formats/npz.ts';
import type { Products } from '../../linalg/products.ts';
import { sessionProducts } from '../../linalg/session-products.ts';
import { openDecoder, predict, primalWeights } from '../../ridge/decoder.ts';
import type { Decoder } from '../../ridge/decoder.ts';
import { bandPredictions, productMeasure } from '../../ridge/fit-banded.ts';
import { writeOutput } from './files.ts';
import { readMatrix } from './npy-matrix.ts';
import type { Verb, VerbContext } from './verb.ts';
import { required } from './verb.ts';

const USAGE = 'predict --decoder DIR --x X.npy --out P.npy|P.npz [--y Y.npy]';

export const PREDICT: Verb = {
  usage: USAGE,
  does: 'applies a decoder to responses; a row does not depend on the other rows. P.npz also holds weights and intercept, and R2 (per band) where Y is given',
  options: ['decoder', 'x', 'out', 'y'],
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
    const truth = await readTruth(context, decoder, x);
    if (truth !== null && !out.endsWith('.npz')) throw new UserError('usage', '--y without an .npz output', { expected: '--out P.npz', found: out, fix: 'Name an .npz file: R2 is written beside the predictions.' });
    const products = sessionProducts();
    try {
      const predicted = await predict(decoder, x, products, { signal: context.signal });
      await writeOutput(out, out.endsWith('.npz') ? writeNpz(await bundle(decoder, x, predicted, truth, products)) : writeNpy(predicted));
      context.out({ out, shape: predicted.shape }, `Wrote ${predicted.shape.join(' x ')} predictions to ${out}.`);
    } finally { await products.release(); }
  },
};

async function readTruth(context: VerbContext, decoder: Decoder, x: F32): Promise<F32 | null> {
  const name = context.options['y'];
  if (name === undefined) return null;
  const file = path.resolve(name);
  const y = await readMatrix(file);
  if (y.shape[0] !== x.shape[0] || y.shape[1] !== decoder.record.targets) {
    throw new UserError('bad-input', `${file} is [${y.shape.join(', ')}]`, { file, expected: `[${x.shape[0] ?? 0}, ${decoder.record.targets}]`, found: `[${y.shape.join(', ')}]`, fix: 'Rows of X and Y must be the same images in the same order.' });
  }
  return y;
}

/** Arrays of one .npz: predictions = intercept + (x - x_mean) weights. */
async function bundle(decoder: Decoder, x: F32, predictions: F32, truth: F32 | null, products: Products): Promise<Map<string, NdArray>> {
  const { targets, voxels, alphaPerTarget } = decoder.record;
  const weights = await primalWeights(decoder, products);
  const arrays = new Map<string, NdArray>([
    ['predictions', predictions], ['weights', weights], ['intercept', f32([targets], decoder.intercept)],
    ['x_mean', f32([voxels], Float32Array.from(decoder.xMean))], ['alpha', f32([targets], Float32Array.from(alphaPerTarget))],
  ]);
  if (truth === null) return arrays;
  const banded = decoder.record.banded !== undefined;
  const whole = f32(predictions.shape, predictions.data.map((value, at) => value - (decoder.intercept[at % targets] ?? 0)));
  const shares = productMeasure(truth, decoder.intercept, banded ? await bandPredictions(decoder, x, weights, products) : [whole]);
  arrays.set('r2', f32([targets], Float32Array.from({ length: targets }, (_, t) => shares.reduce((sum, share) => sum + (share[t] ?? 0), 0))));
  if (banded) arrays.set('r2_bands', f32([shares.length, targets], Float32Array.from(shares.flatMap((share) => [...share]))));
  return arrays;
}
