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

/** A model pack folder that was used in this workspace. */
export interface RecentPack {
  readonly path: string;
  readonly label: string;
  /** ISO 8601. */
  readonly usedAt: string;
  /** False when the folder cannot be reached now. */
  readonly reachable: boolean;
}

/** What a folder or file that was dropped or named holds. */
export type FolderKind = 'data' | 'pack';

export interface AppInfo {
  readonly version: string;
  readonly electron: string;
  readonly platform: string;
  readonly theme: Theme;
  /** Bytes that a fit may take. */
  readonly memory: { readonly ceiling: number; readonly isDefault: boolean; readonly installed: number };
  readonly recents: readonly RecentData[];
  /** `chosen`: the pack that new experiments start with, `demo` or a folder. */
  readonly packs: { readonly chosen: string; readonly recents: readonly RecentPack[] };
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
  /** Model pack folder or `demo`. */
  readonly pack: string;
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
  /** While it runs: resident bytes of the process that works on it, and the most so far; null where the system does not say. */
  readonly memory?: { readonly bytes: number; readonly peak: number } | null;
  /** While it runs: seconds left of the step at work, null until enough is done to say. */
  readonly stepSecondsLeft?: number | null;
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
  /** Weights of some targets verified in double precision: largest relative error found, and penalties (alpha/N) whose weights miss the tolerance; an error that is no number is null; absent where a fit does not verify. */
  readonly check?: { readonly targets: number; readonly worstError: number | null; readonly tolerance: number; readonly missed: readonly { readonly alpha: number; readonly error: number | null }[] };
  /** Unit-wise r over held-out test images: quartiles. */
  readonly unitR: { readonly q1: number; readonly median: number; readonly q3: number };
  readonly patternR: number;
  readonly identification: number;
  readonly identificationChance: number;
  /** alpha/N grid and how many targets chose each. */
  readonly alphas: readonly number[];
  readonly alphaCounts: readonly number[];
  /** Null in runs of versions that did not measure it. */
  readonly accuracy: DecodingAccuracy | null;
}

export interface Quartiles {
  readonly q1: number;
  readonly median: number;
  readonly q3: number;
}

/** What the accuracies of a decoder on held-out test images are to be compared with. */
export interface DecodingAccuracy {
  readonly images: number;
  /** Targets that vary over the training images and over the test images: only these have an r. */
  readonly units: number;
  /** The same for every training image: not decoded, and left out of every number here. */
  readonly constant: number;
  /** Varies in training but not over the test images, so that r is not defined. */
  readonly still: number;
  /** 95 % bounds by shuffling the pairs of truth and prediction (`metrics/shuffled-null.ts`); null with one test image. */
  readonly chance: { readonly shuffles: number; readonly seed: number; readonly unit: number; readonly median: number; readonly pattern: number; readonly identification: number } | null;
  /** Trial noise (`metrics/decoded-ceiling.ts`); null where it is not known. */
  readonly ceiling: CeilingSummary | null;
  /** Why there is no ceiling. */
  readonly ceilingMissing: string | null;
}

/** Over the units whose ceiling is large enough for a ratio: r, its ceiling sqrt(NC), and r / sqrt(NC). */
export interface CeilingSummary {
  readonly units: number;
  readonly r: Quartiles;
  readonly ceiling: Quartiles;
  readonly withoutNoise: Quartiles;
  readonly trials: number;
  /** Voxels that could not be told trial from trial. */
  readonly voxelsLeftOut: number;
}

/** Accuracy of every target of a space on held-out test images. */
export interface UnitAccuracy {
  readonly space: SpaceName;
  /** Shape of one image's features; its product is the length of the arrays. */
  readonly shape: readonly number[];
  /** r over test images; NaN for targets that are constant in training. */
  readonly r: Float32Array;
  /** sqrt(NC), the ceiling of r by trial noise; NaN where it is not known; null if it is not known for any. */
  readonly ceiling: Float32Array | null;
  readonly accuracy: DecodingAccuracy | null;
}

/** Decoders of one region each, refitted on its voxels alone: what the region knows by itself. */
export interface RegionAccuracy {
  /** How long it took; null if it went on where an earlier one was stopped. */
  readonly seconds: number | null;
  /** Last row: all voxels of the run together, by the run's own decoders. */
  readonly rows: readonly RegionAccuracyRow[];
}

export interface RegionAccuracyRow {
  /** Null for all regions together. */
  readonly region: string | null;
  readonly voxels: number;
  /** Median noise ceiling of its voxels, percent of variance; null if the data have none. */
  readonly noiseCeilingPercent: number | null;
  readonly spaces: readonly RegionSpaceAccuracy[];
}

export interface RegionSpaceAccuracy {
  readonly space: SpaceName;
  readonly unitR: Quartiles;
  readonly patternR: number;
  readonly identification: number;
  readonly accuracy: DecodingAccuracy;
  /** How many targets chose each penalty of the run's grid. */
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
  readonly kind: 'run' | 'demo' | 'regions';
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
