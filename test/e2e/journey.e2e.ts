/**
 * One journey through the real app, as a new user makes it: open the demo, run, watch, look, pick, export, quit, come back.
 * Real data, real networks, real processes; only the two native save dialogs are answered by the test. Screens stay as output.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { ElectronApplication, Page } from '@playwright/test';
import { checkAnswers } from './answers.ts';
import { expect, test } from './fixtures.ts';

/** Writing two subjects takes under a minute on two quiet cores, the run as long again. */
const LONG = 600_000;
const PICTURES = 24;

/** Answers the next save dialogs with files in a folder. */
async function saveInto(app: ElectronApplication, folder: string): Promise<void> {
  await app.evaluate(({ dialog }, target) => {
    dialog.showSaveDialog = (...args: unknown[]) => {
      const options = args.at(-1) as { defaultPath: string };
      return Promise.resolve({ canceled: false, filePath: `${target}/${options.defaultPath.split('/').at(-1) ?? 'picture.png'}` });
    };
  }, folder);
}

/** Width and height that a PNG file declares. */
function pngSize(file: string): readonly [number, number] {
  const bytes = fs.readFileSync(file);
  expect(bytes.subarray(1, 4).toString('latin1')).toBe('PNG');
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
}

async function exported(folder: string, pattern: RegExp): Promise<string> {
  await expect.poll(() => fs.readdirSync(folder).some((name) => pattern.test(name) && name.endsWith('.png')), { timeout: 60_000 }).toBe(true);
  return path.join(folder, fs.readdirSync(folder).find((name) => pattern.test(name)) ?? '');
}

/** Longest time between two turns of the page's event loop while something else works, in milliseconds. */
async function longestPause(page: Page, milliseconds: number): Promise<number> {
  return page.evaluate((span) => new Promise<number>((resolve) => {
    const began = performance.now();
    let last = began, longest = 0;
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
      if (now - began > span) resolve(longest);
      else setTimeout(() => { channel.port2.postMessage(null); }, 0);
    };
    channel.port2.postMessage(null);
  }), milliseconds);
}

test('from an empty profile to a reconstructed picture, its cortex, its export, and back again', async ({ lab }) => {
  test.setTimeout(2 * LONG);
  const exports = path.join(lab.profile, 'exports');
  fs.mkdirSync(exports, { recursive: true });

  // 1. Open the demo from the start screen.
  const first = await lab.start();
  let { page } = first;
  await saveInto(first.app, exports);
  await page.getByRole('button', { name: /explore the demo/i }).click();
  await expect(page.getByText(/making the demo/i)).toBeVisible();
  await expect(page.getByRole('heading', { name: 'subj01' })).toBeVisible({ timeout: LONG });
  await expect(page.getByText('650', { exact: true }).first()).toBeVisible();
  await expect(page.getByText('synthetic').first()).toBeVisible();
  await lab.shot(page, 'data');

  // 2. A small experiment; watch it and leave the window free meanwhile.
  await page.keyboard.press('Control+2');
  const pictures = page.getByLabel(/test images/i);
  await pictures.fill(String(PICTURES));
  await pictures.blur();
  await lab.shot(page, 'experiment');
  await page.getByRole('button', { name: 'Run', exact: true }).last().click();
  await expect(page.getByText(/Decode|Extract|Read responses/).first()).toBeVisible({ timeout: 60_000 });
  const pause = await longestPause(page, 5000);
  console.log(`longest pause of the window's event loop while the run works: ${pause.toFixed(0)} ms`); // target 50 ms; a shared machine cannot assert it
  await lab.shot(page, 'running');
  await expect(page.getByText(/\bDone\b/).first()).toBeVisible({ timeout: LONG });
  await lab.shot(page, 'done');

  // 3. Gallery: truth beside reconstruction, and its export.
  await page.keyboard.press('Control+3');
  await expect(page.getByRole('gridcell').first()).toBeVisible();
  expect(await page.getByRole('gridcell').count()).toBe(PICTURES);
  const broken = await page.evaluate(() => [...document.querySelectorAll('img')].filter((image) => image.complete && image.naturalWidth === 0).map((image) => image.src));
  expect(broken).toEqual([]);
  await lab.shot(page, 'gallery');
  await page.getByRole('button', { name: 'Export' }).click();
  await page.getByRole('dialog').getByRole('button', { name: /export|save/i }).last().click();
  const gallery = await exported(exports, /gallery/);
  expect(pngSize(gallery)[0]).toBeGreaterThan(400);
  await page.keyboard.press('Escape');

  // 4. Cortex: a map, a pick, an export.
  await page.keyboard.press('Control+4');
  const cortex = page.getByRole('img', { name: /hemisphere|cortex/i }).first();
  await expect(cortex).toBeVisible({ timeout: 30_000 });
  await expect(page.locator('section[aria-busy="false"]')).toBeVisible({ timeout: 60_000 });
  await page.waitForTimeout(1000); // the first frames compile the shaders in software
  const box = await cortex.boundingBox();
  if (box === null) throw new Error('the cortex has no place on the screen');
  await page.mouse.move(box.x + 0.4 * box.width, box.y + 0.55 * box.height);
  await page.mouse.click(box.x + 0.4 * box.width, box.y + 0.55 * box.height);
  await expect(page.getByRole('complementary', { name: 'Inspector' }).getByText(/strength among all voxels/i)).toBeVisible({ timeout: 30_000 });
  await lab.shot(page, 'cortex');
  await page.keyboard.press('l'); // a key while the canvas has the focus: the tools must stay above it
  await page.waitForTimeout(1200);
  const legend = await page.locator('.legend').boundingBox();
  if (legend === null) throw new Error('the legend has no place on the screen');
  const above = await page.evaluate(([x, y]) => document.elementFromPoint(x, y)?.closest('.legend') !== null, [legend.x + legend.width / 2, legend.y + 12] as const);
  expect(above, 'the legend lies above the cortex').toBe(true);
  await lab.shot(page, 'cortex-flat');
  await page.getByRole('button', { name: /^export/i }).first().click();
  await page.getByRole('dialog').getByRole('button', { name: /export|save/i }).last().click();
  const picture = await exported(exports, /cortex/);
  expect(pngSize(picture)[0]).toBeGreaterThan(400);
  await page.keyboard.press('Escape');

  // 5. Quit and come back: nothing is lost.
  await first.app.close();
  const second = await lab.start();
  page = second.page;
  await expect(page.locator('main[data-area="cortex"]'), 'the screen that was left').toBeVisible({ timeout: 30_000 });
  await page.keyboard.press('Control+3');
  await expect(page.getByRole('gridcell').first()).toBeVisible({ timeout: 30_000 });
  expect(await page.getByRole('gridcell').count()).toBe(PICTURES);
  await lab.shot(page, 'again');
  await second.app.close();

  // 6. What the window made is right, and the command line goes on from it.
  const workspace = path.join(lab.profile, 'workspace');
  await checkAnswers(workspace, path.join(workspace, 'demo-data'), PICTURES);
});
