/** The table verb's refusals, in processes of their own. How a table goes on after deaths is in `test/main/experiments/table-resume.test.ts`, which opens the networks once. */
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cli } from '../support/cli.ts';
import { tinyArrays } from '../support/tiny-arrays.ts';

const folders: string[] = [];
let data = '', workspace = '', recipe = '';
beforeAll(async () => {
  data = await tinyArrays();
  workspace = await mkdtemp(path.join(tmpdir(), 'cli-table-'));
  folders.push(data, workspace);
  recipe = path.join(workspace, 'recipe.json');
  await writeFile(recipe, JSON.stringify({
    name: 'tiny', data: { subject: 'one', atlas: 'all', zscore: 'train' }, decoder: { alphas: [1], folds: 2 }, sampler: { steps: 2, strength: 0.5, guidance: 1 }, images: 2, refine: { mode: 'guided' },
  }));
});
afterAll(async () => { for (const folder of folders) await rm(folder, { recursive: true, force: true }); });

/** It starts processes of its own; two slow, shared cores must not turn an honest test into a failure. */
const PATIENCE = 240_000;
const words = (table: string, folder = data): string[] => ['table', table, '--data', folder, '--workspace', path.join(workspace, 'ws'), '--recipe', recipe];

describe('the table verb', { timeout: PATIENCE }, () => {
  it('says what is wrong with its call, and with data that has no V1 to V3', async () => {
    const [third, first, iterations] = await Promise.all([cli(...words('3')), cli(...words('1')), cli(...words('2'), '--iterations', '0')]);
    expect([third.code, third.stderr]).toEqual([2, expect.stringContaining('1 or 2')]);
    expect([iterations.code, iterations.stderr]).toEqual([3, expect.stringContaining('refine.iterations')]);
    expect([first.code, first.stderr]).toEqual([3, expect.stringContaining('no lower visual cortex')]);
  });
  it('refuses data without captions before anything is written', async () => {
    const mute = await tinyArrays(), file = path.join(mute, 'dataset.json');
    folders.push(mute);
    const { captions, ...rest } = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    expect(captions).toBe('captions.json');
    await writeFile(file, JSON.stringify(rest));
    const { code, stderr } = await cli(...words('2', mute));
    expect([code, stderr]).toEqual([3, expect.stringContaining('no captions')]);
    expect(stderr).toContain('dataset.json');
    await expect(access(path.join(workspace, 'ws'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
