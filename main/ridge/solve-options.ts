/** What every piece of solving is told: when to stop, whom to tell, how much to keep. */
export interface SolveOptions {
  readonly signal?: AbortSignal | undefined;
  /** Share of the current piece of work, 0 to 1, and what it is. */
  readonly progress?: ((share: number, what: string) => void) | undefined;
  /** Bytes of inverses to keep for reuse; 4 GB unless given. */
  readonly keep?: number;
}
