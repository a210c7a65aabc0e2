/**
 * DDIM (Song et al. 2021, "Denoising diffusion implicit models"), equations 12 and 16.
 *
 * alphaBar_t, alphaBar_s  noise levels before and after the step
 * x_t, x_s                samples before and after
 * e                       predicted noise (guidance applied)
 * sigma                   eta sqrt((1 - alphaBar_s) / (1 - alphaBar_t)) sqrt(1 - alphaBar_t / alphaBar_s)
 */
import { f32 } from '../../../common/ndarray.ts';
import { interpret, levelsAt } from '../schedule.ts';
import type { StepInput, StepResult } from './scheduler.ts';

/** Latents and output of one shape; throws if eta is above 0 and no noise is given. */
export function ddim({ schedule, index, output, sample, eta, noise }: StepInput): StepResult {
  const size = sample.data.length;
  if (output.data.length !== size) throw new RangeError(`the network answered ${output.data.length} values for ${size}`);
  if (eta > 0 && noise?.data.length !== size) throw new RangeError(`eta ${eta} needs noise of ${size} values`);
  // 1. Noise levels before and after.
  const { now, next } = levelsAt(schedule, index);
  // 2. Deviation of the fresh noise (eq. 16).
  const sigma = eta * Math.sqrt((1 - next) / (1 - now)) * Math.sqrt(1 - now / next);
  const signal = Math.sqrt(next), direction = Math.sqrt(Math.max(0, 1 - next - sigma * sigma));
  const previous = new Float32Array(size), original = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    // 3. The clean sample that the output means (first term of eq. 12).
    const meant = interpret(schedule.config.prediction, now, output.data[i]!, sample.data[i]!);
    original[i] = meant.original;
    // 4. Back towards x_t along the predicted noise, plus fresh noise (eq. 12).
    const fresh = sigma === 0 || noise === null ? 0 : sigma * noise.data[i]!;
    previous[i] = signal * meant.original + direction * meant.noise + fresh;
  }
  return { previous: f32(sample.shape, previous), predictedOriginal: f32(sample.shape, original), memory: [] };
}
