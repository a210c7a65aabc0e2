/**
 * Random access to the bytes of something that may be too large for memory. Readers that need only parts of a file take one.
 */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { UserError } from '../../common/errors.ts';
import { fileError } from '../../common/file-error.ts';

export interface ByteSource {
  /** Total bytes. */
  readonly size: number;
  /** Exactly `length` bytes from `offset`; throws `RangeError` if they do not exist. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

function check(size: number, offset: number, length: number): void {
  if (!(offset >= 0 && length >= 0 && offset + length <= size)) throw new RangeError(`bytes ${offset} to ${offset + length} of a source of ${size}`);
}

/** Bytes already in memory; reads are views. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read: (offset, length) => {
      check(bytes.length, offset, length);
      return Promise.resolve(bytes.subarray(offset, offset + length));
    },
  };
}

export interface FileSource extends ByteSource {
  close(): Promise<void>;
}

/** What `handleSource` needs of an open file. */
export type ReadableHandle = Pick<FileHandle, 'read' | 'close'>;

/** A file opened for reading. Offsets beyond 4 GiB are fine. Close it when done. `name` is what errors call it. */
export async function fileSource(path: string, name = path): Promise<FileSource> {
  const handle = await open(path, 'r');
  const { size } = await handle.stat();
  return handleSource(handle, size, name);
}

/**
 * An open file of a known size. A drive that goes away or a file that shrinks while it is read is a `UserError` naming the file; a read
 * beyond `size` is the caller's mistake (`RangeError`).
 */
export function handleSource(handle: ReadableHandle, size: number, name: string): FileSource {
  return {
    size,
    read: async (offset, length) => {
      check(size, offset, length);
      const out = new Uint8Array(length);
      for (let done = 0; done < length;) {
        const { bytesRead } = await handle.read(out, done, length - done, offset + done).catch((error: unknown) => { throw fileError(error, name, `${length} readable bytes at ${offset}`); });
        if (bytesRead === 0) {
          throw new UserError('bad-input', `${name} shrank while it was being read`, { file: name, expected: `${size} bytes, as when it was opened`, found: `the end of the file at ${offset + done}`, fix: 'Another program changes the file, or its download is not finished; wait and open the folder again.' });
        }
        done += bytesRead;
      }
      return out;
    },
    close: () => handle.close(),
  };
}
