/** What the window says of weights that missed their verification in double precision. */
import { describe, expect, it } from 'vitest';
import type { SpaceReport } from '../../../common/contract/payloads.ts';
import { offBy, verifiedText, weightWarning, weightWarnings } from '../../../common/weight-check.ts';
import { weightLines } from '../../../renderer/views/experiment/weight-check.ts';

/** As a run of the rank-deficient responses of `60 x 300` wrote it for z, by the real fit. */
const MISSED: SpaceReport = {
  space: 'z', targets: 1024, solver: 'dual (Cholesky): 60 rows', unitR: { q1: 0, median: 0, q3: 0 }, patternR: 0, identification: 0.5, identificationChance: 0.5,
  alphas: [1e-14, 3e-14, 1e-12], alphaCounts: [186, 246, 592], accuracy: null,
  check: { targets: 6, worstError: 0.0855, tolerance: 1e-4, missed: [{ alpha: 1e-14, error: 0.0855 }, { alpha: 3e-14, error: 0.0044 }] },
};

describe('a warning of weights', () => {
  it('counts the targets that chose a penalty whose weights missed', () => {
    const warning = weightWarning(MISSED);
    expect(warning).toMatchObject({ targets: 432, title: 'The weights of 432 of 1,024 targets are not to be trusted' });
    expect(warning?.text).toBe('Penalty 1e-14, chosen by 186 targets: off by 9\u00a0% of their size. Penalty 3e-14, chosen by 246 targets: off by 0.4\u00a0% of their size. What passes is off by at most 0.01\u00a0%. The responses are too badly conditioned for so small a penalty: take larger ones.');
    expect(weightLines(MISSED)).toMatchObject([{ value: '432' }]);
  });
  it('is a line of a space on the command line', () => {
    const { check, ...unverified } = MISSED;
    expect(check?.missed).toHaveLength(2);
    expect(weightWarnings([unverified, MISSED])).toEqual([expect.stringMatching(/^Warning, z: the weights of 432 of 1,024 targets are not to be trusted\. Penalty 1e-14, chosen/)]);
  });
  it('is of all targets where nothing was chosen', () => {
    expect(weightWarning({ ...MISSED, alphas: [1e-14], alphaCounts: [] })).toMatchObject({ targets: 1024, title: 'The weights are not to be trusted' });
  });
  it('is absent where everything passed, or nothing was verified', () => {
    const { check, ...unverified } = MISSED;
    expect(weightWarning(unverified)).toBeNull();
    expect(verifiedText(unverified)).toBe('');
    expect([weightWarning({ ...MISSED, check: { ...check ?? { targets: 0, tolerance: 0 }, worstError: 2e-9, missed: [] } }), weightLines(unverified)]).toEqual([null, []]);
  });
  // JSON has no infinity: such an error is stored as null.
  it.each<[number | null, string]>([[null, 'by more than can be said'], [Infinity, 'by more than can be said'], [3, 'by 3 times their size'], [0.31, 'by 30\u00a0% of their size'], [5.28e-3, 'by 0.5\u00a0% of their size'], [2e-9, 'by 2e-7\u00a0% of their size']])('%s is off %s', (error, words) => {
    expect(offBy(error)).toBe(words);
    expect(weightWarning({ ...MISSED, check: { targets: 6, worstError: error, tolerance: 1e-4, missed: [{ alpha: 1e-14, error }] } })?.text).toContain(words);
    expect(verifiedText({ ...MISSED, check: { targets: 6, worstError: error, tolerance: 1e-4, missed: [] } })).toContain(words);
  });
});
