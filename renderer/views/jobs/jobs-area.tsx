import { Button } from '@mantine/core';
import { Activity, Ban, Database, FlaskConical, Pause, Play, RotateCcw } from 'lucide-react';
import type { JobRow, RunRow } from '../../../common/contract/payloads.ts';
import { Empty, ErrorNotice } from '../../parts/notice.tsx';
import { StateBadge } from '../../parts/state-badge.tsx';
import { duration, percent, timeLeft, when } from '../../parts/words.ts';
import { cancelRun, openPath, pauseRuns, resumeRun, resumeRuns, selectRun } from '../../state/actions.ts';
import { goTo } from '../../state/commands.ts';
import { useLab, useServices } from '../../state/app-context.ts';

function ActiveJob({ job, now }: { readonly job: JobRow; readonly now: Date }) {
  const services = useServices();
  const Icon = job.kind === 'demo' ? Database : FlaskConical;
  const free = job.secondsLeft === null ? '' : new Date(now.getTime() + job.secondsLeft * 1000).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  return (
    <li className="job">
      <Icon size={18} className="quiet" aria-hidden="true" />
      <div className="grow">
        <div className="row"><b className="truncate">{job.title}</b><StateBadge state={job.state} /></div>
        <div className="quiet truncate" style={{ fontSize: 12 }}>{job.state === 'waiting' ? 'Waits until the job before it is done' : job.activity === '' ? 'Starting' : job.activity}</div>
      </div>
      {job.state === 'running' && <div className="job-bar"><div className="row number" style={{ justifyContent: 'space-between', fontSize: 12, paddingBottom: 4 }}><b>{percent(job.progress)}</b><span className="quiet">{timeLeft(job.secondsLeft)}{free === '' ? '' : `, ${free}`}</span></div><div className="progress"><div style={{ width: `${100 * (job.progress)}%` }} /></div></div>}
      {job.kind === 'run' && <Button variant="default" leftSection={<Pause size={14} />} onClick={() => { void pauseRuns(services, [job.id]); }}>Pause</Button>}
      {job.kind !== 'demo' && <Button variant="default" leftSection={<Ban size={14} />} onClick={() => { void cancelRun(services, job.id); }}>Cancel</Button>}
    </li>
  );
}

function PausedRun({ run, now }: { readonly run: RunRow; readonly now: Date }) {
  const services = useServices();
  return (
    <li className="job">
      <FlaskConical size={18} className="quiet" aria-hidden="true" />
      <div className="grow">
        <div className="row"><b className="truncate">{run.name}</b><StateBadge state={run.state} /></div>
        <div className="quiet truncate" style={{ fontSize: 12 }}>{run.dataLabel}, {run.subject}, {percent(run.progress)} of its steps done, paused {when(run.finished ?? run.created, now)}</div>
      </div>
      <Button variant="light" leftSection={<Play size={14} />} onClick={() => { void resumeRun(services, run.id); }}>Resume</Button>
      <Button variant="default" leftSection={<Ban size={14} />} onClick={() => { void cancelRun(services, run.id); }}>Cancel</Button>
    </li>
  );
}

function PastRun({ run, now }: { readonly run: RunRow; readonly now: Date }) {
  const services = useServices();
  const path = useLab((s) => s.dataPath);
  const show = async (): Promise<void> => {
    if (run.dataPath === path) await selectRun(services, run.id); else await openPath(services, run.dataPath, { runId: run.id });
    goTo(services, run.state === 'done' ? 'gallery' : 'experiment');
  };
  return (
    <li className="job">
      <FlaskConical size={18} className="quiet" aria-hidden="true" />
      <div className="grow">
        <div className="row"><b className="truncate">{run.name}</b><StateBadge state={run.state} /></div>
        <div className="quiet truncate" style={{ fontSize: 12 }}>{run.dataLabel}, {run.subject}, {when(run.finished ?? run.created, now)}{run.summary === null ? '' : `, took ${duration(run.summary.seconds)}`}</div>
        {run.state === 'failed' && run.error !== null && <div style={{ marginTop: 8 }}><ErrorNotice error={run.error} title="The run stopped" /></div>}
      </div>
      {(run.state === 'failed' || run.state === 'cancelled') && <Button variant="light" leftSection={<RotateCcw size={14} />} onClick={() => { void resumeRun(services, run.id); }}>Resume</Button>}
      <Button variant="default" onClick={() => { void show(); }}>Show</Button>
    </li>
  );
}

export function JobsArea() {
  const services = useServices();
  const jobs = useLab((s) => s.jobs.filter((job) => job.state === 'running' || job.state === 'waiting'));
  const past = useLab((s) => s.runs.filter((run) => run.state !== 'running' && run.state !== 'waiting' && run.state !== 'paused')).toSorted((a, b) => (b.finished ?? b.created).localeCompare(a.finished ?? a.created));
  const paused = useLab((s) => s.runs.filter((run) => run.state === 'paused')).toSorted((a, b) => a.created.localeCompare(b.created));
  const now = new Date(), going = jobs.filter((job) => job.kind === 'run').map((job) => job.id);
  const order = [...jobs].sort((a, b) => Number(b.state === 'running') - Number(a.state === 'running'));
  return (
    <div className="scroll" style={{ height: '100%' }}>
      <div className="jobs">
        <section className="data-section">
          <div className="row" style={{ justifyContent: 'space-between', alignItems: 'flex-end' }}>
            <h2 className="section-title">Now and next, one heavy job at a time</h2>
            {going.length > 1 && <Button size="compact-sm" variant="default" leftSection={<Pause size={13} />} onClick={() => { void pauseRuns(services, going); }}>Pause all</Button>}
          </div>
          {order.length === 0
            ? <div className="card"><Empty icon={<Activity size={24} />} title="Nothing queued" actions={<Button variant="default" onClick={() => { goTo(services, 'experiment'); }}>Set up an experiment</Button>}>Jobs go on where they stopped, also after a restart.</Empty></div>
            : <ul className="recents card" style={{ padding: 0 }}>{order.map((job) => <ActiveJob key={job.id} job={job} now={now} />)}</ul>}
        </section>
        {paused.length > 0 && (
          <section className="data-section">
            <div className="row" style={{ justifyContent: 'space-between', alignItems: 'flex-end' }}>
              <h2 className="section-title">Paused, also while Optogram is closed</h2>
              {paused.length > 1 && <Button size="compact-sm" variant="default" leftSection={<Play size={13} />} onClick={() => { void resumeRuns(services, paused.map((run) => run.id)); }}>Resume all</Button>}
            </div>
            <ul className="recents card" style={{ padding: 0 }}>{paused.map((run) => <PausedRun key={run.id} run={run} now={now} />)}</ul>
          </section>
        )}
        {past.length > 0 && <section className="data-section"><h2 className="section-title">Finished and stopped</h2><ul className="recents card" style={{ padding: 0 }}>{past.slice(0, 30).map((run) => <PastRun key={run.id} run={run} now={now} />)}</ul></section>}
      </div>
    </div>
  );
}
