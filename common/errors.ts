/**
 * Errors are part of the interface: which file or value, what was expected, what was found, what to do.
 *
 * A `UserError` is shown as written. An abort is silent. Anything else is a bug and keeps its stack.
 */
export type ErrorKind =
  | 'usage' // the call itself is wrong: unknown verb, missing option (exit code 2)
  | 'bad-input' // a file or value is wrong or missing (exit code 3)
  | 'model-missing' // a model pack lacks a role, file or tensor (exit code 4)
  | 'busy' // the workspace is open elsewhere
  | 'unsupported'; // a valid thing that this version cannot do, named

/** What crosses every boundary (engine, window, command line, store). */
export interface ErrorReport {
  readonly kind: ErrorKind | 'cancelled' | 'bug';
  readonly message: string;
  readonly file?: string;
  readonly expected?: string;
  readonly found?: string;
  readonly fix?: string;
  /** Only for bugs. */
  readonly stack?: string;
}

export interface UserErrorDetail {
  readonly file?: string;
  readonly expected?: string;
  readonly found?: string;
  readonly fix?: string;
}

export class UserError extends Error {
  readonly kind: ErrorKind;
  readonly detail: UserErrorDetail;
  constructor(kind: ErrorKind, message: string, detail: UserErrorDetail = {}) {
    super(message);
    this.name = 'UserError';
    this.kind = kind;
    this.detail = detail;
  }
}

/** A file that is not what its format says. `offset` is in bytes from the start of the (decompressed) file. */
export class FormatError extends UserError {
  readonly offset: number;
  constructor(detail: { file: string; offset: number; expected: string; found: string; fix?: string }) {
    super('bad-input', `${detail.file}: expected ${detail.expected}, found ${detail.found} (byte ${detail.offset})`, {
      file: detail.file, expected: detail.expected, found: detail.found,
      ...(detail.fix === undefined ? {} : { fix: detail.fix }),
    });
    this.name = 'FormatError';
    this.offset = detail.offset;
  }
}

/** Thrown when an AbortSignal fires; never shown as a failure. */
export class CancelledError extends Error {
  constructor(message = 'cancelled') {
    super(message);
    this.name = 'CancelledError';
  }
}

/** Throws `CancelledError` if the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new CancelledError();
}

/** Turns whatever was thrown into the report that crosses boundaries. */
export function reportOf(error: unknown): ErrorReport {
  if (error instanceof UserError) return { kind: error.kind, message: error.message, ...error.detail };
  if (error instanceof CancelledError || (error instanceof Error && error.name === 'AbortError')) {
    return { kind: 'cancelled', message: 'cancelled' };
  }
  if (error instanceof Error) {
    return { kind: 'bug', message: error.message, ...(error.stack === undefined ? {} : { stack: error.stack }) };
  }
  return { kind: 'bug', message: String(error) };
}

/** Exit codes of the command line (design 4). */
export const EXIT = { done: 0, bug: 1, usage: 2, badInput: 3, modelMissing: 4, cancelled: 5 } as const;

export function exitCodeOf(kind: ErrorReport['kind']): number {
  switch (kind) {
    case 'usage': return EXIT.usage;
    case 'bad-input': case 'unsupported': case 'busy': return EXIT.badInput;
    case 'model-missing': return EXIT.modelMissing;
    case 'cancelled': return EXIT.cancelled;
    case 'bug': return EXIT.bug;
    default: { const never: never = kind; return never; }
  }
}
