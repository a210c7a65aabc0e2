// `npm start`: installs what is missing, builds, opens the window. Where there is no display, the same app runs the demo
// experiment off-screen and leaves its pictures in `demo-report/`.
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bundle } from './build.mjs';
import { hasDisplay, withVirtualDisplay } from './display.mjs';
import { install } from './install.mjs';
import { cache, childEnvironment, electronExecutable, results, root } from './places.mjs';
import { fail, say, settled, step, StepError } from './steps.mjs';

const DEMO_LIMIT_SECONDS = 3600;
const report = path.join(root, 'demo-report');

async function start() {
  await install({ retry: true });
  await step('Build', bundle);
  if (hasDisplay() && (await openWindow())) return;
  say('There is no display here: the demo experiment runs through the same app off-screen, into demo-report/.');
  await withVirtualDisplay(runDemo);
}

/** Resolves when the user closes the app; false if the display turned out not to be there. */
async function openWindow() {
  const args = ['.', ...sandboxSwitch(), ...process.argv.slice(2)];
  const app = spawn(electronExecutable(), args, { cwd: root, env: childEnvironment(), stdio: ['ignore', 'inherit', 'pipe'] });
  let noDisplay = false;
  passOn(app.stderr, 'app', (line) => {
    noDisplay ||= /Missing X server|cannot open display|Failed to connect to Wayland/i.test(line);
  });
  const { code, reason } = await settled(app, 365 * 24 * 3600);
  if (code !== 0 && noDisplay) return false;
  if (code !== 0) throw new StepError(`Optogram ${reason}; its messages: ${path.relative(root, path.join(results, 'app.log'))}`);
  return true;
}

async function runDemo(environment) {
  rmSync(report, { recursive: true, force: true });
  mkdirSync(report, { recursive: true });
  const profile = path.join(cache, 'demo-profile');
  rmSync(profile, { recursive: true, force: true });
  const args = ['.', ...sandboxSwitch(), '--enable-unsafe-swiftshader', '--disable-dev-shm-usage', `--user-data-dir=${profile}`, `--demo-report=${report}`];
  const app = spawn(electronExecutable(), args, { cwd: root, env: childEnvironment(environment), stdio: ['ignore', 'inherit', 'pipe'] });
  passOn(app.stderr, 'demo', () => undefined);
  const { code, reason } = await settled(app, DEMO_LIMIT_SECONDS);
  const pictures = picturesIn(report);
  if (code !== 0) throw new StepError(`The demo ${reason}; its messages: ${path.relative(root, path.join(results, 'demo.log'))}`);
  if (pictures.length === 0) throw new StepError('The demo ended without a picture in demo-report/; this is a bug');
  say(`demo-report/ holds ${pictures.length} pictures:`);
  for (const file of pictures) say(`  ${path.relative(root, file)}`);
}

function picturesIn(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.png'))
    .map((name) => path.join(folder, name))
    .filter((file) => statSync(file).size > 0)
    .sort();
}

/** Shows the app's own messages and keeps Chromium's (`[pid:date:LEVEL:file.cc(line)] ...`) in the log only. */
function passOn(stream, log, watch) {
  const file = path.join(results, `${log}.log`);
  mkdirSync(results, { recursive: true });
  writeFileSync(file, '');
  let rest = '';
  stream.setEncoding('utf8').on('data', (piece) => {
    appendFileSync(file, piece);
    const lines = (rest + piece).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      watch(line);
      if (line.trim() !== '' && !/^\[[\d:/.]+:[A-Z]+:|^\((electron|node|optogram):/.test(line)) process.stderr.write(`${line}\n`);
    }
  });
}

/**
 * Chromium's sandbox needs unprivileged user namespaces or a set-uid helper, and refuses root. Only a development
 * checkout goes without it, and says so; installed packages carry the helper.
 */
function sandboxSwitch() {
  if (process.platform !== 'linux') return [];
  if (process.getuid() === 0) return ['--no-sandbox'];
  const helper = path.join(path.dirname(electronExecutable()), 'chrome-sandbox');
  const { uid, mode } = existsSync(helper) ? statSync(helper) : { uid: -1, mode: 0 };
  const helperWorks = uid === 0 && (mode & 0o4000) !== 0;
  if (helperWorks || spawnSync('unshare', ['--user', '--map-root-user', 'true']).status === 0) return [];
  say('This system lets no ordinary program open a sandbox, so the app starts without one. To give it one:');
  say(`  sudo chown root:root ${helper} && sudo chmod 4755 ${helper}`);
  return ['--no-sandbox'];
}

await start().catch(fail);
