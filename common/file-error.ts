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
  ENAMETOOLONG: { found: 'a name or path that is too long for this system', fix: 'Move the folder nearer to the root of the disk, or shorten its name.' },
  ENODEV: { found: 'a disk that is no longer there', fix: 'Connect the drive again and open the folder again.' },
  ENXIO: { found: 'a disk that is no longer there', fix: 'Connect the drive again and open the folder again.' },
  ENOTCONN: { found: 'a network drive that is no longer connected', fix: 'Connect the drive again and open the folder again.' },
  ESTALE: { found: 'a network drive that was replaced while it was in use', fix: 'Connect the drive again and open the folder again.' },
  EHOSTDOWN: { found: 'a network drive whose computer does not answer', fix: 'Connect the drive again and open the folder again.' },
  ETIMEDOUT: { found: 'a drive that does not answer', fix: 'Check the disk or the network drive and open the folder again.' },
  EBUSY: { found: 'a file that another program holds', fix: 'Close the other program and try again.' },
  EBADF: { found: 'a file that was closed while it was being read', fix: 'Connect the drive again and open the folder again.' },
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
