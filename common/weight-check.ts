/** What verifying a decoder's weights in double precision found, in words: how far off they are, and how many targets that concerns. */
import { formatValue } from './colour/scale.ts';
import type { SpaceReport } from './contract/payloads.ts';

const targetsOf = (n: number): string => `${n.toLocaleString('en')} ${n === 1 ? 'target' : 'targets'}`;

/** A relative error as a percentage of one digit; an error that is no number says so. */
export function offBy(error: number | null): string {
  return error === null || !Number.isFinite(error) ? 'by more than can be said' : error >= 1 ? `by ${formatValue(error)} times their size` : `by ${Number((100 * error).toPrecision(1))}\u00a0% of their size`;
}

export interface WeightWarning {
  /** Targets whose chosen penalty has weights that are not to be trusted. */
  readonly targets: number;
  readonly title: string;
  readonly text: string;
}

/** Null where every verified weight passed, or none was verified. */
export function weightWarning({ check, alphas, alphaCounts, targets }: SpaceReport): WeightWarning | null {
  if (check === undefined || check.missed.length === 0) return null;
  const chosenBy = (alpha: number): number | null => (alphaCounts.length === 0 ? null : alphaCounts[alphas.indexOf(alpha)] ?? null);
  const affected = alphaCounts.length === 0 ? targets : check.missed.reduce((sum, { alpha }) => sum + (chosenBy(alpha) ?? 0), 0);
  const each = check.missed.map(({ alpha, error }) => { const chosen = chosenBy(alpha); return `Penalty ${formatValue(alpha)}${chosen === null ? '' : `, chosen by ${targetsOf(chosen)}`}: off ${offBy(error)}.`; });
  return {
    targets: affected, title: affected === targets ? 'The weights are not to be trusted' : `The weights of ${affected.toLocaleString('en')} of ${targetsOf(targets)} are not to be trusted`,
    text: `${each.join(' ')} What passes is off by at most ${Number((100 * check.tolerance).toPrecision(1))}\u00a0%. The responses are too badly conditioned for so small a penalty: take larger ones.`,
  };
}

/** Said at the end of the basis of a report; empty where nothing was verified. */
export function verifiedText({ check }: SpaceReport): string {
  return check === undefined ? '' : ` Weights of ${targetsOf(check.targets)} verified in double precision: off ${check.worstError === 0 ? 'by nothing that can be measured' : `${check.worstError === null ? '' : 'at most '}${offBy(check.worstError)}`}.`;
}

/** A line of each space of a run whose weights are not to be trusted. */
export function weightWarnings(reports: readonly SpaceReport[]): string[] {
  return reports.flatMap((report) => { const warning = weightWarning(report); return warning === null ? [] : [`Warning, ${report.space}: ${warning.title.charAt(0).toLowerCase()}${warning.title.slice(1)}. ${warning.text}`]; });
}
