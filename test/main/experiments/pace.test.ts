/** Seconds per evaluation of the network from what a run says, on clocks whose pace is known: one evaluation takes a tenth of a second. */
import { describe, expect, it } from 'vitest';
import { refineCost, samplerCost } from '../../../common/gradient-modes.ts';
import { parseRecipe } from '../../../common/recipe.ts';
import type { GradientMode, Recipe } from '../../../common/recipe.ts';
import type { RunEvent } from '../../../common/run-event.ts';
import { paceOf } from '../../../main/experiments/pace.ts';

const SECONDS = 0.1, KEY = 'refine-key', ITERATIONS = 10;
const recipeOf = (mode: GradientMode): Recipe => parseRecipe({ name: 'paced', sampler: { steps: 10, strength: 1, guidance: 3 }, refine: { enabled: true, mode, iterations: ITERATIONS } });

interface Group { readonly ids: readonly number[]; /** First iteration that is judged: above 0 in a group that goes on from a kept state. */ readonly from: number; /** Last, and of each image where it stops before. */ readonly to: number; readonly stops?: Readonly<Record<number, number>> }

/** What stage 2 says of groups, in the order and at the times in which `stages/refine.ts` says it. */
function paced(mode: GradientMode, groups: readonly Group[]): number | undefined {
  const recipe = recipeOf(mode), cost = refineCost(recipe.sampler, recipe.refine), final = samplerCost(recipe.sampler), judging = cost.all - ITERATIONS * cost.iteration - final, watch = paceOf(recipe);
  const total = groups.reduce((sum, { ids }) => sum + ids.length, 0);
  let clock = 1000, done = 0, last = -1;
  const say = (event: RunEvent): void => { watch.see(event, clock); };
  const work = (evaluations: number): void => { clock += 1000 * SECONDS * evaluations; };
  const progress = (at: number): void => { if (Math.floor(at) !== last || at === total) say({ type: 'progress', key: KEY, done: last = Math.floor(at), total, what: 'images' }); };
  say({ type: 'step-started', key: KEY, kind: 'refine', title: 'Refine' });
  clock += 5000; // the pack is opened and differentiated
  for (const { ids, from, to, stops } of groups) {
    work(judging * ids.length);
    for (let iteration = from; iteration <= to; iteration++) {
      if (iteration > from) work(cost.iteration * ids.length);
      for (const imageId of ids) if (iteration <= (stops?.[imageId] ?? to)) say({ type: 'refinement', key: KEY, refinement: { imageId, iteration, iterations: ITERATIONS, decoded: 1, true: null, picture: '' } });
      if (iteration < to) progress(done + (0.95 * ids.length * (iteration + 1)) / (ITERATIONS + 1));
    }
    work(final * ids.length);
    progress(done += ids.length);
  }
  return watch.pace().stage2;
}

const FOUR = [1, 2, 3, 4], NEXT = [5, 6, 7, 8];
describe('the pace of stage 2 is that of the network', () => {
  it.each<[string, readonly Group[]]>([
    ['of whole groups', [{ ids: FOUR, from: 0, to: ITERATIONS }, { ids: NEXT, from: 0, to: ITERATIONS }]],
    ['of one image', [{ ids: [1], from: 0, to: ITERATIONS }]],
    ['of images that stop early', [{ ids: FOUR, from: 0, to: 5 }, { ids: NEXT, from: 0, to: 4 }]],
    ['of images that stop while others of their group go on', [{ ids: FOUR, from: 0, to: ITERATIONS, stops: { 1: 3, 2: 6 } }]],
    ['of a group that goes on in the middle', [{ ids: FOUR, from: 8, to: ITERATIONS }]],
    ['of a group that goes on, and a whole one', [{ ids: FOUR, from: 8, to: ITERATIONS }, { ids: NEXT, from: 0, to: ITERATIONS }]],
  ])('%s', (_, groups) => { expect(paced('full', groups)).toBeCloseTo(SECONDS, 9); });

  it('and not known where only the last iteration was left', () => { expect(paced('full', [{ ids: FOUR, from: ITERATIONS, to: ITERATIONS }])).toBeUndefined(); });
});

it('stage 1 goes by its pictures', () => {
  const recipe = recipeOf('full'), watch = paceOf(recipe), each = 1000 * SECONDS * samplerCost(recipe.sampler);
  watch.see({ type: 'step-started', key: 'r', kind: 'reconstruct', title: 'Reconstruct' }, 0);
  for (const done of [0, 4, 8]) watch.see({ type: 'progress', key: 'r', done, total: 8, what: 'images' }, 500 + done * each);
  expect(watch.pace()).toEqual({ stage1: SECONDS });
});
