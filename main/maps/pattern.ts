/**
 * Pattern map: where decodable content is expressed (Haufe et al. 2014, per-target form, because targets outnumber images).
 *
 *   a_vf = cov(x_v, p_f) / var(p_f): change of voxel v per unit of the decoded feature f, over held-out images.
 *   map_v = sqrt(sum_f w_f (a_vf s_f)^2 / sum_f w_f), w_f = max(r_f, 0)^2, s_f = SD of p_f.
 *
 * The factor s_f makes it "signal per decoded SD", so that targets of different units can be averaged. Pass s_f = 1 (`unit: 'target'`) for the
 * bare coefficient. Targets whose prediction is constant have no pattern and no weight.
 */
import type { F32 } from '../../common/ndarray.ts';

export interface PatternOptions {
  readonly unit?: 'deviation' | 'target';
}

export interface PatternMap {
  /** Adds a block of targets: predictions `[images, targets]` of the same images, accuracy r `[targets]`. */
  add(predictions: F32, r: ArrayLike<number>): void;
  /** The map so far, `[voxels]`; all zero if no target was decodable. */
  values(): Float32Array;
}

/** Coefficients a_vf of one block, `[voxels, targets]` row-major, times s_f if the unit is 'deviation'. */
export function patternBlock(responses: F32, predictions: F32, options: PatternOptions = {}): Float64Array {
  const [images = 0, voxels = 0] = responses.shape;
  const [predicted = 0, targets = 0] = predictions.shape;
  if (images !== predicted || images < 2) throw new RangeError(`pattern of ${images} responses and ${predicted} predictions`);
  // 1. Centred predictions; x need not be centred then.
  const centred = new Float64Array(images * targets);
  const scale = new Float64Array(targets);
  for (let f = 0; f < targets; f++) {
    let mean = 0;
    let squares = 0;
    for (let i = 0; i < images; i++) mean += (predictions.data[i * targets + f] ?? 0) / images;
    for (let i = 0; i < images; i++) {
      const value = (predictions.data[i * targets + f] ?? 0) - mean;
      centred[i * targets + f] = value;
      squares += value * value;
    }
    const constant = squares <= 1e-12 * images * mean * mean || squares === 0;
    scale[f] = constant ? 0 : options.unit === 'target' ? 1 / squares : 1 / Math.sqrt(squares * images);
  }
  // 2. cov(x_v, p_f) over its variance (or deviation).
  const out = new Float64Array(voxels * targets);
  for (let i = 0; i < images; i++) {
    for (let v = 0; v < voxels; v++) {
      const x = responses.data[i * voxels + v] ?? 0;
      const at = v * targets;
      for (let f = 0; f < targets; f++) out[at + f] = (out[at + f] ?? 0) + x * (centred[i * targets + f] ?? 0);
    }
  }
  for (let v = 0; v < voxels; v++) for (let f = 0; f < targets; f++) out[v * targets + f] = (out[v * targets + f] ?? 0) * (scale[f] ?? 0);
  return out;
}

/** Targets whose coefficients are held at a time. */
const STEP = 256;

/** Accumulates the pattern map of responses `[images, voxels]`. */
export function patternMap(responses: F32, options: PatternOptions = {}): PatternMap {
  const [, voxels = 0] = responses.shape;
  const sums = new Float64Array(voxels);
  let total = 0;
  return {
    add: (predictions, r) => {
      const [images = 0, targets = 0] = predictions.shape;
      if (r.length !== targets) throw new RangeError(`${r.length} accuracies for ${targets} targets`);
      for (let from = 0; from < targets; from += STEP) {
        const to = Math.min(targets, from + STEP);
        const part = new Float32Array(images * (to - from));
        for (let i = 0; i < images; i++) part.set(predictions.data.subarray(i * targets + from, i * targets + to), i * (to - from));
        const block = patternBlock(responses, { dtype: 'float32', shape: [images, to - from], data: part }, options);
        for (let f = from; f < to; f++) total += Math.max(r[f] ?? 0, 0) ** 2;
        for (let v = 0; v < voxels; v++) {
          for (let f = from; f < to; f++) sums[v] = (sums[v] ?? 0) + Math.max(r[f] ?? 0, 0) ** 2 * (block[v * (to - from) + f - from] ?? 0) ** 2;
        }
      }
    },
    values: () => Float32Array.from(sums, (sum) => (total > 0 ? Math.sqrt(sum / total) : 0)),
  };
}
