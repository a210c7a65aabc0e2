// Starts a packed application on a virtual screen and waits until its window has loaded. The release fuses keep Node's
// inspector shut, so the page is seen through Chromium's own debugging port.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { withVirtualDisplay } from '../runtime/display.mjs';
import { childEnvironment } from '../runtime/places.mjs';
import { settled, StepError } from '../runtime/steps.mjs';

const LIMIT_SECONDS = 120;

/** Gives the time from start to loaded window; throws if the app ends or shows nothing before the limit. */
export function startPacked(executable) {
  return withVirtualDisplay(async (screen) => {
    const profile = mkdtempSync(path.join(os.tmpdir(), 'optogram-packed-'));
    const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    const began = performance.now();
    const app = spawn(executable, [`--user-data-dir=${profile}`, '--remote-debugging-port=0', '--enable-unsafe-swiftshader', '--disable-dev-shm-usage', ...sandbox], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: childEnvironment(screen),
    });
    let ended = null;
    const end = settled(app, LIMIT_SECONDS).then(({ reason }) => { ended = reason; });
    try {
      const port = await Promise.race([debuggingPort(app.stderr), end]);
      while (ended === null) {
        const pages = await fetch(`http://127.0.0.1:${port}/json/list`).then((reply) => reply.json());
        const page = pages.find(({ type, url }) => type === 'page' && url.startsWith('app://'));
        if (page?.title.includes('Optogram')) return `window after ${((performance.now() - began) / 1000).toFixed(1)} s`;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new StepError(`The packed app ${ended} before its window had loaded`);
    } finally {
      app.kill();
      await end;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    }
  });
}

function debuggingPort(stream) {
  return new Promise((resolve) => {
    let text = '';
    stream.setEncoding('utf8').on('data', (piece) => {
      text += piece;
      const port = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)\//.exec(text)?.[1];
      if (port !== undefined) resolve(port);
    });
  });
}
