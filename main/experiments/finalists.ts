/**
 * The final choice of stage 2. Where the refinement walks otherwise than the final sampler (few steps, other noise), a picture that it liked can come out
 * as another one: so the final sampler draws what was kept of a few iterations, and the one of lowest decoded loss is taken. Stage 1's own picture stays where
 * none comes nearer by `LEAST_FALL`: another picture of the same loss has nothing to say for itself.
 */
import { f32, ndarray, sizeOf } from '../../common/ndarray.ts';
import type { F32, U8 } from '../../common/ndarray.ts';
import type { FeatureLoss } from '../diffusion/feature-loss.ts';
import type { RefineState } from '../diffusion/refine.ts';

/** Least relative fall of the decoded loss for which a picture replaces stage 1's. */
export const LEAST_FALL = 0.05;

/** Pictures `[images, height, width, 3]`, their features `[images, units]`, and what they were drawn from. */
export interface Drawing {
  readonly pictures: U8;
  readonly features: F32;
  readonly z: F32;
  readonly c: F32;
}

export interface FinalChoice {
  readonly pictures: U8;
  readonly z: F32;
  readonly c: F32;
  /** Iteration of each image; 0 = stage 1. */
  readonly chosen: Int32Array;
  /** Every iteration that was drawn of each image, and its decoded loss. */
  readonly drawn: readonly (readonly { readonly iteration: number; readonly decoded: number }[])[];
}

type Row = { readonly shape: readonly number[]; readonly data: Float32Array | Uint8Array };
const rowOf = <A extends Row>({ shape, data }: A, n: number): A['data'] => { const width = sizeOf(shape.slice(1)); return data.subarray(n * width, (n + 1) * width); };
const alike = (a: F32, b: F32, n: number): boolean => { const other = rowOf(b, n); return rowOf(a, n).every((value, i) => value === other[i]); };

/**
 * What is drawn: everything kept, and the loop's own choice unless it is among that. Of an image that had stopped before, only that choice counts, as if it had
 * been refined alone; 0 where there is nothing to draw of it.
 */
export function finalistsOf(state: RefineState): readonly { readonly iterations: Int32Array; readonly z: F32; readonly c: F32 }[] {
  const { kept, bestZ, bestC, chosen, stopped } = state, images = [...chosen.keys()];
  const best = ({ z, c }: { readonly z: F32; readonly c: F32 }, n: number): boolean => alike(z, bestZ, n) && alike(c, bestC, n);
  const list = kept.map((each) => ({ iterations: stopped.map((when, n) => (when === -1 || when >= each.iteration ? each.iteration : best(each, n) ? chosen[n] ?? 0 : 0)), z: each.z, c: each.c }));
  return images.every((n) => kept.some((each) => best(each, n))) ? list : [...list, { iterations: chosen, z: bestZ, c: bestC }];
}

/** `draw`: pictures of (z, c) by the final sampler under the noise of stage 1; `look`: their features. A loss that is no number is never taken. */
export async function chooseFinal(state: RefineState, stage1: Drawing, losses: readonly FeatureLoss[], draw: (z: F32, c: F32) => Promise<U8>, look: (pictures: U8) => Promise<F32>): Promise<FinalChoice> {
  const lossOf = (features: F32, n: number): number => losses[n]?.(rowOf(features, n)).value ?? Number.NaN;
  const chosen = new Int32Array(losses.length), first = Array.from(losses, (_, n) => lossOf(stage1.features, n)), lowest = first.map((decoded) => (1 - LEAST_FALL) * decoded);
  const drawn: { iteration: number; decoded: number }[][] = first.map((decoded) => [{ iteration: 0, decoded }]);
  const pictures = ndarray('uint8', stage1.pictures.shape, stage1.pictures.data.slice()), z = f32(stage1.z.shape, stage1.z.data.slice()), c = f32(stage1.c.shape, stage1.c.data.slice());
  for (const finalist of finalistsOf(state)) {
    const seen = await draw(finalist.z, finalist.c), features = await look(seen);
    for (let n = 0; n < losses.length; n++) {
      const iteration = finalist.iterations[n] ?? 0, decoded = lossOf(features, n), before = drawn[n] ?? [];
      if (before.some((each) => each.iteration === iteration)) continue; // stopped before: no other picture
      before.push({ iteration, decoded });
      if (!(decoded < (lowest[n] ?? Number.NaN))) continue;
      lowest[n] = decoded;
      chosen[n] = iteration;
      rowOf(pictures, n).set(rowOf(seen, n));
      rowOf(z, n).set(rowOf(finalist.z, n));
      rowOf(c, n).set(rowOf(finalist.c, n));
    }
  }
  return { pictures, z, c, chosen, drawn };
}
