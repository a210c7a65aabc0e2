/** Drives the real, built app: a fresh profile per test, and any error that the app or its page writes fails the test. */
import { _electron, test as base, type ConsoleMessage, type ElectronApplication, type Page } from '@playwright/test';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '../..');
const SCREENS = path.join(ROOT, 'test-results/screens');

/** Messages that say nothing about the app. */
const HARMLESS = [
  /GL Driver Message .* GPU stall due to ReadPixels/, // a screenshot reads the canvas back
];

export interface Running {
  readonly app: ElectronApplication;
  readonly page: Page;
  /** Milliseconds from the start of the process to the window's first load. */
  readonly milliseconds: number;
  /** What went wrong so far; the fixture asserts that it stays empty. */
  readonly problems: string[];
}

export interface Lab {
  /** The app's user data, kept between `start`s of one test. */
  readonly profile: string;
  /** Starts the app; call it again after closing it to see what it remembers. */
  start(...args: string[]): Promise<Running>;
  /** Lets problems of an app that other tests use too fail this test from now on. */
  watch(running: Running): void;
  /** A picture of the window, in test-results/screens/NAME.png. */
  shot(page: Page, name: string): Promise<void>;
  /** Forgets the problems that match: for tests that provoke them. */
  expectProblem(pattern: RegExp): void;
}

interface Watched {
  readonly running: Running;
  /** Problems before this one belong to an earlier test. */
  readonly from: number;
}

export const test = base.extend<{ lab: Lab; running: Running; shared: Running }, { sharedApp: Running }>({
  lab: async ({}, use, testInfo) => {
    const profile = makeProfile();
    const started: Running[] = [];
    const watched: Watched[] = [];
    const expected: RegExp[] = [];
    const watch = (running: Running): void => { watched.push({ running, from: running.problems.length }); };
    await use({
      profile,
      start: async (...args) => {
        const running = await launch(profile, args);
        started.push(running);
        watched.push({ running, from: 0 });
        return running;
      },
      watch,
      shot: async (page, name) => {
        fs.mkdirSync(SCREENS, { recursive: true });
        await page.screenshot({ path: path.join(SCREENS, `${name}.png`) });
      },
      expectProblem: (pattern) => { expected.push(pattern); },
    });
    for (const { app } of started) await app.close();
    const problems = watched.flatMap(({ running, from }) => running.problems.slice(from)).filter((line) => !expected.some((pattern) => pattern.test(line)));
    if (problems.length > 0) await testInfo.attach('problems', { body: problems.join('\n'), contentType: 'text/plain' });
    base.expect(problems, 'errors and warnings of the app and its page').toEqual([]);
    fs.rmSync(profile, { recursive: true, force: true });
  },
  /** An app of the test's own, with an empty profile. */
  running: async ({ lab }, use) => { await use(await lab.start()); },
  sharedApp: [async ({}, use) => {
    const profile = makeProfile();
    const running = await launch(profile, []);
    await use(running);
    await running.app.close();
    fs.rmSync(profile, { recursive: true, force: true });
  }, { scope: 'worker' }],
  /** One app for all tests that only look: starting it costs seconds. */
  shared: async ({ lab, sharedApp }, use) => {
    lab.watch(sharedApp);
    await use(sharedApp);
  },
});

function makeProfile(): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), 'optogram-e2e-'));
}

export const expect = test.expect;

async function launch(profile: string, args: readonly string[]): Promise<Running> {
  // The test runner sets both colour variables, which Node warns about in every child.
  const { ELECTRON_RUN_AS_NODE: _asNode, NODE_OPTIONS: _options, NO_COLOR: _noColour, FORCE_COLOR: _colour, ...environment } = process.env;
  const began = performance.now();
  const app = await _electron.launch({
    cwd: ROOT,
    // SwiftShader draws WebGL in software; /dev/shm is tiny in containers.
    args: ['.', `--user-data-dir=${profile}`, '--enable-unsafe-swiftshader', '--disable-dev-shm-usage', '--force-device-scale-factor=1', '--lang=en-US', ...args],
    env: Object.fromEntries(Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
  });
  const problems: string[] = [];
  const report = (origin: string) => (message: ConsoleMessage): void => {
    const text = message.text();
    if ((message.type() === 'error' || message.type() === 'warning') && !HARMLESS.some((pattern) => pattern.test(text))) problems.push(`${origin} ${message.type()}: ${text}`);
  };
  app.on('console', report('main process'));
  app.on('window', (page) => {
    page.on('console', report('page'));
    page.on('pageerror', (error) => { problems.push(`page: ${error.stack ?? error.message}`); });
    page.on('crash', () => { problems.push('page: crashed'); });
  });
  const page = await app.firstWindow();
  await page.waitForLoadState('load');
  return { app, page, milliseconds: performance.now() - began, problems };
}
