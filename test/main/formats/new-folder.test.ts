import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../../common/errors.ts';
import { makeFolder } from '../../../main/formats/new-folder.ts';

let root = '';
beforeAll(async () => { root = await mkdtemp(join(tmpdir(), 'new-folder-')); });
afterAll(() => rm(root, { recursive: true, force: true }));

describe('a folder for output', () => {
  it('is made with its parents, once or at the same time, and left alone where it exists', async () => {
    const place = join(root, 'a', 'Größe 大', 'c');
    await Promise.all([makeFolder(place), makeFolder(place)]);
    await makeFolder(place);
    expect((await stat(place)).isDirectory()).toBe(true);
  });

  it('is refused by name below a file, in a circle of links, and where the system makes none', async () => {
    await writeFile(join(root, 'file'), '');
    await symlink(join(root, 'two'), join(root, 'one'));
    await symlink(join(root, 'one'), join(root, 'two'));
    const places: (readonly [string, RegExp])[] = [[join(root, 'file', 'x'), /not a folder|file where a folder/], [join(root, 'file'), /file where a folder/], [join(root, 'one', 'x'), /leads back to itself/]];
    if (process.platform === 'linux') places.push(['/proc/x/y', /makes no folders/]);
    for (const [place, found] of places) {
      const error = await makeFolder(place).catch((thrown: unknown) => thrown);
      expect(error, place).toBeInstanceOf(UserError);
      expect(error instanceof UserError ? error.detail : null, place).toMatchObject({ file: place, expected: 'a folder that can be written', found: expect.stringMatching(found) as string });
    }
  });
});
