/**
 * Which subject sees which picture when, in the tables of `nsd_expdesign.mat`, `nsd_stim_info_merged.csv` and
 * `responses.tsv`, at the demo's size. Numbers are 1-based where NSD's are (nsd-data-format 3.4).
 *
 * 750 trials a session; every picture of a subject is shown three times; the order of positions is the same for all
 * subjects; positions 1 .. shared hold the pictures that all subjects see.
 */
import { permutation } from '../../common/random.ts';
import type { Random } from '../../common/random.ts';

export const SESSION_TRIALS = 750;
export const REPEATS = 3;
export const RUNS = 12;
export const SLOTS = 75;
/** Subjects that NSD's picture table has columns for. */
export const TABLE_SUBJECTS = 8;
const SHARED_SHARE = 2 / 15;

export interface DemoDesign {
  readonly subjects: number;
  readonly sessions: number;
  /** Pictures per subject, and how many of them all subjects see. */
  readonly perSubject: number;
  readonly shared: number;
  /** Pictures in all. */
  readonly pictures: number;
  /** Position (1-based) of each trial, `[sessions * 750]`. */
  readonly masterordering: Int32Array;
  /** Picture (1-based) by subject and position, `[subjects, perSubject]`. */
  readonly subjectim: Int32Array;
  /** `[sessions, 12, 75]`: 1 where a picture is shown. */
  readonly stimpattern: Uint8Array;
  /** `[3, sessions]`: pictures shown exactly once, twice, three times within a session. */
  readonly basiccnt: Int32Array;
}

/** Trials of run `run` (0-based) of every session: 63, 62, 63, 62, ... */
export function runTrials(run: number): number {
  return run % 2 === 0 ? 63 : 62;
}

export function designOf({ subjects, sessions }: { readonly subjects: number; readonly sessions: number }, source: Random): DemoDesign {
  const trials = sessions * SESSION_TRIALS, perSubject = trials / REPEATS, shared = Math.round(perSubject * SHARED_SHARE);
  const pictures = shared + subjects * (perSubject - shared);
  // 1. Shared pictures are spread over all, ascending; the others go to the subjects at random.
  const order = permutation(pictures, source.fork('pictures'));
  const sharedIds = Array.from(order.subarray(0, shared), (id) => id + 1).sort((a, b) => a - b);
  const subjectim = new Int32Array(subjects * perSubject);
  for (let subject = 0; subject < subjects; subject++) {
    subjectim.set(sharedIds, subject * perSubject);
    for (let i = shared; i < perSubject; i++) subjectim[subject * perSubject + i] = 1 + (order[shared + subject * (perSubject - shared) + i - shared] ?? 0);
  }
  // 2. Every position three times in random order, never twice in a row.
  const shuffled = permutation(trials, source.fork('trials'));
  const masterordering = Int32Array.from(shuffled, (entry) => 1 + (entry % perSubject));
  const swap = source.fork('swaps');
  for (let t = 1; t < trials; t++) {
    while (masterordering[t] === masterordering[t - 1]) {
      const other = swap.integer(trials), held = masterordering[t] ?? 0;
      const clashes = masterordering[other - 1] === held || masterordering[other + 1] === held;
      if (clashes) continue;
      masterordering[t] = masterordering[other] ?? 0;
      masterordering[other] = held;
    }
  }
  // 3. Blank slots: the first three and last four of a run, and a few between.
  const stimpattern = new Uint8Array(sessions * RUNS * SLOTS), blank = source.fork('blanks');
  for (let run = 0; run < sessions * RUNS; run++) {
    const inner = permutation(SLOTS - 7, blank);
    for (let i = 0; i < runTrials(run % RUNS); i++) stimpattern[run * SLOTS + 3 + (inner[i] ?? 0)] = 1;
  }
  const basiccnt = new Int32Array(REPEATS * sessions);
  for (let session = 0; session < sessions; session++) {
    const seen = new Map<number, number>();
    for (const position of masterordering.subarray(session * SESSION_TRIALS, (session + 1) * SESSION_TRIALS)) seen.set(position, (seen.get(position) ?? 0) + 1);
    for (const times of seen.values()) basiccnt[(times - 1) * sessions + session] = (basiccnt[(times - 1) * sessions + session] ?? 0) + 1;
  }
  return { subjects, sessions, perSubject, shared, pictures, masterordering, subjectim, stimpattern, basiccnt };
}

/** 1-based picture of each trial of a subject (0-based). */
export function picturesOf(design: DemoDesign, subject: number): Int32Array {
  return design.masterordering.map((position) => design.subjectim[subject * design.perSubject + position - 1] ?? 0);
}

/** 1-based trials of each of a subject's positions, `[perSubject, 3]`. */
export function trialsOfPositions(design: DemoDesign): Int32Array {
  const out = new Int32Array(design.perSubject * REPEATS), filled = new Uint8Array(design.perSubject);
  design.masterordering.forEach((position, t) => {
    const at = position - 1, repeat = filled[at] ?? 0;
    out[at * REPEATS + repeat] = t + 1;
    filled[at] = repeat + 1;
  });
  return out;
}

const BEHAVIOUR_COLUMNS = ['SUBJECT', 'SESSION', 'RUN', 'TRIAL', '73KID', '10KID', 'TIME', 'ISOLD', 'ISCORRECT', 'RT', 'CHANGEMIND', 'MEMORYRECENT', 'MEMORYFIRST',
  'ISOLDCURRENT', 'ISCORRECTCURRENT', 'TOTAL1', 'TOTAL2', 'BUTTON', 'MISSINGDATA'] as const;

const HIT = 0.82, FALSE_ALARM = 0.16, MISSED = 0.01, SLOT_SECONDS = 4;

/** Header and rows of `responses.tsv`: a continuous recognition task, answered by chance at stated rates. */
export function behaviourTable(design: DemoDesign, subject: number, source: Random): { readonly header: readonly string[]; readonly rows: readonly (readonly string[])[] } {
  const pictures = picturesOf(design, subject), rows: string[][] = [];
  const lastSeen = new Map<number, number>(), firstSeen = new Map<number, number>();
  let t = 0;
  for (let session = 0; session < design.sessions; session++) {
    const begin = session * SESSION_TRIALS;
    for (let run = 0; run < RUNS; run++) {
      const slots = design.stimpattern.subarray((session * RUNS + run) * SLOTS, (session * RUNS + run + 1) * SLOTS);
      let trial = 0;
      for (const [slot, shown] of slots.entries()) {
        if (shown !== 1) continue;
        trial++;
        const picture = pictures[t] ?? 0, last = lastSeen.get(picture), first = firstSeen.get(picture);
        const isOld = last !== undefined, isOldCurrent = last !== undefined && last >= begin;
        const saysOld = source.uniform() < (isOld ? HIT : FALSE_ALARM), answered = source.uniform() >= MISSED, changed = source.uniform() < 0.02;
        const days = 7 * session + 0.4 + (run * 330 + slot * SLOT_SECONDS) / 86400;
        const flag = (value: boolean): string => (answered ? String(Number(value)) : 'NaN');
        rows.push([subject + 1, session + 1, run + 1, trial, picture, design.masterordering[t] ?? 0].map(String).concat([
          days.toFixed(8), String(Number(isOld)), flag(saysOld === isOld),
          answered ? (450 + 400 * Math.exp(0.45 * source.normal())).toFixed(1) : 'NaN', answered ? String(Number(changed)) : 'NaN',
          last === undefined ? 'NaN' : String(t - last), first === undefined ? 'NaN' : String(t - first),
          String(Number(isOldCurrent)), flag(saysOld === isOldCurrent),
          String(answered ? Number(!saysOld) + Number(changed && saysOld) : 0), String(answered ? Number(saysOld) + Number(changed && !saysOld) : 0),
          answered ? (saysOld ? '2' : '1') : 'NaN', '0',
        ]));
        lastSeen.set(picture, t);
        if (first === undefined) firstSeen.set(picture, t);
        t++;
      }
    }
  }
  return { header: BEHAVIOUR_COLUMNS, rows };
}
