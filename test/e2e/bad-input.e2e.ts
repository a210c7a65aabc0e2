/** What a person sees who opens the wrong thing: which file, what was expected, what was found, what to do, and a way on. */
import fs from 'node:fs';
import path from 'node:path';
import type { ElectronApplication, Page } from '@playwright/test';
import { writeNpy } from '../../main/formats/npy.ts';
import { expect, test } from './fixtures.ts';

/** Opens a folder by Ctrl+O; only the native dialog is answered by the test. */
async function open(app: ElectronApplication, page: Page, folder: string): Promise<void> {
  await app.evaluate(({ dialog }, chosen) => {
    dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [chosen] });
  }, folder);
  await page.keyboard.press('Control+O');
}

const NPY = (shape: readonly number[], fill: number): Uint8Array => writeNpy({ dtype: 'float32', shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(fill) });

/** An arrays dataset of 6 training and 4 test rows; `change` spoils it. */
function arrays(folder: string, change: (files: Record<string, Uint8Array>) => void): string {
  const files: Record<string, Uint8Array> = {
    'dataset.json': Buffer.from(JSON.stringify({ label: 'Wrong on purpose', subject: 'one', train: { responses: 'x.npy', stimuli: 's.npy' }, test: { responses: 'xt.npy', stimuli: 'st.npy' }, image: { height: 2, width: 2, channels: 1, order: 'row-major', range: [0, 1] } })),
    'x.npy': NPY([6, 5], 1), 's.npy': NPY([6, 4], 0.5), 'xt.npy': NPY([4, 5], 1), 'st.npy': NPY([4, 4], 0.5),
  };
  change(files);
  fs.mkdirSync(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), bytes);
  return folder;
}

test('wrong folders are named with what was expected, found and to do, and the window goes on', async ({ lab, running: { app, page } }) => {
  const place = path.join(lab.profile, 'wrong');
  fs.mkdirSync(path.join(place, 'empty'), { recursive: true });
  const cases: readonly { readonly folder: string; readonly says: readonly RegExp[] }[] = [
    { folder: path.join(place, 'empty'), says: [/nsddata/, /an empty folder/] },
    { folder: path.join(place, 'nowhere'), says: [/no such file or folder/] },
    { folder: arrays(path.join(place, 'short'), (files) => { files['x.npy'] = (files['x.npy'] ?? new Uint8Array()).subarray(0, 100); }), says: [/x\.npy/] },
    { folder: arrays(path.join(place, 'rows'), (files) => { files['s.npy'] = NPY([5, 4], 0.5); }), says: [/s\.npy|x\.npy/, /6/, /5/] },
  ];
  for (const { folder, says } of cases) {
    await open(app, page, folder);
    await expect(page.getByText(folder, { exact: true }).last()).toBeVisible();
    const notice = page.getByRole('alert').first();
    await expect(notice).toBeVisible();
    for (const label of ['Expected', 'Found', 'What to do']) await expect(notice.getByText(label, { exact: true }).first()).toBeVisible();
    for (const pattern of says) await expect(notice).toContainText(pattern);
    const set = page.getByRole('button', { name: 'Set up an experiment' });
    if (await set.count() > 0) await expect(set).toBeDisabled();
  }
  await lab.shot(page, 'wrong-folder');
  await page.keyboard.press('Control+0');
  await expect(page.getByRole('button', { name: /explore the demo/i })).toBeEnabled();
});
