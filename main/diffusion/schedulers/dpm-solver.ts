/**
 * DPM-Solver++(2M), midpoint form (Lu et al. 2022, "DPM-Solver++", algorithm 2): second order with one network call per step.
 *
 * alpha, sigma   sqrt(alphaBar), sqrt(1 - alphaBar) before and after the step
 * lambda         ln(alpha / sigma); h its change over this step, h0 over the step before
 * m0, m1         predicted clean samples of this step and of the step before (memory)
 *
 * The first step of a walk has no memory and the last would extrapolate to the clean end: both are first order, which is DDIM with eta 0.
 */
import { f32 } from '../../../common/ndarray.ts';
import { interpret, levelsAt } from '../schedule.ts';
import type { StepInput, StepResult } from './scheduler.ts';

function lambdaOf(alphaBar: number): number {
  return 0.5 * Math.log(alphaBar / (1 - alphaBar));
}

/** Deterministic; throws if eta is above 0. Memory: the predicted clean sample. */
export function dpmSolver({ schedule, index, output, sample, eta, memory }: StepInput): StepResult {
  const size = sample.data.length, [before] = memory;
  if (eta > 0) throw new RangeError('DPM-Solver++(2M) is deterministic: eta must be 0');
  if (output.data.length !== size) throw new RangeError(`the network answered ${output.data.length} values for ${size}`);
  // 1. Noise levels before and after.
  const { now, next } = levelsAt(schedule, index), alphaNext = Math.sqrt(next), ratio = Math.sqrt((1 - next) / (1 - now));
  // 2. e^-h - 1 with e^-h = (alpha_now / sigma_now) (sigma_next / alpha_next); well defined for sigma_next = 0.
  const decay = ratio * Math.sqrt(now / next) - 1;
  // 3. Weight of the difference of clean samples, 1 / (2 r0) with r0 = h0 / h.
  const last = index === schedule.timesteps.length - 1;
  const slope = before === undefined || last ? 0 : (0.5 * (lambdaOf(next) - lambdaOf(now))) / (lambdaOf(now) - lambdaOf(levelsAt(schedule, index - 1).now));
  const previous = new Float32Array(size), original = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    // 4. m0, and the clean sample extrapolated to the middle of the step.
    const m0 = interpret(schedule.config.prediction, now, output.data[i]!, sample.data[i]!).original;
    const middle = before === undefined ? m0 : m0 + slope * (m0 - before.data[i]!);
    original[i] = m0;
    // 5. x_next = (sigma_next / sigma_now) x - alpha_next (e^-h - 1) D.
    previous[i] = ratio * sample.data[i]! - alphaNext * decay * middle;
  }
  const predictedOriginal = f32(sample.shape, original);
  return { previous: f32(sample.shape, previous), predictedOriginal, memory: [predictedOriginal] };
}
