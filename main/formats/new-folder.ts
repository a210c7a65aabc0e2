/**
 * Makes a folder for output, its parents too.
 *
 * Node's own recursive `mkdir` never returns where a file system answers "no such file" to making a folder in one that exists, as
 * `/proc` and some network shares do: it makes the parent and tries again for ever. Here every level is tried once.
 */
import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UserError } from '../../common/errors.ts';
import { errorCode, whatHappened } from '../../common/file-error.ts';

/** Does nothing if the folder exists. Throws `UserError` naming it if it cannot be made. */
export async function makeFolder(folder: string): Promise<void> {
  const wanted = resolve(folder);
  const missing: string[] = [];
  try {
    for (let at = wanted; !await isFolder(at); at = dirname(at)) missing.unshift(at);
    for (const level of missing) await mkdir(level).catch(async (error: unknown) => { if (errorCode(error) !== 'EEXIST' || !await isFolder(level)) throw error; });
  } catch (error) {
    const found = errorCode(error) === 'ENOENT' ? 'a file system that makes no folders there' : whatHappened(error);
    throw new UserError('bad-input', `${folder} cannot be written`, { file: folder, expected: 'a folder that can be written', found, fix: 'Choose another place for the output.' });
  }
}

/** False if there is nothing; throws ENOTDIR for a file, ELOOP for a circle of links. */
async function isFolder(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT' && dirname(path) !== path) return false;
    throw error;
  }
  throw Object.assign(new Error(`${path} is a file`), { code: 'EEXIST' });
}
