import { describe, expect, it } from 'vitest';
import { readCsv, writeCsv } from '../../../main/formats/csv.ts';
import { booleanColumn, numberColumn, textColumn } from '../../../main/formats/table.ts';
import { readTsv, writeTsv } from '../../../main/formats/tsv.ts';
import { goldenBytes } from './golden.ts';

describe('csv', () => {
  it('reads an empty first header cell, quoted tuples, doubled quotes and line feeds in cells', () => {
    const table = readCsv(goldenBytes('stim.csv'), 'stim.csv');
    expect(table.header).toEqual(['', 'cocoId', 'cocoSplit', 'cropBox', 'flagged']);
    expect(textColumn(table, 'cropBox')).toEqual(['(0, 0, 0.1671875, 0.1671875)', '(0.1, 0, 0, 0)', 'a\nb']);
    expect(textColumn(table, 'cocoSplit')[2]).toBe('quoted "word"');
    expect([...numberColumn(table, 'cocoId')]).toEqual([532481, 245764, 1]);
    expect(booleanColumn(table, 'flagged')).toEqual([false, true, false]);
  });
  it('reads CRLF, a byte-order mark, empty cells, a last line without end', () => {
    expect(readCsv(Buffer.from('\ufeffa,b\r\n1,\r\n"x",é'), 'x').rows).toEqual([['1', ''], ['x', 'é']]);
  });
  it('reads back what it writes', () => {
    const rows = [['a,b', 'c"d', 'e\nf', ''], ['1', '2', '3', '4']];
    expect(readCsv(writeCsv(['', 'x', 'y', 'z'], rows), 'x').rows).toEqual(rows);
  });
  it.each([['a,b\n1\n', '2 cells in row 1, found 1'], ['a\n"x\n', 'a closing quote'], ['a\n"x"y\n', 'after a quoted cell'], ['a\nx"y\n', 'only around a whole cell'], ['', 'a header line'], ['a,a\n', 'one column "a"'], ['a\n\xff\n', 'UTF-8']])('refuses %j', (text, message) => {
    expect(() => readCsv(Buffer.from(text, 'latin1'), 'x.csv')).toThrow(message);
  });
  it('says which row is not a number', () => {
    expect(() => numberColumn(readCsv(Buffer.from('a\n1\nx\n'), 'x.csv'), 'a')).toThrow('x.csv: expected a number in column "a", row 2, found "x" (byte 4)');
  });
});

describe('tsv', () => {
  it('reads numbers and NaN', () => {
    const table = readTsv(goldenBytes('responses.tsv'), 'responses.tsv');
    expect([...numberColumn(table, 'RT')]).toEqual([803.5, NaN, -1000]);
    expect([...numberColumn(table, 'SESSION')]).toEqual([1, 1, 2]);
    expect(() => numberColumn(table, '73KID')).toThrow('a column "73KID"');
  });
  it('reads back what it writes', () => {
    expect(readTsv(writeTsv(['a', 'b'], [['1', ''], ['"', 'x y']]), 'x').rows).toEqual([['1', ''], ['"', 'x y']]);
  });
});
