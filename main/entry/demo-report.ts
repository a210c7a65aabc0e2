/**
 * The demo experiment through the same app, off-screen: writes the demo data, runs the default recipe, walks the window
 * through gallery and cortex, and leaves pictures and scores in a folder. For machines without a display.
 */
import type { BrowserWindow } from 'electron';
import fs from 'node:fs/promises';
import path from 'node:path';
import type { RunDetail } from '../../common/contract/payloads.ts';
import { exitCodeOf, reportOf } from '../../common/errors.ts';
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

/** Returns the exit code. */
export async function demoReport({ folder, window, handlers, workspace, onRunChanged }: DemoReportOptions): Promise<number> {
  const say = (line: string): void => { process.stdout.write(`${line}\n`); };
  try {
    await fs.mkdir(folder, { recursive: true });
    const shot = async (name: string): Promise<void> => {
      await pause(1500); // fonts, first frame of the cortex
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
    await pause(1500);
    for (const area of ['gallery', 'cortex', 'data', 'experiment']) {
      window.webContents.send('lab.push', 'command', { id: `area.${area}` });
      if (area === 'cortex') await pause(3000);
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
