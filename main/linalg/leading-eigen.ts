/**
 * The largest eigenvalues and eigenvectors of a symmetric positive semidefinite matrix by subspace iteration with Rayleigh-Ritz steps (Saad 2011, 5.2), double
 * precision: nearly all of the work is products with a few columns. Vectors whose values lie close together come as some basis of the space they share.
 */
import { ndarray } from '../../common/ndarray.ts';
import type { F64 } from '../../common/ndarray.ts';
import { fillNormal, random } from '../../common/random.ts';
import { eigh } from './eigh.ts';
import type { Eigen } from './eigh.ts';
import type { Products } from './products.ts';

/** Columns beyond those asked for, which make the last of these converge. */
const SPARE = 16;
const MOST_ITERATIONS = 60;
/** Iterations end when no wanted value changed by more than this share of the largest. */
const CLOSE = 1e-9;
const SEED = 1;

/** Orthonormal columns in place of `q` `[n, k]`, by Gram-Schmidt done twice; one that lies within those before it becomes zero. */
function orthonormalise(q: Float64Array, n: number, k: number): void {
  for (let j = 0; j < k; j++) {
    let before = 0;
    for (let i = 0; i < n; i++) before += q[i * k + j]! ** 2;
    for (let pass = 0; pass < 2; pass++) {
      const along = new Float64Array(j);
      for (let i = 0; i < n; i++) { const x = q[i * k + j]!; for (let p = 0; p < j; p++) along[p] = along[p]! + x * q[i * k + p]!; }
      for (let i = 0; i < n; i++) { let sum = q[i * k + j]!; for (let p = 0; p < j; p++) sum -= along[p]! * q[i * k + p]!; q[i * k + j] = sum; }
    }
    let left = 0;
    for (let i = 0; i < n; i++) left += q[i * k + j]! ** 2;
    const scale = left > 1e-24 * before && left > 0 ? 1 / Math.sqrt(left) : 0;
    for (let i = 0; i < n; i++) q[i * k + j] = q[i * k + j]! * scale;
  }
}

/** At most `count` eigenpairs of `matrix` `[n, n]`, values *descending*, vectors as rows `[count, n]`. Throws CancelledError when the signal fires. */
export async function leadingEigen(matrix: F64, count: number, products: Products, signal?: AbortSignal): Promise<Eigen> {
  const n = matrix.shape[0] ?? 0, wanted = Math.min(count, n), k = Math.min(n, wanted + SPARE);
  if (matrix.shape[1] !== n || matrix.shape.length !== 2) throw new RangeError(`eigenvectors of [${matrix.shape.join(', ')}]`);
  let q = ndarray('float64', [n, k], Float64Array.from(fillNormal(new Float32Array(n * k), random(SEED).fork('subspace')))), last = new Float64Array(wanted);
  orthonormalise(q.data, n, k);
  for (let iteration = 0; ; iteration++) {
    // 1. The matrix on the subspace, and its eigenvectors there.
    const image = await products.multiply('ab', matrix, q), small = await products.multiply('aTb', q, image);
    const { values, vectors } = await eigh(small, products, signal);
    const order = Array.from({ length: k }, (_, i) => k - 1 - i), now = Float64Array.from({ length: wanted }, (_, i) => Math.max(0, values[order[i] ?? 0] ?? 0));
    const turn = ndarray('float64', [k, k], Float64Array.from({ length: k * k }, (_, i) => vectors.data[(order[Math.floor(i / k)] ?? 0) * k + (i % k)]!));
    // 2. Done when the values rest.
    const moved = now.reduce((most, value, i) => Math.max(most, Math.abs(value - last[i]!)), 0);
    if (iteration + 1 >= MOST_ITERATIONS || moved <= CLOSE * (now[0] ?? 0)) {
      const ritz = await products.multiply('abT', turn, q);
      return { values: now, vectors: ndarray('float64', [wanted, n], ritz.data.slice(0, wanted * n)) };
    }
    last = now;
    // 3. The next subspace.
    q = ndarray('float64', [n, k], (await products.multiply('abT', image, turn)).data.slice());
    orthonormalise(q.data, n, k);
  }
}
