import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { f32, ndarray, rows, sizeOf } from '../../../common/ndarray.ts';
import type { F32 } from '../../../common/ndarray.ts';
import { fillNormal, random } from '../../../common/random.ts';
import { guide } from '../../../main/diffusion/guidance.ts';
import { AS_PUBLISHED, firstStep, sample } from '../../../main/diffusion/sample.ts';
import { addNoise, makeSchedule, scheduleConfig, STABLE_DIFFUSION } from '../../../main/diffusion/schedule.ts';
import { ddim } from '../../../main/diffusion/schedulers/ddim.ts';
import { rowsPerRun } from '../../../main/diffusion/unet.ts';
import { decodePictures, decodeValues, encodePictures, toNetwork, toPicture } from '../../../main/diffusion/vae.ts';
import { openPack, openRole } from '../../../main/runtime/models.ts';
import type { Pack } from '../../../main/runtime/models.ts';
import type { Session } from '../../../main/runtime/session.ts';
import { expectClose } from '../../support/close.ts';

const SEED = 5;
/** The same sums in batches of another size, through a few steps: float32, relative to values of order one. */
const BATCHING = { absolute: 2e-4 };

describe('where the walk begins', () => {
  const schedule = makeSchedule(STABLE_DIFFUSION, 50);
  it('strength 0.7 of 50 steps walks 35 steps from t = 681', () => {
    expect([firstStep(schedule, 0.7), schedule.timesteps[firstStep(schedule, 0.7)]]).toEqual([15, 681]);
    expect(firstStep(schedule, 1)).toBe(0);
    expect(firstStep(schedule, 0.001)).toBe(49);
    expect(() => firstStep(schedule, 0)).toThrow(/strength 0/);
  });
  it('as published, the noise is that of t = 741', () => {
    expect(schedule.timesteps[firstStep(schedule, AS_PUBLISHED.strength) - AS_PUBLISHED.noiseLead]).toBe(741);
  });
});

it('guidance of 1 is the conditional branch and of 0 the unconditional', () => {
  const [c, u] = [f32([2], [3, -1]), f32([2], [1, 1])];
  expect(guide(c, u, 1)).toEqual(c);
  expect(guide(c, u, 0)).toEqual(u);
  expect(guide(c, u, 5)).toEqual(f32([2], [11, -9]));
});

it('rows per run keep Stable Diffusion\'s attention below a gigabyte', () => {
  expect(rowsPerRun([4, 64, 64])).toBe(1);
  expect(rowsPerRun([4, 40, 40])).toBe(11);
  expect(rowsPerRun([4, 16, 16])).toBe(32);
});

it('pictures survive the way into network values and back', () => {
  const images = ndarray('uint8', [1, 2, 2, 3], Uint8Array.of(0, 1, 2, 127, 128, 129, 253, 254, 255, 10, 20, 30));
  const values = toNetwork(images);
  expect([values.shape, values.data[0], values.data[2]]).toEqual([[1, 3, 2, 2], -1, Math.fround((253 / 255) * 2 - 1)]);
  expect(toPicture(values)).toEqual(images);
  expect(Array.from(toPicture(f32([1, 3, 1, 1], [-7, 0, 7])).data)).toEqual([0, 128, 255]);
});

describe('with the demo pack', () => {
  let pack: Pack, unet: Session, encoder: Session, decoder: Session;
  const images = 3, source = random(SEED);
  const normal = (shape: readonly number[]): F32 => f32(shape, fillNormal(new Float32Array(sizeOf(shape)), source));
  let z: F32, noise: F32, context: F32, empty: F32;
  beforeAll(async () => {
    pack = await openPack(fileURLToPath(new URL('../../../resources/models/demo', import.meta.url)));
    [unet, encoder, decoder] = await Promise.all([openRole(pack, 'unet', { threads: 1 }), openRole(pack, 'vaeEncoder', { threads: 1 }), openRole(pack, 'vaeDecoder', { threads: 1 })]);
    z = normal([images, ...pack.latentShape]);
    noise = normal(z.shape);
    context = normal([images, pack.contextLength, pack.roles.textEncoder.width]);
    empty = normal([1, pack.contextLength, pack.roles.textEncoder.width]);
  });
  afterAll(async () => { await Promise.all([unet, encoder, decoder].map((session) => session.release())); });

  it('the loop equals its steps written out, one image and one branch at a time', async () => {
    const schedule = makeSchedule(scheduleConfig(pack.schedulerConfig), 4), guidance = 3, role = pack.roles.unet;
    const seen: number[] = [];
    const result = await sample(unet, role, z, noise, context, empty, { schedule, strength: 0.5, guidance, onStep: (done, total) => { seen.push(done / total); } });
    expect(seen).toEqual([0.5, 1]);
    for (let n = 0; n < images; n++) {
      let x = addNoise(schedule, 2, rows(z, n, n + 1), rows(noise, n, n + 1));
      for (const index of [2, 3]) {
        const said = async (states: F32): Promise<F32> => (await unet.run({ [role.sample]: x, [role.timestep]: ndarray('int64', [1], BigInt64Array.of(BigInt(schedule.timesteps[index] ?? 0))), [role.context]: states }))[role.output] as F32;
        const c = await said(rows(context, n, n + 1)), u = await said(empty);
        x = ddim({ schedule, index, output: f32(x.shape, c.data.map((value, i) => (1 - guidance) * u.data[i]! + guidance * value)), sample: x, eta: 0, noise: null, memory: [] }).previous;
      }
      expectClose(rows(result, n, n + 1).data, x.data, BATCHING, SEED);
    }
  });

  it('guidance 1 needs no unconditional branch, and smaller runs change nothing', async () => {
    const schedule = makeSchedule(scheduleConfig(pack.schedulerConfig), 2), options = { schedule, strength: 1, guidance: 1 };
    const a = await sample(unet, pack.roles.unet, z, noise, context, empty, options);
    const b = await sample(unet, pack.roles.unet, z, noise, context, normal(empty.shape), { ...options, rows: 1 });
    expectClose(b.data, a.data, BATCHING, SEED);
  });

  it('stops between steps when it is cancelled', async () => {
    const schedule = makeSchedule(scheduleConfig(pack.schedulerConfig), 10), stop = new AbortController();
    let steps = 0;
    const walk = sample(unet, pack.roles.unet, z, noise, context, empty, { schedule, strength: 1, guidance: 2, signal: stop.signal, onStep: () => { steps++; stop.abort(); } });
    await expect(walk).rejects.toMatchObject({ name: 'CancelledError' });
    expect(steps).toBe(1);
  });

  it('encodes to the scaled mean, or with noise to a sample around it', async () => {
    const side = pack.pixels, picture = ndarray('uint8', [2, side, side, 3], Uint8Array.from({ length: 2 * side * side * 3 }, (_, k) => (k * 7) % 256));
    const role = pack.roles.vaeEncoder, mean = await encodePictures(encoder, role, picture, pack.latentShape, { batch: 1 });
    const raw = (await encoder.run({ [role.picture]: toNetwork(picture) }))[role.parameters] as F32, half = sizeOf(pack.latentShape);
    expectClose(rows(mean, 1, 2).data, raw.data.subarray(2 * half, 3 * half).map((value) => value * role.scalingFactor), BATCHING);
    const drawn = await encodePictures(encoder, role, picture, pack.latentShape, { noise: f32(mean.shape, new Float32Array(mean.data.length).fill(1)) });
    expectClose(rows(drawn, 1, 2).data, Float32Array.from({ length: half }, (_, k) => role.scalingFactor * ((raw.data[2 * half + k] ?? 0) + Math.exp((raw.data[3 * half + k] ?? 0) / 2))), BATCHING);
  });

  it('decodes to 8-bit pictures of the pack\'s size, whatever the batch', async () => {
    const all = await decodePictures(decoder, pack.roles.vaeDecoder, z), one = await decodeValues(decoder, pack.roles.vaeDecoder, rows(z, 2, 3), { batch: 1 });
    expect(all.shape).toEqual([images, pack.pixels, pack.pixels, 3]);
    const apart = toPicture(one).data.reduce((most, value, k) => Math.max(most, Math.abs(value - (rows(all, 2, 3).data[k] ?? 0))), 0);
    expect(apart).toBeLessThanOrEqual(1); // a value on the edge between two bytes
  });
});
