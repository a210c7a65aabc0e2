/**
 * Cholesky factor and solution of one positive definite system in double precision, as WebAssembly with vectors of two doubles: what a few
 * hundred unknowns need, too small and too many for products of their own.
 *
 * The upper triangle lies in column panels of four: panel j holds rows 0 .. 4j + 3 of columns 4j .. 4j + 3, row-major, so that the inner
 * loop reads two panels from top to bottom. The right-hand side is one panel more, whose first column is used; the factor does the forward
 * substitution on it in passing:
 *
 *   U_ij = U_ii^-T (A_ij - sum over k < i of U_ki' U_kj)
 *
 * Tiles of 4 x 4 stay in registers. n^3/6 multiply-adds. Every operation is one IEEE operation in a fixed order: the same bits on every
 * machine. Source: Golub and Van Loan, Matrix Computations, 4.2 (block Cholesky), 3.1 (column-oriented back substitution).
 */
import { during, f64, f64x2, give, i32, wasmModule, when } from './wasm-code.ts';
import type { Code, Frame, Local, WasmFunction } from './wasm-code.ts';

/** Rows and columns of a tile. */
export const TILE = 4;
/** Bytes of a row of a panel. */
const ROW = TILE * 8;
const TILE_BYTES = TILE * ROW;
/** A pivot that is not positive is left here. */
const PIVOT = 0;
/** Reciprocals of the diagonal of the current block. */
const RECIPROCALS = 64;
const PANELS = 128;

/** Byte address of a panel in the memory: those before it have 1, 2, ... tiles. */
export function panelAddress(panel: number): number {
  return PANELS + (TILE_BYTES / 2) * panel * (panel + 1);
}

const four = [0, 1, 2, 3] as const;

/** `panelAddress` of a local. */
function panelCode(panel: Local): Code {
  return i32.add(i32.constant(PANELS), i32.multiply(i32.constant(TILE_BYTES / 2), i32.multiply(panel.get, i32.add(panel.get, i32.constant(1)))));
}

/** The tile at `at`, less the products of the rows above: two vectors a row. */
function downdate(frame: Frame, sums: readonly Local[], from: Local, to: Local, other: Local): Code {
  const left = frame.local('v128'), right = frame.local('v128'), factor = frame.local('v128');
  const row = (k: number): Code => [
    ...left.set(f64x2.load(other.get, k * ROW)), ...right.set(f64x2.load(other.get, k * ROW + 16)),
    ...four.flatMap((r) => {
      const a = sums[2 * r], b = sums[2 * r + 1];
      if (a === undefined || b === undefined) throw new RangeError('a tile has eight vectors');
      return [
        ...factor.set(f64x2.loadTwice(from.get, k * ROW + r * 8)),
        ...a.set(f64x2.subtract(a.get, f64x2.multiply(factor.get, left.get))),
        ...b.set(f64x2.subtract(b.get, f64x2.multiply(factor.get, right.get))),
      ];
    }),
  ];
  return during(i32.less(from.get, to.get), [
    ...four.map(row),
    from.set(i32.add(from.get, i32.constant(TILE_BYTES))),
    other.set(i32.add(other.get, i32.constant(TILE_BYTES))),
  ]);
}

/** Upper factor of the diagonal tile at `at`, in place, and the reciprocals of its diagonal; gives the row of a pivot that is not positive, counted from 1. */
function factorTile(frame: Frame, at: Local, block: Local): Code {
  const u = four.map((r) => four.map((c) => (c >= r ? frame.local('f64') : null)));
  const entry = (r: number, c: number): Local => {
    const found = u[r]?.[c];
    if (found === undefined || found === null) throw new RangeError(`no entry ${r}, ${c} in an upper triangle`);
    return found;
  };
  const reciprocal = frame.local('f64');
  return four.flatMap((r) => {
    const above = four.filter((q) => q < r);
    const reduced = (c: number): Code => above.reduce<Code>((sum, q) => f64.subtract(sum, f64.multiply(entry(q, r).get, entry(q, c).get)), f64.load(at.get, r * ROW + c * 8));
    return [
      ...entry(r, r).set(reduced(r)),
      // Not "at most 0": a pivot that is not a number is refused too.
      ...when(i32.equal(f64.greater(entry(r, r).get, f64.constant(0)), i32.constant(0)), [
        f64.store(i32.constant(PIVOT), entry(r, r).get), give(i32.add(i32.multiply(block.get, i32.constant(TILE)), i32.constant(r + 1))),
      ]),
      ...entry(r, r).set(f64.root(entry(r, r).get)),
      ...reciprocal.set(f64.divide(f64.constant(1), entry(r, r).get)),
      ...f64.store(i32.constant(RECIPROCALS), reciprocal.get, r * 8),
      ...four.flatMap((c) => [
        ...(c > r ? entry(r, c).set(f64.multiply(reduced(c), reciprocal.get)) : []),
        ...f64.store(at.get, c >= r ? entry(r, c).get : f64.constant(0), r * ROW + c * 8),
      ]),
    ];
  });
}

/** U_ii^-T times the tile in `sums`, row by row. */
function substituteForward(frame: Frame, sums: readonly Local[], diagonal: Local): Code {
  const factor = frame.local('v128');
  return four.flatMap((r) => [0, 1].flatMap((half) => {
    const own = sums[2 * r + half];
    if (own === undefined) throw new RangeError('a tile has eight vectors');
    return [
      ...four.filter((q) => q < r).flatMap((q) => {
        const above = sums[2 * q + half];
        if (above === undefined) throw new RangeError('a tile has eight vectors');
        return [...factor.set(f64x2.loadTwice(diagonal.get, q * ROW + r * 8)), ...own.set(f64x2.subtract(own.get, f64x2.multiply(factor.get, above.get)))];
      }),
      ...own.set(f64x2.multiply(own.get, f64x2.loadTwice(i32.constant(RECIPROCALS), r * 8))),
    ];
  }));
}

/** factor(first, last, panels): block rows `first .. last - 1` of the factor; 0, or the row of a pivot that is not positive, counted from 1. */
const FACTOR: WasmFunction = {
  name: 'factor', parameters: 3,
  body: (frame) => {
    const [i, last, panels] = frame.parameters;
    if (i === undefined || last === undefined || panels === undefined) throw new RangeError('factor has three parameters');
    const j = frame.local('i32'), own = frame.local('i32'), panel = frame.local('i32');
    const diagonal = frame.local('i32'), at = frame.local('i32'), from = frame.local('i32'), other = frame.local('i32');
    const sums = Array.from({ length: 2 * TILE }, () => frame.local('v128'));
    const eachSum = (what: (sum: Local, offset: number) => Code): Code => sums.flatMap((sum, k) => what(sum, k * 16));
    const write = eachSum((sum, offset) => f64x2.store(at.get, sum.get, offset));
    return [
      during(i32.less(i.get, last.get), [
        own.set(panelCode(i)), diagonal.set(i32.add(own.get, i32.multiply(i.get, i32.constant(TILE_BYTES)))),
        panel.set(own.get), j.set(i.get),
        during(i32.less(j.get, panels.get), [
          at.set(i32.add(panel.get, i32.subtract(diagonal.get, own.get))),
          eachSum((sum, offset) => sum.set(f64x2.load(at.get, offset))),
          from.set(own.get), other.set(panel.get),
          downdate(frame, sums, from, diagonal, other),
          when(i32.equal(i.get, j.get), [write, factorTile(frame, at, i)]),
          when(i32.less(i.get, j.get), [substituteForward(frame, sums, diagonal), write]),
          // Panel j has j + 1 tiles.
          j.set(i32.add(j.get, i32.constant(1))),
          panel.set(i32.add(panel.get, i32.multiply(j.get, i32.constant(TILE_BYTES)))),
        ]),
        i.set(i32.add(i.get, i32.constant(1))),
      ]),
      i32.constant(0),
    ];
  },
};

/** substitute(blocks): w from U w = z in the first column of the panel after the last block, in place; gives 0. */
const SUBSTITUTE: WasmFunction = {
  name: 'substitute', parameters: 1,
  body: (frame) => {
    const [blocks] = frame.parameters;
    if (blocks === undefined) throw new RangeError('substitute has one parameter');
    const j = frame.local('i32'), right = frame.local('i32'), panel = frame.local('i32'), z = frame.local('i32'), tile = frame.local('i32');
    const w = four.map(() => frame.local('f64'));
    const low = frame.local('v128'), high = frame.local('v128'), sum = frame.local('v128');
    const solution = (r: number): Local => {
      const found = w[r];
      if (found === undefined) throw new RangeError('a block has four unknowns');
      return found;
    };
    const pair = (local: Local, first: number): Code => [
      // Both into memory and back: there is no other way to join two doubles than lane by lane.
      ...f64.store(i32.constant(RECIPROCALS), solution(first).get), ...f64.store(i32.constant(RECIPROCALS), solution(first + 1).get, 8),
      ...local.set(f64x2.load(i32.constant(RECIPROCALS))),
    ];
    return [
      right.set(panelCode(blocks)), j.set(blocks.get),
      during(i32.less(i32.constant(0), j.get), [
        j.set(i32.subtract(j.get, i32.constant(1))),
        panel.set(panelCode(j)),
        tile.set(i32.add(panel.get, i32.multiply(j.get, i32.constant(TILE_BYTES)))),
        z.set(i32.add(right.get, i32.multiply(j.get, i32.constant(TILE_BYTES)))),
        ...[3, 2, 1, 0].map((r) => {
          const known = four.filter((c) => c > r).reduce<Code>((rest, c) => f64.subtract(rest, f64.multiply(f64.load(tile.get, r * ROW + c * 8), solution(c).get)), f64.load(z.get, r * ROW));
          return [...solution(r).set(f64.divide(known, f64.load(tile.get, r * ROW + r * 8))), ...f64.store(z.get, solution(r).get, r * ROW)];
        }),
        pair(low, 0), pair(high, 2),
        z.set(right.get),
        during(i32.less(panel.get, tile.get), [
          sum.set(f64x2.add(f64x2.multiply(f64x2.load(panel.get), low.get), f64x2.multiply(f64x2.load(panel.get, 16), high.get))),
          f64.store(z.get, f64.subtract(f64.load(z.get), f64.add(f64x2.lane(sum.get, 0), f64x2.lane(sum.get, 1)))),
          panel.set(i32.add(panel.get, i32.constant(ROW))), z.set(i32.add(z.get, i32.constant(ROW))),
        ]),
      ]),
      i32.constant(0),
    ];
  },
};

/** The kernel compiled; one serves all threads. */
export function compilePackedKernel(): WebAssembly.Module {
  return new WebAssembly.Module(wasmModule([FACTOR, SUBSTITUTE]));
}

export interface PackedSystem {
  /** Memory as doubles; panels start at `panelAddress(j) / 8`. */
  readonly values: Float64Array;
  /** Block rows `first .. last - 1`, all before them done: 0, or the row of a pivot that is not positive, counted from 1. */
  factor(first: number, last: number): number;
  /** Back substitution; the solution replaces the right-hand side. */
  substitute(): void;
  /** The pivot that `factor` refused. */
  pivot(): number;
}

const isKernel = (value: WebAssembly.ExportValue | undefined): value is (...values: number[]) => number => typeof value === 'function';

const PAGE = 65536;
const LARGEST_MEMORY = 2 ** 32;

/** Memory for systems of `blocks` blocks of four unknowns. Throws RangeError above 32 700 unknowns: 32-bit addresses. */
export function packedSystem(module: WebAssembly.Module, blocks: number): PackedSystem {
  const bytes = panelAddress(blocks + 1);
  if (bytes > LARGEST_MEMORY) throw new RangeError(`${blocks * TILE} unknowns need ${bytes} bytes; at most ${LARGEST_MEMORY} are possible`);
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE) });
  const { exports } = new WebAssembly.Instance(module, { host: { memory } });
  const { factor, substitute } = exports;
  if (!isKernel(factor) || !isKernel(substitute)) throw new Error('the kernel exports factor and substitute');
  const values = new Float64Array(memory.buffer);
  return {
    values,
    factor: (first, last) => factor(first, last, blocks + 1),
    substitute: () => { substitute(blocks); },
    pivot: () => values[PIVOT / 8] ?? NaN,
  };
}
