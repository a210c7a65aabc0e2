/**
 * Symmetric positive definite matrices that are held whole, `[n, n]` row-major, by recursive halving: nearly all work is products of large
 * contiguous blocks, at the speed of the runtime. For matrices too large for one tensor there is `cholesky.ts` (panels).
 *
 *   inverse  (A11 A21'; A21 A22): T = A21 A11^-1, S = A22 - T A21', R22 = S^-1, R12 = -T' R22, R11 = A11^-1 - T' R12'. n^3 multiply-adds / 2
 *   factor   L11, L21 = A21 L11^-T, L22 of A22 - L21 L21'. n^3 / 6
 *   solve    B A^-1 = (B L^-T) L^-1, by halves. m n^2
 *
 * Only the lower triangle is read. Blocks of up to `LEAF` rows are sequential double-precision code, whatever the precision of the matrix.
 * Source: Golub and Van Loan, Matrix Computations, 4.2 and 3.2.11 (block elimination).
 */
import { throwIfAborted } from '../../common/errors.ts';
import { ndarray, rows, zeros } from '../../common/ndarray.ts';
import { choleskyBlock, invertUpperBlock } from './cholesky.ts';
import { asType } from './panels.ts';
import type { Matrix, Products, Real } from './products.ts';

export interface PositiveOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the share of the work done, 0 to 1. */
  readonly progress?: ((share: number) => void) | undefined;
}

/** Sequential up to this size: its n LEAF^2 multiply-adds stay far below those of the products. */
const LEAF = 64;
/** Factors up to this size are kept as explicit inverses: one product applies them, where halves would be copied and cut again. */
const MERGED = 256;
/** Multiply-adds of one product call: a fraction of a second, so that a run can be stopped. */
const MOST_PER_CALL = 6e9;
/** Rows per product where only the lower triangle is wanted: few enough to skip most of the upper one. */
const TRIANGLE_ROWS = 512;
/** Columns that are transposed together: one cache line of each row. */
const TILE = 8;

/** L of A = L L'. */
export type LowerFactor =
  | { readonly size: number; readonly inverse: Matrix }
  | { readonly size: number; readonly top: LowerFactor; readonly bottom: LowerFactor; /** L21, `[bottom, top]`. */ readonly below: Matrix };

interface Work {
  readonly products: Products;
  readonly signal: AbortSignal | undefined;
  /** Adds multiply-adds that are done. */
  readonly did: (amount: number) => void;
}

function worker(products: Products, { signal, progress }: PositiveOptions, total: number): Work {
  let done = 0;
  return { products, signal, did: (amount) => { done += amount; progress?.(Math.min(1, done / total)); } };
}

/** Copy of rows `from..to`, columns `low..high`. */
function block(matrix: Matrix, from: number, to: number, low: number, high: number): Matrix {
  const [, width = 0] = matrix.shape;
  const out = zeros(matrix.dtype, [to - from, high - low]);
  for (let i = from; i < to; i++) out.data.set(matrix.data.subarray(i * width + low, i * width + high), (i - from) * (high - low));
  return out;
}

function transposed(matrix: Matrix): Matrix {
  const [height = 0, width = 0] = matrix.shape;
  const result = zeros(matrix.dtype, [width, height]);
  const out = result.data, data = matrix.data;
  for (let left = 0; left < width; left += TILE) {
    const right = Math.min(width, left + TILE);
    for (let i = 0; i < height; i++) for (let j = left; j < right; j++) out[j * height + i] = data[i * width + j] ?? 0;
  }
  return result;
}

/** sign op(A) op(B) with A taken by rows, in calls of bounded length. */
async function product<D extends Real>(form: 'ab' | 'abT', a: Matrix<D>, b: Matrix<D>, { products, signal, did }: Work): Promise<Matrix<D>> {
  const [height = 0, inner = 0] = a.shape;
  const columns = (form === 'ab' ? b.shape[1] : b.shape[0]) ?? 0;
  const step = Math.max(1, Math.floor(MOST_PER_CALL / (inner * columns)));
  if (step >= height) { throwIfAborted(signal); did(height * inner * columns); return products.multiply(form, a, b); }
  const out = zeros(a.dtype, [height, columns]);
  for (let from = 0; from < height; from += step) {
    throwIfAborted(signal);
    const to = Math.min(height, from + step);
    out.data.set((await products.multiply(form, rows(a, from, to), b)).data, from * columns);
    did((to - from) * inner * columns);
  }
  return out;
}

/** base - A B', lower triangle of a symmetric result (some entries above it are filled too); base is overwritten. */
async function subtractSymmetric<D extends Real>(base: Matrix<D>, a: Matrix<D>, b: Matrix<D>, { products, signal, did }: Work): Promise<void> {
  const [size = 0] = base.shape;
  const [, inner = 0] = a.shape;
  const step = Math.max(1, Math.min(TRIANGLE_ROWS, Math.floor(MOST_PER_CALL / (inner * size))));
  for (let from = 0; from < size; from += step) {
    throwIfAborted(signal);
    const to = Math.min(size, from + step);
    const found = await products.multiply('abT', rows(a, from, to), rows(b, 0, to));
    const { data } = found;
    for (let i = from; i < to; i++) for (let j = 0, at = (i - from) * to; j <= i; j++) base.data[i * size + j] = (base.data[i * size + j] ?? 0) - (data[at + j] ?? 0);
    did((to - from) * inner * to);
  }
}

/** Lower Cholesky factor of a small block and its inverse, in double precision. `at`: its first row in the whole matrix, for the message. */
function leafInverse(a: Matrix, at: number): Float64Array {
  const [size = 0] = a.shape;
  // The sequential code works on upper triangles: U = L'.
  const upper = new Float64Array(size * size);
  for (let i = 0; i < size; i++) for (let j = 0; j <= i; j++) upper[j * size + i] = a.data[i * size + j] ?? 0;
  choleskyBlock(upper, size, at);
  const inverse = invertUpperBlock(upper, size);
  const out = new Float64Array(size * size);
  for (let i = 0; i < size; i++) for (let j = 0; j <= i; j++) out[i * size + j] = inverse[j * size + i] ?? 0;
  return out;
}

/** V' V of a lower triangular V: rank-one updates with its rows, so that every access is contiguous. */
function squared(lower: Float64Array, size: number): Float64Array {
  const out = new Float64Array(size * size);
  for (let k = 0; k < size; k++) {
    for (let i = 0; i <= k; i++) {
      const factor = lower[k * size + i] ?? 0;
      for (let j = 0; j <= k; j++) out[i * size + j] = (out[i * size + j] ?? 0) + factor * (lower[k * size + j] ?? 0);
    }
  }
  return out;
}

function half(size: number): number {
  return Math.min(size - 1, Math.ceil(size / 2 / LEAF) * LEAF);
}

/**
 * A^-1 `[n, n]` of a positive definite matrix, whole and exactly symmetric. `a` is left alone.
 * Throws UserError (`bad-input`) naming the first pivot that is not positive.
 */
export async function invertPositive(a: Matrix, products: Products, options: PositiveOptions = {}): Promise<Matrix> {
  const [size = 0] = a.shape;
  return invert(a, 0, worker(products, options, size ** 3 / 2));
}

async function invert(a: Matrix, at: number, work: Work): Promise<Matrix> {
  const [size = 0] = a.shape;
  if (size <= LEAF) {
    // A^-1 = (L^-1)' L^-1.
    return asType(ndarray('float64', [size, size], squared(leafInverse(a, at), size)), a.dtype);
  }
  const h = half(size);
  const first = await invert(block(a, 0, h, 0, h), at, work);
  const across = await schurFactor(a, h, first, work);
  const second = await invert(across.rest, at + h, work);
  const { turned } = across;
  const corner = await product('ab', turned, second, work);
  // R12 = -T' R22 is -corner, so R11 = A11^-1 + T' (R22 T) = A11^-1 + turned corner'; the sign is put on when it is stored.
  for (let i = 0; i < turned.data.length; i++) turned.data[i] = -(turned.data[i] ?? 0);
  await subtractSymmetric(first, turned, corner, work);
  return assemble(size, h, first, second, corner);
}

/** T' and S of the head of this file. */
async function schurFactor(a: Matrix, h: number, first: Matrix, work: Work): Promise<{ readonly turned: Matrix; readonly rest: Matrix }> {
  const [size = 0] = a.shape;
  const below = block(a, h, size, 0, h);
  const rest = block(a, h, size, h, size);
  const t = await product('ab', below, first, work);
  await subtractSymmetric(rest, t, below, work);
  return { turned: transposed(t), rest };
}

/** The whole inverse from the lower triangle of R11, R22, and -R12. */
function assemble(size: number, h: number, first: Matrix, second: Matrix, corner: Matrix): Matrix {
  const result = zeros(first.dtype, [size, size]);
  const out = result.data;
  const rest = size - h;
  for (let i = 0; i < h; i++) {
    out.set(first.data.subarray(i * h, i * h + i + 1), i * size);
    for (let j = 0; j < rest; j++) out[i * size + h + j] = -(corner.data[i * rest + j] ?? 0);
  }
  for (let i = 0; i < rest; i++) out.set(second.data.subarray(i * rest, (i + 1) * rest), (h + i) * size + h);
  mirror(out, size, h);
  return result;
}

/** Fills the other side of the diagonal: above it for the first `h` rows and columns, below it for the corner. */
function mirror(out: Matrix['data'], size: number, h: number): void {
  for (let left = 0; left < h; left += TILE) {
    const right = Math.min(h, left + TILE);
    for (let i = left + 1; i < h; i++) for (let j = left; j < Math.min(right, i); j++) out[j * size + i] = out[i * size + j] ?? 0;
    for (let i = h; i < size; i++) for (let j = left; j < right; j++) out[i * size + j] = out[j * size + i] ?? 0;
  }
}

/** L of A = L L'. `a` is left alone. Throws UserError (`bad-input`) naming the first pivot that is not positive. */
export async function factorPositive(a: Matrix, products: Products, options: PositiveOptions = {}): Promise<LowerFactor> {
  const [size = 0] = a.shape;
  return factor(a, 0, worker(products, options, size ** 3 / 6));
}

async function factor(a: Matrix, at: number, work: Work): Promise<LowerFactor> {
  const [size = 0] = a.shape;
  if (size <= LEAF) return { size, inverse: asType(ndarray('float64', [size, size], leafInverse(a, at)), a.dtype) };
  const h = half(size);
  const top = await factor(block(a, 0, h, 0, h), at, work);
  const below = await forward(top, block(a, h, size, 0, h), work);
  const rest = block(a, h, size, h, size);
  await subtractSymmetric(rest, below, below, work);
  const bottom = await factor(rest, at + h, work);
  return size <= MERGED && 'inverse' in top && 'inverse' in bottom ? { size, inverse: await mergedInverse(top.inverse, bottom.inverse, below, work) } : { size, top, bottom, below };
}

/** L^-1 of L = (L11 0; L21 L22): its lower left block is -L22^-1 L21 L11^-1. */
async function mergedInverse(top: Matrix, bottom: Matrix, below: Matrix, work: Work): Promise<Matrix> {
  const [h = 0] = top.shape;
  const [rest = 0] = bottom.shape;
  const size = h + rest;
  const { data } = await product('ab', await product('ab', bottom, below, work), top, work);
  const out = zeros(top.dtype, [size, size]);
  for (let i = 0; i < h; i++) out.data.set(top.data.subarray(i * h, (i + 1) * h), i * size);
  for (let i = 0; i < rest; i++) {
    for (let j = 0; j < h; j++) out.data[(h + i) * size + j] = -(data[i * h + j] ?? 0);
    out.data.set(bottom.data.subarray(i * rest, (i + 1) * rest), (h + i) * size + h);
  }
  return out;
}

/** B L^-T. */
async function forward(l: LowerFactor, b: Matrix, work: Work): Promise<Matrix> {
  if ('inverse' in l) return product('abT', b, l.inverse, work);
  const [height = 0, width = 0] = b.shape;
  const split = l.top.size;
  const left = await forward(l.top, block(b, 0, height, 0, split), work);
  const rest = await lessProduct(block(b, 0, height, split, width), 'abT', left, l.below, work);
  return beside(left, await forward(l.bottom, rest, work));
}

/** B L^-1. */
async function backward(l: LowerFactor, b: Matrix, work: Work): Promise<Matrix> {
  if ('inverse' in l) return product('ab', b, l.inverse, work);
  const [height = 0, width = 0] = b.shape;
  const split = l.top.size;
  const right = await backward(l.bottom, block(b, 0, height, split, width), work);
  const rest = await lessProduct(block(b, 0, height, 0, split), 'ab', right, l.below, work);
  return beside(await backward(l.top, rest, work), right);
}

/** base - A op(B), in base. */
async function lessProduct(base: Matrix, form: 'ab' | 'abT', a: Matrix, b: Matrix, work: Work): Promise<Matrix> {
  const { data } = await product(form, a, b, work);
  for (let i = 0; i < data.length; i++) base.data[i] = (base.data[i] ?? 0) - (data[i] ?? 0);
  return base;
}

function beside(left: Matrix, right: Matrix): Matrix {
  const [height = 0, first = 0] = left.shape;
  const [, second = 0] = right.shape;
  const out = zeros(left.dtype, [height, first + second]);
  for (let i = 0; i < height; i++) {
    out.data.set(left.data.subarray(i * first, (i + 1) * first), i * (first + second));
    out.data.set(right.data.subarray(i * second, (i + 1) * second), i * (first + second) + first);
  }
  return out;
}

/** B A^-1, `[m, n]`, from the factor of A. */
export async function solvePositive(l: LowerFactor, b: Matrix, products: Products, options: PositiveOptions = {}): Promise<Matrix> {
  const [height = 0] = b.shape;
  const work = worker(products, options, height * l.size ** 2);
  return backward(l, await forward(l, b, work), work);
}
