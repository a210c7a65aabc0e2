/** How an inspection gathers what is wrong without stopping at the first of it. */
import { isAbsolute } from 'node:path';
import { CancelledError, throwIfAborted, UserError } from '../../common/errors.ts';
import type { FileGroup, Problem, ProblemSeverity } from '../../common/dataset.ts';
import type { FileFacts } from '../formats/folder.ts';

export interface Findings {
  readonly problems: Problem[];
  /** Files that were used, for the fingerprint. */
  readonly files: FileFacts[];
}

/** Runs a check; a `UserError` becomes a finding and the result null. Anything else is a bug and is thrown. */
export async function attempt<T>(findings: Findings, about: { readonly file: string; readonly subject?: string; readonly severity?: ProblemSeverity; readonly costs?: string }, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UserError) || error instanceof CancelledError) throw error;
    const { expected = 'a file that can be read', found = error.message, fix = 'Copy or download the file again.' } = error.detail;
    // HDF5 errors carry the absolute path; findings are relative to the folder.
    const file = error.detail.file === undefined || isAbsolute(error.detail.file) ? about.file : error.detail.file;
    findings.problems.push({
      severity: about.severity ?? 'problem', file, expected, found, fix,
      ...(about.subject === undefined ? {} : { subject: about.subject }), ...(about.costs === undefined ? {} : { costs: about.costs }),
    });
    return null;
  }
}

/** Applies `work` to all items, at most `width` at a time, results in order. Stops at the signal. */
export async function inParallel<T, R>(items: readonly T[], width: number, signal: AbortSignal | undefined, work: (item: T, position: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) {
      throwIfAborted(signal);
      results[at] = await work(items[at] as T, at);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  return results;
}

const MAX_EXAMPLES = 3;

/** One row of the Data screen. Its state is the worst of the findings whose file is among `files`, unless given. */
export function fileGroup(kind: FileGroup['kind'], files: readonly FileFacts[], state: FileGroup['state'], summary: string, unlocks: string): FileGroup {
  return {
    kind, state, summary, unlocks, examples: files.slice(0, MAX_EXAMPLES).map((facts) => facts.file), files: files.length,
    bytes: files.reduce((sum, facts) => sum + facts.bytes, 0),
  };
}

/** The worst state among findings about some files of a subject. */
export function stateOf(problems: readonly Problem[], files: readonly string[]): FileGroup['state'] {
  const about = problems.filter((problem) => files.includes(problem.file));
  if (about.some((problem) => problem.severity === 'problem')) return 'problem';
  return about.length > 0 ? 'note' : 'ok';
}
