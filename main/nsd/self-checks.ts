/**
 * Statements about the published experiment that a design must fulfil, each computed from the design itself.
 *
 * Source: nsd-data-format 12 (NSD Data Manual; the figures of Allen et al. 2022). They hold for the release only, so they are made only
 * where the folder has as many pictures as the release, and a deviation is a note.
 */
import type { Design } from './design.ts';
import { RELEASE_LIST, RELEASE_REPEATS, RELEASE_SHARED, RELEASE_SUBJECTS, RELEASE_TRIALS_PER_SESSION } from './release.ts';
import type { Disagreement } from './picture-table.ts';

interface DesignCheck {
  readonly expected: string;
  /** The same sentence with what this design has. */
  readonly found: (design: Design) => string;
}

/** How often each picture is shown in the first `sessions` sessions. */
function timesShown(design: Design, subject: number, sessions: number): ReadonlyMap<number, number> {
  const times = new Map<number, number>();
  for (const id of design.planned(subject).subarray(0, sessions * RELEASE_TRIALS_PER_SESSION)) times.set(id, (times.get(id) ?? 0) + 1);
  return times;
}

const countWhere = (times: ReadonlyMap<number, number>, test: (count: number) => boolean): number => [...times.values()].reduce((sum, count) => sum + (test(count) ? 1 : 0), 0);
const repeatsSentence = (sessions: number, twice: number, thrice: number): string => `${twice} pictures at least twice and ${thrice} three times in ${sessions} sessions`;
const repeatsIn = (sessions: number) => (design: Design): string => {
  const times = timesShown(design, 1, sessions);
  return repeatsSentence(sessions, countWhere(times, (count) => count >= 2), countWhere(times, (count) => count === 3));
};

const sharedSentence = (count: number, ascending: boolean, first: number, last: number): string => `${count} shared pictures, ${ascending ? 'ascending' : 'not ascending'}, from ${first} to ${last}`;

export const DESIGN_CHECKS: readonly DesignCheck[] = [
  {
    expected: `30000 trials of ${RELEASE_LIST} pictures, each ${RELEASE_REPEATS} times`,
    found: (design) => {
      const times = timesShown(design, 1, Infinity);
      const odd = countWhere(times, (count) => count !== RELEASE_REPEATS);
      return `${design.planned(1).length} trials of ${times.size} pictures, ${odd === 0 ? `each ${RELEASE_REPEATS} times` : `${odd} of them not ${RELEASE_REPEATS} times`}`;
    },
  },
  {
    expected: sharedSentence(RELEASE_SHARED.count, true, RELEASE_SHARED.first, RELEASE_SHARED.last),
    found: ({ shared }) => {
      const ids = [...shared];
      return sharedSentence(ids.length, ids.every((id, i) => i === 0 || id > (ids[i - 1] ?? 0)), 1 + Math.min(...ids), 1 + Math.max(...ids));
    },
  },
  {
    expected: 'all shared pictures in the list of all 8 subjects',
    found: (design) => {
      const lacking = design.subjects.filter((subject) => {
        const list = new Set(design.planned(subject));
        return [...design.shared].some((id) => !list.has(id));
      });
      return lacking.length === 0 ? `all shared pictures in the list of all ${design.subjects.length} subjects` : `not all in the list of subject ${lacking.join(', ')}`;
    },
  },
  { expected: '2492 pictures in the first 5 sessions', found: (design) => `${timesShown(design, 1, 5).size} pictures in the first 5 sessions` },
  { expected: repeatsSentence(30, 7846, 5445), found: repeatsIn(30) },
  { expected: repeatsSentence(32, 8355, 6234), found: repeatsIn(32) },
  {
    expected: '515 shared pictures seen three times by all subjects',
    found: (design) => {
      const times = design.subjects.map((subject) => timesShown(design, subject, Object.values(RELEASE_SUBJECTS)[subject - 1]?.sessions ?? 0));
      return `${[...design.shared].filter((id) => times.every((shown) => shown.get(id) === 3)).length} shared pictures seen three times by all subjects`;
    },
  },
];

/** The statements that this design does not fulfil. */
export function designDisagreements(design: Design): readonly Disagreement[] {
  return DESIGN_CHECKS.flatMap(({ expected, found }) => {
    const seen = found(design);
    return seen === expected ? [] : [{ expected, found: seen }];
  });
}
