/** What identifies the state of a folder: a hash over names, sizes, modification times and headers of the files used. */
import { createHash } from 'node:crypto';
import type { FileFacts, Folder } from '../formats/folder.ts';
import { inParallel } from './findings.ts';

/** Bytes of each file that count as its header. */
const HEADER_BYTES = 512;
const OPEN_AT_ONCE = 16;

/** SHA-256 in hex. Independent of the order of `files`; a file listed twice counts once. */
export async function fingerprintOf(folder: Folder, files: readonly FileFacts[]): Promise<string> {
  const unique = [...new Map(files.map((facts) => [facts.file, facts])).values()].sort((a, b) => (a.file < b.file ? -1 : 1));
  const headers = await inParallel(unique, OPEN_AT_ONCE, undefined, (facts) => folder.prefix(facts.file, HEADER_BYTES));
  const hash = createHash('sha256');
  unique.forEach(({ file, bytes, modified }, i) => {
    hash.update(`${file}\0${bytes}\0${Math.round(modified)}\0`).update(headers[i] ?? new Uint8Array());
  });
  return hash.digest('hex');
}
