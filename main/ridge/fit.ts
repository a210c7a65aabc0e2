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
import { fitBanded } from './fit-banded.ts';
import { checkOptions, foldsOf, median, phases, targetBlocks } from './fit-options.ts';
import { fitSelected } from './fit-selected.ts';
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
import type { DecoderRecord, WeightPart } from './artefact.ts';
import type { Decoder } from './decoder.ts';
import type { FitDependencies, FitOptions } from './fit-options.ts';
import type { CrossValidation, PenaltySearch } from './select.ts';
import type { SmootherProblem, SmootherSource } from './smoother.ts';
import type { PreparedRidge, SolveOptions } from './solvers.ts';

/** Fits, writes the artefact into the store and returns it. Throws UserError on bad input, CancelledError when the signal fires. */
export async function fitDecoder(options: FitOptions, dependencies: FitDependencies): Promise<Decoder> {
  checkOptions(options);
  const special = options.solver === undefined ? undefined : RIDGE_SOLVERS[options.solver];
  if (special?.kind === 'selecting') return fitSelected(options, dependencies, special);
  if (options.bands !== undefined) return fitBanded({ ...options, bands: options.bands }, dependencies);
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
  if (solver.kind !== 'linear') throw new RangeError(`${solver.name} is not linear in the targets`);
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
  const yMean = Float32Array.from(target.mean);
  const decoder: Decoder = {
    record, store, xMean: statistics.mean, xScale, yMean, intercept: yMean, yDeviation: Float32Array.from(target.deviation),
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
