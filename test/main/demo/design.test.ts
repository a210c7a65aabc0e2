import { describe, expect, it } from 'vitest';
import { random } from '../../../common/random.ts';
import { catalogue, pictureTable } from '../../../main/demo/annotation.ts';
import { behaviourTable, designOf, picturesOf, trialsOfPositions } from '../../../main/demo/design.ts';

const SEED = 5;

describe(`the demo's design (seed ${SEED})`, () => {
  const design = designOf({ subjects: 2, sessions: 3 }, random(SEED));

  it('shows every picture of a subject three times, never twice in a row', () => {
    expect([design.perSubject, design.shared, design.pictures]).toEqual([750, 100, 1400]);
    const counts = new Int32Array(design.perSubject + 1);
    for (const position of design.masterordering) counts[position] = (counts[position] ?? 0) + 1;
    expect(Array.from(counts)).toEqual([0, ...new Array<number>(750).fill(3)]);
    for (let t = 1; t < design.masterordering.length; t++) expect(design.masterordering[t]).not.toBe(design.masterordering[t - 1]);
  });

  it('shares the first positions, ascending, and nothing else', () => {
    const [one, two] = [0, 1].map((s) => Array.from(design.subjectim.subarray(s * 750, (s + 1) * 750))) as [number[], number[]];
    expect(one.slice(0, 100)).toEqual(two.slice(0, 100));
    expect(one.slice(0, 100)).toEqual([...one.slice(0, 100)].sort((a, b) => a - b));
    expect(new Set([...one, ...two]).size).toBe(1400);
    expect(Math.min(...one, ...two)).toBe(1);
    expect(Math.max(...one, ...two)).toBe(1400);
  });

  it('fills 750 slots of each session', () => {
    for (let session = 0; session < 3; session++) expect(design.stimpattern.subarray(session * 900, (session + 1) * 900).reduce((sum, value) => sum + value, 0)).toBe(750);
    for (let session = 0; session < 3; session++) expect([1, 2, 3].reduce((sum, times) => sum + times * (design.basiccnt[(times - 1) * 3 + session] ?? 0), 0)).toBe(750);
  });

  it('agrees between tables: trial, picture and behaviour', () => {
    const entries = catalogue(design.pictures, random(SEED).fork('catalogue')), { header, rows } = pictureTable(design, entries);
    expect(header).toHaveLength(41);
    expect(header[0]).toBe('');
    const seen = picturesOf(design, 1), first = header.indexOf('subject2_rep0');
    rows.forEach((row, n) => {
      expect(row).toHaveLength(41);
      for (let r = 0; r < 3; r++) {
        const trial = Number(row[first + r]);
        if (trial > 0) expect(seen[trial - 1]).toBe(n + 1);
      }
    });
    expect(rows.filter((row) => row[8] === 'True')).toHaveLength(100);
    const behaviour = behaviourTable(design, 1, random(SEED));
    expect(behaviour.header).toHaveLength(19);
    expect(behaviour.rows).toHaveLength(2250);
    behaviour.rows.forEach((row, t) => {
      expect(row).toHaveLength(19);
      expect(Number(row[4])).toBe(seen[t]);
      expect(Number(row[5])).toBe(design.masterordering[t]);
    });
    expect(behaviour.rows.filter((row) => row[7] === '0')).toHaveLength(750);
    const trials = trialsOfPositions(design);
    for (let p = 0; p < 750; p++) for (let r = 0; r < 3; r++) expect(design.masterordering[(trials[3 * p + r] ?? 0) - 1]).toBe(p + 1);
  });
});
