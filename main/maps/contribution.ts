/**
 * Per-image contribution of voxels to the decoded vector, exact for a linear decoder (method.md 6.4).
 *
 *   m_nv = x_nv <W_v, d_n> / |d_n|^2,  d_n = yhat_n - ybar = sum_v x_nv W_v;   sum_v m_nv = 1
 */

/** `x` standardised responses of the image `[voxels]`; `projected` = <W_v, d> per voxel `[voxels]`; `squaredLength` = |d|^2. NaN if the vector is zero. */
export function contributionShares(x: ArrayLike<number>, projected: ArrayLike<number>, squaredLength: number): Float32Array {
  return Float32Array.from({ length: x.length }, (_, v) => (squaredLength > 0 ? ((x[v] ?? 0) * (projected[v] ?? 0)) / squaredLength : Number.NaN));
}

/** Sums of shares per region, in the order of `names`. */
export function regionShares(shares: ArrayLike<number>, regions: readonly string[], names: readonly string[]): Float64Array {
  const index = new Map(names.map((name, i) => [name, i]));
  const sums = new Float64Array(names.length);
  for (let v = 0; v < shares.length; v++) {
    const at = index.get(regions[v] ?? '');
    if (at !== undefined) sums[at] = (sums[at] ?? 0) + (shares[v] ?? 0);
  }
  return sums;
}
