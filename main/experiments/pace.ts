/** Seconds per evaluation of the diffusion network, from what a run says: how long the next one will take is known from it. */
import { refineCost, samplerCost } from '../../common/gradient-modes.ts';
import type { Recipe } from '../../common/recipe.ts';
import type { RunEvent, RunSummary } from '../../common/run-event.ts';

export interface Pace {
  see(event: RunEvent, milliseconds: number): void;
  pace(): NonNullable<RunSummary['pace']>;
}

interface Span { readonly from: number; readonly at: number; readonly kind: 'stage1' | 'stage2' }

/** Images that were kept from before are not counted: a span begins at the first progress that a step reports. */
export function paceOf(recipe: Recipe): Pace {
  const kinds = new Map<string, Span['kind']>(), begun = new Map<string, Span>(), found: { stage1?: number; stage2?: number } = {};
  const cost = { stage1: samplerCost(recipe.sampler), stage2: refineCost(recipe.sampler, recipe.refine).all };
  return {
    see: (event, milliseconds) => {
      if (event.type === 'step-started' && recipe.pipeline === 'diffusion') {
        if (event.kind === 'reconstruct') kinds.set(event.key, 'stage1');
        if (event.kind === 'refine') kinds.set(event.key, 'stage2');
      }
      if (event.type !== 'progress') return;
      const kind = kinds.get(event.key), span = begun.get(event.key);
      if (kind === undefined) return;
      if (span === undefined) { begun.set(event.key, { from: event.done, at: milliseconds, kind }); return; }
      const images = event.done - span.from;
      if (images >= 1) found[kind] = (milliseconds - span.at) / 1000 / images / cost[kind];
    },
    pace: () => found,
  };
}
