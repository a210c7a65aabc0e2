/** Opens whatever kind of dataset a folder is. */
import fs from 'node:fs/promises';
import type { Dataset } from '../../common/dataset.ts';
import { UserError } from '../../common/errors.ts';
import { whatHappened } from '../../common/file-error.ts';
import { looksLikeArrays, openArrays } from '../arrays/dataset.ts';
import { openSurfaces, surfaceFiles } from '../arrays/surface-folder.ts';
import { folderAt } from '../formats/folder.ts';
import { looksLikeNsd, openNsd } from '../nsd/dataset.ts';

/** Throws UserError naming the folder and what was expected in it. */
export async function openDataset(root: string): Promise<Dataset> {
  const stat = await fs.stat(root).catch((error: unknown) => {
    throw new UserError('bad-input', `the folder ${root} cannot be opened`, {
      file: root, expected: 'a folder', found: whatHappened(error), fix: 'Check the path, or reconnect the drive.',
    });
  });
  if (!stat.isDirectory()) {
    throw new UserError('bad-input', `${root} is a file, not a folder`, { file: root, expected: 'a folder', found: 'a file', fix: 'Choose the folder that holds it.' });
  }
  if (await looksLikeNsd(root)) return openNsd(root);
  if (await looksLikeArrays(root)) return openArrays(root);
  if (await surfaceFiles(folderAt(root)) !== null) return openSurfaces(root);
  const entries = (await fs.readdir(root)).slice(0, 8);
  throw new UserError('bad-input', `no NSD files in ${root}`, {
    file: root, expected: 'a folder that contains nsddata/ (an NSD folder), dataset.json (an arrays dataset), or surfaces (white_left.gii.gz)',
    found: entries.length === 0 ? 'an empty folder' : entries.join(', '), fix: 'Choose the folder that contains nsddata, or try the demo.',
  });
}
