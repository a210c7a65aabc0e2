import { Button, Loader, Tooltip } from '@mantine/core';
import { Captions, Check, CircleAlert, Database, FlaskConical, FolderOpen, Gauge, Grid3x3, Image, Info, Layers, ListOrdered, Move3d, Sprout, Waves } from 'lucide-react';
import { useState } from 'react';
import type { AtlasSummary, FileGroup, Inspection, Problem, SubjectSummary } from '../../../common/dataset.ts';
import { Empty, ErrorNotice, Facts } from '../../parts/notice.tsx';
import { SyntheticBadge } from '../../parts/state-badge.tsx';
import { Bar } from '../../parts/marks.tsx';
import { bytes, count, duration } from '../../parts/words.ts';
import { openFolder, openPath } from '../../state/actions.ts';
import { goTo } from '../../state/commands.ts';
import { useInspection, useSubject } from '../../state/selectors.ts';
import { useLab, useServices } from '../../state/app-context.ts';
import { TestImages } from './test-images.tsx';

const KINDS: { readonly [K in FileGroup['kind']]: { readonly title: string; readonly Icon: typeof Image } } = {
  betas: { title: 'Responses (betas)', Icon: Waves }, rois: { title: 'Regions', Icon: Grid3x3 }, surfaces: { title: 'Surfaces', Icon: Layers }, stimuli: { title: 'Stimuli', Icon: Image },
  captions: { title: 'Captions', Icon: Captions }, design: { title: 'Design', Icon: ListOrdered }, 'noise-ceiling': { title: 'Noise ceiling', Icon: Gauge },
  transforms: { title: 'Transforms', Icon: Move3d }, responses: { title: 'Responses', Icon: Waves }, truth: { title: 'Planted truth', Icon: Sprout },
};

const STATES: { readonly [S in FileGroup['state']]: { readonly word: string; readonly tone: string; readonly Icon: typeof Check } } = {
  ok: { word: 'Found', tone: 'ok', Icon: Check }, note: { word: 'Works with less', tone: 'warn', Icon: Info }, problem: { word: 'Blocks', tone: 'error', Icon: CircleAlert },
};

function GroupRow({ group }: { readonly group: FileGroup }) {
  const { title, Icon } = KINDS[group.kind];
  const state = STATES[group.state];
  return (
    <tr>
      <td><span className="row"><Icon size={16} className="quiet" aria-hidden="true" /><b style={{ fontWeight: 550 }}>{title}</b></span></td>
      <td className="secondary">{group.summary}</td>
      <td className="right number quiet">{group.bytes > 0 ? bytes(group.bytes) : ''}</td>
      <td className="secondary">{group.unlocks}</td>
      <td className="right"><span className={`badge badge-${state.tone}`}><state.Icon size={12} aria-hidden="true" />{state.word}</span></td>
    </tr>
  );
}

function ProblemCard({ problem }: { readonly problem: Problem }) {
  const blocks = problem.severity === 'problem';
  return (
    <div className={`notice notice-${blocks ? 'error' : 'warn'}`} role={blocks ? 'alert' : 'note'}>
      {blocks ? <CircleAlert size={16} className="notice-icon" aria-hidden="true" /> : <Info size={16} className="notice-icon" aria-hidden="true" />}
      <div className="grow">
        <div className="notice-title mono selectable" style={{ overflowWrap: 'anywhere' }}>{problem.file}</div>
        {problem.costs !== undefined && <div>{blocks ? 'Blocked: ' : 'Without it: '}{problem.costs}</div>}
        <Facts rows={[['Expected', problem.expected], ['Found', problem.found], ['What to do', problem.fix]]} />
      </div>
    </div>
  );
}

function Atlas({ atlas }: { readonly atlas: AtlasSummary }) {
  const most = Math.max(1, ...atlas.regions.map((region) => region.voxels));
  return (
    <div className="atlas">
      {atlas.regions.map((region) => (
        <div className="atlas-row" key={region.label}>
          <span className="truncate" title={`${region.name}: label ${region.label}`}>{region.name}</span>
          <Bar value={region.voxels} max={most} colour="color-mix(in srgb, var(--accent) 65%, transparent)" />
          <span className="number right quiet">{region.voxels.toLocaleString('en')}</span>
        </div>
      ))}
    </div>
  );
}

function Stat({ value, label }: { readonly value: string; readonly label: string }) {
  return <div className="stat"><div className="stat-value number">{value}</div><div className="stat-label">{label}</div></div>;
}

function Subject({ inspection, subject }: { readonly inspection: Inspection; readonly subject: SubjectSummary }) {
  const services = useServices();
  const [atlasName, setAtlas] = useState<string | null>(null);
  const atlas = subject.atlases.find((each) => each.name === atlasName) ?? subject.atlases[0] ?? null;
  const problems = inspection.problems.filter((problem) => problem.subject === undefined || problem.subject === subject.id)
    .toSorted((a, b) => Number(a.severity === 'note') - Number(b.severity === 'note'));
  const blocked = problems.some((problem) => problem.severity === 'problem');
  return (
    <div className="data-main scroll">
      <div className="data-head">
        <div className="grow">
          <div className="row"><h1 className="data-title">{subject.id}</h1>{inspection.synthetic && <SyntheticBadge />}</div>
          <div className="secondary">{inspection.label}{inspection.stimuli !== null && `, ${count(inspection.stimuli.images, 'stimulus', 'stimuli')} of ${inspection.stimuli.shape[0]} × ${inspection.stimuli.shape[1]} px`}</div>
        </div>
        <Tooltip label={blocked ? 'A problem below blocks this subject' : 'Choose regions and pictures, then run'}>
          <Button size="sm" leftSection={<FlaskConical size={16} />} aria-disabled={blocked} data-disabled={blocked} onClick={() => { if (!blocked) goTo(services, 'experiment'); }}>Set up an experiment</Button>
        </Tooltip>
      </div>
      <div className="stats card">
        <Stat value={subject.sessions.toLocaleString('en')} label={subject.sessions === 1 ? 'session' : 'sessions'} />
        <Stat value={subject.trials.toLocaleString('en')} label="trials" />
        <Stat value={subject.trainImages.toLocaleString('en')} label="training images" />
        <Stat value={subject.testImages.toLocaleString('en')} label="test images" />
        {subject.volume !== null && <Stat value={subject.volume.join(' × ')} label={`voxels${subject.voxelSizeMm === null ? '' : ` of ${Number(subject.voxelSizeMm[0].toFixed(2))} mm`}`} />}
        {subject.preparation !== undefined && <Stat value={duration(subject.preparation.seconds)} label={`to prepare ${bytes(subject.preparation.keptBytes)} of responses, reading ${bytes(subject.preparation.readBytes)}`} />}
        {subject.surfaces[0] !== undefined && <Stat value={subject.surfaces.reduce((sum, surface) => sum + surface.vertices, 0).toLocaleString('en')} label="surface vertices" />}
      </div>
      {problems.length > 0 && (
        <section className="data-section">
          <h2 className="section-title">{blocked ? 'What blocks, and what is missing' : 'What is missing, and what that costs'}</h2>
          <div className="column" style={{ gap: 8 }}>{problems.map((problem, i) => <ProblemCard key={`${problem.file}${i}`} problem={problem} />)}</div>
        </section>
      )}
      <section className="data-section">
        <h2 className="section-title">What was found</h2>
        <div className="card" style={{ overflow: 'hidden' }}>
          <table className="table">
            <thead><tr><th>Kind</th><th>Found</th><th className="right">Size</th><th>What it is for</th><th className="right">State</th></tr></thead>
            <tbody>{subject.files.map((group) => <GroupRow key={group.kind} group={group} />)}</tbody>
          </table>
        </div>
      </section>
      <div className="data-columns">
        {atlas !== null && (
          <section className="data-section">
            <div className="row" style={{ justifyContent: 'space-between' }}>
              <h2 className="section-title">Regions by number of voxels</h2>
              {subject.atlases.length > 1 && <select className="plain-select" value={atlas.name} aria-label="Atlas" onChange={(event) => { setAtlas(event.currentTarget.value); }}>{subject.atlases.map((each) => <option key={each.name}>{each.name}</option>)}</select>}
            </div>
            <div className="card" style={{ padding: '10px 14px' }}><Atlas atlas={atlas} /></div>
          </section>
        )}
        <TestImages subject={subject} />
      </div>
      {inspection.terms !== undefined && <p className="quiet selectable" style={{ fontSize: 12 }}>{inspection.terms.text} <span className="mono">{inspection.terms.link}</span></p>}
    </div>
  );
}

export function DataArea() {
  const services = useServices();
  const loaded = useLab((s) => s.inspection);
  const path = useLab((s) => s.dataPath);
  const inspection = useInspection();
  const subject = useSubject();
  const another = <Button variant="default" leftSection={<FolderOpen size={14} />} onClick={() => { void openFolder(services); }}>Choose another folder</Button>;
  if (loaded.state === 'loading') {
    return <Empty icon={<Loader size={24} />} title="Looking at what is there" actions={another}>Reading headers in <span className="mono">{path}</span>. Nothing is copied or changed.</Empty>;
  }
  if (loaded.state === 'failed') {
    return <div className="data-main"><ErrorNotice error={loaded.error} title="This folder could not be read" actions={<>{another}<Button variant="subtle" onClick={() => { if (path !== null) void openPath(services, path); }}>Try again</Button></>} /></div>;
  }
  if (inspection === null) return <Empty icon={<Database size={26} />} title="No data open" actions={another}>Open an NSD folder, or try the built-in demo. Nothing is copied or uploaded.</Empty>;
  if (subject === null) {
    return (
      <div className="data-main scroll">
        <Empty icon={<Database size={26} />} title="No subject here" actions={another}>Expected a folder that contains <span className="mono">nsddata</span> and <span className="mono">nsddata_betas</span>, or a <span className="mono">dataset.json</span>.</Empty>
        <div className="column" style={{ gap: 8 }}>{inspection.problems.map((problem, i) => <ProblemCard key={`${problem.file}${i}`} problem={problem} />)}</div>
      </div>
    );
  }
  return <Subject key={subject.id} inspection={inspection} subject={subject} />;
}
