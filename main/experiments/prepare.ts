/** Opens what a recipe needs (data set, pack on first use) and makes its plan. */
import path from 'node:path';
import type { Dataset } from '../../common/dataset.ts';
import { UserError } from '../../common/errors.ts';
import type { Recipe } from '../../common/recipe.ts';
import type { RunEvent } from '../../common/run-event.ts';
import type { Products } from '../linalg/products.ts';
import { sweepHalfWritten } from './artefacts.ts';
import type { Networks } from './networks.ts';
import { packHash } from './networks.ts';
import { makePlan } from './plan.ts';
import type { StageContext } from './stage.ts';

export interface PrepareOptions {
  readonly recipe: Recipe;
  readonly dataPath: string;
  readonly workspace: string;
  /** Folder of shipped packs; a recipe's `pack` is a name in it or a path. */
  readonly models: string;
  readonly openDataset: (root: string) => Promise<Dataset>;
  readonly openNetworks: (folder: string) => Promise<Networks>;
  /** Hash of a pack, where the caller remembers it; computed unless given. */
  readonly hashPack?: (folder: string) => Promise<string>;
  readonly products: Products;
  /** Bytes that a fit may take; the default of `ridge` unless given. */
  readonly memory?: number | undefined;
  readonly signal: AbortSignal;
  readonly emit: (event: RunEvent) => void;
}

export interface PreparedRun extends StageContext {
  /** Gives back the sessions of the pack, if it was opened. */
  release(): Promise<void>;
}

/** Folder of a pack named in a recipe. */
export function packFolder(models: string, pack: string): string {
  return path.isAbsolute(pack) ? pack : path.join(models, pack);
}

export async function prepareRun(options: PrepareOptions): Promise<PreparedRun> {
  const { recipe, dataPath, workspace, models, openDataset, openNetworks, hashPack = packHash, products, memory, signal, emit } = options;
  const dataset = await openDataset(dataPath);
  try {
    const inspection = await dataset.inspect(signal);
    const subject = inspection.subjects.find((each) => each.id === recipe.data.subject);
    if (subject === undefined) {
      throw new UserError('bad-input', `there is no subject ${recipe.data.subject} in ${dataPath}`, {
        file: dataPath, expected: inspection.subjects.map((each) => each.id).join(', '), found: recipe.data.subject, fix: 'Choose one of the subjects that are there.',
      });
    }
    const blocking = inspection.problems.find((problem) => problem.severity === 'problem' && (problem.subject === undefined || problem.subject === subject.id));
    if (blocking !== undefined) {
      throw new UserError('bad-input', `${blocking.file}: expected ${blocking.expected}, found ${blocking.found}`, blocking);
    }
    const folder = packFolder(models, recipe.pack);
    let opened: Promise<Networks> | null = null;
    const steps = makePlan(recipe, { data: inspection.fingerprint, pack: await hashPack(folder) });
    for (const { key } of steps) await sweepHalfWritten(workspace, key);
    return {
      recipe, workspace, dataset, steps, products, memory, signal, emit,
      networks: () => (opened ??= openNetworks(folder)),
      release: async () => { await (await opened)?.release(); },
    };
  } catch (error) {
    dataset.close();
    throw error;
  }
}
