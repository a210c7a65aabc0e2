import { describe, expect, it } from 'vitest';
import { readCsv, writeCsv } from '../../../main/formats/csv.ts';
import { readNumberColumns } from '../../../main/formats/number-columns.ts';
import { numberColumn } from '../../../main/formats/table.ts';
import { readTsv } from '../../../main/formats/tsv.ts';
import { random } from '../../../common/random.ts';
import { formatErrorOf, goldenBytes } from './golden.ts';

const SEED = 8;
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf8'));

describe('some columns of a table as numbers', () => {
  it('are those of the whole-table readers, quoted neighbours and CRLF included', () => {
    const source = random(SEED);
    const rows = Array.from({ length: 60 }, (_, r) => [`${r}`, `(0.5, "${r}", 0)`, `${source.integer(1e6)}`, `${source.normal()}`, r % 3 === 0 ? 'NaN' : '-7.5e2']);
    const text = Buffer.from(writeCsv(['', 'cropBox', 'a', 'b', 'c'], rows)).toString('utf8');
    for (const form of [text, text.replaceAll('\n', '\r\n'), text.slice(0, -1)]) {
      const table = readCsv(bytes(form), 't.csv');
      const found = readNumberColumns(bytes(form), 't.csv', { form: 'csv', wanted: ['c', 'a', 'b'] });
      expect(found.rows).toBe(60);
      for (const name of ['a', 'b', 'c']) expect([...found.column(name)], `seed ${SEED}`).toEqual([...numberColumn(table, name)]);
    }
  });

  it('are those of the golden tables', () => {
    const tsv = goldenBytes('responses.tsv');
    const table = readTsv(tsv, 'responses.tsv');
    const found = readNumberColumns(tsv, 'responses.tsv', { form: 'tsv', wanted: (header) => header });
    expect(found.header).toEqual(table.header);
    for (const name of table.header) expect([...found.column(name)]).toEqual([...numberColumn(table, name)]);
    const csv = goldenBytes('stim.csv');
    expect([...readNumberColumns(csv, 'stim.csv', { form: 'csv', wanted: ['cocoId'] }).column('cocoId')]).toEqual([...numberColumn(readCsv(csv, 'stim.csv'), 'cocoId')]);
  });

  it('take words that stand for numbers', () => {
    const found = readNumberColumns(bytes('a,b\nTrue,x\nFalse,y\n'), 't', { form: 'csv', wanted: ['a', 'b'], words: { x: 5, y: 6 } });
    expect([[...found.column('a')], [...found.column('b')]]).toEqual([[1, 0], [5, 6]]);
  });

  it.each([
    ['', /a header line/, /empty/, 0], ['a,b\n1\n', /2 cells in row 1/, /1/, 4], ['a,b\n1,2,3\n', /2 cells/, /3/, 4], ['a,b\n1,"2\n', /closing quote/, /end of the file/, 6],
    ['a,b\n1,x\n', /a number/, /"x"/, 6], ['a,c\n1,2\n', /column "b"/, /a, c/, 0], ['a,b\n1,"2"3\n', /separator/, /other text/, 9],
  ] as const)('refuse %j with the place', (text, expected, found, offset) => {
    const error = formatErrorOf(() => readNumberColumns(bytes(text), 't.csv', { form: 'csv', wanted: ['b'] }));
    expect(error.detail).toMatchObject({ file: 't.csv', expected: expect.stringMatching(expected) as string, found: expect.stringMatching(found) as string });
    expect(error.offset).toBe(offset);
  });
});
