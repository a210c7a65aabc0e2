/** What can be shown of every decoded target, as a table: r, its ceiling by trial noise, and the ratio of the two. */
import type { UnitAccuracy } from './contract/payloads.ts';

/** Share of the decoded variance that must not be trial noise for a ratio to be given: below it, the ratio is mostly the error of its own denominator. */
export const LEAST_CEILING = 0.1;

export type MeasureName = 'r' | 'ceiling' | 'without-noise';

export interface Measure {
  readonly title: string;
  readonly unit: string;
  /** One line for the place where it is shown. */
  readonly help: string;
  /** Null where it is not known of any target. */
  values(units: UnitAccuracy): Float32Array | null;
}

export const MEASURES: { readonly [Name in MeasureName]: Measure } = {
  r: { title: 'r', unit: 'r', help: 'Correlation of the decoded with the true value over held-out images.', values: ({ r }) => r },
  ceiling: {
    title: 'Ceiling', unit: '√NC', help: '√NC: the r that trial noise leaves room for, from how the decoded value changes between trials of one picture (NSD noise ceiling, Allen et al. 2022, of the decoded value).',
    values: ({ ceiling }) => ceiling,
  },
  'without-noise': {
    title: 'r / ceiling', unit: 'r/√NC', help: `r / √NC: the r this decoder would reach with endless trials (Spearman 1904); only where NC is at least ${LEAST_CEILING}. Not a bound for a better decoder.`,
    values: ({ r, ceiling }) => ceiling === null ? null : r.map((value, u) => { const top = ceiling[u] ?? Number.NaN; return top * top >= LEAST_CEILING ? value / top : Number.NaN; }),
  },
};
