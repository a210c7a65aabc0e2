/** Seconds per evaluation of the diffusion network, from what a run says: how long the next one will take is known from it. */
import { refineCost, samplerCost } from '../../common/gradient-modes.ts';
import type { Recipe } from '../../common/recipe.ts';
import type { Refinement, RunEvent, RunSummary } from '../../common/run-event.ts';

export interface Pace {
  see(event: RunEvent, milliseconds: number): void;
  pace(): NonNullable<RunSummary['pace']>;
}

interface Span { readonly from: number; readonly at: number; readonly kind: 'stage1' | 'stage2' }

/** One iteration of a group of images, which say their losses one after another. */
interface Pass { readonly iteration: number; readonly at: number; readonly images: ReadonlySet<number>; /** Most images that an iteration of the group had: those that have stopped are computed with the others. */ readonly width: number }

/**
 * Stage 2 goes by the time between iterations of a group, so that images that stop early, and groups that were half done before, count for what was computed.
 * Everything else goes by pictures; those that were kept from before are not counted: a span begins at the first progress that a step reports.
 */
export function paceOf(recipe: Recipe): Pace {
  const kinds = new Map<string, Span['kind']>(), begun = new Map<string, Span>(), found: { stage1?: number; stage2?: number } = {};
  const refining = refineCost(recipe.sampler, recipe.refine), cost = { stage1: samplerCost(recipe.sampler), stage2: refining.all }, iterates = recipe.refine.mode !== 'guided';
  let pass: Pass | null = null, spent = 0, evaluations = 0;
  const iterated = ({ imageId, iteration }: Refinement, at: number): void => {
    if (pass?.iteration === iteration && !pass.images.has(imageId)) {
      const images = new Set([...pass.images, imageId]);
      pass = { ...pass, images, width: Math.max(pass.width, images.size) };
      return;
    }
    const follows = pass !== null && iteration === pass.iteration + 1 && pass.images.has(imageId);
    if (pass !== null && follows) {
      spent += at - pass.at;
      evaluations += refining.iteration * pass.width;
      found.stage2 = spent / 1000 / evaluations;
    }
    pass = { iteration, at, images: new Set([imageId]), width: follows ? pass?.width ?? 1 : 1 };
  };
  return {
    see: (event, milliseconds) => {
      if (event.type === 'step-started' && recipe.pipeline === 'diffusion') {
        if (event.kind === 'reconstruct') kinds.set(event.key, 'stage1');
        if (event.kind === 'refine') kinds.set(event.key, 'stage2');
      }
      if (event.type === 'refinement' && iterates) iterated(event.refinement, milliseconds);
      if (event.type !== 'progress') return;
      const kind = kinds.get(event.key), span = begun.get(event.key);
      if (kind === undefined || (kind === 'stage2' && iterates)) return;
      if (span === undefined) { begun.set(event.key, { from: event.done, at: milliseconds, kind }); return; }
      const images = event.done - span.from;
      if (images >= 1) found[kind] = (milliseconds - span.at) / 1000 / images / cost[kind];
    },
    pace: () => found,
  };
}
