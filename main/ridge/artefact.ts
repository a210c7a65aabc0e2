/**
 * A decoder on disk: a folder of `decoder.json` (what was fitted, how, chosen penalty and scores per target) and arrays beside it:
 *
 *   x-mean.npy, x-scale.npy    float64 [voxels]   input is standardised as (x - mean) / scale
 *   y-mean.npy                 float32 [targets]  the intercept at the mean input
 *   intercept.npy              float32 [targets]  only if the intercept is not y-mean (FastL2LiR penalises it)
 *   bands.npy, mixes.npy       int32 [voxels], float32 [bands, targets]  banded ridge: band of every voxel, weight of every band
 *   y-deviation.npy            float32 [targets]  population SD of the training targets
 *   dual.npy or primal.npy     float32 [targets, rows] or [voxels, targets]; large ones in parts `dual-000.npy`, ... of some targets each
 *   x-train.npy                float32 [voxels, rows], standardised; dual only
 *   oof-mean.npy, oof-deviation.npy  float32 [targets]; out-of-fold predictions of the training rows (absent without cross-validation)
 *
 * Dual weights and training rows lie by column, so that one feature's weights, or one voxel's part of X, are one run of bytes: W[v, t] is the inner
 * product of row v of x-train.npy and row t of dual.npy. A voxel's row of W needs its n numbers and the dual weights of the targets asked for.
 *
 * Reading and writing arrays is the caller's (`ArrayStore`): this package does not know the .npy format.
 */
import { UserError } from '../../common/errors.ts';
import { isDType, rows as rowsOf } from '../../common/ndarray.ts';
import type { DType, NdArray } from '../../common/ndarray.ts';

/** Named arrays and texts of one artefact. Names are file names without a folder. */
export interface ArrayStore {
  /** Where it is, for messages. */
  readonly place: string;
  writeArray(name: string, array: NdArray): Promise<void>;
  readArray(name: string): Promise<NdArray>;
  /** Rows `from..to` (first axis) of an array, with the shape of the whole. Reads no more than they take. */
  readRows(name: string, from: number, to: number): Promise<{ readonly rows: NdArray; readonly shape: readonly number[] }>;
  /** True if the array was written whole. */
  has(name: string): Promise<boolean>;
  writeText(name: string, text: string): Promise<void>;
  readText(name: string): Promise<string>;
}

/** A store in memory; arrays are kept as they are, not copied. */
export function memoryStore(place = 'memory'): ArrayStore {
  const arrays = new Map<string, NdArray>();
  const texts = new Map<string, string>();
  const held = <T>(map: ReadonlyMap<string, T>, name: string): Promise<T> => {
    const value = map.get(name);
    return value === undefined ? Promise.reject(new UserError('bad-input', `${place} has no ${name}`, { file: name, expected: 'it to exist', found: 'nothing' })) : Promise.resolve(value);
  };
  return {
    place,
    writeArray: (name, array) => { arrays.set(name, array); return Promise.resolve(); },
    readArray: (name) => held(arrays, name),
    readRows: async (name, from, to) => { const whole = await held(arrays, name); return { rows: rowsOf(whole, from, to), shape: whole.shape }; },
    has: (name) => Promise.resolve(arrays.has(name)),
    writeText: (name, text) => { texts.set(name, text); return Promise.resolve(); },
    readText: (name) => held(texts, name),
  };
}

/** An array with the dtype and shape that the artefact promises. Throws UserError (`bad-input`) naming the file. */
export async function readExpected<D extends DType>(store: ArrayStore, name: string, dtype: D, shape: readonly number[]): Promise<NdArray<D>> {
  const array = await store.readArray(name);
  if (!isDType(array, dtype) || array.shape.length !== shape.length || array.shape.some((extent, axis) => extent !== shape[axis])) {
    throw foreign(store, name, dtype, shape, array.dtype, array.shape);
  }
  return array;
}

/** Rows `from..to` of an array that the artefact promises. Throws UserError (`bad-input`) naming the file. */
export async function readExpectedRows<D extends DType>(store: ArrayStore, name: string, dtype: D, expected: readonly number[], from: number, to: number): Promise<NdArray<D>> {
  const { rows, shape } = await store.readRows(name, from, to);
  if (!isDType(rows, dtype) || shape.length !== expected.length || shape.some((extent, axis) => extent !== expected[axis])) throw foreign(store, name, dtype, expected, rows.dtype, shape);
  return rows;
}

function foreign(store: ArrayStore, name: string, dtype: DType, expected: readonly number[], found: DType, shape: readonly number[]): UserError {
  return new UserError('bad-input', `${store.place}: ${name} does not belong to this decoder`, {
    file: name, expected: `${dtype}[${expected.join(', ')}]`, found: `${found}[${shape.join(', ')}]`, fix: 'Fit the decoder again.',
  });
}

/** Numbers for JSON: seven significant digits, what float32 holds. */
export function rounded(values: ArrayLike<number>): number[] {
  return Array.from(values, (value) => Number(value.toPrecision(7)));
}

/** One file of weights: targets `from..to`. */
export interface WeightPart {
  readonly file: string;
  readonly from: number;
  readonly to: number;
}

/** In which precision what was computed. */
export interface PrecisionRecord {
  readonly gram: 'float64';
  /** Factors and inverses, by penalty. */
  readonly factors: readonly { readonly alpha: number; readonly precision: 'float32' | 'float64' }[];
  /** Products with targets, in cross-validation and for weights. */
  readonly products: 'float32';
  readonly stored: 'float32';
  readonly reason: string;
}

/** What verifying some targets of every penalty in double precision found (verify.ts, solve-weights.ts). */
export interface WeightCheck {
  /** Largest relative error of weights that passes. */
  readonly tolerance: number;
  /** How many targets were verified. */
  readonly targets: number;
  /** Largest relative error of weights as they are used, and largest relative residual of the solved system. */
  readonly worstError: number;
  readonly worstResidual: number;
  /** Penalties whose single-precision weights missed the tolerance and were solved again, and how. */
  readonly again: readonly { readonly alpha: number; readonly grade: string }[];
  /** Penalties that miss it even so: their weights are not to be trusted. */
  readonly missed: readonly { readonly alpha: number; readonly error: number }[];
}

/** `decoder.json`. */
export interface DecoderRecord {
  readonly kind: 'optogram-decoder';
  /** 2: dual weights and training rows lie by column. 1: primal weights only (dual ones of version 1 are refused). */
  readonly version: 1 | 2;
  readonly rows: number;
  readonly voxels: number;
  readonly targets: number;
  readonly form: 'primal' | 'dual';
  readonly solver: { readonly name: string; readonly title: string; readonly reason: string };
  readonly standardise: 'none' | 'zscore';
  /** Absent: the mean of the targets, at the mean input. */
  readonly intercept?: 'penalised';
  /** FastL2LiR: voxels chosen for every target, 0 for all. */
  readonly voxelsPerTarget?: number;
  /** Banded ridge: how many bands, and how many mixes were tried. */
  readonly banded?: { readonly bands: number; readonly mixes: number };
  /** Penalties that were tried: absolute, added to the diagonal of the centred Gram matrix, as scikit-learn's. */
  readonly alphas: readonly number[];
  readonly folds: { readonly kind: string; readonly count: number; readonly rule: string; readonly search: string } | null;
  /** Chosen penalty of every target. */
  readonly alphaPerTarget: readonly number[];
  /** Cross-validated, per target: mean squared error at the chosen penalty, R2 and Pearson r of out-of-fold predictions. */
  readonly scores: { readonly mse: readonly number[]; readonly r2: readonly number[]; readonly r: readonly number[] } | null;
  /** Medians of the above and how many targets chose each penalty. */
  readonly summary: { readonly medianR2: number; readonly medianR: number; readonly alphaCounts: readonly number[] } | null;
  readonly weights: readonly WeightPart[];
  /** Absent for FastL2LiR, which is double throughout. */
  readonly precision?: PrecisionRecord;
  readonly check?: WeightCheck;
  /** Whatever the caller wants to be remembered: data keys, names, versions. */
  readonly provenance: Readonly<Record<string, string | number>>;
}

export const RECORD_FILE = 'decoder.json';

/** Parses `decoder.json`. Throws UserError (`bad-input`) if it is not one of ours, or newer. */
export function parseRecord(text: string, place: string): DecoderRecord {
  const wrong = (found: string): UserError => new UserError('bad-input', `${place}/${RECORD_FILE} is not a decoder`, {
    file: `${place}/${RECORD_FILE}`, expected: 'kind "optogram-decoder", version 2, or 1 with primal weights', found, fix: 'Name a folder that `fit` wrote, or fit again.',
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw wrong(cause instanceof Error ? cause.message : String(cause));
  }
  if (!isRecord(value)) throw wrong(text.slice(0, 80));
  return value;
}

function isRecord(value: unknown): value is DecoderRecord {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  return fields['kind'] === 'optogram-decoder' && (fields['version'] === 2 || (fields['version'] === 1 && fields['form'] === 'primal'))
    && ['rows', 'voxels', 'targets'].every((name) => Number.isInteger(fields[name]))
    && (fields['form'] === 'primal' || fields['form'] === 'dual')
    && Array.isArray(fields['alphaPerTarget']) && Array.isArray(fields['alphas']) && Array.isArray(fields['weights']);
}
