/**
 * Weights of all targets, block by block, at their chosen penalties. A few targets of every penalty are verified first (verify.ts), and a penalty
 * that misses the tolerance is solved with the next grade:
 *
 *   single                 single-precision inverse and products
 *   double                 double-precision inverse, products and two steps of refinement, stored in single
 *   double, by voxel       dual only: all weights are stored in primal form. Dual weights of dependent rows (more rows than voxels, repeats) have
 *                          parts of size residual / alpha that X' must cancel; no single-precision number holds them when alpha is tiny.
 *
 * What misses with the last grade is named in the record. Where the inverses do not all fit into memory, penalties are taken one after the other
 * and what each brings is put aside (in the checkpoint), so that no inverse is made twice.
 */
import { throwIfAborted } from '../../common/errors.ts';
import { isDType, ndarray, zeros } from '../../common/ndarray.ts';
import { memoryCheckpoint } from './checkpoint.ts';
import { pickColumns, turned } from './targets.ts';
import { doubled, refined, transposedTimes, verifyWeights, WEIGHT_TOLERANCE } from './verify.ts';
import type { F32, F64 } from '../../common/ndarray.ts';
import type { WeightCheck, WeightPart } from './artefact.ts';
import type { Checkpoint, CheckpointStore } from './checkpoint.ts';
import type { FitDependencies } from './fit-options.ts';
import type { TargetBlock } from './select.ts';
import type { SolveOptions } from './solve-options.ts';
import type { PreparedRidge } from './solvers.ts';
import type { Verdict } from './verify.ts';

const GRADES = ['single', 'double', 'double, by voxel'] as const;
/** Grades that a form has. */
const LAST_GRADE = { primal: 1, dual: 2 } as const;
/** Targets of every penalty that are verified, spread evenly over those that chose it. */
const VERIFIED = 2;
/** An explicit inverse errs by the square of the condition number; each step takes off most of that. */
const REFINEMENTS = 2;

export interface Solving {
  readonly prepared: PreparedRidge;
  /** Centred and scaled, fold order. */
  readonly x: F32;
  readonly blocks: readonly TargetBlock[];
  /** Index into the penalties of every target. */
  readonly chosen: Uint16Array;
  readonly alphas: readonly number[];
  readonly order: Int32Array;
  readonly checkpoint: Checkpoint;
  readonly dependencies: FitDependencies;
  readonly report: (share: number) => void;
}

export interface SolvedWeights {
  readonly form: 'primal' | 'dual';
  readonly parts: readonly WeightPart[];
  readonly check: WeightCheck;
}

/** How a penalty is solved, and how well its verified targets came out (the worst of them). */
interface Settled extends Verdict {
  readonly grade: number;
}

/** Writes the weights of every block into the store. */
export async function solveWeights(solving: Solving): Promise<SolvedWeights> {
  const { blocks, checkpoint, dependencies, prepared, report, alphas, chosen } = solving;
  const { store, signal } = dependencies;
  const used = [...new Set(chosen)].sort((a, b) => a - b);
  const holdsAll = prepared.makeRoom(used.map((a) => alphas[a] ?? NaN));
  const names = (form: 'primal' | 'dual'): string[] => blocks.map((_, i) => (blocks.length === 1 ? `${form}.npy` : `${form}-${String(i).padStart(3, '0')}.npy`));
  // 1. Grades, and what has to be put aside.
  const missing: number[] = [];
  for (const index of blocks.keys()) {
    const there = await Promise.all((['dual', 'primal'] as const).map((form) => store.has(names(form)[index] ?? '')));
    if (await checkpoint.kept(`weights-${index}`, 1) === null || !there.includes(true)) missing.push(index);
  }
  const aside = dependencies.checkpoint ?? memoryCheckpoint();
  const settled = new Map<number, Settled>();
  const samples = await sampled(solving, used);
  for (const group of holdsAll ? [used] : used.map((a) => [a])) {
    for (const [a, found] of await settle(solving, samples, group)) {
      settled.set(a, found);
      if (!holdsAll || found.grade > 0) for (const index of missing) await putAside(solving, aside, a, index, found.grade);
    }
    report((0.7 * settled.size) / used.length);
  }
  const form = [...settled.values()].some(({ grade }) => grade === 2) ? 'primal' : prepared.form;
  const parts = blocks.map(({ from, to }, i): WeightPart => ({ file: names(form)[i] ?? '', from, to }));
  // 2. Blocks.
  const watch: SolveOptions = { signal };
  for (const [done, index] of missing.entries()) {
    throwIfAborted(signal);
    const block = blocks[index], part = parts[index];
    if (block === undefined || part === undefined) continue;
    let basis: F32 | null = null;
    const weights = await gather(solving, block, async (a, columns) => {
      const held = await aside.read(asideName(index, a));
      basis ??= held === null ? await prepared.basis(await block.read(), watch) : null;
      const own = held !== null && isDType(held, 'float32') ? held : basis === null ? null : await prepared.weights(alphas[a] ?? NaN, columns === null ? basis : pickColumns(basis, columns), watch);
      if (own === null) throw new RangeError(`${asideName(index, a)} is not an array of weights`);
      return form === prepared.form || settled.get(a)?.grade === 2 ? own : single(await transposedTimes(solving.x, doubled(own), dependencies.products, signal));
    });
    await store.writeArray(part.file, form === 'dual' ? turned(weights, solving.order) : weights);
    await checkpoint.keep(`weights-${index}`, Float64Array.of(1));
    report(0.7 + (0.3 * (done + 1)) / missing.length);
  }
  return { form, parts, check: summarised(solving, settled, samples) };
}

/** Verified targets by penalty, `[rows, at most VERIFIED]` centred in fold order. */
async function sampled({ blocks, chosen }: Solving, used: readonly number[]): Promise<Map<number, F32>> {
  const picked = new Map<number, number[]>();
  for (const a of used) {
    const own: number[] = [];
    chosen.forEach((index, j) => { if (index === a) own.push(j); });
    const count = Math.min(VERIFIED, own.length);
    picked.set(a, Array.from({ length: count }, (_, i) => own[Math.floor(((i + 0.5) * own.length) / count)] ?? 0));
  }
  const samples = new Map<number, F32>();
  for (const block of blocks) {
    const wanted = [...picked].map(([a, targets]) => [a, targets.filter((t) => t >= block.from && t < block.to)] as const).filter(([, targets]) => targets.length > 0);
    if (wanted.length === 0) continue;
    const y = await block.read();
    for (const [a, targets] of wanted) samples.set(a, beside(samples.get(a), pickColumns(y, targets.map((t) => t - block.from))));
  }
  return samples;
}

/** Columns of both, from left to right. */
function beside(left: F32 | undefined, right: F32): F32 {
  if (left === undefined) return right;
  const [height = 0, first = 0] = left.shape, [, second = 0] = right.shape;
  const out = zeros('float32', [height, first + second]);
  for (let i = 0; i < height; i++) {
    out.data.set(left.data.subarray(i * first, (i + 1) * first), i * (first + second));
    out.data.set(right.data.subarray(i * second, (i + 1) * second), i * (first + second) + first);
  }
  return out;
}

/** The first grade that passes, or the last, for every penalty of a group. */
async function settle(solving: Solving, samples: ReadonlyMap<number, F32>, group: readonly number[]): Promise<Map<number, Settled>> {
  const { checkpoint, prepared } = solving;
  const out = new Map<number, Settled>();
  let left: number[] = [];
  for (const a of group) {
    const kept = await checkpoint.kept(`verdict-${a}`, 3);
    if (kept === null) left.push(a);
    else out.set(a, { grade: kept[0] ?? 0, residual: kept[1] ?? NaN, error: kept[2] ?? NaN });
  }
  const last = LAST_GRADE[prepared.form];
  for (let grade = 0; left.length > 0; grade++) {
    const verdicts = await judge(solving, samples, left, grade);
    for (const [a, verdict] of verdicts) {
      if (!(verdict.error <= WEIGHT_TOLERANCE) && grade < last) continue;
      out.set(a, { ...verdict, grade });
      await checkpoint.keep(`verdict-${a}`, Float64Array.of(grade, verdict.residual, verdict.error));
    }
    left = left.filter((a) => !out.has(a));
  }
  return out;
}

/** Worst residual and error of the verified targets of every penalty, solved with one grade. */
async function judge({ prepared, x, alphas, dependencies: { products, signal } }: Solving, samples: ReadonlyMap<number, F32>, group: readonly number[], grade: number): Promise<Map<number, Verdict>> {
  const watch: SolveOptions = { signal };
  let y: F32 | undefined, weights: F32 | undefined, exact: F64 | null = null;
  const owner: number[] = [];
  for (const a of group) {
    const own = samples.get(a), alpha = alphas[a] ?? NaN;
    if (own === undefined) continue;
    y = beside(y, own);
    for (let t = 0; t < (own.shape[1] ?? 0); t++) owner.push(a);
    if (grade === 0) { weights = beside(weights, await prepared.weights(alpha, await prepared.basis(own, watch), watch)); continue; }
    const found = await exactly(prepared, x, own, alpha, products, signal);
    weights = beside(weights, single(found));
    // Stored by voxel, the dual weights themselves are never rounded: only the solve is judged.
    if (grade === 2) exact = exact === null ? found : doubledBeside(exact, found);
  }
  if (y === undefined || weights === undefined) return new Map();
  const verdicts = await verifyWeights({
    x, y, form: prepared.form, weights: exact ?? weights, penalties: owner.map((a) => alphas[a] ?? NaN),
    correct: async (penalty, right) => (grade === 0 ? doubled(await prepared.weights(penalty, single(right), watch)) : prepared.exact(penalty, right, watch)),
  }, products, signal);
  const worst = (a: number, of: (verdict: Verdict) => number): number => verdicts.reduce((most, verdict, t) => (owner[t] !== a ? most : Number.isNaN(of(verdict)) ? Infinity : Math.max(most, of(verdict))), 0);
  return new Map(group.map((a) => [a, { residual: worst(a, ({ residual }) => residual), error: worst(a, ({ error }) => error) }]));
}

/** Weights in double precision, in the solver's form. */
async function exactly(prepared: PreparedRidge, x: F32, y: F32, alpha: number, products: FitDependencies['products'], signal: AbortSignal | undefined): Promise<F64> {
  const weights = await prepared.exact(alpha, prepared.form === 'dual' ? doubled(y) : await transposedTimes(x, doubled(y), products, signal), { signal });
  return refined({ x, y, form: prepared.form, weights, penalty: alpha, correct: (penalty, right) => prepared.exact(penalty, right, { signal }) }, REFINEMENTS, products, signal);
}

function single(matrix: F64): F32 {
  return ndarray('float32', matrix.shape, new Float32Array(matrix.data));
}

function doubledBeside(left: F64, right: F64): F64 {
  const [height = 0, first = 0] = left.shape, [, second = 0] = right.shape;
  const out = zeros('float64', [height, first + second]);
  for (let i = 0; i < height; i++) {
    out.data.set(left.data.subarray(i * first, (i + 1) * first), i * (first + second));
    out.data.set(right.data.subarray(i * second, (i + 1) * second), i * (first + second) + first);
  }
  return out;
}

function summarised({ alphas }: Solving, settled: ReadonlyMap<number, Settled>, samples: ReadonlyMap<number, F32>): WeightCheck {
  const all = [...settled].sort(([a], [b]) => a - b);
  const short = (value: number): number => Number(value.toPrecision(3));
  return {
    tolerance: WEIGHT_TOLERANCE, targets: [...samples.values()].reduce((sum, { shape }) => sum + (shape[1] ?? 0), 0),
    worstError: short(Math.max(0, ...all.map(([, { error }]) => error))), worstResidual: short(Math.max(0, ...all.map(([, { residual }]) => residual))),
    again: all.filter(([, { grade }]) => grade > 0).map(([a, { grade }]) => ({ alpha: alphas[a] ?? NaN, grade: GRADES[grade] ?? '' })),
    missed: all.filter(([, { error }]) => !(error <= WEIGHT_TOLERANCE)).map(([a, { error }]) => ({ alpha: alphas[a] ?? NaN, error: short(error) })),
  };
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

/** Weights of the targets of a block that chose one penalty, as its grade keeps them. */
async function putAside(solving: Solving, aside: CheckpointStore, a: number, index: number, grade: number): Promise<void> {
  const { prepared, alphas, blocks, x, dependencies: { products, signal } } = solving;
  throwIfAborted(signal);
  const block = blocks[index], alpha = alphas[a] ?? NaN;
  if (block === undefined) return;
  const columns = columnsOf(solving, block, a);
  if (columns?.length === 0 || await aside.read(asideName(index, a)) !== null) return;
  const pick = (matrix: F32): F32 => (columns === null ? matrix : pickColumns(matrix, columns));
  const y = await block.read();
  if (grade === 0) { await aside.write(asideName(index, a), await prepared.weights(alpha, pick(await prepared.basis(y, { signal })), { signal })); return; }
  const found = await exactly(prepared, x, pick(y), alpha, products, signal);
  await aside.write(asideName(index, a), single(grade === 2 ? await transposedTimes(x, found, products, signal) : found));
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
