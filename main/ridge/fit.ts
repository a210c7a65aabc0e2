/**
 * Fits decoders: ridge regression with one cross-validated penalty per target.
 *
 *   minimises |Y - X W|^2 + sum over targets of alpha_t |W_t|^2 on centred X and Y: alphas are scikit-learn's.
 */
import { UserError, throwIfAborted } from '../../common/errors.ts';
import { zeros } from '../../common/ndarray.ts';
import { rounded } from './artefact.ts';
import { fingerprint, openCheckpoint } from './checkpoint.ts';
import { writeDecoder } from './decoder.ts';
import { assignFolds, sortByFold } from './folds.ts';
import { DEFAULT_MEMORY, planMemory } from './memory.ts';
import { primalSmoothers } from './primal-smoothers.ts';
import { refitSmoothers } from './refit-smoothers.ts';
import { bracketPenalties, selectPenalties } from './select.ts';
import { leaveOneOutSmoothers, sharedSmoothers } from './smoother.ts';
import { chooseSolver, RIDGE_SOLVERS } from './solvers.ts';
import { applyStandard, columnStatistics, scaleOf } from './standardise.ts';
import { pickColumns, reorderRows } from './targets.ts';
import type { F32 } from '../../common/ndarray.ts';
import type { Products } from '../linalg/products.ts';
import type { ArrayStore, DecoderRecord, WeightPart } from './artefact.ts';
import type { CheckpointStore } from './checkpoint.ts';
import type { Decoder } from './decoder.ts';
import type { FoldChoice, Folds } from './folds.ts';
import type { CrossValidation, PenaltySearch, SelectionRule, TargetBlock } from './select.ts';
import type { SmootherProblem, SmootherSource } from './smoother.ts';
import type { PreparedRidge, RidgeSolverName, SolveOptions } from './solvers.ts';
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
  /** Bytes that the fit may take in all (`memory.ts`); 8 GB unless given. */
  readonly memory?: number;
  readonly provenance?: Readonly<Record<string, string | number>>;
}

export interface FitDependencies {
  readonly products: Products;
  /** Where weights go as they are made. */
  readonly store: ArrayStore;
  /** Where a fit that is killed goes on from; nothing is kept without it. */
  readonly checkpoint?: CheckpointStore | undefined;
  readonly signal?: AbortSignal | undefined;
  /** `done` of `total`, and what is being done. */
  readonly progress?: ((done: number, total: number, what: string) => void) | undefined;
}

/** Penalties from `alpha / rows`, the unit of recipes. */
export function absolutePenalties(perRow: readonly number[], rows: number): number[] {
  return perRow.map((alpha) => alpha * rows);
}

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
async function targetBlocks(y: TargetSource, order: Int32Array, width: number, keep: boolean, signal: AbortSignal | undefined): Promise<{ readonly blocks: readonly TargetBlock[]; readonly statistics: TargetStatistics }> {
  const statistics: TargetStatistics = { mean: new Float64Array(y.targets), deviation: new Float64Array(y.targets), squares: new Float64Array(y.targets) };
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
  // 1. Folds, solver, memory.
  const folds = foldsOf(rows, choice);
  const chosenSolver = options.solver === undefined
    ? (choice?.kind === 'leave-one-out' ? { name: 'dual' as const, reason: 'leave-one-out needs the dual form' } : chooseSolver(rows, voxels))
    : { name: options.solver, reason: 'asked for' };
  const solver = RIDGE_SOLVERS[chosenSolver.name];
  const ownKernels = solver.form === 'dual' && standardise === 'zscore' && choice !== null ? folds.ranges.length : 0;
  const plan = planMemory({ rows, voxels, targets: y.targets, form: solver.form, ownKernels }, options.memory ?? DEFAULT_MEMORY);
  // 2. X standardised with the statistics of all rows, in fold order; targets.
  const statistics = columnStatistics(x);
  const xScale = scaleOf(statistics, standardise);
  const ordered = reorderRows(applyStandard(x, statistics.mean, xScale), folds.order);
  const { blocks, statistics: target } = await targetBlocks(y, folds.order, plan.blockTargets, plan.keepTargets, signal);
  const search = chooseSearch(options, solver.form);
  const checkpoint = await openCheckpoint(dependencies.checkpoint, fingerprint([
    JSON.stringify([1, rows, voxels, y.targets, alphas, standardise, rule, search, solver.name, choice?.kind ?? null, folds.ranges, plan.blockTargets]),
    folds.order, statistics.mean, statistics.deviation, target.mean, target.deviation,
  ]));
  // 3. Solver.
  const report = phases(dependencies.progress, 100);
  const prepared = await solver.prepare(ordered, products, { signal, keep: plan.keptInverses, progress: (share, what) => report('prepare', share, what) });
  // 4. Penalties.
  const crossValidation = choice === null ? null : await crossValidate();
  const chosen = crossValidation?.chosen ?? new Uint16Array(y.targets);
  // 5. Weights, part by part.
  const parts: WeightPart[] = [];
  for (const [index, block] of blocks.entries()) {
    throwIfAborted(signal);
    const file = blocks.length === 1 ? `${solver.form}.npy` : `${solver.form}-${String(index).padStart(3, '0')}.npy`;
    parts.push({ file, from: block.from, to: block.to });
    if (await checkpoint.kept(`weights-${index}`, 1) === null || !(await store.has(file))) {
      const weights = await solveBlock(prepared, await block.read(), chosen.subarray(block.from, block.to), alphas);
      await store.writeArray(file, solver.form === 'dual' ? restoreRows(weights, folds.order) : weights);
      await checkpoint.keep(`weights-${index}`, Float64Array.of(1));
    }
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
  await writeDecoder(decoder, solver.form === 'dual' ? restoreRows(ordered, folds.order) : null);
  report('solve', 1, 'done');
  return decoder;

  function crossValidate(): Promise<CrossValidation> {
    const problem: SmootherProblem = { x: ordered, alphas, folds: folds.ranges, standardise, prepared };
    const source = smoothersOf(problem, choice?.kind === 'leave-one-out', products, { signal, progress: (_share, what) => { report('select', null, what); } });
    const input = {
      rows, targets: y.targets, alphas, folds: choice?.kind === 'leave-one-out' ? 1 : folds.ranges.length, blocks, rule,
      targetMean: target.mean, targetSquares: target.squares, checkpoint, signal,
      progress: (done: number, all: number, what: string): void => { report('select', done / all, what); },
    };
    return search === 'bracket' ? bracketPenalties(input, source, products) : selectPenalties(input, source, products);
  }
}

function smoothersOf(problem: SmootherProblem, leaveOneOut: boolean, products: Products, options: SolveOptions): SmootherSource {
  if (leaveOneOut) return leaveOneOutSmoothers(problem, options);
  if (problem.prepared.form === 'primal') return primalSmoothers(problem, products, options);
  return problem.standardise === 'zscore' ? refitSmoothers(problem, products, options) : sharedSmoothers(problem, products, options);
}

/** Multiply-adds of an exhaustive search, rows^2 x targets x penalties, from which a bracket search is worth its assumption. */
const BRACKET_FROM = 1e11;

/** The search asked for, or by the amount of work. Throws UserError (`unsupported`) if a bracket search is asked for where it cannot be. */
function chooseSearch({ search, rule, x, y, alphas, folds }: FitOptions, form: 'primal' | 'dual'): PenaltySearch {
  const able = form === 'dual' && folds !== null && folds.kind !== 'leave-one-out' && rule !== 'conservative';
  if (search === 'bracket' && !able) {
    throw new UserError('unsupported', 'a bracket search needs a dual solver, k folds, and the rule best', { expected: 'search exhaustive', found: 'search bracket', fix: 'Leave the search out.' });
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

