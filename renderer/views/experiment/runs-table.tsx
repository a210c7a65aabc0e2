import { ActionIcon, Tooltip } from '@mantine/core';
import { Ban, Pause, RotateCcw } from 'lucide-react';
import { useState } from 'react';
import { formatValue } from '../../../common/colour/scale.ts';
import type { RunRow } from '../../../common/contract/payloads.ts';
import { StateBadge } from '../../parts/state-badge.tsx';
import { count, duration, percent, when } from '../../parts/words.ts';
import { cancelRun, pauseRuns, resumeRun, selectRun } from '../../state/actions.ts';
import { scoreTitle } from '../../state/selectors.ts';
import { useServices, useView } from '../../state/app-context.ts';

const MOST_SCORES = 4;

export function RunsTable({ runs }: { readonly runs: readonly RunRow[] }) {
  const services = useServices();
  const chosen = useView((s) => s.runId);
  const [sort, setSort] = useState<string>('created');
  const names = ['clip_similarity', 'two_way', 'ssim_2d', 'pcc'].filter((name) => runs.some((run) => run.summary?.scores[name] !== undefined)).slice(0, MOST_SCORES);
  const valueOf = (run: RunRow, name: string): number => run.summary?.scores[name]?.value ?? Number.NEGATIVE_INFINITY;
  const rows = sort === 'created' ? runs : runs.toSorted((a, b) => valueOf(b, sort) - valueOf(a, sort));
  const now = new Date(), several = new Set(runs.map((run) => run.subject)).size > 1;
  const sorts = (name: string): { 'aria-sort': 'descending' | 'none'; onClick: () => void } => ({ 'aria-sort': sort === name ? 'descending' : 'none', onClick: () => { setSort(name); } });
  return (
    <div className="runs-table scroll">
      <table className="table">
        <thead>
          <tr>
            <th>Run</th><th>State</th>{several && <th>Subject</th>}<th className="right">Images</th>
            {names.map((name) => <th key={name} className="right sortable" {...sorts(name)} title={`${scoreTitle(name).definition} Click to sort.`}>{scoreTitle(name).short} {sort === name ? '▾' : ''}</th>)}
            <th className="right">Took</th><th className="right sortable" {...sorts('created')}>Started {sort === 'created' ? '▾' : ''}</th><th aria-label="Actions" className="run-actions" />
          </tr>
        </thead>
        <tbody>
          {rows.map((run) => {
            const active = run.state === 'running' || run.state === 'waiting';
            return (
              <tr key={run.id} className={`pickable${run.id === chosen ? ' picked' : ''}`} tabIndex={0} aria-selected={run.id === chosen}
                onClick={() => { void selectRun(services, run.id); }} onKeyDown={(event) => { if (event.key === 'Enter') void selectRun(services, run.id); }}>
                <td style={{ maxWidth: 160 }} className="truncate" title={run.name}><b style={{ fontWeight: 550 }}>{run.name}</b></td>
                <td><StateBadge state={run.state} />{run.state === 'running' && <span className="number quiet"> {percent(run.progress)}</span>}</td>
                {several && <td>{run.subject}</td>}
                <td className="right number">{run.summary?.images ?? ''}</td>
                {names.map((name) => {
                  const score = run.summary?.scores[name];
                  return <td key={name} className="right number" title={score === undefined ? '' : `${score.value}; shuffled ${score.baseline}`}>{score === undefined ? <span className="quiet">–</span> : <>{formatValue(score.value)} <span className="quiet">/ {formatValue(score.baseline)}</span></>}</td>;
                })}
                <td className="right number">{run.summary === null ? '' : duration(run.summary.seconds)}</td>
                <td className="right quiet">{when(run.created, now)}</td>
                <td className="right run-actions">
                  {active && <Tooltip label="Pause; it goes on where it stopped"><ActionIcon size={22} aria-label="Pause" onClick={(event) => { event.stopPropagation(); void pauseRuns(services, [run.id]); }}><Pause size={14} /></ActionIcon></Tooltip>}
                  {active && <Tooltip label="Cancel; what is finished is kept"><ActionIcon size={22} aria-label="Cancel" onClick={(event) => { event.stopPropagation(); void cancelRun(services, run.id); }}><Ban size={14} /></ActionIcon></Tooltip>}
                  {(run.state === 'paused' || run.state === 'cancelled' || run.state === 'failed') && <Tooltip label="Resume where it stopped"><ActionIcon size={22} aria-label="Resume" onClick={(event) => { event.stopPropagation(); void resumeRun(services, run.id); }}><RotateCcw size={14} /></ActionIcon></Tooltip>}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {names.length > 0 && <div className="quiet" style={{ fontSize: 11, padding: '6px 10px' }}>{count(runs.length, 'run')}. Scores are written value / shuffled baseline.</div>}
    </div>
  );
}
