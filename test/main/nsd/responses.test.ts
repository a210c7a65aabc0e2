import { describe, expect, it } from 'vitest';
import { CancelledError, UserError } from '../../../common/errors.ts';
import { random } from '../../../common/random.ts';
import { splitOf } from '../../../main/nsd/design.ts';
import type { Trials } from '../../../main/nsd/design.ts';
import { noiseCeilingPercent } from '../../../main/metrics/noise-ceiling.ts';
import { assembleResponses } from '../../../main/nsd/responses.ts';
import { expectClose } from '../../support/close.ts';

const SEED = 11;
/** Sums and quotients in float32 against the same in float64. */
const TOLERANCE = { absolute: 2e-5, relative: 2e-6 };

/** Three sessions of 20, 30 and 20 trials over 22 pictures (5 shared), 300 voxels: more than a block, not a multiple of one. */
const V = 300;
const starts = [0, 20, 50, 70];
const source = random(SEED);
const nsdId = Int32Array.from({ length: 70 }, () => 3 * source.integer(22));
const trials: Trials = { nsdId, isShared: Uint8Array.from(nsdId, (id) => (id < 15 ? 1 : 0)), sessions: [1, 2, 4], starts };
const split = splitOf(trials);
const raw: readonly Int16Array[] = [20, 30, 20].map((T) => Int16Array.from({ length: V * T }, () => Math.round(900 * source.normal())));
// Voxel 7 has no data in the second session, voxel 8 none at all, voxel 299 only in the last; voxel 20 is constant.
const clear = (s: number, v: number, value = 0): void => { const T = (starts[s + 1] ?? 0) - (starts[s] ?? 0); raw[s]?.fill(value, v * T, (v + 1) * T); };
clear(1, 7); clear(0, 8); clear(1, 8); clear(2, 8); clear(0, 299); clear(1, 299);
for (const s of [0, 1, 2]) clear(s, 20, 50);

type Cell = number | null;

/** `[trial][voxel]` in the asked-for scaling before averaging, null where there is no data; the obvious loops. */
function directTrials(zscore: 'session' | 'none'): Cell[][] {
  return Array.from({ length: 70 }, (_, t) => {
    const s = t < 20 ? 0 : t < 50 ? 1 : 2;
    const from = starts[s] ?? 0;
    const T = (starts[s + 1] ?? 0) - from;
    return Array.from({ length: V }, (_, v) => {
      const psc = Array.from({ length: T }, (_, k) => (raw[s]?.[v * T + k] ?? NaN) / 300);
      if (psc.every((x) => x === 0)) return null;
      const value = psc[t - from] ?? NaN;
      if (zscore === 'none') return value;
      const own = psc.filter((_, k) => trials.isShared[from + k] === 0);
      const mean = own.reduce((a, b) => a + b, 0) / own.length;
      const sd = Math.sqrt(own.reduce((a, b) => a + (b - mean) ** 2, 0) / own.length);
      return sd < 1e-9 ? 0 : (value - mean) / sd;
    });
  });
}

function directRows(zscore: 'session' | 'train' | 'none', average: boolean): number[][] {
  const cells = directTrials(zscore === 'session' ? 'session' : 'none');
  const ids = average ? [...split.imageIds] : [...nsdId];
  const groups = average ? ids.map((id) => cells.filter((_, t) => nsdId[t] === id)) : cells.map((row) => [row]);
  const rows: Cell[][] = groups.map((group) => Array.from({ length: V }, (_, v) => {
    const values = group.map((row) => row[v] ?? null).filter((x) => x !== null);
    return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
  }));
  const kept = Array.from({ length: V }, (_, v) => v).filter((v) => rows.some((row) => row[v] !== null));
  const means = new Map(kept.map((v) => {
    const own = rows.filter((row, r) => (ids[r] ?? 0) >= 15 && row[v] !== null).map((row) => row[v] ?? NaN);
    return [v, own.reduce((a, b) => a + b, 0) / own.length];
  }));
  const filled = rows.map((row) => kept.map((v) => row[v] ?? means.get(v) ?? NaN));
  if (zscore !== 'train') return filled;
  const training = filled.filter((_, r) => (ids[r] ?? 0) >= 15);
  return filled.map((row) => row.map((value, c) => {
    const column = training.map((other) => other[c] ?? NaN);
    const mean = column.reduce((a, b) => a + b, 0) / column.length;
    const sd = Math.sqrt(column.reduce((a, b) => a + (b - mean) ** 2, 0) / column.length);
    return sd < 1e-9 ? 0 : (value - mean) / sd;
  }));
}

const input = { voxels: V, trials, split, readSession: (s: number) => Promise.resolve(raw[s] ?? new Int16Array()) };

describe('responses', () => {
  for (const zscore of ['none', 'session', 'train'] as const) {
    for (const average of [true, false]) {
      it(`equal a direct computation (zscore ${zscore}, ${average ? 'averaged' : 'single trials'})`, async () => {
        const got = await assembleResponses({ ...input, zscore, average });
        const expected = directRows(zscore, average);
        expect(got.values.shape).toEqual([expected.length, V - 1]);
        expectClose(got.values.data, expected.flat(), TOLERANCE, SEED);
      });
    }
  }

  it('drop the voxel without data and count those with gaps', async () => {
    const got = await assembleResponses({ ...input, zscore: 'none', average: true });
    expect([...got.kept]).toEqual(Array.from({ length: V }, (_, v) => v).filter((v) => v !== 8));
    expect(got.partial).toBe(2);
  });

  it('do not let test trials touch the statistics of a session', async () => {
    const louder = raw.map((values, s) => values.map((value, i) => (trials.isShared[(starts[s] ?? 0) + (i % ((starts[s + 1] ?? 0) - (starts[s] ?? 0)))] === 1 ? -2 * value : value)));
    const [one, two] = await Promise.all([raw, louder].map((data) => assembleResponses({ ...input, zscore: 'session', average: true, readSession: (s) => Promise.resolve(data[s] ?? new Int16Array()) })));
    const width = one?.values.shape[1] ?? 0;
    split.isTest.forEach((flag, r) => {
      if (flag === 0) expect([...one?.values.data.subarray(r * width, r * width + 20) ?? []]).toEqual([...two?.values.data.subarray(r * width, r * width + 20) ?? []]);
    });
  });

  it('stop when asked and report every session', async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const run = assembleResponses({ ...input, zscore: 'none', average: true }, stop.signal, (done, total, what) => { seen.push(`${done}/${total} ${what}`); if (done === 1) stop.abort(); });
    await expect(run).rejects.toThrow(CancelledError);
    expect(seen).toEqual(['0/3 session 1', '1/3 session 2']);
  });

  it('refuse what does not fit into one piece, and a session without training trials', async () => {
    await expect(assembleResponses({ ...input, voxels: 2 ** 26, zscore: 'none', average: true })).rejects.toThrow(UserError);
    const onlyTest = { ...trials, isShared: new Uint8Array(70).fill(1) };
    await expect(assembleResponses({ ...input, trials: onlyTest, zscore: 'session', average: true })).rejects.toThrow(/z-scoring within it needs two/);
  });
});

describe('the noise ceiling', () => {
  it('is 100 s^2 / (s^2 + 1/n), with the mean of 1/n over images of any mixture of repeats', () => {
    const inverse = (2 / 3 + 1 / 2 + 1) / 4;
    const percent = noiseCeilingPercent(Float32Array.of(0, 1, NaN, 0.5), [3, 3, 2, 1]);
    expect(percent[0]).toBe(0);
    expect(percent[1]).toBeCloseTo(100 / (1 + inverse), 4);
    expect(percent[2]).toBeNaN();
    expect(percent[3]).toBeCloseTo(25 / (0.25 + inverse), 4);
  });
});
