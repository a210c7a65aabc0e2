/** What a stage is: it reads artefacts, writes one artefact, and says facts as events. It opens nothing and stores nothing. */
import type { Dataset } from '../../common/dataset.ts';
import type { Recipe } from '../../common/recipe.ts';
import type { RunEvent, StepKind } from '../../common/run-event.ts';
import { artefactFolder } from './artefacts.ts';
import type { Products } from '../linalg/products.ts';
import type { GroundworkKeep } from './groundwork-keep.ts';
import type { Networks } from './networks.ts';
import type { PlannedStep } from './plan.ts';
import { keyFor } from './plan.ts';

export interface StageContext {
  readonly recipe: Recipe;
  readonly workspace: string;
  readonly dataset: Dataset;
  /** Opens the model pack on first use. */
  readonly networks: () => Promise<Networks>;
  /** Large products, on the runtime. */
  readonly products: Products;
  /** Where fits of one run find what they share; without it each makes its own. */
  readonly groundwork?: GroundworkKeep;
  /** Bytes that a fit may take; the default of `ridge` unless given. */
  readonly memory?: number | undefined;
  readonly steps: readonly PlannedStep[];
  readonly signal: AbortSignal;
  readonly emit: (event: RunEvent) => void;
}

export interface Stage {
  readonly kind: StepKind;
  /** True if every file that the step promises exists. */
  isComplete(step: PlannedStep, context: StageContext): Promise<boolean>;
  /** Computes what is missing and returns the artefact's size in bytes. */
  run(step: PlannedStep, context: StageContext): Promise<number>;
  /** Says again what a finished step has to say (images, metrics), when it is reused. */
  replay?(step: PlannedStep, context: StageContext): Promise<void>;
}

/** Folder of the artefact of the step with this label. */
export function folderOf(context: StageContext, label: string): string {
  return artefactFolder(context.workspace, keyFor(context.steps, label));
}

/** Progress of a step in whole items, at most about ten times a second. */
export function progressOf(step: PlannedStep, context: StageContext): (done: number, total: number, what: string) => void {
  let last = 0;
  return (done, total, what) => {
    const now = Date.now();
    if (now - last < 100 && done < total) return;
    last = now;
    context.emit({ type: 'progress', key: step.key, done: Math.floor(done), total, what });
  };
}
