/** What a saved report adds where weights are not to be trusted. */
import type { SpaceReport } from '../../../common/contract/payloads.ts';
import { weightWarning } from '../../../common/weight-check.ts';
import type { ReportLine } from './accuracy-charts.ts';

export function weightLines(report: SpaceReport): readonly ReportLine[] {
  const warning = weightWarning(report);
  return warning === null ? [] : [{ name: 'Targets whose weights are not to be trusted', value: String(warning.targets), chance: warning.text, help: 'Some weights of every penalty are solved again in double precision and compared.' }];
}
