/** The commands: one list from which the palette, the keys, the native menu and the shortcut sheet all read. */
import { spotlight } from '@mantine/spotlight';
import type { ViewName } from '../cortex/scene.ts';
import { positionOfShape } from '../cortex/placement.ts';
import type { ShapeName } from '../cortex/mesh.ts';
import { lutChoices } from '../../common/colour/luts.ts';
import { MAP_KINDS } from '../../common/map-kinds.ts';
import { cancelRun, choosePack, openDemo, openFolder, pauseRuns, redo, resumeRuns, setTheme, startRun, undo } from './actions.ts';
import type { Services } from './app-context.ts';
import type { Area } from './view-state.ts';
import type { DEFAULT_LOOK } from './view-state.ts';

export interface Command {
  readonly id: string;
  readonly title: string;
  readonly group: 'Go to' | 'Data' | 'Run' | 'Cortex' | 'Gallery' | 'Edit' | 'View' | 'Help';
  /** `mod` is Ctrl, or Cmd on a Mac. Single letters act only outside fields and only on `areas`. */
  readonly keys?: readonly string[];
  readonly areas?: readonly Area[];
  readonly run: () => void;
}

/** Things that live in components and that commands open. */
export interface CommandTargets {
  openShortcuts(): void;
  openExport(): void;
  openSettings(): void;
}

export const AREA_TITLES: { readonly [A in Area]: string } = {
  start: 'Start', data: 'Data', experiment: 'Experiment', gallery: 'Gallery', cortex: 'Cortex', jobs: 'Jobs', tables: 'Tables',
};

export const AREAS: readonly Area[] = ['start', 'data', 'experiment', 'gallery', 'cortex', 'jobs', 'tables'];

const CORTEX = ['cortex'] as const;
const VIEWS: readonly (readonly [ViewName, string])[] = [
  ['lateral-left', 'Left hemisphere from its outer side'], ['lateral-right', 'Right hemisphere from its outer side'],
  ['medial-left', 'Left hemisphere from the midline'], ['medial-right', 'Right hemisphere from the midline'],
  ['ventral', 'From below'], ['posterior', 'From behind'],
];
const SHAPE_KEYS: readonly (readonly [ShapeName, string])[] = [['white', 'W'], ['pial', 'P'], ['inflated', 'I'], ['flat', 'L']];

export function goTo(services: Services, area: Area): void {
  const { dataPath, info } = services.data.store.getState();
  // Until the main process has answered, the last folder may still be opened: the screen asked for then is kept.
  services.view.set({ area: dataPath !== null || info === null || area === 'jobs' ? area : 'start' });
}

/** Folds if flat, unfolds if folded, over 0.7 s; the camera stays. */
export function toggleFold(services: Services): void {
  const scene = services.cortex.current;
  if (scene === null) return;
  const rest = positionOfShape('inflated', scene.shapes) ?? 0;
  const flat = scene.morphPosition > 0.98;
  services.view.look(flat ? 'Fold' : 'Unfold', { morph: flat ? rest : 1 });
}

export function showView(services: Services, name: ViewName): void {
  const { cortex, view } = services;
  const layout = view.store.getState().look.layout;
  if (name.startsWith('medial') && (layout === 'together' || layout === 'apart')) view.look('Open like a book', { layout: 'medial' });
  // The layout is applied by the screen; the camera follows after it.
  requestAnimationFrame(() => { cortex.current?.view(name); });
}

export function commandsOf(services: Services, targets: CommandTargets): readonly Command[] {
  const { view, cortex, data } = services;
  const look = (): typeof DEFAULT_LOOK => view.store.getState().look;
  const share = (step: number): void => {
    const next = Math.min(0.99, Math.max(0, look().thresholdShare + step));
    view.look('Threshold', { thresholdShare: next });
  };
  const cycleLut = (step: number): void => {
    const dark = document.documentElement.dataset['mantineColorScheme'] === 'dark';
    const signed = MAP_KINDS[look().kind].signed;
    const choices = lutChoices(signed, dark);
    const now = signed ? look().lutSigned : look().lutUnsigned ?? choices[0];
    const next = choices[(choices.findIndex((name) => name === now) + step + choices.length) % choices.length];
    if (next !== undefined) view.look('Colour map', signed ? { lutSigned: next } : { lutUnsigned: next });
  };
  const size = (step: number): void => {
    const sizes = ['S', 'M', 'L'] as const;
    const gallery = view.store.getState().gallery;
    const next = sizes[Math.min(2, Math.max(0, sizes.indexOf(gallery.size) + step))];
    if (next !== undefined) view.set({ gallery: { ...gallery, size: next } });
  };
  return [
    ...AREAS.slice(1).map((area, i): Command => ({ id: `area.${area}`, title: AREA_TITLES[area], group: 'Go to', keys: [`mod+${i + 1}`], run: () => { goTo(services, area); } })),
    { id: 'area.start', title: 'Start', group: 'Go to', keys: ['mod+0'], run: () => { view.set({ area: 'start' }); } },
    { id: 'data.open', title: 'Open a data folder…', group: 'Data', keys: ['mod+O'], run: () => { void openFolder(services); } },
    { id: 'data.demo', title: 'Open the demo', group: 'Data', run: () => { void openDemo(services); } },
    { id: 'run.start', title: 'Run the experiment on the form', group: 'Run', keys: ['mod+Enter'], run: () => {
      const draft = view.store.getState().draft;
      if (draft === null) { goTo(services, 'experiment'); return; }
      void startRun(services, draft);
    } },
    { id: 'pack.choose', title: 'Choose a model pack…', group: 'Run', keys: ['mod+Shift+O'], run: () => { void choosePack(services); } },
    { id: 'run.cancel', title: 'Cancel the running experiment', group: 'Run', keys: ['mod+.'], run: () => {
      const running = data.store.getState().jobs.find((job) => job.kind === 'run' && job.state === 'running');
      if (running !== undefined) void cancelRun(services, running.id);
    } },
    { id: 'run.pause', title: 'Pause the running experiment, or go on with the paused ones', group: 'Run', keys: ['mod+Shift+P'], run: () => {
      const { jobs, runs } = data.store.getState(), active = jobs.filter((job) => job.kind === 'run' && (job.state === 'running' || job.state === 'waiting')).map((job) => job.id);
      if (active.length > 0) void pauseRuns(services, active);
      else void resumeRuns(services, runs.filter((run) => run.state === 'paused').toSorted((a, b) => a.created.localeCompare(b.created)).map((run) => run.id));
    } },
    { id: 'cortex.fold', title: 'Fold or unfold', group: 'Cortex', keys: ['F'], areas: CORTEX, run: () => { toggleFold(services); } },
    { id: 'cortex.home', title: 'Reset the camera', group: 'Cortex', keys: ['Home', '0'], areas: CORTEX, run: () => { cortex.current?.home(); } },
    ...VIEWS.map(([name, title], i): Command => ({ id: `cortex.view.${name}`, title, group: 'Cortex', keys: [String(i + 1)], areas: CORTEX, run: () => { showView(services, name); } })),
    ...SHAPE_KEYS.map(([shape, key]): Command => ({
      id: `cortex.shape.${shape}`, title: `${shape[0]?.toUpperCase() ?? ''}${shape.slice(1)} surface`, group: 'Cortex', keys: [key], areas: CORTEX, run: () => {
        const position = positionOfShape(shape, cortex.current?.shapes ?? []);
        if (position !== null) view.look(`${shape} surface`, { morph: position });
      },
    })),
    { id: 'cortex.left', title: 'Show or hide the left hemisphere', group: 'Cortex', keys: ['Shift+L'], areas: CORTEX, run: () => { view.look('Left hemisphere', { left: !look().left || !look().right }); } },
    { id: 'cortex.right', title: 'Show or hide the right hemisphere', group: 'Cortex', keys: ['Shift+R'], areas: CORTEX, run: () => { view.look('Right hemisphere', { right: !look().right || !look().left }); } },
    { id: 'cortex.outlines', title: 'Outlines', group: 'Cortex', keys: ['O'], areas: CORTEX, run: () => { view.look('Outlines', { outlines: !look().outlines }); } },
    { id: 'cortex.labels', title: 'Labels', group: 'Cortex', keys: ['T'], areas: CORTEX, run: () => { view.look('Labels', { labels: !look().labels }); } },
    { id: 'cortex.threshold.down', title: 'Lower the threshold', group: 'Cortex', keys: ['['], areas: CORTEX, run: () => { share(-0.05); } },
    { id: 'cortex.threshold.up', title: 'Raise the threshold', group: 'Cortex', keys: [']'], areas: CORTEX, run: () => { share(0.05); } },
    { id: 'cortex.lut.next', title: 'Next colour map', group: 'Cortex', keys: ['C'], areas: CORTEX, run: () => { cycleLut(1); } },
    { id: 'cortex.lut.previous', title: 'Previous colour map', group: 'Cortex', keys: ['Shift+C'], areas: CORTEX, run: () => { cycleLut(-1); } },
    { id: 'gallery.larger', title: 'Larger pictures', group: 'Gallery', keys: ['+', '='], areas: ['gallery'], run: () => { size(1); } },
    { id: 'gallery.smaller', title: 'Smaller pictures', group: 'Gallery', keys: ['-'], areas: ['gallery'], run: () => { size(-1); } },
    { id: 'export.view', title: 'Export this view as PNG…', group: 'View', keys: ['mod+E'], run: () => { targets.openExport(); } },
    { id: 'selection.undo', title: 'Undo', group: 'Edit', keys: ['mod+Z'], run: () => { undo(services); } },
    { id: 'selection.redo', title: 'Redo', group: 'Edit', keys: ['mod+Shift+Z'], run: () => { redo(services); } },
    { id: 'selection.clear', title: 'Clear the selection', group: 'Edit', keys: ['Escape'], areas: ['cortex', 'gallery'], run: () => {
      const { voxel, region, imageId } = view.store.getState().selection;
      if (voxel !== null) view.select('Clear voxel', { voxel: null, pin: null });
      else if (region !== null) view.select('Clear region', { region: null });
      else if (imageId !== null) view.select('Clear image', { imageId: null });
    } },
    { id: 'theme.toggle', title: 'Switch between dark and light', group: 'View', run: () => {
      void setTheme(services, document.documentElement.dataset['mantineColorScheme'] === 'dark' ? 'light' : 'dark');
    } },
    { id: 'app.settings', title: 'Settings', group: 'View', keys: ['mod+,'], run: () => { targets.openSettings(); } },
    { id: 'palette.open', title: 'Search or run a command', group: 'Help', keys: ['mod+K'], run: () => { spotlight.open(); } },
    { id: 'help.shortcuts', title: 'Keyboard shortcuts', group: 'Help', keys: ['?', 'F1'], run: () => { targets.openShortcuts(); } },
  ];
}

/** Does a key press mean this binding? */
export function matchesKey(binding: string, event: KeyboardEvent, mac: boolean): boolean {
  const parts = binding.split('+').filter((part) => part !== '');
  const key = binding.endsWith('+') ? '+' : parts.at(-1) ?? '';
  const wantsMod = parts.includes('mod'), wantsShift = parts.includes('Shift');
  const mod = mac ? event.metaKey : event.ctrlKey;
  if (wantsMod !== mod || event.altKey || (mac ? event.ctrlKey : event.metaKey)) return false;
  const symbol = key.length === 1 && !/[a-z0-9]/i.test(key);
  if (!symbol && wantsShift !== event.shiftKey) return false;
  return event.key.toLowerCase() === key.toLowerCase();
}

/** How a binding is written for people. */
export function keyText(binding: string, mac: boolean): string {
  return binding === '+' ? '+' : binding.replace('mod', mac ? '⌘' : 'Ctrl').replace('Shift', mac ? '⇧' : 'Shift').replace('Escape', 'Esc').replace('Enter', '↵').replaceAll('+', mac ? '' : ' + ');
}
