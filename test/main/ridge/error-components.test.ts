/** Components of decoding errors against a slow float64 route: power iteration with deflation on the covariance of the targets. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { f32, rows } from '../../../common/ndarray.ts';
import type { F32 } from '../../../common/ndarray.ts';
import { fillNormal, random } from '../../../common/random.ts';
import { plainProducts } from '../../../main/linalg/plain-products.ts';
import { collectErrors, componentsOf, HELD_SHARE, MOST_IMAGES } from '../../../main/ridge/error-components.ts';
import { expectClose } from '../../support/close.ts';

const SEED = 61;
const IMAGES = 60, TARGETS = 24, FACTORS = 4;
const products = plainProducts();
/** Float32 errors and products of 60 rows: 1e-6 of the largest; a component's direction is as uncertain as its variance is close to the next one's. */
const CLOSE = 1e-4;

let truth: F32, predictions: F32;
beforeAll(() => {
  const source = random(SEED), normal = (count: number): Float32Array => fillNormal(new Float32Array(count), source);
  // Errors of few common factors of different size, and a little of each target's own.
  const factors = normal(IMAGES * FACTORS), loads = normal(FACTORS * TARGETS), own = normal(IMAGES * TARGETS), signal = normal(IMAGES * TARGETS);
  truth = f32([IMAGES, TARGETS], Float32Array.from({ length: IMAGES * TARGETS }, (_, i) => 5 + 2 * signal[i]!));
  predictions = f32([IMAGES, TARGETS], Float32Array.from({ length: IMAGES * TARGETS }, (_, i) => {
    const image = Math.floor(i / TARGETS), target = i % TARGETS;
    let common = 0;
    for (let k = 0; k < FACTORS; k++) common += factors[image * FACTORS + k]! * loads[k * TARGETS + target]! * (FACTORS - k) * 0.4;
    return 1.2 * signal[i]! + common + 0.1 * own[i]!;
  }));
});
afterAll(() => products.release());

/** Errors as the definition says, in double precision. */
function errorsOf(matched: boolean): number[][] {
  const at = (array: F32, i: number, t: number): number => array.data[i * TARGETS + t]!, images = Array.from({ length: IMAGES }, (_, i) => i);
  const facts = Array.from({ length: TARGETS }, (_, t) => {
    const of = (array: F32) => { const mean = images.reduce((sum, i) => sum + at(array, i, t), 0) / IMAGES; return { mean, sd: Math.sqrt(images.reduce((sum, i) => sum + (at(array, i, t) - mean) ** 2, 0) / IMAGES) }; };
    return { y: of(truth), p: of(predictions) };
  });
  return images.map((i) => facts.map(({ y, p }, t) => {
    const decoded = matched ? ((at(predictions, i, t) - p.mean) / p.sd) * y.sd + y.mean : at(predictions, i, t) + y.mean;
    return at(truth, i, t) - decoded;
  }));
}

/** Largest eigenpairs of E'E / images by power iteration, each taken away before the next. */
function slowComponents(errors: readonly (readonly number[])[], count: number): { readonly deviation: number[]; readonly directions: number[][]; readonly total: number } {
  const covariance = Array.from({ length: TARGETS }, (_, a) => Array.from({ length: TARGETS }, (_unused, b) => errors.reduce((sum, row) => sum + row[a]! * row[b]!, 0) / errors.length));
  const total = covariance.reduce((sum, row, a) => sum + row[a]!, 0), deviation: number[] = [], directions: number[][] = [];
  for (let k = 0; k < count; k++) {
    let v = Array.from({ length: TARGETS }, (_, i) => 1 + 0.1 * i), lambda = 0;
    for (let round = 0; round < 5000; round++) {
      const next = covariance.map((row) => row.reduce((sum, x, i) => sum + x * v[i]!, 0));
      lambda = Math.hypot(...next);
      v = next.map((x) => x / lambda);
    }
    deviation.push(Math.sqrt(lambda));
    directions.push(v);
    for (let a = 0; a < TARGETS; a++) for (let b = 0; b < TARGETS; b++) covariance[a]![b]! -= lambda * v[a]! * v[b]!;
  }
  return { deviation, directions, total };
}

describe.each([true, false])('variance matching %s', (matched) => {
  it('finds directions and sizes of the errors, whatever blocks the predictions come in', async () => {
    const collected = collectErrors(truth, matched);
    // As a fit hands them on: some targets at a time, in no order.
    for (const targets of [[20, 3, 7], [0, 1, 2, 4, 5, 6], [8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 23]]) {
      collected.add(Int32Array.from(targets), f32([IMAGES, targets.length], Float32Array.from({ length: IMAGES * targets.length }, (_, i) => predictions.data[Math.floor(i / targets.length) * TARGETS + (targets[i % targets.length] ?? 0)]!)));
    }
    const made = await collected.finish(products), count = made.deviation.length, slow = slowComponents(errorsOf(matched), count);
    expectClose(made.deviation, Float32Array.from(slow.deviation), { relative: CLOSE }, SEED);
    for (let k = 0; k < count; k++) expectClose(Math.abs(rows(made.directions, k, k + 1).data.reduce((sum, x, i) => sum + x * (slow.directions[k]?.[i] ?? 0), 0)), 1, { absolute: CLOSE }, SEED);
    const held = slow.deviation.reduce((sum, sd) => sum + sd * sd, 0) / slow.total;
    expect(held).toBeGreaterThanOrEqual(HELD_SHARE);
    expect(held - (slow.deviation.at(-1) ?? 0) ** 2 / slow.total, 'one less would not do').toBeLessThan(HELD_SHARE);
  });
});

it('has no components where nothing is wrong', async () => {
  const none = await componentsOf(f32([5, 3], new Float32Array(15)), products);
  expect([none.deviation.length, none.directions.shape]).toEqual([0, [0, 3]]);
});

it('reads no more images than it says', async () => {
  const source = random(SEED + 1), many = f32([MOST_IMAGES + 500, 2], fillNormal(new Float32Array(2 * (MOST_IMAGES + 500)), source)), collected = collectErrors(many, false);
  collected.add(Int32Array.of(0, 1), f32(many.shape, new Float32Array(many.data.length)));
  expect(collected.bytes).toBe(4 * 2 * MOST_IMAGES);
  const { deviation, directions } = await collected.finish(products);
  // White errors of SD 1 along any two directions; SD of an SD from 1000 images is 0.022.
  expect(directions.shape).toEqual([2, 2]);
  for (const sd of deviation) expect(Math.abs(sd - 1)).toBeLessThan(0.12);
});
