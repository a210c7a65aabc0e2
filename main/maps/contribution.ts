/**
 * Contribution of every voxel to the decoded vector of one image; exact for linear decoders (method.md 6.4).
 *
 *   d = prediction - mean = sum_v (x_v - mean_v) W_v;  m_v = (x_v - mean_v) <W_v, d> / <d, d>;  sum_v m_v = 1.
 *
 * Against a truth y, d is replaced by y - mean in the inner product: shares of the achieved projection, negative = hurts. With dual weights
 * (W = X' C) the inner products need no primal weights: <W_v, d> = sum_rows X_rv <C_r, d>.
 */
import type { F32 } from '../../common/ndarray.ts';

/** <W_v, d> per voxel from weights `[voxels, targets]`. Blocks of targets may be summed. */
export function readout(weights: F32, direction: ArrayLike<number>): Float64Array {
  const [voxels = 0, targets = 0] = weights.shape;
  if (direction.length !== targets) throw new RangeError(`a direction of ${direction.length} for ${targets} targets`);
  return Float64Array.from({ length: voxels }, (_, v) => {
    let sum = 0;
    for (let f = 0; f < targets; f++) sum += (weights.data[v * targets + f] ?? 0) * (direction[f] ?? 0);
    return sum;
  });
}

/** <W_v, d> per voxel from dual weights `[rows, targets]` and standardised training rows `[rows, voxels]`. */
export function dualReadout(trainingRows: F32, dual: F32, direction: ArrayLike<number>): Float64Array {
  const [rows = 0, voxels = 0] = trainingRows.shape;
  const perRow = readout(dual, direction);
  if (perRow.length !== rows) throw new RangeError(`dual weights of ${perRow.length} rows for ${rows} training rows`);
  const out = new Float64Array(voxels);
  for (let r = 0; r < rows; r++) {
    const factor = perRow[r] ?? 0;
    for (let v = 0; v < voxels; v++) out[v] = (out[v] ?? 0) + factor * (trainingRows.data[r * voxels + v] ?? 0);
  }
  return out;
}

/**
 * Shares of one image, `[voxels]`. `input`: standardised (centred) responses of the image, in the units that the readout was made with; their
 * products with the readout are divided by their sum. If the decoded vector is the mean, nothing contributed and all shares are 0.
 */
export function contributionShares(input: ArrayLike<number>, readouts: Float64Array): Float32Array {
  if (input.length !== readouts.length) throw new RangeError(`${input.length} responses for ${readouts.length} voxels`);
  const products = readouts.map((value, v) => value * (input[v] ?? 0));
  const sum = products.reduce((total, value) => total + value, 0);
  const magnitude = products.reduce((total, value) => total + Math.abs(value), 0);
  // A sum that is rounding of its terms has no direction.
  return Float32Array.from(products, (value) => (Math.abs(sum) <= 1e-9 * magnitude || sum === 0 ? 0 : value / sum));
}
