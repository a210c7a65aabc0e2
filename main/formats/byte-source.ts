/**
 * Random access to the bytes of something that may be too large for memory. Readers that need only parts of a file take one.
 */
import { open } from 'node:fs/promises';

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

/** A file opened for reading. Offsets beyond 4 GiB are fine. Close it when done. */
export async function fileSource(path: string): Promise<FileSource> {
  const handle = await open(path, 'r');
  const { size } = await handle.stat();
  return {
    size,
    read: async (offset, length) => {
      check(size, offset, length);
      const out = new Uint8Array(length);
      for (let done = 0; done < length;) {
        const { bytesRead } = await handle.read(out, done, length - done, offset + done);
        if (bytesRead === 0) throw new RangeError(`${path} shrank while it was being read`);
        done += bytesRead;
      }
      return out;
    },
    close: () => handle.close(),
  };
}
