/** What a model folder provides, what it takes and where it would run: the answer of `models check` and of the window, before a network is opened. */
import path from 'node:path';
import type { PackFacts, PackReport, ProviderChoice } from '../../common/contract/pack-report.ts';
import { reportOf } from '../../common/errors.ts';
import type { RefineChoice, SamplerChoice } from '../../common/recipe.ts';
import type { Tokeniser } from '../clip/tokenise.ts';
import { checkPack, readPack } from '../runtime/models.ts';
import type { PackContents } from '../runtime/models.ts';
import { bestProvider, probeProviders } from '../runtime/providers.ts';
import { packMemory } from './pack-memory.ts';
import { packTokeniser } from './pack-tokeniser.ts';

export interface PackQuestion {
  readonly sampler: SamplerChoice;
  readonly refine: RefineChoice;
  /** Pictures that a run makes. */
  readonly images: number;
}

/** Which provider runs the networks here and why not another: each is tried with a small network against the processor's answer. */
export async function chooseProvider(): Promise<ProviderChoice> {
  const tried = await probeProviders();
  return { used: bestProvider(tried), tried };
}

/** Never throws for what a folder lacks: that is the answer. */
export async function packReport(folder: string, { sampler, refine, images }: PackQuestion, provider: ProviderChoice): Promise<PackReport> {
  const check = await checkPack(folder), described = { name: check.name, folder, weightBytes: check.weightBytes, assumptions: check.assumptions, provider };
  if (!check.ok) return { ...described, ok: false, roles: check.roles, facts: null, memory: null };
  // A tokenizer is only known to be one when it has been read, and a graph to be usable when its shapes follow.
  const pack = await readPack(folder);
  let tokeniser: Tokeniser;
  try { tokeniser = await packTokeniser(pack); } catch (error) {
    const problem = reportOf(error);
    if (problem.kind === 'bug') throw error;
    return { ...described, ok: false, facts: null, memory: null, roles: check.roles.map((role) => (role.role === 'tokenizer' ? { ...role, ok: false, file: problem.file === undefined ? role.file : path.relative(folder, problem.file), problem } : role)) };
  }
  return { ...described, ok: true, roles: check.roles, facts: factsOf(pack, tokeniser), memory: await packMemory(pack, sampler, refine, images) };
}

function factsOf({ version, licence, synthetic, pixels, latentShape, contextLength, taps, roles, schedulerConfig }: PackContents, { endId }: Tokeniser): PackFacts {
  const name = schedulerConfig['_class_name'];
  return {
    version, licence, synthetic, pixels, latentShape, contextLength, endToken: endId, taps: taps.length, clipPixels: roles.imageEncoder.pixels,
    scheduler: typeof name === 'string' ? name : null, prediction: roles.unet.prediction,
  };
}
