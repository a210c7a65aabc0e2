import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ndarray } from '../../../common/ndarray.ts';
import { fillNormal, random } from '../../../common/random.ts';
import { compilePackedKernel } from '../../../main/linalg/packed-kernel.ts';
import { panelsOf } from '../../../main/linalg/panels.ts';
import { plainProducts } from '../../../main/linalg/plain-products.ts';
import { sessionProducts } from '../../../main/linalg/session-products.ts';
import { solveOnThreads } from '../../../main/linalg/subsystem-threads.ts';
import { solveInTurn } from '../../../main/linalg/subsystems.ts';
import { triangleOf } from '../../../main/linalg/triangle.ts';
import { expectClose } from '../../support/close.ts';
import { slowSolve } from '../ridge/slow-solve.ts';
import type { F64 } from '../../../common/ndarray.ts';
import type { SubsystemOptions, Subsystems } from '../../../main/linalg/products.ts';

const SEED = 43;
const PROGRAM = path.resolve(import.meta.dirname, '../../../main/entry/subsystem-worker.ts');
/** Panels and pieces narrow enough for subsets to lie in several. */
const PANEL = 16, PIECE_BYTES = 3000;

const sessions = sessionProducts({ threads: 1 });
afterAll(() => sessions.release());
const kernel = compilePackedKernel();

/** R R' / n + I: condition below 6. */
function positive(size: number, seed: number): F64 {
  const root = fillNormal(new Float32Array(size * size), random(seed));
  const out = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = i === j ? 1 : 0;
      for (let k = 0; k < size; k++) sum += ((root[i * size + k] ?? NaN) * (root[j * size + k] ?? NaN)) / size;
      out[i * size + j] = out[j * size + i] = sum;
    }
  }
  return ndarray('float64', [size, size], out);
}

/** Random subsets of `full`, with random right-hand sides. */
function systemsOf(full: F64, size: number, count: number, seed: number): Subsystems {
  const [rows = 0] = full.shape;
  const stream = random(seed);
  const subsets = new Int32Array(new SharedArrayBuffer(count * size * 4)), right = new Float64Array(new SharedArrayBuffer(count * size * 8));
  for (let item = 0; item < count; item++) {
    const keys = fillNormal(new Float32Array(rows), stream);
    const drawn = Int32Array.from({ length: rows }, (_, i) => i).sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0)).slice(0, size);
    subsets.set(drawn.sort(), item * size);
  }
  right.set(fillNormal(new Float32Array(count * size), stream));
  return { matrix: triangleOf(panelsOf(full, PANEL), PIECE_BYTES), size, count, subsets, right };
}

function copyOf(systems: Subsystems): Subsystems {
  const right = new Float64Array(new SharedArrayBuffer(systems.right.byteLength));
  right.set(systems.right);
  return { ...systems, right };
}

/** By elimination with pivoting on the definition of the subset. */
function slowSolutions(full: F64, { size, count, subsets, right }: Subsystems): number[] {
  const rows = full.shape[0] ?? 0;
  return Array.from({ length: count }, (_, item) => {
    const chosen = Array.from(subsets.subarray(item * size, (item + 1) * size));
    return Array.from(slowSolve(chosen.map((i) => chosen.map((j) => full.data[i * rows + j] ?? NaN)), Array.from(right.subarray(item * size, (item + 1) * size))));
  }).flat();
}

const onThreads = (threads: number) => (systems: Subsystems, options?: SubsystemOptions): Promise<void> => solveOnThreads(systems, kernel, PROGRAM, threads, options);
const inTurn = (systems: Subsystems, options?: SubsystemOptions): Promise<void> => solveInTurn(systems, kernel, options);

const ROUTES: Readonly<Record<string, (systems: Subsystems) => Promise<void>>> = {
  'plain loops': (systems) => plainProducts().solveSubsystems(systems),
  'the runtime\'s products': (systems) => sessions.solveSubsystems(systems),
  'two threads': onThreads(2),
};

describe('systems cut out of a matrix', () => {
  for (const size of [1, 2, 3, 4, 5, 8, 47, 64, 66, 89, 90]) {
    it(`of ${size} of 90 unknowns agree with elimination by every route`, async () => {
      const full = positive(90, SEED);
      const systems = systemsOf(full, size, 5, SEED + size);
      const expected = slowSolutions(full, systems);
      for (const [name, route] of Object.entries(ROUTES)) {
        const solved = copyOf(systems);
        await route(solved);
        // Condition below 6: some hundred roundings.
        try { expectClose(solved.right, expected, { absolute: 1e-12 }, SEED + size); } catch (cause) { throw new Error(name, { cause }); }
      }
    });
  }

  it('have the same bits for any number of threads, and for items in any company', async () => {
    const full = positive(120, SEED);
    const systems = systemsOf(full, 61, 23, SEED);
    const expected = copyOf(systems);
    await inTurn(expected);
    for (const threads of [1, 2, 5]) {
      const solved = copyOf(systems);
      await onThreads(threads)(solved);
      expect(Buffer.from(solved.right.buffer).equals(Buffer.from(expected.right.buffer))).toBe(true);
    }
    // What an item leaves in memory does not reach the next: the last alone.
    const last = copyOf({ ...systems, right: systems.right.subarray(61 * 22) });
    await inTurn({ ...last, count: 1, subsets: systems.subsets.subarray(61 * 22) });
    expect(Array.from(last.right)).toEqual(Array.from(expected.right.subarray(61 * 22)));
  });

  it('tell their progress up to the end', async () => {
    const full = positive(30, SEED);
    for (const route of [inTurn, onThreads(2)]) {
      const shares: number[] = [];
      await route(systemsOf(full, 7, 4, SEED), { progress: (share) => { shares.push(share); } });
      expect(shares).toEqual([0.25, 0.5, 0.75, 1]);
    }
  });

  for (const value of [-1, 0, NaN]) {
    it(`with a pivot of ${value} are refused by every route, the first item named`, async () => {
      const full = positive(60, SEED);
      for (let i = 0; i < 60; i++) full.data[i * 60 + 37] = full.data[37 * 60 + i] = i === 37 ? value : 0;
      const systems = systemsOf(full, 12, 40, SEED);
      const first = Array.from(systems.subsets).findIndex((row) => row === 37);
      expect(first).toBeGreaterThan(-1);
      for (const [name, route] of Object.entries(ROUTES)) {
        await expect(route(copyOf(systems)), name).rejects.toThrow(`system ${Math.floor(first / 12)} is not positive definite: pivot ${first % 12} (row 37 of the matrix) is ${value}`);
      }
    });
  }

  it('stop when the signal fires, on one thread and on several', async () => {
    const total = 4000;
    const systems = systemsOf(positive(200, SEED), 190, total, SEED);
    for (const route of [inTurn, onThreads(2)]) {
      const controller = new AbortController();
      let solved = 0;
      const running = route(copyOf(systems), { signal: controller.signal, progress: () => { if (++solved === 3) setImmediate(() => { controller.abort(); }); } });
      await expect(running).rejects.toMatchObject({ name: 'CancelledError' });
      expect(solved).toBeLessThan(total);
    }
  });

  it('pass on why a thread could not do its work', async () => {
    const systems = systemsOf(positive(20, SEED), 5, 2, SEED);
    await expect(solveOnThreads(systems, kernel, path.join(import.meta.dirname, 'no-such-program.ts'), 2)).rejects.toThrow('no-such-program');
    // A row that the matrix does not have.
    systems.subsets[4] = 20;
    await expect(onThreads(2)(systems)).rejects.toThrow('row 20 of a matrix of 20');
    await expect(inTurn(systems)).rejects.toThrow('row 20 of a matrix of 20');
  });
});

describe('a triangle', () => {
  it('holds every entry of the panels, in pieces or whole', () => {
    const full = positive(50, SEED);
    for (const [width, bytes] of [[16, 100], [16, 1000], [7, 3000], [64, 1e6]] as const) {
      const { pieces, firsts } = triangleOf(panelsOf(full, width), bytes);
      expect(Math.max(...pieces.map((piece) => piece.byteLength))).toBeLessThanOrEqual(Math.max(bytes, 50 * 8));
      expect(firsts.length).toBe(pieces.length + 1);
      const expected = Array.from({ length: 50 }, (_, i) => Array.from(full.data.subarray(i * 50 + i, (i + 1) * 50))).flat();
      expect(pieces.flatMap((piece) => Array.from(piece))).toEqual(expected);
    }
  });
});
