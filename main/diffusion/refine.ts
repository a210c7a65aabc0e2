/**
 * Stage 2: z and c of a batch of images adjusted by Adam until the picture's features meet a target (method.md 4).
 *
 * Iteration i judges (z_i, c_i), i updates having been made; i = 0 is stage 1 as the refinement's sampler draws it. Images are independent: one that has
 * stopped keeps its z and c while the others go on. A state is plain arrays: storing it and going on later gives the same numbers. Adam moves coordinates
 * (`search-axes.ts`), and the anchor bends its updates; losses are those of the picture's features alone, and by them images stop and are chosen.
 *
 * An image whose first loss is no larger than what is left at the truth (`feature-loss.ts`) agrees with its target within the target's error: it is left as it
 * is if the recipe says so.
 * Stopping rule: an image stops at iteration i >= window when its loss fell by less than `stopChange` (relative) since iteration i - window, and at once when
 * its loss is no finite number (rates at which z or c leave what the networks can hold). Losses under fresh noise jump from one to the next: there the mean of
 * the window's second half is compared with that of its first.
 * Choice of the loop: with fixed noise the iteration of the lowest decoded loss; with fresh noise, whose losses are not comparable, the last with a finite
 * one. Where the final sampler walks otherwise, it draws what was kept of a few iterations, and the final choice is by its pictures (`finalists.ts`).
 */
import { finalistIterations } from '../../common/recipe.ts';
import type { RefineChoice } from '../../common/recipe.ts';
import { f32, sizeOf } from '../../common/ndarray.ts';
import type { F32 } from '../../common/ndarray.ts';
import { adamStep, noMoments } from './adam.ts';
import type { Moments } from './adam.ts';
import type { FeatureLoss } from './feature-loss.ts';
import type { Pass } from './refiner.ts';
import { coordinatesOf, placed, slopesAt } from './search-axes.ts';
import type { Search } from './search-axes.ts';

/** z and c of all images at one iteration. */
export interface Kept {
  readonly iteration: number;
  readonly z: F32;
  readonly c: F32;
}

export interface RefineState {
  /** Updates made. */
  readonly iteration: number;
  readonly z: F32;
  readonly c: F32;
  /** Of the coordinates of z and of c, `[images, axes]`. */
  readonly momentsZ: Moments;
  readonly momentsC: Moments;
  /** Loss of every image at every iteration judged so far, `[iterations, images]` flat; NaN where there is no true target, or the image had stopped. */
  readonly decoded: Float64Array;
  readonly true: Float64Array;
  /** Iteration at which each image stopped, or -1. */
  readonly stopped: Int32Array;
  /** z and c of the chosen iteration, and which it is. */
  readonly bestZ: F32;
  readonly bestC: F32;
  readonly chosen: Int32Array;
  /** What the final sampler may draw, ascending (`finalistIterations`). */
  readonly kept: readonly Kept[];
}

/** Where z and c are searched, from what was decoded. */
export interface Searches {
  readonly z: Search;
  readonly c: Search;
}

export interface RefineTargets {
  /** Loss against the decoded target of each image. */
  readonly decoded: readonly FeatureLoss[];
  /** Loss up to which each image agrees with its target, `[images]`; 0 = only where it is met. */
  readonly agreed: Float64Array;
  /** Against the image's own features, where they are known: never used to adjust anything. */
  readonly true: readonly (FeatureLoss | null)[];
  readonly search: Searches;
}

/** What an iteration showed. */
export interface Judged {
  readonly state: RefineState;
  /** Decoder values of each image, `[images, 3, side, side]`. */
  readonly values: F32;
  /** True if nothing is left to do. */
  readonly finished: boolean;
}

/** Before the first iteration, at what was decoded. */
export function initialState({ z: { from: z, axes: zAxes }, c: { from: c, axes: cAxes } }: Searches): RefineState {
  const images = z.shape[0] ?? 0;
  return {
    iteration: 0, z, c, momentsZ: noMoments(images * zAxes.unit.length), momentsC: noMoments(images * cAxes.unit.length), decoded: new Float64Array(0), true: new Float64Array(0),
    stopped: new Int32Array(images).fill(-1), bestZ: z, bestC: c, chosen: new Int32Array(images), kept: [],
  };
}

const rowOf = (array: F32, n: number): Float32Array => { const width = sizeOf(array.shape.slice(1)); return array.data.subarray(n * width, (n + 1) * width); };

/** `into` with row n of `from`. */
function withRow(into: F32, from: F32, n: number): F32 {
  const data = into.data.slice();
  data.set(rowOf(from, n), n * sizeOf(into.shape.slice(1)));
  return f32(into.shape, data);
}

function appended(before: Float64Array, row: Float64Array): Float64Array {
  const out = new Float64Array(before.length + row.length);
  out.set(before);
  out.set(row, before.length);
  return out;
}

/** Means of the first and of the second half of a list; what lies in the middle counts in neither. */
function halves(values: readonly number[]): readonly [number, number] {
  const half = Math.max(1, Math.floor(values.length / 2)), mean = (part: readonly number[]): number => part.reduce((sum, value) => sum + value, 0) / part.length;
  return [mean(values.slice(0, half)), mean(values.slice(-half))];
}

/**
 * One iteration: judges the state with `pass`, and unless it is the last, makes the next update. Throws `CancelledError`; the state given stays good.
 */
export async function refineOnce(state: RefineState, choice: RefineChoice, targets: RefineTargets, pass: (z: F32, c: F32, iteration: number) => Promise<Pass>, signal: AbortSignal): Promise<Judged> {
  const { iteration, z, c } = state, images = z.shape[0] ?? 0;
  // 1. Where it stands.
  const seen = await pass(z, c, iteration);
  const losses = Array.from({ length: images }, (_, n) => need(targets.decoded[n])(rowOf(seen.features, n)));
  const decoded = Float64Array.from(losses, (loss, n) => (state.stopped[n] === -1 ? loss.value : Number.NaN));
  const known = Float64Array.from(losses, (_, n) => (state.stopped[n] === -1 ? targets.true[n]?.(rowOf(seen.features, n)).value ?? Number.NaN : Number.NaN));
  const all = appended(state.decoded, decoded), at = (i: number, n: number): number => all[i * images + n] ?? Number.NaN;
  // 2. The choice so far, and who stops.
  let { bestZ, bestC } = state;
  const chosen = state.chosen.slice(), stopped = state.stopped.slice();
  for (let n = 0; n < images; n++) {
    if (stopped[n] !== -1) continue;
    if (!Number.isFinite(at(iteration, n))) { stopped[n] = iteration; continue; }
    if (choice.noise === 'fresh' || iteration === 0 || at(iteration, n) < at(chosen[n] ?? 0, n)) {
      chosen[n] = iteration;
      bestZ = withRow(bestZ, z, n);
      bestC = withRow(bestC, c, n);
    }
    if (iteration === 0 && choice.leaveAgreed && at(0, n) <= (targets.agreed[n] ?? 0)) stopped[n] = 0;
    if (iteration >= choice.stopWindow && choice.stopChange > 0) {
      const [before, now] = choice.noise === 'fixed' ? [at(iteration - choice.stopWindow, n), at(iteration, n)] : halves(Array.from({ length: choice.stopWindow + 1 }, (_, k) => at(iteration - choice.stopWindow + k, n)));
      if (before - now < choice.stopChange * before) stopped[n] = iteration;
    }
  }
  const judged = { ...state, decoded: all, true: appended(state.true, known), stopped, bestZ, bestC, chosen, kept: finalistIterations(choice).includes(iteration) ? [...state.kept, { iteration, z, c }] : state.kept };
  if (iteration >= choice.iterations || stopped.every((when) => when !== -1)) return { state: judged, values: seen.values, finished: true };
  // 3. The way back, and one update of what is adjusted.
  const cotangent = new Float32Array(seen.features.data.length), width = cotangent.length / images;
  losses.forEach((loss, n) => { if (stopped[n] === -1) cotangent.set(loss.gradient, n * width); });
  const back = await seen.gradient(f32(seen.features.shape, cotangent), signal), rate = choice.decay ** (iteration + 1);
  const update = (x: F32, gradient: F32, search: Search, moments: Moments, by: number): { readonly x: F32; readonly moments: Moments } => {
    const u = coordinatesOf(x, search), axes = search.axes.unit.length;
    const next = adamStep(u, slopesAt(gradient, u, search, choice.anchor), moments, iteration + 1, by * rate, (element) => stopped[Math.floor(element / axes)] === -1);
    // Through coordinates and back a value may change in its last bit: one that has stopped is kept as it is.
    return { x: stopped.reduce((at, when, n) => (when === -1 ? at : withRow(at, x, n)), placed(next.x, search)), moments: next.moments };
  };
  const { search } = targets;
  const nextZ = choice.z ? update(z, back.z, search.z, state.momentsZ, choice.rateZ) : { x: z, moments: state.momentsZ };
  const nextC = choice.c && back.c !== null ? update(c, back.c, search.c, state.momentsC, choice.rateC) : { x: c, moments: state.momentsC };
  return { state: { ...judged, iteration: iteration + 1, z: nextZ.x, c: nextC.x, momentsZ: nextZ.moments, momentsC: nextC.moments }, values: seen.values, finished: false };
}

function need(loss: FeatureLoss | undefined): FeatureLoss {
  if (loss === undefined) throw new RangeError('an image without a target');
  return loss;
}

/** |x - x0| / |x0| of image n. */
export function drift(now: F32, before: F32, n: number): number {
  const a = rowOf(now, n), b = rowOf(before, n);
  let apart = 0, size = 0;
  for (let i = 0; i < a.length; i++) { apart += (a[i]! - b[i]!) ** 2; size += b[i]! ** 2; }
  return size === 0 ? 0 : Math.sqrt(apart / size);
}
