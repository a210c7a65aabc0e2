// Makes `node_modules/` what package-lock.json says, and makes sure that npm scripts have the pinned Node.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { readJson, root, scriptNode } from './places.mjs';
import { run, step } from './steps.mjs';

const lockFile = path.join(root, 'package-lock.json');
const installedFile = path.join(root, 'node_modules/.package-lock.json');

export async function ensurePackages() {
  if (!isInstalled()) {
    // A fresh tree is installed exactly; an existing one is only brought up to date, so that running processes keep their files.
    const fresh = !existsSync(installedFile);
    await step('Install packages from the npm registry', async () => {
      await npm([fresh ? 'ci' : 'install', ...(fresh ? [] : ['--no-save']), '--no-audit', '--no-fund', '--loglevel=error'], 'npm');
    });
  }
  if (scriptNode() === null) {
    await step('Install the Node that npm scripts run on', async () => {
      await npm(['rebuild', 'node', '--ignore-scripts=false', '--loglevel=error'], 'npm');
    });
  }
}

/** Every package of the lock is there in the locked version; optional ones of other platforms may be missing. */
function isInstalled() {
  if (!existsSync(installedFile)) return false;
  const wanted = readJson(lockFile).packages;
  const found = readJson(installedFile).packages;
  return Object.entries(wanted).every(([place, entry]) => {
    if (place === '') return true;
    const here = found[place];
    return here === undefined ? entry.optional === true || entry.peer === true : here.version === entry.version;
  });
}

/** The npm that runs this script if there is one, else the one on the path. */
export function npm(args, log) {
  const cli = process.env.npm_execpath;
  if (cli?.endsWith('.js')) return run(process.env.npm_node_execpath ?? process.execPath, [cli, ...args], { log });
  return run('npm', args, { log, shell: process.platform === 'win32' });
}
