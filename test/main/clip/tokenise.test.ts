import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadTokeniser, makeTokeniser } from '../../../main/clip/tokenise.ts';

const folder = fileURLToPath(new URL('../../golden/clip', import.meta.url));
interface Case { readonly text: string; readonly ids: readonly number[]; readonly padded: readonly number[] }
const golden = JSON.parse(readFileSync(`${folder}/tokens.json`, 'utf8')) as { readonly context: number; readonly cases: readonly Case[] };
const tokeniser = await loadTokeniser(folder);

describe('ids are those of transformers', () => {
  it.each(golden.cases.map((entry) => [JSON.stringify(entry.text).slice(0, 60), entry] as const))('%s', (_, entry) => {
    expect([tokeniser.startId, ...tokeniser.encode(entry.text), tokeniser.endId]).toEqual(entry.ids);
    const batch = tokeniser.batch([entry.text], golden.context);
    expect(batch.shape).toEqual([1, golden.context]);
    expect(Array.from(batch.data, Number)).toEqual(entry.padded);
  });

  it('and the list covers more than fifty texts', () => expect(golden.cases.length).toBeGreaterThan(50));
});

it('the demo pack\'s tokeniser gives the ids that trained it', async () => {
  const demo = await loadTokeniser(fileURLToPath(new URL('../../../resources/models/demo/tokenizer', import.meta.url)));
  const cases = JSON.parse(readFileSync(new URL('../../golden/modelpack/networks.json', import.meta.url), 'utf8')) as { caption: string; ids: number[]; emptyIds: number[]; words: Record<string, number[]> };
  expect(Array.from(demo.batch([cases.caption, ''], cases.ids.length).data, Number)).toEqual([...cases.ids, ...cases.emptyIds]);
  for (const [word, ids] of Object.entries(cases.words)) expect([demo.startId, ...demo.encode(word), demo.endId], word).toEqual(ids);
});

it('a vocabulary that does not belong to the merges is named, not padded over', () => {
  const small = makeTokeniser({ vocabulary: { '<s>': 0, '</s>': 1, 'a</w>': 2 }, merges: [], start: '<s>', end: '</s>', pad: '</s>' });
  expect(small.encode('A')).toEqual([2]);
  expect(() => small.encode('b')).toThrow(/no token "b<\/w>"/);
});
