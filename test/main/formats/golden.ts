/** Golden files and the numbers that the reference libraries put in them (test/golden/formats/README.md). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { FormatError } from '../../../common/errors.ts';
import type { NdArray } from '../../../common/ndarray.ts';

const FOLDER = join(import.meta.dirname, '../../golden/formats');

export interface GoldenArray { readonly dtype: string; readonly shape: number[]; readonly values: (number | string)[] }

export function goldenPath(name: string): string {
  return join(FOLDER, 'files', name);
}

export function goldenBytes(name: string): Uint8Array {
  return new Uint8Array(readFileSync(goldenPath(name)));
}

/** One section of expected.json, in the type that make.py gives it. */
export function goldenSection<T>(name: string): T {
  const all = JSON.parse(readFileSync(join(FOLDER, 'expected.json'), 'utf8')) as Record<string, T>;
  const section = all[name];
  if (section === undefined) throw new Error(`expected.json has no section ${name}`);
  return section;
}

export function numbers(values: readonly (number | string)[]): number[] {
  return values.map((value) => (value === 'nan' ? NaN : value === 'inf' ? Infinity : value === '-inf' ? -Infinity : Number(value)));
}

/** Element for element; exact, because no reader computes. */
export function expectArray(array: NdArray | undefined, golden: GoldenArray): void {
  expect(array).toBeDefined();
  if (array === undefined) return;
  expect({ dtype: array.dtype, shape: [...array.shape] }).toEqual({ dtype: golden.dtype, shape: golden.shape });
  if (array.data instanceof BigInt64Array || array.data instanceof BigUint64Array) expect([...array.data].map(String)).toEqual(golden.values);
  else expect([...array.data]).toEqual(numbers(golden.values));
}

/** The FormatError that the call must throw. */
export function formatErrorOf(call: () => unknown): FormatError {
  try {
    call();
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
  throw new Error('no error was thrown');
}
