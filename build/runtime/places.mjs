// Where things are. Everything fetched or compiled lives in `.cache/`, because `npm ci` empties `node_modules/`.
import { accessSync, constants, existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');
export const cache = path.join(root, '.cache');
export const results = path.join(root, 'test-results');
export const electronPackage = path.join(root, 'node_modules/electron');

const windows = process.platform === 'win32';

/** The pinned Node, which runs npm scripts; null before it is installed. */
export function scriptNode() {
  const file = path.join(root, 'node_modules/node/bin', windows ? 'node.exe' : 'node');
  return existsSync(file) ? file : null;
}

/** File of the Electron executable that `require('electron')` would give, or null if there is none yet. */
export function electronExecutable() {
  const note = path.join(electronPackage, 'path.txt');
  if (!existsSync(note)) return null;
  const file = path.join(electronPackage, 'dist', readFileSync(note, 'utf8').trim());
  return existsSync(file) ? file : null;
}

export function electronVersion() {
  return readFileSync(path.join(electronPackage, 'dist/version'), 'utf8').trim().replace(/^v/, '');
}

export function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** The environment for child processes: a home that can be written, and nothing that turns Electron into plain Node. */
export function childEnvironment(extra = {}) {
  const environment = { ...process.env, ...extra };
  delete environment.ELECTRON_RUN_AS_NODE;
  delete environment.NODE_OPTIONS;
  if (!windows && !writable(environment.HOME)) {
    environment.HOME = path.join(cache, 'home');
    mkdirSync(environment.HOME, { recursive: true });
  }
  return { ...environment, ...('ELECTRON_RUN_AS_NODE' in extra ? { ELECTRON_RUN_AS_NODE: extra.ELECTRON_RUN_AS_NODE } : {}) };
}

function writable(folder) {
  if (!folder) return false;
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false; // missing or read-only: the caller uses a folder of the checkout
  }
}
