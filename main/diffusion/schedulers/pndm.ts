/**
 * PNDM in its linear multistep form, PLMS (Liu et al. 2022, "Pseudo numerical methods for diffusion models on manifolds", eq. 12), as Stable
 * Diffusion uses it: without the Runge-Kutta warm-up.
 *
 * e        blend of the network's outputs, newest first:
 *          e0 | (3 e0 - e1) / 2 | (23 e0 - 16 e1 + 5 e2) / 12 | (55 e0 - 59 e1 + 37 e2 - 9 e3) / 24
 * first    made twice: a trial with e0, then from the same sample again with (e0 + e1) / 2, e1 being the output at the trial's end; that output is
 *          not kept. 50 steps cost 51 evaluations.
 *
 * The blend is of raw outputs and is read (`interpret`) at the level and sample of the step, as the reference library does. That library subtracts a
 * fixed stride from the timestep; here the next timestep of the list is taken (see `schedule.ts`).
 */
import { f32 } from '../../../common/ndarray.ts';
import type { F32 } from '../../../common/ndarray.ts';
import { interpret, levelsAt } from '../schedule.ts';
import type { StepInput, StepResult } from './scheduler.ts';

/** Adams-Bashforth weights by the number of outputs at hand. */
const WEIGHTS: readonly (readonly number[])[] = [[], [1], [3 / 2, -1 / 2], [23 / 12, -16 / 12, 5 / 12], [55 / 24, -59 / 24, 37 / 24, -9 / 24]];
/** Outputs that are remembered besides the newest. */
const KEPT = 3;

/** Deterministic; throws if eta is above 0. Memory: outputs, newest first; after the trial, its output and the sample it started from. */
export function pndm({ schedule, index, output, sample, eta, memory, corrects = false }: StepInput): StepResult {
  const size = sample.data.length;
  if (eta > 0) throw new RangeError('PNDM is deterministic: eta must be 0');
  if (output.data.length !== size) throw new RangeError(`the network answered ${output.data.length} values for ${size}`);
  if (corrects) {
    const [trial, start] = memory;
    if (trial === undefined || start === undefined) throw new RangeError('PNDM corrects a trial that was not made');
    return transfer({ schedule, index }, blend([output, trial], [1 / 2, 1 / 2]), start, [trial]);
  }
  if (memory.length === 0) return transfer({ schedule, index }, output, sample, [output, sample]);
  const outputs = [output, ...memory].slice(0, KEPT + 1), weights = WEIGHTS[outputs.length] ?? [];
  return transfer({ schedule, index }, blend(outputs, weights), sample, outputs.slice(0, KEPT));
}

function blend(outputs: readonly F32[], weights: readonly number[]): F32 {
  const [first] = outputs;
  if (first === undefined) throw new RangeError('PNDM blends no outputs');
  return f32(first.shape, first.data.map((_, i) => outputs.reduce((sum, each, k) => sum + (weights[k] ?? 0) * each.data[i]!, 0)));
}

/** The noiseless DDIM step. */
function transfer({ schedule, index }: Pick<StepInput, 'schedule' | 'index'>, output: F32, sample: F32, memory: readonly F32[]): StepResult {
  const { now, next } = levelsAt(schedule, index), signal = Math.sqrt(next), direction = Math.sqrt(1 - next);
  const previous = new Float32Array(sample.data.length), original = new Float32Array(sample.data.length);
  for (let i = 0; i < previous.length; i++) {
    const meant = interpret(schedule.config.prediction, now, output.data[i]!, sample.data[i]!);
    original[i] = meant.original;
    previous[i] = signal * meant.original + direction * meant.noise;
  }
  return { previous: f32(sample.shape, previous), predictedOriginal: f32(sample.shape, original), memory };
}
