/**
 * Identification: is the right item more similar than the wrong ones? Chance 0.5 (two-way) or k/n (n-way top-k).
 *
 * With r[i, j] = Pearson correlation of the features of truth i and of reconstruction j (method.md 5.2):
 *   recon->truth: reconstruction j is fixed, distractors are the other truths (compare along column j);
 *   truth->recon: truth j is fixed, distractors are the other reconstructions (compare along row j).
 * s_j is the share of distractors that are less similar than the right item; a tie counts one half.
 */
import { ndarray } from '../../common/ndarray.ts';
import { isConstant } from './pearson.ts';
import type { F32, F64 } from '../../common/ndarray.ts';

export type Direction = 'recon->truth' | 'truth->recon';

/** Rows centred and scaled to unit length, so that a dot product is a correlation; a constant row becomes zeros. */
function unitRows(features: F32): Float64Array {
  const [items = 0, width = 0] = features.shape;
  const out = new Float64Array(items * width);
  for (let i = 0; i < items; i++) {
    let mean = 0;
    for (let k = 0; k < width; k++) mean += features.data[i * width + k] ?? 0;
    mean /= width;
    let squares = 0;
    for (let k = 0; k < width; k++) {
      const value = (features.data[i * width + k] ?? 0) - mean;
      out[i * width + k] = value;
      squares += value * value;
    }
    const scale = isConstant(squares, width, mean) ? 0 : 1 / Math.sqrt(squares);
    for (let k = 0; k < width; k++) out[i * width + k] = (out[i * width + k] ?? 0) * scale;
  }
  return out;
}

/** Correlations of every truth with every reconstruction, `[truths, reconstructions]`, from feature rows `[items, features]`. */
export function similarityMatrix(truth: F32, recon: F32): F64 {
  const [truths = 0, width = 0] = truth.shape;
  const [recons = 0, reconWidth = 0] = recon.shape;
  if (truth.shape.length !== 2 || recon.shape.length !== 2 || width !== reconWidth || width === 0) {
    throw new RangeError(`similarity of features [${truth.shape.join(', ')}] and [${recon.shape.join(', ')}]`);
  }
  const a = unitRows(truth);
  const b = unitRows(recon);
  const out = new Float64Array(truths * recons);
  for (let i = 0; i < truths; i++) {
    for (let j = 0; j < recons; j++) {
      let sum = 0;
      for (let k = 0; k < width; k++) sum += (a[i * width + k] ?? 0) * (b[j * width + k] ?? 0);
      out[i * recons + j] = sum;
    }
  }
  return ndarray('float64', [truths, recons], out);
}

interface Contest {
  /** Distractors strictly more similar than the right item. */
  readonly better: number;
  readonly ties: number;
  readonly distractors: number;
}

/** Contest of item j. `own[j]` is the truth that belongs to reconstruction j. */
function contest(similarity: F64, own: Int32Array, j: number, direction: Direction): Contest {
  const [truths = 0, recons = 0] = similarity.shape;
  const mine = own[j] ?? 0;
  const right = similarity.data[mine * recons + j] ?? 0;
  const distractors = (direction === 'recon->truth' ? truths : recons) - 1;
  let better = 0;
  let ties = 0;
  for (let other = 0; other <= distractors; other++) {
    if (other === (direction === 'recon->truth' ? mine : j)) continue;
    const r = (direction === 'recon->truth' ? similarity.data[other * recons + j] : similarity.data[mine * recons + other]) ?? 0;
    if (r > right) better++;
    else if (r === right) ties++;
  }
  return { better, ties, distractors };
}

export function identityPairing(items: number): Int32Array {
  return Int32Array.from({ length: items }, (_, i) => i);
}

function pairingOf(similarity: F64, own: Int32Array | undefined): Int32Array {
  const [truths = 0, recons = 0] = similarity.shape;
  if (truths !== recons || truths < 2) throw new RangeError(`identification needs a square matrix of at least 2, got [${truths}, ${recons}]`);
  return own ?? identityPairing(recons);
}

/** Two-way score s_j of every item, each in [0, 1]; their mean is the identification accuracy. `[items]` */
export function twoWayIdentification(similarity: F64, direction: Direction = 'recon->truth', own?: Int32Array): Float64Array {
  const pairing = pairingOf(similarity, own);
  return Float64Array.from(pairing, (_, j) => {
    const { better, ties, distractors } = contest(similarity, pairing, j, direction);
    return (distractors - better - ties / 2) / distractors;
  });
}

/**
 * Probability that the right item is among the k best of `ways` (itself and ways - 1 random distractors), per item; exact, no sampling:
 * sum over q < k of C(m, q) C(N - 1 - m, n - 1 - q) / C(N - 1, n - 1), m = distractors that beat the right item. Ties are broken at random,
 * that is: averaged over.
 */
export function nWayTopK(similarity: F64, ways: number, k: number, direction: Direction = 'recon->truth', own?: Int32Array): Float64Array {
  const pairing = pairingOf(similarity, own);
  if (!(k >= 1 && k < ways && ways <= pairing.length)) {
    throw new RangeError(`${ways}-way top-${k} of ${pairing.length} items: needs 1 <= k < ways <= items`);
  }
  return Float64Array.from(pairing, (_, j) => {
    const { better, ties, distractors } = contest(similarity, pairing, j, direction);
    let sum = 0;
    for (let m = better; m <= better + ties; m++) sum += topKProbability(distractors, m, ways, k);
    return sum / (ties + 1);
  });
}

/** P(fewer than k of n - 1 distractors, drawn from N - 1 of which m beat the right item, beat it): hypergeometric tail. */
export function topKProbability(distractors: number, m: number, ways: number, k: number): number {
  let probability = 0;
  for (let q = 0; q < Math.min(k, m + 1); q++) {
    const rest = ways - 1 - q;
    if (rest < 0 || rest > distractors - m) continue;
    probability += Math.exp(logChoose(m, q) + logChoose(distractors - m, rest) - logChoose(distractors, ways - 1));
  }
  return Math.min(1, probability);
}

function logChoose(n: number, k: number): number {
  const few = Math.min(k, n - k);
  let sum = 0;
  for (let i = 1; i <= few; i++) sum += Math.log((n - few + i) / i);
  return sum;
}
