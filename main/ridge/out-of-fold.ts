/**
 * Out-of-fold predictions of the training rows at every target's own penalty: a second walk over the smoothers, once penalties are chosen. They
 * are handed on as they are made, some targets at a time, and kept nowhere.
 */
import { throwIfAborted } from '../../common/errors.ts';
import { f32, isDType, rows as rowsOf, zeros } from '../../common/ndarray.ts';
import { pickColumns } from './targets.ts';
import type { F32 } from '../../common/ndarray.ts';
import type { Products } from '../linalg/products.ts';
import type { CheckpointStore } from './checkpoint.ts';
import type { TargetBlock } from './select.ts';
import type { Smoother, SmootherSource } from './smoother.ts';

/** Takes predictions `[rows, targets.length]` in the order of the data's rows, less the targets' means, and r of every target (pooled over folds). */
export type OutOfFoldSink = (targets: Int32Array, predictions: F32, r: Float32Array) => Promise<void>;

export interface OutOfFoldInput {
  readonly source: SmootherSource;
  readonly blocks: readonly TargetBlock[];
  /** Index into the penalties of every target. */
  readonly chosen: Uint16Array;
  readonly r: Float32Array;
  /** Row i in fold order is row `order[i]` of the data. */
  readonly order: Int32Array;
  /** Where the parts of folds lie until all are there, for sources that are made fold by fold. */
  readonly aside: CheckpointStore;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((share: number) => void) | undefined;
}

const MOST_PER_CALL = 1e10;

/** Hands every target to the sink once. Throws CancelledError when the signal fires. */
export async function visitOutOfFold(input: OutOfFoldInput, products: Products, sink: OutOfFoldSink): Promise<void> {
  if (input.source.byPenalty) await visitPenalties(input, products, sink);
  else await visitFolds(input, products, sink);
}

async function visitPenalties(input: OutOfFoldInput, products: Products, sink: OutOfFoldSink): Promise<void> {
  const { source, blocks, chosen, order, signal } = input;
  const used = [...new Set(chosen)].sort((a, b) => a - b);
  for (const [done, alpha] of used.entries()) {
    const smoothers = await source.make(alpha);
    for (const block of blocks) {
      const columns = columnsOf(chosen, block, alpha);
      if (columns.length === 0) continue;
      const y = pickColumns(await block.read(), columns);
      const out = zeros('float32', [order.length, columns.length]);
      for (const smoother of smoothers) {
        await predictRows(smoother, await smoother.rights(y), products, signal, (row, values) => { out.data.set(values, (order[row] ?? 0) * columns.length); });
      }
      await give(input, sink, block, columns, out);
    }
    input.progress?.((done + 1) / used.length);
  }
}

async function visitFolds(input: OutOfFoldInput, products: Products, sink: OutOfFoldSink): Promise<void> {
  const { source, blocks, chosen, order, aside, signal } = input;
  const name = (fold: number, block: number): string => `held-out-${fold}-${block}.npy`;
  const firsts = source.pieces.map((places) => places[0]?.rows ?? [0, 0]);
  for (const fold of source.pieces.keys()) {
    const smoothers = await source.make(fold);
    const [first, last] = firsts[fold] ?? [0, 0];
    for (const [index, block] of blocks.entries()) {
      const width = block.to - block.from;
      const y = await block.read();
      const out = zeros('float32', [last - first, width]);
      for (const smoother of smoothers) {
        const columns = columnsOf(chosen, block, smoother.alpha);
        if (columns.length === 0) continue;
        const rights = (await smoother.rights(y)).map((right) => pickColumns(right, columns));
        await predictRows(smoother, rights, products, signal, (row, values) => { values.forEach((value, k) => { out.data[(row - first) * width + (columns[k] ?? 0)] = value; }); });
      }
      await aside.write(name(fold, index), out);
    }
    input.progress?.((fold + 1) / source.pieces.length);
  }
  for (const [index, block] of blocks.entries()) {
    const width = block.to - block.from;
    const out = zeros('float32', [order.length, width]);
    for (const [fold, [first]] of firsts.entries()) {
      const part = await aside.read(name(fold, index));
      if (part === null || !isDType(part, 'float32')) throw new RangeError(`${name(fold, index)} is missing`);
      for (let i = 0; i < (part.shape[0] ?? 0); i++) out.data.set(rowsOf(part, i, i + 1).data, (order[first + i] ?? 0) * width);
    }
    await give(input, sink, block, Array.from({ length: width }, (_, k) => k), out);
  }
}

async function give({ r }: OutOfFoldInput, sink: OutOfFoldSink, block: TargetBlock, columns: readonly number[], predictions: F32): Promise<void> {
  const targets = Int32Array.from(columns, (k) => block.from + k);
  await sink(targets, predictions, Float32Array.from(targets, (t) => r[t] ?? 0));
}

function columnsOf(chosen: Uint16Array, block: TargetBlock, alpha: number): number[] {
  const columns: number[] = [];
  for (let j = block.from; j < block.to; j++) if (chosen[j] === alpha) columns.push(j - block.from);
  return columns;
}

/** Calls `put` with every row (fold order) of a smoother's predictions. */
async function predictRows({ lefts, rows: [from, to] }: Smoother, rights: readonly F32[], products: Products, signal: AbortSignal | undefined, put: (row: number, values: Float32Array) => void): Promise<void> {
  const width = rights[0]?.shape[1] ?? 0;
  const inner = lefts.reduce((sum, left) => sum + (left.shape[1] ?? 0), 0);
  const step = Math.max(1, Math.floor(MOST_PER_CALL / (inner * width)));
  for (let low = from; low < to; low += step) {
    throwIfAborted(signal);
    const high = Math.min(to, low + step);
    let sum: F32 | null = null;
    for (const [i, left] of lefts.entries()) {
      const right = rights[i];
      if (right === undefined) throw new RangeError('a smoother has fewer right than left factors');
      const part = rowsOf(left, low - from, high - from);
      sum = sum === null ? await products.multiply('ab', part, right) : await products.accumulate<'float32'>(sum, 1, 'ab', part, right);
    }
    const { data } = sum ?? f32([0, width], new Float32Array(0));
    for (let row = low; row < high; row++) put(row, data.subarray((row - low) * width, (row - low + 1) * width));
  }
}
