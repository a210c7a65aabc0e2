// A screen to draw on: the user's, or a virtual one.
import { spawn } from 'node:child_process';
import { childEnvironment } from './places.mjs';
import { settled, StepError } from './steps.mjs';
import { ensureCommands } from './system-packages.mjs';

export function hasDisplay() {
  return process.platform !== 'linux' || Boolean(process.env.DISPLAY) || Boolean(process.env.WAYLAND_DISPLAY);
}

/** Installs the server of virtual screens if it is missing. */
export async function ensureVirtualDisplay() {
  if (process.platform === 'linux') await ensureCommands(['Xvfb']);
}

/** Runs `work(environment)` with the variables of a virtual screen of 1600 x 1000 pixels, and takes the screen down. */
export async function withVirtualDisplay(work) {
  if (process.platform !== 'linux') return work({});
  await ensureVirtualDisplay();
  // `-displayfd 3`: the server picks a free number and writes it to that pipe once it is ready.
  const server = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1600x1000x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    env: childEnvironment(),
  });
  const ended = settled(server, 24 * 3600);
  try {
    const number = await Promise.race([firstLine(server.stdio[3]), ended.then(({ reason }) => Promise.reject(new StepError(`Xvfb ${reason}`)))]);
    return await work({ DISPLAY: `:${number}`, WAYLAND_DISPLAY: '', XDG_SESSION_TYPE: 'x11' });
  } finally {
    server.kill();
    await ended;
  }
}

function firstLine(stream) {
  return new Promise((resolve) => {
    let text = '';
    stream.on('data', (piece) => {
      text += piece;
      if (text.includes('\n')) resolve(text.trim());
    });
  });
}
