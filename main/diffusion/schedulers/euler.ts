/**
 * Euler (Karras et al. 2022, algorithm 2 without churn), for a network trained on the variance-preserving chain.
 *
 * sigma    sqrt((1 - alphaBar) / alphaBar) before and after the step; 0 after the last, which therefore lands on the clean sample
 * y        sample / sqrt(alphaBar), the same picture on the variance-exploding chain
 * d        dy/dsigma = (y - clean) / sigma, which is the predicted noise
 *
 * The reference library gives the network fractional timesteps where linspace spacing has them; ours are rounded, so the two agree where
 * the spacing is whole. On this chain an Euler step and a DDIM step are the same; they differ in where the last one lands.
 */
import { f32 } from '../../../common/ndarray.ts';
import { interpret, levelsAt } from '../schedule.ts';
import type { StepInput, StepResult } from './scheduler.ts';

/** Deterministic; throws if eta is above 0. No memory. */
export function euler({ schedule, index, output, sample, eta }: StepInput): StepResult {
  const size = sample.data.length;
  if (eta > 0) throw new RangeError('Euler is deterministic: eta must be 0');
  if (output.data.length !== size) throw new RangeError(`the network answered ${output.data.length} values for ${size}`);
  // 1. Noise levels before and after; the walk ends without noise.
  const { now, next: listed } = levelsAt(schedule, index), next = index === schedule.timesteps.length - 1 ? 1 : listed;
  const sigma = Math.sqrt((1 - now) / now), after = Math.sqrt((1 - next) / next);
  const previous = new Float32Array(size), original = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const meant = interpret(schedule.config.prediction, now, output.data[i]!, sample.data[i]!);
    original[i] = meant.original;
    // 2. y' = y + (sigma' - sigma) d, back on the chain of the network.
    previous[i] = Math.sqrt(next) * (sample.data[i]! / Math.sqrt(now) + (after - sigma) * meant.noise);
  }
  return { previous: f32(sample.shape, previous), predictedOriginal: f32(sample.shape, original), memory: [] };
}
