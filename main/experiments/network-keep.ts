/**
 * The networks of the pack that was used last, kept open for the next run: arms of a table and runs of a queue share one pack, and opening it (stage 2
 * differentiates three networks) or hashing it (an export without checksums is gigabytes) costs more than a small run.
 *
 * A pack is the same while none of its files has another size or modification time. After `idleMs` without a run the memory is given back.
 */
import type { Dirent } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Networks } from './networks.ts';

export interface NetworkKeep {
  /** Hash of the pack in a folder. */
  hash(folder: string): Promise<string>;
  /** Networks of the pack in a folder; their `release` only says that this run is done with them. */
  open(folder: string): Promise<Networks>;
  /** Closes what is open. */
  release(): Promise<void>;
}

export interface NetworkKeepOptions {
  readonly open: (folder: string) => Promise<Networks>;
  readonly hash: (folder: string) => Promise<string>;
  /** Milliseconds after the last run until the networks are closed. */
  readonly idleMs: number;
}

interface Kept { readonly folder: string; readonly stamp: string; readonly hash: Promise<string>; networks: Promise<Networks> | null }

export function keepNetworks({ open, hash, idleMs }: NetworkKeepOptions): NetworkKeep {
  let kept: Kept | null = null, users = 0, idle: NodeJS.Timeout | undefined;

  const release = async (): Promise<void> => {
    clearTimeout(idle);
    const networks = kept?.networks;
    kept = null;
    await (await networks?.catch(() => undefined))?.release();
  };
  const packAt = async (folder: string): Promise<Kept> => {
    const stamp = await stampOf(folder);
    if (kept !== null && kept.folder === folder && kept.stamp === stamp) return kept;
    await release();
    const made: Kept = { folder, stamp, hash: hash(folder), networks: null };
    made.hash.catch(() => { if (kept === made) kept = null; });
    kept = made;
    return made;
  };
  return {
    hash: async (folder) => (await packAt(folder)).hash,
    open: async (folder) => {
      clearTimeout(idle);
      const pack = await packAt(folder), opening = pack.networks ?? open(folder);
      pack.networks = opening;
      opening.catch(() => { if (pack.networks === opening) pack.networks = null; });
      const networks = await opening;
      users++;
      let done = false;
      return {
        ...networks,
        release: () => {
          if (!done && --users === 0) idle = setTimeout(() => { void release(); }, idleMs).unref();
          done = true;
          return Promise.resolve();
        },
      };
    },
    release,
  };
}

/** Names, sizes and modification times of everything in a folder; of a folder that cannot be read, nothing, so that opening it says why. */
async function stampOf(folder: string): Promise<string> {
  const entries = await fs.readdir(folder, { withFileTypes: true, recursive: true }).catch((): Dirent[] => []);
  const files = await Promise.all(entries.filter((entry) => !entry.isDirectory()).map(async (entry) => {
    const file = path.join(entry.parentPath, entry.name), stat = await fs.stat(file).catch(() => null);
    return `${path.relative(folder, file)} ${stat?.size ?? 'gone'} ${stat?.mtimeMs ?? ''}`;
  }));
  return files.sort().join('\n');
}
