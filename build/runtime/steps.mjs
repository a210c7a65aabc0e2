// One quiet line per step, with its time; the output of commands goes to log files and is shown only when a step fails.
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { childEnvironment, results, root } from './places.mjs';

/** A failure that is shown as written, without a stack. */
export class StepError extends Error {}

const running = new Set();
const logsOfThisRun = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));

export function say(line) {
  process.stdout.write(`${line}\n`);
}

/** Runs `work` under a line `title ... note  12.3 s`; `work` may return a note. */
export async function step(title, work) {
  process.stdout.write(`${title} ... `);
  const start = performance.now();
  const seconds = () => `${((performance.now() - start) / 1000).toFixed(1)} s`;
  try {
    const note = await work();
    say(`${typeof note === 'string' ? `${note}, ` : ''}${seconds()}`);
  } catch (error) {
    say(`failed, ${seconds()}`);
    throw error;
  }
}

/**
 * Runs a command to its end, its output in `test-results/<log>.log`.
 * Throws a `StepError` with the end of that log if it exits with another code than 0 or runs past `limitSeconds`.
 */
export async function run(command, args, { log, env = {}, limitSeconds = 1200, cwd = root, lines = 40, shell = false } = {}) {
  mkdirSync(results, { recursive: true });
  const file = path.join(results, `${log}.log`);
  const out = openSync(file, logsOfThisRun.has(log) ? 'a' : 'w');
  logsOfThisRun.add(log);
  const child = spawn(command, args, { cwd, env: childEnvironment({ NO_COLOR: '1', FORCE_COLOR: '0', ...env }), stdio: ['ignore', out, out], shell });
  const end = await settled(child, limitSeconds);
  closeSync(out);
  if (end.code === 0) return;
  const tail = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  throw new StepError(`${tail}\n${path.basename(command)} ${end.reason}; all of it: ${path.relative(root, file)}`);
}

/** Waits for a child process; never rejects. `reason` says how it ended. */
export function settled(child, limitSeconds) {
  running.add(child);
  return new Promise((resolve) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, limitSeconds * 1000);
    const finish = (code, reason) => {
      clearTimeout(timer);
      running.delete(child);
      resolve({ code, reason });
    };
    child.on('error', (error) => finish(127, `could not start: ${error.message}`));
    child.on('exit', (code, signal) => {
      if (late) finish(124, `ran past ${Math.round(limitSeconds)} s`);
      else finish(code ?? 128, code === null ? `was ended by ${signal}` : `exited with code ${code}`);
    });
  });
}

/** Turns whatever ended a script into its last lines and a non-zero exit code. */
export function fail(error) {
  process.stderr.write(`${error instanceof StepError ? error.message : (error?.stack ?? String(error))}\n`);
  process.exit(1);
}
