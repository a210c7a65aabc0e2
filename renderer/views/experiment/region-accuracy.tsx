/** Accuracy by region: asked for by a button that says what it costs, measured as a job, kept with the run. */
import { Button } from '@mantine/core';
import { Ban, Play } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import type { JobRow, RunDetail } from '../../../common/contract/payloads.ts';
import type { MeasureName } from '../../../common/decoding-measures.ts';
import { secondsFor } from '../../../common/fit-work.ts';
import type { SpaceName } from '../../../common/recipe.ts';
import { reportFrom } from '../../lab.ts';
import { ChartView } from '../../parts/chart-view.tsx';
import { ErrorNotice } from '../../parts/notice.tsx';
import { count, duration, percent, timeLeft } from '../../parts/words.ts';
import { cancelRun, tellError } from '../../state/actions.ts';
import { useLab, useServices } from '../../state/app-context.ts';
import { useResource } from '../../state/resources.ts';
import { useInspection } from '../../state/selectors.ts';
import { regionChart } from './accuracy-charts.ts';
import { chartSavers } from './save-chart.ts';

/** Seconds that the regions will take, by what this run's own fits took here; null if all of them were reused. */
export function regionSeconds(detail: Pick<RunDetail, 'spaces' | 'steps' | 'recipe'>, voxelsPerRegion: readonly number[], rows: number): number | null {
  const { alphas, folds } = detail.recipe.decoder, voxels = voxelsPerRegion.reduce((sum, n) => sum + n, 0);
  const extent = (own: number, targets: number) => ({ rows, voxels: own, targets, alphas: alphas.length, folds });
  const timed = detail.spaces.flatMap(({ space, targets }) => {
    const seconds = detail.steps.find(({ label, state }) => label === `fit:${space}` && state === 'done')?.seconds ?? 0;
    return seconds > 0 ? [{ extent: extent(voxels, targets), seconds }] : [];
  });
  return secondsFor(detail.spaces.flatMap(({ targets }) => voxelsPerRegion.map((own) => extent(own, targets))), timed);
}

function Ask({ detail, regions, busy, start }: { readonly detail: RunDetail; readonly regions: readonly string[]; readonly busy: boolean; readonly start: () => void }) {
  const rows = useInspection()?.subjects.find(({ id }) => id === detail.row.subject)?.trainImages ?? null;
  const names = [...new Set(regions)], seconds = rows === null ? null : regionSeconds(detail, names.map((name) => regions.filter((each) => each === name).length), rows);
  return (
    <div className="region-ask">
      <p className="quiet">One decoder for every region and feature space, refitted on the region’s voxels alone with the same penalties, folds and scaling: what each region knows by itself.</p>
      <Button variant="light" leftSection={<Play size={14} />} loading={busy} onClick={start}>Measure {count(names.length, 'region')}</Button>
      <span className="quiet number">{seconds === null ? 'how long it takes is not known: no fit of this run was timed here' : seconds < 5 ? 'a few seconds' : `about ${duration(seconds)} by this run’s fits; can be cancelled and goes on where it stopped`}</span>
    </div>
  );
}

function Working({ job }: { readonly job: JobRow }) {
  const services = useServices();
  return (
    <div className="region-ask">
      <div className="row number"><b>{job.state === 'waiting' ? 'Waits for its turn' : percent(job.progress)}</b><span className="quiet grow truncate">{job.activity}</span><span className="quiet">{job.state === 'waiting' ? '' : timeLeft(job.secondsLeft)}</span></div>
      <div className="progress" role="progressbar" aria-valuenow={Math.round(100 * job.progress)} aria-valuemin={0} aria-valuemax={100}><div style={{ width: `${100 * job.progress}%` }} /></div>
      <Button size="compact-sm" variant="default" leftSection={<Ban size={13} />} onClick={() => { void cancelRun(services, job.id); }}>Cancel</Button>
    </div>
  );
}

/** `most` where the window has room for it beside the form, else `least`. */
function useRoom(most: number, least: number): number {
  const fits = (): number => (window.innerWidth >= most + 540 ? most : least), [room, setRoom] = useState(fits);
  useEffect(() => {
    const listener = (): void => { setRoom(fits()); };
    window.addEventListener('resize', listener);
    return () => { window.removeEventListener('resize', listener); };
  });
  return room;
}

export function RegionAccuracyView({ detail, space, measure }: { readonly detail: RunDetail; readonly space: SpaceName; readonly measure: MeasureName }) {
  const services = useServices(), { ref } = detail, [busy, setBusy] = useState(false), id = `regions:${ref.runId}`, key = `regions ${ref.runId} ${Object.values(ref.keys).join(' ')}`;
  const fitted = detail.spaces.every((each) => ref.keys[`fit:${each.space}`] !== undefined) && detail.row.state === 'done';
  const job = useLab((s) => s.jobs.find((each) => each.id === id)), active = job?.state === 'running' || job?.state === 'waiting';
  const found = useResource(services.resources, fitted ? key : null, () => services.lab.view('accuracy.regions', ref));
  const regions = useResource(services.resources, fitted ? `region list ${ref.runId} ${ref.keys['responses'] ?? ''}` : null, () => services.lab.view('region.list', ref));
  const ended = job?.state;
  useEffect(() => { if (ended === 'done') services.resources.forget(key); }, [services, ended, key]);
  // The place of two charts side by side, or of one where there is room for one only.
  const wide = useRoom(886, 424);
  const chart = useMemo(() => (found.state === 'ready' && found.value !== null ? regionChart(found.value, space, measure, wide, 232) : null), [found, space, measure, wide]);
  const start = async (): Promise<void> => {
    setBusy(true);
    try { await services.lab.invoke('regions.start', ref.runId); } catch (error) { tellError('The regions could not be measured', reportFrom(error)); }
    setBusy(false);
  };
  if (!fitted) return null;
  if (chart !== null && found.state === 'ready' && found.value !== null) {
    return <div className="decoder-wide"><ChartView chart={chart} {...chartSavers(services, detail, space, chart)}><div className="quiet chart-foot">Each region’s own decoder, penalties chosen anew from the same grid; larger regions have more voxels.{found.value.seconds === null ? '' : ` Took ${duration(found.value.seconds)}.`}</div></ChartView></div>;
  }
  return (
    <div className="card decoder-wide decoder-report">
      <div className="chart-head"><b>Accuracy by region</b></div>
      {found.state === 'failed' && <ErrorNotice error={found.error} />}
      {job?.state === 'failed' && job.error !== null && <ErrorNotice error={job.error} title="The regions could not be measured" />}
      {active ? <Working job={job} /> : regions.state === 'ready' && found.state === 'ready' && <Ask detail={detail} regions={regions.value} busy={busy} start={() => { void start(); }} />}
    </div>
  );
}
