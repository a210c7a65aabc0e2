import { Button, Menu } from '@mantine/core';
import { spotlight } from '@mantine/spotlight';
import { Check, ChevronDown, FolderOpen, House, Play, Search } from 'lucide-react';
import { DEFAULT_RECIPE } from '../../../common/recipe.ts';
import { Mark } from '../../parts/brand.tsx';
import { StateBadge, SyntheticBadge } from '../../parts/state-badge.tsx';
import { count, percent, timeLeft, when } from '../../parts/words.ts';
import { openDemo, openFolder, openPath, selectRun, startRun } from '../../state/actions.ts';
import { goTo } from '../../state/commands.ts';
import { useInspection, useRun, useRuns, useSubject } from '../../state/selectors.ts';
import { useLab, useServices, useView } from '../../state/app-context.ts';

function DataPicker() {
  const services = useServices();
  const inspection = useInspection();
  const path = useLab((s) => s.dataPath);
  const failed = useLab((s) => s.inspection.state === 'failed');
  const recents = useLab((s) => s.info?.recents ?? []);
  return (
    <Menu position="bottom-start" width={340}>
      <Menu.Target>
        <button type="button" className="picker" aria-label="Data">
          <span className="picker-label">Data</span>
          <span className="picker-value truncate">{inspection?.label ?? (path === null ? 'none open' : failed ? 'not readable' : 'reading …')}</span>
          {inspection?.synthetic === true && <SyntheticBadge />}
          <ChevronDown size={14} className="quiet" />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {recents.slice(0, 6).map((entry) => (
          <Menu.Item key={entry.path} disabled={!entry.reachable} rightSection={entry.path === path ? <Check size={14} /> : null} onClick={() => { void openPath(services, entry.path); }}>
            <div className="truncate">{entry.label}</div>
            <div className="truncate-start quiet" style={{ fontSize: 11, maxWidth: 280 }}><bdi>{entry.path}</bdi></div>
          </Menu.Item>
        ))}
        {recents.length > 0 && <Menu.Divider />}
        <Menu.Item leftSection={<FolderOpen size={15} />} onClick={() => { void openFolder(services); }}>Open a data folder …</Menu.Item>
        <Menu.Item leftSection={<Play size={15} />} onClick={() => { void openDemo(services); }}>Open the demo</Menu.Item>
        <Menu.Item leftSection={<House size={15} />} onClick={() => { services.view.set({ area: 'start' }); }}>Start screen</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function SubjectPicker() {
  const { view } = useServices();
  const inspection = useInspection();
  const subject = useSubject();
  if (inspection === null || subject === null) return null;
  return (
    <Menu position="bottom-start" width={240}>
      <Menu.Target>
        <button type="button" className="picker" aria-label="Subject">
          <span className="picker-label">Subject</span><span className="picker-value">{subject.id}</span><ChevronDown size={14} className="quiet" />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {inspection.subjects.map((each) => (
          <Menu.Item key={each.id} rightSection={each.id === subject.id ? <Check size={14} /> : null}
            onClick={() => { if (each.id !== subject.id) { view.set({ subject: each.id, runId: null, draft: null }); view.reset({ limits: null }); } }}>
            {each.id}<div className="quiet" style={{ fontSize: 11 }}>{count(each.sessions, 'session')}, {count(each.trials, 'trial')}</div>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function RunPicker() {
  const services = useServices();
  const runs = useRuns();
  const run = useRun();
  const now = new Date();
  return (
    <Menu position="bottom-start" width={320}>
      <Menu.Target>
        <button type="button" className="picker" aria-label="Run">
          <span className="picker-label">Run</span><span className="picker-value truncate">{run?.name ?? (runs.length === 0 ? 'none yet' : 'choose')}</span><ChevronDown size={14} className="quiet" />
        </button>
      </Menu.Target>
      <Menu.Dropdown mah={420} style={{ overflowY: 'auto' }}>
        {runs.length === 0 && <Menu.Label>Runs of this data appear here.</Menu.Label>}
        {runs.slice(0, 40).map((each) => (
          <Menu.Item key={each.id} rightSection={each.id === run?.id ? <Check size={14} /> : null} onClick={() => { void selectRun(services, each.id); }}>
            <div className="row" style={{ gap: 6 }}><span className="truncate grow">{each.name}</span><StateBadge state={each.state} /></div>
            <div className="quiet" style={{ fontSize: 11 }}>{each.subject}, {when(each.created, now)}</div>
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={() => { goTo(services, 'experiment'); }}>All runs …</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function JobChip() {
  const services = useServices();
  const job = useLab((s) => s.jobs.find((each) => each.state === 'running') ?? null);
  const waiting = useLab((s) => s.jobs.filter((each) => each.state === 'waiting').length);
  if (job === null) return null;
  return (
    <button type="button" className="job-chip" onClick={() => { goTo(services, 'jobs'); }} title={`${job.title}: ${job.activity}`}>
      <span className="number">{percent(job.progress)}</span>
      <span className="job-chip-bar"><span style={{ width: `${100 * (job.progress)}%` }} /></span>
      <span className="quiet truncate">{waiting > 0 ? `${timeLeft(job.secondsLeft)}, ${waiting} waiting` : timeLeft(job.secondsLeft)}</span>
    </button>
  );
}

export function TopBar() {
  const services = useServices();
  const open = useLab((s) => s.inspection.state === 'ready');
  const subject = useSubject();
  const draft = useView((s) => s.draft);
  const mac = useLab((s) => s.info?.platform === 'darwin');
  return (
    <header className="top-bar">
      <button type="button" className="brand" onClick={() => { services.view.set({ area: 'start' }); }} aria-label="Optogram, start screen"><Mark size={26} /></button>
      <DataPicker />
      {open && <SubjectPicker />}
      {open && <RunPicker />}
      <div className="grow" />
      <JobChip />
      <button type="button" className="search-box" onClick={() => { spotlight.open(); }} aria-label="Search or run a command"><Search size={14} /><span className="grow">Search or run a command</span><span className="kbd">{mac ? '⌘K' : 'Ctrl K'}</span></button>
      <Button leftSection={<Play size={14} fill="currentColor" />} disabled={!open || subject === null} title={open ? 'Run the experiment on the form (Ctrl + Enter)' : 'Open data first'}
        onClick={() => {
          const recipe = draft ?? (subject === null ? null : { ...DEFAULT_RECIPE, data: { ...DEFAULT_RECIPE.data, subject: subject.id } });
          goTo(services, 'experiment');
          if (draft !== null && recipe !== null) void startRun(services, recipe);
        }}>Run</Button>
    </header>
  );
}
