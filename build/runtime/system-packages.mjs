// Finds what the system lacks to run Electron, and installs it as root on Debian and its kin; elsewhere it prints the one
// command that does so and stops.
import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import { electronExecutable } from './places.mjs';
import { run, say, step, StepError } from './steps.mjs';

/** Alternatives: newer releases renamed some packages. Electron opens some of these libraries only at run time. */
const LIBRARIES = [
  ['libgtk-3-0t64', 'libgtk-3-0'], ['libnss3'], ['libasound2t64', 'libasound2'], ['libgbm1'], ['libxss1'], ['libxtst6'],
  ['libatk-bridge2.0-0t64', 'libatk-bridge2.0-0'], ['libatspi2.0-0t64', 'libatspi2.0-0'], ['libdrm2'], ['libcups2t64', 'libcups2'], ['libxkbcommon0'],
];
const COMMANDS = { Xvfb: [['xvfb']], gcc: [['gcc'], ['libc6-dev']], 'g++': [['g++']] };

/** The shared libraries of the Electron executable. */
export async function ensureLibraries() {
  if (process.platform !== 'linux') return;
  const missing = missingLibraries();
  if (missing.length === 0) return;
  await install(LIBRARIES, `Electron needs system libraries that are not here: ${missing.join(', ')}`);
  const still = missingLibraries();
  if (still.length > 0) throw new StepError(`Electron still lacks ${still.join(', ')}; install the packages of your system that hold them`);
}

/** Programs on the path. */
export async function ensureCommands(names) {
  const missing = names.filter((name) => which(name) === null);
  if (missing.length === 0) return;
  await install(missing.flatMap((name) => COMMANDS[name]), `not on this machine: ${missing.join(', ')}`);
  const still = missing.filter((name) => which(name) === null);
  if (still.length > 0) throw new StepError(`still not on this machine: ${still.join(', ')}`);
}

export function which(name) {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    const file = path.join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      continue; // not in this folder
    }
  }
  return null;
}

function missingLibraries() {
  const listing = spawnSync('ldd', [electronExecutable()], { encoding: 'utf8' }).stdout ?? '';
  return [...listing.matchAll(/^\s*(\S+) => not found/gm)].map((match) => match[1]);
}

let listsFresh = false;

async function install(groups, reason) {
  if (which('apt-get') === null) throw new StepError(`${reason}.\nInstall them with this system's package manager and run this again.`);
  if (process.getuid?.() !== 0) {
    throw new StepError(`${reason}.\nInstall them with this one command and run this again:\n  sudo apt-get install -y --no-install-recommends ${choose(groups).join(' ')}`);
  }
  const quiet = { log: 'apt-get', env: { DEBIAN_FRONTEND: 'noninteractive' }, limitSeconds: 600 };
  if (!listsFresh) await step('Update the package lists (apt-get update)', () => run('apt-get', ['update', '-qq'], quiet));
  listsFresh = true;
  const names = choose(groups);
  say(`As root, with apt-get (${reason}):`);
  await step(`Install ${names.join(' ')}`, () => run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names], quiet));
}

/** The name of each package that this release has; the last one where nothing is known. */
function choose(groups) {
  return groups.map((names) => names.find(isKnown) ?? names.at(-1));
}

function isKnown(name) {
  if (!existsSync('/usr/bin/apt-cache')) return false;
  try {
    return execFileSync('apt-cache', ['show', '--no-all-versions', name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }) !== '';
  } catch {
    return false; // apt-cache exits with 100 for a name that it does not know
  }
}
