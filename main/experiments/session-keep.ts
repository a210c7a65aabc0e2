/**
 * Sessions of a preparation that is under way, in a folder of the workspace: one `.npy` each, whole or absent. A preparation of other data or
 * another recipe finds nothing in it.
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import type { SessionKeep } from '../../common/dataset.ts';
import { ndarray } from '../../common/ndarray.ts';
import { readNpy, writeNpy } from '../formats/npy.ts';
import { exists, putItem } from './artefacts.ts';

const RECIPE = 'recipe.json';

export interface FolderKeep extends SessionKeep {
  /** Removes the folder; the preparation is done. */
  clear(): Promise<void>;
}

/** `recipe` is whatever decides the values: two preparations with the same text may use each other's sessions. */
export async function sessionKeep(folder: string, recipe: object): Promise<FolderKeep> {
  const text = JSON.stringify(recipe);
  const file = (session: number): string => `session-${String(session).padStart(2, '0')}.npy`;
  const stored = await fs.readFile(path.join(folder, RECIPE), 'utf8').catch(() => null);
  if (stored !== text && await exists(folder)) await fs.rm(folder, { recursive: true, force: true });
  return {
    get: async (session) => {
      const place = path.join(folder, file(session));
      if (!await exists(place)) return null;
      const { data } = readNpy(await fs.readFile(place), place);
      return data instanceof Int16Array || data instanceof Float32Array ? data : null;
    },
    put: async (session, raw) => {
      if (!await exists(path.join(folder, RECIPE))) await putItem(folder, RECIPE, new TextEncoder().encode(text));
      await putItem(folder, file(session), writeNpy(raw instanceof Int16Array ? ndarray('int16', [raw.length], Int16Array.from(raw)) : ndarray('float32', [raw.length], Float32Array.from(raw))));
    },
    clear: () => fs.rm(folder, { recursive: true, force: true }),
  };
}
