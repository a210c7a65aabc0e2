/** Answers of the engine, kept by key so that a view that comes back shows at once. */
import { useEffect, useSyncExternalStore } from 'react';
import type { Loaded } from './lab-state.ts';
import { reportFrom } from '../lab.ts';

const KEPT = 240;
const IDLE: Loaded<never> = { state: 'idle' };

export interface Resources {
  read(key: string): Loaded<unknown>;
  load(key: string, ask: () => Promise<unknown>): void;
  /** Forgets failures and whatever starts with the prefix; views ask again. */
  forget(prefix: string): void;
  readonly subscribe: (listener: () => void) => () => void;
}

export function createResources(): Resources {
  const entries = new Map<string, Loaded<unknown>>();
  const listeners = new Set<() => void>();
  const tell = (): void => { for (const listener of listeners) listener(); };
  return {
    read: (key) => entries.get(key) ?? IDLE,
    load(key, ask) {
      if (entries.has(key)) return;
      entries.set(key, { state: 'loading' });
      ask().then(
        (value) => { entries.set(key, { state: 'ready', value }); },
        (error: unknown) => { entries.set(key, { state: 'failed', error: reportFrom(error) }); },
      ).finally(() => {
        for (const old of entries.keys()) { if (entries.size <= KEPT) break; entries.delete(old); }
        tell();
      });
      tell();
    },
    forget(prefix) {
      for (const [key, entry] of entries) if (key.startsWith(prefix) || entry.state === 'failed') entries.delete(key);
      tell();
    },
    subscribe(listener) { listeners.add(listener); return () => { listeners.delete(listener); }; },
  };
}

/** The answer for a key, asked for once; `null` asks nothing. The key must name every argument of `ask`. */
export function useResource<T>(resources: Resources, key: string | null, ask: () => Promise<T>): Loaded<T> {
  const entry = useSyncExternalStore(resources.subscribe, () => (key === null ? IDLE : resources.read(key)));
  useEffect(() => {
    if (key !== null && entry.state === 'idle') resources.load(key, ask);
  });
  return entry as Loaded<T>;
}
