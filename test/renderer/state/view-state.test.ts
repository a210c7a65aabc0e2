import { describe, expect, it, vi } from 'vitest';
import { DEFAULT_RECIPE } from '../../../common/recipe.ts';
import type { Recipe } from '../../../common/recipe.ts';
import { random } from '../../../common/random.ts';
import { createViewStore } from '../../../renderer/state/view-state.ts';
import type { ViewStore } from '../../../renderer/state/view-state.ts';

class Memory implements Storage {
  readonly map = new Map<string, string>();
  get length(): number { return this.map.size; }
  clear(): void { this.map.clear(); }
  getItem(key: string): string | null { return this.map.get(key) ?? null; }
  key(index: number): string | null { return [...this.map.keys()][index] ?? null; }
  removeItem(key: string): void { this.map.delete(key); }
  setItem(key: string, value: string): void { this.map.set(key, value); }
}

function fresh(): { store: ViewStore; wait: (ms: number) => void } {
  let now = 0;
  return { store: createViewStore(new Memory(), () => now), wait: (ms) => { now += ms; } };
}

const hash = ({ store }: ViewStore): string => JSON.stringify([store.getState().selection, store.getState().look]);

describe('undo', () => {
  it('names what it takes back and brings it again', () => {
    const { store, wait } = fresh();
    store.select('Image 12', { imageId: 12 });
    wait(2000);
    store.look('Unfold', { morph: 1 });
    expect(store.store.getState().undoLabel).toBe('Unfold');
    expect(store.undo()).toBe('Unfold');
    expect(store.store.getState()).toMatchObject({ selection: { imageId: 12 }, look: { morph: -1 }, redoLabel: 'Unfold' });
    expect(store.undo()).toBe('Image 12');
    expect(store.undo()).toBeNull();
    expect(store.redo()).toBe('Image 12');
  });

  it('takes a slider drag as one step', () => {
    const { store, wait } = fresh();
    for (let i = 1; i <= 20; i++) { store.look('Unfold', { morph: i / 20 }); wait(30); }
    expect(store.undo()).toBe('Unfold');
    expect(store.store.getState().look.morph).toBe(-1);
  });

  it('comes back to the same state after 500 random actions and as many steps back and forth as it keeps', () => {
    const seed = 5, rng = random(seed), { store, wait } = fresh();
    const states: string[] = [];
    for (let i = 0; i < 500; i++) {
      wait(1000);
      if (rng.uniform() < 0.5) store.select(`Image ${i}`, { imageId: rng.integer(100), region: rng.pick(['V1', 'LO', null]) });
      else store.look('Threshold', { thresholdShare: rng.uniform(), layout: rng.pick(['together', 'apart', 'medial'] as const) });
      states.push(hash(store));
    }
    const end = hash(store);
    let back = 0;
    while (store.undo() !== null) { back++; expect(hash(store), `seed ${seed}, ${back} steps back`).toBe(back < 500 ? states[499 - back] : hash(store)); }
    expect(back).toBe(200);
    while (store.redo() !== null) { /* to the end */ }
    expect(hash(store)).toBe(end);
  });

  it('forgets everything when another run is chosen', () => {
    const { store } = fresh();
    store.select('Image 1', { imageId: 1 });
    store.reset({ limits: null });
    expect(store.store.getState()).toMatchObject({ selection: { imageId: null }, undoLabel: null });
    expect(store.undo()).toBeNull();
  });
});

describe('undo of the form', () => {
  const draft = (change: Partial<Recipe>): Recipe => ({ ...DEFAULT_RECIPE, ...change });
  it('takes back its changes one by one, and leaves the cortex as it is', () => {
    const { store, wait } = fresh(), one = draft({ seed: 1 }), two = draft({ seed: 2 });
    store.set({ draft: one, subject: 'subj01' });
    store.form('Seed', two);
    wait(2000);
    store.look('Unfold', { morph: 1 });
    wait(2000);
    store.form('Subject', { ...two, data: { ...two.data, subject: 'subj02' } });
    expect(store.store.getState()).toMatchObject({ subject: 'subj02', undoLabel: 'Subject' });
    expect(store.undo()).toBe('Subject');
    expect(store.store.getState()).toMatchObject({ draft: two, subject: 'subj01', look: { morph: 1 } });
    expect(store.undo()).toBe('Unfold');
    expect(store.store.getState()).toMatchObject({ draft: two, look: { morph: -1 } });
    expect(store.undo()).toBe('Seed');
    expect(store.store.getState().draft).toBe(one);
    expect([store.redo(), store.redo(), store.redo()]).toEqual(['Seed', 'Unfold', 'Subject']);
    expect(store.store.getState()).toMatchObject({ draft: { seed: 2 }, subject: 'subj02', look: { morph: 1 } });
  });

  it('takes letters typed in one go as one step', () => {
    const { store, wait } = fresh();
    store.set({ draft: draft({ name: '' }) });
    for (const name of ['M', 'Mi', 'Min', 'Mine']) { store.form('Name', draft({ name })); wait(120); }
    expect(store.undo()).toBe('Name');
    expect([store.store.getState().draft?.name, store.undo()]).toEqual(['', null]);
  });

  it('outlives the choice of a run, and not that of another folder', () => {
    const { store } = fresh();
    store.set({ draft: draft({}) });
    store.form('Seed', draft({ seed: 9 }));
    store.select('Image 1', { imageId: 1 });
    store.reset({ limits: null });
    expect(store.store.getState().undoLabel).toBe('Seed');
    store.set({ draft: null });
    store.reset({ limits: null });
    expect([store.store.getState().undoLabel, store.undo()]).toEqual([null, null]);
  });
});

describe('what is kept between sessions', () => {
  it('survives a store written by something else', () => {
    const storage = new Memory();
    storage.setItem('optogram.view.1', '{ not json');
    expect(createViewStore(storage, () => 0).store.getState().look.layout).toBe('together');
    storage.setItem('optogram.view.1', JSON.stringify({ look: { layout: 'apart', limits: { low: 0, high: 9 } } }));
    expect(createViewStore(storage, () => 0).store.getState().look).toMatchObject({ layout: 'apart', limits: null });
  });

  it('remembers the screen that was left, and never the start screen', async () => {
    const storage = new Memory();
    const first = createViewStore(storage, () => 0);
    expect(first.store.getState()).toMatchObject({ area: 'start', lastArea: 'data' });
    first.set({ area: 'cortex' });
    first.set({ area: 'start' });
    first.set({ area: 'gallery' });
    await vi.waitFor(() => { expect(storage.getItem('optogram.view.1')).toContain('gallery'); }, { timeout: 5000 });
    const second = createViewStore(storage, () => 0);
    expect(second.store.getState()).toMatchObject({ area: 'start', lastArea: 'gallery' });
    storage.setItem('optogram.view.1', JSON.stringify({ area: 'nowhere' }));
    expect(createViewStore(storage, () => 0).store.getState().lastArea).toBe('data');
  });
});
