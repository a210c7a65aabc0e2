/**
 * Recipe: what to run, as plain JSON. Plan: its steps, each with a key. A step whose artefact exists is not run.
 */
import { UserError } from './errors.ts';

export type SpaceName = 'z' | 'c' | 'clip' | 'pixels';

export interface DataChoice {
  readonly subject: string;
  readonly atlas: string;
  /** Empty = every region of the atlas. */
  readonly rois: readonly string[];
  readonly beta: string | null;
  readonly zscore: 'session' | 'train' | 'none';
}

export interface DecoderChoice {
  /** Absolute penalties divided by the number of training rows (alpha/N), tried for every target. */
  readonly alphas: readonly number[];
  readonly folds: number;
  /** Rescale predictions by out-of-fold training statistics (inductive). */
  readonly varianceMatching: boolean;
}

export interface SamplerChoice {
  readonly scheduler: 'ddim';
  readonly steps: number;
  /** Fraction of the chain that is noised and walked back, (0, 1]. */
  readonly strength: number;
  readonly guidance: number;
}

export interface Recipe {
  readonly version: 1;
  readonly name: string;
  readonly data: DataChoice;
  /** `diffusion`: z, c and clip decoded, stage 1 run. `pixels`: voxels straight to pixels by ridge. */
  readonly pipeline: 'diffusion' | 'pixels';
  /** Model pack folder or `demo`. */
  readonly pack: string;
  readonly decoder: DecoderChoice;
  readonly sampler: SamplerChoice;
  /** How many test images, in image-id order; null = all. */
  readonly images: number | null;
  readonly seed: number;
}

export const DEFAULT_RECIPE: Recipe = {
  version: 1,
  name: 'Quick look',
  data: { subject: 'subj01', atlas: 'minddiffuser', rois: [], beta: null, zscore: 'session' },
  pipeline: 'diffusion',
  pack: 'demo',
  decoder: { alphas: [0.001, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100], folds: 5, varianceMatching: true },
  sampler: { scheduler: 'ddim', steps: 25, strength: 0.7, guidance: 3 },
  images: 24,
  seed: 1,
};

/**
 * The decoder that suits a pipeline unless said otherwise. A generator expects features of full contrast, so predictions are rescaled;
 * a picture decoded directly is the least-squares estimate itself, and rescaling its pixels adds noise (digits: PCC 0.770 against 0.783).
 */
export function decoderFor(pipeline: Recipe['pipeline']): DecoderChoice {
  return { ...DEFAULT_RECIPE.decoder, varianceMatching: pipeline === 'diffusion' };
}

/** What each field must be: a check that names what was expected, or the fields of a section. */
interface Fields { readonly [field: string]: ((value: unknown) => string | null) | Fields }

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? null : 'a non-empty text');
const integer = (low: number, high: number) => (value: unknown): string | null =>
  typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high ? null : `a whole number from ${low} to ${high}`;
const number = (low: number, high: number) => (value: unknown): string | null =>
  typeof value === 'number' && Number.isFinite(value) && value >= low && value <= high ? null : `a number from ${low} to ${high}`;
const oneOf = (...choices: readonly string[]) => (value: unknown): string | null =>
  typeof value === 'string' && choices.includes(value) ? null : `one of ${choices.join(', ')}`;
const boolean = (value: unknown): string | null => (typeof value === 'boolean' ? null : 'true or false');
const texts = (value: unknown): string | null =>
  Array.isArray(value) && value.every((item) => typeof item === 'string') ? null : 'a list of texts';
const penalties = (value: unknown): string | null =>
  Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'number' && Number.isFinite(item) && item > 0)
    ? null : 'a non-empty list of positive numbers';
const orNull = (check: (value: unknown) => string | null) => (value: unknown): string | null => {
  if (value === null) return null;
  const wrong = check(value);
  return wrong === null ? null : `${wrong}, or null`;
};

const DATA: Fields = { subject: text, atlas: text, rois: texts, beta: orNull(text), zscore: oneOf('session', 'train', 'none') };
const DECODER: Fields = { alphas: penalties, folds: integer(2, 100), varianceMatching: boolean };
const SAMPLER: Fields = { scheduler: oneOf('ddim'), steps: integer(1, 1000), strength: number(0.01, 1), guidance: number(0, 50) };
const TOP: Fields = {
  version: (value) => (value === 1 ? null : '1'),
  name: text,
  data: DATA,
  pipeline: oneOf('diffusion', 'pixels'),
  pack: text,
  decoder: DECODER,
  sampler: SAMPLER,
  images: orNull(integer(1, 1_000_000)),
  seed: integer(0, 4294967295),
};

interface Wrong { readonly field: string; readonly expected: string; readonly found: unknown }

/** First problem of an object against a field table, or null. Unknown keys are refused by name. */
function problemIn(value: unknown, fields: Fields, path: string): Wrong | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { field: path, expected: 'an object', found: value };
  const at = (key: string): string => (path === '' ? key : `${path}.${key}`);
  for (const [key, found] of Object.entries(value)) {
    if (fields[key] === undefined) return { field: at(key), expected: `no such field (known: ${Object.keys(fields).join(', ')})`, found };
  }
  for (const [key, check] of Object.entries(fields)) {
    const found = (value as Readonly<Record<string, unknown>>)[key];
    if (typeof check === 'function') {
      const expected = check(found);
      if (expected !== null) return { field: at(key), expected, found };
    } else {
      const inner = problemIn(found, check, at(key));
      if (inner !== null) return inner;
    }
  }
  return null;
}

/** Checks a recipe that came from a file or the window. Missing fields take the defaults; wrong ones throw. */
export function parseRecipe(value: unknown, file = 'recipe'): Recipe {
  const given = (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
  const merged = {
    ...DEFAULT_RECIPE, ...given,
    data: merge(DEFAULT_RECIPE.data, given['data']),
    decoder: merge(decoderFor(given['pipeline'] === 'pixels' ? 'pixels' : 'diffusion'), given['decoder']),
    sampler: merge(DEFAULT_RECIPE.sampler, given['sampler']),
  };
  const wrong = typeof value === 'object' && value !== null && !Array.isArray(value) ? problemIn(merged, TOP, '') : { field: '', expected: 'an object', found: value };
  if (wrong !== null) {
    const found = wrong.found === undefined ? 'nothing' : JSON.stringify(wrong.found).slice(0, 200), field = wrong.field === '' ? '' : `${wrong.field}: `;
    throw new UserError('bad-input', `${file} is not a recipe: ${field}expected ${wrong.expected}, found ${found}`, {
      file, expected: `${field}${wrong.expected}`, found, fix: 'Correct that field; missing ones take their defaults.',
    });
  }
  return merged as Recipe;
}

function merge(base: object, given: unknown): unknown {
  if (given === undefined) return base;
  return typeof given === 'object' && given !== null && !Array.isArray(given) ? { ...base, ...given } : given;
}
