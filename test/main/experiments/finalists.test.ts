/** The final choice of stage 2 among kept iterations, by pictures as they are finally drawn. */
import { describe, expect, it } from 'vitest';
import { finalistIterations, DEFAULT_REFINE } from '../../../common/recipe.ts';
import type { RefineChoice } from '../../../common/recipe.ts';
import { f32, ndarray } from '../../../common/ndarray.ts';
import type { F32, U8 } from '../../../common/ndarray.ts';
import { initialState } from '../../../main/diffusion/refine.ts';
import type { RefineState } from '../../../main/diffusion/refine.ts';
import { valueAxes } from '../../../main/diffusion/search-axes.ts';
import { chooseFinal, finalistsOf, LEAST_FALL } from '../../../main/experiments/finalists.ts';

/** Three images of one latent value and one text value. Drawing writes round(z) into the picture; the loss is the distance of that from a target. */
const column = (...values: number[]): F32 => f32([3, 1], Float32Array.from(values));
const pictureOf = (z: F32): U8 => ndarray('uint8', [3, 1, 1, 3], Uint8Array.from([...z.data].flatMap((value) => [value, value, value])));
const losses = [10, 20, 30].map((target) => Object.assign((features: Float32Array) => ({ value: features[0] === 99 ? Number.NaN : Math.abs((features[0] ?? 0) - target), gradient: new Float32Array(1) }), { left: 0 }));
const look = (pictures: U8): Promise<F32> => Promise.resolve(column(...[0, 1, 2].map((n) => pictures.data[3 * n] ?? 0)));
const z0 = column(16, 21, 60), c0 = column(1, 2, 3), axes = valueAxes(new Float32Array(1));
const stage1 = { pictures: pictureOf(z0), features: column(16, 21, 60), z: z0, c: c0 };
const kept = [{ iteration: 2, z: column(11, 26, 50), c: column(4, 5, 6) }, { iteration: 4, z: column(14, 27, 99), c: column(7, 8, 9) }];
const state: RefineState = { ...initialState({ z: { from: z0, axes }, c: { from: c0, axes } }), iteration: 4, bestZ: column(14, 27, 50), bestC: column(7, 8, 6), chosen: Int32Array.of(4, 4, 2), stopped: Int32Array.of(-1, -1, 4), kept };

describe('the final choice', () => {
  it('is the iteration whose final picture has the lowest loss, stage 1 among them, and never one that is no number', async () => {
    const drawn: F32[] = [], final = await chooseFinal(state, stage1, losses, (z) => { drawn.push(z); return Promise.resolve(pictureOf(z)); }, look);
    // Image 1: 6 at stage 1, then 1 and 4. Image 2: 1 at stage 1, then 6 and 7. Image 3: 30, then 20, then no number.
    expect([...final.chosen]).toEqual([2, 0, 2]);
    expect([...final.z.data, ...final.c.data]).toEqual([11, 21, 50, 4, 2, 6]);
    expect([...final.pictures.data].filter((_, i) => i % 3 === 0)).toEqual([11, 21, 50]);
    expect(final.drawn).toEqual([
      [{ iteration: 0, decoded: 6 }, { iteration: 2, decoded: 1 }, { iteration: 4, decoded: 4 }], [{ iteration: 0, decoded: 1 }, { iteration: 2, decoded: 6 }, { iteration: 4, decoded: 7 }],
      [{ iteration: 0, decoded: 30 }, { iteration: 2, decoded: 20 }, { iteration: 4, decoded: Number.NaN }],
    ]);
    expect(drawn).toEqual([kept[0]?.z, kept[1]?.z]);
    expect([...stage1.pictures.data]).toEqual([...pictureOf(z0).data]); // what it was given is as it was
  });

  it('stays with stage 1 where no picture comes nearer by enough', async () => {
    // Losses of image 1: 100 at stage 1, then 96 and, in the second case, 94.
    for (const [last, taken] of [[96, 0], [94, 4]] as const) {
      const start = column(110, 21, 60), [near, far] = [column(106, 21, 60), column(10 + last, 21, 60)];
      const final = await chooseFinal({ ...state, bestZ: far, kept: [{ iteration: 2, z: near, c: c0 }, { iteration: 4, z: far, c: c0 }] }, { pictures: pictureOf(start), features: start, z: start, c: c0 }, losses, (z) => Promise.resolve(pictureOf(z)), look);
      expect([final.chosen[0], final.z.data[0]], `${last}, least fall ${LEAST_FALL}`).toEqual([taken, taken === 0 ? 110 : 10 + last]);
    }
  });

  it('also draws what the loop chose, where that is not among what was kept, and nothing twice of an image that had stopped', async () => {
    const best = { ...state, bestZ: column(10, 26, 50), bestC: column(4, 5, 6), chosen: Int32Array.of(3, 2, 2), stopped: Int32Array.of(-1, 2, -1) };
    expect(finalistsOf(best).map(({ iterations }) => [...iterations])).toEqual([[2, 2, 2], [4, 0, 4], [3, 2, 2]]);
    const final = await chooseFinal(best, stage1, losses, (z) => Promise.resolve(pictureOf(z)), look);
    expect([...final.chosen]).toEqual([3, 0, 2]);
    expect(final.drawn[1]).toEqual([{ iteration: 0, decoded: 1 }, { iteration: 2, decoded: 6 }]);
  });

  it('of an image that had stopped is what it would be of that image alone', async () => {
    // Image 2 stopped at iteration 1, where its loss was no number; what gave it would come nearer than its best, of iteration 0, does. Image 3 stopped at its best.
    const shared: RefineState = { ...state, bestZ: column(14, 21, 45), bestC: column(7, 2, 9), chosen: Int32Array.of(4, 0, 1), stopped: Int32Array.of(-1, 1, 1), kept: [{ iteration: 2, z: column(11, 20, 45), c: column(4, 5, 9) }, { iteration: 4, z: column(14, 20, 45), c: column(7, 5, 9) }] };
    expect(finalistsOf(shared).map(({ iterations }) => [...iterations])).toEqual([[2, 0, 1], [4, 0, 1], [4, 0, 1]]);
    const final = await chooseFinal(shared, stage1, losses, (z) => Promise.resolve(pictureOf(z)), look), alone = await chooseFinal({ ...shared, kept: [] }, stage1, losses, (z) => Promise.resolve(pictureOf(z)), look);
    for (const n of [1, 2]) expect([final.chosen[n], final.z.data[n], final.drawn[n]]).toEqual([alone.chosen[n], alone.z.data[n], alone.drawn[n]]);
    expect([...final.chosen]).toEqual([2, 0, 1]);
  });
});

describe('the iterations that are kept', () => {
  const CASES: readonly (readonly [Partial<RefineChoice>, readonly number[]])[] = [
    [{}, [5, 10, 15, 20, 25, 30]], [{ iterations: 4 }, [1, 2, 3, 4]], [{ iterations: 7, finalists: 3 }, [2, 5, 7]], [{ finalists: 1 }, [30]], [{ finalists: 0 }, []],
    // The walk of the refinement is the final one: its own losses say it.
    [{ mode: 'full', noise: 'fixed' }, []], [{ mode: 'truncated', noise: 'fixed' }, []], [{ mode: 'guided' }, []],
    [{ mode: 'full', noise: 'fresh', finalists: 2 }, [15, 30]], [{ mode: 'coarse', noise: 'fixed', finalists: 2 }, [15, 30]],
  ];
  it.each(CASES)('%j: %j', (change, expected) => { expect(finalistIterations({ ...DEFAULT_REFINE, ...change })).toEqual(expected); });
});
