/**
 * Fits decoders: ridge regression with one cross-validated penalty per target.
 *
 *   minimises |Y - X W|^2 + sum over targets of alpha_t |W_t|^2 on centred X and Y: alphas are scikit-learn's.
 */
import { UserError, throwIfAborted } from '../../common/errors.ts';
import { isDType, zeros } from '../../common/ndarray.ts';
import { rounded } from './artefact.ts';
import { fingerprint, memoryCheckpoint, openCheckpoint } from './checkpoint.ts';
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
import type { Checkpoint, CheckpointStore } from './checkpoint.ts';
import type { Decoder } from './decoder.ts';
import type { FitDependencies, FitOptions } from './fit-options.ts';
import type { CrossValidation, PenaltySearch, TargetBlock } from './select.ts';
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
  const parts: WeightPart[] = blocks.map(({ from, to }, index) => ({ file: blocks.length === 1 ? `${solver.form}.npy` : `${solver.form}-${String(index).padStart(3, '0')}.npy`, from, to }));
  await solveParts({ prepared, blocks, parts, chosen, alphas, rows, order: folds.order, checkpoint, dependencies, report: (share) => { report('solve', share, 'weights'); }, holdsAll: fitsAll(plan.keptInverses, solver.form === 'dual' ? rows : voxels, chosen) });
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

/** True if the inverses of all chosen penalties are kept, so that blocks can be solved one after the other. */
function fitsAll(bytes: number, size: number, chosen: Uint16Array): boolean {
  return new Set(chosen).size * size * size * 4 <= bytes;
}

interface Solving {
  readonly prepared: PreparedRidge;
  readonly blocks: readonly TargetBlock[];
  readonly parts: readonly WeightPart[];
  readonly chosen: Uint16Array;
  readonly alphas: readonly number[];
  readonly rows: number;
  readonly order: Int32Array;
  readonly checkpoint: Checkpoint;
  readonly dependencies: FitDependencies;
  readonly report: (share: number) => void;
  readonly holdsAll: boolean;
}

/**
 * Writes the weights of every block. Where the inverses do not all fit into memory, penalties are taken one after the other and what each
 * brings is put aside (in the checkpoint), so that no inverse is made twice.
 */
async function solveParts(solving: Solving): Promise<void> {
  const { blocks, parts, checkpoint, dependencies, prepared, report, order } = solving;
  const { store, signal } = dependencies;
  const missing: number[] = [];
  for (const index of blocks.keys()) {
    if (await checkpoint.kept(`weights-${index}`, 1) === null || !(await store.has(parts[index]?.file ?? ''))) missing.push(index);
  }
  const aside = dependencies.checkpoint ?? memoryCheckpoint();
  if (!solving.holdsAll) {
    for (const a of solving.alphas.keys()) {
      for (const index of missing) await putAside(solving, aside, a, index);
      report((0.7 * (a + 1)) / solving.alphas.length);
    }
  }
  for (const [done, index] of missing.entries()) {
    throwIfAborted(signal);
    const block = blocks[index], part = parts[index];
    if (block === undefined || part === undefined) continue;
    let basis: F32 | null = null;
    const weights = await gather(solving, block, async (a, columns) => {
      const held = solving.holdsAll ? null : await aside.read(asideName(index, a));
      if (held !== null && isDType(held, 'float32')) return held;
      basis ??= await prepared.basis(await block.read());
      return prepared.weights(solving.alphas[a] ?? NaN, columns === null ? basis : pickColumns(basis, columns));
    });
    await store.writeArray(part.file, prepared.form === 'dual' ? restoreRows(weights, order) : weights);
    await checkpoint.keep(`weights-${index}`, Float64Array.of(1));
    report((solving.holdsAll ? 0 : 0.7) + ((solving.holdsAll ? 1 : 0.3) * (done + 1)) / missing.length);
  }
}

function asideName(block: number, alpha: number): string {
  return `aside-${block}-${alpha}.npy`;
}

/** Targets of a block that chose a penalty; null for all of them. */
function columnsOf({ chosen }: Solving, block: TargetBlock, alpha: number): readonly number[] | null {
  const columns: number[] = [];
  for (let j = block.from; j < block.to; j++) if (chosen[j] === alpha) columns.push(j - block.from);
  return columns.length === block.to - block.from ? null : columns;
}

/** Weights of the targets of a block that chose one penalty. */
async function putAside(solving: Solving, aside: CheckpointStore, alpha: number, index: number): Promise<void> {
  throwIfAborted(solving.dependencies.signal);
  const { prepared, alphas, blocks } = solving;
  const block = blocks[index];
  if (block === undefined) return;
  const columns = columnsOf(solving, block, alpha);
  if (columns?.length === 0 || await aside.read(asideName(index, alpha)) !== null) return;
  const basis = await prepared.basis(await block.read());
  await aside.write(asideName(index, alpha), await prepared.weights(alphas[alpha] ?? NaN, columns === null ? basis : pickColumns(basis, columns)));
}

/** Columns of every penalty put into their places. */
async function gather(solving: Solving, block: TargetBlock, part: (alpha: number, columns: readonly number[] | null) => Promise<F32>): Promise<F32> {
  const width = block.to - block.from;
  let out: F32 | null = null;
  for (const alpha of solving.alphas.keys()) {
    const columns = columnsOf(solving, block, alpha);
    if (columns === null) return part(alpha, null);
    if (columns.length === 0) continue;
    const found = await part(alpha, columns);
    const [height = 0] = found.shape;
    out ??= zeros('float32', [height, width]);
    for (let i = 0; i < height; i++) for (let k = 0; k < columns.length; k++) out.data[i * width + (columns[k] ?? 0)] = found.data[i * columns.length + k] ?? 0;
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
