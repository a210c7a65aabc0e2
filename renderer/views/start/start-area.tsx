import { Button, CloseButton } from '@mantine/core';
import { ArrowRight, Clock, FolderOpen, FolderX, Sparkles } from 'lucide-react';
import { useState } from 'react';
import type { JobRow, RecentData, RunRow } from '../../../common/contract/payloads.ts';
import { Mark } from '../../parts/brand.tsx';
import { Notice } from '../../parts/notice.tsx';
import { SyntheticBadge } from '../../parts/state-badge.tsx';
import { named, timeLeft, when } from '../../parts/words.ts';
import { openDemo, openFolder, openPath, removeRecent, resumeRun } from '../../state/actions.ts';
import { useLab, useServices } from '../../state/app-context.ts';

function Interrupted({ runs }: { readonly runs: readonly RunRow[] }) {
  const services = useServices();
  const [dismissed, setDismissed] = useState(false);
  if (runs.length === 0 || dismissed) return null;
  const names = runs.map((run) => named(run.name)).join(', ');
  return (
    <Notice tone="warn" title={runs.length === 1 ? 'A run was interrupted when Optogram last closed' : `${runs.length} runs were interrupted when Optogram last closed`}
      actions={<>
        <Button size="compact-xs" variant="light" onClick={() => { setDismissed(true); for (const run of runs) void resumeRun(services, run.id); }}>Resume</Button>
        <Button size="compact-xs" variant="subtle" color="gray" onClick={() => { setDismissed(true); }}>Later</Button>
      </>}>{names}: what was finished is kept.</Notice>
  );
}

function DemoButton({ job }: { readonly job: JobRow | null }) {
  const services = useServices();
  const [asked, setAsked] = useState(false);
  const busy = asked || job !== null;
  return (
    <button type="button" className="start-card start-card-main" disabled={busy} onClick={() => { setAsked(true); void openDemo(services).finally(() => { setAsked(false); }); }}>
      <Sparkles size={22} aria-hidden="true" />
      <div className="grow">
        <div className="start-card-title">{busy ? 'Making the demo …' : 'Explore the demo'}</div>
        <div className="start-card-text">{busy
          ? job === null ? 'One moment.' : `${job.activity === '' ? 'Writing a synthetic subject' : job.activity}, ${timeLeft(job.secondsLeft)}`
          : 'A synthetic subject whose answer is known. Everything works on it, offline, from decoding to maps.'}</div>
        {job !== null && <div className="progress" style={{ marginTop: 8 }}><div style={{ width: `${100 * job.progress}%` }} /></div>}
      </div>
      {!busy && <ArrowRight size={18} aria-hidden="true" />}
    </button>
  );
}

function Recent({ entry, now }: { readonly entry: RecentData; readonly now: Date }) {
  const services = useServices();
  return (
    <li className="recent" data-reachable={entry.reachable}>
      <button type="button" className="recent-open" disabled={!entry.reachable} onClick={() => { void openPath(services, entry.path); }}>
        <span className="recent-icon">{entry.reachable ? <FolderOpen size={17} /> : <FolderX size={17} />}</span>
        <span className="grow">
          <span className="row" style={{ gap: 6 }}><b className="truncate">{entry.label}</b>{entry.synthetic && <SyntheticBadge />}</span>
          <span className="truncate-start mono quiet" style={{ display: 'block', fontSize: 11 }}><bdi>{entry.path}</bdi></span>
        </span>
        <span className="quiet" style={{ fontSize: 12 }}>{entry.reachable ? when(entry.openedAt, now) : 'not reachable'}</span>
      </button>
      <CloseButton size={24} iconSize={14} aria-label={`Remove ${entry.label} from the list`} title="Remove from this list (the folder is not touched)" onClick={() => { void removeRecent(services, entry.path); }} />
    </li>
  );
}

export function StartArea() {
  const services = useServices();
  const info = useLab((s) => s.info);
  const runs = useLab((s) => s.runs);
  const demo = useLab((s) => s.jobs.find((job) => job.kind === 'demo' && (job.state === 'running' || job.state === 'waiting')) ?? null);
  const open = useLab((s) => s.dataPath);
  const now = new Date();
  const recents = info?.recents ?? [];
  const interrupted = runs.filter((run) => info?.interrupted.includes(run.id) === true && run.state !== 'done' && run.state !== 'running');
  return (
    <div className="start scroll">
      <div className="start-inner">
        <header className="start-hero">
          <div className="start-mark"><Mark size={64} /></div>
          <h1>Optogram</h1>
          <p>Brings back, from a person’s fMRI, the picture they were looking at, and shows on their cortex which voxels brought which part of it.</p>
        </header>
        <Interrupted runs={interrupted} />
        <div className="start-cards">
          <DemoButton job={demo} />
          <button type="button" className="start-card" onClick={() => { void openFolder(services); }}>
            <FolderOpen size={22} aria-hidden="true" />
            <div className="grow">
              <div className="start-card-title">Open a data folder</div>
              <div className="start-card-text">Your copy of the Natural Scenes Dataset, or prepared arrays with a dataset.json. Or drop it anywhere here.</div>
            </div>
            <span className="kbd">Ctrl O</span>
          </button>
        </div>
        {open !== null && <Button variant="subtle" size="compact-sm" style={{ alignSelf: 'center' }} onClick={() => { services.view.set({ area: 'data' }); }}>Back to the open data</Button>}
        <section>
          <h2 className="section-title row" style={{ marginBottom: 6 }}><Clock size={12} /> Recent</h2>
          {recents.length === 0
            ? <p className="quiet" style={{ padding: '10px 12px' }}>Folders that you open appear here. Nothing is copied or uploaded.</p>
            : <ul className="recents card">{recents.map((entry) => <Recent key={entry.path} entry={entry} now={now} />)}</ul>}
        </section>
        <footer className="start-foot quiet">{info === null ? ' ' : `Version ${info.version}. Works offline: nothing is copied or uploaded.`}</footer>
      </div>
    </div>
  );
}
