/**
 * What a fit does with responses alone, before it sees a target: folds, standardised rows, Gram matrix, factors. Fits of several feature spaces on
 * the same responses share one groundwork: the numbers are those that each would have made for itself.
 */
import { UserError } from '../../common/errors.ts';
import { fingerprint } from './checkpoint.ts';
import { foldsOf } from './fit-options.ts';
import { DEFAULT_MEMORY, planMemory } from './memory.ts';
import { primalSmoothers } from './primal-smoothers.ts';
import { refitSmoothers } from './refit-smoothers.ts';
import { leaveOneOutSmoothers, rememberPieces, sharedSmoothers } from './smoother.ts';
import { chooseSolver, RIDGE_SOLVERS } from './solvers.ts';
import { applyStandard, columnStatistics, scaleOf } from './standardise.ts';
import { reorderRows } from './targets.ts';
import type { F32 } from '../../common/ndarray.ts';
import type { Products } from '../linalg/products.ts';
import type { FitOptions } from './fit-options.ts';
import type { Folds } from './folds.ts';
import type { SmootherProblem, SmootherSource } from './smoother.ts';
import type { SolveOptions } from './solve-options.ts';
import type { LinearSolver, PreparedRidge } from './solvers.ts';
import type { ColumnStatistics } from './standardise.ts';

export type GroundOptions = Pick<FitOptions, 'x' | 'alphas' | 'folds' | 'standardise' | 'solver' | 'memory'>;

export interface Groundwork {
  readonly folds: Folds;
  readonly solver: LinearSolver;
  readonly reason: string;
  /** Centred and scaled with the statistics of all rows, in fold order, `[rows, voxels]`. */
  readonly x: F32;
  readonly statistics: ColumnStatistics;
  readonly xScale: Float64Array;
  readonly prepared: PreparedRidge;
  /** Null without cross-validation. */
  readonly smoothers: SmootherSource | null;
  /** True if smoothers are remembered, in memory that is then not there for inverses. */
  readonly remembers: boolean;
  /** Hash of all that it was made from. */
  readonly identity: Uint8Array;
}

/** Makes a groundwork. `remember`: smoothers are kept up to a share of the memory, for a second use. Throws UserError on bad input. */
export async function layGroundwork(options: GroundOptions, products: Products, watch: SolveOptions, remember = false): Promise<Groundwork> {
  const { x, alphas, folds: choice } = options;
  const [rows = 0, voxels = 0] = x.shape;
  const standardise = options.standardise ?? 'none';
  const folds = foldsOf(rows, choice);
  const { name, reason } = solverFor(options);
  const solver = RIDGE_SOLVERS[name];
  if (solver.kind !== 'linear') throw new RangeError(`${solver.name} is not linear in the targets`);
  const plan = planMemory({ rows, voxels, targets: 1, form: solver.form, ownKernels: ownKernels(options, folds, solver.form), remembers: remember }, options.memory ?? DEFAULT_MEMORY);
  const statistics = columnStatistics(x);
  const xScale = scaleOf(statistics, standardise);
  const ordered = reorderRows(applyStandard(x, statistics.mean, xScale), folds.order);
  const prepared = await solver.prepare(ordered, products, { ...watch, keep: plan.keptInverses });
  const problem: SmootherProblem = { x: ordered, alphas, folds: folds.ranges, standardise, prepared };
  const source = choice === null ? null : smoothersOf(problem, choice.kind === 'leave-one-out', products, { signal: watch.signal });
  return {
    folds, solver, reason, x: ordered, statistics, xScale, prepared, remembers: remember,
    smoothers: source === null || !remember ? source : rememberPieces(source, plan.keptSmoothers),
    identity: identityOf(options, folds, statistics),
  };
}

/** Throws UserError (`bad-input`) if a groundwork was made from other responses, folds or penalties. */
export function requireSame(groundwork: Groundwork, options: GroundOptions): void {
  const own = identityOf(options, foldsOf(options.x.shape[0] ?? 0, options.folds), columnStatistics(options.x));
  if (!own.every((byte, i) => groundwork.identity[i] === byte)) {
    throw new UserError('bad-input', 'a fit was given the groundwork of another', { expected: 'the same responses, folds, penalties and solver', found: 'others', fix: 'Lay the groundwork again.' });
  }
}

/** Folds that keep a kernel of their own. */
export function ownKernels({ standardise, folds: choice }: GroundOptions, folds: Folds, form: 'primal' | 'dual'): number {
  return form === 'dual' && standardise === 'zscore' && choice !== null ? folds.ranges.length : 0;
}

function solverFor({ x, solver, folds }: GroundOptions): { readonly name: NonNullable<GroundOptions['solver']>; readonly reason: string } {
  if (solver !== undefined) return { name: solver, reason: 'asked for' };
  return folds?.kind === 'leave-one-out' ? { name: 'dual', reason: 'leave-one-out needs the dual form' } : chooseSolver(x.shape[0] ?? 0, x.shape[1] ?? 0);
}

function identityOf({ x, alphas, standardise, solver, folds: choice }: GroundOptions, folds: Folds, statistics: ColumnStatistics): Uint8Array {
  return fingerprint([JSON.stringify([x.shape, alphas, standardise ?? 'none', solver ?? null, choice?.kind ?? null, folds.ranges]), folds.order, statistics.mean, statistics.deviation]);
}

function smoothersOf(problem: SmootherProblem, leaveOneOut: boolean, products: Products, options: SolveOptions): SmootherSource {
  if (leaveOneOut) return leaveOneOutSmoothers(problem, options);
  if (problem.prepared.form === 'primal') return primalSmoothers(problem, products, options);
  return problem.standardise === 'zscore' ? refitSmoothers(problem, products, options) : sharedSmoothers(problem, products, options);
}
