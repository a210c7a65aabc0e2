/**
 * Decoder: linear map from voxels to targets with intercept, fitted by ridge regression with one penalty per target.
 *
 *   prediction = y-mean + ((x - x-mean) / x-scale) W;  W = X' C for the dual form, X the standardised training rows.
 *
 * Minimises |Y - X W|^2 + sum over targets of alpha_t |W_t|^2 on centred X and Y: alphas are scikit-learn's.
 */
import { UserError, throwIfAborted } from '../../common/errors.ts';
import { f32, ndarray, rows as rowsOf, zeros } from '../../common/ndarray.ts';
import { parseRecord, readExpected, RECORD_FILE, rounded } from './artefact.ts';
import { assignFolds, sortByFold } from './folds.ts';
import { bracketPenalties, selectPenalties } from './select.ts';
import { foldSmoothers, hasSharedSmoothers, leaveOneOutSmoothers, sharedSmoothersOf } from './smoother.ts';
import { chooseSolver, RIDGE_SOLVERS } from './solvers.ts';
import { applyStandard, columnStatistics, scaleOf } from './standardise.ts';
import { columnsOf, pickColumns, reorderRows } from './targets.ts';
import type { F32 } from '../../common/ndarray.ts';
import type { Range } from '../linalg/panels.ts';
import type { Products } from '../linalg/products.ts';
import type { ArrayStore, DecoderRecord, WeightPart } from './artefact.ts';
import type { FoldChoice, Folds } from './folds.ts';
import type { CrossValidation, PenaltySearch, SelectionRule, TargetBlock } from './select.ts';
import type { PreparedRidge, RidgeSolverName } from './solvers.ts';
import type { Standardise } from './standardise.ts';
import type { TargetSource } from './targets.ts';

export interface FitOptions {
  /** `[rows, voxels]`; one row per image (or trial). */
  readonly x: F32;
  readonly y: TargetSource;
  /** Absolute penalties. Several need folds. */
  readonly alphas: readonly number[];
  /** Null: no cross-validation; then exactly one penalty. */
  readonly folds: FoldChoice | null;
  readonly standardise?: Standardise;
  readonly rule?: SelectionRule;
  /** By the amount of work unless given (`chooseSearch`). */
  readonly search?: PenaltySearch;
  /** By shape unless given. */
  readonly solver?: RidgeSolverName;
  readonly provenance?: Readonly<Record<string, string | number>>;
}

export interface FitDependencies {
  readonly products: Products;
  /** Where weights go as they are made. */
  readonly store: ArrayStore;
  readonly signal?: AbortSignal | undefined;
  /** `done` of `total`, and what is being done. */
  readonly progress?: ((done: number, total: number, what: string) => void) | undefined;
}

/** A fitted decoder. Weights stay in the store. */
export interface Decoder {
  readonly record: DecoderRecord;
  readonly store: ArrayStore;
  readonly xMean: Float64Array;
  readonly xScale: Float64Array;
  readonly yMean: Float32Array;
  readonly yDeviation: Float32Array;
  /** Out-of-fold predictions of the training rows: mean and SD per target; null without cross-validation. */
  readonly outOfFold: { readonly mean: Float32Array; readonly deviation: Float32Array } | null;
}

/** Penalties from `alpha / rows`, the unit of recipes. */
export function absolutePenalties(perRow: readonly number[], rows: number): number[] {
  return perRow.map((alpha) => alpha * rows);
}

/** Bytes of one block of targets (or of one part of the weights). */
const BLOCK_BYTES = 1.2e8;
/** Centred target blocks are kept between passes up to this many bytes. */
const KEPT_BYTES = 1e9;

function checkOptions({ x, y, alphas, folds }: FitOptions): void {
  const [rows = 0, voxels = 0] = x.shape;
  if (x.shape.length !== 2 || rows < 2 || voxels < 1) {
    throw new UserError('bad-input', `X is [${x.shape.join(', ')}]`, { expected: '[rows, voxels] with at least 2 rows and 1 voxel', found: `[${x.shape.join(', ')}]`, fix: 'Give one row per image.' });
  }
  if (y.rows !== rows || y.targets < 1) {
    throw new UserError('bad-input', `X has ${rows} rows, Y has ${y.rows} rows and ${y.targets} targets`, { expected: `Y of ${rows} rows and at least 1 target`, found: `[${y.rows}, ${y.targets}]`, fix: 'Rows of X and Y must be the same images in the same order.' });
  }
  if (alphas.length === 0 || alphas.length > 65535 || !alphas.every((alpha) => Number.isFinite(alpha) && alpha > 0)) {
    throw new UserError('usage', `penalties ${alphas.join(', ')}`, { expected: 'at least one positive number', found: alphas.join(', '), fix: 'Give alphas such as 1,10,100.' });
  }
  if (folds === null && alphas.length > 1) {
    throw new UserError('usage', 'several penalties need folds to choose among them', { expected: 'one penalty, or folds', found: `${alphas.length} penalties`, fix: 'Ask for at least 2 folds.' });
  }
}

function foldsOf(rows: number, choice: FoldChoice | null): Folds {
  if (choice === null || choice.kind === 'leave-one-out') return { order: Int32Array.from({ length: rows }, (_, i) => i), ranges: [[0, rows]] };
  return sortByFold(assignFolds(rows, choice));
}

interface TargetStatistics {
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
  readonly squares: Float64Array;
}

/** Blocks of centred targets in fold order; the first reads also collect their statistics. */
async function targetBlocks(y: TargetSource, order: Int32Array, width: number, signal: AbortSignal | undefined): Promise<{ readonly blocks: readonly TargetBlock[]; readonly statistics: TargetStatistics }> {
  const statistics: TargetStatistics = { mean: new Float64Array(y.targets), deviation: new Float64Array(y.targets), squares: new Float64Array(y.targets) };
  const keep = y.rows * y.targets * 4 <= KEPT_BYTES;
  const blocks: TargetBlock[] = [];
  for (let from = 0; from < y.targets; from += width) {
    throwIfAborted(signal);
    const to = Math.min(y.targets, from + width);
    const raw = await y.read(from, to);
    const found = columnStatistics(raw, undefined, `Y (targets ${from} to ${to - 1})`);
    statistics.mean.set(found.mean, from);
    statistics.deviation.set(found.deviation, from);
    statistics.squares.set(found.deviation.map((deviation) => deviation * deviation * y.rows), from);
    const ones = new Float64Array(to - from).fill(1);
    const centred = (block: F32): F32 => reorderRows(applyStandard(block, found.mean, ones), order);
    const kept = keep ? centred(raw) : null;
    blocks.push({ from, to, read: async () => kept ?? centred(await y.read(from, to)) });
  }
  return { blocks, statistics };
}

/** Fits, writes the artefact into the store and returns it. Throws UserError on bad input, CancelledError when the signal fires. */
export async function fitDecoder(options: FitOptions, dependencies: FitDependencies): Promise<Decoder> {
  checkOptions(options);
  const { x, y, alphas, folds: choice } = options;
  const { products, store, signal } = dependencies;
  const [rows = 0, voxels = 0] = x.shape;
  const standardise = options.standardise ?? 'none';
  const rule = options.rule ?? 'best';
  // 1. Folds; X standardised with the statistics of all rows, in fold order.
  const folds = foldsOf(rows, choice);
  const statistics = columnStatistics(x);
  const xScale = scaleOf(statistics, standardise);
  const standard = applyStandard(x, statistics.mean, xScale);
  const ordered = reorderRows(standard, folds.order);
  // 2. Targets.
  const width = Math.max(1, Math.min(y.targets, Math.floor(BLOCK_BYTES / (4 * Math.max(rows, voxels < rows ? voxels : 0)))));
  const { blocks, statistics: target } = await targetBlocks(y, folds.order, width, signal);
  // 3. Solver.
  const chosenSolver = options.solver === undefined
    ? (choice?.kind === 'leave-one-out' ? { name: 'dual' as const, reason: 'leave-one-out needs the dual form' } : chooseSolver(rows, voxels))
    : { name: options.solver, reason: 'asked for' };
  const solver = RIDGE_SOLVERS[chosenSolver.name];
  const total = 100;
  const report = phases(dependencies.progress, total);
  const prepared = await solver.prepare(ordered, products, { signal, progress: (share, what) => report('prepare', share, what) });
  // 4. Penalties.
  const problem = { x: ordered, alphas, folds: folds.ranges, standardise, prepared };
  const search = chooseSearch(options, choice?.kind !== 'leave-one-out' && hasSharedSmoothers(problem));
  const crossValidation = choice === null ? null : await crossValidate();
  const chosen = crossValidation?.chosen ?? new Uint16Array(y.targets);
  // 5. Weights, part by part.
  const parts: WeightPart[] = [];
  for (const [index, block] of blocks.entries()) {
    throwIfAborted(signal);
    const weights = await solveBlock(prepared, await block.read(), chosen.subarray(block.from, block.to), alphas);
    const file = blocks.length === 1 ? `${solver.form}.npy` : `${solver.form}-${String(index).padStart(3, '0')}.npy`;
    await store.writeArray(file, solver.form === 'dual' ? restoreRows(weights, folds.order) : weights);
    parts.push({ file, from: block.from, to: block.to });
    report('solve', block.to / y.targets, 'weights');
  }
  // 6. The record and the small arrays.
  const record: DecoderRecord = {
    kind: 'optogram-decoder', version: 1, rows, voxels, targets: y.targets, form: solver.form,
    solver: { name: solver.name, title: solver.title, reason: chosenSolver.reason },
    standardise, alphas,
    folds: choice === null ? null : { kind: choice.kind, count: choice.kind === 'leave-one-out' ? rows : folds.ranges.length, rule, search },
    alphaPerTarget: Array.from(chosen, (index) => alphas[index] ?? NaN),
    scores: crossValidation === null ? null : {
      mse: rounded(Array.from(chosen, (index, j) => crossValidation.losses.data[index * y.targets + j] ?? NaN)), r2: rounded(crossValidation.r2), r: rounded(crossValidation.r),
    },
    summary: crossValidation === null ? null : {
      medianR2: median(crossValidation.r2), medianR: median(crossValidation.r),
      alphaCounts: alphas.map((_, index) => chosen.reduce((count, own) => count + (own === index ? 1 : 0), 0)),
    },
    weights: parts, provenance: options.provenance ?? {},
  };
  const decoder: Decoder = {
    record, store, xMean: statistics.mean, xScale,
    yMean: Float32Array.from(target.mean), yDeviation: Float32Array.from(target.deviation),
    outOfFold: crossValidation === null ? null : { mean: crossValidation.predictionMean, deviation: crossValidation.predictionDeviation },
  };
  await writeDecoder(decoder, solver.form === 'dual' ? standard : null);
  report('solve', 1, 'done');
  return decoder;

  function crossValidate(): Promise<CrossValidation> {
    const solve = { signal, progress: (_share: number, what: string): void => { report('select', null, what); } };
    const make = choice?.kind === 'leave-one-out' ? leaveOneOutSmoothers : foldSmoothers;
    const input = {
      rows, targets: y.targets, alphas, folds: choice?.kind === 'leave-one-out' ? 1 : folds.ranges.length, blocks, rule,
      targetMean: target.mean, targetSquares: target.squares, signal,
      progress: (done: number, all: number, what: string): void => { report('select', done / all, what); },
    };
    return search === 'bracket'
      ? bracketPenalties(input, sharedSmoothersOf(problem, products, solve), products)
      : selectPenalties(input, make(problem, products, solve), products);
  }
}

/** Multiply-adds of an exhaustive search, rows^2 x targets x penalties, from which a bracket search is worth its assumption. */
const BRACKET_FROM = 1e11;

/** The search asked for, or by the amount of work. Throws UserError (`unsupported`) if a bracket search is asked for where it cannot be. */
function chooseSearch({ search, rule, x, y, alphas }: FitOptions, possible: boolean): PenaltySearch {
  const able = possible && rule !== 'conservative';
  if (search === 'bracket' && !able) {
    throw new UserError('unsupported', 'a bracket search needs a dual solver, k folds, X not rescaled in folds, and the rule best', { expected: 'search exhaustive', found: 'search bracket', fix: 'Leave the search out.' });
  }
  const [rows = 0] = x.shape;
  return search ?? (able && alphas.length > 3 && rows * rows * y.targets * alphas.length >= BRACKET_FROM ? 'bracket' : 'exhaustive');
}

/** Shares of the whole per phase; rough, for the progress bar. */
const PHASES = { prepare: [0, 0.1], select: [0.1, 0.85], solve: [0.85, 1] } as const;

function phases(progress: FitDependencies['progress'], total: number): (phase: keyof typeof PHASES, share: number | null, what: string) => void {
  let last = 0;
  return (phase, share, what) => {
    const [from, to] = PHASES[phase];
    if (share !== null) last = Math.max(last, total * (from + (to - from) * share));
    progress?.(last, total, what);
  };
}

/** Weights of a block of targets, each with its own penalty. */
async function solveBlock(prepared: PreparedRidge, y: F32, chosen: Uint16Array, alphas: readonly number[]): Promise<F32> {
  const basis = await prepared.basis(y);
  let out: F32 | null = null;
  for (const [index, alpha] of alphas.entries()) {
    const columns: number[] = [];
    chosen.forEach((own, j) => { if (own === index) columns.push(j); });
    if (columns.length === 0) continue;
    const part = await prepared.weights(alpha, columns.length === chosen.length ? basis : pickColumns(basis, columns));
    if (columns.length === chosen.length) return part;
    const [height = 0] = part.shape;
    out ??= zeros('float32', [height, chosen.length]);
    for (let i = 0; i < height; i++) {
      for (let k = 0; k < columns.length; k++) out.data[i * chosen.length + (columns[k] ?? 0)] = part.data[i * columns.length + k] ?? 0;
    }
  }
  if (out === null) throw new RangeError('a block without targets');
  return out;
}

/** Rows from fold order back to the order of the data. */
function restoreRows(matrix: F32, order: Int32Array): F32 {
  const back = new Int32Array(order.length);
  order.forEach((row, position) => { back[row] = position; });
  return reorderRows(matrix, back);
}

function median(values: Float32Array): number {
  const sorted = Float32Array.from(values).sort();
  const middle = (sorted.length - 1) / 2;
  return Number((((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2).toPrecision(7));
}

async function writeDecoder(decoder: Decoder, trainingRows: F32 | null): Promise<void> {
  const { record, store } = decoder;
  const { voxels, targets } = record;
  await store.writeArray('x-mean.npy', ndarray('float64', [voxels], decoder.xMean));
  await store.writeArray('x-scale.npy', ndarray('float64', [voxels], decoder.xScale));
  await store.writeArray('y-mean.npy', f32([targets], decoder.yMean));
  await store.writeArray('y-deviation.npy', f32([targets], decoder.yDeviation));
  if (trainingRows !== null) await store.writeArray('x-train.npy', trainingRows);
  if (decoder.outOfFold !== null) {
    await store.writeArray('oof-mean.npy', f32([targets], decoder.outOfFold.mean));
    await store.writeArray('oof-deviation.npy', f32([targets], decoder.outOfFold.deviation));
  }
  // Last, so that a folder with a record is complete.
  await store.writeText(RECORD_FILE, `${JSON.stringify(record, null, 1)}\n`);
}

/** Opens a decoder that `fitDecoder` wrote. Throws UserError (`bad-input`) naming the file that is wrong. */
export async function openDecoder(store: ArrayStore): Promise<Decoder> {
  const record = parseRecord(await store.readText(RECORD_FILE), store.place);
  const { voxels, targets } = record;
  const targetArray = async (name: string): Promise<Float32Array> => (await readExpected(store, name, 'float32', [targets])).data;
  return {
    record, store,
    xMean: (await readExpected(store, 'x-mean.npy', 'float64', [voxels])).data,
    xScale: (await readExpected(store, 'x-scale.npy', 'float64', [voxels])).data,
    yMean: await targetArray('y-mean.npy'),
    yDeviation: await targetArray('y-deviation.npy'),
    outOfFold: record.folds === null ? null : { mean: await targetArray('oof-mean.npy'), deviation: await targetArray('oof-deviation.npy') },
  };
}

export interface PredictOptions {
  /** Only these targets; all unless given. */
  readonly targets?: Range;
  readonly signal?: AbortSignal | undefined;
}

/** Multiply-adds per product call. */
const MOST_PER_CALL = 1.5e10;

/** Predictions `[rows, targets]` in target units. A row's prediction does not depend on the other rows. Throws UserError if X has other voxels. */
export async function predict(decoder: Decoder, x: F32, products: Products, options: PredictOptions = {}): Promise<F32> {
  const { record } = decoder;
  const [count = 0, voxels = 0] = x.shape;
  if (x.shape.length !== 2 || voxels !== record.voxels) {
    throw new UserError('bad-input', `X is [${x.shape.join(', ')}], the decoder reads ${record.voxels} voxels`, { expected: `[rows, ${record.voxels}]`, found: `[${x.shape.join(', ')}]`, fix: 'Use the same subject, atlas and regions as in the fit.' });
  }
  const [low, high] = options.targets ?? [0, record.targets];
  const standard = applyStandard(x, decoder.xMean, decoder.xScale);
  const left = record.form === 'primal' ? standard : await products.multiply('abT', standard, await trainingRows(decoder));
  const inner = left.shape[1] ?? 0;
  const out = new Float32Array(count * (high - low));
  for await (const { from, to, weights } of partsOf(decoder, [low, high], options.signal)) {
    const step = Math.max(1, Math.floor(MOST_PER_CALL / (inner * (to - from))));
    for (let top = 0; top < count; top += step) {
      throwIfAborted(options.signal);
      const bottom = Math.min(count, top + step);
      const product = await products.multiply('ab', rowsOf(left, top, bottom), weights);
      for (let i = top; i < bottom; i++) {
        for (let j = from; j < to; j++) out[i * (high - low) + j - low] = (product.data[(i - top) * (to - from) + j - from] ?? 0) + (decoder.yMean[j] ?? 0);
      }
    }
  }
  return f32([count, high - low], out);
}

/**
 * Weights `[voxels, targets]` per unit of raw X: prediction = y-mean + (x - x-mean) W. For the dual form they are made on demand.
 * Only some voxels or targets on request.
 */
export async function primalWeights(decoder: Decoder, products: Products, options: PredictOptions & { readonly voxels?: Range } = {}): Promise<F32> {
  const { record } = decoder;
  const [low, high] = options.targets ?? [0, record.targets];
  const [first, last] = options.voxels ?? [0, record.voxels];
  const training = record.form === 'dual' ? columnsOf(await trainingRows(decoder), first, last) : null;
  const out = new Float32Array((last - first) * (high - low));
  for await (const { from, to, weights } of partsOf(decoder, [low, high], options.signal)) {
    const part = training === null ? rowsOf(weights, first, last) : await products.multiply('aTb', training, weights);
    for (let v = 0; v < last - first; v++) {
      const scale = decoder.xScale[first + v] ?? 1;
      for (let j = from; j < to; j++) out[v * (high - low) + j - low] = (part.data[v * (to - from) + j - from] ?? 0) / scale;
    }
  }
  return f32([last - first, high - low], out);
}

function trainingRows({ record, store }: Decoder): Promise<F32> {
  return readExpected(store, 'x-train.npy', 'float32', [record.rows, record.voxels]);
}

/** Stored weights that overlap a range of targets, cut to it. */
async function* partsOf({ record, store }: Decoder, [low, high]: Range, signal: AbortSignal | undefined): AsyncGenerator<{ readonly from: number; readonly to: number; readonly weights: F32 }> {
  for (const part of record.weights) {
    const from = Math.max(low, part.from);
    const to = Math.min(high, part.to);
    if (from >= to) continue;
    throwIfAborted(signal);
    const whole = await readExpected(store, part.file, 'float32', [record.form === 'dual' ? record.rows : record.voxels, part.to - part.from]);
    yield { from, to, weights: columnsOf(whole, from - part.from, to - part.from) };
  }
}
