/** Whether a folder or file that a person dropped is meant as data or as a model pack: by the names in it, nothing is opened. */
import fs from 'node:fs/promises';
import path from 'node:path';
import type { FolderKind } from '../../common/contract/payloads.ts';

/** A folder with one of these is data, whatever else lies in it. */
const DATA_NAMES = ['dataset.json', 'nsddata'];
/** Files that only describe model packs. */
const PACK_NAMES = ['pack.json', 'model_index.json'];
/** Folders inside that are looked into: packs have less than ten. */
const MOST_INSIDE = 40;

const isModel = (name: string): boolean => name.toLowerCase().endsWith('.onnx');

/** Data unless it looks like a pack: what is neither is told apart by opening it. */
export async function folderKind(target: string): Promise<FolderKind> {
  let entries;
  try { entries = await fs.readdir(target, { withFileTypes: true }); } catch {
    return isModel(target) || PACK_NAMES.includes(path.basename(target)) ? 'pack' : 'data'; // a file, or not there: opening it will say so
  }
  const names = entries.map(({ name }) => name);
  if (DATA_NAMES.some((name) => names.includes(name))) return 'data';
  if (PACK_NAMES.some((name) => names.includes(name)) || names.some(isModel)) return 'pack';
  for (const folder of entries.filter((entry) => entry.isDirectory()).slice(0, MOST_INSIDE)) {
    const inside = await fs.readdir(path.join(target, folder.name)).catch((): string[] => []); // one that may not be read says nothing
    if (inside.some(isModel)) return 'pack';
  }
  return 'data';
}
