/**
 * The experiment store: one SQLite file in the workspace folder.
 *
 * Guarantees
 * - One writer: the process that holds `lock.json` of the workspace (the app's main process, or a command line). A second
 *   one is refused by name, and a lock left by a dead process is taken over.
 * - What an event says is on disk before the next event is taken (write-ahead log, synchronous NORMAL, one transaction each).
 * - A finished run never changes, except its name.
 * - Artefact files are complete before their row exists; a row without files is dropped when the workspace opens.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { UserError } from '../../common/errors.ts';
import { whatHappened } from '../../common/file-error.ts';
import { MIGRATIONS } from './migrations/index.ts';

export type Db = Database.Database;

export interface Store {
  readonly db: Db;
  readonly workspace: string;
  /** Runs that were going when the workspace was last left without being closed. */
  readonly interrupted: readonly string[];
  close(): void;
}

/** A folder and its parents, outermost first. */
function levelsOf(folder: string): string[] {
  const parent = path.dirname(folder);
  return parent === folder ? [folder] : [...levelsOf(parent), folder];
}

/** Opens (and creates) a workspace. Throws UserError `busy` if another living process has it open. */
export function openStore(workspace: string): Store {
  try {
    // Level by level: Node's recursive form never returns where a file system (/proc, some shares) refuses to make folders.
    for (const level of levelsOf(path.resolve(workspace, 'artefacts'))) if (!fs.existsSync(level)) fs.mkdirSync(level);
    fs.accessSync(workspace, fs.constants.W_OK);
  } catch (error) {
    throw new UserError('bad-input', `the workspace ${workspace} cannot be written`, {
      file: workspace, expected: 'a writable folder', found: whatHappened(error), fix: 'Choose another workspace folder.',
    });
  }
  const release = takeLock(workspace);
  const file = path.join(workspace, 'store.db');
  let db: Db;
  try {
    db = new Database(file);
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = NORMAL');
    db.pragma('foreign_keys = ON');
    migrate(db, file);
  } catch (error) {
    release();
    if (error instanceof UserError) throw error;
    throw new UserError('bad-input', `${file} is not a readable Optogram store`, {
      file, expected: 'an SQLite database', found: error instanceof Error ? error.message : String(error),
      fix: 'Move the file away; artefacts stay and are found again by their keys.',
    });
  }
  // A run that was going when its process died is interrupted work: it is kept as cancelled, named, and can be resumed.
  const interrupted = (db.prepare(`SELECT id FROM run WHERE state IN ('running', 'waiting')`).all() as { id: string }[]).map((row) => row.id);
  db.prepare(`UPDATE run SET state = 'cancelled' WHERE state IN ('running', 'waiting')`).run();
  return { db, workspace, interrupted, close: () => { db.close(); release(); } };
}

function migrate(db: Db, file: string): void {
  const version = db.pragma('user_version', { simple: true }) as number;
  if (version > MIGRATIONS.length) {
    throw new UserError('bad-input', `${file} was written by a newer Optogram`, {
      file, expected: `schema version ${MIGRATIONS.length} or older`, found: `version ${version}`, fix: 'Open it with the newer version.',
    });
  }
  for (let next = version; next < MIGRATIONS.length; next++) {
    db.transaction(() => {
      db.exec(MIGRATIONS[next] ?? '');
      db.pragma(`user_version = ${next + 1}`);
    })();
  }
}

interface Lock { readonly pid: number; readonly host: string; readonly since: string }

/** Takes `lock.json`; returns the function that gives it back. */
function takeLock(workspace: string): () => void {
  const file = path.join(workspace, 'lock.json');
  const mine: Lock = { pid: process.pid, host: os.hostname(), since: new Date().toISOString() };
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      fs.writeFileSync(file, JSON.stringify(mine), { flag: 'wx' });
      return () => { fs.rmSync(file, { force: true }); };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const held = readLock(file);
    if (held !== null && held.pid !== process.pid && (held.host !== mine.host || isAlive(held.pid))) {
      throw new UserError('busy', `the workspace ${workspace} is open in another Optogram`, {
        file, expected: 'no other process', found: `process ${held.pid} on ${held.host} since ${held.since}`, fix: 'Close it, or choose another workspace.',
      });
    }
    fs.rmSync(file, { force: true });
  }
  throw new UserError('busy', `the lock of workspace ${workspace} could not be taken`, { file, fix: 'Try again.' });
}

function readLock(file: string): Lock | null {
  try {
    const value: unknown = JSON.parse(fs.readFileSync(file, 'utf8'));
    if (typeof value === 'object' && value !== null && 'pid' in value && 'host' in value && 'since' in value
      && typeof value.pid === 'number' && typeof value.host === 'string' && typeof value.since === 'string') {
      return { pid: value.pid, host: value.host, since: value.since };
    }
    return null; // half-written by a process that died: treated as dead
  } catch { return null; }
}

function isAlive(pid: number): boolean {
  try { process.kill(pid, 0); return true; } catch (error) { return (error as NodeJS.ErrnoException).code === 'EPERM'; }
}
