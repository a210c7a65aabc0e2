/**
 * The CLIP tokeniser: byte-level byte-pair encoding with end-of-word marks.
 *
 * Source: Radford et al. 2021 (openai/CLIP, simple_tokenizer) in the form that Hugging Face transformers runs, whose ids are the golden
 * values. Like transformers, it does not repair mis-decoded text or HTML entities, which the original does first.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../common/errors.ts';
import { ndarray } from '../../common/ndarray.ts';
import type { NdArray } from '../../common/ndarray.ts';
import { byteLetters, END_OF_WORD } from './byte-letters.ts';
import { checkVocabulary } from './vocabulary.ts';

export interface TokeniserFiles {
  /** Token -> id. */
  readonly vocabulary: Readonly<Record<string, number>>;
  /** Pairs in the order in which they are merged. */
  readonly merges: readonly (readonly [string, string])[];
  readonly start: string;
  readonly end: string;
  /** What fills the rest; Stable Diffusion v1 pads with the end token. */
  readonly pad: string;
}

export interface Tokeniser {
  readonly startId: number;
  readonly endId: number;
  readonly padId: number;
  /** Ids of one text between start and end, of any length. */
  encode(text: string): readonly number[];
  /** int64 `[texts, length]`: start, text, end, padding. Longer texts lose their last tokens, never the end token. */
  batch(texts: readonly string[], length: number): NdArray<'int64'>;
}

/** Contractions, runs of letters, single digits, runs of anything else. */
const WORDS = /'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\p{White_Space}\p{L}\p{N}]+/gu;

/** Letter by letter, so that a final sigma is not treated by context. */
function lower(text: string): string {
  return Array.from(text, (letter) => letter.toLowerCase()).join('');
}

export function makeTokeniser(files: TokeniserFiles): Tokeniser {
  const letters = byteLetters(), bytes = new TextEncoder(), known = new Map<string, readonly number[]>();
  const rank = new Map(files.merges.map(([left, right], i) => [`${left} ${right}`, i] as const));
  const idOf = (token: string): number => {
    const id = files.vocabulary[token];
    if (id === undefined) throw new UserError('model-missing', `the tokenizer has no token "${token}"`, { expected: `"${token}" in vocab.json`, found: 'no such token', fix: 'Take vocab.json and merges.txt from the same model.' });
    return id;
  };
  const [startId, endId, padId] = [idOf(files.start), idOf(files.end), idOf(files.pad)];
  const special = new Map([[files.start, startId], [files.end, endId]]);

  /** Merges the pair of lowest rank, everywhere, until no pair is known. */
  const encodeWord = (word: string): readonly number[] => {
    const held = known.get(word);
    if (held !== undefined) return held;
    let parts = Array.from(bytes.encode(word), (byte) => letters[byte] ?? '');
    parts = [...parts.slice(0, -1), (parts.at(-1) ?? '') + END_OF_WORD];
    while (parts.length > 1) {
      let best = Infinity, left = '', right = '';
      for (let i = 0; i + 1 < parts.length; i++) {
        const found = rank.get(`${parts[i] ?? ''} ${parts[i + 1] ?? ''}`) ?? Infinity;
        if (found < best) [best, left, right] = [found, parts[i] ?? '', parts[i + 1] ?? ''];
      }
      if (best === Infinity) break;
      const merged: string[] = [];
      for (let i = 0; i < parts.length; i++) {
        const pair = parts[i] === left && parts[i + 1] === right;
        merged.push(pair ? left + right : (parts[i] ?? ''));
        if (pair) i++;
      }
      parts = merged;
    }
    const ids = parts.map(idOf);
    known.set(word, ids);
    return ids;
  };

  /** The two special tokens are recognised as they are written, before anything else. */
  const encode = (text: string): readonly number[] => {
    const ids: number[] = [];
    let rest = text;
    while (rest !== '') {
      const found = [...special].map(([token, id]) => ({ token, id, at: rest.indexOf(token) })).filter(({ at }) => at >= 0).sort((a, b) => a.at - b.at)[0];
      const plain = found === undefined ? rest : rest.slice(0, found.at);
      for (const word of lower(plain.normalize('NFC')).match(WORDS) ?? []) ids.push(...encodeWord(word));
      if (found === undefined) break;
      ids.push(found.id);
      rest = rest.slice(found.at + found.token.length);
    }
    return ids;
  };

  return {
    startId, endId, padId, encode,
    batch: (texts, length) => {
      if (!Number.isInteger(length) || length < 2) throw new RangeError(`a text needs at least 2 tokens, got ${length}`);
      const data = new BigInt64Array(texts.length * length).fill(BigInt(padId));
      texts.forEach((text, row) => {
        const ids = [startId, ...encode(text).slice(0, length - 2), endId];
        ids.forEach((id, i) => { data[row * length + i] = BigInt(id); });
      });
      return ndarray('int64', [texts.length, length], data);
    },
  };
}

function broken(file: string, expected: string, found: string): UserError {
  return new UserError('model-missing', `${file}: expected ${expected}, found ${found}`, { file, expected, found, fix: 'Take vocab.json and merges.txt from the same CLIP model.' });
}

async function text(file: string): Promise<string> {
  try { return await readFile(file, 'utf8'); } catch (cause) {
    throw broken(file, 'a file of a CLIP tokenizer', cause instanceof Error ? cause.message : 'no file');
  }
}

function json(content: string, file: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try { value = JSON.parse(content); } catch (cause) { throw broken(file, 'JSON', cause instanceof Error ? cause.message : 'other text'); }
  if (typeof value !== 'object' || value === null) throw broken(file, 'a JSON object', typeof value);
  return value as Readonly<Record<string, unknown>>;
}

/** A special token, written as text or as `{ "content": text }`. */
function specialToken(table: Readonly<Record<string, unknown>>, key: string, file: string): string {
  const value = table[key], content = typeof value === 'object' && value !== null && 'content' in value ? value.content : value;
  if (typeof content !== 'string') throw broken(file, `a text as ${key}`, value === undefined ? 'nothing' : JSON.stringify(value));
  return content;
}

/** A pair of merges, as text with a space or as a list of two. */
function pairOf(entry: unknown, file: string): readonly [string, string] {
  const parts: readonly unknown[] = typeof entry === 'string' ? entry.trimEnd().split(' ') : Array.isArray(entry) ? entry : [];
  const [left, right] = parts;
  if (parts.length !== 2 || typeof left !== 'string' || typeof right !== 'string' || left === '' || right === '') throw broken(file, 'two tokens a merge', JSON.stringify(entry));
  return [left, right];
}

/** Every text of a table of special tokens: the tokens themselves, and those in lists. */
function textsOf(table: Readonly<Record<string, unknown>>): string[] {
  return Object.values(table).flat().flatMap((value: unknown) => {
    const content = typeof value === 'object' && value !== null && 'content' in value ? value.content : value;
    return typeof content === 'string' ? [content] : [];
  });
}

/** Token -> id of a table. */
function idsOf(table: object, file: string): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(table).map(([token, id]: [string, unknown]) => { if (typeof id !== 'number') throw broken(file, `a whole number for "${token}"`, JSON.stringify(id)); return [token, id] as const; }));
}

/** What the files hold, checked to belong together. */
function checked(files: Pick<TokeniserFiles, 'vocabulary' | 'merges'>, tokens: Readonly<Record<string, unknown>>, at: { readonly vocabulary: string; readonly merges: string; readonly special: string; readonly added: Iterable<string>; readonly rows: number | null }): Tokeniser {
  const special = { start: specialToken(tokens, 'bos_token', at.special), end: specialToken(tokens, 'eos_token', at.special), pad: specialToken(tokens, 'pad_token', at.special) };
  for (const token of Object.values(special)) if (files.vocabulary[token] === undefined) throw broken(at.vocabulary, `an id for the special token "${token}" of ${path.basename(at.special)}`, 'no such token');
  checkVocabulary({ tokens: files.vocabulary, tokensFile: at.vocabulary, merges: files.merges, mergesFile: at.merges, special: new Set([...textsOf(tokens), ...at.added]), rows: at.rows });
  return makeTokeniser({ ...files, ...special });
}

/** `tokenizer.json` of newer libraries: vocabulary and merges in one file, special tokens in `tokenizer_config.json`. */
async function loadOneFile(folder: string, rows: number | null): Promise<Tokeniser> {
  const file = path.join(folder, 'tokenizer.json'), configFile = path.join(folder, 'tokenizer_config.json');
  const whole = json(await text(file), file), special = json(await text(configFile), configFile), model = whole['model'];
  if (typeof model !== 'object' || model === null || !('vocab' in model) || !('merges' in model) || !Array.isArray(model.merges)) throw broken(file, 'a byte-pair model with vocab and merges', 'another tokenizer');
  if (typeof model.vocab !== 'object' || model.vocab === null) throw broken(file, 'a table as vocab', typeof model.vocab);
  const added: Record<string, number> = {};
  for (const entry of Array.isArray(whole['added_tokens']) ? whole['added_tokens'] as readonly unknown[] : []) if (typeof entry === 'object' && entry !== null && 'content' in entry && 'id' in entry && typeof entry.content === 'string' && typeof entry.id === 'number') added[entry.content] = entry.id;
  const merges = model.merges.map((entry: unknown) => pairOf(entry, file));
  return checked({ vocabulary: { ...added, ...idsOf(model.vocab, file) }, merges }, special, { vocabulary: file, merges: file, special: configFile, added: Object.keys(added), rows });
}

/**
 * Reads `vocab.json`, `merges.txt` and `special_tokens_map.json` of a tokenizer folder, or `tokenizer.json` where that is all there is. `rows`: of the text
 * network's table of tokens, where they are known (`token-table.ts`). Throws `UserError` (`model-missing`) for what is absent, cut short, or of another model
 * (`vocabulary.ts`).
 */
export async function loadTokeniser(folder: string, rows: number | null = null): Promise<Tokeniser> {
  if (!existsSync(path.join(folder, 'vocab.json')) && existsSync(path.join(folder, 'tokenizer.json'))) return loadOneFile(folder, rows);
  const [vocabFile, mergesFile, specialFile, addedFile] = ['vocab.json', 'merges.txt', 'special_tokens_map.json', 'added_tokens.json'].map((name) => path.join(folder, name)) as [string, string, string, string];
  const [vocab, merges, special] = await Promise.all([text(vocabFile), text(mergesFile), text(specialFile)]);
  const vocabulary = idsOf(json(vocab, vocabFile), vocabFile), tokens = json(special, specialFile), added = existsSync(addedFile) ? json(await text(addedFile), addedFile) : {};
  const lines = merges.split('\n').filter((line, i) => line !== '' && !(i === 0 && line.startsWith('#version')));
  const pairs = lines.map((line): readonly [string, string] => {
    const [left = '', right = '', ...more] = line.trimEnd().split(' ');
    if (left === '' || right === '' || more.length > 0) throw broken(mergesFile, 'two tokens a line', `"${line}"`);
    return [left, right];
  });
  return checked({ vocabulary, merges: pairs }, tokens, { vocabulary: vocabFile, merges: mergesFile, special: specialFile, added: Object.keys(added), rows });
}
