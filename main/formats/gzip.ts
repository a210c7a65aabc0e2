/**
 * gzip (RFC 1952), zlib (RFC 1950) and raw deflate (RFC 1951) by node:zlib, with a limit on the inflated size, so that
 * a small file cannot claim all memory. Corrupt or cut streams are `FormatError`s.
 */
import { constants, deflateRawSync, deflateSync, gunzipSync, gzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import type { ZlibOptions } from 'node:zlib';
import { FormatError } from '../../common/errors.ts';

/** Inside Electron one native allocation above 1 GiB is fatal, so nothing inflates beyond it in one piece. */
export const MAX_INFLATED_BYTES = 2 ** 30;
/** Any file may inflate to this: a 512 x 512 x 512 volume of int16. */
const UNSUSPECTED_BYTES = 2 ** 28 + 2 ** 20;
/** Beyond that, data that inflate by more than this are a trap or damaged: measured values inflate by less than 10. */
const UNSUSPECTED_RATIO = 16;

/** How far `compressed` bytes may inflate, in bytes: 257 MiB, or 16 times their number, but never beyond `limit`. */
export function inflationLimit(compressed: number, limit = MAX_INFLATED_BYTES): number {
  return Math.min(limit, Math.max(UNSUSPECTED_BYTES, UNSUSPECTED_RATIO * compressed));
}

export interface InflateLimit {
  /** Largest inflated size accepted, in bytes. */
  readonly maxInflatedBytes?: number;
}

type Inflate = (bytes: Uint8Array, options: ZlibOptions) => Buffer;

function inflateBounded(inflate: Inflate, kind: string, bytes: Uint8Array, name: string, offset: number, most: number): Uint8Array {
  const limit = inflationLimit(bytes.length, most);
  try {
    // A zero limit is not accepted by node, and one extra byte is how an overlong stream shows itself.
    const out = inflate(bytes, { maxOutputLength: limit + 1, chunkSize: Math.max(1024, Math.min(2 ** 20, limit + 1, bytes.length * 8)) });
    if (out.length <= limit) return new Uint8Array(out.buffer, out.byteOffset, out.length);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code !== 'ERR_BUFFER_TOO_LARGE') {
      if (!code.startsWith('Z_')) throw error;
      throw new FormatError({
        file: name, offset, expected: `a complete ${kind} stream`, found: `${error instanceof Error ? error.message : ''} in ${bytes.length} compressed bytes`,
        fix: 'The file is damaged or its download was cut off; copy or download it again.',
      });
    }
  }
  throw new FormatError({ file: name, offset, expected: `at most ${limit} bytes after decompression`, found: 'more', fix: 'The file inflates beyond what this reader accepts; use the streaming reader or an uncompressed copy.' });
}

/** True if the bytes start as a gzip file (1F 8B). */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** Inflates a gzip file. Throws `FormatError` if it is not one, is damaged, or inflates beyond the limit. */
export function gunzip(bytes: Uint8Array, name: string, { maxInflatedBytes = MAX_INFLATED_BYTES }: InflateLimit = {}): Uint8Array {
  if (!isGzip(bytes)) throw new FormatError({ file: name, offset: 0, expected: 'a gzip file (first bytes 1F 8B)', found: 'other bytes' });
  return inflateBounded(gunzipSync, 'gzip', bytes, name, 0, maxInflatedBytes);
}

/** The bytes themselves, or inflated if they start as a gzip file. */
export function gunzipIfNeeded(bytes: Uint8Array, name: string, limit: InflateLimit = {}): Uint8Array {
  return isGzip(bytes) ? gunzip(bytes, name, limit) : bytes;
}

/**
 * The first bytes of a possibly gzipped file, inflated as far as the given prefix of the file reaches, for header readers.
 * Give at most some tens of kB: deflate can expand a thousandfold.
 */
export function gunzipPrefix(prefix: Uint8Array, name: string): Uint8Array {
  if (!isGzip(prefix)) return prefix;
  return inflateBounded((bytes, options) => gunzipSync(bytes, { ...options, finishFlush: constants.Z_SYNC_FLUSH }), 'gzip', prefix, name, 0, MAX_INFLATED_BYTES);
}

/** Inflates a zlib stream found at `offset` of file `name`. */
export function inflateZlib(bytes: Uint8Array, name: string, offset: number, maxInflatedBytes: number): Uint8Array {
  return inflateBounded(inflateSync, 'zlib', bytes, name, offset, maxInflatedBytes);
}

/** Inflates a raw deflate stream found at `offset` of file `name`. */
export function inflateRaw(bytes: Uint8Array, name: string, offset: number, maxInflatedBytes: number): Uint8Array {
  return inflateBounded(inflateRawSync, 'deflate', bytes, name, offset, maxInflatedBytes);
}

/** A gzip file without time stamp or name: the same input always gives the same bytes. */
export function gzip(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(gzipSync(bytes));
}

export function deflateZlib(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(deflateSync(bytes));
}

export function deflateRaw(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(deflateRawSync(bytes));
}
