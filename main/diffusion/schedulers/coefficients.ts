/**
 * A scheduler's step as the linear map that it is: next = sum over inputs k of w_k input_k, inputs being sample, output and memory.
 *
 * The weights are read off by stepping the unit vectors, so a new scheduler brings its adjoint with it. Float32 as the step itself.
 */
import { f32 } from '../../../common/ndarray.ts';
import type { F32 } from '../../../common/ndarray.ts';
import type { Schedule } from '../schedule.ts';
import type { Step } from './scheduler.ts';

export interface StepWeights {
  /** Weight of [sample, output, ...memory] in the next sample. */
  readonly previous: Float32Array;
  /** The same for each entry of the memory that the step returns. */
  readonly memory: readonly Float32Array[];
  /** The same for the clean sample that is predicted now. */
  readonly original: Float32Array;
}

/** `remembered`: entries of the memory that the step was given. */
export function weightsOf(step: Step, schedule: Schedule, index: number, remembered: number, corrects: boolean): StepWeights {
  const inputs = 2 + remembered, unit = (k: number): F32 => f32([inputs], Float32Array.from({ length: inputs }, (_, i) => (i === k ? 1 : 0)));
  const result = step({ schedule, index, sample: unit(0), output: unit(1), memory: Array.from({ length: remembered }, (_, k) => unit(2 + k)), eta: 0, noise: null, corrects });
  return { previous: result.previous.data, memory: result.memory.map((each) => each.data), original: result.predictedOriginal.data };
}
