/**
 * How far image features G are from the decoded Z_CLIP, and the gradient with respect to G. One image; `[layers, units]` flat, float64 sums.
 *
 * published (MindDiffuser's code, method.md 4.1, without its cosine term, whose weight was 0):
 *   L = sum over layers i of lambda_i a_i mean over units (T_i - M_i G_i)^2
 *   lambda_i = (1 / |T_i|) / sum_j (1 / |T_j|),  a = (1.5, 1.2, 1, 1, ...),  M = 1 on the kept units, T = 0 elsewhere; the mean counts all units
 *
 * z-units:
 *   L = sum over kept units u of w_u (t_u - (G_u - mu_u) / sigma_u)^2 / sum of w_u,  w_u = max(r_u, 0)^2
 *   t the target in the same unit, (T_u - mu_u) / sigma_u; mu, sigma the training mean and SD; r the cross-validated correlation of the unit's decoder. Constant units do not count.
 *
 * Left at the truth: the loss that the picture's own features would have, since a decoded target errs, by sigma_u^2 (1 - r_u^2) where it is ridge's own
 * prediction and by 2 sigma_u^2 (1 - r_u) where it was brought to full contrast. Below it a loss fits the target's error (Morozov's discrepancy principle).
 */
export interface LossFacts {
  readonly layers: number;
  /** Training mean and SD of every unit, `[layers * units]`. */
  readonly mean: Float32Array;
  readonly deviation: Float32Array;
  /** Cross-validated r of every unit on training images; null without cross-validation: all units count alike. */
  readonly r: Float32Array | null;
  /** Whether targets are predictions that were brought to the contrast of the truth. */
  readonly matched: boolean;
  /** Share of each layer's units that the loss in z units counts, best decoded first. */
  readonly keptShare: number;
}

export interface Loss {
  readonly value: number;
  /** With respect to the features. */
  readonly gradient: Float32Array;
}

export interface FeatureLoss {
  (features: Float32Array): Loss;
  /** Expected of the truth itself, if the target was decoded with these facts; 0 without cross-validation. */
  readonly left: number;
}

/** Loss against one target, `[layers * units]` in the features' own unit. */
export type MakeLoss = (facts: LossFacts, target: Float32Array) => FeatureLoss;

/** Squared error expected of a decoded unit, in its own variance; 0 where nothing is known. */
function errorOf({ r, matched }: LossFacts, u: number): number {
  if (r === null) return 0;
  const known = Math.min(1, Math.max(0, r[u]!));
  return matched ? 2 * (1 - known) : 1 - known ** 2;
}

const LAYER_WEIGHTS = [1.5, 1.2];
/** Units that the published loss keeps per layer, by cross-validated |r| (method.md 1.4). */
const PUBLISHED_SHARE = 0.25;

/** A share of units is a whole number of them although 0.9 * 10 is not quite 9. */
const ROUNDING = 1e-6;

/** 1 for the best decoded share of each layer's units, ties kept; all units where nothing is known. */
export function keptUnits({ layers, mean, r }: Pick<LossFacts, 'layers' | 'mean' | 'r'>, share: number): Uint8Array {
  const kept = new Uint8Array(mean.length).fill(1), units = mean.length / layers;
  if (r === null) return kept;
  for (let layer = 0; layer < layers; layer++) {
    const own = r.subarray(layer * units, (layer + 1) * units).map(Math.abs), sorted = own.toSorted();
    const least = sorted[Math.max(0, units - Math.max(1, Math.ceil(share * units - ROUNDING)))] ?? 0;
    own.forEach((value, u) => { kept[layer * units + u] = value >= least ? 1 : 0; });
  }
  return kept;
}

const published: MakeLoss = (facts, target) => {
  const { layers } = facts, units = target.length / layers, kept = keptUnits(facts, PUBLISHED_SHARE);
  const inverse = Array.from({ length: layers }, (_, layer) => {
    let sum = 0;
    for (let u = layer * units; u < (layer + 1) * units; u++) sum += kept[u] === 1 ? target[u]! ** 2 : 0;
    return sum === 0 ? 0 : 1 / Math.sqrt(sum);
  });
  const total = inverse.reduce((sum, each) => sum + each, 0);
  const weight = inverse.map((each, layer) => (total === 0 ? 1 / layers : each / total) * (LAYER_WEIGHTS[layer] ?? 1) / units);
  let left = 0;
  for (let u = 0; u < target.length; u++) if (kept[u] === 1) left += (weight[Math.floor(u / units)] ?? 0) * facts.deviation[u]! ** 2 * errorOf(facts, u);
  return Object.assign((features: Float32Array): Loss => {
    const gradient = new Float32Array(features.length);
    let value = 0;
    for (let u = 0; u < features.length; u++) {
      if (kept[u] !== 1) continue;
      const w = weight[Math.floor(u / units)] ?? 0, apart = features[u]! - target[u]!;
      value += w * apart * apart;
      gradient[u] = 2 * w * apart;
    }
    return { value, gradient };
  }, { left });
};

const zUnits: MakeLoss = (facts, target) => {
  const { deviation, r } = facts, kept = keptUnits(facts, facts.keptShare);
  const scale = deviation.map((sd, u) => (kept[u] === 1 && sd > 0 && (r === null || r[u]! > 0) ? (r === null ? 1 : r[u]! ** 2) : 0));
  let total = scale.reduce((sum, w) => sum + w, 0);
  if (total === 0) { // nothing is decodable: every unit that varies counts alike
    deviation.forEach((sd, u) => { scale[u] = sd > 0 ? 1 : 0; });
    total = Math.max(1, scale.reduce((sum, w) => sum + w, 0));
  }
  const left = scale.reduce((sum, w, u) => sum + (w * errorOf(facts, u)) / total, 0);
  return Object.assign((features: Float32Array): Loss => {
    const gradient = new Float32Array(features.length);
    let value = 0;
    for (let u = 0; u < features.length; u++) {
      const w = scale[u]!;
      if (w === 0) continue;
      const sd = deviation[u]!, apart = (features[u]! - target[u]!) / sd;
      value += (w * apart * apart) / total;
      gradient[u] = (2 * w * apart) / (sd * total);
    }
    return { value, gradient };
  }, { left });
};

export const FEATURE_LOSSES: { readonly published: MakeLoss; readonly 'z-units': MakeLoss } = { published, 'z-units': zUnits };
