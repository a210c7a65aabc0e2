/** What a command-line verb is: a name, a usage line, its options, and a function that returns what to print. */
import { UserError } from '../../../common/errors.ts';

export interface VerbContext {
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, string>>;
  /** True with --json: stdout carries one JSON object a line and nothing else. */
  readonly json: boolean;
  /** One JSON object to stdout (with --json), or a readable text. */
  readonly out: (value: object, text: string) => void;
  /** Progress and notes, to stderr. */
  readonly note: (line: string) => void;
  /** Progress that overwrites itself on a terminal and is thinned elsewhere. */
  readonly progress: (done: number, total: number, what: string) => void;
  readonly signal: AbortSignal;
  /** Folder of shipped model packs. */
  readonly models: string;
  /** Path of the built engine entry. */
  readonly engine: string;
  /** Path of the program of threads that solve small systems. */
  readonly subsystemWorker: string;
}

export interface Verb {
  readonly usage: string;
  readonly does: string;
  /** Names of options it takes, besides --json, --help and --models. */
  readonly options: readonly string[];
  /** How many words it takes: [least, most]. */
  readonly words: readonly [number, number];
  run(context: VerbContext): Promise<void>;
}

/** The value of an option that must be there. */
export function required(context: VerbContext, name: string, usage: string): string {
  const value = context.options[name];
  if (value === undefined || value === 'true') throw new UserError('usage', `--${name} is missing`, { expected: usage, found: 'no value', fix: `Add --${name} VALUE.` });
  return value;
}

/** An option that is one of a few words. */
export function choice<T extends string>(context: VerbContext, name: string, choices: readonly T[], fallback: T): T {
  const value = context.options[name] ?? fallback;
  const found = choices.find((each) => each === value);
  if (found === undefined) throw new UserError('usage', `--${name} ${value}`, { expected: choices.join(' | '), found: value });
  return found;
}

/** A number option. */
export function numeric(context: VerbContext, name: string, fallback: number): number {
  const text = context.options[name];
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isFinite(value)) throw new UserError('usage', `--${name} ${text}`, { expected: 'a number', found: text });
  return value;
}

/** A comma-separated list; empty if absent. */
export function list(context: VerbContext, name: string): string[] {
  return (context.options[name] ?? '').split(',').map((item) => item.trim()).filter((item) => item !== '');
}
