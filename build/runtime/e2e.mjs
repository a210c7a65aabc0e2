// `npm run e2e [-- playwright arguments]`: builds and drives the real app on a virtual screen.
import path from 'node:path';
import { spawn } from 'node:child_process';
import { bundle } from './build.mjs';
import { withVirtualDisplay } from './display.mjs';
import { install } from './install.mjs';
import { childEnvironment, root, scriptNode } from './places.mjs';
import { fail, settled, step } from './steps.mjs';

async function e2e() {
  await install();
  await step('Build', bundle);
  await withVirtualDisplay(async (screen) => {
    const cli = path.join(root, 'node_modules/@playwright/test/cli.js');
    const runner = spawn(scriptNode(), [cli, 'test', ...process.argv.slice(2)], { cwd: root, stdio: 'inherit', env: childEnvironment(screen) });
    process.exitCode = (await settled(runner, 3600)).code;
  });
}

await e2e().catch(fail);
