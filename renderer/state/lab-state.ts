/** What the main process and the engine said. Written only here, by pushes and replies; views read it. */
import { createStore } from 'zustand/vanilla';
import type { StoreApi } from 'zustand/vanilla';
import type { AppInfo, ImageRow, JobRow, RunDetail, RunRow } from '../../common/contract/payloads.ts';
import type { Inspection } from '../../common/dataset.ts';
import type { ErrorReport } from '../../common/errors.ts';
import type { Refinement, RunEvent } from '../../common/run-event.ts';
import { reportFrom } from '../lab.ts';
import type { LabClient } from '../lab.ts';

export type Loaded<T> =
  | { readonly state: 'idle' }
  | { readonly state: 'loading' }
  | { readonly state: 'ready'; readonly value: T }
  | { readonly state: 'failed'; readonly error: ErrorReport };

/** What a running experiment has said since this window opened. */
export interface LiveRun {
  readonly steps: Readonly<Record<string, { readonly state: 'running' | 'done' | 'reused'; readonly done: number; readonly total: number; readonly what: string; readonly seconds: number | null }>>;
  readonly lastImage: { readonly imageId: number } | null;
  readonly imagesDone: number;
  /** Iterations of the images that stage 2 works on now, by image id. */
  readonly refinements: Readonly<Record<number, readonly Refinement[]>>;
}

export interface LabState {
  readonly info: AppInfo | null;
  readonly failure: ErrorReport | null;
  readonly dataPath: string | null;
  readonly inspection: Loaded<Inspection>;
  readonly runs: readonly RunRow[];
  readonly jobs: readonly JobRow[];
  readonly details: Readonly<Record<string, Loaded<RunDetail>>>;
  readonly live: Readonly<Record<string, LiveRun>>;
  /** Counts engine restarts, so that views ask again. */
  readonly engineAge: number;
}

const EMPTY_LIVE: LiveRun = { steps: {}, lastImage: null, imagesDone: 0, refinements: {} };

/** A first iteration after later ones begins the next group of images. */
function addRefinement(now: LiveRun['refinements'], next: Refinement): LiveRun['refinements'] {
  const begins = next.iteration === 0 && Object.values(now).some((list) => (list.at(-1)?.iteration ?? 0) > 0);
  const kept = begins ? {} : now;
  return { ...kept, [next.imageId]: [...(kept[next.imageId] ?? []).filter((each) => each.iteration < next.iteration), next] };
}

/** The pure reducer of run events into what the window shows live. */
export function reduceLive(live: LiveRun, event: RunEvent): LiveRun {
  switch (event.type) {
    case 'planned':
      return { ...live, steps: Object.fromEntries(event.reused.map((key) => [key, { state: 'reused' as const, done: 1, total: 1, what: '', seconds: null }])) };
    case 'step-started':
      return { ...live, steps: { ...live.steps, [event.key]: { state: 'running', done: 0, total: 0, what: '', seconds: null } } };
    case 'progress':
      return { ...live, steps: { ...live.steps, [event.key]: { state: 'running', done: event.done, total: event.total, what: event.what, seconds: null } } };
    case 'image':
      return { ...live, lastImage: { imageId: event.image.imageId }, imagesDone: live.imagesDone + 1 };
    case 'step-done': {
      const before = live.steps[event.key];
      return {
        ...live,
        steps: { ...live.steps, [event.key]: { state: event.reused ? 'reused' : 'done', done: before?.total ?? 1, total: before?.total ?? 1, what: '', seconds: event.seconds } },
      };
    }
    case 'refinement':
      return { ...live, refinements: addRefinement(live.refinements, event.refinement) };
    case 'artefact': case 'metric': case 'failed': case 'finished':
      return live;
    default: { const never: never = event; return never; }
  }
}

function replaceById<T extends { readonly id: string }>(rows: readonly T[], row: T): readonly T[] {
  return rows.some((each) => each.id === row.id) ? rows.map((each) => (each.id === row.id ? row : each)) : [row, ...rows];
}

export interface LabStore {
  readonly store: StoreApi<LabState>;
  start(): Promise<void>;
  openData(path: string): Promise<Inspection | null>;
  closeData(): void;
  loadDetail(runId: string): Promise<RunDetail | null>;
  refreshRuns(): Promise<void>;
  forgetRun(runId: string): void;
  setInfo(change: Partial<AppInfo>): void;
}

/** Detail is asked again at most this often while images of a running experiment arrive. */
const DETAIL_INTERVAL_MS = 900;

export function createLabStore(lab: LabClient): LabStore {
  const store = createStore<LabState>(() => ({
    info: null, failure: null, dataPath: null, inspection: { state: 'idle' }, runs: [], jobs: [], details: {}, live: {}, engineAge: 0,
  }));
  const refreshing = new Map<string, ReturnType<typeof setTimeout>>();
  let opening = 0;

  const loadDetail = async (runId: string): Promise<RunDetail | null> => {
    const known = store.getState().details[runId];
    if (known?.state !== 'ready') store.setState((s) => ({ details: { ...s.details, [runId]: { state: 'loading' } } }));
    try {
      const value = await lab.invoke('run.get', runId);
      store.setState((s) => ({ details: { ...s.details, [runId]: { state: 'ready', value } } }));
      return value;
    } catch (error) {
      store.setState((s) => ({ details: { ...s.details, [runId]: { state: 'failed', error: reportFrom(error) } } }));
      return null;
    }
  };

  const loadDetailSoon = (runId: string): void => {
    if (refreshing.has(runId) || store.getState().details[runId] === undefined) return;
    refreshing.set(runId, setTimeout(() => { refreshing.delete(runId); void loadDetail(runId); }, DETAIL_INTERVAL_MS));
  };

  const refreshRuns = async (): Promise<void> => {
    const [runs, jobs] = await Promise.all([lab.invoke('run.list'), lab.invoke('job.list')]);
    store.setState({ runs, jobs });
  };

  return {
    store,
    async start() {
      lab.on('run.changed', (row) => {
        const before = store.getState().runs.find((each) => each.id === row.id);
        store.setState((s) => ({ runs: replaceById(s.runs, row) }));
        if (before?.state !== row.state) loadDetailSoon(row.id);
      });
      lab.on('job.changed', (row) => { store.setState((s) => ({ jobs: replaceById(s.jobs, row) })); });
      lab.on('run.event', ({ runId, event }) => {
        store.setState((s) => ({ live: { ...s.live, [runId]: reduceLive(s.live[runId] ?? EMPTY_LIVE, event) } }));
        if (event.type !== 'progress') loadDetailSoon(runId);
      });
      lab.on('engine.restarted', ({ lane }) => { if (lane === 'view') store.setState((s) => ({ engineAge: s.engineAge + 1 })); });
      try {
        const [info] = await Promise.all([lab.invoke('app.info'), refreshRuns()]);
        store.setState({ info });
      } catch (error) {
        store.setState({ failure: reportFrom(error) });
      }
    },
    async openData(path) {
      const turn = ++opening;
      store.setState({ dataPath: path, inspection: { state: 'loading' } });
      try {
        const value = await lab.view('data.inspect', path);
        if (turn !== opening) return null;
        store.setState({ inspection: { state: 'ready', value } });
        void lab.invoke('data.addRecent', { path, label: value.label, synthetic: value.synthetic });
        return value;
      } catch (error) {
        if (turn === opening) store.setState({ inspection: { state: 'failed', error: reportFrom(error) } });
        return null;
      }
    },
    closeData() { opening++; store.setState({ dataPath: null, inspection: { state: 'idle' } }); },
    loadDetail,
    refreshRuns,
    forgetRun(runId) {
      store.setState((s) => ({ runs: s.runs.filter((row) => row.id !== runId), jobs: s.jobs.filter((row) => row.id !== runId) }));
    },
    setInfo(change) { store.setState((s) => (s.info === null ? {} : { info: { ...s.info, ...change } })); },
  };
}

/** Rank of an image among its run's images by one score, 1 = best. */
export function rankOf(images: readonly ImageRow[], imageId: number, score: string, better: 'higher' | 'lower'): number | null {
  const own = images.find((image) => image.imageId === imageId)?.scores[score];
  if (own === undefined) return null;
  const beats = (value: number | undefined): boolean => value !== undefined && (better === 'higher' ? value > own : value < own);
  return 1 + images.filter((image) => beats(image.scores[score])).length;
}
