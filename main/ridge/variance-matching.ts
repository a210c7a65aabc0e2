/**
 * Variance matching: ridge predictions are shrunk (their deviation is about r times the target's); generative models expect the full
 * contrast. prediction' = (prediction - m) / s * sd(y) + mean(y), per target.
 *
 * Inductive (default): m, s from out-of-fold predictions of the training rows, so one image can be decoded alone. Transductive ("as published",
 * Brain-Diffuser): m, s from the batch that is being decoded, so results change with the batch.
 */
import { UserError } from '../../common/errors.ts';
import { f32 } from '../../common/ndarray.ts';
import { columnStatistics } from './standardise.ts';
import type { F32 } from '../../common/ndarray.ts';
import type { Range } from '../linalg/panels.ts';
import type { Decoder } from './decoder.ts';

/** Below this share of the target's deviation a prediction is constant for all purposes, and is left at the mean. */
const CONSTANT = 1e-6;

/** `predictions` `[rows, targets]` of the targets in `range` (all unless given), rescaled. Throws UserError (`usage`) if the decoder has no out-of-fold facts. */
export function matchVariance(decoder: Decoder, predictions: F32, range: Range = [0, decoder.record.targets], mode: 'inductive' | 'transductive' = 'inductive'): F32 {
  const [rows = 0, width = 0] = predictions.shape;
  if (width !== range[1] - range[0]) throw new RangeError(`${width} predicted targets for ${range[1] - range[0]}`);
  const moments = mode === 'transductive' ? columnStatistics(predictions, undefined, 'predictions') : decoder.outOfFold;
  if (moments === null) {
    throw new UserError('usage', 'variance matching needs a decoder with cross-validation', { expected: 'folds in the fit', found: 'none', fix: 'Fit with at least 2 folds.' });
  }
  const offset = mode === 'transductive' ? 0 : range[0];
  const out = new Float32Array(rows * width);
  for (let j = 0; j < width; j++) {
    const mean = decoder.yMean[range[0] + j] ?? 0;
    const deviation = decoder.yDeviation[range[0] + j] ?? 0;
    const spread = moments.deviation[offset + j] ?? 0;
    const gain = spread > CONSTANT * deviation && spread > 0 ? deviation / spread : 0;
    for (let i = 0; i < rows; i++) out[i * width + j] = ((predictions.data[i * width + j] ?? 0) - (moments.mean[offset + j] ?? 0)) * gain + mean;
  }
  return f32([rows, width], out);
}
