/**
 * A made-up experiment of the real one's size whose counts are known by construction: 40 sessions of 750 trials, 10 000 pictures
 * shown three times, 1000 of them shared. `late` pictures are shown only in the last three sessions, all others at least once before.
 */
import { permutation, random } from '../../common/random.ts';

export const SESSIONS = 40;
export const TRIALS = 750;
const LIST = 10_000;
const SHARED = 1000;
const EARLY_TRIALS = 37 * TRIALS;

export interface FullSizeDesign {
  /** 1-based positions, 30000. */
  readonly masterordering: Float64Array;
  /** Row-major `[8, 10000]`, 1-based ids up to 73000. */
  readonly subjectim: Float64Array;
  readonly sharedix: Float64Array;
}

/** `lateShared` of the shared and `lateOwn` of the other pictures appear only in sessions 38 to 40. */
export function fullSizeDesign(seed: number, lateShared = 18, lateOwn = 141): FullSizeDesign {
  const source = random(seed);
  const isLate = (position: number): boolean => position <= lateShared || (position > SHARED && position <= SHARED + lateOwn);
  // One presentation of each ordinary picture is fixed in the early part; the rest fill the remaining early and late trials.
  const early: number[] = [];
  const late: number[] = [];
  const rest: number[] = [];
  for (let position = 1; position <= LIST; position++) {
    if (isLate(position)) late.push(position, position, position);
    else { early.push(position); rest.push(position, position); }
  }
  const shuffledRest = permutation(rest.length, source.fork('rest'));
  for (const i of shuffledRest) (early.length < EARLY_TRIALS ? early : late).push(rest[i] ?? 0);
  const order = (list: readonly number[], name: string): number[] => Array.from(permutation(list.length, source.fork(name)), (i) => list[i] ?? 0);
  const masterordering = Float64Array.from([...order(early, 'early'), ...order(late, 'late')]);

  const ids = permutation(73_000, source.fork('ids'));
  const sharedix = Float64Array.from(ids.subarray(0, SHARED), (id) => id + 1).sort();
  const subjectim = new Float64Array(8 * LIST);
  for (let u = 0; u < 8; u++) {
    subjectim.set(sharedix, u * LIST);
    for (let j = SHARED; j < LIST; j++) subjectim[u * LIST + j] = (ids[SHARED + u * 9000 + j - SHARED] ?? 0) + 1;
  }
  return { masterordering, subjectim, sharedix };
}
