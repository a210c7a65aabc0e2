/**
 * A person's own model folder in the window: a wrong one is named and not run, undo brings the demo pack back, an unmodified Hugging Face export is
 * chosen by keyboard, told of, run through the diffusion, and kept for the next time. Real networks; only the native dialog is answered by the test.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { ElectronApplication, Page } from '@playwright/test';
import { unpackExport } from '../support/exports.ts';
import { tinyArrays } from '../support/tiny-arrays.ts';
import { expect, test } from './fixtures.ts';

/** Folders that the next native dialogs are answered with. */
async function answer(app: ElectronApplication, folder: string): Promise<void> {
  await app.evaluate(({ dialog }, chosen) => {
    dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [chosen] });
  }, folder);
}

const choice = (page: Page) => page.getByLabel('Model pack', { exact: true }).and(page.getByRole('combobox'));
const runs = (page: Page): Promise<number> => page.evaluate(async () => { const reply = await window.lab.invoke('run.list'); return reply.ok ? reply.value.length : -1; });

test('a model folder of one’s own is chosen, told of, run and kept', async ({ lab, running: { app, page } }) => {
  const data = await tinyArrays(), empty = path.join(lab.profile, 'empty'), pack = path.join(lab.profile, 'packs', 'optimum');
  fs.mkdirSync(empty);
  await unpackExport('optimum', pack);
  await answer(app, data);
  await page.keyboard.press('Control+O');
  await expect(page.getByRole('button', { name: 'Set up an experiment' })).toBeEnabled();
  await page.keyboard.press('Control+2');
  await page.getByText('Diffusion (z, c, Z_CLIP)', { exact: true }).click();

  // A folder that is no pack: said in the form, and nothing is run.
  await answer(app, empty);
  await page.keyboard.press('Control+Shift+O');
  const notice = page.locator('.form').getByRole('alert');
  await expect(notice).toContainText('empty cannot be used');
  for (const words of ['File', empty, 'Expected', 'model_index.json', 'Found', 'an empty folder', 'What to do', 'unet/']) await expect(notice).toContainText(words);
  await page.keyboard.press('Control+Enter');
  await expect(page.getByText('Not started: the model pack cannot be used')).toBeVisible();
  expect(await runs(page)).toBe(0);
  await lab.shot(page, 'wrong-pack');
  await page.keyboard.press('Control+Z');
  await expect(choice(page)).toHaveValue('Demo pack');

  // The export, by keyboard: the second choice is another folder.
  await answer(app, pack);
  await choice(page).focus();
  for (const key of ['ArrowDown', 'ArrowDown', 'Enter']) await page.keyboard.press(key);
  await expect(choice(page)).toHaveValue('optimum');
  const note = page.getByRole('note', { name: 'Model pack' });
  for (const words of ['5 networks, float32, on ', '4 × 8 × 8 values', 'up to 16 tokens; end token 817', 'PNDMScheduler', pack, 'self-test passed']) await expect(note).toContainText(words);
  await expect(note).toContainText(/About \d+ MB of memory; [\d.]+ GB of [\d.]+ GB free/);
  await lab.shot(page, 'own-pack');

  await page.getByLabel('Test images (of 12)').fill('2');
  await page.getByLabel('Steps', { exact: true }).fill('2');
  await page.keyboard.press('Control+Enter');
  await expect(page.locator('.run-head').getByText('Done', { exact: true })).toBeVisible({ timeout: 60_000 });
  await expect(page.locator('.run-head')).toContainText('pack optimum');
  const { packs } = await page.evaluate(async () => { const reply = await window.lab.invoke('app.info'); if (!reply.ok) throw new Error(reply.error.message); return reply.value; });
  expect(packs).toMatchObject({ chosen: pack, recents: [{ path: pack, label: 'optimum', reachable: true }] });
  fs.rmSync(data, { recursive: true, force: true });
});
