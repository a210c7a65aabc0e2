/** How long a recipe will take here, from runs that were done here. Nothing is guessed: no run, no number. */
import type { RunRow } from '../../../common/contract/payloads.ts';
import { samplerCost } from '../../../common/gradient-modes.ts';
import type { Recipe } from '../../../common/recipe.ts';
import { count, duration } from '../../parts/words.ts';

export interface Estimate {
  readonly lowSeconds: number;
  readonly highSeconds: number;
  readonly runs: number;
}

/** From finished runs that computed everything themselves; `images` scales the part that depends on pictures. */
export function estimate(runs: readonly RunRow[], images: number): Estimate | null {
  const perImage = runs.filter((run) => run.state === 'done' && run.summary !== null && run.summary.reused === 0 && run.summary.images > 0)
    .map((run) => ({ seconds: run.summary?.seconds ?? 0, images: run.summary?.images ?? 1 }));
  if (perImage.length === 0) return null;
  // Between "all of the time was per picture" and "none of it was".
  const guesses = perImage.flatMap(({ seconds, images: done }) => [seconds, (seconds * images) / done]);
  return { lowSeconds: Math.min(...guesses), highSeconds: Math.max(...guesses), runs: perImage.length };
}

/** Runs whose pace counts: one that ran beside other work, or was over in a moment, must not speak for all. */
const PACES = 5;

/** Seconds per evaluation of the diffusion network on this computer, the median of the newest runs that measured it; refinements' own pace counts first. */
export function paceKnown(runs: readonly RunRow[]): { readonly seconds: number; readonly from: 'stage1' | 'stage2' } | null {
  const newest = runs.toSorted((a, b) => b.created.localeCompare(a.created));
  for (const from of ['stage2', 'stage1'] as const) {
    const paces = newest.flatMap((run) => { const pace = run.summary?.pace?.[from] ?? 0; return pace > 0 ? [pace] : []; }).slice(0, PACES).toSorted((a, b) => a - b);
    const seconds = paces[(paces.length - 1) >> 1];
    if (seconds !== undefined) return { seconds, from };
  }
  return null;
}

const approximately = (seconds: number): string => `${seconds < 1 ? '' : 'about '}${duration(seconds)}`;

/** What the form says of the time: by whole runs, else by the pace at which pictures were drawn, else nothing. */
export function timeWords(runs: readonly RunRow[], images: number, { pipeline, sampler, refine }: Recipe): string {
  const guess = estimate(runs, images), pace = pipeline === 'diffusion' ? paceKnown(runs) : null, pictures = count(images, 'picture');
  const stage2 = pipeline === 'diffusion' && refine.enabled ? ' Stage 2 comes on top, see its cost above.' : '';
  if (guess !== null) return `${pictures}, ${duration(guess.lowSeconds)}${guess.highSeconds > guess.lowSeconds * 1.2 ? ` to ${duration(guess.highSeconds)}` : ''} going by ${count(guess.runs, 'earlier run')}.${stage2}`;
  if (pace !== null) return `${pictures}, ${approximately(pace.seconds * samplerCost(sampler) * images)} to draw them in stage 1; decoders that are not there yet come on top.${stage2}`;
  return `${pictures}. The first run with this model pack tells how long it takes.${stage2}`;
}
