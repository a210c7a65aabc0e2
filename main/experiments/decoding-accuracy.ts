/**
 * How well a decoder predicts the features of held-out test images: per unit, per image, by identification; what chance would give; what trial noise takes.
 *
 * Unit-wise r is over images, pattern r and identification are over units in SD of the training images (raw values share a mean profile that inflates both).
 * Units that are constant in training are in none of these numbers, units that are the same for every test image have no r. Sources: method.md 2.6, 5.2, 5.7, 6.3; `metrics/decoded-ceiling.ts` for the ceiling.
 */
import type { DecodingAccuracy, Quartiles } from '../../common/contract/payloads.ts';
import { LEAST_CEILING } from '../../common/decoding-measures.ts';
import { throwIfAborted } from '../../common/errors.ts';
import { ndarray } from '../../common/ndarray.ts';
import type { F32, F64 } from '../../common/ndarray.ts';
import type { Products } from '../linalg/products.ts';
import { quartiles, unitCorrelation } from '../metrics/correlation.ts';
import { decodedCeiling, withoutNoise } from '../metrics/decoded-ceiling.ts';
import { twoWayIdentification } from '../metrics/identification.ts';
import { isConstant } from '../metrics/pearson.ts';
import { shuffledPairBounds, shuffledUnitBounds } from '../metrics/shuffled-null.ts';
import type { Decoder } from '../ridge/decoder.ts';
import { predict } from '../ridge/decoder.ts';
import type { TestTrials } from './trials.ts';

/** Shuffles of a bound: the 95 % quantile of so many is known to about half a percent of its place. */
export const SHUFFLES = 200;
/** Elements of decoded trials held at a time. */
const MOST_DECODED = 3e7;

export interface MeasuredAccuracy {
  readonly unitR: Quartiles;
  readonly patternR: number;
  readonly identification: number;
  readonly accuracy: DecodingAccuracy;
  /** r per target, NaN for those that have none, `[targets]`. */
  readonly r: Float32Array;
  /** sqrt(NC) per target, NaN where unknown; null if unknown for all. */
  readonly ceiling: Float32Array | null;
}

export interface MeasureInput {
  readonly decoder: Decoder;
  /** Features of the test images, `[images, targets]`. */
  readonly truth: F32;
  /** Their predictions before variance matching, `[images, targets]`. */
  readonly decoded: F32;
  /** Single trials, or why there are none. */
  readonly trials: TestTrials | string;
  readonly seed: number;
  readonly products: Products;
  readonly signal: AbortSignal;
}

export async function measureAccuracy({ decoder, truth, decoded, trials, seed, products, signal }: MeasureInput): Promise<MeasuredAccuracy> {
  const [images = 0, targets = 0] = truth.shape;
  // 1. Units.
  const moving = movingUnits(truth), decodable = decoder.yDeviation.reduce((sum, deviation) => sum + (deviation > 0 ? 1 : 0), 0);
  const varies = Uint8Array.from(decoder.yDeviation, (deviation, u) => (deviation > 0 && moving[u] === 1 ? 1 : 0));
  const r = unitCorrelation(truth, decoded).map((value, u) => (varies[u] === 1 && images > 1 ? value : Number.NaN));
  const known = r.filter((value) => Number.isFinite(value)), units = varies.reduce((sum, flag) => sum + flag, 0);
  // 2. Pairs: z-scored by training statistics, correlation of every truth with every prediction.
  const similarity = await similarityOf(standardised(truth, decoder), standardised(decoded, decoder), products);
  const pattern = Float64Array.from({ length: images }, (_, i) => similarity.data[i * images + i] ?? 0);
  // 3. Chance.
  throwIfAborted(signal);
  const unitBounds = shuffledUnitBounds(truth, decoded, { shuffles: SHUFFLES, seed }), pairBounds = shuffledPairBounds(similarity, { shuffles: SHUFFLES, seed });
  // 4. Trial noise.
  const share = typeof trials === 'string' ? null : await ceilingOf(decoder, trials, products, signal);
  const ceiling = share === null ? null : share.map((value, u) => (varies[u] === 1 ? Math.sqrt(value) : Number.NaN));
  const ratios = share === null ? null : withoutNoise(r, share), enough = ratios === null ? [] : [...ratios.keys()].filter((u) => Number.isFinite(ratios[u]));
  const over = (values: Float32Array | null): Quartiles => quartilesOrNaN(enough.map((u) => values?.[u] ?? Number.NaN));
  return {
    r, ceiling, unitR: quartilesOrNaN(known), patternR: mean(pattern), identification: images < 2 ? Number.NaN : mean(twoWayIdentification(similarity)),
    accuracy: {
      images, units, constant: targets - decodable, still: decodable - units,
      chance: unitBounds === null || pairBounds === null ? null : { shuffles: SHUFFLES, seed, unit: unitBounds.unit, median: unitBounds.median, ...pairBounds },
      ceiling: typeof trials === 'string' || enough.length === 0 ? null
        : { units: enough.length, r: over(r), ceiling: over(ceiling), withoutNoise: over(ratios), trials: trials.imageOfTrial.length, voxelsLeftOut: trials.leftOut },
      ceilingMissing: typeof trials === 'string' ? trials : enough.length === 0 ? `of no unit does more than ${100 * LEAST_CEILING} % of the decoded variance stay when trials change` : null,
    },
  };
}

/** 1 where a target is not the same for every image, `[targets]`. */
function movingUnits({ shape, data }: F32): Uint8Array {
  const [images = 0, targets = 0] = shape, out = new Uint8Array(targets);
  for (let i = 1; i < images; i++) for (let u = 0; u < targets; u++) if (data[i * targets + u] !== data[u]) out[u] = 1;
  return out;
}

/** Share of the variance over images that is not trial noise, `[targets]`; targets in blocks, because every trial is decoded. */
async function ceilingOf(decoder: Decoder, trials: TestTrials, products: Products, signal: AbortSignal): Promise<Float32Array | null> {
  const { targets } = decoder.record, out = new Float32Array(targets), width = Math.max(1, Math.floor(MOST_DECODED / trials.imageOfTrial.length));
  for (let from = 0; from < targets; from += width) {
    const to = Math.min(targets, from + width);
    const share = decodedCeiling(await predict(decoder, trials.values, products, { targets: [from, to], signal }), trials);
    if (share === null) return null;
    out.set(share, from);
  }
  return out;
}

/** Targets in units of their training SD; constant targets become 0. */
function standardised(array: F32, { yMean, yDeviation }: Decoder): F32 {
  const width = array.shape[1] ?? 0;
  return ndarray('float32', array.shape, array.data.map((value, i) => {
    const sd = yDeviation[i % width] ?? 0;
    return sd > 0 ? (value - (yMean[i % width] ?? 0)) / sd : 0;
  }));
}

/** Correlation over units of every row of `a` with every row of `b`, as one product of rows of length one; a constant row correlates with nothing. */
async function similarityOf(a: F32, b: F32, products: Products): Promise<F64> {
  const product = await products.multiply('abT', unitRows(a), unitRows(b));
  return ndarray('float64', product.shape, Float64Array.from(product.data, (value) => Math.max(-1, Math.min(1, value))));
}

function unitRows(array: F32): F32 {
  const [rows = 0, width = 0] = array.shape, data = new Float32Array(rows * width);
  for (let i = 0; i < rows; i++) {
    const row = array.data.subarray(i * width, (i + 1) * width), centre = mean(row);
    let squares = 0;
    for (const value of row) squares += (value - centre) ** 2;
    const scale = isConstant(squares, width, centre) ? 0 : 1 / Math.sqrt(squares);
    row.forEach((value, j) => { data[i * width + j] = (value - centre) * scale; });
  }
  return ndarray('float32', array.shape, data);
}

function quartilesOrNaN(values: ArrayLike<number>): Quartiles {
  return values.length === 0 ? { q1: Number.NaN, median: Number.NaN, q3: Number.NaN } : quartiles(values);
}

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0;
  return values.length === 0 ? Number.NaN : sum / values.length;
}
