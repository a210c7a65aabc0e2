/** What a scheduler is: one pure step along a schedule. The index is an argument; history is passed in and returned. */
import type { F32 } from '../../../common/ndarray.ts';
import type { Schedule } from '../schedule.ts';

export interface StepInput {
  readonly schedule: Schedule;
  /** Position in `schedule.timesteps`. */
  readonly index: number;
  /** What the network said about `sample`, guidance applied. */
  readonly output: F32;
  readonly sample: F32;
  /** 0 = deterministic. */
  readonly eta: number;
  /** Standard normal deviates of the sample's shape; needed when eta is above 0. */
  readonly noise: F32 | null;
  /** What the step before returned; empty at the first step of a walk. */
  readonly memory: readonly F32[];
  /** The first step made again, with the network's answer at the end of its trial; only for schedulers that try (`tries`). */
  readonly corrects?: boolean;
}

export interface StepResult {
  /** The sample one step nearer to the picture. */
  readonly previous: F32;
  /** The clean sample that the network's output implies now. */
  readonly predictedOriginal: F32;
  readonly memory: readonly F32[];
}

export type Step = (input: StepInput) => StepResult;

export interface Scheduler {
  readonly title: string;
  /**
   * With eta 0 every scheduler is linear in sample, output and memory, the same for every element; the adjoint relies on it
   * (`coefficients.ts`).
   */
  readonly step: Step;
  /** True if a walk of two steps or more makes its first one twice: a trial, then a correction. */
  readonly tries: boolean;
}
