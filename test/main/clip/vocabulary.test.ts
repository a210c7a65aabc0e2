/** Vocabularies and merges that do not belong together, or are cut short, and all that do belong together. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../../common/errors.ts';
import { ndarray } from '../../../common/ndarray.ts';
import type { DType } from '../../../common/ndarray.ts';
import { random } from '../../../common/random.ts';
import { tokenRows } from '../../../main/clip/token-table.ts';
import { loadTokeniser } from '../../../main/clip/tokenise.ts';
import { checkVocabulary } from '../../../main/clip/vocabulary.ts';
import type { Vocabulary } from '../../../main/clip/vocabulary.ts';
import { graphBuilder } from '../../../main/onnx/build.ts';
import type { Ref } from '../../../main/onnx/build.ts';
import { readModel } from '../../../main/onnx/protobuf/read.ts';

const SEED = 20261128;
const file = (at: string): string => fileURLToPath(new URL(`../../../${at}`, import.meta.url));
const GOLDEN = file('test/golden/clip'), DEMO = file('resources/models/demo/tokenizer');

type Merge = readonly [string, string];

/** 256 symbols that no rule of ours made: the letters that the golden vocabulary, written by transformers' rule, begins with. */
const LETTERS = Object.entries(JSON.parse(readFileSync(`${GOLDEN}/vocab.json`, 'utf8')) as Record<string, number>).filter(([, id]) => id < 256).map(([token]) => token);

/** A vocabulary of `size` tokens as openai/CLIP builds its own (bytes, bytes that end a word, products, specials), of merges drawn at random. */
function built(size: number): Vocabulary {
  const source = random(SEED), all = [...LETTERS, ...LETTERS.map((letter) => `${letter}</w>`)], known = new Set(all), merges: Merge[] = [], pick = (): string => all[Math.floor(source.uniform() * all.length)] ?? '';
  while (all.length < size - 2) {
    const left = pick(), right = pick();
    if (left.endsWith('</w>') || left.length + right.length > 12 || known.has(left + right)) continue;
    merges.push([left, right]);
    known.add(left + right);
    all.push(left + right);
  }
  all.push('<|startoftext|>', '<|endoftext|>');
  return { tokens: Object.fromEntries(all.map((token, id) => [token, id])), tokensFile: 'vocab.json', merges, mergesFile: 'merges.txt', special: new Set(all.slice(-2)), rows: size };
}

const CLIP_SIZE = 49408, SIZE = 3000, MERGES = SIZE - 514, whole = built(SIZE);
const without = (tokens: Vocabulary['tokens'], lost: string): Vocabulary['tokens'] => Object.fromEntries(Object.entries(tokens).filter(([token]) => token !== lost));
const lastMerge = whole.merges.at(-1) ?? ['', ''], lastToken = lastMerge.join('');

describe('whole vocabularies pass', () => {
  it('of CLIP\'s size', () => {
    expect(LETTERS).toHaveLength(256);
    const clip = built(CLIP_SIZE);
    expect([Object.keys(clip.tokens).length, clip.merges.length]).toEqual([CLIP_SIZE, 48894]);
    expect(() => { checkVocabulary(clip); }).not.toThrow();
    expect(() => { checkVocabulary({ ...clip, merges: clip.merges.slice(0, -1) }); }).toThrow(/each of the 48894 tokens .* found 48893 merges/);
  });

  it('with more rows than tokens, as padded tables have, and with rows that nobody knows', () => {
    for (const rows of [SIZE + 64, null]) expect(() => { checkVocabulary({ ...whole, rows }); }).not.toThrow();
  });

  it('with tokens that were added and are named', () => {
    const tokens = { ...whole.tokens, '<cat-toy>': SIZE };
    expect(() => { checkVocabulary({ ...whole, tokens, rows: null, special: new Set([...whole.special, '<cat-toy>']) }); }).not.toThrow();
    expect(() => { checkVocabulary({ ...whole, tokens, rows: null }); }).toThrow(/none of which makes "<cat-toy>"/);
  });
});

/** What is wrong, the file that is named, and the words. */
const WRONG: readonly (readonly [string, Partial<Vocabulary>, string, RegExp])[] = [
  ['one merge short', { merges: whole.merges.slice(0, -1) }, 'merges.txt', new RegExp(`each of the ${MERGES} tokens .* found ${MERGES - 1} merges, none of which makes "[^ ]+" \\(id ${SIZE - 3}\\); the end of the list is missing$`)],
  ['half of the merges', { merges: whole.merges.slice(0, MERGES / 2) }, 'merges.txt', /found 1243 merges, .* and 1242 other tokens; the end of the list is missing$/],
  ['no merges', { merges: [] }, 'merges.txt', /found 0 merges, .* and 2485 other tokens; the end of the list is missing$/],
  ['a merge lost in the middle', { merges: whole.merges.toSpliced(1000, 1) }, 'merges.txt', /found 2485 merges, none of which makes "[^ ]+" \(id 1512\)$/],
  ['a vocabulary one token short', { tokens: without(whole.tokens, lastToken) }, 'vocab.json', /every token of merge 2486 of 2486 in merges\.txt, .* found no "/],
  ['a vocabulary without a byte', { tokens: without(whole.tokens, 'q') }, 'vocab.json', /the 512 symbols of a byte-level vocabulary, found no "q"$/],
  ['an id that two tokens share', { tokens: { ...whole.tokens, [lastToken]: 7 } }, 'vocab.json', /an id of its own for every token, found id 7 for "/],
  ['a negative id', { tokens: { ...whole.tokens, [lastToken]: -1 } }, 'vocab.json', /a whole number from 0 as the id of .* found -1$/],
  ['half an id', { tokens: { ...whole.tokens, [lastToken]: 0.5 } }, 'vocab.json', /found 0\.5$/],
  ['a table that is too small', { rows: SIZE - 1 }, 'vocab.json', /ids below 2999, the rows of the text encoder's table of tokens, found id 2999 for "<\|endoftext\|>"$/],
  ['a table of another model', { rows: 1000 }, 'vocab.json', /ids below 1000, .* and 1999 more that are too high$/],
];

describe('what is not whole is refused', () => {
  it.each(WRONG)('%s', (_, change, named, words) => {
    let caught: unknown = null;
    try { checkVocabulary({ ...whole, ...change }); } catch (error) { caught = error; }
    expect(caught).toBeInstanceOf(UserError);
    if (!(caught instanceof UserError)) return;
    expect(caught.message).toMatch(words);
    expect([caught.kind, caught.detail.file]).toEqual(['model-missing', named]);
    expect(caught.detail).toMatchObject({ expected: expect.any(String) as string, found: expect.any(String) as string, fix: expect.stringMatching(/^(Copy|Take) /) as string });
  });

  it('whichever single merge is missing from a small list', () => {
    const small = built(700);
    for (let lost = 0; lost < small.merges.length; lost++) expect(() => { checkVocabulary({ ...small, merges: small.merges.toSpliced(lost, 1) }); }, `merge ${lost}`).toThrow(/merges\.txt|vocab\.json/);
  });
});

describe('files', () => {
  let folder = '';
  beforeAll(async () => { folder = await mkdtemp(path.join(tmpdir(), 'vocabulary-')); });
  afterAll(async () => { await rm(folder, { recursive: true, force: true }); });
  const NAMES = ['vocab.json', 'merges.txt', 'special_tokens_map.json'] as const;
  const put = async (from: string, changed: Partial<Record<(typeof NAMES)[number] | 'added_tokens.json', string>>): Promise<void> => {
    for (const name of NAMES) await writeFile(path.join(folder, name), changed[name] ?? readFileSync(path.join(from, name), 'utf8'));
    await writeFile(path.join(folder, 'added_tokens.json'), changed['added_tokens.json'] ?? '{}');
  };

  it.each([['of the goldens', GOLDEN], ['of the demo pack', DEMO]])('merges.txt %s cut after any line, or inside one', async (_, from) => {
    const merges = readFileSync(path.join(from, 'merges.txt'), 'utf8'), source = random(SEED), ends = [...merges.matchAll(/\n/g)].map(({ index }) => index + 1).filter((end) => end < merges.trimEnd().length);
    const cuts = [...Array.from({ length: 8 }, () => ends[Math.floor(source.uniform() * ends.length)] ?? 0), ends.at(-1) ?? 0, ...Array.from({ length: 8 }, () => Math.floor(source.uniform() * (merges.trimEnd().length - 1))), merges.trimEnd().length - 1];
    for (const cut of cuts) {
      await put(from, { 'merges.txt': merges.slice(0, cut) });
      await expect(loadTokeniser(folder), `${cut} of ${merges.length} bytes, seed ${SEED}`).rejects.toThrow(/merges\.txt|vocab\.json/);
    }
    await put(from, { 'merges.txt': merges.trimEnd() });
    await expect(loadTokeniser(folder)).resolves.toMatchObject({ startId: expect.any(Number) as number });
  });

  it('vocab.json with a key written twice, or a special token too few', async () => {
    const vocab = readFileSync(path.join(GOLDEN, 'vocab.json'), 'utf8');
    await put(GOLDEN, { 'vocab.json': `${vocab.trimEnd().slice(0, -1)}, "zz": 5}` });
    await expect(loadTokeniser(folder)).rejects.toThrow(/an id of its own for every token, found id 5/);
    await put(GOLDEN, { 'vocab.json': JSON.stringify(without(JSON.parse(vocab) as Record<string, number>, '<|endoftext|>')) });
    await expect(loadTokeniser(folder)).rejects.toThrow(/vocab\.json: expected an id for the special token "<\|endoftext\|>"/);
  });

  it('and tokens that added_tokens.json names', async () => {
    const vocab = { ...JSON.parse(readFileSync(path.join(GOLDEN, 'vocab.json'), 'utf8')) as Record<string, number>, '<cat-toy>': 818 };
    await put(GOLDEN, { 'vocab.json': JSON.stringify(vocab) });
    await expect(loadTokeniser(folder)).rejects.toThrow(/<cat-toy>/);
    await put(GOLDEN, { 'vocab.json': JSON.stringify(vocab), 'added_tokens.json': '{"<cat-toy>": 818}' });
    await expect(loadTokeniser(folder, 819)).resolves.toMatchObject({ endId: 817 });
    await expect(loadTokeniser(folder, 818)).rejects.toThrow(/ids below 818/);
  });
});

describe('the table of tokens in a text network', () => {
  it('is found in the demo pack, which has a row for each token', () => {
    const at = file('resources/models/demo/text_encoder/model.onnx');
    expect(tokenRows(readModel(readFileSync(at), at), 'input_ids')).toBe(Object.keys(JSON.parse(readFileSync(path.join(DEMO, 'vocab.json'), 'utf8')) as object).length);
  });

  const table = (dtype: DType) => (dtype === 'float16' ? ndarray('float16', [11, 4], new Uint16Array(44)) : ndarray('float32', [11, 4], new Float32Array(44)));
  const build = (read: (b: ReturnType<typeof graphBuilder>, ids: Ref) => Ref): ReturnType<typeof tokenRows> => {
    const b = graphBuilder('text'), ids = b.input('ids', 'int64', ['texts', 5]);
    b.output(read(b, ids), 'states');
    return tokenRows(b.build(), 'ids');
  };
  it.each<[string, Parameters<typeof build>[0], number | null]>([
    ['read at once', (b, ids) => b.node('Gather', [b.constant(table('float32')), ids], { axis: 0 }), 11],
    ['through a cast and a reshape, from half precision', (b, ids) => b.node('Gather', [b.cast(b.constant(table('float16')), 'float32'), b.cast(b.reshape(ids, [-1, 5]), 'int32')], { axis: 0 }), 11],
    ['beside a table of places, which is not picked by ids', (b, ids) => b.add(b.node('Gather', [b.constant(table('float32')), ids], { axis: 0 }), b.node('Gather', [b.constant(ndarray('float32', [5, 4], new Float32Array(20))), b.integers([0, 1, 2, 3, 4])], { axis: 0 })), 11],
    ['not at all', (b, ids) => b.cast(ids, 'float32'), null],
  ])('%s', (_, read, rows) => { expect(build(read)).toBe(rows); });
});
