/**
 * The demo experiment through the same app, off-screen: writes the demo data, runs the default recipe, walks the window
 * through gallery and cortex, and leaves pictures and scores in a folder. For machines without a display.
 */
import type { BrowserWindow } from 'electron';
import fs from 'node:fs/promises';
import path from 'node:path';
import type { RunDetail } from '../../common/contract/payloads.ts';
import { exitCodeOf, reportOf, UserError } from '../../common/errors.ts';
import { DEFAULT_RECIPE } from '../../common/recipe.ts';
import type { Handlers } from '../ipc/handlers.ts';

export interface DemoReportOptions {
  readonly folder: string;
  readonly window: BrowserWindow;
  readonly handlers: Handlers;
  readonly workspace: string;
  readonly onRunChanged: (listener: (runId: string) => void) => void;
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

/** What the page is still waiting for: anything marked busy, a spinner, or a picture that has not come. */
const UNSETTLED = `document.querySelectorAll('[aria-busy="true"], .mantine-Loader-root, .spin').length + [...document.images].filter((image) => !image.complete).length`;
const SETTLED_LOOKS = 4, LOOK_MS = 300, PATIENCE_MS = 60_000;

/** Waits until the page has been at rest for a few looks in a row. Throws a `UserError` naming the screen if it never is. */
async function settled(window: BrowserWindow, screen: string): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  for (let quiet = 0; quiet < SETTLED_LOOKS;) {
    if (Date.now() > until) throw new UserError('busy', `the ${screen} screen was not ready for its picture`, { expected: 'nothing left to read or draw', found: `still busy after ${PATIENCE_MS / 1000} s`, fix: 'Run the command again when the computer has less to do.' });
    await pause(LOOK_MS);
    quiet = await window.webContents.executeJavaScript(UNSETTLED) === 0 ? quiet + 1 : 0;
  }
}

/** Returns the exit code. */
export async function demoReport({ folder, window, handlers, workspace, onRunChanged }: DemoReportOptions): Promise<number> {
  const say = (line: string): void => { process.stdout.write(`${line}\n`); };
  try {
    await fs.mkdir(folder, { recursive: true });
    const shot = async (name: string): Promise<void> => {
      await settled(window, name);
      await fs.writeFile(path.join(folder, `${name}.png`), (await window.webContents.capturePage()).toPNG());
    };
    await shot('window-start');
    say('Writing the demo data (two synthetic subjects) ...');
    const { path: dataPath } = await handlers['demo.create']();
    await handlers['data.addRecent']({ path: dataPath, label: 'Demo (synthetic)', synthetic: true });
    const started = await handlers['run.start']({ ...DEFAULT_RECIPE, name: 'Demo report' }, dataPath);
    say(`Running "${started.name}" ...`);
    const detail = await new Promise<RunDetail>((resolve, reject) => {
      let said = '';
      onRunChanged((runId) => {
        if (runId !== started.id) return;
        handlers['run.get'](runId).then((current) => {
          const { row } = current;
          const line = row.activity.split(':')[0] ?? '';
          if (line !== '' && line !== said) { said = line; say(`  ${Math.round(100 * row.progress)} %  ${line}`); }
          if (row.state === 'done' || row.state === 'failed' || row.state === 'cancelled') resolve(current);
        }, reject);
      });
    });
    if (detail.row.state !== 'done') {
      say(`The demo run ${detail.row.state}: ${detail.row.error?.message ?? 'no reason given'}`);
      return exitCodeOf(detail.row.error?.kind ?? 'bug');
    }
    await handlers['app.remember']({ dataPath, runId: detail.row.id });
    window.webContents.reload();
    await new Promise<void>((resolve) => { window.webContents.once('did-finish-load', () => { resolve(); }); });
    await settled(window, 'first');
    for (const area of ['gallery', 'cortex', 'data', 'experiment']) {
      window.webContents.send('lab.push', 'command', { id: `area.${area}` });
      await shot(area);
    }
    await fs.mkdir(path.join(folder, 'pictures'), { recursive: true });
    for (const image of detail.images) {
      for (const [kind, url] of [['truth', image.truthUrl], ['reconstruction', image.reconstructionUrl]] as const) {
        const relative = decodeURIComponent(new URL(url).pathname).replace(/^\/workspace\//, '');
        await fs.copyFile(path.join(workspace, relative), path.join(folder, 'pictures', `${String(image.imageId).padStart(5, '0')}-${kind}.png`));
      }
    }
    await fs.writeFile(path.join(folder, 'scores.json'), JSON.stringify({
      synthetic: true, recipe: detail.recipe, summary: detail.row.summary, spaces: detail.spaces,
      images: detail.images.map(({ imageId, scores }) => ({ imageId, scores })),
    }, null, 2));
    say('Scores (mean over images; baseline = shuffled pairs), synthetic data:');
    for (const [name, score] of Object.entries(detail.row.summary?.scores ?? {})) say(`  ${name.padEnd(24)} ${score.value.toFixed(3)}  baseline ${score.baseline.toFixed(3)}`);
    say(`Pictures, scores and screenshots are in ${folder}`);
    return 0;
  } catch (error) {
    const report = reportOf(error);
    say([report.message, report.expected, report.found, report.fix].filter((line) => line !== undefined).join('\n  '));
    return exitCodeOf(report.kind);
  }
}
