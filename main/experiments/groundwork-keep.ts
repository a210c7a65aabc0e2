/** The groundwork of the last fit, for the next one on the same responses: the feature spaces of a run share folds, Gram matrices and factors. */
import type { Groundwork } from '../ridge/groundwork.ts';

export interface GroundworkKeep {
  /** The one kept under this key, or a new one in its place. `key` names all that it depends on. */
  of(key: string, make: () => Promise<Groundwork>): Promise<Groundwork>;
  /** Gives the memory back. */
  clear(): void;
}

export function keepGroundwork(): GroundworkKeep {
  let kept: { readonly key: string; readonly groundwork: Groundwork } | null = null;
  return {
    of: async (key, make) => {
      if (kept?.key === key) return kept.groundwork;
      kept = null;
      const groundwork = await make();
      kept = { key, groundwork };
      return groundwork;
    },
    clear: () => { kept = null; },
  };
}
