/**
 * Cholesky factor, triangular inverse and inverse of symmetric positive definite matrices, in double or, where asked, single precision.
 *
 *   A + shift I = U' U,  U upper triangular; inverse = V V', V = U^-1.
 *
 * Blocked over column panels (`panels.ts`): a diagonal block is factored the same way in panels of 64, and only
 * those 64 x 64 blocks are sequential typed-array code; everything else is
 * products of contiguous views. Cost n^3/3 multiply-adds/2 for the factor, twice that for the inverse. Diagonal blocks are applied through
 * their explicit triangular inverses: they are well conditioned whenever the shift is a ridge penalty.
 * Refuses matrices that are not positive definite, naming the first bad pivot.
 */
import { UserError, throwIfAborted } from '../../common/errors.ts';
import { ndarray, rows, zeros } from '../../common/ndarray.ts';
import { asType, panelRange, panelRows, panelsOf } from './panels.ts';
import type { Panels } from './panels.ts';
import type { Matrix, Products, Real } from './products.ts';

export interface CholeskyOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called after each panel with the share of the work done. */
  readonly progress?: ((share: number) => void) | undefined;
  /** Row of a larger matrix where this one starts, for messages. */
  readonly at?: number;
  /** Precision of the factor; that of the matrix unless given. Diagonal blocks are always factored in double. */
  readonly dtype?: Real;
}

export interface CholeskyFactor {
  /** U; entries below the diagonal inside diagonal blocks are zero. */
  readonly upper: Panels;
  /** Inverses of the diagonal blocks of U, `[width, width]` each, upper triangular. */
  readonly diagonalInverses: readonly Matrix[];
}

/** Sequential factor of one block in place (upper part used), lower part zeroed. `at` is its place in the matrix, for the message. */
export function choleskyBlock(block: Float64Array, size: number, at: number): void {
  for (let k = 0; k < size; k++) {
    const pivot = block[k * size + k] ?? 0;
    if (!(pivot > 0)) {
      throw new UserError('bad-input', `the matrix is not positive definite: pivot ${at + k} is ${pivot}`, {
        expected: 'a positive pivot', found: `${pivot}`, fix: 'Use a larger penalty, or remove voxels and targets that are not finite.',
      });
    }
    const root = Math.sqrt(pivot);
    for (let j = k; j < size; j++) block[k * size + j] = (block[k * size + j] ?? 0) / root;
    for (let i = k + 1; i < size; i++) {
      const factor = block[k * size + i] ?? 0;
      for (let j = i; j < size; j++) block[i * size + j] = (block[i * size + j] ?? 0) - factor * (block[k * size + j] ?? 0);
      block[i * size + k] = 0;
    }
  }
}

/** Inverse of an upper triangular block. */
export function invertUpperBlock(upper: Float64Array, size: number): Float64Array {
  const out = new Float64Array(size * size);
  for (let i = size - 1; i >= 0; i--) {
    const inverse = 1 / (upper[i * size + i] ?? 1);
    out[i * size + i] = inverse;
    // Row i of the inverse: -(1/u_ii) sum over k > i of u_ik times row k.
    for (let k = i + 1; k < size; k++) {
      const factor = -inverse * (upper[i * size + k] ?? 0);
      for (let j = k; j < size; j++) out[i * size + j] = (out[i * size + j] ?? 0) + factor * (out[k * size + j] ?? 0);
    }
  }
  return out;
}

/** Factor of A + shift I. Throws UserError (`bad-input`) if a pivot is not positive. */
export async function cholesky(matrix: Panels, shift: number, products: Products, options: CholeskyOptions = {}): Promise<CholeskyFactor> {
  const { size, width } = matrix;
  const dtype = options.dtype ?? matrix.dtype;
  const upper: Matrix[] = [];
  const diagonalInverses: Matrix[] = [];
  const built: Panels = { dtype, size, width, panels: upper };
  for (let p = 0; p < matrix.panels.length; p++) {
    throwIfAborted(options.signal);
    const [start, end] = panelRange(matrix, p);
    const columns = end - start;
    const source = matrix.panels[p];
    if (source === undefined) continue;
    const panel = source.dtype === dtype ? { ...source, data: source.data.slice() } : asType(source, dtype);
    for (let i = 0; i < columns; i++) panel.data[(start + i) * columns + i] = (panel.data[(start + i) * columns + i] ?? 0) + shift;
    // 1. Block rows above the diagonal, top down: U_jp = U_jj^-T (A_jp - U_:j' U_:p).
    for (let j = 0; j < p; j++) {
      const [from, to] = panelRange(matrix, j);
      const inverse = diagonalInverses[j];
      if (inverse === undefined) continue;
      const rest = from === 0 ? rows(panel, from, to) : await products.accumulate(rows(panel, from, to), -1, 'aTb', panelRows(built, j, 0, from), rows(panel, 0, from));
      panel.data.set((await products.multiply('aTb', inverse, rest)).data, from * columns);
    }
    // 2. Diagonal block: U_pp' U_pp = A_pp - U_:p' U_:p.
    const above = rows(panel, 0, start);
    const rest = start === 0 ? rows(panel, start, end) : await products.accumulate(rows(panel, start, end), -1, 'aTb', above, above);
    const block = await factorDiagonal(asType(rest, 'float64'), (options.at ?? 0) + start, products, options.signal);
    panel.data.set(block.upper.data, start * columns);
    upper.push(panel);
    diagonalInverses.push(asType(block.inverse, dtype));
    options.progress?.((end / size) ** 3);
  }
  return { upper: built, diagonalInverses };
}

/** Sequential up to this size. */
const LEAF = 64;

/** U and U^-1 of one diagonal block, dense `[n, n]` in double precision. */
async function factorDiagonal(block: Matrix, at: number, products: Products, signal: AbortSignal | undefined): Promise<{ readonly upper: Matrix; readonly inverse: Matrix }> {
  const [size = 0] = block.shape;
  if (size <= LEAF) {
    const upper = new Float64Array(block.data);
    choleskyBlock(upper, size, at);
    return { upper: ndarray('float64', [size, size], upper), inverse: ndarray('float64', [size, size], invertUpperBlock(upper, size)) };
  }
  const factor = await cholesky(panelsOf(block, LEAF), 0, products, { signal, at });
  return { upper: dense(factor.upper), inverse: dense(await invertUpper(factor, products, { signal })) };
}

/** An upper triangular matrix with its zeros, `[n, n]`. */
function dense(matrix: Panels): Matrix {
  const { dtype, size } = matrix;
  const out = zeros(dtype, [size, size]);
  matrix.panels.forEach(({ data }, p) => {
    const [start, end] = panelRange(matrix, p);
    for (let i = 0; i < end; i++) out.data.set(data.subarray(i * (end - start), (i + 1) * (end - start)), i * size + start);
  });
  return out;
}

/** V = U^-1 as panels. */
export async function invertUpper({ upper, diagonalInverses }: CholeskyFactor, products: Products, options: CholeskyOptions = {}): Promise<Panels> {
  const { dtype, size, width } = upper;
  const panels: Matrix[] = [];
  const built: Panels = { dtype, size, width, panels };
  for (let p = 0; p < upper.panels.length; p++) {
    throwIfAborted(options.signal);
    const [start, end] = panelRange(upper, p);
    const columns = end - start;
    const own = diagonalInverses[p];
    if (own === undefined) continue;
    const panel = zeros(dtype, [end, columns]);
    panel.data.set(own.data, start * columns);
    // V_:p = -(sum over j < p of V_:j U_jp) U_pp^-1. From the last j to the first, because V_:j is shorter the smaller j is: block row j is
    // complete as soon as panel j was added.
    let sum: Matrix | null = null;
    for (let j = p - 1; j >= 0; j--) {
      const [from, to] = panelRange(upper, j);
      const left = panelRows(built, j, 0, to);
      const right = panelRows(upper, p, from, to);
      sum = sum === null ? await products.multiply('ab', left, right) : await products.accumulate<Real>(rows<Real>(sum, 0, to), 1, 'ab', left, right);
      panel.data.set(rows<Real>(sum, from, to).data, from * columns);
    }
    if (start > 0) {
      const product = await products.multiply('ab', rows(panel, 0, start), own);
      for (let i = 0; i < product.data.length; i++) panel.data[i] = -(product.data[i] ?? 0);
    }
    panels.push(panel);
    options.progress?.((end / size) ** 3);
  }
  return built;
}

/** (A + shift I)^-1 from its factor, upper triangle. */
export async function inverse(factor: CholeskyFactor, products: Products, options: CholeskyOptions = {}): Promise<Panels> {
  const v = await invertUpper(factor, products, { ...options, progress: (share) => options.progress?.(share / 2) });
  const panels: Matrix[] = [];
  for (let p = 0; p < v.panels.length; p++) {
    throwIfAborted(options.signal);
    const [start, end] = panelRange(v, p);
    // (V V')_:p = sum over k >= p of V_:k V_pk'.
    let sum: Matrix | null = null;
    for (let k = p; k < v.panels.length; k++) {
      const left = panelRows(v, k, 0, end);
      const right = panelRows(v, k, start, end);
      sum = sum === null ? await products.multiply('abT', left, right) : await products.accumulate<Real>(sum, 1, 'abT', left, right);
    }
    if (sum !== null) panels.push(sum);
    options.progress?.(0.5 + end / v.size / 2);
  }
  return { dtype: v.dtype, size: v.size, width: v.width, panels };
}
