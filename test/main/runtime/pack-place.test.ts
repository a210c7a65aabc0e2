/** What is said of a path that is no model pack, and where the pack is looked for. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkPack } from '../../../main/runtime/models.ts';

let place = '';
beforeAll(async () => {
  place = await mkdtemp(path.join(tmpdir(), 'places-'));
  for (const folder of ['empty', 'export/unet', 'outer/inner', 'photos']) await mkdir(path.join(place, folder), { recursive: true });
  for (const file of ['export/unet/model.onnx', 'export/model_index.json', 'outer/inner/pack.json', ...['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `photos/${name}.png`)]) await writeFile(path.join(place, file), '');
});
afterAll(async () => { await rm(place, { recursive: true, force: true }); });

const CASES: readonly (readonly [string, string, RegExp, RegExp])[] = [
  ['a folder that is gone', 'gone', /^no such folder$/, /moved or renamed.*drive/], ['an empty folder', 'empty', /^an empty folder$/, /holds unet/],
  ['a folder of something else', 'photos', /^neither, but a\.png, b\.png, c\.png, d\.png and 2 more$/, /holds unet/], ['a file of something else', 'photos/a.png', /^a file$/, /holds unet/],
  ['one network of a pack', 'export/unet', /^a part of a pack$/, /above it, .*export$/], ['a file of a network', 'export/unet/model.onnx', /^a file$/, /above it, .*export$/],
  ['the description of a pack', 'export/model_index.json', /^a file$/, /above it, .*export$/], ['the folder above a pack', 'outer', /^neither$/, /in it, .*inner$/],
];

describe('what is no model pack', () => {
  it.each(CASES)('%s is named, with what to do', async (_what, target, found, fix) => {
    const { ok, roles } = await checkPack(path.join(place, target));
    expect([ok, roles.length, roles[0]?.problem?.file]).toEqual([false, 1, path.join(place, target)]);
    expect(roles[0]?.problem?.found).toMatch(found);
    expect(roles[0]?.problem?.fix).toMatch(fix);
  });
});
