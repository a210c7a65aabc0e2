/** What main answers to the window. Plain functions of their dependencies: Electron is behind `Desktop`. */
import type { Invoke, InvokeName } from '../../common/contract/channels.ts';
import type { AppInfo, FolderKind, RecentData, RecentPack, RunDetail, RunRef, SpaceReport, Theme } from '../../common/contract/payloads.ts';
import { UserError } from '../../common/errors.ts';
import { DEFAULT_RECIPE, parseRecipe } from '../../common/recipe.ts';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PIPELINE_SPACES } from '../experiments/plan.ts';
import { memoryCeiling, MEMORY_SETTING } from '../experiments/queue.ts';
import type { Queue } from '../experiments/queue.ts';
import { readSpaceReports } from '../experiments/space-report.ts';
import type { Store } from '../store/open.ts';
import { listImages, readSetting, writeSetting } from '../store/results.ts';
import { deleteRun, getRun, listRuns, listSteps, renameRun } from '../store/runs.ts';
import { writeAtomically } from './atomic-file.ts';
import { folderKind } from './folder-kind.ts';
import { listTables, startTable } from './tables.ts';

/** The parts of the desktop that a handler may use. */
export interface Desktop {
  chooseFolder(purpose: FolderKind): Promise<string | null>;
  chooseSaveFile(suggested: string, extension: string): Promise<string | null>;
  showInFolder(file: string): void;
  setTheme(theme: Theme): void;
  readonly version: string;
  readonly electron: string;
  readonly platform: string;
}

export interface HandlerDeps {
  readonly store: Store;
  readonly queue: Queue;
  readonly desktop: Desktop;
  /** Where the demo subject lives. */
  readonly demoFolder: string;
}

export type Handlers = { readonly [Name in InvokeName]: (...args: Invoke[Name]['args']) => Promise<Invoke[Name]['result']> };

const RECENTS = 10;

interface Recent { readonly path: string; readonly label: string; readonly synthetic: boolean; readonly openedAt: string }

interface Packs { readonly chosen: string; readonly recents: readonly Omit<RecentPack, 'reachable'>[] }

export function makeHandlers({ store, queue, desktop, demoFolder }: HandlerDeps): Handlers {
  const recents = (): Recent[] => (readSetting(store, 'recents') ?? []) as Recent[];
  const packs = (): Packs => (readSetting(store, 'packs') ?? { chosen: DEFAULT_RECIPE.pack, recents: [] }) as Packs;
  const dataOf = (dataPath: string): { path: string; label: string; synthetic: boolean } => {
    const recent = recents().find((entry) => entry.path === dataPath);
    return { path: dataPath, label: recent?.label ?? path.basename(dataPath), synthetic: recent?.synthetic ?? false };
  };
  const known = (runId: string) => {
    const run = getRun(store, runId);
    if (run === null) throw new UserError('usage', `there is no run ${runId}`, { expected: 'an id from the list of runs', found: runId, fix: 'Reload the list of runs.' });
    return run;
  };
  const keysOf = (runId: string): RunRef['keys'] => Object.fromEntries(listSteps(store, runId).filter((step) => step.state === 'done' || step.state === 'reused').map((step) => [step.label, step.key]));
  const save = async (suggested: string, extension: string, bytes: Uint8Array): Promise<string | null> => {
    const chosen = await desktop.chooseSaveFile(suggested, extension);
    if (chosen === null) return null;
    // Linux dialogs may return a name without its extension (ux.md 2.2): append it and report the final path.
    const file = path.extname(chosen).toLowerCase() === `.${extension}` ? chosen : `${chosen}.${extension}`;
    await writeAtomically(file, bytes);
    return file;
  };

  return {
    'app.info': () => Promise.resolve<AppInfo>({
      version: desktop.version, electron: desktop.electron, platform: desktop.platform,
      theme: (readSetting(store, 'theme') ?? 'system') as Theme,
      memory: { ...memoryCeiling(store), installed: os.totalmem() },
      recents: recents().map((recent): RecentData => ({ ...recent, reachable: fs.existsSync(recent.path) })),
      packs: { ...packs(), recents: packs().recents.map((recent): RecentPack => ({ ...recent, reachable: fs.existsSync(recent.path) })) },
      last: (readSetting(store, 'last') ?? { dataPath: null, runId: null }) as AppInfo['last'],
      interrupted: store.interrupted,
    }),
    'app.setTheme': (theme) => {
      writeSetting(store, 'theme', theme);
      desktop.setTheme(theme);
      return Promise.resolve(null);
    },
    'app.setMemory': (bytes) => {
      writeSetting(store, MEMORY_SETTING, bytes);
      return Promise.resolve(null);
    },
    'app.remember': (place) => {
      writeSetting(store, 'last', place);
      return Promise.resolve(null);
    },
    'data.choose': () => desktop.chooseFolder('data'),
    'data.addRecent': (entry) => {
      const rest = recents().filter((recent) => recent.path !== entry.path);
      writeSetting(store, 'recents', [{ ...entry, openedAt: new Date().toISOString() }, ...rest].slice(0, RECENTS));
      return Promise.resolve(null);
    },
    'data.removeRecent': (target) => {
      writeSetting(store, 'recents', recents().filter((recent) => recent.path !== target));
      return Promise.resolve(null);
    },
    'pack.choose': () => desktop.chooseFolder('pack'),
    'pack.remember': ({ path: chosen, label }) => {
      const { recents: known } = packs(), rest = known.filter((recent) => recent.path !== chosen);
      // A shipped pack goes by its name; only folders are recent.
      const recent = path.isAbsolute(chosen) ? [{ path: chosen, label, usedAt: new Date().toISOString() }, ...rest].slice(0, RECENTS) : known;
      writeSetting(store, 'packs', { chosen, recents: recent });
      return Promise.resolve(null);
    },
    'pack.removeRecent': (target) => {
      const { chosen, recents: known } = packs();
      writeSetting(store, 'packs', { chosen: chosen === target ? DEFAULT_RECIPE.pack : chosen, recents: known.filter((recent) => recent.path !== target) });
      return Promise.resolve(null);
    },
    'folder.kind': (target) => folderKind(target),
    'demo.create': async () => {
      if (!fs.existsSync(demoFolder)) await queue.writeDemo(demoFolder, { subjects: 2, seed: 1 });
      return { path: demoFolder };
    },
    'run.start': (recipe, dataPath) => {
      return Promise.resolve(queue.startRun(parseRecipe(recipe), dataOf(dataPath)));
    },
    'run.cancel': (runId) => {
      queue.cancelRun(runId);
      return Promise.resolve(null);
    },
    'run.pause': (runIds) => {
      queue.pauseRuns(runIds);
      return Promise.resolve(null);
    },
    'run.resume': (runId) => Promise.resolve(queue.resumeRun(runId)),
    'run.rename': (runId, name) => {
      known(runId);
      renameRun(store, runId, name);
      return Promise.resolve(null);
    },
    'run.delete': (runId) => {
      queue.cancelRun(runId);
      deleteRun(store, runId);
      return Promise.resolve(null);
    },
    'run.list': () => Promise.resolve(listRuns(store).map((run) => queue.row(run.row.id) ?? run.row)),
    'run.get': async (runId) => {
      const { row, recipe } = known(runId);
      const steps = listSteps(store, runId);
      const keys = keysOf(runId);
      const spaces: readonly SpaceReport[] = await readSpaceReports(store.workspace, keys);
      return {
        row: queue.row(runId) ?? row, recipe, steps, spaces,
        images: listImages(store, runId).map(({ imageId, truth, reconstruction, scores }) => ({ imageId, truthUrl: urlOf(truth), reconstructionUrl: urlOf(reconstruction), scores })),
        ref: { runId, dataPath: row.dataPath, subject: row.subject, keys },
      } satisfies RunDetail;
    },
    'regions.start': (runId) => {
      const { row, recipe } = known(runId), ref = { runId, dataPath: row.dataPath, subject: row.subject, keys: keysOf(runId) };
      const missing = ['responses', ...PIPELINE_SPACES[recipe.pipeline].map((space) => `fit:${space}`)].find((label) => ref.keys[label] === undefined);
      if (missing !== undefined || PIPELINE_SPACES[recipe.pipeline].length === 0) {
        return Promise.reject(new UserError('usage', 'this run has no finished decoders', { expected: 'a run whose decoders are fitted', found: missing ?? 'a run without decoders', fix: 'Wait for the run, or resume it.' }));
      }
      return Promise.resolve({ jobId: queue.measureRegions(recipe, ref) });
    },
    'job.list': () => Promise.resolve(queue.jobs()),
    'table.start': (table, arms, keys, dataPath) => Promise.resolve(startTable(store, queue, table, arms, keys, dataOf(dataPath), new Date().toISOString())),
    'table.list': () => Promise.resolve(listTables(store)),
    'file.savePng': (suggested, png) => save(suggested, 'png', png),
    'file.saveText': (suggested, text) => save(suggested, path.extname(suggested).slice(1) || 'txt', new TextEncoder().encode(text)),
    'file.show': (file) => {
      desktop.showInFolder(file);
      return Promise.resolve(null);
    },
  };
}

/** URL of a workspace file under the app's own scheme. */
export function urlOf(relative: string): string {
  return `app://bundle/workspace/${relative.split('/').map(encodeURIComponent).join('/')}`;
}
