import { describe, expect, it } from 'vitest';
import { UserError } from '../../../common/errors.ts';
import { ndarray } from '../../../common/ndarray.ts';
import { countSplit, designOf, splitOf, trialsOf } from '../../../main/nsd/design.ts';
import type { Design } from '../../../main/nsd/design.ts';
import { designFromMat, designFromStimInfo } from '../../../main/nsd/design-file.ts';
import { writeMat5 } from '../../../main/formats/mat5.ts';
import { readCsv, writeCsv } from '../../../main/formats/csv.ts';
import { fullSizeDesign, SESSIONS } from '../../../main/nsd/stand-in-design.ts';

const SEED = 7;
const full = fullSizeDesign(SEED);
const design: Design = designOf({
  file: 'nsd_expdesign.mat', masterordering: full.masterordering, sharedix: full.sharedix, sessionTrials: [],
  subjectim: { subjects: 8, list: 10_000, data: full.subjectim },
});
const sessions = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

describe('a design of the real size', () => {
  it('has every position exactly three times, as the release', () => {
    const times = new Int32Array(10_001);
    for (const position of full.masterordering) times[position] = (times[position] ?? 0) + 1;
    expect(new Set(times.subarray(1))).toEqual(new Set([3]));
  });

  it('splits into 8859 training and 982 test images with 37 sessions', () => {
    const split = splitOf(trialsOf(design, 1, sessions(37)));
    expect(countSplit(split), `seed ${SEED}`).toEqual({ train: 8859, test: 982 });
    expect(split.repeats.reduce((sum, n) => sum + n, 0)).toBe(27_750);
  });

  it('splits into 9000 and 1000 with all 40, three repeats each', () => {
    const split = splitOf(trialsOf(design, 1, sessions(SESSIONS)));
    expect(countSplit(split), `seed ${SEED}`).toEqual({ train: 9000, test: 1000 });
    expect(new Set(split.repeats)).toEqual(new Set([3]));
  });

  it('gives all subjects the same test images and different training images', () => {
    const [one, two] = [1, 2].map((subject) => splitOf(trialsOf(design, subject, sessions(SESSIONS))));
    const ids = (split: typeof one, test: number): number[] => Array.from(split?.imageIds ?? []).filter((_, i) => split?.isTest[i] === test);
    expect(ids(one, 1)).toEqual(ids(two, 1));
    const own = new Set(ids(one, 0));
    expect(ids(two, 0).some((id) => own.has(id))).toBe(false);
  });

  it('gives 0-based ids: trial k of session s is position 750 (s - 1) + k of the ordering', () => {
    const trials = trialsOf(design, 3, [2, 5]);
    expect(trials.starts).toEqual([0, 750, 1500]);
    for (const [row, planned] of [[0, 750], [749, 1499], [750, 3000], [1499, 3749]] as const) {
      const position = full.masterordering[planned] ?? 0;
      expect(trials.nsdId[row]).toBe((full.subjectim[2 * 10_000 + position - 1] ?? 0) - 1);
      expect(trials.isShared[row]).toBe(position <= 1000 ? 1 : 0);
    }
  });

  it('refuses a session beyond the plan and an unknown subject, saying so', () => {
    expect(() => trialsOf(design, 1, [41])).toThrow(UserError);
    expect(() => trialsOf(design, 9, [1])).toThrow(/no subject 9/);
  });
});

describe('a design file', () => {
  const small = {
    masterordering: ndarray('float64', [1, 6], Float64Array.of(1, 2, 3, 1, 2, 1)), sharedix: ndarray('float64', [1, 1], Float64Array.of(4)),
    subjectim: ndarray('float64', [2, 3], Float64Array.of(4, 1, 2, 4, 3, 5)),
    // Session 1 has four trials, session 2 two.
    stimpattern: ndarray('float64', [2, 1, 5], Float64Array.of(1, 1, 0, 1, 1, 0, 1, 0, 1, 0)),
  };
  const bytes = writeMat5(new Map(Object.entries(small)), { compress: true, compact: true });

  it('is read from the .mat with its own session lengths', () => {
    const read = designFromMat(bytes, 'd.mat');
    expect(read.sessionTrials).toEqual([4, 2]);
    expect(Array.from(trialsOf(read, 2, [1, 2]).nsdId)).toEqual([3, 2, 4, 3, 2, 3]);
    expect(Array.from(trialsOf(read, 2, [2]).nsdId)).toEqual([2, 3]);
    expect(Array.from(trialsOf(read, 1, [1, 2]).isShared)).toEqual([1, 0, 0, 1, 0, 1]);
  });

  it('names a variable that is missing', () => {
    const { masterordering, subjectim } = small;
    expect(() => designFromMat(writeMat5(new Map(Object.entries({ masterordering, subjectim }))), 'd.mat')).toThrow(/sharedix/);
  });

  it('says the same from the table of pictures', () => {
    const header = ['', 'nsdId', 'shared1000', 'subject1_rep0', 'subject1_rep1', 'subject1_rep2'];
    const rows = [['0', '0', 'False', '2', '5', '0'], ['1', '1', 'False', '3', '0', '0'], ['2', '2', 'False', '0', '0', '0'], ['3', '3', 'True', '1', '4', '6']];
    const read = designFromStimInfo(readCsv(writeCsv(header, rows), 'info.csv'));
    expect(Array.from(read.planned(1))).toEqual([3, 0, 1, 3, 0, 3]);
    expect([...read.shared]).toEqual([3]);
  });

  it('refuses a table with a trial that has no picture', () => {
    const table = readCsv(writeCsv(['nsdId', 'shared1000', 'subject1_rep0'], [['0', 'True', '2']]), 'info.csv');
    expect(() => designFromStimInfo(table).planned(1)).toThrow(/no picture for trial 1/);
  });
});
