/**
 * Read-only access to the files of one folder by relative path (forward slashes), with errors that name the file.
 * Symbolic links are followed. Nothing here writes.
 */
import { createReadStream } from 'node:fs';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createGunzip, gunzip } from 'node:zlib';
import { errorCode, fileError } from '../../common/file-error.ts';
import { FormatError, throwIfAborted } from '../../common/errors.ts';
import { fileSource } from './byte-source.ts';
import type { FileSource } from './byte-source.ts';
import { inflationLimit, isGzip } from './gzip.ts';

export interface FileFacts {
  readonly file: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
  readonly isFolder: boolean;
}

export interface Folder {
  readonly root: string;
  /** Absolute path of a relative one. */
  path(file: string): string;
  /** Null if it does not exist; other failures throw. */
  facts(file: string): Promise<FileFacts | null>;
  /** Names in a folder, sorted; empty if it does not exist. Other failures (permission denied) throw. */
  names(file: string): Promise<readonly string[]>;
  /** A whole file, at most 2 GiB. Throws `UserError` naming it. */
  bytes(file: string): Promise<Uint8Array>;
  /** A whole file, inflated if it is gzip, off the calling thread. */
  inflated(file: string): Promise<Uint8Array>;
  /** At most the first `length` bytes. */
  prefix(file: string, length: number): Promise<Uint8Array>;
  /** Random access; close it. */
  source(file: string): Promise<FileSource>;
  /** The bytes one piece after another, inflated if the name ends in `.gz`. */
  stream(file: string, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

const inflate = promisify(gunzip);
const MISSING: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR']);
const STREAM_BYTES = 1 << 20;
/** Each piece is a trip to another thread, so a trailer that lies small must not make a million of them. */
const LEAST_PIECE = 1 << 18;

/** The folder at `root`. Nothing is opened yet. */
export function folderAt(root: string): Folder {
  const path = (file: string): string => join(root, ...file.split('/'));
  const named = async <T>(file: string, expected: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw fileError(error, file === '' ? root : file, expected);
    }
  };
  const bytes = (file: string): Promise<Uint8Array> => named(file, 'a readable file', () => readFile(path(file)));
  return {
    root, path, bytes,
    facts: (file) => named(file, 'a file or folder that may be read', async () => {
      try {
        const found = await stat(path(file));
        return { file, bytes: found.size, modified: found.mtimeMs, isFolder: found.isDirectory() };
      } catch (error) {
        if (MISSING.has(errorCode(error) ?? '')) return null;
        throw error;
      }
    }),
    names: (file) => named(file, 'a folder that may be read', async () => {
      try {
        return (await readdir(path(file))).sort();
      } catch (error) {
        if (MISSING.has(errorCode(error) ?? '')) return [];
        throw error;
      }
    }),
    inflated: async (file) => {
      const packed = await bytes(file);
      if (!isGzip(packed)) return packed;
      try {
        return await inflate(packed, { maxOutputLength: inflationLimit(packed.length), chunkSize: likelySize(packed) });
      } catch (error) {
        throw gzipError(error, file, packed.length);
      }
    },
    prefix: (file, length) => named(file, 'a readable file', async () => {
      const handle = await open(path(file), 'r');
      try {
        const out = new Uint8Array(length);
        const { bytesRead } = await handle.read(out, 0, length, 0);
        return out.subarray(0, bytesRead);
      } finally {
        await handle.close();
      }
    }),
    source: (file) => named(file, 'a readable file', () => fileSource(path(file), file)),
    stream: (file, signal) => pieces(path(file), file, signal),
  };
}

/**
 * Size of the output buffer for a gzip file: what its trailer says (one buffer, no joining), unless that is more than deflate can
 * reach (1032-fold) and so a lie, or beyond the limit.
 */
function likelySize(packed: Uint8Array): number {
  if (packed.length < 18) return STREAM_BYTES;
  const stated = Buffer.from(packed.buffer, packed.byteOffset, packed.length).readUInt32LE(packed.length - 4);
  return stated <= Math.min(inflationLimit(packed.length), 1032 * packed.length) ? Math.max(LEAST_PIECE, stated + 64) : STREAM_BYTES;
}

async function* pieces(path: string, file: string, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  const raw = createReadStream(path, { highWaterMark: STREAM_BYTES, ...(signal === undefined ? {} : { signal }) });
  const inflater = file.endsWith('.gz') ? createGunzip({ chunkSize: STREAM_BYTES }) : null;
  // An error of the file must end the inflater too, or the loop below would wait for ever.
  if (inflater !== null) raw.on('error', (error) => inflater.destroy(error)).pipe(inflater);
  try {
    for await (const piece of inflater ?? raw) yield piece as Uint8Array;
  } catch (error) {
    throwIfAborted(signal);
    const named = gzipError(error, file, raw.bytesRead);
    throw named === error ? fileError(error, file, 'a readable file') : named;
  } finally {
    raw.destroy();
    inflater?.destroy();
  }
}

function gzipError(error: unknown, file: string, compressedBytes: number): unknown {
  const code = errorCode(error) ?? '';
  if (code === 'ERR_BUFFER_TOO_LARGE') {
    const most = inflationLimit(compressedBytes);
    return new FormatError({ file, offset: 0, expected: `at most ${most} bytes after decompression`, found: `more, from ${compressedBytes} bytes`, fix: 'No NSD file does that; copy or download it again.' });
  }
  if (!code.startsWith('Z_')) return error;
  return new FormatError({
    file, offset: 0, expected: 'a complete gzip file', found: `${error instanceof Error ? error.message : code} in ${compressedBytes} compressed bytes`,
    fix: 'The file is damaged or its download was cut off; copy or download it again.',
  });
}
