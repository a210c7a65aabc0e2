import { describe, expect, it } from 'vitest';
import { fillNormal, permutation, random } from '../../common/random.ts';

describe('random', () => {
  it('gives the same stream for the same seed and another for another', () => {
    const draw = (seed: number): number[] => { const r = random(seed); return Array.from({ length: 5 }, () => r.uniform()); };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  it('forks streams by name without advancing the parent', () => {
    const a = random(1), b = random(1);
    const forked = a.fork('noise/3').uniform();
    expect(a.uniform()).toBe(b.uniform());
    expect(random(1).fork('noise/3').uniform()).toBe(forked);
    expect(random(1).fork('noise/4').uniform()).not.toBe(forked);
  });

  it('draws standard normals: mean, variance and fourth moment within five standard errors', () => {
    const n = 200_000;
    const values = fillNormal(new Float32Array(n), random(42));
    const moment = (power: number): number => values.reduce((sum, value) => sum + value ** power, 0) / n;
    // Standard errors of the moments of a standard normal: 1, 2 and 96 over n, rooted.
    expect(Math.abs(moment(1))).toBeLessThan(5 * Math.sqrt(1 / n));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / n));
  });

  it('permutes every index once', () => {
    expect([...permutation(100, random(3))].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });
});
