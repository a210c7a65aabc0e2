/**
 * The artefact folder: `<workspace>/artefacts/ab/<key>/`, files named by what they hold.
 *
 * A whole artefact is written to a temporary folder and renamed, so that a folder that exists is complete. An artefact made
 * of items (one reconstruction per image) is a folder that grows; each item is written atomically and counts by itself.
 */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../common/errors.ts';
import type { DType, NdArray } from '../../common/ndarray.ts';
import { makeFolder } from '../formats/new-folder.ts';
import { npyParts, readNpy } from '../formats/npy.ts';

/** Path of an artefact relative to the workspace, with `/`. */
export function artefactPath(key: string): string {
  return `artefacts/${key.slice(0, 2)}/${key}`;
}

export function artefactFolder(workspace: string, key: string): string {
  return path.join(workspace, ...artefactPath(key).split('/'));
}

export async function exists(file: string): Promise<boolean> {
  return fs.access(file).then(() => true, () => false);
}

export async function hasArtefact(workspace: string, key: string): Promise<boolean> {
  return exists(path.join(artefactFolder(workspace, key), 'artefact.json'));
}

/** Writes a whole artefact: `write` fills a fresh folder, which then takes its place. Returns its size in bytes. */
export async function putWhole(workspace: string, key: string, about: object, write: (folder: string) => Promise<void>): Promise<number> {
  const folder = artefactFolder(workspace, key);
  const temporary = `${folder}.${randomUUID().slice(0, 8)}.tmp`;
  await makeFolder(temporary);
  try {
    await write(temporary);
    await fs.writeFile(path.join(temporary, 'artefact.json'), JSON.stringify(about));
    await fs.rm(folder, { recursive: true, force: true });
    await fs.rename(temporary, folder);
  } catch (error) {
    await fs.rm(temporary, { recursive: true, force: true });
    throw error;
  }
  return folderBytes(folder);
}

/** Writes one file of an item artefact atomically. */
export async function putItem(folder: string, name: string, bytes: Uint8Array): Promise<void> {
  await makeFolder(folder);
  const temporary = path.join(folder, `.${name}.${randomUUID().slice(0, 8)}.tmp`);
  const handle = await fs.open(temporary, 'w');
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally { await handle.close(); }
  await fs.rename(temporary, path.join(folder, name));
}

/** What a killed process left half-written of an artefact is removed: its temporary folders, and temporary files among its items. */
export async function sweepHalfWritten(workspace: string, key: string): Promise<void> {
  const folder = artefactFolder(workspace, key), shelf = path.dirname(folder);
  const names = async (at: string, recursive: boolean): Promise<string[]> => fs.readdir(at, { recursive }).catch((): string[] => []); // absent: nothing was begun
  const halves = [
    ...(await names(shelf, false)).filter((name) => name.startsWith(`${key}.`) && name.endsWith('.tmp')).map((name) => path.join(shelf, name)),
    ...(await names(folder, true)).filter((name) => path.basename(name).startsWith('.') && name.endsWith('.tmp')).map((name) => path.join(folder, name)),
  ];
  for (const half of halves) await fs.rm(half, { recursive: true, force: true });
}

export async function folderBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await fs.readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += (await fs.stat(path.join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}

export async function writeArray(folder: string, name: string, array: NdArray): Promise<void> {
  const handle = await fs.open(path.join(folder, `${name}.npy`), 'w');
  try {
    for (const part of npyParts(array)) await handle.writeFile(part);
  } finally { await handle.close(); }
}

/** Reads `<name>.npy`; throws if the dtype is not the one asked for. */
export async function readArray<D extends DType>(folder: string, name: string, dtype: D): Promise<NdArray<D>> {
  const file = path.join(folder, `${name}.npy`);
  const array = readNpy(await fs.readFile(file), file);
  if (array.dtype !== dtype) {
    throw new UserError('bad-input', `${file} holds ${array.dtype}, expected ${dtype}`, { file, expected: dtype, found: array.dtype, fix: 'Delete the artefact folder; it is made again.' });
  }
  return array as NdArray<D>;
}

export async function writeJson(folder: string, name: string, value: unknown): Promise<void> {
  await fs.writeFile(path.join(folder, `${name}.json`), JSON.stringify(value));
}

export async function readJson<T>(folder: string, name: string): Promise<T> {
  return JSON.parse(await fs.readFile(path.join(folder, `${name}.json`), 'utf8')) as T;
}
