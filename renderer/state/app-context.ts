/** Everything that views share, made once in `main.tsx` and handed down by context. */
import { createContext, use } from 'react';
import { useStore } from 'zustand';
import { useShallow } from 'zustand/react/shallow';
import type { CortexScene } from '../cortex/scene.ts';
import type { Preparer } from '../cortex/prepare.ts';
import type { LabClient } from '../lab.ts';
import type { HoverSource } from './hover.ts';
import type { LabState, LabStore } from './lab-state.ts';
import type { PackState, PackStore } from './pack-state.ts';
import type { Resources } from './resources.ts';
import type { ViewState, ViewStore } from './view-state.ts';

export interface Services {
  readonly lab: LabClient;
  readonly data: LabStore;
  readonly view: ViewStore;
  readonly packs: PackStore;
  readonly hover: HoverSource;
  readonly resources: Resources;
  readonly preparer: Preparer;
  /** The scene on screen, if the Cortex screen is open. */
  readonly cortex: { current: CortexScene | null };
}

export const ServicesContext = createContext<Services | null>(null);

export function useServices(): Services {
  const services = use(ServicesContext);
  if (services === null) throw new Error('a view was drawn outside the services');
  return services;
}

/** A part of what the main process said. */
export function useLab<T>(select: (state: LabState) => T): T {
  return useStore(useServices().data.store, useShallow(select));
}

/** A part of what is known of the form's model pack. */
export function usePackState<T>(select: (state: PackState) => T): T {
  return useStore(useServices().packs.store, useShallow(select));
}

/** A part of what the user chose. */
export function useView<T>(select: (state: ViewState) => T): T {
  return useStore(useServices().view.store, useShallow(select));
}
