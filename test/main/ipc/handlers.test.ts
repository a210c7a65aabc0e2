/** The answers of the main process, over a real store and queue; the desktop is a plain object, the engine a recorder of requests. */
import fs from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../../../common/errors.ts';
import { DEFAULT_RECIPE } from '../../../common/recipe.ts';
import type { RunEvent } from '../../../common/run-event.ts';
import type { EngineMessage, EngineRequest } from '../../../main/experiments/engine-protocol.ts';
import { keyFor, makePlan } from '../../../main/experiments/plan.ts';
import { openQueue } from '../../../main/experiments/queue.ts';
import { scoreKeys } from '../../../main/experiments/score-keys.ts';
import { makeHandlers } from '../../../main/ipc/handlers.ts';
import type { Handlers } from '../../../main/ipc/handlers.ts';
import { DEFAULT_MEMORY } from '../../../main/ridge/memory.ts';
import { openStore } from '../../../main/store/open.ts';
import type { Store } from '../../../main/store/open.ts';
import { getRun } from '../../../main/store/runs.ts';

interface World {
  readonly handlers: Handlers;
  readonly store: Store;
  readonly posted: EngineRequest[];
  readonly themes: string[];
  readonly shown: string[];
  /** What folder dialogs were for. */
  readonly asked: string[];
  /** What the engine says. */
  say(message: EngineMessage): void;
  close(): void;
}

let folder = '', resident = 0, chosen: string | null = null, world: World;
const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47);

function openWorld(): World {
  const store = openStore(path.join(folder, 'workspace'));
  const posted: EngineRequest[] = [], themes: string[] = [], shown: string[] = [], asked: string[] = [];
  let listener: (message: EngineMessage) => void = () => undefined;
  const queue = openQueue(store, () => ({ post: (request) => { posted.push(request); }, onMessage: (given) => { listener = given; }, onExit: () => undefined, kill: () => undefined, memory: () => resident }),
    { onRun: () => undefined, onEvent: () => undefined, onJob: () => undefined, onEngineLost: () => undefined });
  const handlers = makeHandlers({
    store, queue, demoFolder: path.join(folder, 'demo'),
    desktop: {
      version: '1', electron: '2', platform: 'linux', chooseFolder: (kind) => { asked.push(kind); return Promise.resolve(folder); }, chooseSaveFile: () => Promise.resolve(chosen),
      showInFolder: (file) => { shown.push(file); }, setTheme: (theme) => { themes.push(theme); },
    },
  });
  return { handlers, store, posted, themes, shown, asked, say: (message) => { listener(message); }, close: () => { queue.close(); store.close(); } };
}

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(tmpdir(), 'handlers-'));
  world = openWorld();
});
afterEach(() => {
  world.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

const start = () => world.handlers['run.start']({ ...DEFAULT_RECIPE, name: 'One' }, path.join(folder, 'data'));
const event = (id: string, said: RunEvent): void => { world.say({ type: 'event', id, event: said }); };

describe('app', () => {
  it('knows nothing at first, and after a restart what it was told', async () => {
    expect(await world.handlers['app.info']()).toEqual({ version: '1', electron: '2', platform: 'linux', theme: 'system', memory: { ceiling: DEFAULT_MEMORY, isDefault: true, installed: totalmem() }, recents: [], packs: { chosen: 'demo', recents: [] }, last: { dataPath: null, runId: null }, interrupted: [] });
    await world.handlers['app.setTheme']('dark');
    await world.handlers['app.remember']({ dataPath: '/d', runId: 'r' });
    const { id } = await start();
    world.close();
    world = openWorld();
    expect(await world.handlers['app.info']()).toMatchObject({ theme: 'dark', last: { dataPath: '/d', runId: 'r' }, interrupted: [id] });
  });

  it('keeps the ceiling of a fit, and tells it to the engine with every run from then on', async () => {
    await start();
    await world.handlers['app.setMemory'](3e9);
    expect((await world.handlers['app.info']()).memory).toMatchObject({ ceiling: 3e9, isDefault: false });
    const second = await start();
    await world.handlers['run.cancel'](world.posted[0]?.id ?? '');
    event(world.posted[0]?.id ?? '', { type: 'failed', error: { kind: 'cancelled', message: 'cancelled' } });
    expect(world.posted.filter(({ type }) => type === 'run')).toMatchObject([{ memory: DEFAULT_MEMORY }, { id: second.id, memory: 3e9 }]);
    await world.handlers['app.setMemory'](null);
    expect((await world.handlers['app.info']()).memory).toMatchObject({ ceiling: DEFAULT_MEMORY, isDefault: true });
  });

  it('sets the theme of the desktop', async () => {
    await world.handlers['app.setTheme']('light');
    expect(world.themes).toEqual(['light']);
  });
});

describe('recent data', () => {
  it('are the latest ten, newest first, each once, and say whether they can be reached', async () => {
    for (let n = 0; n < 12; n++) await world.handlers['data.addRecent']({ path: `/nowhere/${n}`, label: `Data ${n}`, synthetic: n % 2 === 0 });
    await world.handlers['data.addRecent']({ path: folder, label: 'Here', synthetic: false });
    await world.handlers['data.addRecent']({ path: '/nowhere/9', label: 'Renamed', synthetic: false });
    await world.handlers['data.removeRecent']('/nowhere/8');
    const { recents } = await world.handlers['app.info']();
    expect(recents.map(({ path: at, label, reachable }) => [at, label, reachable])).toEqual([
      ['/nowhere/9', 'Renamed', false], [folder, 'Here', true], ...[11, 10, 7, 6, 5, 4, 3].map((n) => [`/nowhere/${n}`, `Data ${n}`, false]),
    ]);
  });

  it('name the runs that are started on them', async () => {
    await world.handlers['data.addRecent']({ path: path.join(folder, 'data'), label: 'My subject', synthetic: true });
    expect(await start()).toMatchObject({ dataLabel: 'My subject', synthetic: true });
  });
});

describe('model packs', () => {
  it('keep which one experiments start with and the latest ten folders, also after a restart', async () => {
    for (let n = 0; n < 12; n++) await world.handlers['pack.remember']({ path: path.join(folder, `pack ${n}`), label: `pack ${n}` });
    await world.handlers['pack.remember']({ path: folder, label: 'here' });
    await world.handlers['pack.removeRecent'](path.join(folder, 'pack 9'));
    world.close();
    world = openWorld();
    const { packs } = await world.handlers['app.info']();
    expect(packs.chosen).toBe(folder);
    expect(packs.recents.map(({ label, reachable }) => [label, reachable])).toEqual([['here', true], ...[11, 10, 8, 7, 6, 5, 4, 3].map((n) => [`pack ${n}`, false])]);
    await world.handlers['pack.remember']({ path: 'demo', label: 'demo' });
    expect((await world.handlers['app.info']()).packs).toMatchObject({ chosen: 'demo', recents: packs.recents });
  });

  it('fall back to the demo pack when the chosen folder is taken off the list', async () => {
    await world.handlers['pack.remember']({ path: folder, label: 'here' });
    await world.handlers['pack.removeRecent'](folder);
    expect((await world.handlers['app.info']()).packs).toEqual({ chosen: 'demo', recents: [] });
  });

  it('are asked for in a dialog of their own', async () => {
    await world.handlers['pack.choose']();
    await world.handlers['data.choose']();
    expect(world.asked).toEqual(['pack', 'data']);
  });

  it('are named in the row of a run', async () => {
    const { id } = await world.handlers['run.start']({ ...DEFAULT_RECIPE, pack: folder }, path.join(folder, 'data'));
    expect((await world.handlers['run.list']()).find((row) => row.id === id)).toMatchObject({ pack: folder });
  });
});

describe('saving', () => {
  it('gives the name its extension when the dialog left it out, and the final path back', async () => {
    chosen = path.join(folder, 'figure');
    expect(await world.handlers['file.savePng']('gallery.png', png)).toBe(path.join(folder, 'figure.png'));
    chosen = path.join(folder, 'table.CSV');
    expect(await world.handlers['file.saveText']('scores.csv', 'a,b\n')).toBe(chosen);
    chosen = path.join(folder, 'v1.2');
    expect(await world.handlers['file.saveText']('scores.csv', 'é')).toBe(path.join(folder, 'v1.2.csv'));
    expect(fs.readFileSync(path.join(folder, 'figure.png'))).toEqual(Buffer.from(png));
    expect(fs.readFileSync(path.join(folder, 'v1.2.csv'), 'utf8')).toBe('é');
    expect(fs.readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('replaces a file as a whole', async () => {
    chosen = path.join(folder, 'figure.png');
    fs.writeFileSync(chosen, 'a longer file that was there before');
    await world.handlers['file.savePng']('figure.png', png);
    expect(fs.readFileSync(chosen)).toEqual(Buffer.from(png));
  });

  it('does nothing when the dialog is cancelled', async () => {
    chosen = null;
    expect(await world.handlers['file.savePng']('figure.png', png)).toBeNull();
  });

  it('says where it cannot write, and leaves what was there', async () => {
    fs.writeFileSync(path.join(folder, 'a-file'), 'kept');
    fs.mkdirSync(path.join(folder, 'taken.png'));
    for (const [name, found] of [['a-file/figure.png', 'a file, not a folder'], ['nowhere/figure.png', 'no such file or folder'], ['taken.png', 'a folder where a file']] as const) {
      chosen = path.join(folder, name);
      const error = await world.handlers['file.savePng']('figure.png', png).catch((thrown: unknown) => thrown);
      expect(error, name).toBeInstanceOf(UserError);
      expect((error as UserError).detail, name).toMatchObject({ file: chosen, expected: 'a folder that can be written', found: expect.stringContaining(found) as string });
    }
    expect(fs.readFileSync(path.join(folder, 'a-file'), 'utf8')).toBe('kept');
    expect(fs.readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it.skipIf(process.platform === 'win32' || process.getuid?.() === 0)('refuses a read-only folder (not tried as root, whom permissions do not bind)', async () => {
    fs.mkdirSync(path.join(folder, 'locked'), { mode: 0o555 });
    chosen = path.join(folder, 'locked', 'figure.png');
    await expect(world.handlers['file.savePng']('figure.png', png)).rejects.toMatchObject({ detail: { found: 'permission denied' } });
  });

  it('shows a file in its folder', async () => {
    await world.handlers['file.show']('/x/y.png');
    expect(world.shown).toEqual(['/x/y.png']);
  });
});

describe('runs', () => {
  it('are posted to the engine one at a time and listed newest first', async () => {
    const first = await start(), second = await start();
    expect(world.posted).toMatchObject([{ type: 'run', id: first.id, dataPath: path.join(folder, 'data') }]);
    expect((await world.handlers['run.list']()).map(({ id, state }) => [id, state])).toEqual([[second.id, 'waiting'], [first.id, 'running']]);
    event(first.id, { type: 'failed', error: { kind: 'bad-input', message: 'no' } });
    expect(world.posted.map(({ id }) => id)).toEqual([first.id, second.id]);
    expect(await world.handlers['job.list']()).toMatchObject([{ id: second.id, kind: 'run', title: 'One' }]);
  });

  it('have their pictures under the scheme of the app', async () => {
    const { id } = await start();
    const step = { key: 'k1', kind: 'reconstruct', label: 'reconstruct', title: 'Reconstruct', inputs: [], weight: 1 } as const;
    event(id, { type: 'planned', steps: [step], reused: [] });
    event(id, { type: 'image', key: 'k1', image: { imageId: 7, truth: 'artefacts/k1/a b.png', reconstruction: 'artefacts/k1/r.png' } });
    event(id, { type: 'step-done', key: 'k1', seconds: 2, reused: false });
    const detail = await world.handlers['run.get'](id);
    expect(detail.images).toMatchObject([{ imageId: 7, truthUrl: 'app://bundle/workspace/artefacts/k1/a%20b.png', reconstructionUrl: 'app://bundle/workspace/artefacts/k1/r.png' }]);
    expect(detail).toMatchObject({ recipe: { name: 'One' }, ref: { runId: id, subject: 'subj01', keys: { reconstruct: 'k1' } } });
  });

  it('say the memory of the engine and the most so far, from the start of each', async () => {
    const { id } = await start(), step = { key: 'k1', kind: 'fit', label: 'fit:z', title: 'Decode z', inputs: [], weight: 1 } as const;
    event(id, { type: 'planned', steps: [step], reused: [] });
    const memory = async (bytes: number): Promise<unknown> => { resident = bytes; return (await world.handlers['run.get'](id)).row.memory; };
    expect([await memory(5e8), await memory(9e8), await memory(4e8)]).toEqual([{ bytes: 5e8, peak: 5e8 }, { bytes: 9e8, peak: 9e8 }, { bytes: 4e8, peak: 9e8 }]);
    event(id, { type: 'failed', error: { kind: 'cancelled', message: 'cancelled' } });
    const second = await start();
    event(second.id, { type: 'planned', steps: [step], reused: [] });
    expect((await world.handlers['run.get'](second.id)).row.memory).toEqual({ bytes: 4e8, peak: 4e8 });
  });

  it('have their regions measured once their decoders are there: one job, that waits, tells, ends and is cancelled as runs are', async () => {
    const { id } = await start(), fits = ['responses', 'fit:z', 'fit:c', 'fit:clip'].map((label) => ({ key: `key ${label}`, kind: 'fit' as const, label, title: label, inputs: [], weight: 0.25 }));
    await expect(world.handlers['regions.start'](id)).rejects.toThrow('no finished decoders');
    event(id, { type: 'planned', steps: fits, reused: [] });
    for (const { key } of fits) event(id, { type: 'step-done', key, seconds: 1, reused: false });
    const { jobId } = await world.handlers['regions.start'](id);
    expect(await world.handlers['regions.start'](id)).toEqual({ jobId });
    expect(await world.handlers['job.list']()).toMatchObject([{ id, kind: 'run' }, { id: jobId, kind: 'regions', state: 'waiting' }]);
    event(id, { type: 'failed', error: { kind: 'cancelled', message: 'cancelled' } });
    expect(world.posted.at(-1)).toMatchObject({ type: 'regions', id: jobId, ref: { runId: id, keys: { 'fit:z': 'key fit:z' } }, memory: DEFAULT_MEMORY });
    world.say({ type: 'progress', id: jobId, done: 250, total: 1000, what: 'V1, 12 voxels, z' });
    expect(await world.handlers['job.list']()).toMatchObject([{ state: 'running', progress: 0.25, activity: 'V1, 12 voxels, z' }]);
    world.say({ type: 'ended', id: jobId, error: null });
    expect(await world.handlers['job.list']()).toEqual([]);
    await start();
    await world.handlers['regions.start'](id);
    await world.handlers['run.cancel'](jobId);
    expect((await world.handlers['job.list']()).map(({ kind }) => kind)).toEqual(['run']);
  });

  it('are renamed, cancelled while they wait, and resumed', async () => {
    const first = await start(), second = await start();
    await world.handlers['run.rename'](second.id, 'Two');
    await world.handlers['run.cancel'](second.id);
    expect((await world.handlers['run.get'](second.id)).row).toMatchObject({ name: 'Two', state: 'cancelled' });
    expect((await world.handlers['run.resume'](second.id)).state).toBe('waiting');
    event(first.id, { type: 'failed', error: { kind: 'cancelled', message: 'cancelled' } });
    expect(world.posted.at(-1)).toMatchObject({ id: second.id });
  });

  it('are paused together without one of them beginning, and go on when they are asked to', async () => {
    const first = await start(), second = await start(), third = await start();
    await world.handlers['run.pause']([first.id, second.id]);
    expect(world.posted.at(-1)).toEqual({ type: 'cancel', id: first.id });
    event(first.id, { type: 'failed', error: { kind: 'cancelled', message: 'cancelled' } });
    const states = async (): Promise<unknown> => (await world.handlers['run.list']()).map(({ id, state }) => [id, state]);
    expect(await states()).toEqual([[third.id, 'running'], [second.id, 'paused'], [first.id, 'paused']]);
    expect(world.posted.at(-1)).toMatchObject({ type: 'run', id: third.id });
    // Closed and opened again: what was paused stays paused, what ran was interrupted.
    world.close();
    world = openWorld();
    expect([await states(), world.store.interrupted]).toEqual([[[third.id, 'cancelled'], [second.id, 'paused'], [first.id, 'paused']], [third.id]]);
    await world.handlers['run.resume'](first.id);
    await world.handlers['run.resume'](second.id);
    expect(await states()).toEqual([[third.id, 'cancelled'], [second.id, 'waiting'], [first.id, 'running']]);
    // A run that ends by itself while it is asked to pause is done.
    await world.handlers['run.pause']([first.id]);
    event(first.id, { type: 'finished', summary: { seconds: 1, steps: 1, reused: 0, images: 1, scores: {} } });
    expect((await world.handlers['run.get'](first.id)).row.state).toBe('done');
    // And one that is cancelled later was not paused.
    await world.handlers['run.cancel'](second.id);
    event(second.id, { type: 'failed', error: { kind: 'cancelled', message: 'cancelled' } });
    expect((await world.handlers['run.get'](second.id)).row.state).toBe('cancelled');
  });

  it('can be deleted while they run: what the engine still says is dropped, and the next one starts', async () => {
    const first = await start(), second = await start();
    await world.handlers['run.delete'](first.id);
    event(first.id, { type: 'image', key: 'k1', image: { imageId: 7, truth: 't.png', reconstruction: 'r.png' } });
    event(first.id, { type: 'failed', error: { kind: 'cancelled', message: 'cancelled' } });
    expect((await world.handlers['run.list']()).map(({ id }) => id)).toEqual([second.id]);
    expect(world.posted.at(-1)).toMatchObject({ id: second.id });
  });

  it('that are unknown are named', async () => {
    for (const call of [() => world.handlers['run.get']('x'), async () => world.handlers['run.rename']('x', 'y'), async () => world.handlers['run.resume']('x')]) {
      await expect(call()).rejects.toThrow('there is no run x');
    }
  });

  it('refuse a recipe that is none', async () => {
    await expect((async () => world.handlers['run.start']({ ...DEFAULT_RECIPE, seed: -1 }, folder))()).rejects.toThrow('seed: expected a whole number');
  });
});

describe('the demo', () => {
  it('is asked for once and answered at once when it is there', async () => {
    const made = world.handlers['demo.create']();
    const request = world.posted[0];
    expect(request).toMatchObject({ type: 'demo', directory: path.join(folder, 'demo'), subjects: 2, seed: 1 });
    world.say({ type: 'ended', id: request?.id ?? '', error: null });
    expect(await made).toEqual({ path: path.join(folder, 'demo') });
    fs.mkdirSync(path.join(folder, 'demo'));
    await world.handlers['demo.create']();
    expect(world.posted).toHaveLength(1);
  });

  it('tells why it could not be written', async () => {
    const made = world.handlers['demo.create']();
    world.say({ type: 'ended', id: world.posted[0]?.id ?? '', error: { kind: 'bad-input', message: 'no space left on the disk' } });
    await expect(made).rejects.toThrow('no space left');
  });
});

describe('tables', () => {
  const arms = (['a', 'b'] as const).map((id, seed) => ({ id, title: id, note: 'as decoded', anchor: false, recipe: { ...DEFAULT_RECIPE, seed } }));
  const facts = { data: 'as it is', pack: 'pack' }, keysOf = (given: typeof facts): readonly string[] => arms.map(({ recipe }) => keyFor(makePlan(recipe, given), 'score'));
  const make = async (given: typeof facts) => world.handlers['table.start'](2, arms, keysOf(given), path.join(folder, 'data'));
  const finish = (given: typeof facts): void => {
    for (const request of world.posted) {
      if (request.type !== 'run' || getRun(world.store, request.id)?.row.state === 'done') continue;
      event(request.id, { type: 'planned', steps: makePlan(request.recipe, given), reused: [] });
      event(request.id, { type: 'finished', summary: { seconds: 1, steps: 1, reused: 0, images: 1, scores: {} } });
    }
  };

  it('take finished runs that made the scores of now, and no others', async () => {
    const first = await make(facts);
    finish(facts);
    expect((await make(facts)).arms).toEqual(first.arms);
    const changed = { ...facts, data: 'with another session' }, second = await make(changed);
    expect(second.arms.every(({ runId }, k) => runId !== first.arms[k]?.runId)).toBe(true);
    finish(changed);
    expect((await make(changed)).arms).toEqual(second.arms);
    expect((await world.handlers['table.list']()).map(({ id }) => id)).toEqual([second.id, first.id]);
  });

  it('ask for the scores that a run of the recipe makes', async () => {
    const recipes = arms.map(({ recipe }) => recipe), hashed: string[] = [];
    expect(await scoreKeys(recipes, facts.data, '/packs', (at) => { hashed.push(at); return Promise.resolve(facts.pack); })).toEqual(keysOf(facts));
    expect(hashed).toEqual([path.join('/packs', 'demo')]);
  });
});
