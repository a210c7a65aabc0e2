/** Texts and pictures through the networks of a pack: last hidden states, MLP taps, embeddings. */
import { throwIfAborted, UserError } from '../../common/errors.ts';
import { isDType, ndarray, rows, sizeOf, zeros } from '../../common/ndarray.ts';
import type { F32, NdArray, U8 } from '../../common/ndarray.ts';
import type { ImageEncoderRole, TextEncoderRole } from '../runtime/pack-description.ts';
import type { Session } from '../runtime/session.ts';
import { preprocess } from './preprocess.ts';
import type { Tokeniser } from './tokenise.ts';

export interface EncodeOptions {
  /** Rows per run of the network. */
  readonly batch?: number;
  readonly signal?: AbortSignal;
  readonly progress?: (done: number, total: number) => void;
}

const DEFAULT_BATCH = 16;

function float32(results: Readonly<Record<string, NdArray>>, name: string, network: string): F32 {
  const value = results[name];
  if (value === undefined || !isDType(value, 'float32')) throw new UserError('model-missing', `${network} has no float32 output "${name}"`, { expected: name, found: Object.keys(results).join(', ') });
  return value;
}

/** Runs `step` over batches of rows; checks for cancellation before each, since a run itself cannot be stopped. */
async function inBatches(total: number, options: EncodeOptions, step: (from: number, to: number) => Promise<void>): Promise<void> {
  const size = options.batch ?? DEFAULT_BATCH;
  if (!Number.isInteger(size) || size < 1) throw new RangeError(`a batch needs at least one row, got ${size}`);
  for (let from = 0; from < total; from += size) {
    throwIfAborted(options.signal);
    const to = Math.min(total, from + size);
    await step(from, to);
    options.progress?.(to, total);
  }
}

/** Puts the rows of one batch into the whole. Made with the first batch, when the width is known. */
function collect(whole: F32 | undefined, part: F32, total: number, from: number): F32 {
  const all = whole ?? zeros('float32', [total, ...part.shape.slice(1)]);
  all.data.set(part.data, from * sizeOf(part.shape.slice(1)));
  return all;
}

/** Last hidden states after the final layer norm, float32 `[texts, length, width]`. No projection, no normalisation. */
export async function encodeTexts(session: Session, role: TextEncoderRole, tokeniser: Tokeniser, texts: readonly string[], length: number, options: EncodeOptions = {}): Promise<F32> {
  const ids = tokeniser.batch(texts, length), wide = session.inputs.find((input) => input.name === role.ids)?.dtype !== 'int32';
  let states: F32 | undefined;
  await inBatches(texts.length, options, async (from, to) => {
    const part = rows(ids, from, to);
    const feed = wide ? part : ndarray('int32', part.shape, Int32Array.from(part.data, Number));
    const results = await session.run({ [role.ids]: feed }, { outputs: [role.states] });
    states = collect(states, float32(results, role.states, 'the text encoder'), texts.length, from);
  });
  return states ?? zeros('float32', [0, length, role.width]);
}

/**
 * One state per image from its captions: each caption is encoded alone, then averaged token by token (method.md 1.3).
 * `captions[image]` are its captions, at least one. Result `[images, length, width]`.
 */
export async function encodeCaptions(session: Session, role: TextEncoderRole, tokeniser: Tokeniser, captions: readonly (readonly string[])[], length: number, options: EncodeOptions = {}): Promise<F32> {
  const lacking = captions.findIndex((list) => list.length === 0);
  if (lacking >= 0) throw new UserError('bad-input', `image ${lacking} of the list has no caption`, { expected: 'at least one caption per image', found: 'none' });
  const states = await encodeTexts(session, role, tokeniser, captions.flat(), length, options);
  const width = sizeOf(states.shape.slice(1)), out = zeros('float32', [captions.length, ...states.shape.slice(1)]), sum = new Float64Array(width);
  let row = 0;
  captions.forEach((list, image) => {
    sum.fill(0);
    for (let k = 0; k < list.length; k++, row++) for (let i = 0; i < width; i++) sum[i] = sum[i]! + states.data[row * width + i]!;
    for (let i = 0; i < width; i++) out.data[image * width + i] = sum[i]! / list.length;
  });
  return out;
}

export interface ImageFeatures {
  /** In the order of `taps`, each `[images, tokens, width]`. */
  readonly taps: readonly F32[];
  /** `[images, width]`, not normalised. */
  readonly embedding: F32;
}

/** Pictures uint8 `[images, height, width, 3]` through the image encoder. The session is the pack's, with its taps exposed. */
export async function encodeImages(session: Session, role: ImageEncoderRole, taps: readonly string[], images: U8, options: EncodeOptions = {}): Promise<ImageFeatures> {
  const total = images.shape[0] ?? 0;
  if (total === 0) throw new RangeError('no pictures to encode');
  const found: (F32 | undefined)[] = taps.map(() => undefined);
  let embedding: F32 | undefined;
  await inBatches(total, options, async (from, to) => {
    const results = await session.run({ [role.input]: preprocess(rows(images, from, to), role) }, { outputs: [...taps, role.embedding] });
    taps.forEach((name, i) => { found[i] = collect(found[i], float32(results, name, 'the image encoder'), total, from); });
    embedding = collect(embedding, float32(results, role.embedding, 'the image encoder'), total, from);
  });
  if (embedding === undefined) throw new RangeError('no pictures to encode');
  return { taps: found.filter((tap) => tap !== undefined), embedding };
}
