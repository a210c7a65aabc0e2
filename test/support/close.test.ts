import { describe, expect, it } from 'vitest';
import { difference, expectClose } from './close.ts';

describe('closeness', () => {
  it('accepts what either bound allows', () => {
    expect(difference([1.05, 1001], [1, 1000], { absolute: 0.1, relative: 0.01 })).toBeNull();
  });
  it('names the worst element and both values', () => {
    expect(difference([1, 2.5, 3.2], [1, 2, 3], { absolute: 0.1 })).toBe('2 of 3 values differ; worst at 1: 2.5 instead of 2 (absolute 0.1, relative 0)');
  });
  it('refuses NaN, infinities of the wrong sign and missing values', () => {
    expect(difference([NaN], [NaN], { absolute: 1 })).toContain('1 of 1');
    expect(difference([NaN], [0], { absolute: 1e9 })).toContain('NaN instead of 0');
    expect(difference([-Infinity], [Infinity], { absolute: 1e300 })).toContain('-Infinity instead of Infinity');
    expect(difference([Infinity], [Infinity], { absolute: 0 })).toBeNull();
    expect(difference([1, 2], [1], { absolute: 1 })).toBe('2 values, expected 1');
  });
  it('is exact when no tolerance is given', () => {
    expect(difference([0.1 + 0.2], [0.3], {})).not.toBeNull();
  });
  it('throws with the seed', () => {
    expect(() => expectClose(1, 2, { absolute: 0.5 }, 7)).toThrow('seed 7');
  });
});
