/**
 * What the published NSD release looks like in numbers, to compare an opened folder with. Never needed to read one:
 * sizes come from file headers. Source: NSD Data Manual and the release's preparation scripts (nsd-data-format 0.4, 12).
 */
import type { Space } from './layout.ts';

/** Number of pictures of the full release; a folder with as many is compared with the tables below. */
export const RELEASE_IMAGES = 73_000;
export const RELEASE_TRIALS_PER_SESSION = 750;
/** Distinct images per subject's list, and presentations of each. */
export const RELEASE_LIST = 10_000;
export const RELEASE_REPEATS = 3;

export interface ReleaseSubject {
  readonly sessions: number;
  readonly grid: Readonly<Record<Space, readonly [number, number, number]>>;
  readonly vertices: readonly [number, number];
  /** Voxels of `nsdgeneral` at 1.8 mm. */
  readonly nsdgeneral: number;
}

const subject = (sessions: number, coarse: readonly [number, number, number], fine: readonly [number, number, number], lh: number, rh: number, nsdgeneral: number): ReleaseSubject =>
  ({ sessions, grid: { func1pt8mm: coarse, func1mm: fine }, vertices: [lh, rh], nsdgeneral });

export const RELEASE_SUBJECTS: Readonly<Record<string, ReleaseSubject>> = {
  subj01: subject(40, [81, 104, 83], [145, 186, 148], 227021, 226601, 15724),
  subj02: subject(40, [82, 106, 84], [146, 190, 150], 239633, 239309, 14278),
  subj03: subject(32, [81, 106, 82], [145, 190, 146], 240830, 243023, 15226),
  subj04: subject(30, [85, 99, 80], [152, 177, 143], 228495, 227262, 13153),
  subj05: subject(40, [79, 97, 78], [141, 173, 139], 197594, 198908, 13039),
  subj06: subject(32, [85, 113, 83], [152, 202, 148], 253634, 259406, 17907),
  subj07: subject(40, [78, 95, 81], [139, 170, 145], 198770, 200392, 12682),
  subj08: subject(30, [80, 103, 78], [143, 184, 139], 224364, 224398, 14386),
};

/** Distinct images, and shared ones among them, after the first n sessions. */
export const RELEASE_COUNTS: ReadonlyMap<number, { readonly images: number; readonly shared: number }> = new Map([
  [30, { images: 9209, shared: 907 }], [32, { images: 9411, shared: 930 }], [37, { images: 9841, shared: 982 }], [40, { images: 10_000, shared: 1000 }],
]);

/** The pictures that every subject saw, by their 1-based ids. */
export const RELEASE_SHARED = { count: 1000, first: 2951, last: 72_949 } as const;

/** Labels of each collection; values run from `least` (-1 outside cortex, where it is used) to `labels`. */
export const RELEASE_LABELS: Readonly<Record<string, { readonly least: -1 | 0; readonly labels: number }>> = {
  nsdgeneral: { least: -1, labels: 1 }, 'prf-visualrois': { least: -1, labels: 7 }, 'prf-eccrois': { least: -1, labels: 5 }, 'floc-faces': { least: -1, labels: 5 },
  'floc-words': { least: -1, labels: 5 }, 'floc-places': { least: -1, labels: 3 }, 'floc-bodies': { least: -1, labels: 4 }, streams: { least: -1, labels: 7 },
  Kastner2015: { least: -1, labels: 25 }, HCP_MMP1: { least: -1, labels: 180 }, corticalsulc: { least: -1, labels: 28 }, thalamus: { least: 0, labels: 5 }, MTL: { least: 0, labels: 10 },
};

/** Bytes of a session's HDF5 file over its payload: a chunk tree of about 65 bytes a voxel (nsd-data-format 1.2). */
export const RELEASE_OVERHEAD = { least: 1.03, most: 1.07 } as const;

/** Where the 0.8 mm anatomical grid lies: c_ras of the surfaces, minus the centre of the first voxel, voxel size (nsd-data-format 5.2). */
export const RELEASE_ANATOMY = { centreMm: 0.4, firstVoxelMm: 127.6, voxelMm: 0.8 } as const;
