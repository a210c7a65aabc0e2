// `npm run package [-- TARGET ...] [--try]`: packs the application for this platform into `dist/`.
// Linux gives the unpacked folder and a .deb (by dpkg-deb: needs no download); other targets (AppImage, dmg, nsis, ...) go to
// electron-builder, which fetches its tools. `--try` packs with the stand-in runtime of machines that cannot download
// Electron, to see that packing works; such a package is never to be given away.
import path from 'node:path';
import { bundle } from '../runtime/build.mjs';
import { install } from '../runtime/install.mjs';
import { electronPackage, electronVersion, readJson, root } from '../runtime/places.mjs';
import { fail, say, step, StepError } from '../runtime/steps.mjs';
import { configuration } from './configuration.mjs';
import { makeDeb } from './deb.mjs';
import { startPacked } from './start-packed.mjs';

const words = process.argv.slice(2);
const trying = words.includes('--try');
const targets = words.filter((word) => !word.startsWith('--'));
const output = path.join(root, 'dist');

async function makePackage() {
  await install({ retry: !trying });
  const official = electronVersion() === readJson(path.join(electronPackage, 'package.json')).version;
  if (!official && !trying) {
    throw new StepError(`Electron ${electronVersion()} stands in here for one that could not be downloaded, and is not fit to be given away.\nRun this where github.com can be reached, or see that packing works with: npm run package -- --try`);
  }
  await step('Build', bundle);
  await step('Pack', () => pack(official));
  if (process.platform !== 'linux') return;
  const unpacked = path.join(output, 'linux-unpacked');
  await step('Start the packed app', () => startPacked(path.join(unpacked, 'optogram')));
  if (targets.length > 0) return;
  await step('Make the .deb', () => makeDeb(unpacked, output));
}

async function pack(official) {
  const { build } = await import('electron-builder');
  const made = await build({
    projectDir: root,
    ...(process.platform === 'linux' ? { linux: targets.length > 0 ? ['dir', ...targets] : ['dir'] } : {}),
    ...(process.platform === 'darwin' ? { mac: targets } : {}),
    ...(process.platform === 'win32' ? { win: targets } : {}),
    config: configuration(official),
  });
  for (const file of made) say(`\n  ${path.relative(root, file)}`);
}

await makePackage().catch(fail);
