import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ndarray, rows } from '../../../common/ndarray.ts';
import { encodeCaptions, encodeImages, encodeTexts } from '../../../main/clip/encode.ts';
import { preprocess } from '../../../main/clip/preprocess.ts';
import { loadTokeniser } from '../../../main/clip/tokenise.ts';
import type { Tokeniser } from '../../../main/clip/tokenise.ts';
import { openPack, openRole } from '../../../main/runtime/models.ts';
import type { Pack } from '../../../main/runtime/models.ts';
import type { Session } from '../../../main/runtime/session.ts';
import { expectClose } from '../../support/close.ts';

const DEMO = fileURLToPath(new URL('../../../resources/models/demo', import.meta.url));
const golden = JSON.parse(readFileSync(new URL('../../golden/modelpack/networks.json', import.meta.url), 'utf8')) as {
  readonly caption: string; readonly networks: { readonly text_encoder: { readonly last_hidden_state: { readonly at: readonly number[]; readonly values: readonly number[] } } };
};
/** float32 sums in another order than PyTorch's, values of order one. */
const AGREEMENT = { absolute: 1e-3, relative: 1e-3 };

let pack: Pack, text: Session, image: Session, tokeniser: Tokeniser;
beforeAll(async () => {
  pack = await openPack(DEMO);
  [text, image, tokeniser] = await Promise.all([openRole(pack, 'textEncoder', { threads: 1 }), openRole(pack, 'imageEncoder', { threads: 1 }), loadTokeniser(`${DEMO}/${pack.tokenizer}`)]);
});
afterAll(async () => { await Promise.all([text.release(), image.release()]); });

it('a caption\'s states are PyTorch\'s, alone or in a batch', async () => {
  const { at, values } = golden.networks.text_encoder.last_hidden_state, role = pack.roles.textEncoder;
  const states = await encodeTexts(text, role, tokeniser, ['', golden.caption, 'a red ball'], pack.contextLength, { batch: 2 });
  expect(states.shape).toEqual([3, pack.contextLength, role.width]);
  const own = rows(states, 1, 2).data;
  expectClose(at.map((k) => own[k] ?? Number.NaN), values, AGREEMENT);
});

it('captions of an image are encoded alone and averaged token by token', async () => {
  const role = pack.roles.textEncoder, texts = ['a red ball', 'a blue cube on sand'];
  const mean = await encodeCaptions(text, role, tokeniser, [texts, ['a red ball']], pack.contextLength);
  const each = await encodeTexts(text, role, tokeniser, texts, pack.contextLength);
  const [first, second] = [rows(each, 0, 1).data, rows(each, 1, 2).data];
  expectClose(rows(mean, 0, 1).data, first.map((value, k) => (value + (second[k] ?? 0)) / 2), { absolute: 1e-5 });
  expectClose(rows(mean, 1, 2).data, first, { absolute: 1e-5 });
  // The start token sees nothing else: its state is the same for every caption (method.md 1.3).
  expectClose(second.subarray(0, role.width), first.subarray(0, role.width), { absolute: 1e-5 });
  await expect(encodeCaptions(text, role, tokeniser, [['a'], []], pack.contextLength)).rejects.toThrow(/image 1 of the list has no caption/);
});

it('pictures give every tap and the embedding, in order, whatever the batch', async () => {
  const side = 100, pictures = ndarray('uint8', [3, side, side, 3], Uint8Array.from({ length: 3 * side * side * 3 }, (_, k) => (k * 13 + (k >> 7)) % 256));
  const role = pack.roles.imageEncoder, done: number[] = [];
  const features = await encodeImages(image, role, pack.taps, pictures, { batch: 2, progress: (n) => { done.push(n); } });
  expect(done).toEqual([2, 3]);
  expect(features.taps.map((tap) => tap.shape.slice(1))).toEqual(pack.taps.map(() => role.tapShape));
  expect(features.embedding.shape[0]).toBe(3);
  const direct = await image.run({ [role.input]: preprocess(rows(pictures, 2, 3), role) });
  pack.taps.forEach((name, k) => expectClose(rows(features.taps[k]!, 2, 3).data, direct[name]?.data as Float32Array, { absolute: 1e-4, relative: 1e-4 }));
});

it('stops between batches when it is cancelled', async () => {
  const stop = new AbortController();
  await expect(encodeTexts(text, pack.roles.textEncoder, tokeniser, ['a', 'b', 'c'], pack.contextLength, { batch: 1, signal: stop.signal, progress: () => { stop.abort(); } })).rejects.toMatchObject({ name: 'CancelledError' });
});
