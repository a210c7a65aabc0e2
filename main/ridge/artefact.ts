/**
 * A decoder on disk: a folder of `decoder.json` (what was fitted, how, chosen penalty and scores per target) and arrays beside it:
 *
 *   x-mean.npy, x-scale.npy    float64 [voxels]   input is standardised as (x - mean) / scale
 *   y-mean.npy                 float32 [targets]  the intercept at the mean input
 *   intercept.npy              float32 [targets]  only if the intercept is not y-mean (FastL2LiR penalises it)
 *   bands.npy, mixes.npy       int32 [voxels], float32 [bands, targets]  banded ridge: band of every voxel, weight of every band
 *   y-deviation.npy            float32 [targets]  population SD of the training targets
 *   dual.npy or primal.npy     float32 [rows, targets] or [voxels, targets]; large ones in parts `dual-000.npy`, ... of some targets each
 *   x-train.npy                float32 [rows, voxels], standardised; dual only
 *   oof-mean.npy, oof-deviation.npy  float32 [targets]; out-of-fold predictions of the training rows (absent without cross-validation)
 *
 * Reading and writing arrays is the caller's (`ArrayStore`): this package does not know the .npy format.
 */
import { UserError } from '../../common/errors.ts';
import { isDType } from '../../common/ndarray.ts';
import type { DType, NdArray } from '../../common/ndarray.ts';

/** Named arrays and texts of one artefact. Names are file names without a folder. */
export interface ArrayStore {
  /** Where it is, for messages. */
  readonly place: string;
  writeArray(name: string, array: NdArray): Promise<void>;
  readArray(name: string): Promise<NdArray>;
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
    has: (name) => Promise.resolve(arrays.has(name)),
    writeText: (name, text) => { texts.set(name, text); return Promise.resolve(); },
    readText: (name) => held(texts, name),
  };
}

/** An array with the dtype and shape that the artefact promises. Throws UserError (`bad-input`) naming the file. */
export async function readExpected<D extends DType>(store: ArrayStore, name: string, dtype: D, shape: readonly number[]): Promise<NdArray<D>> {
  const array = await store.readArray(name);
  if (!isDType(array, dtype) || array.shape.length !== shape.length || array.shape.some((extent, axis) => extent !== shape[axis])) {
    throw new UserError('bad-input', `${store.place}: ${name} does not belong to this decoder`, {
      file: name, expected: `${dtype}[${shape.join(', ')}]`, found: `${array.dtype}[${array.shape.join(', ')}]`, fix: 'Fit the decoder again.',
    });
  }
  return array;
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

/** `decoder.json`. */
export interface DecoderRecord {
  readonly kind: 'optogram-decoder';
  readonly version: 1;
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
  /** Whatever the caller wants to be remembered: data keys, names, versions. */
  readonly provenance: Readonly<Record<string, string | number>>;
}

export const RECORD_FILE = 'decoder.json';

/** Parses `decoder.json`. Throws UserError (`bad-input`) if it is not one of ours, or newer. */
export function parseRecord(text: string, place: string): DecoderRecord {
  const wrong = (found: string): UserError => new UserError('bad-input', `${place}/${RECORD_FILE} is not a decoder`, {
    file: `${place}/${RECORD_FILE}`, expected: 'kind "optogram-decoder", version 1', found, fix: 'Name a folder that `fit` wrote.',
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
  return fields['kind'] === 'optogram-decoder' && fields['version'] === 1
    && ['rows', 'voxels', 'targets'].every((name) => Number.isInteger(fields[name]))
    && (fields['form'] === 'primal' || fields['form'] === 'dual')
    && Array.isArray(fields['alphaPerTarget']) && Array.isArray(fields['alphas']) && Array.isArray(fields['weights']);
}
