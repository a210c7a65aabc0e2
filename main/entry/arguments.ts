/** Splits `--name=value`, `--name value` and `--flag`; positional words keep their order under `words`. */
export interface Arguments {
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, string>>;
}

export function parseArguments(argv: readonly string[], flags: readonly string[] = []): Arguments {
  const words: string[] = [];
  const options: Record<string, string> = {};
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? '';
    if (!word.startsWith('--')) { words.push(word); continue; }
    const equals = word.indexOf('=');
    const name = word.slice(2, equals < 0 ? undefined : equals);
    const next = argv[i + 1];
    if (equals >= 0) options[name] = word.slice(equals + 1);
    else if (flags.includes(name) || next === undefined || next.startsWith('--')) options[name] = 'true';
    else { options[name] = next; i++; }
  }
  return { words, options };
}

export function optionsOf(argv: readonly string[]): Readonly<Record<string, string>> {
  return parseArguments(argv).options;
}
