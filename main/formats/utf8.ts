/** Strict UTF-8. */
import { FormatError } from '../../common/errors.ts';

/** UTF-8 text of a file or a part of it that starts at `offset`, without a byte-order mark. Throws `FormatError` if it is not UTF-8. */
export function decodeUtf8(bytes: Uint8Array, name: string, offset = 0): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new FormatError({ file: name, offset, expected: 'UTF-8 text', found: 'other bytes', fix: 'Save the file as UTF-8.' });
  }
}
