/**
 * Where everything lies in an NSD folder. The only file that knows paths and file names of the release.
 *
 * Source: NSD Data Manual and the scripts that wrote the files. All paths are relative to the root, with forward slashes.
 */
import type { Hemisphere } from '../../common/dataset.ts';

/** A functional grid as the data folders name it. */
export type Space = 'func1pt8mm' | 'func1mm';
/** Best first: the coarser grid is what nearly all reconstruction work uses. */
export const SPACES: readonly Space[] = ['func1pt8mm', 'func1mm'];
/** The same grids as the transform files name them. */
const TRANSFORM_NAME: Readonly<Record<Space, string>> = { func1pt8mm: 'func1pt8', func1mm: 'func1pt0' };

/** Beta preparations, best first: b3, b2, b1. */
export const BETAS: readonly string[] = ['betas_fithrf_GLMdenoise_RR', 'betas_fithrf', 'betas_assumehrf'];

export const HEMISPHERES: readonly Hemisphere[] = ['lh', 'rh'];

/** Region collections of the release. */
export const COLLECTIONS: readonly string[] = [
  'nsdgeneral', 'prf-visualrois', 'prf-eccrois', 'floc-faces', 'floc-words', 'floc-places', 'floc-bodies', 'streams', 'Kastner2015',
  'HCP_MMP1', 'corticalsulc', 'thalamus', 'MTL',
];

/** Surfaces of a hemisphere that are drawn, with the file names that may hold them, best first. */
export const SURFACES: Readonly<Record<string, readonly string[]>> = {
  white: ['white'], pial: ['pial'], inflated: ['inflated'], sphere: ['sphere', 'sphere.reg'], semiinflated: ['semiinflated'],
  smoothwm: ['smoothwm'], layerB1: ['layerB1'], layerB2: ['layerB2'], layerB3: ['layerB3'],
};

/** Depths at which the functional volumes are sampled: 25, 50 and 75 % from pial towards white. */
export const DEPTHS: readonly string[] = ['layerB1', 'layerB2', 'layerB3'];

const PPDATA = 'nsddata/ppdata';
const BETA_ROOT = 'nsddata_betas/ppdata';
const FREESURFER = 'nsddata/freesurfer';

/** A folder that has one of these is an NSD folder. */
export const MARKS: readonly string[] = [PPDATA, 'nsddata/experiments/nsd', BETA_ROOT];
/** Folders whose `subjXX` entries are the subjects. */
export const SUBJECT_FOLDERS: readonly string[] = [PPDATA, BETA_ROOT];
const SUBJECT = /^subj(\d{2})$/;

/** 1-based number of a subject folder, or null for anything else. */
export function subjectNumber(name: string): number | null {
  const match = SUBJECT.exec(name);
  return match === null ? null : Number(match[1]);
}

/** `nsd_expdesign.mat`, `nsd_stim_info_merged.csv` and the behaviour table. */
export const DESIGN_FILE = 'nsddata/experiments/nsd/nsd_expdesign.mat';
export const STIM_INFO_FILE = 'nsddata/experiments/nsd/nsd_stim_info_merged.csv';
export const responsesFile = (subject: string): string => `${PPDATA}/${subject}/behav/responses.tsv`;

export const betaFolder = (subject: string, space: Space, beta: string): string => `${BETA_ROOT}/${subject}/${space}/${beta}`;
/** Where betas on surfaces lie: the subject's own, or fsaverage. */
export type SurfaceSpace = 'nativesurface' | 'fsaverage';
export const SURFACE_SPACES: readonly SurfaceSpace[] = ['nativesurface', 'fsaverage'];
export const surfaceBetaFolder = (subject: string, space: SurfaceSpace, beta: string): string => `${BETA_ROOT}/${subject}/${space}/${beta}`;
export const FSAVERAGE = 'fsaverage';

const SURFACE_SESSION = /^(lh|rh)\.betas_session(\d{2,3})\.(hdf5|h5|mgh)$/;
/** Hemisphere and session (1-based) of a file of a surface beta folder; null for its other files. */
export function surfaceSessionOf(name: string): { readonly hemisphere: Hemisphere; readonly session: number } | null {
  const match = SURFACE_SESSION.exec(name);
  return match === null ? null : { hemisphere: match[1] === 'lh' ? 'lh' : 'rh', session: Number(match[2]) };
}
export const surfaceCeilingFile = (subject: string, space: SurfaceSpace, beta: string, hemisphere: Hemisphere): string => `${surfaceBetaFolder(subject, space, beta)}/${hemisphere}.ncsnr.mgh`;

export type BetaContainer = 'hdf5' | 'mat' | 'nifti';
const SESSION = /^betas_session(\d{2,3})\.(hdf5|h5|mat|nii\.gz|nii)$/;
const CONTAINER: Readonly<Record<string, BetaContainer>> = { hdf5: 'hdf5', h5: 'hdf5', mat: 'mat', 'nii.gz': 'nifti', nii: 'nifti' };
/** Containers from fastest to slowest for reading voxels. */
export const CONTAINERS: readonly BetaContainer[] = ['hdf5', 'mat', 'nifti'];

/** Session (1-based) and container of a file of a beta folder; null for its other files (`_nsdimagery`, `ncsnr`, ...). */
export function sessionOf(name: string): { readonly session: number; readonly container: BetaContainer } | null {
  const match = SESSION.exec(name);
  const container = match === null ? undefined : CONTAINER[match[2] ?? ''];
  return match === null || container === undefined ? null : { session: Number(match[1]), container };
}
/** Name of the dataset inside a beta file. */
export const BETA_DATASET = 'betas';

export const ncsnrFile = (subject: string, space: Space, beta: string): string => `${betaFolder(subject, space, beta)}/ncsnr.nii.gz`;
export const functionalFolder = (subject: string, space: Space): string => `${PPDATA}/${subject}/${space}`;
export const roiFolder = (subject: string, space: Space): string => `${functionalFolder(subject, space)}/roi`;
/** Volumes whose header gives the grid and affine, best first. */
export const referenceVolumes = (subject: string, space: Space): readonly string[] =>
  ['brainmask.nii.gz', 'mean.nii.gz', 'valid.nii.gz', 'R2.nii.gz', `T1_to_${space}.nii.gz`].map((name) => `${functionalFolder(subject, space)}/${name}`);

const ROI = /^(?:(lh|rh)\.)?(.+?)\.nii(?:\.gz)?$/;
/** Collection and hemisphere (null = both) of a file of a roi folder; null for files that are no NIfTI. */
export function roiOf(name: string): { readonly collection: string; readonly hemisphere: Hemisphere | null } | null {
  const match = name.startsWith('.') ? null : ROI.exec(name);
  if (match === null) return null;
  return { collection: match[2] ?? '', hemisphere: match[1] === 'lh' || match[1] === 'rh' ? match[1] : null };
}

export const labelFolder = (subject: string): string => `${FREESURFER}/${subject}/label`;
export const surfaceLabelFile = (subject: string, hemisphere: Hemisphere, collection: string): string => `${labelFolder(subject)}/${hemisphere}.${collection}.mgz`;
/** Label tables of a collection, best first; the last is for a user's own volume. */
export const labelTables = (subject: string, space: Space, collection: string): readonly string[] => [
  `${labelFolder(subject)}/${collection}.mgz.ctab`, `${FREESURFER}/fsaverage/label/${collection}.mgz.ctab`,
  `nsddata/templates/${collection}.ctab`, `${roiFolder(subject, space)}/${collection}.ctab`,
];

export const surfaceFolder = (subject: string): string => `${FREESURFER}/${subject}/surf`;
export const surfaceFile = (subject: string, hemisphere: Hemisphere, file: string): string => `${surfaceFolder(subject)}/${hemisphere}.${file}`;
export const FLAT_PATCH = 'full.flat.patch.3d';
/** Per-vertex curvature, best first; both are positive in sulci. */
export const CURVATURES: readonly string[] = ['curv', 'curvature.mgz'];

export const transformFolder = (subject: string): string => `${PPDATA}/${subject}/transforms`;
export const layerTransform = (subject: string, hemisphere: Hemisphere, space: Space, depth: string): string =>
  `${transformFolder(subject)}/${hemisphere}.${TRANSFORM_NAME[space]}-to-${depth}.mgz`;
export const anatomyTransform = (subject: string, hemisphere: Hemisphere, surface: string): string => `${transformFolder(subject)}/${hemisphere}.anat0pt8-to-${surface}.mgz`;
export const toFsaverage = (subject: string, hemisphere: Hemisphere): string => `${transformFolder(subject)}/${hemisphere}.white-to-fsaverage.mgz`;

export const fromFsaverage = (subject: string, hemisphere: Hemisphere): string => `${transformFolder(subject)}/${hemisphere}.fsaverage-to-white.mgz`;
/** A volume on the 0.8 mm anatomical grid. */
export const anatomyVolume = (subject: string): string => `${PPDATA}/${subject}/anat/T1_0pt8_masked.nii.gz`;

export const STIMULI_FILE = 'nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5';
export const STIMULI_DATASET = 'imgBrick';
export const SHARED_FOLDER = 'nsddata/stimuli/nsd/shared1000';
const SHARED = /^shared\d+_nsd(\d+)\.png$/;
/** 0-based nsdId of a shared picture's file name (which counts from 1), or null. */
export function sharedPicture(name: string): number | null {
  const match = SHARED.exec(name);
  return match === null ? null : Number(match[1]) - 1;
}

/** Folders that may hold the COCO caption files, best first. */
export const CAPTION_FOLDERS: readonly string[] = ['nsddata_stimuli/stimuli/nsd/annotations', 'nsddata_stimuli/stimuli/nsd', 'annotations', 'nsddata/annotations'];
export const captionFile = (split: string): string => `captions_${split}.json`;
export const instanceFile = (split: string): string => `instances_${split}.json`;
export const CAPTION_SPLITS: readonly string[] = ['train2017', 'val2017'];

/**
 * Only in made-up folders (the demo, the stand-in): its presence makes every view and export say "synthetic". Text; the first line
 * below the heading starts with what this data set is called, up to a full stop.
 */
export const SYNTHETIC_FILE = 'nsddata/information/synthetic.txt';
export const truthFolder = (subject: string): string => `truth/${subject}`;
/** float32 volume on the functional grid: planted sensitivity of each voxel to a feature space. */
export const truthFile = (subject: string, space: string): string => `${truthFolder(subject)}/sensitivity_${space}.nii.gz`;
