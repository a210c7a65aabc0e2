import { Tooltip } from '@mantine/core';
import { Activity, Brain, Database, FlaskConical, Images, Settings, Table2 } from 'lucide-react';
import { AREA_TITLES, goTo } from '../../state/commands.ts';
import { useLab, useServices, useView } from '../../state/app-context.ts';
import type { Area } from '../../state/view-state.ts';
import { useInspection } from '../../state/selectors.ts';

const ITEMS: readonly { readonly area: Area; readonly Icon: typeof Brain }[] = [
  { area: 'data', Icon: Database }, { area: 'experiment', Icon: FlaskConical }, { area: 'gallery', Icon: Images }, { area: 'cortex', Icon: Brain }, { area: 'jobs', Icon: Activity }, { area: 'tables', Icon: Table2 },
];

export function Rail({ onSettings }: { readonly onSettings: () => void }) {
  const services = useServices();
  const area = useView((s) => s.area);
  const open = useLab((s) => s.dataPath !== null);
  const busy = useLab((s) => s.jobs.filter((job) => job.state === 'running' || job.state === 'waiting').length);
  const problems = useInspection()?.problems.filter((problem) => problem.severity === 'problem').length ?? 0;
  return (
    <nav className="rail" aria-label="Areas">
      {ITEMS.map(({ area: target, Icon }, i) => {
        const reachable = open || target === 'jobs';
        const count = target === 'jobs' ? busy : target === 'data' ? problems : 0;
        return (
          <Tooltip key={target} label={reachable ? `${AREA_TITLES[target]} (Ctrl + ${i + 1})` : 'Open data first'} position="right">
            <button type="button" className="rail-item" aria-current={area === target ? 'page' : undefined} aria-disabled={!reachable} data-area={target} onClick={() => { goTo(services, target); }}>
              <Icon size={20} strokeWidth={1.75} aria-hidden="true" />
              <span>{AREA_TITLES[target]}</span>
              {count > 0 && <i className={target === 'data' ? 'rail-count rail-warn' : 'rail-count'}>{count}</i>}
            </button>
          </Tooltip>
        );
      })}
      <div className="grow" />
      <Tooltip label="Settings (Ctrl + ,)" position="right">
        <button type="button" className="rail-item" onClick={onSettings}><Settings size={20} strokeWidth={1.75} aria-hidden="true" /><span>Settings</span></button>
      </Tooltip>
    </nav>
  );
}
