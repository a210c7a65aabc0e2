/** An ablation table as data: rows, intervals, tests, the study's own numbers, and whether its claims hold here. */
import type { TableNumber } from './arms.ts';

export interface TableMetric {
  readonly name: string;
  readonly title: string;
  readonly better: 'higher' | 'lower';
  readonly definition: string;
}

export interface TableCell {
  readonly mean: number;
  /** 95 % percentile bootstrap over images; null for the shuffled row. */
  readonly interval: { readonly low: number; readonly high: number } | null;
  /** Mean over wrong pairs. */
  readonly shuffled: number | null;
  /** In the order of `imageIds`. */
  readonly perImage: readonly number[];
  /** Against the reference row; null for the reference, anchors and metrics that are not tested. */
  readonly versus: { readonly difference: number; readonly p: number; readonly holm: number } | null;
}

export interface TableRow {
  readonly id: string;
  readonly title: string;
  readonly note: string;
  readonly anchor: boolean;
  readonly cells: Readonly<Record<string, TableCell>>;
}

export interface TableClaim {
  readonly text: string;
  readonly holds: boolean;
}

export interface AblationTable {
  readonly table: TableNumber;
  readonly title: string;
  readonly data: { readonly label: string; readonly synthetic: boolean; readonly subject: string };
  readonly pack: string;
  readonly seed: number;
  readonly imageIds: readonly number[];
  readonly metrics: readonly TableMetric[];
  readonly reference: string;
  readonly rows: readonly TableRow[];
  readonly claims: readonly TableClaim[];
  readonly published: PublishedTable;
  /** How intervals and tests were made, and what a reader must know. */
  readonly notes: readonly string[];
}

export interface PublishedTable {
  readonly source: string;
  readonly rows: readonly { readonly id: string; readonly title: string; readonly values: Readonly<Record<string, number>> }[];
}

const row = (id: string, title: string, clip: number, ssim: number, pcc: number): PublishedTable['rows'][number] => ({ id, title, values: { clip_similarity: clip, ssim_2d: ssim, pcc } });

/** The study's numbers (MindDiffuser on NSD, photographs): another data set, other networks; never comparable with ours cell by cell. */
export const PUBLISHED: { readonly [T in TableNumber]: PublishedTable } = {
  1: {
    source: 'MindDiffuser on NSD (photographs), as quoted by the study',
    rows: [row('lower/complete', 'LVC only', 0.552, 0.338, 0.051), row('higher/complete', 'HVC only', 0.554, 0.219, 0.03), row('both/complete', 'LVC and HVC', 0.765, 0.354, 0.278)],
  },
  2: {
    source: 'MindDiffuser on NSD (photographs), as quoted by the study',
    rows: [
      row('both/no-c', 'w/o c', 0.549, 0.346, 0.218), row('both/no-z', 'w/o z', 0.616, 0.292, 0.066), row('both/no-clip', 'w/o Z_CLIP', 0.597, 0.253, 0.183),
      row('both/complete', 'complete', 0.765, 0.354, 0.278),
    ],
  },
};

export const TABLE_TITLES: { readonly [T in TableNumber]: string } = { 1: 'Which cortex: LVC, HVC, both', 2: 'Which feature space: without c, z, Z_CLIP, complete' };
