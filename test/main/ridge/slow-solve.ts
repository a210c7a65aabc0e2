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
