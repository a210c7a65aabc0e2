/**
 * Fits decoders: ridge regression with one cross-validated penalty per target.
 *
 *   minimises |Y - X W|^2 + sum over targets of alpha_t |W_t|^2 on centred X and Y: alphas are scikit-learn's.
 */
import { UserError } from '../../common/errors.ts';
import { rounded } from './artefact.ts';
import { fingerprint, memoryCheckpoint, openCheckpoint } from './checkpoint.ts';
import { writeDecoder } from './decoder.ts';
import { fitBanded } from './fit-banded.ts';
import { checkOptions, median, phases, targetBlocks } from './fit-options.ts';
import { fitSelected } from './fit-selected.ts';
import { layGroundwork, ownKernels, requireSame } from './groundwork.ts';
import { DEFAULT_MEMORY, planMemory } from './memory.ts';
import { visitOutOfFold } from './out-of-fold.ts';
import { bracketPenalties, selectPenalties } from './select.ts';
import { solveWeights } from './solve-weights.ts';
import { RIDGE_SOLVERS, SINGLE_FROM_SIZE, SINGLE_UP_TO } from './solvers.ts';
import { turned } from './targets.ts';
import type { DecoderRecord, PrecisionRecord } from './artefact.ts';
import type { Decoder } from './decoder.ts';
import type { FitDependencies, FitOptions } from './fit-options.ts';
import type { Groundwork } from './groundwork.ts';
import type { PenaltySearch } from './select.ts';
import type { SmootherSource } from './smoother.ts';

export interface GroundedDependencies extends FitDependencies {
  /** What a fit before this one made of the same responses, folds and penalties; made anew without it. */
  readonly groundwork?: Groundwork | undefined;
}

/** Fits, writes the artefact into the store and returns it. Throws UserError on bad input, CancelledError when the signal fires. */
export async function fitDecoder(options: FitOptions, dependencies: GroundedDependencies): Promise<Decoder> {
  checkOptions(options);
  const special = options.solver === undefined ? undefined : RIDGE_SOLVERS[options.solver];
  if (special?.kind === 'selecting') return fitSelected(options, dependencies, special);
  if (options.bands !== undefined) return fitBanded({ ...options, bands: options.bands }, dependencies);
  const { y, alphas, folds: choice } = options;
  const { products, store, signal } = dependencies;
  const [rows = 0, voxels = 0] = options.x.shape;
  const standardise = options.standardise ?? 'none';
  const rule = options.rule ?? 'best';
  const report = phases(dependencies.progress, 100);
  // 1. What X alone decides: folds, solver, standardised rows, Gram matrix.
  if (dependencies.groundwork !== undefined) requireSame(dependencies.groundwork, options);
  const ground = dependencies.groundwork ?? await layGroundwork(options, products, { signal, progress: (share, what) => { report('prepare', share, what); } }, dependencies.outOfFold !== undefined);
  const { folds, solver, prepared, statistics, xScale } = ground;
  // 2. Targets in blocks.
  const plan = planMemory({ rows, voxels, targets: y.targets, form: solver.form, ownKernels: ownKernels(options, folds, solver.form), remembers: ground.remembers, beside: options.beside ?? 0 }, options.memory ?? DEFAULT_MEMORY);
  const { blocks, statistics: target } = await targetBlocks(y, folds.order, plan.blockTargets, plan.keepTargets, signal);
  const search = chooseSearch(options, solver.form);
  const checkpoint = await openCheckpoint(dependencies.checkpoint, fingerprint([
    JSON.stringify([2, rows, voxels, y.targets, alphas, standardise, rule, search, solver.name, choice?.kind ?? null, folds.ranges, plan.blockTargets]),
    folds.order, statistics.mean, statistics.deviation, target.mean, target.deviation,
  ]));
  // 3. Penalties.
  const source = smoothersOf(ground, dependencies, (what) => { report('select', null, what); });
  const input = {
    rows, targets: y.targets, alphas, folds: choice?.kind === 'leave-one-out' ? 1 : folds.ranges.length, blocks, rule,
    targetMean: target.mean, targetSquares: target.squares, checkpoint, signal,
    progress: (done: number, all: number, what: string): void => { report('select', done / all, what); },
  };
  const crossValidation = source === null ? null : await (search === 'bracket' ? bracketPenalties : selectPenalties)(input, source, products);
  const chosen = crossValidation?.chosen ?? new Uint16Array(y.targets);
  if (source !== null && crossValidation !== null && dependencies.outOfFold !== undefined) {
    await visitOutOfFold({
      source, blocks, chosen, r: crossValidation.r, order: folds.order, aside: dependencies.checkpoint ?? memoryCheckpoint(), signal,
      progress: () => { report('select', 1, 'out-of-fold predictions'); },
    }, products, dependencies.outOfFold);
  }
  // 4. Weights, part by part, verified.
  const { form, parts, check } = await solveWeights({ prepared, x: ground.x, blocks, chosen, alphas, order: folds.order, checkpoint, dependencies, report: (share) => { report('solve', share, 'weights'); } });
  // 5. The record and the small arrays.
  const record: DecoderRecord = {
    kind: 'optogram-decoder', version: 2, rows, voxels, targets: y.targets, form,
    solver: { name: solver.name, title: solver.title, reason: ground.reason },
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
    weights: parts, precision: precisionOf(ground, alphas), check, provenance: options.provenance ?? {},
  };
  const yMean = Float32Array.from(target.mean);
  const decoder: Decoder = {
    record, store, xMean: statistics.mean, xScale, yMean, intercept: yMean, yDeviation: Float32Array.from(target.deviation),
    outOfFold: crossValidation === null ? null : { mean: crossValidation.predictionMean, deviation: crossValidation.predictionDeviation },
  };
  await writeDecoder(decoder, form === 'dual' ? turned(ground.x, folds.order) : null);
  report('solve', 1, 'done');
  return decoder;
}

/** The groundwork's smoothers, which say how far they are to this fit. */
function smoothersOf({ smoothers }: Groundwork, { signal }: FitDependencies, say: (what: string) => void): SmootherSource | null {
  if (smoothers === null) return null;
  return { ...smoothers, make: (piece) => smoothers.make(piece, { signal, progress: (_share, what) => { say(what); } }) };
}

function precisionOf({ prepared }: Groundwork, alphas: readonly number[]): PrecisionRecord {
  return {
    gram: 'float64', factors: alphas.map((alpha) => ({ alpha, precision: prepared.precision(alpha) })), products: 'float32', stored: 'float32',
    reason: `factors are single where the penalty is at least 1/${SINGLE_UP_TO} of the Gram matrix's largest eigenvalue, at ${SINGLE_FROM_SIZE} rows or more: rounding then moves the penalty by less than 1e-3 of itself`,
  };
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
