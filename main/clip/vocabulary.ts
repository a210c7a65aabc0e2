/**
 * Whether a vocabulary and its merges belong together and are whole.
 *
 * A byte-pair vocabulary is built from its merges (openai/CLIP, simple_tokenizer): a symbol for each byte, one more for each byte that ends a word, the
 * product of every merge, and the special tokens; 256 + 256 + 48894 + 2 = 49408 in CLIP. Each file therefore says what the other must hold. A merges.txt
 * that ends early is still a list of merges, and gives other ids for most words: only its vocabulary tells.
 */
import { UserError } from '../../common/errors.ts';
import { byteLetters, END_OF_WORD } from './byte-letters.ts';

export interface Vocabulary {
  /** Token -> id. */
  readonly tokens: Readonly<Record<string, number>>;
  readonly tokensFile: string;
  readonly merges: readonly (readonly [string, string])[];
  readonly mergesFile: string;
  /** Tokens that no merge makes: start, end, padding, and whatever else the tokenizer's files name as added. */
  readonly special: ReadonlySet<string>;
  /** Rows of the text network's table of token embeddings; null where it is not known. */
  readonly rows: number | null;
}

const TOGETHER = 'Copy vocab.json and merges.txt again, both from the model that the text encoder comes from.';

function wrong(file: string, expected: string, found: string, fix = TOGETHER): UserError {
  return new UserError('model-missing', `${file}: expected ${expected}, found ${found}`, { file, expected, found, fix });
}

/** Ids are whole numbers from 0, one for each token, and rows of the table. */
function checkIds({ tokens, tokensFile, rows }: Vocabulary): void {
  const holder = new Map<number, string>();
  for (const [token, id] of Object.entries(tokens)) {
    if (!Number.isInteger(id) || id < 0) throw wrong(tokensFile, `a whole number from 0 as the id of "${token}"`, String(id));
    const other = holder.get(id);
    if (other !== undefined) throw wrong(tokensFile, 'an id of its own for every token', `id ${id} for "${other}" and for "${token}"`);
    holder.set(id, token);
  }
  if (rows === null) return;
  const beyond = [...holder].filter(([id]) => id >= rows).sort(([a], [b]) => a - b), [first] = beyond;
  if (first === undefined) return;
  throw wrong(tokensFile, `ids below ${rows}, the rows of the text encoder's table of tokens`, `id ${first[0]} for "${first[1]}"${others(beyond.length - 1, 'more that is too high', 'more that are too high')}`,
    'Take tokenizer and text encoder from the same model; an export made before tokens were added has too small a table.');
}

function others(count: number, one: string, many: string): string {
  return count < 1 ? '' : ` and ${count} ${count === 1 ? one : many}`;
}

/** Throws UserError (`model-missing`) that names the file, the first token that is wrong, and how many there are. */
export function checkVocabulary(vocabulary: Vocabulary): void {
  const { tokens, tokensFile, merges, mergesFile, special } = vocabulary, idOf = new Map(Object.entries(tokens));
  checkIds(vocabulary);
  // 1. Every byte has its two symbols: without one, a text somewhere among thousands of captions cannot be encoded.
  const symbols = new Set(byteLetters().flatMap((letter) => [letter, letter + END_OF_WORD])), absent = [...symbols].filter((symbol) => !idOf.has(symbol));
  if (absent.length > 0) throw wrong(tokensFile, `the ${symbols.size} symbols of a byte-level vocabulary`, `no "${absent[0] ?? ''}"${others(absent.length - 1, 'other', 'others')}`);
  // 2. What merges read and make is in the vocabulary (as Hugging Face tokenizers asks of one that it loads).
  for (const [at, [left, right]] of merges.entries()) {
    const lost = [left, right, left + right].find((token) => !idOf.has(token));
    if (lost !== undefined) throw wrong(tokensFile, `every token of merge ${at + 1} of ${merges.length} in ${mergesFile === tokensFile ? 'the list' : 'merges.txt'}, "${left} ${right}"`, `no "${lost}"`);
  }
  // 3. And what is longer than a symbol is made by a merge.
  const made = new Set(merges.map(([left, right]) => left + right)), longer = [...idOf].filter(([token]) => !symbols.has(token) && !special.has(token));
  const orphans = longer.filter(([token]) => !made.has(token)).sort(([, a], [, b]) => a - b), [first] = orphans;
  if (first === undefined) return;
  const last = longer.reduce((most, [token, id]) => (made.has(token) ? Math.max(most, id) : most), -1);
  throw wrong(mergesFile, `a merge for each of the ${longer.length} tokens of the vocabulary that are longer than one byte`,
    `${merges.length} merges, none of which makes "${first[0]}" (id ${first[1]})${others(orphans.length - 1, 'other token', 'other tokens')}${first[1] > last ? '; the end of the list is missing' : ''}`);
}
