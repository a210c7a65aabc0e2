/**
 * Decoder: linear map from voxels to targets with intercept, fitted by ridge regression with one penalty per target.
 *
 *   prediction = intercept + ((x - x-mean) / x-scale) W;  W = X' C for the dual form, X the standardised training rows.
 *
 * Minimises |Y - X W|^2 + sum over targets of alpha_t |W_t|^2 on centred X and Y: alphas are scikit-learn's.
 */
import { UserError, throwIfAborted } from '../../common/errors.ts';
import { f32, ndarray, rows as rowsOf } from '../../common/ndarray.ts';
import { parseRecord, readExpected, readExpectedRows, RECORD_FILE } from './artefact.ts';
import { applyStandard } from './standardise.ts';
import { columnsOf } from './targets.ts';
import type { F32 } from '../../common/ndarray.ts';
import type { Range } from '../linalg/panels.ts';
import type { Products } from '../linalg/products.ts';
import type { ArrayStore, DecoderRecord } from './artefact.ts';

/** A fitted decoder. Weights stay in the store. */
export interface Decoder {
  readonly record: DecoderRecord;
  readonly store: ArrayStore;
  readonly xMean: Float64Array;
  readonly xScale: Float64Array;
  readonly yMean: Float32Array;
  readonly yDeviation: Float32Array;
  /** Prediction at the mean input: `yMean` unless the solver penalises it. */
  readonly intercept: Float32Array;
  /** Out-of-fold predictions of the training rows: mean and SD per target; null without cross-validation. */
  readonly outOfFold: { readonly mean: Float32Array; readonly deviation: Float32Array } | null;
}

/** Writes everything but the weights; the record last, so that a folder with one is complete. `trainingColumns`: `[voxels, rows]`, dual only. */
export async function writeDecoder(decoder: Decoder, trainingColumns: F32 | null): Promise<void> {
  const { record, store } = decoder;
  const { voxels, targets } = record;
  await store.writeArray('x-mean.npy', ndarray('float64', [voxels], decoder.xMean));
  await store.writeArray('x-scale.npy', ndarray('float64', [voxels], decoder.xScale));
  await store.writeArray('y-mean.npy', f32([targets], decoder.yMean));
  await store.writeArray('y-deviation.npy', f32([targets], decoder.yDeviation));
  if (record.intercept !== undefined) await store.writeArray('intercept.npy', f32([targets], decoder.intercept));
  if (trainingColumns !== null) await store.writeArray('x-train.npy', trainingColumns);
  if (decoder.outOfFold !== null) {
    await store.writeArray('oof-mean.npy', f32([targets], decoder.outOfFold.mean));
    await store.writeArray('oof-deviation.npy', f32([targets], decoder.outOfFold.deviation));
  }
  await store.writeText(RECORD_FILE, `${JSON.stringify(record, null, 1)}\n`);
}

/** Opens a decoder that `fitDecoder` wrote. Throws UserError (`bad-input`) naming the file that is wrong. */
export async function openDecoder(store: ArrayStore): Promise<Decoder> {
  const record = parseRecord(await store.readText(RECORD_FILE), store.place);
  const { voxels, targets } = record;
  const targetArray = async (name: string): Promise<Float32Array> => (await readExpected(store, name, 'float32', [targets])).data;
  const yMean = await targetArray('y-mean.npy');
  return {
    record, store,
    xMean: (await readExpected(store, 'x-mean.npy', 'float64', [voxels])).data,
    xScale: (await readExpected(store, 'x-scale.npy', 'float64', [voxels])).data,
    yMean, intercept: record.intercept === undefined ? yMean : await targetArray('intercept.npy'),
    yDeviation: await targetArray('y-deviation.npy'),
    outOfFold: record.folds === null ? null : { mean: await targetArray('oof-mean.npy'), deviation: await targetArray('oof-deviation.npy') },
  };
}

export interface PredictOptions {
  /** Only these targets; all unless given. */
  readonly targets?: Range;
  readonly signal?: AbortSignal | undefined;
}

/** Multiply-adds per product call. */
const MOST_PER_CALL = 1.5e10;

/** Predictions `[rows, targets]` in target units. A row's prediction does not depend on the other rows. Throws UserError if X has other voxels. */
export async function predict(decoder: Decoder, x: F32, products: Products, options: PredictOptions = {}): Promise<F32> {
  const { record } = decoder;
  const [count = 0, voxels = 0] = x.shape;
  if (x.shape.length !== 2 || voxels !== record.voxels) {
    throw new UserError('bad-input', `X is [${x.shape.join(', ')}], the decoder reads ${record.voxels} voxels`, { expected: `[rows, ${record.voxels}]`, found: `[${x.shape.join(', ')}]`, fix: 'Use the same subject, atlas and regions as in the fit.' });
  }
  const [low, high] = options.targets ?? [0, record.targets];
  const standard = applyStandard(x, decoder.xMean, decoder.xScale);
  const left = record.form === 'primal' ? standard : await products.multiply('ab', standard, await trainingColumns(decoder, [0, record.voxels]));
  const inner = left.shape[1] ?? 0;
  const out = new Float32Array(count * (high - low));
  for await (const { from, to, weights } of partsOf(decoder, [low, high], options.signal)) {
    const step = Math.max(1, Math.floor(MOST_PER_CALL / (inner * (to - from))));
    for (let top = 0; top < count; top += step) {
      throwIfAborted(options.signal);
      const bottom = Math.min(count, top + step);
      const product = await products.multiply(record.form === 'primal' ? 'ab' : 'abT', rowsOf(left, top, bottom), weights);
      for (let i = top; i < bottom; i++) {
        for (let j = from; j < to; j++) out[i * (high - low) + j - low] = (product.data[(i - top) * (to - from) + j - from] ?? 0) + (decoder.intercept[j] ?? 0);
      }
    }
  }
  return f32([count, high - low], out);
}

/**
 * Weights `[voxels, targets]` per unit of raw X: prediction = y-mean + (x - x-mean) W. For the dual form they are made on demand.
 * Only some voxels or targets on request; no more is read than they need: of the dual form, those voxels' part of the training rows and those
 * targets' weights.
 */
export async function primalWeights(decoder: Decoder, products: Products, options: PredictOptions & { readonly voxels?: Range } = {}): Promise<F32> {
  const { record } = decoder;
  const [low, high] = options.targets ?? [0, record.targets];
  const [first, last] = options.voxels ?? [0, record.voxels];
  const training = record.form === 'dual' ? await trainingColumns(decoder, [first, last]) : null;
  const out = new Float32Array((last - first) * (high - low));
  for await (const { from, to, weights } of partsOf(decoder, [low, high], options.signal, [first, last])) {
    const part = training === null ? weights : await products.multiply('abT', training, weights);
    for (let v = 0; v < last - first; v++) {
      const scale = decoder.xScale[first + v] ?? 1;
      for (let j = from; j < to; j++) out[v * (high - low) + j - low] = (part.data[v * (to - from) + j - from] ?? 0) / scale;
    }
  }
  return f32([last - first, high - low], out);
}

/**
 * D W' for directions D `[count, targets]` (in target units): <W_v, d> of every voxel, `[count, voxels]`, per standardised response, from the
 * stored form of the weights, part by part.
 */
export async function projectWeights(decoder: Decoder, directions: F32, products: Products, signal?: AbortSignal): Promise<F32> {
  const { record } = decoder;
  const [count = 0, targets = 0] = directions.shape;
  if (targets !== record.targets) throw new RangeError(`directions of ${targets} for ${record.targets} targets`);
  let sum: F32 = f32([count, record.form === 'dual' ? record.rows : record.voxels], new Float32Array(count * (record.form === 'dual' ? record.rows : record.voxels)));
  for await (const { from, to, weights } of partsOf(decoder, [0, targets], signal)) {
    sum = await products.accumulate<'float32'>(sum, 1, record.form === 'dual' ? 'ab' : 'abT', columnsOf(directions, from, to), weights);
  }
  return record.form === 'dual' ? products.multiply('abT', sum, await trainingColumns(decoder, [0, record.voxels])) : sum;
}

/** Standardised training rows of some voxels, `[voxels, rows]`. */
function trainingColumns({ record, store }: Decoder, [first, last]: Range): Promise<F32> {
  return readExpectedRows(store, 'x-train.npy', 'float32', [record.voxels, record.rows], first, last);
}

/** Stored weights of a range of targets, part by part: dual `[targets, rows]`, primal `[voxels, targets]` of the voxels asked for. */
async function* partsOf({ record, store }: Decoder, [low, high]: Range, signal: AbortSignal | undefined, voxels: Range = [0, record.voxels]): AsyncGenerator<{ readonly from: number; readonly to: number; readonly weights: F32 }> {
  for (const part of record.weights) {
    const from = Math.max(low, part.from);
    const to = Math.min(high, part.to);
    if (from >= to) continue;
    throwIfAborted(signal);
    const width = part.to - part.from;
    yield {
      from, to,
      weights: record.form === 'dual' ? await readExpectedRows(store, part.file, 'float32', [width, record.rows], from - part.from, to - part.from)
        : columnsOf(await readExpectedRows(store, part.file, 'float32', [record.voxels, width], ...voxels), from - part.from, to - part.from),
    };
  }
}
