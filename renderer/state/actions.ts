/** What buttons, menus, the palette and keys all do: one function each. */
import { notifications } from '@mantine/notifications';
import type { ErrorReport } from '../../common/errors.ts';
import type { RunRow } from '../../common/contract/payloads.ts';
import { DEFAULT_RECIPE } from '../../common/recipe.ts';
import type { Recipe } from '../../common/recipe.ts';
import { reportFrom } from '../lab.ts';
import { named } from '../parts/words.ts';
import { packRefusal } from './pack-state.ts';
import type { Area } from './view-state.ts';
import type { Services } from './app-context.ts';

const sentence = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`);

/** Errors that have no place of their own on a screen. */
export function tellError(title: string, report: ErrorReport): void {
  if (report.kind === 'cancelled') return;
  notifications.show({ title, message: [report.message, report.fix].filter((line) => line !== undefined).map(sentence).join(' '), color: 'red', autoClose: 9000 });
}

export function tell(message: string, title?: string): void {
  notifications.show({ message, ...(title === undefined ? {} : { title }), autoClose: 4000 });
}

async function attempt<T>(title: string, work: () => Promise<T>): Promise<T | null> {
  try { return await work(); } catch (error) { tellError(title, reportFrom(error)); return null; }
}

export function remember({ lab, data, view }: Services): void {
  void lab.invoke('app.remember', { dataPath: data.store.getState().dataPath, runId: view.store.getState().runId }).catch(() => null);
}

/** Opens a folder: its newest finished run, or the one that is asked for, and the Data screen unless another one is asked for. */
export async function openPath(services: Services, path: string, options: { readonly runId?: string | null; readonly area?: Area } = {}): Promise<void> {
  const { data, view, resources } = services;
  resources.forget('');
  services.cortex.current?.clear();
  view.set({ area: options.area ?? 'data', runId: null, subject: null, draft: null });
  view.reset({ limits: null, hiddenRegions: [], atlas: null });
  const inspection = await data.openData(path);
  if (inspection === null) return;
  const runs = data.store.getState().runs.filter((row) => row.dataPath === path);
  const run = runs.find((row) => row.id === options.runId) ?? runs.filter((row) => row.state === 'done').sort((a, b) => b.created.localeCompare(a.created))[0] ?? null;
  view.set({ subject: run?.subject ?? inspection.subjects[0]?.id ?? null });
  if (run !== null) await selectRun(services, run.id);
  remember(services);
}

/** Back to where the last session was, if that folder can still be reached. A screen chosen meanwhile stays chosen. */
export async function restoreSession(services: Services): Promise<void> {
  const { data, view } = services;
  await data.start();
  const { info, dataPath } = data.store.getState();
  if (dataPath !== null) return;
  const path = info?.last.dataPath ?? null;
  const reachable = info?.recents.find((entry) => entry.path === path)?.reachable ?? false;
  const { area, lastArea } = view.store.getState();
  if (path === null || !reachable) view.set({ area: area === 'jobs' ? area : 'start' });
  else await openPath(services, path, { runId: info?.last.runId ?? null, area: area === 'start' ? lastArea : area });
}

export async function selectRun(services: Services, runId: string | null): Promise<void> {
  const { view, data } = services;
  const row = data.store.getState().runs.find((each) => each.id === runId);
  view.set({ runId, ...(row === undefined ? {} : { subject: row.subject }) });
  view.reset({ limits: null });
  remember(services);
  if (runId !== null) await data.loadDetail(runId);
}

export async function openFolder(services: Services): Promise<void> {
  const path = await attempt('The folder could not be opened', () => services.lab.invoke('data.choose'));
  if (path !== null) await openPath(services, path);
}

export async function openDemo(services: Services): Promise<void> {
  const made = await attempt('The demo could not be written', () => services.lab.invoke('demo.create'));
  if (made !== null) await openPath(services, made.path);
}

export async function dropFiles(services: Services, files: FileList): Promise<void> {
  const first = files[0];
  if (first === undefined) return;
  const path = services.lab.pathOf(first);
  if (path === '') { tell('That was not a file or folder of this computer.'); return; }
  await openAny(services, path);
}

/** A folder that was dropped or that the system named: a model pack goes into the form, all else is opened as data. */
export async function openAny(services: Services, path: string): Promise<void> {
  const kind = await attempt('The folder could not be looked at', () => services.lab.invoke('folder.kind', path));
  if (kind === 'pack') await takePack(services, path);
  else if (kind === 'data') await openPath(services, path);
}

/** Asks about a recipe's pack; one that can be used is what new experiments start with from then on. */
export async function checkPack(services: Services, recipe: Recipe, images: number, again = false): Promise<ErrorReport | null> {
  const { packs, lab, data } = services, state = await packs.check(recipe, images, again);
  const { report, pack } = state, known = data.store.getState().info?.packs;
  const isNews = known !== undefined && (known.chosen !== pack || (pack !== DEFAULT_RECIPE.pack && known.recents[0]?.path !== pack));
  if (report?.ok === true && pack === recipe.pack && isNews) {
    await attempt('The pack could not be kept for the next time', async () => {
      await lab.invoke('pack.remember', { path: pack, label: report.name });
      await refreshPacks(services);
    });
  }
  else if (again) await attempt('The list of packs could not be read', () => refreshPacks(services));
  return packRefusal(state, recipe);
}

/** Which packs are known and whether their folders are still there. */
export async function refreshPacks({ lab, data }: Services): Promise<void> {
  const { packs } = await lab.invoke('app.info');
  data.setInfo({ packs });
}

export async function choosePack(services: Services): Promise<void> {
  const path = await attempt('The folder could not be chosen', () => services.lab.invoke('pack.choose'));
  if (path !== null) await takePack(services, path);
}

/** Puts a pack into the form, where what it is appears; without open data it is looked at and kept for the first experiment. */
export async function takePack(services: Services, pack: string): Promise<void> {
  const { data, view } = services, { draft } = view.store.getState(), info = data.store.getState().info;
  if (data.store.getState().inspection.state === 'ready') {
    // The form that is not open yet starts with what is chosen.
    if (draft !== null) view.form('Model pack', { ...draft, pack });
    else if (info !== null) data.setInfo({ packs: { chosen: pack, recents: info.packs.recents.filter(({ path }) => path !== pack) } });
    view.set({ area: 'experiment' });
    return;
  }
  const refusal = await checkPack(services, { ...DEFAULT_RECIPE, pack }, DEFAULT_RECIPE.images ?? 1, true);
  if (refusal !== null) tellError('This cannot be used as a model pack', refusal);
  else tell('New experiments use it. Open data to set one up.', `Model pack “${services.packs.store.getState().report?.name ?? pack}”`);
}

export async function removePack(services: Services, path: string): Promise<void> {
  await attempt('The entry could not be removed', async () => { await services.lab.invoke('pack.removeRecent', path); await refreshPacks(services); });
}

export async function startRun(services: Services, recipe: Recipe): Promise<RunRow | null> {
  const path = services.data.store.getState().dataPath;
  if (path === null) return null;
  const refusal = await knownRefusal(services, recipe);
  if (refusal !== null) {
    services.view.set({ area: 'experiment' });
    tellError('Not started: the model pack cannot be used', refusal);
    return null;
  }
  const row = await attempt('The run could not be started', () => services.lab.invoke('run.start', recipe, path));
  if (row === null) return null;
  await services.data.refreshRuns();
  await selectRun(services, row.id);
  return row;
}

/** Why a recipe's pack cannot be used, or null. The shipped pack is not looked at first; a folder is, unless the form has done so. */
export async function knownRefusal(services: Services, recipe: Recipe): Promise<ErrorReport | null> {
  const { pack, answered } = services.packs.store.getState();
  if (pack === recipe.pack && answered !== null) return packRefusal(services.packs.store.getState(), recipe);
  return recipe.pack === DEFAULT_RECIPE.pack ? null : checkPack(services, recipe, recipe.images ?? 1);
}

export async function cancelRun(services: Services, runId: string): Promise<void> {
  await attempt('The run could not be cancelled', () => services.lab.invoke('run.cancel', runId));
}

/** Runs stop to go on later; what is finished of them is kept. */
export async function pauseRuns(services: Services, runIds: readonly string[]): Promise<void> {
  const done = await attempt('The run could not be paused', async () => { await services.lab.invoke('run.pause', runIds); return true; });
  if (done !== null) await services.data.refreshRuns();
}

/** Paused runs go on, in this order. */
export async function resumeRuns(services: Services, runIds: readonly string[]): Promise<void> {
  await attempt('The runs could not be resumed', async () => { for (const id of runIds) await services.lab.invoke('run.resume', id); });
  await services.data.refreshRuns();
}

export async function resumeRun(services: Services, runId: string): Promise<void> {
  const row = await attempt('The run could not be resumed', () => services.lab.invoke('run.resume', runId));
  if (row !== null) { await services.data.refreshRuns(); tell(`${named(row.name)} goes on where it stopped.`); }
}

export async function renameRun(services: Services, runId: string, name: string): Promise<void> {
  await attempt('The run could not be renamed', () => services.lab.invoke('run.rename', runId, name));
  await services.data.refreshRuns();
  await services.data.loadDetail(runId);
}

export async function deleteRun(services: Services, runId: string): Promise<void> {
  const gone = await attempt('The run could not be deleted', async () => { await services.lab.invoke('run.delete', runId); return true; });
  if (gone === null) return;
  services.data.forgetRun(runId);
  if (services.view.store.getState().runId === runId) await selectRun(services, null);
}

export async function setTheme(services: Services, theme: 'system' | 'light' | 'dark'): Promise<void> {
  services.data.setInfo({ theme });
  await attempt('The theme could not be kept', () => services.lab.invoke('app.setTheme', theme));
}

/** Bytes that a fit may take from now on; null for the default. */
export async function setMemory(services: Services, ceiling: number | null): Promise<void> {
  await attempt('The ceiling could not be kept', async () => {
    await services.lab.invoke('app.setMemory', ceiling);
    services.data.setInfo({ memory: (await services.lab.invoke('app.info')).memory });
  });
}

export async function removeRecent(services: Services, path: string): Promise<void> {
  await attempt('The entry could not be removed', () => services.lab.invoke('data.removeRecent', path));
  const recents = services.data.store.getState().info?.recents ?? [];
  services.data.setInfo({ recents: recents.filter((entry) => entry.path !== path) });
}

export async function savePng(services: Services, name: string, png: Uint8Array): Promise<void> {
  const path = await attempt('The picture could not be saved', () => services.lab.invoke('file.savePng', name, png));
  if (path !== null) saved(services, path);
}

export async function saveText(services: Services, name: string, text: string): Promise<void> {
  const path = await attempt('The file could not be saved', () => services.lab.invoke('file.saveText', name, text));
  if (path !== null) saved(services, path);
}

function saved({ lab }: Services, path: string): void {
  notifications.show({
    title: 'Saved', message: `${path}. Click here to show it in its folder.`, autoClose: 8000,
    onClick: () => { void lab.invoke('file.show', path); }, style: { cursor: 'pointer' },
  });
}

/** One notice that changes, however often the key is pressed. */
function tellStep(message: string): void {
  const id = 'undo';
  notifications.hide(id);
  notifications.show({ id, message, autoClose: 4000 });
}

export function undo(services: Services): void {
  const label = services.view.undo();
  if (label !== null) tellStep(`Undid: ${label}`);
}

export function redo(services: Services): void {
  const label = services.view.redo();
  if (label !== null) tellStep(`Redid: ${label}`);
}
