/**
 * How many captions a picture of a COCO file has, without reading the file: 92 MB of it hold what a few hundred kB tell.
 *
 * A caption file is one object with a long list `images` and a long list `annotations`. The border between the two is found by bisection
 * over windows that hold keys of the one or of the other; the lengths of the entries come from windows spread over each list. A small file
 * is counted from end to end. A quote inside a JSON text is escaped, so a key can only be a key.
 */
import { FormatError, throwIfAborted } from '../../common/errors.ts';
import type { ByteSource } from '../formats/byte-source.ts';

const CAPTION_KEY = '"caption"';
const IMAGE_KEY = '"file_name"';
/** Below this a file is counted whole. */
const SMALL_BYTES = 2 ** 20;
const WINDOW_BYTES = 2 ** 14;
const WINDOWS = 6;
const TAIL_BYTES = 64;

export interface CaptionCensus {
  readonly captions: number;
  readonly images: number;
  /** True where the numbers are estimates from windows. */
  readonly sampled: boolean;
}

interface Keys {
  readonly count: number;
  /** Absolute offsets; -1 if there is none. */
  readonly first: number;
  readonly last: number;
}

/** Throws `FormatError` if the file does not end as a JSON object does: a download that was cut off. */
export async function censusOfCaptions(source: ByteSource, file: string, signal?: AbortSignal): Promise<CaptionCensus> {
  const tail = Buffer.from(await source.read(Math.max(0, source.size - TAIL_BYTES), Math.min(TAIL_BYTES, source.size))).toString('latin1').trimEnd();
  if (!tail.endsWith('}')) {
    throw new FormatError({ file, offset: Math.max(0, source.size - 1), expected: 'a JSON object that ends in }', found: `${source.size} bytes that end in ${JSON.stringify(tail.slice(-12))}`, fix: 'The download was cut off; repeat it.' });
  }
  const windowAt = async (at: number, length = WINDOW_BYTES): Promise<{ readonly images: Keys; readonly captions: Keys }> => {
    throwIfAborted(signal);
    const from = Math.max(0, Math.min(at, source.size - length));
    const bytes = Buffer.from(await source.read(from, Math.min(length, source.size)));
    return { images: keysIn(bytes, IMAGE_KEY, from), captions: keysIn(bytes, CAPTION_KEY, from) };
  };
  if (source.size <= SMALL_BYTES) {
    const { images, captions } = await windowAt(0, source.size);
    return { images: images.count, captions: captions.count, sampled: false };
  }
  // The lists may stand in either order.
  const [start, end] = [await windowAt(0), await windowAt(source.size)];
  const early = start.captions.count > 0 && start.images.count === 0 ? 'captions' : 'images';
  const late = early === 'images' ? 'captions' : 'images';
  let low = 0;
  let high = source.size - WINDOW_BYTES;
  while (high - low > WINDOW_BYTES / 2) {
    const middle = Math.floor((low + high) / 2);
    const window = await windowAt(middle);
    if (window[late].count > 0 && window[early].count === 0) high = middle;
    else low = middle;
  }
  const around = await windowAt(low, Math.min(source.size, 2 * WINDOW_BYTES));
  const border = around[late].first < 0 ? high : around[late].first;
  const lists = { [early]: { from: start[early].first, to: border }, [late]: { from: border, to: end[late].last } } as const;
  const entries = async (kind: 'images' | 'captions'): Promise<number> => {
    const { from, to } = lists[kind] ?? { from: -1, to: -1 };
    if (from < 0 || to <= from) return 0;
    let bytes = 0;
    let steps = 0;
    for (let n = 0; n < WINDOWS; n++) {
      const { first, last, count } = (await windowAt(from + Math.floor(((to - from - WINDOW_BYTES) * n) / (WINDOWS - 1))))[kind];
      if (count < 2) continue;
      bytes += last - first;
      steps += count - 1;
    }
    return steps === 0 ? 0 : Math.round(((to - from) * steps) / bytes);
  };
  return { images: await entries('images'), captions: await entries('captions'), sampled: true };
}

function keysIn(bytes: Buffer, key: string, from: number): Keys {
  let count = 0;
  let first = -1;
  let last = -1;
  for (let at = bytes.indexOf(key); at >= 0; at = bytes.indexOf(key, at + key.length)) {
    if (count++ === 0) first = from + at;
    last = from + at;
  }
  return { count, first, last };
}
