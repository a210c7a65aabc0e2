/**
 * Names of region labels where the folder has no label table, and the merged groups of MindDiffuser.
 *
 * Sources: the label tables of the release as quoted by public code (nsd-data-format 2.4), the merge rule of 2.5. The folder's own
 * `.ctab` always wins. thalamus, MTL and floc-words are quoted less reliably than the others.
 */
export const FALLBACK_NAMES: Readonly<Record<string, readonly string[]>> = {
  nsdgeneral: ['nsdgeneral'],
  'prf-visualrois': ['V1v', 'V1d', 'V2v', 'V2d', 'V3v', 'V3d', 'hV4'],
  'prf-eccrois': ['ecc0pt5', 'ecc1', 'ecc2', 'ecc4', 'ecc4+'],
  'floc-faces': ['OFA', 'FFA-1', 'FFA-2', 'mTL-faces', 'aTL-faces'],
  'floc-words': ['OWFA', 'VWFA-1', 'VWFA-2', 'mfs-words', 'mTL-words'],
  'floc-places': ['OPA', 'PPA', 'RSC'],
  'floc-bodies': ['EBA', 'FBA-1', 'FBA-2', 'mTL-bodies'],
  streams: ['early', 'midventral', 'midlateral', 'midparietal', 'ventral', 'lateral', 'parietal'],
  // 12 is TO2 (MST) and 13 is TO1 (MT): the table is not ascending.
  Kastner2015: [
    'V1v', 'V1d', 'V2v', 'V2d', 'V3v', 'V3d', 'hV4', 'VO1', 'VO2', 'PHC1', 'PHC2', 'TO2', 'TO1', 'LO2', 'LO1', 'V3B', 'V3A',
    'IPS0', 'IPS1', 'IPS2', 'IPS3', 'IPS4', 'IPS5', 'SPL1', 'FEF',
  ],
  HCP_MMP1: ['V1', 'MST', 'V6', 'V2', 'V3', 'V4', 'V8', '4', '3b', 'FEF', 'PEF', '55b', 'V3A'],
  thalamus: ['LGN', 'SC', 'Vpu', 'DLpu', 'DMpu'],
  MTL: ['ErC', 'area35', 'area36', 'PhC', 'Sub', 'CA1', 'CA2', 'CA3', 'DG', 'HT'],
};

/** The atlas that is made here: Kastner2015, overwritten by prf-visualrois where that is positive, then merged. */
export const MERGED_ATLAS = 'minddiffuser';
export const MERGED_BASE = 'Kastner2015';
export const MERGED_OVERRIDE = 'prf-visualrois';
/** Group and Kastner2015 labels in it. Labels 24 (SPL1), 25 (FEF) and unlabelled cortex belong to none. */
export const MERGED_GROUPS: readonly { readonly name: string; readonly labels: readonly number[] }[] = [
  { name: 'V1', labels: [1, 2] }, { name: 'V2', labels: [3, 4] }, { name: 'V3', labels: [5, 6] }, { name: 'hV4', labels: [7] },
  { name: 'VO', labels: [8, 9] }, { name: 'PHC', labels: [10, 11] }, { name: 'MT', labels: [13] }, { name: 'MST', labels: [12] },
  { name: 'LO', labels: [14, 15] }, { name: 'IPS', labels: [18, 19, 20, 21, 22, 23] }, { name: 'V3ab', labels: [16, 17] },
];

/** Group number (1-based, as a label) of each Kastner2015 label; 0 = none. */
export const GROUP_OF_LABEL: readonly number[] = Array.from({ length: 26 }, (_, label) => 1 + MERGED_GROUPS.findIndex((group) => group.labels.includes(label)));
