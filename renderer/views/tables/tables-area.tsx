/** The two ablation tables: one button each, the arms as they run, and the result. */
import { Button, Loader, Select, Switch } from '@mantine/core';
import { Ban, Pause, Play, Table2 } from 'lucide-react';
import { useEffect, useState } from 'react';
import { DEFAULT_TABLE } from '../../../common/ablation/arms.ts';
import type { TableNumber, TableOptions } from '../../../common/ablation/arms.ts';
import type { AblationTable } from '../../../common/ablation/table.ts';
import { TABLE_TITLES } from '../../../common/ablation/table.ts';
import type { RunRow, TableRun } from '../../../common/contract/payloads.ts';
import type { Inspection, SubjectSummary } from '../../../common/dataset.ts';
import type { ErrorReport } from '../../../common/errors.ts';
import { samplerCost, refineCost } from '../../../common/gradient-modes.ts';
import type { Recipe } from '../../../common/recipe.ts';
import { reportFrom } from '../../lab.ts';
import { ErrorNotice, Notice } from '../../parts/notice.tsx';
import { StateBadge } from '../../parts/state-badge.tsx';
import { count, duration, percent } from '../../parts/words.ts';
import { cancelRun, knownRefusal, pauseRuns, resumeRuns, tellError } from '../../state/actions.ts';
import { useLab, useServices, useView } from '../../state/app-context.ts';
import { useFinishedRuns, useInspection, useSubject } from '../../state/selectors.ts';
import { NoSubject } from '../data/no-subject.tsx';
import { paceKnown } from '../experiment/estimate.ts';
import { recipeFor } from '../experiment/experiment-area.tsx';
import { tablePlan } from '../../../common/ablation/table-plan.ts';
import { ResultTable } from './result-table.tsx';

const WITHOUT_C = [{ value: 'unconditional', label: 'c → empty text' }, { value: 'random', label: 'c → noise, adjusted (as published)' }, { value: 'mean', label: 'c → training mean' }];

function Choice({ table, recipe, subject, captions, options, onStarted, children }: { readonly table: TableNumber; readonly recipe: Recipe; readonly subject: SubjectSummary; readonly captions: Inspection['captions']; readonly options: TableOptions; readonly onStarted: () => void; readonly children?: React.ReactNode }) {
  const services = useServices(), runs = useFinishedRuns(subject.id, recipe.pack), [busy, setBusy] = useState(false);
  const { arms, obstacle } = tablePlan(table, recipe, subject, captions, options), images = recipe.images ?? subject.testImages, pace = paceKnown(runs);
  const evaluations = arms.reduce((sum, { recipe: arm }) => sum + (arm.pipeline !== 'diffusion' ? 0 : samplerCost(arm.sampler) + (arm.refine.enabled ? refineCost(arm.sampler, arm.refine).all : 0)), 0) * images;
  const start = async (): Promise<void> => {
    const path = services.data.store.getState().dataPath;
    if (path === null || obstacle !== null) return;
    setBusy(true);
    const refusal = await knownRefusal(services, recipe);
    if (refusal !== null) { tellError('Not started: the model pack cannot be used', refusal); setBusy(false); return; }
    try {
      const keys = await services.lab.view('table.keys', arms.map((arm) => arm.recipe), path);
      await services.lab.invoke('table.start', table, arms, keys, path);
      await services.data.refreshRuns();
      onStarted();
    } catch (error) { tellError('The table could not be started', reportFrom(error)); }
    setBusy(false);
  };
  return (
    <div className="card table-choice">
      <h2>Table {table}. {TABLE_TITLES[table]}</h2>
      {obstacle === null
        ? <div className="quiet" style={{ fontSize: 12 }}>{arms.map((arm) => arm.title).join(arms.some((arm) => arm.title.includes(',')) ? '; ' : ', ')}. {count(arms.length, 'run')} of {count(images, 'picture')}, the same seed and noise; what two arms share is computed once.</div>
        : <Notice tone="info" title={`Table ${table} cannot be made of this data`}>{obstacle.why} {obstacle.fix}</Notice>}
      {children}
      <div className="row" style={{ gap: 12 }}>
        <Button style={{ flex: 'none' }} leftSection={<Play size={14} fill="currentColor" />} loading={busy} disabled={obstacle !== null} onClick={() => { void start(); }}>Make Table {table}</Button>
        {obstacle === null && <span className="quiet number" style={{ fontSize: 12 }}>{pace === null ? 'The first run with this model pack tells how long it takes.' : `at most about ${duration(pace.seconds * evaluations)}, going by the last runs here`}</span>}
      </div>
    </div>
  );
}

function Arms({ run, rows }: { readonly run: TableRun; readonly rows: readonly RunRow[] }) {
  const services = useServices();
  return (
    <ul className="recents card" style={{ padding: 0 }}>
      {run.arms.map((arm) => {
        const row = rows.find((each) => each.id === arm.runId), active = row?.state === 'running' || row?.state === 'waiting';
        return (
          <li className="job" key={arm.id}>
            <Table2 size={16} className="quiet" aria-hidden="true" />
            <div className="grow"><div className="row"><b className="truncate">{arm.title}</b>{row !== undefined && <StateBadge state={row.state} />}</div><div className="quiet truncate" style={{ fontSize: 12 }}>{row?.state === 'running' ? row.activity === '' ? 'Starting' : row.activity : arm.note}</div></div>
            {row?.state === 'running' && <div className="job-bar"><div className="number quiet" style={{ fontSize: 12 }}>{percent(row.progress)}</div><div className="progress"><div style={{ width: `${100 * row.progress}%` }} /></div></div>}
            {active && <Button variant="default" size="compact-sm" leftSection={<Ban size={13} />} onClick={() => { void cancelRun(services, arm.runId); }}>Cancel</Button>}
          </li>
        );
      })}
    </ul>
  );
}

function Result({ run }: { readonly run: TableRun }) {
  const services = useServices(), rows = useLab((s) => s.runs), own = run.arms.map((arm) => rows.find((row) => row.id === arm.runId));
  const done = own.every((row) => row?.state === 'done'), failed = own.find((row) => row?.state === 'failed')?.error ?? null;
  const idsOf = (states: readonly RunRow['state'][]): string[] => own.flatMap((row) => (row !== undefined && states.includes(row.state) ? [row.id] : []));
  const going = idsOf(['running', 'waiting']), halted = idsOf(['paused', 'cancelled', 'failed']);
  const [table, setTable] = useState<AblationTable | null>(null), [error, setError] = useState<ErrorReport | null>(null);
  useEffect(() => {
    if (!done) return;
    const stop = new AbortController();
    void (async () => {
      try {
        const details = await Promise.all(run.arms.map((arm) => services.lab.invoke('run.get', arm.runId)));
        const made = await services.lab.view('table.compose', run, details.map((detail) => detail.ref));
        if (!stop.signal.aborted) setTable(made);
      } catch (caught) { if (!stop.signal.aborted) setError(reportFrom(caught)); }
    })();
    return () => { stop.abort(); };
  }, [services, run, done]);
  if (error !== null) return <ErrorNotice error={error} title="The table could not be made" />;
  if (table !== null && done) return <ResultTable table={table} />;
  if (done) return <section className="data-section"><h2 className="section-title as-written">Table {run.table}. {TABLE_TITLES[run.table]}</h2><div className="card row quiet" style={{ padding: 14 }} role="status"><Loader size={14} />Comparing the arms image by image</div></section>;
  return (
    <section className="data-section">
      <div className="row" style={{ justifyContent: 'space-between', alignItems: 'flex-end' }}>
        <h2 className="section-title as-written">Table {run.table}. {TABLE_TITLES[run.table]}: {own.filter((row) => row?.state === 'done').length} of {run.arms.length} arms done</h2>
        {going.length > 0 ? <Button size="compact-sm" variant="default" leftSection={<Pause size={13} />} onClick={() => { void pauseRuns(services, going); }}>Pause this table</Button>
          : halted.length > 0 ? <Button size="compact-sm" variant="light" leftSection={<Play size={13} />} onClick={() => { void resumeRuns(services, halted); }}>Go on with this table</Button> : null}
      </div>
      {failed !== null && <ErrorNotice error={failed} title="An arm stopped; make the table again to go on" />}
      <Arms run={run} rows={rows} />
    </section>
  );
}

export function TablesArea() {
  const services = useServices(), inspection = useInspection(), subject = useSubject(), draft = useView((s) => s.draft), path = useLab((s) => s.dataPath);
  const [tables, setTables] = useState<readonly TableRun[]>([]), [options, setOptions] = useState<TableOptions>(DEFAULT_TABLE);
  const refresh = (): void => { void services.lab.invoke('table.list').then(setTables, () => undefined); };
  useEffect(refresh, [services]);
  if (inspection === null || subject === null) return <NoSubject icon={<Table2 size={26} />} />;
  const base = draft !== null && draft.data.subject === subject.id ? draft : recipeFor(subject, inspection.kind === 'arrays');
  return (
    <div className="scroll" style={{ height: '100%' }}>
      <div className="tables">
        <div className="data-head"><div className="grow"><div className="data-title">Ablation tables</div><div className="quiet">Pictures, seed, decoder and stage 2 as on the Experiment screen: {count(base.images ?? subject.testImages, 'picture')}, seed {base.seed}.</div></div></div>
        <div className="table-choices">
          <Choice table={1} recipe={base} subject={subject} captions={inspection.captions} options={DEFAULT_TABLE} onStarted={refresh} />
          <Choice table={2} recipe={base} subject={subject} captions={inspection.captions} options={options} onStarted={refresh}>
            <Select label="What takes the place of c" size="xs" data={WITHOUT_C} value={options.withoutC} allowDeselect={false}
              onChange={(value) => { if (value === 'unconditional' || value === 'random' || value === 'mean') setOptions({ ...options, withoutC: value, adjustReplacedC: value === 'random' }); }} />
            <Switch label="Crossed: LVC, HVC and both, each with every feature space left out" size="xs" checked={options.crossed} onChange={(event) => { setOptions({ ...options, crossed: event.currentTarget.checked }); }} />
          </Choice>
        </div>
        {tables.filter((run) => run.dataPath === path && run.subject === subject.id).map((run) => <Result key={run.id} run={run} />)}
      </div>
    </div>
  );
}
