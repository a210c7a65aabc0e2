/** What the user chose. Written only by user actions; kept between sessions; selection and look can be undone. */
import { createStore } from 'zustand/vanilla';
import type { StoreApi } from 'zustand/vanilla';
import type { LutName } from '../../common/colour/luts.ts';
import type { BelowThreshold } from '../../common/colour/scale.ts';
import type { MapKind } from '../../common/contract/payloads.ts';
import type { Hemisphere } from '../../common/dataset.ts';
import type { Recipe, SpaceName } from '../../common/recipe.ts';
import type { LayoutName } from '../cortex/placement.ts';

export type Area = 'start' | 'data' | 'experiment' | 'gallery' | 'cortex' | 'jobs' | 'tables';

export interface Selection {
  readonly imageId: number | null;
  /** A voxel column of the run, and where it was picked. */
  readonly voxel: number | null;
  readonly pin: { readonly hemisphere: Hemisphere; readonly vertex: number } | null;
  readonly region: string | null;
}

export interface Look {
  readonly kind: MapKind;
  readonly space: SpaceName;
  readonly layout: LayoutName;
  readonly left: boolean;
  readonly right: boolean;
  /** 0..1 over the shapes present. */
  readonly morph: number;
  readonly outlines: boolean;
  readonly labels: boolean;
  readonly hiddenRegions: readonly string[];
  /** Null = the atlas of the run. */
  readonly atlas: string | null;
  readonly lutSigned: LutName;
  readonly lutUnsigned: LutName | null;
  /** Null = by the 98th percentile. */
  readonly limits: { readonly low: number; readonly high: number } | null;
  /** Share of voxels below the threshold, 0..1. */
  readonly thresholdShare: number;
  readonly below: BelowThreshold;
  readonly contour: boolean;
  readonly opacity: number;
  readonly softUnderlay: boolean;
  readonly contrast: number;
  readonly canvas: 'theme' | 'black' | 'white';
}

export interface GalleryChoice {
  /** `id` or the name of a score. */
  readonly sort: string;
  readonly order: 'best' | 'worst';
  readonly size: 'S' | 'M' | 'L';
}

export interface ViewState {
  readonly area: Area;
  /** The screen of the last session, where a folder that is opened again continues. */
  readonly lastArea: Area;
  readonly runId: string | null;
  readonly subject: string | null;
  readonly selection: Selection;
  readonly look: Look;
  readonly gallery: GalleryChoice;
  /** The form of the Experiment screen, not yet run. */
  readonly draft: Recipe | null;
  readonly undoLabel: string | null;
  readonly redoLabel: string | null;
}

export const NO_SELECTION: Selection = { imageId: null, voxel: null, pin: null, region: null };

export const DEFAULT_LOOK: Look = {
  kind: 'pattern', space: 'c', layout: 'together', left: true, right: true, morph: -1, outlines: true, labels: true, hiddenRegions: [], atlas: null,
  lutSigned: 'tide', lutUnsigned: null, limits: null, thresholdShare: 0.5, below: 'fade', contour: false, opacity: 1, softUnderlay: false, contrast: 1, canvas: 'theme',
};

interface Snapshot {
  readonly selection: Selection;
  readonly look: Look;
  readonly draft: Recipe | null;
  readonly subject: string | null;
}

interface Step {
  readonly label: string;
  readonly group: string;
  readonly at: number;
  /** What it changed, as it was. */
  readonly before: Partial<Snapshot>;
}

const STEPS = 200;
/** Changes of one group closer than this are one step (a slider drag). */
const GESTURE_MS = 900;
const STORAGE_KEY = 'optogram.view.1';

export interface ViewStore {
  readonly store: StoreApi<ViewState>;
  /** An undoable change, named as Undo will name it. */
  act(label: string, group: string, change: (now: Snapshot) => Partial<Snapshot>): void;
  select(label: string, change: Partial<Selection>): void;
  look(label: string, change: Partial<Look>): void;
  /** A change of the form, with the subject that it is about. */
  form(label: string, draft: Recipe): void;
  set(change: Partial<Pick<ViewState, 'area' | 'runId' | 'subject' | 'gallery' | 'draft'>>): void;
  /** Another run or folder: its own selection, and nothing to undo from before but changes of a form that is still there. */
  reset(look: Partial<Look>): void;
  /** Names what was undone, or null. */
  undo(): string | null;
  redo(): string | null;
}

interface Kept {
  readonly look?: Partial<Look>;
  readonly gallery?: Partial<GalleryChoice>;
  readonly area?: Area;
}

const AREAS: readonly Area[] = ['data', 'experiment', 'gallery', 'cortex', 'jobs', 'tables'];

function readKept(storage: Storage): Kept {
  try {
    return JSON.parse(storage.getItem(STORAGE_KEY) ?? '{}') as Kept;
  } catch {
    return {}; // written by another version: the defaults are right
  }
}

export function createViewStore(storage: Storage, clock: () => number): ViewStore {
  const kept = readKept(storage);
  const store = createStore<ViewState>(() => ({
    area: 'start', lastArea: AREAS.find((area) => area === kept.area) ?? 'data', runId: null, subject: null, selection: NO_SELECTION, look: { ...DEFAULT_LOOK, ...kept.look, limits: null, hiddenRegions: [] },
    gallery: { sort: 'id', order: 'best', size: 'M', ...kept.gallery }, draft: null, undoLabel: null, redoLabel: null,
  }));
  const past: Step[] = [], future: Step[] = [];
  let saving: ReturnType<typeof setTimeout> | null = null;

  const snapshot = (): Snapshot => { const { selection, look, draft, subject } = store.getState(); return { selection, look, draft, subject }; };
  /** The same parts of the present state. */
  const like = (parts: Partial<Snapshot>): Partial<Snapshot> => { const now = snapshot(); return Object.fromEntries(Object.keys(parts).map((key) => [key, now[key as keyof Snapshot]])); };
  const labels = (): Pick<ViewState, 'undoLabel' | 'redoLabel'> => ({ undoLabel: past.at(-1)?.label ?? null, redoLabel: future.at(-1)?.label ?? null });

  store.subscribe((now, before) => {
    if (now.look === before.look && now.gallery === before.gallery && now.area === before.area) return;
    if (saving !== null) clearTimeout(saving);
    saving = setTimeout(() => { storage.setItem(STORAGE_KEY, JSON.stringify({ look: now.look, gallery: now.gallery, area: now.area === 'start' ? now.lastArea : now.area })); }, 1000);
  });

  const act: ViewStore['act'] = (label, group, change) => {
    const changed = change(snapshot()), at = clock(), last = past.at(-1);
    if (last?.group === group && at - last.at < GESTURE_MS) past[past.length - 1] = { ...last, at };
    else past.push({ label, group, at, before: like(changed) });
    if (past.length > STEPS) past.shift();
    future.length = 0;
    store.setState({ ...changed, ...labels() });
  };
  const travel = (from: Step[], to: Step[]): string | null => {
    const step = from.pop();
    if (step === undefined) return null;
    to.push({ ...step, before: like(step.before), at: 0 });
    store.setState({ ...step.before, ...labels() });
    return step.label;
  };

  return {
    store, act,
    select: (label, change) => { act(label, `select:${label}`, (now) => ({ selection: { ...now.selection, ...change } })); },
    look: (label, change) => { act(label, `look:${Object.keys(change).join()}`, (now) => ({ look: { ...now.look, ...change } })); },
    form: (label, draft) => { act(label, `form:${label}`, () => ({ draft, subject: draft.data.subject })); },
    set: (change) => { store.setState(change); },
    reset: (look) => {
      const kept = store.getState().draft === null ? [] : past.filter(({ before }) => before.draft !== undefined);
      past.splice(0, past.length, ...kept);
      future.length = 0;
      store.setState((s) => ({ selection: NO_SELECTION, look: { ...s.look, ...look }, ...labels() }));
    },
    undo: () => travel(past, future),
    redo: () => travel(future, past),
  };
}
