/** What lies under the pointer. Kept outside React: a listener writes its one line of text, and nothing re-renders. */
import type { Hemisphere } from '../../common/dataset.ts';

export interface Hover {
  readonly hemisphere: Hemisphere;
  readonly vertex: number;
  /** -1 = no voxel here. */
  readonly voxel: number;
  readonly region: string | null;
  /** NaN = not defined. */
  readonly value: number;
  readonly unit: string;
  readonly signed: boolean;
  readonly x: number;
  readonly y: number;
}

export interface HoverSource {
  readonly now: () => Hover | null;
  set(hover: Hover | null): void;
  listen(listener: (hover: Hover | null) => void): () => void;
}

export function createHover(): HoverSource {
  let now: Hover | null = null;
  const listeners = new Set<(hover: Hover | null) => void>();
  return {
    now: () => now,
    set(hover) {
      if (hover === null && now === null) return;
      now = hover;
      for (const listener of listeners) listener(hover);
    },
    listen(listener) { listeners.add(listener); return () => { listeners.delete(listener); }; },
  };
}
