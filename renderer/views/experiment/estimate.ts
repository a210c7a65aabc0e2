/** How long a recipe will take here, from runs that were done here. Nothing is guessed: no run, no number. */
import type { RunRow } from '../../../common/contract/payloads.ts';

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

/** Seconds per evaluation of the diffusion network on this computer, from the newest run that measured it; a refinement's own pace counts first. */
export function paceKnown(runs: readonly RunRow[]): { readonly seconds: number; readonly from: 'stage1' | 'stage2' } | null {
  const newest = runs.toSorted((a, b) => b.created.localeCompare(a.created));
  for (const from of ['stage2', 'stage1'] as const) {
    const seconds = newest.map((run) => run.summary?.pace?.[from]).find((each) => each !== undefined && each > 0);
    if (seconds !== undefined) return { seconds, from };
  }
  return null;
}
