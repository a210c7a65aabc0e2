/** What main (or the command line) and an engine process say to each other. One engine serves one lane. */
import type { RunRef } from '../../common/contract/payloads.ts';
import type { ErrorReport } from '../../common/errors.ts';
import type { Recipe } from '../../common/recipe.ts';
import type { RunEvent } from '../../common/run-event.ts';

export type EngineRequest =
  | { readonly type: 'run'; readonly id: string; readonly recipe: Recipe; readonly dataPath: string; readonly memory?: number }
  /** Decoders of single regions of a finished run. */
  | { readonly type: 'regions'; readonly id: string; readonly recipe: Recipe; readonly ref: RunRef; readonly memory?: number }
  | { readonly type: 'demo'; readonly id: string; readonly directory: string; readonly subjects: number; readonly seed: number }
  | { readonly type: 'cancel'; readonly id: string };

export type EngineMessage =
  | { readonly type: 'event'; readonly id: string; readonly event: RunEvent }
  | { readonly type: 'progress'; readonly id: string; readonly done: number; readonly total: number; readonly what: string }
  /** A job that is not a run ended; a run ends with its `finished` or `failed` event. */
  | { readonly type: 'ended'; readonly id: string; readonly error: ErrorReport | null };

/** An engine process, whoever forked it (Electron's utilityProcess or Node's child_process). */
export interface EngineProcess {
  post(message: EngineRequest): void;
  onMessage(listener: (message: EngineMessage) => void): void;
  /** `code` is null when it was killed by a signal. */
  onExit(listener: (code: number | null) => void): void;
  kill(): void;
  /** Resident bytes now; null where the system does not say. */
  memory?(): number | null;
}
