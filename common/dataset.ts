/**
 * Dataset: what an experiment can ask of a folder of brain data. Implemented by `main/nsd` (an NSD folder, the demo
 * included) and `main/arrays` (a folder with `dataset.json`). The interface is read-only: the user's folder is never written.
 */
import type { F32, NdArray, U8 } from './ndarray.ts';

export type ProblemSeverity = 'note' | 'problem';

/** One line of an inspection. A note costs a feature; a problem blocks the subject it belongs to. */
export interface Problem {
  readonly severity: ProblemSeverity;
  /** Path relative to the dataset root. */
  readonly file: string;
  readonly expected: string;
  readonly found: string;
  readonly fix: string;
  /** What cannot be done because of it, in the user's words. */
  readonly costs?: string;
  readonly subject?: string;
}

export interface RegionSummary {
  /** Value in the label volume. */
  readonly label: number;
  readonly name: string;
  readonly voxels: number;
}

export interface AtlasSummary {
  /** `Kastner2015`, `prf-visualrois`, `minddiffuser` (merged groups), `nsdgeneral`, ... */
  readonly name: string;
  readonly regions: readonly RegionSummary[];
}

export interface SurfaceSummary {
  readonly hemisphere: Hemisphere;
  /** Names present: `white`, `pial`, `inflated`, `sphere`, `flat`, ... */
  readonly names: readonly string[];
  readonly vertices: number;
}

/** What was found of one kind of file, for the Data screen. */
export interface FileGroup {
  readonly kind: 'betas' | 'rois' | 'surfaces' | 'stimuli' | 'captions' | 'design' | 'noise-ceiling' | 'transforms' | 'responses' | 'truth';
  readonly state: 'ok' | 'note' | 'problem';
  /** One readable line: "3 sessions of 750 trials, func1pt8mm, betas_fithrf_GLMdenoise_RR". */
  readonly summary: string;
  /** Relative paths, at most a few as examples. */
  readonly examples: readonly string[];
  readonly files: number;
  readonly bytes: number;
  /** What it unlocks, or what its absence costs. */
  readonly unlocks: string;
}

export interface SubjectSummary {
  readonly id: string;
  readonly sessions: number;
  readonly trials: number;
  /** Distinct images with at least one trial. */
  readonly trainImages: number;
  readonly testImages: number;
  /** Voxel grid `[i, j, k]`, or null for arrays datasets without geometry. */
  readonly volume: readonly [number, number, number] | null;
  readonly voxelSizeMm: readonly [number, number, number] | null;
  readonly betas: readonly string[];
  readonly atlases: readonly AtlasSummary[];
  readonly surfaces: readonly SurfaceSummary[];
  readonly files: readonly FileGroup[];
  /** What preparing the averaged responses of all regions of the first atlas will cost; absent where it cannot be said. */
  readonly preparation?: {
    readonly voxels: number;
    readonly images: number;
    readonly readBytes: number;
    /** float32 `[images, voxels]`. */
    readonly keptBytes: number;
    /** With the files in memory, on two ordinary cores. */
    readonly seconds: number;
  };
}

export interface Inspection {
  readonly kind: 'nsd' | 'arrays';
  readonly root: string;
  readonly label: string;
  /** True for demo data; every view and export then says so. */
  readonly synthetic: boolean;
  /** Hash of names, sizes, modification times and headers of the files used. */
  readonly fingerprint: string;
  readonly subjects: readonly SubjectSummary[];
  readonly stimuli: { readonly images: number; readonly shape: readonly [number, number, number] } | null;
  readonly captions: { readonly images: number; readonly perImage: number } | null;
  readonly problems: readonly Problem[];
  /** Terms of use of the data, to be shown beside it; absent for made-up data and the user's own arrays. */
  readonly terms?: { readonly text: string; readonly link: string };
}

export type Hemisphere = 'lh' | 'rh';

export interface ResponsesRequest {
  readonly subject: string;
  /** Atlas the ROIs come from; `minddiffuser` is the eleven merged groups. Ignored by arrays datasets without ROIs. */
  readonly atlas: string;
  /** Region names; empty = all regions of the atlas. */
  readonly rois: readonly string[];
  /** Beta preparation, e.g. `betas_fithrf_GLMdenoise_RR`; null = the best present (b3, then b2, then b1). */
  readonly beta: string | null;
  /** `session`: each voxel z-scored within its session; `train`: with training-image statistics; `none`: percent signal change. */
  readonly zscore: 'session' | 'train' | 'none';
  /** Average the trials of an image into one row. */
  readonly average: boolean;
  /** `test`: rows of test images only; needs `average` false and a scaling other than `train`. A data set that is held in memory may give all rows. */
  readonly only?: 'test';
}

/** Masked responses: one row per image (or trial), one column per voxel. */
export interface Responses {
  /** `[rows, voxels]`, percent signal change or z. */
  readonly values: F32;
  /** 0-based image (nsd) id of each row. */
  readonly imageIds: Int32Array;
  /** Trials averaged into each row. */
  readonly repeats: Int32Array;
  /** 1 where the row belongs to the test (shared) images. */
  readonly isTest: Uint8Array;
  /** 0-based grid index `[voxels, 3]` in NIfTI file order (i fastest); null without geometry. */
  readonly voxels: NdArray<'int32'> | null;
  /** Region name of each voxel. */
  readonly regions: readonly string[];
  /** Noise-ceiling SNR per voxel, or null if the folder has none. */
  readonly ncsnr: F32 | null;
  readonly beta: string;
  /** What the reader should know about missing data, one sentence each; absent if there is nothing to say. */
  readonly notes?: readonly string[];
}

/** A triangle mesh of one hemisphere. Coordinates in mm, surface RAS. */
export interface SurfaceMesh {
  readonly hemisphere: Hemisphere;
  readonly name: string;
  /** `[vertices, 3]` */
  readonly points: F32;
  /** `[triangles, 3]`, 0-based, counter-clockwise seen from outside. */
  readonly triangles: NdArray<'int32'>;
}

/** A cut flat map: a subset of faces and 2-D positions of the vertices in them. */
export interface FlatPatch {
  readonly hemisphere: Hemisphere;
  /** `[vertices, 2]`; NaN where the vertex is not in the patch. */
  readonly points: F32;
  /** Faces whose three vertices are all in the patch, `[triangles, 3]`. */
  readonly triangles: NdArray<'int32'>;
}

/** How a voxel vector becomes a vertex vector: up to three depths, averaged. */
export interface VoxelSampling {
  readonly hemisphere: Hemisphere;
  readonly vertices: number;
  /** Index into the voxel list of the responses for each depth and vertex, -1 = none. `[depths, vertices]` (nearest voxel). */
  readonly nearest: NdArray<'int32'>;
}

export interface SurfaceLabels {
  readonly hemisphere: Hemisphere;
  readonly atlas: string;
  /** Region index into `names` per vertex, -1 = none. */
  readonly labels: Int32Array;
  readonly names: readonly string[];
}

export interface Progress {
  (done: number, total: number, what: string): void;
}

/** An object that people marked in a picture. */
export interface PictureObject {
  readonly category: string;
  readonly supercategory: string;
  /** x, y of the upper left corner, width, height, in pixels of the picture as it was shown. */
  readonly box: readonly [number, number, number, number];
  /** True for a group that was marked as one. */
  readonly isCrowd: boolean;
}

/** Keeps what was read of a session, so that a preparation that was stopped goes on where it was. */
export interface SessionKeep {
  /** Raw values as they were put; null if the session is not kept. */
  get(session: number): Promise<Int16Array | Float32Array | null>;
  put(session: number, raw: Int16Array | Float32Array): Promise<void>;
}

export interface Dataset {
  readonly kind: 'nsd' | 'arrays';
  readonly root: string;
  readonly label: string;
  readonly synthetic: boolean;
  inspect(signal?: AbortSignal, progress?: Progress): Promise<Inspection>;
  /** Throws UserError for an unknown subject, atlas, ROI or beta, naming what exists. */
  responses(request: ResponsesRequest, signal?: AbortSignal, progress?: Progress, keep?: SessionKeep): Promise<Responses>;
  /** uint8 `[images, height, width, channels]` for 0-based image ids. */
  stimuli(imageIds: Int32Array, signal?: AbortSignal): Promise<U8>;
  /** Captions per image id (usually five); an image without captions is an error naming it. */
  captions(imageIds: Int32Array, signal?: AbortSignal): Promise<readonly (readonly string[])[]>;
  /** Objects marked in pictures, in the order asked; absent for data sets that have none. */
  objects?(imageIds: Int32Array, signal?: AbortSignal): Promise<readonly (readonly PictureObject[])[]>;
  /** Names and vertex counts only come from `inspect`; this loads one mesh. Null = not in the folder. */
  surface(subject: string, hemisphere: Hemisphere, name: string): Promise<SurfaceMesh | null>;
  flat(subject: string, hemisphere: Hemisphere): Promise<FlatPatch | null>;
  /** Curvature per vertex, positive in sulci. */
  curvature(subject: string, hemisphere: Hemisphere): Promise<Float32Array | null>;
  /** Region of each vertex. */
  surfaceLabels(subject: string, hemisphere: Hemisphere, atlas: string): Promise<SurfaceLabels | null>;
  /** For a list of voxels `[voxels, 3]`, which voxel each vertex sees. Null = no transform files. */
  sampling(subject: string, hemisphere: Hemisphere, voxels: NdArray<'int32'>): Promise<VoxelSampling | null>;
  /** Affine (voxel to mm) of the functional grid, row-major 4x4; null without geometry. */
  affine(subject: string): Promise<Float64Array | null>;
  /** Planted truth of demo data: sensitivity per feature space over the grid voxels, null for real data. */
  plantedSensitivity(subject: string, space: string, voxels: NdArray<'int32'>): Promise<Float32Array | null>;
  close(): void;
}
