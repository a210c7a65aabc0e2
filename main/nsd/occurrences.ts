/** How often some words stand in a stream of bytes, without decoding it. Words may be cut by the ends of pieces. */
import { throwIfAborted } from '../../common/errors.ts';

/** Counts of each word (ASCII; a word must not overlap itself), and whether the last byte is a line feed. */
export async function countWords(chunks: AsyncIterable<Uint8Array>, words: readonly string[], signal?: AbortSignal): Promise<{ readonly counts: ReadonlyMap<string, number>; readonly endsLine: boolean }> {
  const counts = new Map(words.map((word) => [word, 0]));
  let tail = Buffer.alloc(0);
  let last = 0x0a;
  for await (const piece of chunks) {
    throwIfAborted(signal);
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    for (const word of words) {
      const seam = Buffer.concat([tail.subarray(Math.max(0, tail.length - word.length + 1)), bytes.subarray(0, word.length - 1)]);
      counts.set(word, (counts.get(word) ?? 0) + countIn(seam, word) + countIn(bytes, word));
    }
    const longest = Math.max(...words.map((word) => word.length));
    tail = Buffer.concat([tail, bytes.subarray(-longest)]).subarray(-longest);
    last = bytes.at(-1) ?? last;
  }
  return { counts, endsLine: last === 0x0a };
}

function countIn(bytes: Buffer, word: string): number {
  let count = 0;
  for (let at = bytes.indexOf(word); at >= 0; at = bytes.indexOf(word, at + word.length)) count++;
  return count;
}
