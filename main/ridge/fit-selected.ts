/** Fits a solver that chooses voxels for every target (FastL2LiR). Cross-validation, if asked for, refits without each fold, selection included. */
import { UserError, throwIfAborted } from '../../common/errors.ts';
import { f32, rows as rowsOf } from '../../common/ndarray.ts';
import { rounded } from './artefact.ts';
import { fingerprint, openCheckpoint } from './checkpoint.ts';
import { writeDecoder } from './decoder.ts';
import { foldsOf, median, phases, targetBlocks } from './fit-options.ts';
import { outside } from './folds.ts';
import { DEFAULT_MEMORY, planMemory } from './memory.ts';
import { choose, emptyTally } from './select.ts';
import { applyStandard, columnStatistics, scaleOf } from './standardise.ts';
import { reorderRows } from './targets.ts';
import type { F32 } from '../../common/ndarray.ts';
import type { Range } from '../linalg/panels.ts';
import type { DecoderRecord, WeightPart } from './artefact.ts';
import type { Decoder } from './decoder.ts';
import type { FitDependencies, FitOptions } from './fit-options.ts';
import type { CrossValidation, SelectionInput } from './select.ts';
import type { SelectingSolver } from './solvers.ts';

interface Problem {
  /** As given, in fold order. */
  readonly x: F32;
  readonly options: FitOptions;
  readonly dependencies: FitDependencies;
  readonly solver: SelectingSolver;
  readonly voxelsPerTarget: number;
  readonly alpha: number;
}

/** One penalty; X is used as it is, or z-scored with the statistics of the training rows. Throws UserError (`usage`) for several penalties or leave-one-out. */
export async function fitSelected(options: FitOptions, dependencies: FitDependencies, solver: SelectingSolver): Promise<Decoder> {
  const { x, y, alphas, folds: choice, voxelsPerTarget = 0 } = options;
  const [alpha = NaN] = alphas;
  if (alphas.length !== 1) throw new UserError('usage', `${solver.title} takes one penalty`, { expected: 'one alpha', found: alphas.join(', '), fix: 'Give one, such as 0.15.' });
  if (choice?.kind === 'leave-one-out') throw new UserError('unsupported', `${solver.title} with leave-one-out would choose voxels anew for every row`, { expected: 'k folds or none', found: 'leave-one-out', fix: 'Ask for folds.' });
  const { store, signal } = dependencies;
  const [rows = 0, voxels = 0] = x.shape;
  const standardise = options.standardise ?? 'none';
  // 1. Folds, memory, targets; X in fold order.
  const folds = foldsOf(rows, choice);
  const plan = planMemory({ rows, voxels, targets: y.targets, form: 'primal', ownKernels: 0 }, options.memory ?? DEFAULT_MEMORY);
  const statistics = columnStatistics(x);
  const { blocks, statistics: target } = await targetBlocks(y, folds.order, plan.blockTargets, plan.keepTargets, signal);
  const report = phases(dependencies.progress, 100);
  const problem: Problem = { x: reorderRows(x, folds.order), options, dependencies, solver, voxelsPerTarget, alpha };
  const checkpoint = await openCheckpoint(dependencies.checkpoint, fingerprint([
    JSON.stringify([1, rows, voxels, y.targets, alpha, voxelsPerTarget, standardise, solver.name, folds.ranges, plan.blockTargets]),
    folds.order, statistics.mean, statistics.deviation, target.mean, target.deviation,
  ]));
  const input: SelectionInput = {
    rows, targets: y.targets, alphas, folds: folds.ranges.length, blocks, rule: 'best', targetMean: target.mean, targetSquares: target.squares, checkpoint, signal,
    progress: (done, total, what) => { report('select', done / total, what); },
  };
  const crossValidation = choice === null ? null : await heldOut(problem, input, folds.ranges);
  // 2. All rows.
  const xMean = standardise === 'none' ? new Float64Array(voxels) : statistics.mean;
  const xScale = scaleOf(statistics, standardise);
  const prepared = await prepare(problem, applyStandard(x, xMean, xScale));
  const intercept = new Float32Array(y.targets);
  const parts: WeightPart[] = [];
  for (const [index, block] of blocks.entries()) {
    throwIfAborted(signal);
    const file = blocks.length === 1 ? 'primal.npy' : `primal-${String(index).padStart(3, '0')}.npy`;
    parts.push({ file, from: block.from, to: block.to });
    const kept = await checkpoint.kept(`weights-${index}`, block.to - block.from);
    if (kept !== null && await store.has(file)) { intercept.set(kept, block.from); continue; }
    const { weights, bias } = await prepared.solve(await y.read(block.from, block.to));
    await store.writeArray(file, f32(weights.shape, new Float32Array(weights.data)));
    await checkpoint.keep(`weights-${index}`, bias);
    intercept.set(bias, block.from);
    report('solve', block.to / y.targets, 'weights');
  }
  const record: DecoderRecord = {
    kind: 'optogram-decoder', version: 1, rows, voxels, targets: y.targets, form: 'primal',
    solver: { name: solver.name, title: solver.title, reason: 'asked for' }, standardise, intercept: 'penalised', voxelsPerTarget, alphas,
    folds: choice === null ? null : { kind: choice.kind, count: folds.ranges.length, rule: 'best', search: 'exhaustive' },
    alphaPerTarget: Array.from({ length: y.targets }, () => alpha),
    scores: crossValidation === null ? null : { mse: rounded(crossValidation.losses.data), r2: rounded(crossValidation.r2), r: rounded(crossValidation.r) },
    summary: crossValidation === null ? null : { medianR2: median(crossValidation.r2), medianR: median(crossValidation.r), alphaCounts: [y.targets] },
    weights: parts, provenance: options.provenance ?? {},
  };
  const decoder: Decoder = {
    record, store, xMean, xScale, yMean: Float32Array.from(target.mean), yDeviation: Float32Array.from(target.deviation), intercept,
    outOfFold: crossValidation === null ? null : { mean: crossValidation.predictionMean, deviation: crossValidation.predictionDeviation },
  };
  await writeDecoder(decoder, null);
  report('solve', 1, 'done');
  return decoder;
}

function prepare({ solver, voxelsPerTarget, alpha, dependencies }: Problem, x: F32): ReturnType<SelectingSolver['prepare']> {
  return solver.prepare(x, { voxelsPerTarget, alpha, signal: dependencies.signal }, dependencies.products);
}

/** Sums over held-out rows, fold by fold and block by block. */
async function heldOut(problem: Problem, input: SelectionInput, ranges: readonly Range[]): Promise<CrossValidation> {
  const tally = emptyTally(input);
  let done = 0;
  for (const [fold, range] of ranges.entries()) {
    let prepared: Promise<Fold> | null = null;
    const { targets } = input;
    for (const block of input.blocks) {
      const width = block.to - block.from;
      const name = `sums-${fold}-${block.from}`;
      const kept = await input.checkpoint.kept(name, 3 * width);
      const sums = kept ?? await foldSums(await (prepared ??= prepareFold(problem, input.rows, range)), input, block, range);
      if (kept === null) await input.checkpoint.keep(name, sums);
      for (let k = 0; k < width; k++) {
        const j = block.from + k;
        tally.errors[fold * targets + j] = sums[k] ?? NaN;
        tally.sums[j] = (tally.sums[j] ?? 0) + (sums[width + k] ?? 0);
        tally.squares[j] = (tally.squares[j] ?? 0) + (sums[2 * width + k] ?? 0);
      }
      done += width;
      input.progress?.(done, ranges.length * targets, 'cross-validation');
    }
    tally.foldRows[fold] = range[1] - range[0];
  }
  return choose(input, tally);
}

interface Fold {
  readonly held: F32;
  readonly rest: readonly Range[];
  readonly prepared: Awaited<ReturnType<SelectingSolver['prepare']>>;
  readonly dependencies: FitDependencies;
}

async function prepareFold(problem: Problem, rows: number, range: Range): Promise<Fold> {
  const { x, options, dependencies } = problem;
  const rest = outside(rows, range);
  const statistics = columnStatistics(x, rest);
  const mean = options.standardise === 'zscore' ? statistics.mean : new Float64Array(statistics.mean.length);
  const standard = applyStandard(x, mean, scaleOf(statistics, options.standardise ?? 'none'));
  return { held: rowsOf(standard, ...range), rest, prepared: await prepare(problem, joined(standard, rest)), dependencies };
}

/** Squared residuals, predictions and their squares, summed over the held-out rows; targets and predictions less the targets' mean. */
async function foldSums({ held, rest, prepared, dependencies }: Fold, { targetMean }: SelectionInput, block: SelectionInput['blocks'][number], range: Range): Promise<Float64Array> {
  const centred = await block.read();
  const [, width = 0] = centred.shape;
  const training = joined(centred, rest);
  // The published model sees targets as they are: its bias is penalised.
  for (let i = 0; i < training.data.length; i++) training.data[i] = (training.data[i] ?? 0) + (targetMean[block.from + (i % width)] ?? 0);
  const { weights, bias } = await prepared.solve(training);
  const offset = f32([1, width], Float32Array.from(bias, (value, k) => value - (targetMean[block.from + k] ?? 0)));
  const ones = f32([held.shape[0] ?? 0, 1], new Float32Array(held.shape[0] ?? 0).fill(1));
  const found = await dependencies.products.residualSums([{ left: held, right: f32(weights.shape, new Float32Array(weights.data)) }, { left: ones, right: offset }], rowsOf(centred, ...range));
  return Float64Array.from([...found.squaredError, ...found.prediction, ...found.squaredPrediction]);
}

/** Some rows of a matrix, one under the other. */
function joined(matrix: F32, ranges: readonly Range[]): F32 {
  const [, width = 0] = matrix.shape;
  const height = ranges.reduce((sum, [from, to]) => sum + to - from, 0);
  const out = new Float32Array(height * width);
  let at = 0;
  for (const range of ranges) { out.set(rowsOf(matrix, ...range).data, at * width); at += range[1] - range[0]; }
  return f32([height, width], out);
}
