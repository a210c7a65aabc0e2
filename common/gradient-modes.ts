/**
 * The ways to a gradient of stage 2: what each computes, what it is worth, and what it costs (method.md 4.3). Costs count evaluations of the diffusion
 * network per image, one row each; a gradient of one evaluation is taken as three (forward again, and back).
 */
import { finalistIterations } from './recipe.ts';
import type { GradientMode, RefineChoice, SamplerChoice } from './recipe.ts';

/** What a gradient is worth: that of the loss, something else in its place, or none of the whole loss. */
export type GradientWorth = 'exact' | 'biased' | 'another algorithm';

export interface GradientModeFacts {
  /** Letter of the reference sheet. */
  readonly letter: string;
  readonly title: string;
  /** In general; of one recipe it is `gradientWorth`. */
  readonly worth: GradientWorth;
  readonly what: string;
}

export const GRADIENT_MODES: { readonly [M in GradientMode]: GradientModeFacts } = {
  full: { letter: 'A', title: 'Full', worth: 'exact', what: 'Gradient through every step of the sampler, as published.' },
  coarse: { letter: 'A″', title: 'Coarse sampler', worth: 'exact', what: 'Exact for a sampler of few steps; the final picture is drawn with all of them.' },
  conditional: { letter: 'B', title: 'Conditional branch', worth: 'biased', what: 'Leaves out the gradient through the unguided branch.' },
  truncated: { letter: 'C', title: 'Last steps', worth: 'biased', what: 'Differentiates the network in the last steps only; c sees details, not the outline.' },
  guided: { letter: 'D', title: 'Guided walk', worth: 'another algorithm', what: 'Pushes the first steps of one walk; z and c stay as decoded.' },
};

/** A gradient of one evaluation, in evaluations. */
const GRADIENT = 3;

/** Steps that a sampler walks. */
export function walkedSteps(steps: number, strength: number): number {
  return Math.max(1, Math.min(steps, Math.floor(steps * strength + 1e-9)));
}

/** Evaluations of stage 1 for one image. */
export function samplerCost({ scheduler, steps, strength, guidance }: SamplerChoice): number {
  const walked = walkedSteps(steps, strength);
  return (walked + (scheduler === 'pndm' && walked > 1 ? 1 : 0)) * (guidance === 1 ? 1 : 2);
}

/** Evaluations of the network that one walk is differentiated through. */
function callsOf(sampler: SamplerChoice): number {
  return samplerCost({ ...sampler, guidance: 1 });
}

/**
 * What the gradient of a recipe is worth. A mode that leaves something out is exact where there is nothing to leave out: no unguided branch at guidance 1,
 * no earlier steps; any mode is biased where saturated pixels pass gradients that they do not have.
 */
export function gradientWorth(sampler: SamplerChoice, { mode, clamp, lastSteps }: RefineChoice): GradientWorth {
  const general = GRADIENT_MODES[mode].worth;
  if (general === 'another algorithm') return general;
  if (clamp === 'through') return 'biased';
  const leavesNothing = (mode === 'conditional' && sampler.guidance === 1) || (mode === 'truncated' && lastSteps >= callsOf(sampler));
  return leavesNothing ? 'exact' : general;
}

/** Evaluations of stage 2 for one image: of one iteration, and at most of all with the final pictures that it is chosen from. */
export function refineCost(sampler: SamplerChoice, refine: RefineChoice): { readonly iteration: number; readonly all: number } {
  const final = samplerCost(sampler), branches = sampler.guidance === 1 ? 1 : 2;
  if (refine.mode === 'guided') {
    const pushed = Math.max(1, Math.round(refine.guidedShare * walkedSteps(sampler.steps, sampler.strength))) * branches * GRADIENT;
    return { iteration: pushed, all: final + pushed };
  }
  const inner: SamplerChoice = refine.mode === 'coarse' ? { ...sampler, steps: Math.min(refine.coarseSteps, sampler.steps) } : sampler, forward = samplerCost(inner);
  const calls = forward / branches, differentiated = refine.mode === 'truncated' ? Math.min(refine.lastSteps, calls) : calls;
  const iteration = forward + differentiated * (refine.mode === 'conditional' ? 1 : branches) * GRADIENT;
  // Under the noise of stage 1 the iteration of lowest loss need not be one that is kept.
  const kept = finalistIterations(refine).length, drawn = kept === 0 ? 1 : refine.noise === 'fixed' ? kept + 1 : kept;
  return { iteration, all: refine.iterations * iteration + forward + drawn * final };
}
