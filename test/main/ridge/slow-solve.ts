import type { F32 } from '../../../common/ndarray.ts';

/** Gaussian elimination with partial pivoting in double precision, written apart from the package: the independent route of the tests. */
export function slowSolve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const n = right.length;
  const a: Float64Array[] = matrix.map((row, i) => Float64Array.from([...row, right[i] ?? NaN]));
  const row = (i: number): Float64Array => { const found = a[i]; if (found === undefined) throw new RangeError(`no row ${i}`); return found; };
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(row(i)[k] ?? 0) > Math.abs(row(pivot)[k] ?? 0)) pivot = i;
    const top = row(pivot);
    a[pivot] = row(k);
    a[k] = top;
    for (let i = k + 1; i < n; i++) {
      const factor = (row(i)[k] ?? 0) / (top[k] ?? 1);
      if (factor !== 0) for (let j = k; j <= n; j++) row(i)[j] = (row(i)[j] ?? 0) - factor * (top[j] ?? 0);
    }
  }
  const out = new Array<number>(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    let sum = row(i)[n] ?? NaN;
    for (let j = i + 1; j < n; j++) sum -= (row(i)[j] ?? 0) * (out[j] ?? 0);
    out[i] = sum / (row(i)[i] ?? NaN);
  }
  return out;
}

/** W of (Xc' Xc + alpha I) W = Xc' Yc, or by rows where they are fewer: the same answer. */
export function directRidge(x: F32, y: F32, alpha: number): Float64Array[] {
  const [rows = 0, voxels = 0] = x.shape, targets = y.shape[1] ?? 0;
  const centre = (data: Float32Array, width: number): Float64Array[] => Array.from({ length: width }, (_, j) => {
    const column = Float64Array.from({ length: rows }, (_unused, i) => data[i * width + j] ?? NaN);
    const mean = column.reduce((sum, value) => sum + value, 0) / rows;
    return column.map((value) => value - mean);
  });
  const dot = (a: Float64Array, b: Float64Array): number => { let sum = 0; for (let i = 0; i < a.length; i++) sum += (a[i] ?? NaN) * (b[i] ?? NaN); return sum; };
  const columns = centre(x.data, voxels), truths = centre(y.data, targets);
  if (voxels <= rows) {
    const gram = columns.map((a, i) => columns.map((b, j) => dot(a, b) + (i === j ? alpha : 0)));
    return truths.map((own) => Float64Array.from(slowSolve(gram, columns.map((a) => dot(a, own)))));
  }
  const byRow = Array.from({ length: rows }, (_, i) => Float64Array.from(columns, (column) => column[i] ?? NaN));
  const gram = byRow.map((a, i) => byRow.map((b, j) => dot(a, b) + (i === j ? alpha : 0)));
  return truths.map((own) => {
    const dual = Float64Array.from(slowSolve(gram, Array.from(own)));
    return Float64Array.from(columns, (column) => dot(column, dual));
  });
}
