/** The kept state of stage 2: the same numbers come back, and a file that is not the state of these images says so. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { f32, ndarray } from '../../../common/ndarray.ts';
import type { NdArray } from '../../../common/ndarray.ts';
import { fillNormal, random } from '../../../common/random.ts';
import { readState, writeState } from '../../../main/experiments/refine-state.ts';
import { initialState } from '../../../main/diffusion/refine.ts';
import { spreadAxes, valueAxes } from '../../../main/diffusion/search-axes.ts';
import type { RefineState } from '../../../main/diffusion/refine.ts';
import { readNpz, writeNpz } from '../../../main/formats/npz.ts';

const IMAGES = 3, source = random(20261128);
const normal = (...shape: readonly number[]) => f32(shape, fillNormal(new Float32Array(shape.reduce((product, size) => product * size, 1)), source));
const fresh = initialState({ z: { from: normal(IMAGES, 4, 2, 2), axes: valueAxes(new Float32Array(16)) }, c: { from: normal(IMAGES, 5, 6), axes: spreadAxes(new Float32Array(30)) } });
/** Iterations 0 and 1 were judged, so z and c of iteration 1 are kept; 4 and 7 are still to come. */
const FINALISTS = [1, 4, 7];
const state: RefineState = {
  ...fresh, iteration: 2, z: normal(IMAGES, 4, 2, 2), c: normal(IMAGES, 5, 6), bestZ: normal(IMAGES, 4, 2, 2),
  momentsZ: { m: normal(48).data, v: normal(48).data }, momentsC: { m: normal(90).data, v: normal(90).data },
  decoded: Float64Array.of(1 / 3, 2, 3, 0.1, Number.NaN, 5e-324), true: new Float64Array(6).fill(Number.NaN), stopped: Int32Array.of(-1, 0, -1), chosen: Int32Array.of(1, 0, 1),
  kept: [{ iteration: 1, z: normal(IMAGES, 4, 2, 2), c: normal(IMAGES, 5, 6) }],
};

let folder = '', file = '';
beforeAll(async () => { folder = await mkdtemp(path.join(tmpdir(), 'state-')); file = path.join(folder, 'state-00001.npz'); });
afterAll(async () => { await rm(folder, { recursive: true, force: true }); });

it('comes back to the bit, and is fresh where there is none', async () => {
  expect(await readState(file, fresh, FINALISTS)).toBe(fresh);
  await writeFile(file, writeState(state));
  expect(await readState(file, fresh, FINALISTS)).toEqual(state);
  // Several kept, and none.
  const later: RefineState = { ...state, iteration: 6, decoded: new Float64Array(18), true: new Float64Array(18), kept: [...state.kept, { iteration: 4, z: normal(IMAGES, 4, 2, 2), c: normal(IMAGES, 5, 6) }] };
  await writeFile(file, writeState(later));
  expect(await readState(file, fresh, FINALISTS)).toEqual(later);
  await writeFile(file, writeState({ ...state, kept: [] }));
  expect(await readState(file, fresh, [])).toEqual({ ...state, kept: [] });
});

/** What is wrong with the file, and the words. */
const WRONG: readonly (readonly [string, (bytes: Buffer) => Uint8Array, RegExp])[] = [
  ['cut short', (bytes) => bytes.subarray(0, bytes.length - 40), /state-00001\.npz/],
  ['a byte changed', (bytes) => { const changed = Buffer.from(bytes); changed[300] = (changed[300] ?? 0) ^ 1; return changed; }, /state-00001\.npz/],
  ['losses of fewer iterations than were made', (bytes) => replaced(bytes, 'decoded', ndarray('float64', [3], new Float64Array(3))), /not the state of this refinement/],
  ['without what it should keep', (bytes) => { const arrays = new Map(readNpz(bytes, 'state')); arrays.delete('kept-c'); return writeNpz(arrays); }, /not the state of this refinement/],
  ['of another group', (bytes) => replaced(bytes, 'stopped', ndarray('int32', [4], new Int32Array(4))), /not the state of this refinement/],
];
function replaced(bytes: Uint8Array, name: string, array: NdArray): Uint8Array { return writeNpz(new Map([...readNpz(bytes, 'state'), [name, array]])); }

describe('is refused with what to do when it is', () => {
  it.each(WRONG)('%s', async (_, spoil, words) => {
    await writeFile(file, writeState(state));
    await writeFile(file, spoil(await readFile(file)));
    await expect(readState(file, fresh, FINALISTS)).rejects.toMatchObject({ kind: 'bad-input', message: expect.stringMatching(words) as string, detail: { file, expected: expect.any(String) as string, found: expect.any(String) as string, fix: expect.stringMatching(/^Delete the file/) as string } });
  });
});
