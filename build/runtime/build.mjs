// `npm run build`: bundles main, preload and renderer into `out/`, after making sure that what it needs is installed.
import path from 'node:path';
import { install } from './install.mjs';
import { root, scriptNode } from './places.mjs';
import { fail, run, step } from './steps.mjs';

export function bundle() {
  const cli = path.join(root, 'node_modules/electron-vite/bin/electron-vite.js');
  return run(scriptNode(), [cli, 'build', '--logLevel', 'warn'], { log: 'build', limitSeconds: 300 });
}

if (import.meta.filename === process.argv[1]) {
  await install()
    .then(() => step('Build', bundle))
    .catch(fail);
}
