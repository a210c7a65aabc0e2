/**
 * RunEvent: each fact of a run, said once. Drives the store, the window and the command line alike.
 */
import type { ErrorReport } from './errors.ts';

/** Kinds of steps, in the order in which data flows. */
export type StepKind = 'responses' | 'features' | 'fit' | 'predict' | 'accuracy' | 'reconstruct' | 'refine' | 'score' | 'maps';

/** `paused` is stopped by its user to go on later, also after a restart; `cancelled` can be resumed too, but nobody waits for it. */
export type RunState = 'waiting' | 'running' | 'paused' | 'done' | 'failed' | 'cancelled';

export interface StepPlan {
  /** Hash of kind, version, parameters, and the keys of its inputs. */
  readonly key: string;
  readonly kind: StepKind;
  /** Unique within a plan: `responses`, `features:z`, `fit:z`, ... */
  readonly label: string;
  /** "Decode c (ridge)", "Reconstruct 24 images". */
  readonly title: string;
  /** Keys of the steps it reads. */
  readonly inputs: readonly string[];
  /** Share of the expected work, for the progress bar; sums to about 1. */
  readonly weight: number;
}

export interface ArtefactRow {
  readonly key: string;
  readonly kind: StepKind;
  /** Relative to the workspace folder. */
  readonly path: string;
  readonly bytes: number;
}

/** Scores of one reconstruction; NaN is never stored, absent means not computed. */
export type Scores = Readonly<Record<string, number>>;

export interface ImageResult {
  readonly imageId: number;
  /** Relative to the workspace folder; PNG. */
  readonly truth: string;
  readonly reconstruction: string;
}

/** One iteration of stage 2 on one image. */
export interface Refinement {
  readonly imageId: number;
  /** Updates made before it was judged; 0 is stage 1. */
  readonly iteration: number;
  /** Number of the last iteration that may come; a guided walk's are its pushed steps. */
  readonly iterations: number;
  /** Loss against the decoded target. */
  readonly decoded: number;
  /** The same against the image's own features; null where they are not known. It rises while `decoded` falls when the refinement over-fits. */
  readonly true: number | null;
  /** Picture of this iteration, relative to the workspace folder; PNG. */
  readonly picture: string;
}

/** What is kept of one image's refinement, as JSON beside its picture. */
export interface RefinementRecord {
  readonly imageId: number;
  readonly mode: string;
  readonly loss: string;
  /** Per iteration, from 0; null where the image had stopped or nothing is known. */
  readonly decoded: readonly (number | null)[];
  readonly true: readonly (number | null)[];
  readonly chosen: number;
  readonly stopped: number | null;
  /** Losses of the pictures themselves, stage 1's and the final one, read as any picture is. */
  readonly before: { readonly decoded: number; readonly true: number | null };
  readonly after: { readonly decoded: number; readonly true: number | null };
  /** Decoded loss of the image's own features: below it a loss fits what the decoder gets wrong. Absent in records of earlier versions. */
  readonly atTruth?: number;
  /** |z - z0| / |z0| and the same of c: how far the refinement went from what was decoded. */
  readonly driftZ: number;
  readonly driftC: number;
  /** Iterations that the final sampler drew, and the decoded loss of each; absent where it drew the chosen one alone. */
  readonly drawn?: readonly { readonly iteration: number; readonly decoded: number | null }[];
}

export type RunEvent =
  | { readonly type: 'planned'; readonly steps: readonly StepPlan[]; readonly reused: readonly string[] }
  | { readonly type: 'step-started'; readonly key: string; readonly kind: StepKind; readonly title: string }
  | { readonly type: 'progress'; readonly key: string; readonly done: number; readonly total: number; readonly what: string }
  | { readonly type: 'image'; readonly key: string; readonly image: ImageResult }
  | { readonly type: 'refinement'; readonly key: string; readonly refinement: Refinement }
  | { readonly type: 'artefact'; readonly artefact: ArtefactRow }
  | { readonly type: 'metric'; readonly key: string; readonly name: string; readonly value: number; readonly baseline?: number; readonly imageId?: number; readonly space?: string; readonly region?: string }
  | { readonly type: 'step-done'; readonly key: string; readonly seconds: number; readonly reused: boolean }
  | { readonly type: 'failed'; readonly error: ErrorReport }
  | { readonly type: 'finished'; readonly summary: RunSummary };

export interface RunSummary {
  readonly seconds: number;
  readonly steps: number;
  readonly reused: number;
  readonly images: number;
  /** Seconds of this machine per evaluation of the diffusion network (`gradient-modes.ts`), where the run measured it; absent in runs of before. */
  readonly pace?: { readonly stage1?: number; readonly stage2?: number };
  /** Mean over images: name -> {value, baseline (shuffled), better}. */
  readonly scores: Readonly<Record<string, { readonly value: number; readonly baseline: number; readonly better: 'higher' | 'lower' }>>;
}
