import { Button, CopyButton, Menu, Tooltip } from '@mantine/core';
import { Ban, Brain, Check, Circle, CircleAlert, Copy, Ellipsis, FileJson, Images, LoaderCircle, Pause, RotateCcw, Trash2 } from 'lucide-react';
import { formatValue } from '../../../common/colour/scale.ts';
import type { RunDetail, RunRow, StepRow } from '../../../common/contract/payloads.ts';
import { DEFAULT_RECIPE } from '../../../common/recipe.ts';
import { Bar } from '../../parts/marks.tsx';
import { ErrorNotice, Notice } from '../../parts/notice.tsx';
import { StateBadge, SyntheticBadge } from '../../parts/state-badge.tsx';
import { count, duration, percent, timeLeft, when } from '../../parts/words.ts';
import { cancelRun, deleteRun, pauseRuns, renameRun, resumeRun, saveText } from '../../state/actions.ts';
import { goTo } from '../../state/commands.ts';
import { scoreTitle } from '../../state/selectors.ts';
import { useLab, useServices } from '../../state/app-context.ts';
import { Decoders } from './decoders.tsx';
import { LiveFacts } from './live-facts.tsx';
import { FinishedRefinements, LiveRefinements } from './refinements.tsx';

const STEP_ICONS: { readonly [S in StepRow['state']]: typeof Check } = { waiting: Circle, running: LoaderCircle, done: Check, failed: CircleAlert, reused: Check };

function Steps({ detail }: { readonly detail: RunDetail }) {
  const live = useLab((s) => s.live[detail.row.id]);
  return (
    <div className="steps">
      {detail.steps.map((step) => {
        const now = live?.steps[step.key];
        const running = detail.row.state === 'running';
        const told: StepRow['state'] = now?.state ?? step.state, state = told === 'running' && !running ? 'waiting' : told; // a halted run's last word was of work
        const done = now?.done ?? step.done, total = now?.total ?? step.total, seconds = now?.seconds ?? step.seconds;
        const Icon = STEP_ICONS[state];
        return (
          <div className="step" key={step.key} data-state={state}>
            <Icon size={14} className={state === 'running' ? 'spin accent' : state === 'failed' ? 'error' : state === 'waiting' ? 'quiet' : 'ok'} aria-label={state} />
            <span className="truncate">{step.title}</span>
            {state === 'running' && total > 1 ? <div className="progress"><div style={{ width: `${100 * (done / total)}%` }} /></div> : <span />}
            <span className="number right quiet">{state === 'running' && total > 1 ? `${done} of ${total}` : state === 'reused' ? 'reused' : seconds === null ? '' : duration(seconds)}</span>
          </div>
        );
      })}
    </div>
  );
}

function Live({ detail, row }: { readonly detail: RunDetail; readonly row: RunRow }) {
  const last = detail.images.at(-1), live = useLab((s) => s.live[row.id]);
  const stateOf = (step: StepRow): StepRow['state'] => live?.steps[step.key]?.state ?? step.state;
  const at = detail.steps.findIndex((step) => stateOf(step) === 'running'), next = detail.steps.findIndex((step) => stateOf(step) === 'waiting'), stage = 1 + (at >= 0 ? at : next);
  return (
    <div className="card live">
      <div>
        <div className="live-top">
          <span className="live-percent number">{percent(row.progress)}</span>
          <span className="secondary grow truncate">{row.state === 'waiting' ? 'Waits for its turn' : `${stage === 0 ? '' : `Step ${stage} of ${detail.steps.length}. `}${row.activity}`}</span>
          <span className="number secondary">{row.state === 'waiting' ? '' : timeLeft(row.secondsLeft)}</span>
        </div>
        <div className="progress" style={{ height: 6 }} role="progressbar" aria-valuenow={Math.round(row.progress * 100)} aria-valuemin={0} aria-valuemax={100}><div style={{ width: `${100 * (row.progress)}%` }} /></div>
        {row.state === 'running' && <LiveFacts row={row} />}
        <Steps detail={detail} />
      </div>
      <div style={{ width: 270 }}>
        <div className="pair">
          {(['truthUrl', 'reconstructionUrl'] as const).map((which) => (
            <figure key={which}>
              {last === undefined ? <div className="tile-wait" /> : <img src={last[which]} width={132} height={132} alt="" />}
              <figcaption>{which === 'truthUrl' ? 'Truth' : 'Reconstruction'}</figcaption>
            </figure>
          ))}
        </div>
        <div className="quiet" style={{ fontSize: 12, paddingTop: 4, textAlign: 'center' }}>{last === undefined ? 'Pictures appear here as they are made.' : `Image ${last.imageId}, picture ${detail.images.length}`}</div>
      </div>
    </div>
  );
}

function Scores({ detail }: { readonly detail: RunDetail }) {
  const scores = Object.entries(detail.row.summary?.scores ?? {});
  if (scores.length === 0) return null;
  return (
    <section className="data-section">
      <h2 className="section-title">Scores over {count(detail.row.summary?.images ?? 0, 'image')}; the tick is the shuffled baseline</h2>
      <div className="scores">
        {scores.map(([name, score]) => {
          const { title, definition } = scoreTitle(name);
          const max = Math.max(1, score.value, score.baseline);
          const gain = score.better === 'higher' ? score.value - score.baseline : score.baseline - score.value;
          return (
            <Tooltip key={name} label={definition} disabled={definition === ''}>
              <div className="card score">
                <span className="secondary">{title} {score.better === 'higher' ? '↑' : '↓'}</span>
                <span className="score-value number">{formatValue(score.value)}</span>
                <Bar value={score.value} max={score.better === 'lower' ? Math.max(score.value, score.baseline) * 1.15 : max} baseline={score.baseline} colour={gain > 0 ? 'var(--accent)' : 'var(--warn)'} />
                <span className="score-base number">shuffled {formatValue(score.baseline)} ({formatValue(score.value - score.baseline, { sign: true })})</span>
              </div>
            </Tooltip>
          );
        })}
      </div>
    </section>
  );
}

/** A run that stands still without an error says why and what is kept of it. */
function Halted({ row }: { readonly row: RunRow }) {
  const interrupted = useLab((s) => s.info?.interrupted.includes(row.id) ?? false);
  if (row.state !== 'paused' && row.state !== 'cancelled') return null;
  const why = row.state === 'paused' ? 'Paused' : interrupted ? 'Interrupted when Optogram last closed' : 'Cancelled';
  return <Notice tone="info" title={why}>{row.progress > 0 ? `${percent(row.progress)} of its steps are done and kept.` : 'No step was finished.'} Resume goes on where it stopped.</Notice>;
}

export function RunPanel({ detail }: { readonly detail: RunDetail }) {
  const services = useServices();
  // The row of the list is newer than the detail: it comes with every push.
  const row = useLab((s) => s.runs.find((each) => each.id === detail.row.id)) ?? detail.row;
  const active = row.state === 'running' || row.state === 'waiting';
  const recipe = JSON.stringify(detail.recipe, null, 2);
  return (
    <div className="run-body scroll">
      <div className="run-head">
        <input className="run-name" key={row.id + row.name} defaultValue={row.name} aria-label="Name of the run" title={row.name} size={Math.max(6, row.name.length)}
          onKeyDown={(event) => { if (event.key === 'Enter') event.currentTarget.blur(); if (event.key === 'Escape') { event.currentTarget.value = row.name; event.currentTarget.blur(); } }}
          onBlur={(event) => { const name = event.currentTarget.value.trim(); if (name !== '' && name !== row.name) void renameRun(services, row.id, name); }} />
        <StateBadge state={row.state} />
        {row.synthetic && <SyntheticBadge />}
        <span className="quiet truncate" title={detail.recipe.pack === DEFAULT_RECIPE.pack ? undefined : `Model pack ${detail.recipe.pack}`}>{row.subject}, {detail.recipe.pack === DEFAULT_RECIPE.pack ? '' : `pack ${detail.recipe.pack.split(/[\\/]/).at(-1) ?? ''}, `}{when(row.created, new Date())}{row.summary !== null && `, took ${duration(row.summary.seconds)}`}</span>
        <span className="grow" />
        {active && <Button variant="default" leftSection={<Pause size={14} />} onClick={() => { void pauseRuns(services, [row.id]); }}>Pause</Button>}
        {active && <Button variant="default" leftSection={<Ban size={14} />} onClick={() => { void cancelRun(services, row.id); }}>Cancel</Button>}
        {(row.state === 'paused' || row.state === 'cancelled' || row.state === 'failed') && <Button variant="light" leftSection={<RotateCcw size={14} />} onClick={() => { void resumeRun(services, row.id); }}>Resume</Button>}
        {detail.images.length > 0 && <Button variant="default" leftSection={<Images size={14} />} onClick={() => { goTo(services, 'gallery'); }}>Gallery</Button>}
        {row.state === 'done' && <Button variant="default" leftSection={<Brain size={14} />} onClick={() => { goTo(services, 'cortex'); }}>Cortex</Button>}
        <Menu position="bottom-end" width={220}>
          <Menu.Target><Button variant="default" px={8} aria-label="More"><Ellipsis size={16} /></Button></Menu.Target>
          <Menu.Dropdown>
            <Menu.Item leftSection={<Copy size={14} />} onClick={() => { services.view.form('Settings of a run', { ...detail.recipe, name: `${detail.recipe.name}, again` }); }}>Use these settings</Menu.Item>
            <CopyButton value={recipe}>{({ copy, copied }) => <Menu.Item leftSection={<FileJson size={14} />} closeMenuOnClick={false} onClick={copy}>{copied ? 'Copied' : 'Copy the recipe'}</Menu.Item>}</CopyButton>
            <Menu.Item leftSection={<FileJson size={14} />} onClick={() => { void saveText(services, `${row.name}.json`, recipe); }}>Save the recipe …</Menu.Item>
            <Menu.Divider />
            <Menu.Item leftSection={<Trash2 size={14} />} color="red" disabled={active} onClick={() => { void deleteRun(services, row.id); }}>Delete the run</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </div>
      {row.error !== null && row.state === 'failed' && <ErrorNotice error={row.error} title="The run stopped" />}
      <Halted row={row} />
      {active && <LiveRefinements runId={row.id} />}
      {active && <Live detail={detail} row={row} />}
      <Scores detail={detail} />
      {!active && <FinishedRefinements detail={detail} />}
      <Decoders key={row.id} detail={detail} />
      {!active && detail.steps.length > 0 && <section className="data-section"><h2 className="section-title">Steps</h2><div className="card" style={{ padding: '6px 14px' }}><Steps detail={detail} /></div></section>}
    </div>
  );
}
