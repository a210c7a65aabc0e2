/** Decoding accuracy as charts: penalties, groups (channel, token, layer), places, regions. Pure: payloads in, charts out. */
import type { RegionAccuracy, SpaceReport, UnitAccuracy } from '../../../common/contract/payloads.ts';
import { FAMILIES } from '../../../common/colour/families.ts';
import type { LutName } from '../../../common/colour/luts.ts';
import { formatValue, quantile } from '../../../common/colour/scale.ts';
import { MEASURES } from '../../../common/decoding-measures.ts';
import type { MeasureName } from '../../../common/decoding-measures.ts';
import { cellMeans, groupSummaries, layoutOf } from '../../../common/feature-layout.ts';
import type { SpaceName } from '../../../common/recipe.ts';
import { barChart, cellChart } from '../../parts/chart.ts';
import type { Chart, Ink } from '../../parts/chart.ts';
import { count, percent } from '../../parts/words.ts';

const colourOf = (space: SpaceName): Ink => FAMILIES[space].colour as `#${string}`;

/** How many targets chose each penalty. */
export function penaltyChart(report: SpaceReport, width: number, height: number): Chart {
  const total = report.alphaCounts.reduce((sum, n) => sum + n, 0);
  return barChart({
    title: 'Chosen penalties', width, height, xTitle: 'Penalty, alpha / N', yTitle: 'Targets', colour: colourOf(report.space), levels: [], format: (value) => value.toLocaleString('en'),
    csvHead: ['alpha/N', 'targets'],
    bars: report.alphas.map((alpha, i) => {
      const n = report.alphaCounts[i] ?? 0, label = String(Number(alpha.toPrecision(6)));
      return { label, value: n, lines: [`alpha / N = ${label}`, `${count(n, 'target')}, ${percent(total === 0 ? 0 : n / total, 1)}`], csv: [label, String(n)] };
    }),
  });
}

/** Share of the targets that chose the first or the last penalty. */
export function edgeShare({ alphaCounts }: Pick<SpaceReport, 'alphaCounts'>): number {
  const total = alphaCounts.reduce((sum, n) => sum + n, 0);
  return total === 0 || alphaCounts.length < 2 ? 0 : ((alphaCounts[0] ?? 0) + (alphaCounts.at(-1) ?? 0)) / total;
}

function chanceLevel({ accuracy }: UnitAccuracy, measure: MeasureName): { readonly value: number; readonly label: string }[] {
  const chance = accuracy?.chance ?? null;
  return measure !== 'r' || chance === null ? [] : [{ value: chance.unit, label: '95 % of shuffles, one target' }];
}

/** Both parts of a ratio are always said with it. */
function parts(measure: MeasureName, r: number, ceiling: number): string[] {
  return measure === 'r' ? [] : [`r ${formatValue(r)}, ceiling √NC ${formatValue(ceiling)}`];
}

/** Median and quartiles of each group; null if the measure is not known. */
export function groupChart(units: UnitAccuracy, measure: MeasureName, width: number, height: number): Chart | null {
  const { values, unit, title } = { ...MEASURES[measure], values: MEASURES[measure].values(units) }, layout = layoutOf(units.space, units.shape);
  if (values === null) return null;
  const known = (array: Float32Array | null): Float32Array => array === null ? new Float32Array(0) : array.map((value, u) => (Number.isFinite(values[u]) ? value : Number.NaN));
  const r = groupSummaries(layout, known(units.r)), ceilings = units.ceiling === null ? null : groupSummaries(layout, known(units.ceiling));
  return barChart({
    title: `${title} by ${layout.groupTitle.toLowerCase()}`, width, height, xTitle: layout.groupTitle, yTitle: `Median ${unit}`, colour: colourOf(units.space), levels: chanceLevel(units, measure),
    csvHead: [layout.groupTitle.toLowerCase(), 'targets', 'q1', 'median', 'q3', 'median r', 'median ceiling'],
    bars: groupSummaries(layout, values).map(({ label, units: n, q1, median, q3 }, i) => ({
      label, value: median, low: q1, high: q3,
      lines: [`${layout.groupTitle} ${label}`, ...(n === 0 ? [constantWords(units, measure)] : [`median ${unit} ${formatValue(median)}, quartiles ${formatValue(q1)} to ${formatValue(q3)}`, ...parts(measure, r[i]?.median ?? Number.NaN, ceilings?.[i]?.median ?? Number.NaN), count(n, 'target')])],
      csv: [label, String(n), ...[q1, median, q3, r[i]?.median ?? Number.NaN, ceilings?.[i]?.median ?? Number.NaN].map(field)],
    })),
  });
}

const constantWords = (units: UnitAccuracy, measure: MeasureName): string =>
  measure === 'r' ? (units.accuracy?.images === 1 ? 'one test image: no correlation over images' : 'the same for every training or test image: no correlation') : 'not known here';
const field = (value: number): string => (Number.isFinite(value) ? String(value) : '');

export interface PlaceChart {
  readonly chart: Chart;
  /** Mean outside the picture, in words; empty if nothing is. */
  readonly outside: string;
}

/** Means of each place over a group or all; null for a space without a picture or a measure that is not known. */
export function placeChart(units: UnitAccuracy, measure: MeasureName, group: number | null, side: number, lut: LutName): PlaceChart | null {
  const values = MEASURES[measure].values(units), layout = layoutOf(units.space, units.shape), { picture } = layout;
  if (values === null || picture === null) return null;
  const { unit, title } = MEASURES[measure], cells = cellMeans(layout, values, group), only = (array: Float32Array): Float32Array => array.map((value, u) => (Number.isFinite(values[u]) ? value : Number.NaN));
  const r = measure === 'r' ? null : cellMeans(layout, only(units.r), group), ceiling = measure === 'r' || units.ceiling === null ? null : cellMeans(layout, only(units.ceiling), group);
  // The same limits for every group, so that groups can be compared.
  const all = quantile(values, 0.98), high = Number.isFinite(all) && all > 0 ? all : 1;
  const chart = cellChart({
    title: `${title}: ${picture.title.toLowerCase()}`, side, rows: picture.height, columns: picture.width, values: cells.values, limits: { low: 0, high }, lut, unit, xTitle: 'Column', yTitle: 'Row',
    lines: (cell) => {
      const n = cells.units[cell] ?? 0, value = cells.values[cell] ?? Number.NaN;
      return [`${picture.cell}: row ${Math.floor(cell / picture.width) + 1}, column ${(cell % picture.width) + 1}`,
        ...(n === 0 ? [constantWords(units, measure)] : [`mean ${unit} ${formatValue(value)} over ${count(n, 'target')}`, ...parts(measure, r?.values[cell] ?? Number.NaN, ceiling?.values[cell] ?? Number.NaN)])];
    },
  });
  return { chart, outside: layout.outside === null || !Number.isFinite(cells.outside) ? '' : `${layout.outside}: mean ${unit} ${formatValue(cells.outside)}` };
}

/** Median r of the targets by region, all regions together last. */
export function regionChart({ rows }: RegionAccuracy, space: SpaceName, measure: MeasureName, width: number, height: number): Chart {
  const { unit } = MEASURES[measure];
  const bars = rows.flatMap((row) => {
    const own = row.spaces.find((each) => each.space === space);
    if (own === undefined) return [];
    const { ceiling, chance, ceilingMissing } = own.accuracy, label = row.region ?? 'Together';
    const shown = measure === 'r' ? own.unitR : measure === 'ceiling' ? ceiling?.ceiling : ceiling?.withoutNoise;
    return [{
      label, value: shown?.median ?? Number.NaN, ...(shown === undefined ? {} : { low: shown.q1, high: shown.q3 }),
      lines: [row.region === null ? 'All regions together: the run’s decoder' : row.region, count(row.voxels, 'voxel'),
        `r ${quartileWords(own.unitR)}${chance === null ? '' : `; 95 % of shuffles below ${formatValue(chance.median)}`}`,
        ceiling === null ? `no ceiling: ${ceilingMissing ?? ''}` : `r ${formatValue(ceiling.r.median)} / √NC ${formatValue(ceiling.ceiling.median)} = ${formatValue(ceiling.withoutNoise.median)} (medians of ${count(ceiling.units, 'target')})`,
        `identification ${percent(own.identification, 1)}, chance 50 %`, ...(row.noiseCeilingPercent === null ? [] : [`voxels’ noise ceiling ${formatValue(row.noiseCeilingPercent)} %`])],
      csv: [label, space, String(row.voxels), ...[own.unitR.q1, own.unitR.median, own.unitR.q3, chance?.median ?? Number.NaN, ceiling?.r.median ?? Number.NaN, ceiling?.ceiling.median ?? Number.NaN, ceiling?.withoutNoise.median ?? Number.NaN, ceiling?.units ?? 0, own.patternR, own.identification, row.noiseCeilingPercent ?? Number.NaN].map(field)],
    }];
  });
  const last = rows.at(-1)?.spaces.find((each) => each.space === space)?.accuracy.chance;
  return barChart({
    title: 'Accuracy by region', width, height, xTitle: 'Region', yTitle: `Median ${unit}`, colour: colourOf(space), bars,
    levels: measure === 'r' && last !== null && last !== undefined ? [{ value: last.median, label: '95 % of shuffles, median' }] : [],
    csvHead: ['region', 'space', 'voxels', 'r q1', 'r median', 'r q3', 'shuffled 95 %', 'r of targets with ceiling', 'ceiling', 'r/ceiling', 'targets with ceiling', 'pattern r', 'identification', 'voxel noise ceiling %'],
  });
}

export function quartileWords({ q1, median, q3 }: { readonly q1: number; readonly median: number; readonly q3: number }): string {
  return `${formatValue(median)} (${formatValue(q1)} to ${formatValue(q3)})`;
}

export interface ReportLine {
  readonly name: string;
  readonly value: string;
  readonly chance: string;
  readonly help: string;
}

/** The report of a space, line by line; every ratio with both its parts. */
export function reportLines(report: SpaceReport): readonly ReportLine[] {
  const { accuracy } = report, chance = accuracy?.chance ?? null, ceiling = accuracy?.ceiling ?? null, below = (value: number | undefined): string => (value === undefined ? '' : `95 % of shuffles below ${formatValue(value)}`);
  return [
    { name: 'r per target, median (quartiles)', value: quartileWords(report.unitR), chance: below(chance?.median), help: MEASURES.r.help },
    { name: 'Pattern r, mean over images', value: formatValue(report.patternR), chance: below(chance?.pattern), help: 'Correlation over targets of each decoded with its true feature vector, both in SD of the training images.' },
    { name: 'Two-way identification', value: Number.isFinite(report.identification) ? percent(report.identification, 1) : 'n/a', chance: chance === null ? 'chance 50 %' : `chance 50 %, 95 % of shuffles below ${percent(chance.identification, 1).replace(' ', '\u00a0')}`, help: 'How often the decoded vector is more like its own image’s than like another’s.' },
    { name: 'Ceiling √NC, median (quartiles)', value: ceiling === null ? 'not known' : quartileWords(ceiling.ceiling), chance: ceiling === null ? accuracy?.ceilingMissing ?? 'the run was made before this was measured' : `${count(ceiling.units, 'target')} with NC of at least 0.1`, help: MEASURES.ceiling.help },
    { name: 'r / √NC, median (quartiles)', value: ceiling === null ? 'not known' : quartileWords(ceiling.withoutNoise), chance: ceiling === null ? '' : `from r ${formatValue(ceiling.r.median)} and √NC ${formatValue(ceiling.ceiling.median)} of the same targets`, help: MEASURES['without-noise'].help },
  ];
}

/** What the numbers of a report rest on. */
export function reportBasis({ accuracy }: SpaceReport): string {
  if (accuracy === null) return 'Held-out test images.';
  const { images, units, constant, still, chance, ceiling } = accuracy;
  const left = [...(constant > 0 ? [`${count(constant, 'is', 'are')} the same for every training image`] : []), ...(still > 0 ? [`${count(still, 'is', 'are')} the same for every test image`] : [])].join(', ');
  return [`${count(images, 'held-out image')}, ${count(units, 'target')}${left === '' ? '' : ` (left out: ${left})`}`,
    ...(chance === null ? [] : [`${count(chance.shuffles, 'shuffle')} of the pairing, seed ${chance.seed}`]), ...(ceiling === null ? [] : [`${count(ceiling.trials, 'trial')}${ceiling.voxelsLeftOut > 0 ? `, ${count(ceiling.voxelsLeftOut, 'voxel')} not told apart by trial` : ''}`])].join('; ')
    + (images < 10 ? `. With ${count(images, 'test image')} nothing can be told from chance with confidence.` : '.');
}
