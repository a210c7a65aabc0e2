/** Shapes of what crosses between window, main process and engine. Plain data only: ids, arrays, messages. */
import type { Hemisphere, Inspection } from '../dataset.ts';
import type { ErrorReport } from '../errors.ts';
import type { F32, NdArray } from '../ndarray.ts';
import type { Recipe, SpaceName } from '../recipe.ts';
import type { TableNumber } from '../ablation/arms.ts';
import type { RefinementRecord, RunState, RunSummary, Scores, StepPlan } from '../run-event.ts';

export type Theme = 'system' | 'light' | 'dark';

export interface RecentData {
  readonly path: string;
  readonly label: string;
  readonly synthetic: boolean;
  readonly openedAt: string;
  /** False when the folder cannot be reached now. */
  readonly reachable: boolean;
}

export interface AppInfo {
  readonly version: string;
  readonly electron: string;
  readonly platform: string;
  readonly theme: Theme;
  readonly recents: readonly RecentData[];
  /** The data folder and run of the last session, to return to. */
  readonly last: { readonly dataPath: string | null; readonly runId: string | null };
  /** Set when the previous session ended while a run was going. */
  readonly interrupted: readonly string[];
}

export interface RunRow {
  readonly id: string;
  readonly name: string;
  readonly dataPath: string;
  readonly dataLabel: string;
  readonly synthetic: boolean;
  readonly subject: string;
  readonly state: RunState;
  /** ISO 8601. */
  readonly created: string;
  readonly started: string | null;
  readonly finished: string | null;
  /** 0..1 of the expected work. */
  readonly progress: number;
  /** "Decode z: fold 3 of 5". */
  readonly activity: string;
  readonly secondsLeft: number | null;
  readonly summary: RunSummary | null;
  readonly error: ErrorReport | null;
}

export interface StepRow extends StepPlan {
  readonly state: 'waiting' | 'running' | 'done' | 'failed' | 'reused';
  readonly seconds: number | null;
  readonly done: number;
  readonly total: number;
}

export interface ImageRow {
  readonly imageId: number;
  /** URL under the app's own scheme. */
  readonly truthUrl: string;
  readonly reconstructionUrl: string;
  readonly scores: Scores;
}

/** What the view lane of the engine needs to find a run's artefacts: keys, never paths. */
export interface RunRef {
  readonly runId: string;
  readonly dataPath: string;
  readonly subject: string;
  /** `responses`, `fit:z`, `fit:c`, `fit:clip`, `predict:z`, `maps`, ... -> artefact key. */
  readonly keys: Readonly<Record<string, string>>;
}

export interface RunDetail {
  readonly row: RunRow;
  readonly recipe: Recipe;
  readonly steps: readonly StepRow[];
  readonly images: readonly ImageRow[];
  readonly ref: RunRef;
  /** Facts of the fit per space: chosen penalties, accuracy. */
  readonly spaces: readonly SpaceReport[];
}

export interface SpaceReport {
  readonly space: SpaceName;
  readonly targets: number;
  readonly solver: string;
  /** Unit-wise r over held-out test images: quartiles. */
  readonly unitR: { readonly q1: number; readonly median: number; readonly q3: number };
  readonly patternR: number;
  readonly identification: number;
  readonly identificationChance: number;
  /** alpha/N grid and how many targets chose each. */
  readonly alphas: readonly number[];
  readonly alphaCounts: readonly number[];
}

export interface HemisphereGeometry {
  readonly hemisphere: Hemisphere;
  readonly vertices: number;
  /** `[triangles, 3]` */
  readonly triangles: NdArray<'int32'>;
  /** Positions per shape, each `[vertices, 3]` in mm; shapes the folder lacks are absent. */
  readonly shapes: Readonly<Partial<Record<'white' | 'pial' | 'inflated' | 'sphere', F32>>>;
  /** `[vertices, 2]`, NaN outside the patch; null if the folder has no flat patch. */
  readonly flat: F32 | null;
  /** Faces of the patch, `[triangles, 3]`. */
  readonly flatTriangles: NdArray<'int32'> | null;
  /** Positive in sulci. */
  readonly curvature: Float32Array | null;
}

/** kinds of voxel map (method.md 6.3, 6.4); the table with titles and caveats is `common/map-kinds.ts`. */
export type MapKind = 'pattern' | 'weight' | 'accuracy' | 'contribution' | 'noise-ceiling' | 'truth' | 'repeat-mean';

export interface MapRequest {
  readonly kind: MapKind;
  readonly space: SpaceName;
  /** For `contribution`: which image. */
  readonly imageId?: number;
}

export interface VoxelMap {
  readonly request: MapRequest;
  /** One value per voxel column of the run's responses; NaN = not defined (drawn transparent). */
  readonly values: Float32Array;
  readonly title: string;
  readonly unit: string;
  readonly signed: boolean;
  /** One honest line, always shown under the map's name. */
  readonly caveat: string;
}

export interface VoxelCard {
  readonly voxel: number;
  /** Grid index, 0-based, and mm. */
  readonly ijk: readonly [number, number, number] | null;
  readonly region: string;
  readonly noiseCeilingPercent: number | null;
  readonly spaces: readonly {
    readonly space: SpaceName;
    readonly weightNorm: number;
    readonly weightPercentile: number;
    readonly patternNorm: number;
    readonly patternPercentile: number;
  }[];
  /** Norm over channels of this voxel's weights to z, `[height, width]`. */
  readonly latentWeights: F32 | null;
  /** Norm per token of the voxel's weights to c, `[tokens]`. */
  readonly tokenWeights: F32 | null;
  /** Norm per patch of the voxel's weights to clip, `[height, width]`. */
  readonly patchWeights: F32 | null;
  /** Test images where this voxel's share is largest and smallest (signed). */
  readonly helped: readonly { readonly imageId: number; readonly share: number }[];
  readonly hurt: readonly { readonly imageId: number; readonly share: number }[];
}

export interface RegionCard {
  readonly region: string;
  readonly voxels: number;
  readonly noiseCeilingPercent: number | null;
  /** Share of the decoded vector's length that comes from this region, mean over test images; all regions sum to 1 per space. */
  readonly spaces: readonly { readonly space: SpaceName; readonly share: number; readonly sharePerImage: Float32Array; readonly patternMean: number }[];
}

/** An ablation table that was asked for: which run makes which arm. */
export interface TableRun {
  readonly id: string;
  readonly table: TableNumber;
  readonly dataPath: string;
  readonly dataLabel: string;
  readonly synthetic: boolean;
  readonly subject: string;
  readonly pack: string;
  readonly seed: number;
  /** ISO 8601. */
  readonly created: string;
  readonly arms: readonly { readonly id: string; readonly title: string; readonly note: string; readonly anchor: boolean; readonly runId: string }[];
}

/** A finished refinement for the screen. */
export interface RefinementView extends RefinementRecord {
  /** URL of each iteration's picture, stage 1's picture and the final one. */
  readonly pictures: readonly string[];
  readonly initialUrl: string;
  readonly finalUrl: string;
}

export interface JobRow {
  readonly id: string;
  readonly kind: 'run' | 'demo';
  readonly title: string;
  readonly state: RunState;
  readonly progress: number;
  readonly activity: string;
  readonly secondsLeft: number | null;
  readonly error: ErrorReport | null;
}

export interface DemoResult {
  readonly path: string;
}

export type InspectionReply = Inspection;
