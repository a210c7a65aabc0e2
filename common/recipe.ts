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

export type SchedulerName = 'ddim' | 'pndm' | 'dpm-solver++' | 'euler';

export interface SamplerChoice {
  readonly scheduler: SchedulerName;
  readonly steps: number;
  /** Fraction of the chain that is noised and walked back, (0, 1]. */
  readonly strength: number;
  readonly guidance: number;
  /** How strong the noise is where the walk begins: what its first step expects, or 6 % of the chain stronger, as MindDiffuser's code (method.md 0.6). */
  readonly noise: 'consistent' | 'as-published';
  /** Side of the latents that the walk runs at; decoded latents of another size are brought there through their picture. Null = the pack's. */
  readonly side: number | null;
}

/** How the gradient of stage 2 is had; what each computes and costs is the table `GRADIENT_MODES` (`common/gradient-modes.ts`). */
export type GradientMode = 'full' | 'coarse' | 'conditional' | 'truncated' | 'guided';

/** Stage 2: z and c adjusted until the picture's image features meet the decoded Z_CLIP. */
export interface RefineChoice {
  readonly enabled: boolean;
  readonly mode: GradientMode;
  /** What is adjusted; at least one unless the mode is `guided`, which adjusts neither. */
  readonly z: boolean;
  readonly c: boolean;
  /** `published`: MindDiffuser's six weighted terms. `z-units`: squared difference in SD of each unit, weighted by its squared cross-validated r. */
  readonly loss: 'published' | 'z-units';
  /** Share of each layer's units, best decoded first, that the loss in SD units counts; the published one keeps a quarter. */
  readonly keptShare: number;
  readonly iterations: number;
  /** `errors`: along the components of what the decoder gets wrong; `values`: every value of z and c for itself, as published (`main/diffusion/search-axes.ts`). */
  readonly along: 'errors' | 'values';
  /** Adam's learning rates, in SD of the decoder's errors or in units of the values, and their decay per iteration. */
  readonly rateZ: number;
  readonly rateC: number;
  readonly decay: number;
  /** How firmly z and c are held where they were decoded: weight of their squared distance, in the decoder's own uncertainty; 0 = not, as published. */
  readonly anchor: number;
  /** Pictures of stage 1 that meet the decoded Z_CLIP within what its decoder leaves on other images stay as they are. */
  readonly leaveAgreed: boolean;
  /** The noise of stage 1 in every iteration, or new noise each time. */
  readonly noise: 'fixed' | 'fresh';
  /** An image stops when its loss fell by less than this share over `stopWindow` iterations; 0 = never. */
  readonly stopChange: number;
  readonly stopWindow: number;
  /** Gradient at saturated pixels: none, as it is, or passed straight through (biased). */
  readonly clamp: 'exact' | 'through';
  /** Steps of the schedule in mode `coarse`; the final picture takes the sampler's own. */
  readonly coarseSteps: number;
  /**
   * Iterations that the final sampler draws, evenly spaced: the picture of lowest decoded loss is kept. Only where the refinement walks otherwise than the final
   * sampler (mode `coarse`, fresh noise); 0 = the one that the refinement itself chose.
   */
  readonly finalists: number;
  /** Steps whose network is differentiated in mode `truncated`. */
  readonly lastSteps: number;
  /** Mode `guided`: share of the walk that is steered, and the length of the push relative to the predicted noise. */
  readonly guidedShare: number;
  readonly guidedScale: number;
}

/** Where each feature space comes from. All `decoded` unless an ablation or an anchor says otherwise (method.md 3.4). */
export interface InputChoice {
  /** `random`: standard normal times the training SD plus the training mean of each value; `mean`: the training mean; `true`: the image's own. */
  readonly z: 'decoded' | 'random' | 'mean' | 'true';
  /** `random`: standard normal, as published; `unconditional`: the empty text, so that nothing is guided; `mean`; `true`. */
  readonly c: 'decoded' | 'random' | 'unconditional' | 'mean' | 'true';
  readonly clip: 'decoded' | 'true';
}

export interface Recipe {
  readonly version: 1;
  readonly name: string;
  readonly data: DataChoice;
  /** `diffusion`: z, c and clip decoded, stage 1 and 2 run. `pixels`: voxels straight to pixels by ridge. `mean-image`: the mean training picture, an anchor. */
  readonly pipeline: 'diffusion' | 'pixels' | 'mean-image';
  /** Model pack folder or `demo`. */
  readonly pack: string;
  readonly decoder: DecoderChoice;
  readonly sampler: SamplerChoice;
  readonly refine: RefineChoice;
  readonly inputs: InputChoice;
  /** How many test images, in image-id order; null = all. */
  readonly images: number | null;
  readonly seed: number;
}

export const DECODED: InputChoice = { z: 'decoded', c: 'decoded', clip: 'decoded' };

/** Rates and hold that suit each kind of search. */
export const RATES: { readonly [Along in RefineChoice['along']]: Pick<RefineChoice, 'rateZ' | 'rateC' | 'anchor'> } = { errors: { rateZ: 0.02, rateC: 0.05, anchor: 0.3 }, values: { rateZ: 0.01, rateC: 0.02, anchor: 0.05 } };

export const DEFAULT_REFINE: RefineChoice = {
  enabled: false, mode: 'coarse', z: true, c: true, loss: 'z-units', keptShare: 0.25, iterations: 30, along: 'errors', ...RATES.errors, decay: 0.999, leaveAgreed: false, noise: 'fresh',
  stopChange: 0.005, stopWindow: 20, clamp: 'exact', coarseSteps: 10, finalists: 6, lastSteps: 5, guidedShare: 0.2, guidedScale: 0.1,
};

export const DEFAULT_RECIPE: Recipe = {
  version: 1,
  name: 'Quick look',
  data: { subject: 'subj01', atlas: 'minddiffuser', rois: [], beta: null, zscore: 'session' },
  pipeline: 'diffusion',
  pack: 'demo',
  decoder: { alphas: [0.001, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100], folds: 5, varianceMatching: true },
  sampler: { scheduler: 'ddim', steps: 25, strength: 0.4, guidance: 3, noise: 'consistent', side: null },
  refine: DEFAULT_REFINE,
  inputs: DECODED,
  images: 24,
  seed: 1,
};

/**
 * The decoder that suits a pipeline unless said otherwise. A generator expects features of full contrast, so predictions are rescaled;
 * a picture decoded directly is the least-squares estimate itself, and rescaling its pixels adds noise (digits: PCC 0.770 against 0.783).
 */
export function decoderFor(pipeline: Recipe['pipeline']): DecoderChoice {
  return { ...DEFAULT_RECIPE.decoder, varianceMatching: pipeline !== 'pixels' };
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
const SAMPLER: Fields = {
  scheduler: oneOf('ddim', 'pndm', 'dpm-solver++', 'euler'), steps: integer(1, 1000), strength: number(0.01, 1), guidance: number(0, 50), noise: oneOf('consistent', 'as-published'),
  side: orNull(integer(4, 512)),
};
const REFINE: Fields = {
  enabled: boolean, mode: oneOf('full', 'coarse', 'conditional', 'truncated', 'guided'), z: boolean, c: boolean, loss: oneOf('published', 'z-units'), keptShare: number(0.01, 1), iterations: integer(1, 10_000),
  along: oneOf('errors', 'values'), rateZ: number(0, 10), rateC: number(0, 10), decay: number(0.1, 1), anchor: number(0, 1000), leaveAgreed: boolean, noise: oneOf('fixed', 'fresh'), stopChange: number(0, 1), stopWindow: integer(1, 10_000),
  clamp: oneOf('exact', 'through'), coarseSteps: integer(1, 1000), finalists: integer(0, 1000), lastSteps: integer(1, 1000), guidedShare: number(0, 1), guidedScale: number(0, 100),
};
const INPUTS: Fields = { z: oneOf('decoded', 'random', 'mean', 'true'), c: oneOf('decoded', 'random', 'unconditional', 'mean', 'true'), clip: oneOf('decoded', 'true') };
const TOP: Fields = {
  version: (value) => (value === 1 ? null : '1'),
  name: text,
  data: DATA,
  pipeline: oneOf('diffusion', 'pixels', 'mean-image'),
  pack: text,
  decoder: DECODER,
  sampler: SAMPLER,
  refine: REFINE,
  inputs: INPUTS,
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

/**
 * What missing fields of a refinement take. One with rates that lacks a choice was written before there was that choice, and takes what was then the default. `values`
 * brings its own rates and hold.
 */
function refineBase(given: unknown): RefineChoice {
  const fields = (typeof given === 'object' && given !== null ? given : {}) as Readonly<Record<string, unknown>>;
  const early = fields['rateZ'] !== undefined || fields['rateC'] !== undefined, along = fields['along'] === 'values' || (fields['along'] === undefined && early) ? 'values' : 'errors';
  return { ...DEFAULT_REFINE, along, ...RATES[along], ...(early ? { keptShare: 1, anchor: 0.05, noise: 'fixed', finalists: 0 } : {}) };
}

/** Checks a recipe that came from a file or the window. Missing fields take the defaults; wrong ones throw. */
export function parseRecipe(value: unknown, file = 'recipe'): Recipe {
  const given = (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
  const merged = {
    ...DEFAULT_RECIPE, ...given,
    data: merge(DEFAULT_RECIPE.data, given['data']),
    decoder: merge(decoderFor(given['pipeline'] === 'pixels' ? 'pixels' : 'diffusion'), given['decoder']),
    sampler: merge(DEFAULT_RECIPE.sampler, given['sampler']),
    refine: merge(refineBase(given['refine']), given['refine']),
    inputs: merge(DEFAULT_RECIPE.inputs, given['inputs']),
  };
  const wrong = typeof value === 'object' && value !== null && !Array.isArray(value) ? problemIn(merged, TOP, '') : { field: '', expected: 'an object', found: value };
  if (wrong !== null) {
    const found = wrong.found === undefined ? 'nothing' : JSON.stringify(wrong.found).slice(0, 200), field = wrong.field === '' ? '' : `${wrong.field}: `;
    throw new UserError('bad-input', `${file} is not a recipe: ${field}expected ${wrong.expected}, found ${found}`, {
      file, expected: `${field}${wrong.expected}`, found, fix: 'Correct that field; missing ones take their defaults.',
    });
  }
  const { refine } = merged as Recipe;
  if (refine.enabled && refine.mode !== 'guided' && !refine.z && !refine.c) {
    throw new UserError('bad-input', `${file} refines neither z nor c`, { file, expected: 'refine.z or refine.c true', found: 'both false', fix: 'Adjust one of them, or choose the mode "guided".' });
  }
  return merged as Recipe;
}

/**
 * The part of a recipe's sampler that its pictures depend on, and of its inputs and refinement: fields at their defaults are left out, so that keys made
 * before these fields existed stay good.
 */
export function samplerMaterial({ noise, side, ...rest }: SamplerChoice): object {
  return { ...rest, ...(noise === DEFAULT_RECIPE.sampler.noise ? {} : { noise }), ...(side === null ? {} : { side }) };
}

/** Iterations whose z and c are kept for the final sampler to draw, ascending; the last is the last iteration. Empty where the refinement's own walk is the final one. */
export function finalistIterations({ mode, noise, iterations, finalists }: Pick<RefineChoice, 'mode' | 'noise' | 'iterations' | 'finalists'>): number[] {
  if (mode === 'guided' || (mode !== 'coarse' && noise === 'fixed')) return [];
  return [...new Set(Array.from({ length: finalists }, (_, k) => Math.round(((k + 1) * iterations) / finalists)))].filter((iteration) => iteration > 0);
}

/** Fields of a refinement that its mode reads; null if it is off. */
export function refineMaterial(choice: RefineChoice): object | null {
  const { enabled, coarseSteps, lastSteps, guidedShare, guidedScale, anchor, leaveAgreed, keptShare, finalists, ...rest } = choice;
  if (!enabled) return null;
  // The published loss has its own share.
  const { mode, loss, clamp } = rest, kept = loss === 'published' || keptShare === 1 ? {} : { keptShare }, common = { ...rest, ...kept, ...(anchor === 0 ? {} : { anchor }), ...(leaveAgreed ? { leaveAgreed } : {}), ...(finalistIterations(choice).length === 0 ? {} : { finalists }) };
  switch (mode) {
    case 'guided': return { mode, loss, ...kept, clamp, guidedShare, guidedScale };
    case 'coarse': return { ...common, coarseSteps };
    case 'truncated': return { ...common, lastSteps };
    case 'full': case 'conditional': return common;
    default: { const never: never = mode; return never; }
  }
}

/** Which inputs are not decoded; null if all are. */
export function inputMaterial(inputs: InputChoice): object | null {
  const changed = Object.entries(inputs).filter(([, source]) => source !== 'decoded');
  return changed.length === 0 ? null : Object.fromEntries(changed);
}

/** A recipe without what changes nothing: the same for recipes that ask for the same pictures, whatever version wrote them. */
export function essentialRecipe({ refine, inputs, sampler, ...rest }: Recipe): object {
  const refining = refineMaterial(refine), replaced = inputMaterial(inputs);
  return { ...rest, sampler: samplerMaterial(sampler), ...(refining === null ? {} : { refine: refining }), ...(replaced === null ? {} : { inputs: replaced }) };
}

function merge(base: object, given: unknown): unknown {
  if (given === undefined) return base;
  return typeof given === 'object' && given !== null && !Array.isArray(given) ? { ...base, ...given } : given;
}
