/**
 * Plan: the steps of a recipe, each with a key = hash of kind, version, parameters and the keys of its inputs.
 * A step whose artefact exists is not run, so caching, resuming and ablating are one mechanism.
 */
import { inputMaterial, refineMaterial, samplerMaterial } from '../../common/recipe.ts';
import type { Recipe, SpaceName } from '../../common/recipe.ts';
import type { StepKind, StepPlan } from '../../common/run-event.ts';
import { keyOf } from './key.ts';
import { SPACES } from './spaces.ts';

/** What the keys need to know of the world outside the recipe. */
export interface PlanFacts {
  /** Fingerprint of the dataset. */
  readonly data: string;
  /** Hash of the model pack, or null where the recipe needs none. */
  readonly pack: string | null;
}

export interface PlannedStep extends StepPlan {
  readonly space: SpaceName | null;
}

/** Version of each stage's computation: raising one makes every key that depends on it new. */
const VERSIONS: { readonly [Kind in StepKind]: number } = { responses: 1, features: 1, fit: 3, predict: 1, accuracy: 2, reconstruct: 1, refine: 4, score: 1, maps: 2 };

/** Which spaces a pipeline decodes. */
export const PIPELINE_SPACES: { readonly [Name in Recipe['pipeline']]: readonly SpaceName[] } = {
  diffusion: ['z', 'c', 'clip'],
  pixels: ['pixels'],
  'mean-image': [],
};

export function makePlan(recipe: Recipe, facts: PlanFacts): PlannedStep[] {
  const spaces = PIPELINE_SPACES[recipe.pipeline];
  const steps: PlannedStep[] = [];
  const add = (kind: StepKind, space: SpaceName | null, title: string, weight: number, inputs: readonly string[], material: unknown, label = space === null ? kind : `${kind}:${space}`): string => {
    const key = keyOf({ kind, version: VERSIONS[kind], material, inputs });
    steps.push({ key, kind, space, label, title, inputs, weight });
    return key;
  };
  const { data } = recipe;
  const responses = add('responses', null, 'Read responses', 6, [], { data: facts.data, choice: { ...data, rois: [...data.rois].sort() } });
  const predictions: string[] = [];
  const fits: string[] = [];
  const features: string[] = [];
  for (const name of spaces) {
    const space = SPACES[name];
    // Features depend on the images, not on the voxels: the subject's image list follows from data set and subject.
    const extracted = add('features', name, `Extract ${space.title}`, 6 * space.weight, [], {
      data: facts.data, subject: data.subject, space: name, version: space.version, pack: space.needsPack ? facts.pack : null,
    });
    const fit = add('fit', name, `Decode ${space.title} (ridge)`, 5 * space.weight, [responses, extracted], { decoder: recipe.decoder });
    features.push(extracted);
    fits.push(fit);
    predictions.push(add('predict', name, `Predict ${space.title}`, 0.5 * space.weight, [fit], {}));
  }
  // Its shuffles are seeded by the recipe.
  if (spaces.length > 0) add('accuracy', null, 'Measure decoding accuracy', 1, [responses, ...features, ...fits, ...predictions], { data: facts.data, choice: data, seed: recipe.seed });
  const { images, inputs, refine } = recipe, generative = recipe.pipeline === 'diffusion', replaced = generative ? inputMaterial(inputs) : null;
  const sources = generative ? [sourceOf(inputs.z, features[0], fits[0], predictions[0]), sourceOf(inputs.c, features[1], fits[1], predictions[1])]
    : recipe.pipeline === 'mean-image' ? [responses] : predictions.slice(0, 2);
  const stage1 = add('reconstruct', null, 'Reconstruct', 0.6 * (images ?? 100), sources.flat(), {
    pipeline: recipe.pipeline, sampler: generative ? samplerMaterial(recipe.sampler) : null, seed: recipe.seed, pack: facts.pack,
    ...(replaced === null ? {} : { replaced: { z: inputs.z, c: inputs.c }, data: facts.data, subject: data.subject }),
    ...(recipe.pipeline === 'mean-image' ? { data: facts.data, subject: data.subject } : {}),
  });
  const scored = (from: string, label: string, title: string): void => { add('score', null, title, 2, [from, ...features.slice(-1)], { images, pack: facts.pack }, label); };
  const refining = generative ? refineMaterial(refine) : null;
  if (refining === null) scored(stage1, 'score', 'Score');
  else {
    // The decoder's accuracy weighs the loss even where the target is the image's own.
    const target = sourceOf(inputs.clip, features[2], fits[2], predictions[2]);
    const stage2 = add('refine', null, 'Refine', REFINE_WEIGHT[refine.mode] * refine.iterations * (images ?? 100), [stage1, ...target, ...(refine.mode === 'guided' ? fits.slice(2, 3) : fits)], { refine: refining, images, pack: facts.pack });
    scored(stage1, 'score:initial', 'Score stage 1');
    scored(stage2, 'score', 'Score');
  }
  if (spaces.length > 0) add('maps', null, 'Map voxels', 4, [...fits], {});
  return normalised(steps);
}

/** Expected work of one iteration of one image, on the scale of the other weights. */
const REFINE_WEIGHT: { readonly [Mode in Recipe['refine']['mode']]: number } = { full: 0.5, coarse: 0.2, conditional: 0.35, truncated: 0.3, guided: 0.05 };

/** Keys that an input depends on. */
function sourceOf(source: Recipe['inputs'][keyof Recipe['inputs']], features = '', fit = '', prediction = ''): readonly string[] {
  switch (source) {
    case 'decoded': return [prediction];
    case 'true': return [features];
    case 'mean': return [fit];
    case 'random': return [fit];
    case 'unconditional': return [];
    default: { const never: never = source; return never; }
  }
}

function normalised(steps: readonly PlannedStep[]): PlannedStep[] {
  const total = steps.reduce((sum, step) => sum + step.weight, 0);
  return steps.map((step) => ({ ...step, weight: step.weight / total }));
}

/** Key of the step with this label; throws if the plan has none. */
export function keyFor(steps: readonly PlannedStep[], label: string): string {
  const step = steps.find((candidate) => candidate.label === label);
  if (step === undefined) throw new RangeError(`the plan has no step ${label}; it has ${steps.map((each) => each.label).join(', ')}`);
  return step.key;
}
