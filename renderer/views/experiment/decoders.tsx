/** The decoders of a run: a card for each feature space, and for the chosen one its report, penalties, and accuracy by group, place and region. */
import { Button, SegmentedControl, Select, Tooltip, useComputedColorScheme } from '@mantine/core';
import { FileDown, TriangleAlert } from 'lucide-react';
import { useMemo, useState } from 'react';
import { FAMILIES } from '../../../common/colour/families.ts';
import { formatValue } from '../../../common/colour/scale.ts';
import type { RunDetail, SpaceReport, UnitAccuracy } from '../../../common/contract/payloads.ts';
import { MEASURES } from '../../../common/decoding-measures.ts';
import type { MeasureName } from '../../../common/decoding-measures.ts';
import { layoutOf } from '../../../common/feature-layout.ts';
import type { SpaceName } from '../../../common/recipe.ts';
import { verifiedText, weightWarning } from '../../../common/weight-check.ts';
import { csvOf } from '../../parts/chart.ts';
import { ChartView } from '../../parts/chart-view.tsx';
import { Bar } from '../../parts/marks.tsx';
import { ErrorNotice, Notice } from '../../parts/notice.tsx';
import { count, percent } from '../../parts/words.ts';
import { saveText } from '../../state/actions.ts';
import { useServices } from '../../state/app-context.ts';
import { useResource } from '../../state/resources.ts';
import { edgeShare, groupChart, penaltyChart, placeChart, reportBasis, reportLines } from './accuracy-charts.ts';
import { RegionAccuracyView } from './region-accuracy.tsx';
import { chartSavers } from './save-chart.ts';
import { weightLines } from './weight-check.ts';

function Card({ report, chosen, choose }: { readonly report: SpaceReport; readonly chosen: boolean; readonly choose: () => void }) {
  const family = FAMILIES[report.space], warning = weightWarning(report);
  return (
    <button type="button" className="card space-card" aria-pressed={chosen} onClick={choose}>
      <div className="row"><i className="space-dot" style={{ background: family.colour }} /><b>{family.title}</b><span className="mono quiet">{family.short}</span><span className="grow" /><span className="number quiet">{count(report.targets, 'target')}</span></div>
      <div className="secondary">{Number.isFinite(report.identification)
        ? <>Found among the test images <b className="number" style={{ color: 'var(--text)' }}>{percent(report.identification)}</b> of the time <span className="quiet">(chance {percent(report.identificationChance)})</span></>
        : 'One test image: nothing to tell it from'}</div>
      <Bar value={Number.isFinite(report.identification) ? report.identification : 0} max={1} baseline={report.identificationChance} colour={family.colour} />
      <div className="number quiet">{Number.isFinite(report.unitR.median) ? `r per target ${formatValue(report.unitR.median)} (${formatValue(report.unitR.q1)} to ${formatValue(report.unitR.q3)})` : 'r per target: no target varies'}</div>
      {warning !== null && <div className="row warn-line" style={{ gap: 6 }}><TriangleAlert size={14} aria-hidden="true" style={{ flexShrink: 0 }} /><span>{warning.title}</span></div>}
    </button>
  );
}

function Report({ report, detail }: { readonly report: SpaceReport; readonly detail: RunDetail }) {
  const services = useServices(), lines = reportLines(report), family = FAMILIES[report.space], warning = weightWarning(report);
  const save = (): void => { void saveText(services, `${detail.row.name} ${report.space} report.csv`, csvOf([['measure', 'value', 'chance or basis', 'definition'], ...[...lines, ...weightLines(report)].map(({ name, value, chance, help }) => [name, value, chance, help])])); };
  return (
    <div className="card decoder-report">
      <div className="chart-head"><b>{family.title}: held-out accuracy</b><span className="grow" /><button type="button" className="inside-button" aria-label="Save the report as CSV" title="Save as CSV" onClick={save}><FileDown size={14} /></button></div>
      {warning !== null && <div className="decoder-warning"><Notice tone="warn" title={warning.title}>{warning.text}</Notice></div>}
      <table className="table">
        <tbody>{lines.map(({ name, value, chance, help }) => (
          <tr key={name}><th scope="row"><Tooltip label={help} multiline w={320}><span tabIndex={0} className="defined">{name}</span></Tooltip></th><td className="number"><b>{value}</b><span className="table-note">{chance}</span></td></tr>
        ))}</tbody>
      </table>
      <div className="quiet decoder-basis">{reportBasis(report)} {report.solver}.{verifiedText(report)}</div>
    </div>
  );
}

const WIDE = 424, TALL = 224, SIDE = 250;

function FeatureCharts({ units, detail, measure }: { readonly units: UnitAccuracy; readonly detail: RunDetail; readonly measure: MeasureName }) {
  const services = useServices(), dark = useComputedColorScheme('dark') === 'dark', layout = useMemo(() => layoutOf(units.space, units.shape), [units]);
  const [group, setGroup] = useState<number | null>(null), chosen = group !== null && group < layout.groups.length ? group : null;
  const bars = useMemo(() => groupChart(units, measure, WIDE, TALL), [units, measure]);
  const place = useMemo(() => placeChart(units, measure, chosen, SIDE, dark ? 'inferno' : 'viridis'), [units, measure, chosen, dark]);
  return (
    <>
      {bars !== null && <ChartView chart={bars} {...chartSavers(services, detail, units.space, bars)} />}
      {place !== null && (
        <ChartView chart={place.chart} {...chartSavers(services, detail, units.space, place.chart)}
          controls={layout.groups.length > 1 && (
            <Select size="xs" w={132} aria-label={layout.groupTitle} allowDeselect={false} value={String(chosen)} data={[{ value: 'null', label: `All ${layout.groupTitle.toLowerCase()}s` }, ...layout.groups.map((label, i) => ({ value: String(i), label: `${layout.groupTitle} ${label}` }))]}
              onChange={(value) => { setGroup(value === null || value === 'null' ? null : Number(value)); }} />
          )}>
          {place.outside !== '' && <div className="quiet chart-foot number">{place.outside}</div>}
        </ChartView>
      )}
    </>
  );
}

function SpaceDetail({ report, detail }: { readonly report: SpaceReport; readonly detail: RunDetail }) {
  const services = useServices(), { space } = report, { ref } = detail, [measure, setMeasure] = useState<MeasureName>('r');
  const key = `accuracy ${ref.runId} ${space} ${ref.keys[`predict:${space}`] ?? ''} ${ref.keys['accuracy'] ?? ''}`;
  const units = useResource(services.resources, key, () => services.lab.view('accuracy.units', ref, space));
  const known = units.state === 'ready' && units.value.ceiling !== null, shown = known ? measure : 'r';
  const penalties = useMemo(() => penaltyChart(report, WIDE, TALL), [report]), edge = edgeShare(report);
  return (
    <>
      <div className="row decoder-measure">
        <SegmentedControl size="xs" aria-label="What is shown" value={shown} onChange={setMeasure} disabled={!known}
          data={(Object.keys(MEASURES) as MeasureName[]).map((value) => ({ value, label: MEASURES[value].title }))} />
        <span className="quiet">{MEASURES[shown].help}{known || units.state !== 'ready' ? '' : ` No ceiling: ${report.accuracy?.ceilingMissing ?? 'this run was made before it was measured'}.`}</span>
      </div>
      <div className="decoder-grid">
        <Report report={report} detail={detail} />
        {report.alphaCounts.length > 0 && (
          <ChartView chart={penalties} {...chartSavers(services, detail, space, penalties)}>
            {edge > 0.5 && <div className="warn-line chart-foot">{percent(edge)} of the targets chose a penalty at the edge of the grid: widen it.</div>}
          </ChartView>
        )}
        {units.state === 'failed' ? <ErrorNotice error={units.error} /> : units.state === 'ready' && <FeatureCharts units={units.value} detail={detail} measure={shown} />}
        <RegionAccuracyView detail={detail} space={space} measure={shown} />
      </div>
    </>
  );
}

/** All lines of all spaces as one file. */
function allReports(detail: RunDetail): string {
  return csvOf([['space', 'measure', 'value', 'chance or basis'], ...detail.spaces.flatMap((report) => [...reportLines(report), ...weightLines(report)].map(({ name, value, chance }) => [report.space, name, value, chance]))]);
}

export function Decoders({ detail }: { readonly detail: RunDetail }) {
  const services = useServices(), [space, setSpace] = useState<SpaceName | null>(null);
  const report = detail.spaces.find((each) => each.space === space) ?? detail.spaces[0];
  if (report === undefined) return null;
  return (
    <section className="data-section" aria-label="Decoders">
      <div className="row"><h2 className="section-title">Decoders, on held-out images</h2><span className="grow" />
        <Button size="compact-xs" variant="default" leftSection={<FileDown size={13} />} onClick={() => { void saveText(services, `${detail.row.name} decoding accuracy.csv`, allReports(detail)); }}>CSV of all</Button></div>
      <div className="space-cards">{detail.spaces.map((each) => <Card key={each.space} report={each} chosen={each.space === report.space} choose={() => { setSpace(each.space); }} />)}</div>
      <SpaceDetail key={report.space} report={report} detail={detail} />
    </section>
  );
}
