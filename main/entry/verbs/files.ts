/** Reading what a verb was given and writing what it makes, with errors that a person can act on. */
import fs from 'node:fs/promises';
import path from 'node:path';
import { fileError } from '../../../common/file-error.ts';
import { makeFolder } from '../../formats/new-folder.ts';
import { writeAtomically } from '../../ipc/atomic-file.ts';

/** The bytes of a file; `expected` says what it should be. Throws UserError naming it. */
export async function readInput(file: string, expected: string): Promise<Uint8Array> {
  return fs.readFile(file).catch((error: unknown) => { throw fileError(error, file, expected); });
}

/** Writes a file, its folder too, so that a failure never leaves half of it. Throws UserError naming it. */
export async function writeOutput(file: string, content: Uint8Array | readonly Uint8Array[] | string): Promise<void> {
  await makeFolder(path.dirname(file));
  await writeAtomically(file, typeof content === 'string' ? new TextEncoder().encode(content) : content);
}
