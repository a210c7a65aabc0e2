/** What the operating system said about a path, as an error that a person can act on. */
import { UserError } from './errors.ts';

const MEANING: Readonly<Record<string, { readonly found: string; readonly fix: string }>> = {
  ENOENT: { found: 'no such file or folder', fix: 'Check the path, or copy the missing file into the folder.' },
  ENOTDIR: { found: 'a part of the path is a file, not a folder', fix: 'Choose the folder itself.' },
  EISDIR: { found: 'a folder where a file was expected', fix: 'Choose the file itself.' },
  EACCES: { found: 'permission denied', fix: 'Give yourself read permission for it (on Linux and macOS: chmod +r), or copy it to where you may read.' },
  EPERM: { found: 'the system forbids reading it', fix: 'Allow the application to read this folder in the system settings.' },
  ELOOP: { found: 'a symbolic link that leads back to itself', fix: 'Repair the link.' },
  EMFILE: { found: 'too many open files', fix: 'Raise the limit of open files (ulimit -n) and try again.' },
  EEXIST: { found: 'a file where a folder was expected', fix: 'Choose another name.' },
  ENOSPC: { found: 'no space left on the disk', fix: 'Free some space, or choose another disk.' },
  EROFS: { found: 'a disk that can only be read', fix: 'Choose a place that can be written.' },
  EIO: { found: 'the disk could not be read', fix: 'Check the disk or the network drive, then copy the file again.' },
};

/** The system's error code (`ENOENT`, `EACCES`, ...) of something thrown, or null if it has none. */
export function errorCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** What a failed file operation found, in words. */
export function whatHappened(error: unknown): string {
  const code = errorCode(error);
  return (code === null ? undefined : MEANING[code]?.found) ?? code ?? String(error);
}

/** Turns a failed file operation into a `UserError` that names the file; anything else is returned as it was. */
export function fileError(error: unknown, file: string, expected: string): unknown {
  const code = errorCode(error);
  const meaning = code === null ? undefined : MEANING[code];
  if (meaning === undefined) return error;
  return new UserError('bad-input', `${file}: ${meaning.found}`, { file, expected, found: meaning.found, fix: meaning.fix });
}
