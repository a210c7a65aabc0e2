/**
 * How much memory the runtime's arena takes for a list of blocks that are asked for and given back: its published rules (ONNX Runtime 1.30,
 * `core/framework/bfc_arena.cc`, after TensorFlow's best-fit allocator with coalescing) followed step by step, with nothing allocated.
 *
 * - Blocks are multiples of 256 bytes. The smallest free piece that is large enough is taken, the one of lowest address among equals; it is split where what would be
 *   left over is at least as large as the block, or 128 MiB. So up to half of a piece lies idle.
 * - Free neighbours become one piece.
 * - Where nothing fits, a region is asked of the system: 1 MiB first, then twice the last one, doubled further until the block fits, at most 1 GiB unless one block
 *   is larger. Regions are never given back while the session lives.
 */

const GRAIN = 256;
const FIRST_REGION = 2 ** 20;
/** Default of `max_power_of_two_extend_bytes`. */
const LARGEST_DOUBLING = 2 ** 30;
/** Default of `max_dead_bytes_per_chunk`. */
const MOST_IDLE = 2 ** 27;
/** What the system gives memory in: pages that nothing was written to take none. */
const PAGE = 2 ** 12;

export type ArenaStep = { readonly take: string; readonly bytes: number } | { readonly giveBack: string };

export interface ArenaUse {
  /** Address space that was asked for. */
  readonly reservedBytes: number;
  /** Pages that some block lay on: what becomes resident if every block is written. */
  readonly touchedBytes: number;
}

interface Piece { start: number; size: number; free: boolean }
interface Region { readonly pieces: Piece[]; readonly pages: Uint8Array }

/** Steps in the order of time. A block that is given back without having been taken is passed over. */
export function arenaUse(steps: Iterable<ArenaStep>): ArenaUse {
  const regions: Region[] = [], held = new Map<string, { readonly region: Region; readonly piece: Piece }>();
  let next = FIRST_REGION, reservedBytes = 0;
  const extend = (bytes: number): Region => {
    const doubled = bytes > next;
    while (bytes > next) next *= 2;
    const region: Region = { pieces: [{ start: 0, size: next, free: true }], pages: new Uint8Array(Math.ceil(next / PAGE)) };
    regions.push(region);
    reservedBytes += next;
    if (!doubled) next = Math.max(next, Math.min(2 * next, LARGEST_DOUBLING));
    return region;
  };
  const bestFit = (bytes: number): { readonly region: Region; readonly at: number } | null => {
    let best: { region: Region; at: number; size: number } | null = null;
    for (const region of regions) region.pieces.forEach(({ size, free }, at) => { if (free && size >= bytes && (best === null || size < best.size)) best = { region, at, size }; });
    return best;
  };
  for (const step of steps) {
    if ('take' in step) {
      const bytes = Math.max(GRAIN, Math.ceil(step.bytes / GRAIN) * GRAIN), { region, at } = bestFit(bytes) ?? { region: extend(bytes), at: 0 }, piece = region.pieces[at];
      if (piece === undefined) throw new RangeError('a region without pieces');
      if (piece.size >= 2 * bytes || piece.size - bytes >= MOST_IDLE) {
        region.pieces.splice(at + 1, 0, { start: piece.start + bytes, size: piece.size - bytes, free: true });
        piece.size = bytes;
      }
      piece.free = false;
      held.set(step.take, { region, piece });
      region.pages.fill(1, Math.floor(piece.start / PAGE), Math.ceil((piece.start + step.bytes) / PAGE));
    } else {
      const block = held.get(step.giveBack);
      if (block === undefined) continue;
      held.delete(step.giveBack);
      merge(block.region, block.piece);
    }
  }
  return { reservedBytes, touchedBytes: PAGE * regions.reduce((sum, { pages }) => sum + pages.reduce((count, page) => count + page, 0), 0) };
}

/** Frees a piece and joins it with free neighbours. */
function merge({ pieces }: Region, piece: Piece): void {
  piece.free = true;
  const at = pieces.indexOf(piece);
  const before = pieces[at - 1], after = pieces[at + 1];
  if (after?.free === true) { piece.size += after.size; pieces.splice(at + 1, 1); }
  if (before?.free === true) { before.size += piece.size; pieces.splice(at, 1); }
}
