/** Reading what a verb was given and writing what it makes, with errors that a person can act on. */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../../common/errors.ts';
import { fileError, whatHappened } from '../../../common/file-error.ts';

/** The bytes of a file; `expected` says what it should be. Throws UserError naming it. */
export async function readInput(file: string, expected: string): Promise<Uint8Array> {
  return fs.readFile(file).catch((error: unknown) => { throw fileError(error, file, expected); });
}

/** Makes a folder for output. Throws UserError naming it. */
export async function outputFolder(folder: string): Promise<string> {
  await fs.mkdir(folder, { recursive: true }).catch((error: unknown) => { throw unwritable(folder, error); });
  return folder;
}

/** Writes a file, its folder too, so that a failure never leaves half of it. Throws UserError naming it. */
export async function writeOutput(file: string, bytes: Uint8Array | string): Promise<void> {
  await outputFolder(path.dirname(file));
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${randomUUID().slice(0, 8)}.tmp`);
  try {
    await fs.writeFile(temporary, bytes);
    await fs.rename(temporary, file);
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => undefined); // the first error is the one to tell
    throw unwritable(file, error);
  }
}

function unwritable(file: string, error: unknown): UserError {
  return new UserError('bad-input', `${file} cannot be written`, { file, expected: 'a place that can be written', found: whatHappened(error), fix: 'Choose another place for the output.' });
}
