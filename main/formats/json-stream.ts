/**
 * Items of the top-level lists of a large JSON object, one by one. Definition: RFC 8259.
 *
 * A state machine over bytes finds where each item starts and ends; the item's own text is then parsed by JSON.parse, which
 * checks it. Text between items is checked by the machine itself. Memory: one chunk plus one item (at most 16 MB).
 */
import { FormatError } from '../../common/errors.ts';
import { decodeUtf8 } from './utf8.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface JsonItem {
  /** Key of the list at the top level. */
  readonly section: string;
  /** The item; absent once per wanted list, when it opens. */
  readonly value?: Json;
  /** Byte offset of the item. */
  readonly offset: number;
}

const MAX_ITEM_BYTES = 2 ** 24;
const MAX_DEPTH = 64;
const [OBJECT, OBJECT_END, LIST, LIST_END, QUOTE, BACKSLASH, COMMA, COLON] = [0x7b, 0x7d, 0x5b, 0x5d, 0x22, 0x5c, 0x2c, 0x3a] as const;

const isSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

/** Pulls bytes across chunk borders and remembers the ones of the value being read. */
class Scanner {
  readonly file: string;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();
  #at = 0;
  #before = 0;

  constructor(chunks: AsyncIterable<Uint8Array>, file: string) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.file = file;
  }

  get offset(): number { return this.#before + this.#at; }

  error(expected: string, found: string): FormatError {
    return new FormatError({ file: this.file, offset: this.offset, expected, found, fix: 'The file is damaged or was cut off; download it again.' });
  }

  /** Makes the byte at the cursor available; false at the end of the file. */
  async #fill(): Promise<boolean> {
    while (this.#at >= this.#chunk.length) {
      const next = await this.#chunks.next();
      if (next.done === true) return false;
      this.#before += this.#chunk.length;
      this.#chunk = next.value;
      this.#at = 0;
    }
    return true;
  }

  /** The next byte that is not white space, without consuming it; -1 at the end. */
  async peek(): Promise<number> {
    for (;;) {
      while (this.#at < this.#chunk.length) {
        const code = this.#chunk[this.#at] ?? 0;
        if (!isSpace(code)) return code;
        this.#at++;
      }
      if (!(await this.#fill())) return -1;
    }
  }

  /** Consumes the next byte that is not white space; it must be one of `allowed`. */
  async take(allowed: readonly number[], what: string): Promise<number> {
    const code = await this.peek();
    if (!allowed.includes(code)) throw this.error(what, code < 0 ? 'the end of the file' : JSON.stringify(String.fromCharCode(code)));
    this.#at++;
    return code;
  }

  /** The text of one whole value. Step 1: find its end by depth and quotes. Step 2: join the pieces. */
  async value(): Promise<string> {
    const start = this.offset;
    const first = await this.peek();
    const pieces: Uint8Array[] = [];
    let length = 0;
    let depth = 0;
    let inText = false;
    let escaped = false;
    const compound = first === OBJECT || first === LIST || first === QUOTE;
    for (let done = false; !done;) {
      if (!(await this.#fill())) {
        if (!compound && length > 0) break;
        throw this.error('a value', 'the end of the file');
      }
      const from = this.#at;
      const chunk = this.#chunk;
      let at = from;
      for (; at < chunk.length && !done; at++) {
        const code = chunk[at] ?? 0;
        if (inText) {
          if (escaped) escaped = false;
          else if (code === BACKSLASH) escaped = true;
          else if (code === QUOTE) { inText = false; done = depth === 0; }
        } else if (!compound && (code === COMMA || code === OBJECT_END || code === LIST_END || isSpace(code))) {
          done = true;
          break;
        } else if (code === QUOTE) {
          inText = true;
        } else if (code === OBJECT || code === LIST) {
          depth += 1;
          if (depth > MAX_DEPTH) throw this.error(`nesting of at most ${MAX_DEPTH}`, 'more');
        } else if (code === OBJECT_END || code === LIST_END) {
          depth -= 1;
          done = depth === 0;
        }
      }
      pieces.push(chunk.subarray(from, at));
      length += at - from;
      if (length > MAX_ITEM_BYTES) throw this.error(`items of at most ${MAX_ITEM_BYTES} bytes`, 'a longer one');
      this.#at = at;
    }
    return decodeUtf8(Buffer.concat(pieces), this.file, start);
  }

  async parsed(): Promise<Json> {
    const at = this.offset;
    const text = await this.value();
    try {
      return JSON.parse(text) as Json;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new FormatError({ file: this.file, offset: at, expected: 'JSON', found: JSON.stringify(text.slice(0, 60)), fix: 'The file is damaged or was cut off; download it again.' });
    }
  }
}

/**
 * Walks `{ "a": [item, ...], "b": ..., ... }` and yields the items of the wanted lists in file order.
 * Throws `FormatError` for text that is not such an object, for a key that stands twice, and if a wanted key is not a list.
 */
export async function* readJsonItems(chunks: AsyncIterable<Uint8Array>, name: string, wanted: readonly string[]): AsyncGenerator<JsonItem> {
  const scanner = new Scanner(chunks, name);
  const seen = new Set<string>();
  await scanner.take([OBJECT], 'a JSON object');
  let open = (await scanner.peek()) !== OBJECT_END;
  if (!open) await scanner.take([OBJECT_END], '}');
  while (open) {
    if ((await scanner.peek()) !== QUOTE) throw scanner.error('a key', 'something else');
    const key = await scanner.parsed();
    if (typeof key !== 'string' || seen.has(key)) throw scanner.error('every key once', JSON.stringify(key));
    seen.add(key);
    await scanner.take([COLON], '":" after a key');
    const isWanted = wanted.includes(key);
    if (isWanted || (await scanner.peek()) === LIST) yield* readList(scanner, key, isWanted);
    else await scanner.parsed();
    open = (await scanner.take([COMMA, OBJECT_END], '"," or "}"')) === COMMA;
  }
  const after = await scanner.peek();
  if (after >= 0) throw scanner.error('the end of the file', JSON.stringify(String.fromCharCode(after)));
}

async function* readList(scanner: Scanner, section: string, isWanted: boolean): AsyncGenerator<JsonItem> {
  await scanner.take([LIST], `a list "${section}"`);
  if (isWanted) yield { section, offset: scanner.offset };
  if ((await scanner.peek()) === LIST_END) { await scanner.take([LIST_END], ']'); return; }
  for (let more = true; more;) {
    await scanner.peek();
    const offset = scanner.offset;
    const value = await scanner.parsed();
    if (isWanted) yield { section, value, offset };
    more = (await scanner.take([COMMA, LIST_END], '"," or "]"')) === COMMA;
  }
}
