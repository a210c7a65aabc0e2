/**
 * Which picture was shown in which trial, and how trials split into training and test. Pure; files are read by `design-file.ts`.
 *
 * Sources: NSD Data Manual, "Experiments": `masterordering` (1-based positions in a subject's own list, trial by trial, the same
 * for all subjects), `subjectim` (1-based picture ids, one row per subject), `sharedix` (pictures that everyone saw). Test = shared
 * pictures, training = the others, counted over the sessions that are present. Ids here are 0-based (`nsdId`).
 */
import { UserError } from '../../common/errors.ts';
import { RELEASE_TRIALS_PER_SESSION } from './release.ts';

/** Tables are kept by picture id, so that a damaged id must not ask for gigabytes. */
export const MOST_PICTURES = 10_000_000;

export interface Design {
  /** The file it came from, for messages. */
  readonly file: string;
  /** Subject numbers (1-based) that the design knows. */
  readonly subjects: readonly number[];
  /** 0-based nsdId of planned trial `t` (0-based) of a subject; throws `UserError` for an unknown subject. */
  readonly planned: (subject: number) => Int32Array;
  /** 0-based ids of the shared pictures. */
  readonly shared: ReadonlySet<number>;
  /** Trials of each planned session, 1-based session `s` at `s - 1`; empty if the design does not say. */
  readonly sessionTrials: readonly number[];
}

/** One subject's trials in time order, for the sessions present. */
export interface Trials {
  /** 0-based nsdId `[trials]`. */
  readonly nsdId: Int32Array;
  /** 1 where the picture is shared (test) `[trials]`. */
  readonly isShared: Uint8Array;
  /** Sessions (1-based) in order, and the first trial (row) of each; `starts` has one more entry, the total. */
  readonly sessions: readonly number[];
  readonly starts: readonly number[];
}

/** Pictures seen, ascending, with the trials of each. */
export interface Split {
  /** 0-based nsdId `[images]`, ascending. */
  readonly imageIds: Int32Array;
  /** 1 = test `[images]`. */
  readonly isTest: Uint8Array;
  /** Trials of each image among the sessions present `[images]`. */
  readonly repeats: Int32Array;
  /** Row of each trial's image in `imageIds` `[trials]`. */
  readonly imageOfTrial: Int32Array;
}

export interface DesignValues {
  readonly file: string;
  /** 1-based positions `[trials]`. */
  readonly masterordering: ArrayLike<number>;
  /** 1-based picture ids, row-major `[subjects, list]`. */
  readonly subjectim: { readonly subjects: number; readonly list: number; readonly data: ArrayLike<number> };
  /** 1-based picture ids. */
  readonly sharedix: ArrayLike<number>;
  /** Trials per session, if `stimpattern` was there. */
  readonly sessionTrials: readonly number[];
}

/** A design from the variables of `nsd_expdesign.mat`. Throws `UserError` for values out of range. */
export function designOf({ file, masterordering, subjectim, sharedix, sessionTrials }: DesignValues): Design {
  const wrong = (expected: string, found: string): UserError => new UserError('bad-input', `${file}: expected ${expected}, found ${found}`, {
    file, expected, found, fix: 'The file is damaged or of another experiment; download nsd_expdesign.mat again.',
  });
  const { list, subjects, data } = subjectim;
  if (data.length !== subjects * list) throw wrong(`subjectim of ${subjects} x ${list}`, `${data.length} values`);
  for (let i = 0; i < data.length; i++) {
    const id = data[i] ?? 0;
    if (!Number.isInteger(id) || id < 1 || id > MOST_PICTURES) throw wrong(`whole numbers from 1 to ${MOST_PICTURES} in subjectim`, String(id));
  }
  for (let t = 0; t < masterordering.length; t++) {
    const position = masterordering[t] ?? 0;
    if (!Number.isInteger(position) || position < 1 || position > list) throw wrong(`masterordering from 1 to ${list}`, `${position} at trial ${t + 1}`);
  }
  return {
    file, sessionTrials,
    subjects: Array.from({ length: subjects }, (_, u) => u + 1),
    shared: new Set(Array.from(sharedix, (id) => id - 1)),
    planned: (subject) => {
      if (!(Number.isInteger(subject) && subject >= 1 && subject <= subjects)) throw unknownSubject(file, subject, subjects);
      const trials = new Int32Array(masterordering.length);
      for (let t = 0; t < trials.length; t++) trials[t] = (data[(subject - 1) * list + (masterordering[t] ?? 0) - 1] ?? 0) - 1;
      return trials;
    },
  };
}

export function unknownSubject(file: string, subject: number, subjects: number): UserError {
  return new UserError('bad-input', `${file} has no subject ${subject}`, {
    file, expected: `subject 1 to ${subjects}`, found: `subject ${subject}`, fix: 'Use the design file that belongs to this folder.',
  });
}

/** Trials of a session by the design, else of the release. */
export function trialsInSession(design: Pick<Design, 'sessionTrials'>, session: number): number {
  return design.sessionTrials[session - 1] ?? RELEASE_TRIALS_PER_SESSION;
}

/**
 * The trials of the sessions present, in order. Sessions may have gaps: positions come from the design, not from counting files.
 * Throws `UserError` if a session lies beyond the planned trials.
 */
export function trialsOf(design: Design, subject: number, sessions: readonly number[]): Trials {
  const planned = design.planned(subject);
  const ordered = [...sessions].sort((a, b) => a - b);
  const starts = [0];
  const first = new Map<number, number>();
  let position = 0;
  for (let session = 1; session <= (ordered.at(-1) ?? 0); session++) {
    first.set(session, position);
    position += trialsInSession(design, session);
  }
  if (position > planned.length) {
    throw new UserError('bad-input', `${design.file} plans ${planned.length} trials, but session ${ordered.at(-1) ?? 0} would need ${position}`, {
      file: design.file, expected: `at least ${position} trials`, found: `${planned.length}`, fix: 'Use the design file that belongs to these betas.',
    });
  }
  for (const session of ordered) starts.push((starts.at(-1) ?? 0) + trialsInSession(design, session));
  const nsdId = new Int32Array(starts.at(-1) ?? 0);
  ordered.forEach((session, i) => {
    const from = first.get(session) ?? 0;
    nsdId.set(planned.subarray(from, from + trialsInSession(design, session)), starts[i] ?? 0);
  });
  return { nsdId, isShared: flagsOf(nsdId, design.shared), sessions: ordered, starts };
}

function flagsOf(ids: Int32Array, members: ReadonlySet<number>): Uint8Array {
  const flags = new Uint8Array(ids.length);
  for (let t = 0; t < ids.length; t++) if (members.has(ids[t] ?? -1)) flags[t] = 1;
  return flags;
}

/** Distinct pictures of some trials, ascending by id, with their repeats. */
export function splitOf(trials: Pick<Trials, 'nsdId' | 'isShared'>): Split {
  // By id: 1 + row, 0 = never shown. Ids are at most some ten thousands.
  const rowOf = new Int32Array(1 + trials.nsdId.reduce((most, id) => Math.max(most, id), 0));
  for (const id of trials.nsdId) rowOf[id] = 1;
  const imageIds = new Int32Array(rowOf.reduce((sum, seen) => sum + seen, 0));
  for (let id = 0, row = 0; id < rowOf.length; id++) {
    if (rowOf[id] !== 1) continue;
    imageIds[row++] = id;
    rowOf[id] = row;
  }
  const repeats = new Int32Array(imageIds.length);
  const isTest = new Uint8Array(imageIds.length);
  const imageOfTrial = trials.nsdId.map((id) => (rowOf[id] ?? 0) - 1);
  imageOfTrial.forEach((row, t) => {
    repeats[row] = (repeats[row] ?? 0) + 1;
    isTest[row] = trials.isShared[t] ?? 0;
  });
  return { imageIds, isTest, repeats, imageOfTrial };
}

/** How many images are for training and for test. */
export function countSplit({ isTest }: Pick<Split, 'isTest'>): { readonly train: number; readonly test: number } {
  let test = 0;
  for (const flag of isTest) test += flag;
  return { train: isTest.length - test, test };
}
