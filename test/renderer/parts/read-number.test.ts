import { describe, expect, it } from 'vitest';
import { readNumber, within } from '../../../renderer/parts/read-number.ts';
import { named } from '../../../renderer/parts/words.ts';

describe('a number as it is written', () => {
  it.each([['0.05', 0.05], ['0,05', 0.05], [' 12 ', 12], ['-3', -3], ['005', 5], ['.5', 0.5], ['1e3', 1000], ['33 %', 33], ['99999999999999', 99_999_999_999_999]])('%s is %d', (text, value) => {
    expect(readNumber(text)).toBe(value);
  });

  it.each(['', '-', '.', 'abc', '1,234,567', '1.2.3', '12 px', 'Infinity', '0x10'])('"%s" is none', (text) => {
    expect(readNumber(text)).toBeNull();
  });

  it('is brought within what a field takes', () => {
    expect([within(0, 1, 9), within(99, 1, 9), within(4, 1, 9)]).toEqual([1, 9, 4]);
  });
});

describe('a name in a notice', () => {
  it('is cut where it is too long', () => {
    expect(named('LVC only')).toBe('“LVC only”');
    expect(named('x'.repeat(61))).toBe(`“${'x'.repeat(59)}…”`);
  });
});
