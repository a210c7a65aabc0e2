/** Maps of decoder weights, accumulated over blocks of targets. They show what the decoder reads, not where information is. */
import type { F32 } from '../../common/ndarray.ts';

export interface WeightMaps {
  /** Adds weights `[voxels, targets]` and the accuracy r `[targets]` of those targets. */
  add(weights: F32, r: ArrayLike<number>): void;
  /** sqrt(sum over targets of W^2), `[voxels]`. */
  norm(): Float32Array;
  /** sum of max(r, 0) |W| over sum of max(r, 0), `[voxels]`; zero if nothing was decodable. */
  accuracyWeighted(): Float32Array;
  /** Mean of W over targets: the published map, for reproduction only, because signed weights cancel. */
  signedMean(): Float32Array;
  /** Share of targets with a weight that is not zero, `[voxels]`. */
  selectionFrequency(): Float32Array;
}

export function weightMaps(voxels: number): WeightMaps {
  const squares = new Float64Array(voxels);
  const weighted = new Float64Array(voxels);
  const sums = new Float64Array(voxels);
  const used = new Float64Array(voxels);
  let accuracy = 0;
  let count = 0;
  return {
    add: (weights, r) => {
      const [rows = 0, targets = 0] = weights.shape;
      if (rows !== voxels || r.length !== targets) throw new RangeError(`weights [${rows}, ${targets}] with ${r.length} accuracies for ${voxels} voxels`);
      for (let f = 0; f < targets; f++) accuracy += Math.max(r[f] ?? 0, 0);
      count += targets;
      for (let v = 0; v < voxels; v++) {
        for (let f = 0; f < targets; f++) {
          const weight = weights.data[v * targets + f] ?? 0;
          squares[v] = (squares[v] ?? 0) + weight * weight;
          weighted[v] = (weighted[v] ?? 0) + Math.max(r[f] ?? 0, 0) * Math.abs(weight);
          sums[v] = (sums[v] ?? 0) + weight;
          if (weight !== 0) used[v] = (used[v] ?? 0) + 1;
        }
      }
    },
    norm: () => Float32Array.from(squares, Math.sqrt),
    accuracyWeighted: () => Float32Array.from(weighted, (sum) => (accuracy > 0 ? sum / accuracy : 0)),
    signedMean: () => Float32Array.from(sums, (sum) => (count > 0 ? sum / count : 0)),
    selectionFrequency: () => Float32Array.from(used, (sum) => (count > 0 ? sum / count : 0)),
  };
}
