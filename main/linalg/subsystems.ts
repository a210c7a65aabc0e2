/**
 * Many small systems cut out of one symmetric matrix: for every item the rows and columns of a subset S and a right-hand side of its own,
 * A[S, S] w = r. Everything lies in shared memory. Cholesky factors in double precision by the kernel of `packed-kernel.ts`; what the threads of `subsystem-threads.ts` do is
 * what is done here, item by item, so that neither their number nor their order shows in the result.
 */
import { UserError, throwIfAborted } from '../../common/errors.ts';
import { TILE, packedSystem, panelAddress } from './packed-kernel.ts';
import { rowPlace } from './triangle.ts';
import type { SubsystemOptions, Subsystems } from './products.ts';

/** What an item was refused for. */
export interface Refusal {
  readonly item: number;
  /** Place of the pivot within the item. */
  readonly place: number;
  readonly pivot: number;
}

/** Solves one item in place; gives control back in between, after so many multiply-adds. */
export type ItemSolver = (item: number) => Generator<undefined, Refusal | null>;

/** Multiply-adds between two looks at the clock: some milliseconds. */
const STRETCH = 5e7;
/** The event loop gets its turn this often while everything runs on one thread. */
const TURN_MILLISECONDS = 50;

/** A row of the matrix, and where its column 0 would be. */
interface Source {
  readonly data: Float64Array;
  readonly base: number;
}

/** A solver with memory for one item at a time. Throws RangeError for more unknowns than 32-bit addresses reach. */
export function itemSolver({ matrix, size, subsets, right }: Subsystems, kernel: WebAssembly.Module): ItemSolver {
  const blocks = Math.ceil(size / TILE);
  const padded = blocks * TILE;
  const system = packedSystem(kernel, blocks);
  const { values } = system;
  // Where row 0 of every column is; a row further down is `TILE` doubles on. The last is the right-hand side.
  const places = Int32Array.from({ length: padded + TILE }, (_, k) => panelAddress(Math.floor(k / TILE)) / 8 + (k % TILE));
  const rightPlace = places[padded] ?? 0;
  const rows = Array.from({ length: matrix.size }, (_, row): Source => {
    const { piece, at } = rowPlace(matrix, row);
    const data = matrix.pieces[piece];
    if (data === undefined) throw new RangeError(`no piece ${piece}`);
    return { data, base: at - row };
  });
  const rowOf = (own: number): Source => {
    const source = rows[own];
    if (source === undefined) throw new RangeError(`row ${own} of a matrix of ${matrix.size}`);
    return source;
  };
  /** The tile on the diagonal and the right-hand side. Past the last row there is the identity. */
  const gatherDiagonal = (first: number, sources: readonly Source[], chosen: Int32Array, at: number): void => {
    for (let r = 0; r < TILE; r++) {
      const row = first + r, source = sources[r];
      for (let k = row; k < first + TILE; k++) {
        const value = source !== undefined && k < size ? source.data[source.base + (chosen[k] ?? NaN)] : k === row ? 1 : 0;
        values[(places[k] ?? 0) + row * TILE] = value ?? NaN;
      }
      const end = rightPlace + row * TILE;
      values[end] = row < size ? (right[at + row] ?? NaN) : 0;
      values[end + 1] = values[end + 2] = values[end + 3] = 0;
    }
  };
  /** What is right of the diagonal tile, four rows together: every tile is written at once. */
  const gatherRight = (first: number, [a, b, c, d]: readonly Source[], chosen: Int32Array): void => {
    if (a === undefined || b === undefined || c === undefined || d === undefined) return; // the last block, where nothing is right of the tile
    const { data: aData, base: aBase } = a, { data: bData, base: bBase } = b, { data: cData, base: cBase } = c, { data: dData, base: dBase } = d;
    const down = first * TILE;
    for (let k = first + TILE; k < size; k++) {
      const to = (places[k] ?? 0) + down, column = chosen[k] ?? NaN;
      values[to] = aData[aBase + column] ?? NaN;
      values[to + TILE] = bData[bBase + column] ?? NaN;
      values[to + 2 * TILE] = cData[cBase + column] ?? NaN;
      values[to + 3 * TILE] = dData[dBase + column] ?? NaN;
    }
    for (let k = Math.max(size, first + TILE); k < padded; k++) for (let row = 0; row < TILE; row++) values[(places[k] ?? 0) + down + row * TILE] = 0;
  };
  return function* solve(item) {
    const at = item * size;
    const chosen = subsets.subarray(at, at + size);
    let work = 0;
    for (let block = 0; block < blocks; block++) {
      const first = block * TILE;
      const sources: Source[] = [];
      for (let row = first; row < first + TILE && row < size; row++) sources.push(rowOf(chosen[row] ?? NaN));
      gatherDiagonal(first, sources, chosen, at);
      gatherRight(first, sources, chosen);
      const refused = system.factor(block, block + 1);
      if (refused > 0) return { item, place: refused - 1, pivot: system.pivot() };
      work += TILE * TILE * block * (padded - TILE * block);
      if (work > STRETCH) { work = 0; yield; }
    }
    system.substitute();
    for (let row = 0; row < size; row++) right[at + row] = values[rightPlace + row * TILE] ?? NaN;
    return null;
  };
}

/** UserError (`bad-input`) that names the item and the pivot. */
export function refusalError({ subsets, size }: Subsystems, { item, place, pivot }: Refusal): UserError {
  return new UserError('bad-input', `system ${item} is not positive definite: pivot ${place} (row ${subsets[item * size + place] ?? NaN} of the matrix) is ${pivot}`, {
    expected: 'a positive pivot', found: `${pivot}`, fix: 'Use a larger penalty.',
  });
}

/** All items on this thread, in order. Throws UserError (`bad-input`) for the first item that is not positive definite. */
export async function solveInTurn(systems: Subsystems, kernel: WebAssembly.Module, { signal, progress }: SubsystemOptions = {}): Promise<void> {
  const solve = itemSolver(systems, kernel);
  let turn = performance.now();
  for (let item = 0; item < systems.count; item++) {
    const steps = solve(item);
    for (;;) {
      const step = steps.next();
      if (performance.now() - turn > TURN_MILLISECONDS) {
        await new Promise((resolve) => { setImmediate(resolve); });
        throwIfAborted(signal);
        turn = performance.now();
      }
      if (step.done !== true) continue;
      if (step.value !== null) throw refusalError(systems, step.value);
      break;
    }
    progress?.((item + 1) / systems.count);
  }
}
