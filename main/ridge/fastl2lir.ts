/**
 * FastL2LiR as published: for every target the `voxelsPerTarget` voxels with the largest absolute correlation, an absolute penalty on their
 * Gram matrix, and a penalised bias. X and Y are used as they are: neither centred nor scaled.
 *
 *   minimises |y - X_S w - b|^2 + alpha (|w|^2 + b^2), S = voxels of the largest |corr(x_v, y)|
 *
 * As in the package, voxels of variance below 1e-8 correlate with nothing, and asking for all voxels or none means no selection.
 * Where the package's choice is arbitrary (equal correlations, a constant target) the voxel that comes first is taken.
 * Everything in double precision. One Gram matrix serves all targets.
 *
 * Source: method.md 2.1; KamitaniLab/PyFastL2LiR 0.11, against whose test data it is checked (test/golden/ridge).
 */
import { UserError, throwIfAborted } from '../../common/errors.ts';
import { ndarray } from '../../common/ndarray.ts';
import type { F32, F64 } from '../../common/ndarray.ts';
import { rowGram } from '../linalg/gram.ts';
import { panelRange, symmetricRows } from '../linalg/panels.ts';
import type { Panels } from '../linalg/panels.ts';
import { factorPositive, solvePositive } from '../linalg/positive.ts';
import type { LowerFactor } from '../linalg/positive.ts';
import { ofType } from '../linalg/products.ts';
import type { Products, Triangle } from '../linalg/products.ts';
import { triangleOf } from '../linalg/triangle.ts';

export interface FastL2lirOptions {
  /** 0, or at least the number of voxels: no selection. */
  readonly voxelsPerTarget: number;
  /** Absolute: added to the diagonal of the Gram matrix of X and a column of ones. */
  readonly alpha: number;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((share: number, what: string) => void) | undefined;
}

export interface FastL2lirWeights {
  /** `[voxels, targets]`; 0 where a voxel was not selected. */
  readonly weights: F64;
  readonly bias: Float64Array;
}

/** What depends on X only. */
export interface PreparedFastL2lir {
  readonly selects: boolean;
  /** Weights of a block of targets `[rows, targets]`. */
  solve(y: F32 | F64): Promise<FastL2lirWeights>;
}

/** Variance below which the package takes a voxel for constant. */
const CONSTANT_VARIANCE = 1e-8;
/** Multiply-adds per product call. */
const MOST_PER_CALL = 4e9;

/** Gram matrix and column statistics of X `[rows, voxels]`. Throws UserError (`usage`) for a penalty that is not positive. */
export async function prepareFastL2lir(x: F32 | F64, options: FastL2lirOptions, products: Products): Promise<PreparedFastL2lir> {
  const { alpha, voxelsPerTarget } = options;
  const [rows = 0, voxels = 0] = x.shape;
  if (!(Number.isFinite(alpha) && alpha > 0)) throw new UserError('usage', `a penalty of ${alpha}`, { expected: 'a positive number', found: String(alpha), fix: 'Give a penalty such as 0.15.' });
  if (!Number.isInteger(voxelsPerTarget) || voxelsPerTarget < 0) throw new UserError('usage', `${voxelsPerTarget} voxels per target`, { expected: 'a whole number of at least 0', found: String(voxelsPerTarget) });
  const columns = turned(x);
  const progress = (share: number): void => options.progress?.(share, 'covariance of the voxels');
  const selects = voxelsPerTarget > 0 && voxelsPerTarget < voxels;
  if (!selects && voxels + 1 >= rows) return prepareAll(columns, await rowGram(withOnes(x), products, { signal: options.signal, progress }), 'dual', options, products);
  const gram = await rowGram(columns, products, { signal: options.signal, progress });
  if (!selects) return prepareAll(columns, gram, 'primal', options, products);
  addToDiagonal(gram, alpha);
  const matrix = triangleOf(gram);
  const moments = columnMoments(columns, voxels, rows);
  return {
    selects,
    solve: async (y) => {
      const [, targets = 0] = y.shape;
      const yT = turned(y, false);
      const cross = await productOf(yT, columns, products, options.signal);
      return solveSelected({ matrix, cross, moments, yMoments: columnMoments(yT, targets, rows), rows, voxels, targets }, options, products);
    },
  };
}

/** X' with a last row of ones, or Y': `[columns (+ 1), rows]` in double precision. */
function turned(x: F32 | F64, ones = true): F64 {
  const [rows = 0, width = 0] = x.shape;
  const out = new Float64Array((width + (ones ? 1 : 0)) * rows);
  for (let left = 0; left < width; left += 8) {
    const right = Math.min(width, left + 8);
    for (let i = 0; i < rows; i++) for (let j = left; j < right; j++) out[j * rows + i] = x.data[i * width + j] ?? 0;
  }
  if (ones) out.fill(1, width * rows);
  return ndarray('float64', [width + (ones ? 1 : 0), rows], out);
}

/** X with a last column of ones, double precision. */
function withOnes(x: F32 | F64): F64 {
  const [rows = 0, width = 0] = x.shape;
  const out = new Float64Array(rows * (width + 1)).fill(1);
  for (let i = 0; i < rows; i++) out.set(x.data.subarray(i * width, (i + 1) * width), i * (width + 1));
  return ndarray('float64', [rows, width + 1], out);
}

function addToDiagonal(matrix: Panels, amount: number): void {
  matrix.panels.forEach(({ data }, p) => {
    const [start, end] = panelRange(matrix, p);
    for (let i = start; i < end; i++) data[i * (end - start) + i - start] = (data[i * (end - start) + i - start] ?? 0) + amount;
  });
}

/** A B' in calls of bounded length. */
async function productOf(a: F64, b: F64, products: Products, signal: AbortSignal | undefined): Promise<F64> {
  const [height = 0, inner = 0] = a.shape;
  const [width = 0] = b.shape;
  const out = new Float64Array(height * width);
  const step = Math.max(1, Math.floor(MOST_PER_CALL / (inner * width)));
  for (let from = 0; from < height; from += step) {
    throwIfAborted(signal);
    const to = Math.min(height, from + step);
    out.set((await products.multiply('abT', ndarray('float64', [to - from, inner], a.data.subarray(from * inner, to * inner)), b)).data, from * width);
  }
  return ndarray('float64', [height, width], out);
}

interface Moments {
  readonly mean: Float64Array;
  /** 1 / sqrt(sum of squares about the mean); 0 for columns of no variance. */
  readonly scale: Float64Array;
}

/** Of the first `count` rows of a matrix `[at least count, rows]`. */
function columnMoments(columns: F64, count: number, rows: number): Moments {
  const mean = new Float64Array(count), scale = new Float64Array(count);
  for (let j = 0; j < count; j++) {
    let sum = 0;
    for (let i = j * rows; i < (j + 1) * rows; i++) sum += columns.data[i] ?? 0;
    const centre = sum / rows;
    let squares = 0;
    for (let i = j * rows; i < (j + 1) * rows; i++) squares += ((columns.data[i] ?? 0) - centre) ** 2;
    mean[j] = centre;
    scale[j] = squares / rows < CONSTANT_VARIANCE ? 0 : 1 / Math.sqrt(squares);
  }
  return { mean, scale };
}

interface Selection {
  /** X~' X~ + alpha I. */
  readonly matrix: Triangle;
  /** Y' X~, `[targets, voxels + 1]`. */
  readonly cross: F64;
  readonly moments: Moments;
  readonly yMoments: Moments;
  readonly rows: number;
  readonly voxels: number;
  readonly targets: number;
}

async function solveSelected(selection: Selection, { voxelsPerTarget, signal, progress }: FastL2lirOptions, products: Products): Promise<FastL2lirWeights> {
  const { matrix, cross, voxels, targets } = selection;
  const size = voxelsPerTarget + 1;
  const subsets = new Int32Array(new SharedArrayBuffer(targets * size * 4)), right = new Float64Array(new SharedArrayBuffer(targets * size * 8));
  for (let target = 0; target < targets; target++) {
    throwIfAborted(signal);
    const chosen = subsets.subarray(target * size, (target + 1) * size);
    selectVoxels(selection, target, chosen);
    for (let k = 0; k < size; k++) right[target * size + k] = cross.data[target * (voxels + 1) + (chosen[k] ?? 0)] ?? NaN;
  }
  await products.solveSubsystems({ matrix, size, count: targets, subsets, right }, { signal, progress: (share) => progress?.(share, 'systems of selected voxels') });
  const weights = new Float64Array(voxels * targets), bias = new Float64Array(targets);
  for (let target = 0; target < targets; target++) {
    const at = target * size;
    for (let k = 0; k < voxelsPerTarget; k++) weights[(subsets[at + k] ?? 0) * targets + target] = right[at + k] ?? NaN;
    bias[target] = right[at + voxelsPerTarget] ?? NaN;
  }
  return { weights: ndarray('float64', [voxels, targets], weights), bias };
}

/** Voxels of the largest |r|, ascending, and then the bias (`voxels`), into `out`. */
function selectVoxels({ cross, moments, yMoments, rows, voxels }: Selection, target: number, out: Int32Array): void {
  const count = out.length - 1;
  const strength = new Float64Array(voxels);
  const offset = rows * (yMoments.mean[target] ?? 0);
  const own = yMoments.scale[target] ?? 0;
  for (let v = 0; v < voxels; v++) {
    strength[v] = Math.abs((cross.data[target * (voxels + 1) + v] ?? 0) - offset * (moments.mean[v] ?? 0)) * (moments.scale[v] ?? 0) * own;
  }
  const threshold = ranked(strength.slice(), voxels - count);
  let stronger = 0;
  for (let v = 0; v < voxels; v++) if ((strength[v] ?? 0) > threshold) stronger++;
  // Of those equal to the threshold, the first.
  let equal = count - stronger, at = 0;
  for (let v = 0; v < voxels; v++) {
    const value = strength[v] ?? 0;
    if (value > threshold || (value === threshold && equal-- > 0)) out[at++] = v;
  }
  out[count] = voxels;
}

/** The value that would be at `place` in ascending order; reorders the values. Hoare's selection: a few passes where a sort takes eleven. */
function ranked(values: Float64Array, place: number): number {
  let low = 0, high = values.length - 1;
  while (low < high) {
    const pivot = values[(low + high) >> 1] ?? NaN;
    let i = low, j = high;
    while (i <= j) {
      while ((values[i] ?? NaN) < pivot) i++;
      while ((values[j] ?? NaN) > pivot) j--;
      if (i > j) break;
      const held = values[i] ?? NaN;
      values[i++] = values[j] ?? NaN;
      values[j--] = held;
    }
    if (place <= j) high = j;
    else if (place >= i) low = i;
    else break;
  }
  return values[place] ?? NaN;
}

/** Without selection: one factor for all targets, of voxels or of rows, whichever are fewer. */
async function prepareAll(columns: F64, gram: Panels, form: 'primal' | 'dual', options: FastL2lirOptions, products: Products): Promise<PreparedFastL2lir> {
  addToDiagonal(gram, options.alpha);
  const factor: LowerFactor = await factorPositive(symmetricRows(gram, 0, gram.size), products, { signal: options.signal });
  const [extended = 0] = columns.shape;
  return {
    selects: false,
    solve: async (y) => {
      const [, targets = 0] = y.shape;
      // Rows of the right-hand side are targets: B A^-1.
      const yT = turned(y, false);
      const resolved = ofType(await solvePositive(factor, form === 'primal' ? await productOf(yT, columns, products, options.signal) : yT, products, { signal: options.signal }), 'float64');
      const solved = form === 'primal' ? resolved
        : await productOf(resolved, columns, products, options.signal);
      const voxels = extended - 1;
      const weights = new Float64Array(voxels * targets), bias = new Float64Array(targets);
      for (let t = 0; t < targets; t++) {
        for (let v = 0; v < voxels; v++) weights[v * targets + t] = solved.data[t * extended + v] ?? 0;
        bias[t] = solved.data[t * extended + voxels] ?? 0;
      }
      return { weights: ndarray('float64', [voxels, targets], weights), bias };
    },
  };
}
