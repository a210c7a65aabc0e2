/** What a change of the form is called when it is undone. Pure. */
import type { Recipe } from '../../../common/recipe.ts';

/** Fields whose own name would not say it. */
const TITLES: Readonly<Record<string, string>> = {
  name: 'Name', pipeline: 'Picture from', pack: 'Model pack', images: 'Test images', seed: 'Seed', 'data.subject': 'Subject', 'data.atlas': 'Atlas', 'data.rois': 'Regions', 'data.beta': 'Responses', 'data.zscore': 'Scaling',
  'decoder.alphas': 'Penalties', 'decoder.folds': 'Folds', 'decoder.varianceMatching': 'Match the variance', 'sampler.noise': 'Noise at the start', 'refine.enabled': 'Stage 2', 'refine.mode': 'Gradient',
  'refine.rateZ': 'Rate of z', 'refine.rateC': 'Rate of c', 'refine.z': 'Adjust z', 'refine.c': 'Adjust c', 'refine.anchor': 'Hold z and c', 'refine.along': 'Search', 'refine.keptShare': 'Units that count', 'refine.finalists': 'Final pictures tried', 'refine.leaveAgreed': 'Leave pictures that agree',
  'refine.coarseSteps': 'Coarse sampler\'s steps', 'refine.guidedShare': 'Share that is pushed', 'refine.guidedScale': 'Push',
};

/** Paths of the fields that differ, one section deep. */
function changedFields(before: object, after: object, path = ''): readonly string[] {
  const old = before as Readonly<Record<string, unknown>>;
  return Object.entries(after).flatMap(([key, value]: [string, unknown]) => {
    const was = old[key];
    if (JSON.stringify(was) === JSON.stringify(value)) return [];
    const isSection = path === '' && typeof value === 'object' && value !== null && !Array.isArray(value) && typeof was === 'object' && was !== null;
    return isSection ? changedFields(was, value, `${key}.`) : [`${path}${key}`];
  });
}

/** The title of the first field that differs: a choice that brings others with it is named by itself, as it comes first in a recipe. */
export function changeTitle(before: Recipe, after: Recipe): string {
  const [first] = changedFields(before, after);
  if (first === undefined) return 'Form';
  return fieldTitle(first);
}

/** What the form calls a field of the recipe. */
function fieldTitle(path: string): string {
  const own = path.split('.').at(-1) ?? path;
  return TITLES[path] ?? `${own[0]?.toUpperCase() ?? ''}${own.slice(1).replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`;
}

/** A complaint about a recipe in the form's own words: "refine.rateZ: a number from 0 to 10" is about the rate of z. */
export function inFieldNames(complaint: string): string {
  return complaint.replace(/^([a-z]+(?:\.[a-zA-Z]+)?)(?=: )/, (path) => fieldTitle(path));
}
