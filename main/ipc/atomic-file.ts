/** Writes a file for the user so that a failure never leaves half a file: temporary file beside it, flush, rename. */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../common/errors.ts';
import { whatHappened } from '../../common/file-error.ts';

/** `content` may come in parts, which are written one after the other. Throws `UserError` naming the file. */
export async function writeAtomically(file: string, content: Uint8Array | readonly Uint8Array[]): Promise<void> {
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${randomUUID().slice(0, 8)}.tmp`);
  try {
    const handle = await fs.open(temporary, 'w');
    try {
      for (const part of content instanceof Uint8Array ? [content] : content) await handle.writeFile(part);
      await handle.sync();
    } finally { await handle.close(); }
    await fs.rename(temporary, file);
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => undefined); // the first error is the one to tell
    throw new UserError('bad-input', `could not write ${file}`, {
      file, expected: 'a folder that can be written', found: whatHappened(error), fix: 'Choose another folder.',
    });
  }
}
