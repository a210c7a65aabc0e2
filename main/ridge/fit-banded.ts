/**
 * Banded ridge: bands of voxels (regions) or of features (spaces) with a penalty each, by random search over mixes.
 *
 *   minimises |y - sum over bands of X_g w_g|^2 + sum of (alpha / gamma_g) |w_g|^2, gamma on the simplex
 *
 * For each mix gamma the kernel is sum gamma_g K_g, with the kernel of every band made once; penalties are cross-validated as elsewhere and every
 * target keeps its best (gamma, alpha). gamma_g = 0 leaves a band out. Weights are kept in primal form: w_g = gamma_g X_g' c.
 *
 * Source: method.md 2.4; himalaya's random search (Dupre la Tour et al. 2022), against which it is checked (test/golden/ridge).
 */
import { UserError, throwIfAborted } from '../../common/errors.ts';
import { f32, ndarray, zeros } from '../../common/ndarray.ts';
import { random } from '../../common/random.ts';
import type { Random } from '../../common/random.ts';
import { rowGram } from '../linalg/gram.ts';
import { rounded } from './artefact.ts';
import { fingerprint, openCheckpoint } from './checkpoint.ts';
import type { Checkpoint } from './checkpoint.ts';
import { writeDecoder } from './decoder.ts';
import { foldsOf, median, phases, targetBlocks } from './fit-options.ts';
import { DEFAULT_MEMORY, planMemory } from './memory.ts';
import { selectPenalties } from './select.ts';
import { sharedSmoothers } from './smoother.ts';
import { dualOf, whole } from './solvers.ts';
import { applyStandard, columnStatistics, scaleOf } from './standardise.ts';
import { pickColumns, reorderRows } from './targets.ts';
import type { F32 } from '../../common/ndarray.ts';
import type { Panels } from '../linalg/panels.ts';
import type { DecoderRecord, WeightPart } from './artefact.ts';
import type { Decoder } from './decoder.ts';
import type { FitDependencies, FitOptions } from './fit-options.ts';
import type { CrossValidation } from './select.ts';

/** Mixes that are tried unless they are given: the first is uniform, others are Dirichlet with concentrations 1 and 0.1 in turn. */
const MIXES = 20;
const CONCENTRATIONS = [1, 0.1] as const;
const SEED = 0;

export interface BandedOptions extends FitOptions {
  readonly bands: ArrayLike<number>;
}

/** Draws mixes `[count][bands]`, each summing to 1; the first is uniform. */
export function drawMixes(bands: number, count: number, source: Random): number[][] {
  return Array.from({ length: count }, (_, index) => {
    if (index === 0) return Array.from({ length: bands }, () => 1 / bands);
    const drawn = Array.from({ length: bands }, () => gamma(CONCENTRATIONS[index % 2] ?? 1, source));
    const sum = drawn.reduce((total, value) => total + value, 0);
    return drawn.map((value) => (sum > 0 ? value / sum : 1 / bands));
  });
}

/** Gamma variate of unit scale (Marsaglia and Tsang 2000; shapes below 1 by a power of a uniform). */
function gamma(shape: number, source: Random): number {
  if (shape < 1) return gamma(shape + 1, source) * source.uniform() ** (1 / shape);
  const d = shape - 1 / 3, c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const z = source.normal(), v = (1 + c * z) ** 3;
    if (v > 0 && Math.log(source.uniform()) < z * z / 2 + d - d * v + d * Math.log(v)) return d * v;
  }
}

function checkBands({ bands, x, folds, standardise, mixes }: BandedOptions): number {
  const [, voxels = 0] = x.shape;
  if (bands.length !== voxels) throw new UserError('bad-input', `${bands.length} band numbers for ${voxels} voxels`, { expected: `${voxels} numbers, one per column of X`, found: `${bands.length}`, fix: 'Give the band of every column of X.' });
  const count = Array.from(bands).reduce((most, band) => Math.max(most, band + 1), 0);
  const seen = new Set(Array.from(bands));
  if (!Array.from(seen).every((band) => Number.isInteger(band) && band >= 0) || seen.size !== count) {
    throw new UserError('bad-input', `bands numbered ${[...seen].sort((a, b) => a - b).slice(0, 10).join(', ')}`, { expected: 'whole numbers 0, 1, ... that are all used', found: `${seen.size} different of ${count}`, fix: 'Renumber the bands from 0 without gaps; an empty band is a mask that chose nothing.' });
  }
  if (folds === null || folds.kind === 'leave-one-out') throw new UserError('usage', 'banded ridge chooses mixes by k folds', { expected: 'folds', found: folds === null ? 'none' : folds.kind, fix: 'Ask for at least 2 folds.' });
  if (standardise === 'zscore') throw new UserError('unsupported', 'banded ridge with z-scoring inside folds', { expected: 'standardise none', found: 'zscore', fix: 'Z-score X beforehand.' });
  for (const mix of mixes ?? []) {
    if (mix.length !== count || !mix.every((weight) => Number.isFinite(weight) && weight >= 0) || !mix.some((weight) => weight > 0)) {
      throw new UserError('usage', `a mix of ${mix.join(', ')}`, { expected: `${count} weights of at least 0, not all 0`, found: `${mix.length}`, fix: 'Give one weight per band.' });
    }
  }
  return count;
}

interface Best {
  readonly loss: Float64Array;
  readonly mix: Uint16Array;
  readonly alpha: Uint16Array;
  readonly r: Float32Array;
  readonly r2: Float32Array;
  readonly mean: Float32Array;
  readonly deviation: Float32Array;
}

/** Fits banded ridge. Throws UserError on bad input, CancelledError when the signal fires. */
export async function fitBanded(options: BandedOptions, dependencies: FitDependencies): Promise<Decoder> {
  const bands = checkBands(options);
  const { x, y, alphas, folds: choice } = options;
  const { products, store, signal } = dependencies;
  const [rows = 0, voxels = 0] = x.shape;
  const folds = foldsOf(rows, choice);
  const plan = planMemory({ rows, voxels, targets: y.targets, form: 'dual', ownKernels: bands }, options.memory ?? DEFAULT_MEMORY);
  const statistics = columnStatistics(x);
  const scale = scaleOf(statistics, 'none');
  const ordered = reorderRows(applyStandard(x, statistics.mean, scale), folds.order);
  const { blocks, statistics: target } = await targetBlocks(y, folds.order, plan.blockTargets, plan.keepTargets, signal);
  const report = phases(dependencies.progress, 100);
  const mixes = options.mixes ?? drawMixes(bands, MIXES, random(SEED));
  // 1. A kernel per band, once.
  const kernels: Panels[] = [];
  for (let band = 0; band < bands; band++) {
    const columns = Array.from({ length: voxels }, (_, v) => v).filter((v) => options.bands[v] === band);
    kernels.push(whole(await rowGram(pickColumns(ordered, columns), products, { signal, progress: (share) => { report('prepare', (band + share) / bands, 'kernels of the bands'); } })));
  }
  // 2. Best mix and penalty of every target.
  const prepare = (mix: readonly number[]): ReturnType<typeof dualOf> => dualOf(mixed(kernels, mix), products, { signal, keep: 0 });
  const best: Best = {
    loss: new Float64Array(y.targets).fill(Infinity), mix: new Uint16Array(y.targets), alpha: new Uint16Array(y.targets), r: new Float32Array(y.targets), r2: new Float32Array(y.targets),
    mean: new Float32Array(y.targets), deviation: new Float32Array(y.targets),
  };
  const checkpoint = await openCheckpoint(dependencies.checkpoint, fingerprint([
    JSON.stringify(['banded', 1, rows, voxels, y.targets, alphas, mixes, Array.from(options.bands), folds.ranges, plan.blockTargets]), folds.order, statistics.mean, statistics.deviation, target.mean, target.deviation,
  ]));
  for (const [index, mix] of mixes.entries()) {
    throwIfAborted(signal);
    const problem = { x: ordered, alphas, folds: folds.ranges, standardise: 'none' as const, prepared: prepare(mix) };
    const found = await selectPenalties({
      rows, targets: y.targets, alphas, folds: folds.ranges.length, blocks, rule: 'best', targetMean: target.mean, targetSquares: target.squares, checkpoint: ofMix(checkpoint, index), signal,
      progress: (done, total, what) => { report('select', (index + done / total) / mixes.length, what); },
    }, sharedSmoothers(problem, products, { signal }), products);
    keepBetter(best, found, index);
  }
  // 3. Weights, for every mix and penalty that won somewhere.
  const parts: WeightPart[] = [];
  const mixOf = zeros('float32', [bands, y.targets]);
  for (let t = 0; t < y.targets; t++) for (let band = 0; band < bands; band++) mixOf.data[band * y.targets + t] = mixes[best.mix[t] ?? 0]?.[band] ?? 0;
  for (const [index, block] of blocks.entries()) {
    const file = blocks.length === 1 ? 'primal.npy' : `primal-${String(index).padStart(3, '0')}.npy`;
    parts.push({ file, from: block.from, to: block.to });
    if (await checkpoint.kept(`weights-${index}`, 1) !== null && await store.has(file)) continue;
    const out = zeros('float32', [voxels, block.to - block.from]);
    const targets = await block.read();
    for (const [m, mix] of mixes.entries()) {
      // Made only for mixes that won somewhere in the block.
      let prepared: ReturnType<typeof dualOf> | null = null;
      for (const [a, alpha] of alphas.entries()) {
        throwIfAborted(signal);
        const columns = Array.from({ length: block.to - block.from }, (_, k) => k).filter((k) => best.mix[block.from + k] === m && best.alpha[block.from + k] === a);
        if (columns.length === 0) continue;
        prepared ??= prepare(mix);
        const dual = await prepared.weights(alpha, pickColumns(targets, columns));
        const primal = await products.multiply('aTb', ordered, dual);
        scatter(out, primal, columns, options.bands, mix);
      }
    }
    await store.writeArray(file, out);
    await checkpoint.keep(`weights-${index}`, Float64Array.of(1));
    report('solve', block.to / y.targets, 'weights');
  }
  const record: DecoderRecord = {
    kind: 'optogram-decoder', version: 2, rows, voxels, targets: y.targets, form: 'primal',
    solver: { name: 'banded', title: 'banded ridge (dual, Cholesky)', reason: `${bands} bands, ${mixes.length} mixes` }, standardise: 'none', banded: { bands, mixes: mixes.length }, alphas,
    folds: { kind: choice?.kind ?? 'k-fold', count: folds.ranges.length, rule: 'best', search: 'exhaustive' },
    alphaPerTarget: Array.from(best.alpha, (index) => alphas[index] ?? NaN),
    scores: { mse: rounded(best.loss), r2: rounded(best.r2), r: rounded(best.r) },
    summary: { medianR2: median(best.r2), medianR: median(best.r), alphaCounts: alphas.map((_, index) => best.alpha.reduce((count, own) => count + (own === index ? 1 : 0), 0)) },
    weights: parts, provenance: options.provenance ?? {},
  };
  const yMean = Float32Array.from(target.mean);
  const decoder: Decoder = { record, store, xMean: statistics.mean, xScale: scale, yMean, intercept: yMean, yDeviation: Float32Array.from(target.deviation), outOfFold: { mean: best.mean, deviation: best.deviation } };
  await store.writeArray('bands.npy', ndarray('int32', [voxels], Int32Array.from(options.bands)));
  await store.writeArray('mixes.npy', mixOf);
  await writeDecoder(decoder, null);
  report('solve', 1, 'done');
  return decoder;
}

/** The part of a checkpoint that belongs to one mix. */
function ofMix(checkpoint: Checkpoint, mix: number): Checkpoint {
  return { kept: (name, length) => checkpoint.kept(`mix-${mix}-${name}`, length), keep: (name, values) => checkpoint.keep(`mix-${mix}-${name}`, values) };
}

function mixed(kernels: readonly Panels[], mix: readonly number[]): Panels {
  const [first] = kernels;
  if (first === undefined) throw new RangeError('no bands');
  const panels = first.panels.map((panel, p) => {
    const out = zeros(panel.dtype, panel.shape);
    kernels.forEach((kernel, band) => {
      const weight = mix[band] ?? 0;
      const data = kernel.panels[p]?.data;
      if (weight === 0 || data === undefined) return;
      for (let i = 0; i < data.length; i++) out.data[i] = (out.data[i] ?? 0) + weight * (data[i] ?? 0);
    });
    return out;
  });
  return { ...first, panels };
}

/** Takes over what is strictly better: of equal mixes the first stays. */
function keepBetter(best: Best, found: CrossValidation, mix: number): void {
  const targets = best.loss.length;
  for (let t = 0; t < targets; t++) {
    const loss = found.losses.data[(found.chosen[t] ?? 0) * targets + t] ?? Infinity;
    if (!(loss < (best.loss[t] ?? Infinity))) continue;
    best.loss[t] = loss;
    best.mix[t] = mix;
    best.alpha[t] = found.chosen[t] ?? 0;
    best.r[t] = found.r[t] ?? 0;
    best.r2[t] = found.r2[t] ?? 0;
    best.mean[t] = found.predictionMean[t] ?? 0;
    best.deviation[t] = found.predictionDeviation[t] ?? 0;
  }
}

/** Rows of bands times their weight in the mix. */
function scatter(out: F32, primal: F32, columns: readonly number[], bands: ArrayLike<number>, mix: readonly number[]): void {
  const [voxels = 0, width = 0] = out.shape;
  for (let v = 0; v < voxels; v++) {
    const weight = mix[bands[v] ?? 0] ?? 0;
    for (let k = 0; k < columns.length; k++) out.data[v * width + (columns[k] ?? 0)] = weight * (primal.data[v * columns.length + k] ?? 0);
  }
}

/** The part of every band in predictions, `[bands][rows, targets]`; with the intercept they sum to the prediction. */
export async function bandPredictions(decoder: Decoder, x: F32, weights: F32, products: FitDependencies['products']): Promise<F32[]> {
  const bandOf = (await decoder.store.readArray('bands.npy')).data;
  const standard = applyStandard(x, decoder.xMean, decoder.xScale);
  const [, targets = 0] = weights.shape;
  const out: F32[] = [];
  for (let band = 0; band < (decoder.record.banded?.bands ?? 0); band++) {
    const columns = Array.from(bandOf as ArrayLike<number>, (own, v) => (own === band ? v : -1)).filter((v) => v >= 0);
    const part = f32([columns.length, targets], new Float32Array(columns.length * targets));
    columns.forEach((v, k) => part.data.set(weights.data.subarray(v * targets, (v + 1) * targets), k * targets));
    out.push(await products.multiply('ab', pickColumns(standard, columns), part));
  }
  return out;
}

/**
 * Product measure: every band's share of R2, per target, `[bands][targets]`. For centred y and parts p_g with sum p:
 * share_g = sum over rows of p_g (2 y - p) / sum y^2; the shares sum to 1 - |y - p|^2 / |y|^2. Source: method.md 6.3, himalaya `r2_score_split`.
 * 0 for constant targets.
 */
export function productMeasure(y: F32, intercept: ArrayLike<number>, parts: readonly F32[]): Float64Array[] {
  const [rows = 0, targets = 0] = y.shape;
  const shares = parts.map(() => new Float64Array(targets));
  for (let t = 0; t < targets; t++) {
    let mean = 0, squares = 0;
    for (let i = 0; i < rows; i++) mean += (y.data[i * targets + t] ?? 0) / rows;
    for (let i = 0; i < rows; i++) squares += ((y.data[i * targets + t] ?? 0) - mean) ** 2;
    if (squares === 0) continue;
    // The offset of the prediction belongs to no band: both sides are measured from the intercept.
    const own = intercept[t] ?? 0;
    const offset = rows * (mean - own) ** 2;
    for (let i = 0; i < rows; i++) {
      const at = i * targets + t;
      let sum = 0;
      for (const part of parts) sum += part.data[at] ?? 0;
      const rest = 2 * ((y.data[at] ?? 0) - own) - sum;
      parts.forEach((part, band) => {
        const share = shares[band];
        if (share !== undefined) share[t] = (share[t] ?? 0) + ((part.data[at] ?? 0) * rest) / squares;
      });
    }
    // 1 - |y - b - p|^2 / |y - mean|^2 = sum of shares - offset / squares: spread evenly, it is zero when the mean is the intercept.
    for (const share of shares) share[t] = (share[t] ?? 0) - offset / squares / parts.length;
  }
  return shares;
}
