// `npm test`: installs what is missing, then typecheck, lint, build, unit tests and end-to-end tests.
// A line per step, logs in `test-results/`, and at the end `N passed, N failed` over both test runners.
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { bundle } from './build.mjs';
import { ensureVirtualDisplay, withVirtualDisplay } from './display.mjs';
import { install } from './install.mjs';
import { readJson, results, root, scriptNode } from './places.mjs';
import { fail, run, say, step, StepError } from './steps.mjs';

/** The whole run ends within this, whatever hangs. */
const LIMIT_SECONDS = 24 * 60;
const began = performance.now();
const secondsLeft = () => Math.max(1, LIMIT_SECONDS - (performance.now() - began) / 1000);

const unitReport = path.join(results, 'unit.json');
const e2eReport = path.join(results, 'e2e.json');
const total = { passed: 0, failed: 0, skipped: 0 };

/** Runs a step; gives whether it succeeded. A failing step is shown and does not stop the others. */
async function attempt(title, work) {
  try {
    await step(title, work);
    return true;
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return false;
  }
}

/** A step without tests of its own counts only when it fails. */
async function check(title, work) {
  const succeeded = await attempt(title, work);
  if (!succeeded) total.failed += 1;
  return succeeded;
}

/** A test runner adds its counts; if it failed without a failing test, that is one failure. */
async function suite(title, work, counts) {
  let added = { passed: 0, failed: 0, skipped: 0 };
  const succeeded = await attempt(title, async () => {
    try {
      await work();
    } finally {
      added = counts();
    }
    return summary(added);
  });
  total.passed += added.passed;
  total.failed += succeeded ? added.failed : Math.max(1, added.failed);
  total.skipped += added.skipped;
}

function node(file, args, options) {
  return run(scriptNode(), [path.join(root, 'node_modules', file), ...args], { limitSeconds: secondsLeft(), ...options });
}

function summary({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

function unitCounts() {
  if (!existsSync(unitReport)) return { passed: 0, failed: 0, skipped: 0 };
  const report = readJson(unitReport);
  const unloadable = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
  return { passed: report.numPassedTests, failed: report.numFailedTests + unloadable, skipped: report.numPendingTests + report.numTodoTests };
}

function e2eCounts() {
  if (!existsSync(e2eReport)) return { passed: 0, failed: 0, skipped: 0 };
  const { expected, flaky, unexpected, skipped } = readJson(e2eReport).stats;
  return { passed: expected + flaky, failed: unexpected, skipped };
}

async function test() {
  rmSync(results, { recursive: true, force: true });
  await install();
  await ensureVirtualDisplay();
  await check('Typecheck', () => node('typescript/bin/tsc', ['--noEmit'], { log: 'typecheck' }));
  await check('Lint', () => node('eslint/bin/eslint.js', ['--max-warnings', '0', '.'], { log: 'lint' }));
  const built = await check('Build', bundle);
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${unitReport}`];
  await suite('Unit tests', () => node('vitest/vitest.mjs', ['run', ...reporters], { log: 'unit', lines: 80 }), unitCounts);
  if (built) {
    await suite('End-to-end tests', () => withVirtualDisplay((env) => node('@playwright/test/cli.js', ['test'], { log: 'e2e', lines: 80, env })), e2eCounts);
  }
  say(summary(total));
  if (total.failed > 0) process.exitCode = 1;
}

await test().catch(fail);
