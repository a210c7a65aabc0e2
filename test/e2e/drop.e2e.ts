/** Folders dropped on the window, as the operating system hands them over: data are opened, a model pack goes into the form, all else is named. */
import fs from 'node:fs';
import path from 'node:path';
import type { CDPSession, Page } from '@playwright/test';
import { tinyArrays } from '../support/tiny-arrays.ts';
import { expect, ROOT, test } from './fixtures.ts';

const VEIL = 'Drop a data folder to open it, or a model pack to use it';

/** Drags something over the middle of the window; the drop itself is asked for separately. */
async function drag(session: CDPSession, page: Page, file: string): Promise<() => Promise<void>> {
  const { x, y } = await page.evaluate(() => ({ x: window.innerWidth / 2, y: window.innerHeight / 2 }));
  const data = { items: [], files: [file], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver'] as const) await session.send('Input.dispatchDragEvent', { type, x, y, data });
  await expect(page.getByText(VEIL)).toBeVisible();
  return async () => {
    await session.send('Input.dispatchDragEvent', { type: 'drop', x, y, data });
    await expect(page.getByText(VEIL)).toHaveCount(0);
  };
}

test('a folder dropped on the window is opened, used as a model pack, or named', async ({ lab, running: { page } }) => {
  const session = await page.context().newCDPSession(page), data = await tinyArrays(), empty = path.join(lab.profile, 'empty'), pack = path.join(lab.profile, 'half-pack');
  fs.mkdirSync(empty);
  fs.mkdirSync(pack);
  fs.copyFileSync(path.join(ROOT, 'resources/models/demo/model_index.json'), path.join(pack, 'model_index.json'));

  // On the start screen, where the card asks for it.
  await (await drag(session, page, empty))();
  const notice = page.locator('main').getByRole('alert');
  for (const words of [empty, 'an empty folder', 'What to do']) await expect(notice).toContainText(words);

  const drop = await drag(session, page, data);
  await lab.shot(page, 'drop');
  await drop();
  await expect(page.getByRole('button', { name: 'Set up an experiment' })).toBeEnabled();

  // A folder with the index of a model pack goes into the form, not among the data.
  await (await drag(session, page, pack))();
  await expect(page.locator('main[data-area="experiment"]')).toBeVisible();
  await expect(page.locator('.form').getByRole('alert')).toContainText('half-pack');
  await expect(page.locator('.status-bar')).toContainText(data);
  fs.rmSync(data, { recursive: true, force: true });
});
