/** Facts from the JSON files of a model folder, with reads that say what they miss. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../common/errors.ts';

/** A JSON object from a file, with reads that say what they miss. */
export class Facts {
  readonly file: string;
  readonly #value: Readonly<Record<string, unknown>>;
  readonly #path: string;

  constructor(value: unknown, file: string, at = '') {
    this.file = file;
    this.#path = at;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.#wrong(at === '' ? 'the file' : at, 'an object', value);
    this.#value = value as Readonly<Record<string, unknown>>;
  }

  #wrong(key: string, expected: string, found: unknown): UserError {
    const text = found === undefined ? 'nothing' : JSON.stringify(found).slice(0, 80);
    return new UserError('model-missing', `${this.file}: "${key}" should be ${expected}, found ${text}`, { file: this.file, expected: `"${key}": ${expected}`, found: text, fix: 'Correct the file, or take the pack from its source again.' });
  }

  has(key: string): boolean { return this.#value[key] !== undefined && this.#value[key] !== null; }
  text(key: string): string { const value = this.#value[key]; if (typeof value !== 'string' || value === '') throw this.#wrong(this.#path + key, 'a text', value); return value; }
  number(key: string): number { const value = this.#value[key]; if (typeof value !== 'number' || !Number.isFinite(value)) throw this.#wrong(this.#path + key, 'a number', value); return value; }
  count(key: string): number { const value = this.number(key); if (!Number.isInteger(value) || value < 1) throw this.#wrong(this.#path + key, 'a whole number above 0', value); return value; }
  flag(key: string): boolean { const value = this.#value[key]; if (typeof value !== 'boolean') throw this.#wrong(this.#path + key, 'true or false', value); return value; }
  object(key: string): Facts { return new Facts(this.#value[key], this.file, `${this.#path}${key}.`); }
  numbers(key: string): readonly number[] {
    const value = this.#value[key];
    if (!Array.isArray(value) || !value.every((item): item is number => typeof item === 'number' && Number.isFinite(item))) throw this.#wrong(this.#path + key, 'a list of numbers', value);
    return value;
  }
  texts(key: string): readonly string[] {
    const value = this.#value[key];
    if (!Array.isArray(value) || !value.every((item): item is string => typeof item === 'string')) throw this.#wrong(this.#path + key, 'a list of texts', value);
    return value;
  }
  textTable(key: string): Readonly<Record<string, string>> {
    const inner = this.object(key);
    return Object.fromEntries(Object.keys(inner.#value).map((name) => [name, inner.text(name)]));
  }
  oneOf<T extends string>(key: string, choices: readonly T[]): T {
    const value = this.text(key), found = choices.find((choice) => choice === value);
    if (found === undefined) throw this.#wrong(this.#path + key, `one of ${choices.join(', ')}`, value);
    return found;
  }
  /** Everything, for a reader that knows the fields. */
  get raw(): Readonly<Record<string, unknown>> { return this.#value; }
}

/** Reads a JSON file of a pack. A missing or broken file is `model-missing`. */
export async function readFacts(dir: string, file: string, role: string): Promise<Facts> {
  let text: string;
  try { text = await readFile(path.join(dir, file), 'utf8'); } catch (cause) {
    throw new UserError('model-missing', `the model pack has no ${file} (${role})`, {
      file: path.join(dir, file), expected: `${file} for ${role}`, found: cause instanceof Error && 'code' in cause ? String(cause.code) : 'no file', fix: 'Add the file, or choose another pack; `optogram models check` lists what is missing.',
    });
  }
  try { return new Facts(JSON.parse(text), path.join(dir, file)); } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError('model-missing', `${path.join(dir, file)} is not valid JSON`, { file: path.join(dir, file), expected: 'JSON', found: cause instanceof Error ? cause.message : 'other text', fix: 'Take the file from its source again.' });
  }
}
