import { useEffect, useMemo, useState } from 'react';
import { FolderDown } from 'lucide-react';
import { dropFiles, openAny, tell } from '../../state/actions.ts';
import { commandsOf, matchesKey } from '../../state/commands.ts';
import type { Command } from '../../state/commands.ts';
import { useLab, useServices, useView } from '../../state/app-context.ts';
import type { Area } from '../../state/view-state.ts';
import { Notice } from '../../parts/notice.tsx';
import { CortexArea } from '../cortex/cortex-area.tsx';
import { DataArea } from '../data/data-area.tsx';
import { ExperimentArea } from '../experiment/experiment-area.tsx';
import { GalleryArea } from '../gallery/gallery-area.tsx';
import { JobsArea } from '../jobs/jobs-area.tsx';
import { StartArea } from '../start/start-area.tsx';
import { TablesArea } from '../tables/tables-area.tsx';
import { Palette } from './palette.tsx';
import { Rail } from './rail.tsx';
import { Settings } from './settings.tsx';
import { Shortcuts } from './shortcuts.tsx';
import { StatusBar } from './status-bar.tsx';
import { TopBar } from './top-bar.tsx';

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** Fields whose text has its own undo; those of the form are undone with the form, which knows every value they had. */
const hasOwnUndo = (target: EventTarget | null): boolean =>
  isTyping(target) && !(target instanceof HTMLInputElement && (target.readOnly || target.type === 'checkbox' || target.type === 'radio')) && target instanceof HTMLElement && target.closest('[data-undo="form"]') === null;

/** Runs the command of a key press. Single letters never fire while typing or behind a dialog. */
function useKeys(commands: readonly Command[], area: Area, mac: boolean): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const typing = isTyping(event.target), inDialog = document.querySelector('[role="dialog"]') !== null;
      for (const command of commands) {
        const key = command.keys?.find((each) => matchesKey(each, event, mac));
        if (key === undefined || (command.areas !== undefined && !command.areas.includes(area))) continue;
        if (!key.startsWith('mod') && key !== 'F1' && (typing || inDialog)) continue;
        if (command.group === 'Edit' && hasOwnUndo(event.target)) continue; // the field has its own undo
        event.preventDefault();
        command.run();
        return;
      }
    };
    window.addEventListener('keydown', onKey);
    return () => { window.removeEventListener('keydown', onKey); };
  }, [commands, area, mac]);
}

function useDrop(): boolean {
  const services = useServices();
  const [over, setOver] = useState(false);
  useEffect(() => {
    const has = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true;
    const enter = (event: DragEvent): void => { if (has(event)) setOver(true); };
    // From one element to another it names the next. Counting enters and leaves would go wrong where an element goes away under the pointer.
    const leave = (event: DragEvent): void => { if (event.relatedTarget === null) setOver(false); };
    const hold = (event: DragEvent): void => { event.preventDefault(); };
    const drop = (event: DragEvent): void => {
      event.preventDefault();
      setOver(false);
      if (event.dataTransfer !== null) void dropFiles(services, event.dataTransfer.files);
    };
    window.addEventListener('dragenter', enter);
    window.addEventListener('dragleave', leave);
    window.addEventListener('dragover', hold);
    window.addEventListener('drop', drop);
    return () => {
      window.removeEventListener('dragenter', enter);
      window.removeEventListener('dragleave', leave);
      window.removeEventListener('dragover', hold);
      window.removeEventListener('drop', drop);
    };
  }, [services]);
  return over;
}

const SCREENS: { readonly [A in Area]: (props: { readonly exporting: boolean; readonly onExported: () => void }) => React.ReactNode } = {
  start: StartArea, data: DataArea, experiment: ExperimentArea, gallery: GalleryArea, cortex: CortexArea, jobs: JobsArea, tables: TablesArea,
};

export function Workspace() {
  const services = useServices();
  const area = useView((s) => s.area);
  const mac = useLab((s) => s.info?.platform === 'darwin');
  const failure = useLab((s) => s.failure);
  const [sheet, setSheet] = useState<'shortcuts' | 'settings' | 'export' | null>(null);
  const commands = useMemo(() => commandsOf(services, {
    openShortcuts: () => { setSheet('shortcuts'); },
    openSettings: () => { setSheet('settings'); },
    openExport: () => { setSheet('export'); },
  }), [services]);
  useKeys(commands, area, mac);
  const over = useDrop();

  useEffect(() => {
    const stops = [
      services.lab.on('command', ({ id }) => {
        if (hasOwnUndo(document.activeElement) && (id === 'selection.undo' || id === 'selection.redo')) {
          // The menu's key means the field's own history, which nothing but this old call reaches.
          // eslint-disable-next-line @typescript-eslint/no-deprecated
          document.execCommand(id === 'selection.undo' ? 'undo' : 'redo');
          return;
        }
        commands.find((command) => command.id === id)?.run();
      }),
      services.lab.on('data.openRequested', ({ path }) => { void openAny(services, path); }),
      services.lab.on('engine.restarted', ({ message }) => { services.resources.forget(''); tell(message, 'The analysis process was restarted'); }),
    ];
    return () => { for (const stop of stops) stop(); };
  }, [services, commands]);

  const Screen = SCREENS[area];
  const bare = area === 'start';
  return (
    <div className={bare ? 'workspace workspace-bare' : 'workspace'}>
      {!bare && <TopBar />}
      {!bare && <Rail onSettings={() => { setSheet('settings'); }} />}
      <main className="screen" data-area={area}>
        {failure !== null && <div style={{ padding: 16 }}><Notice tone="error" title="The main process did not answer">{failure.message}</Notice></div>}
        <Screen key={area} exporting={sheet === 'export'} onExported={() => { setSheet(null); }} />
      </main>
      {!bare && <StatusBar />}
      <Palette commands={commands} />
      <Shortcuts opened={sheet === 'shortcuts'} onClose={() => { setSheet(null); }} commands={commands} mac={mac} />
      <Settings opened={sheet === 'settings'} onClose={() => { setSheet(null); }} />
      {over && <div className="drop-veil"><FolderDown size={40} /><div>Drop a data folder to open it, or a model pack to use it</div></div>}
    </div>
  );
}
