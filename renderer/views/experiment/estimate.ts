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
