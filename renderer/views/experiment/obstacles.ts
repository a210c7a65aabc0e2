/** What the form says of files that are damaged or missing, before a run meets them. Pure. */
import type { Problem } from '../../../common/dataset.ts';

/** The first problem of a subject's data and how many there are, or null. It need not stop a run: it may be of an atlas that is not used. */
export function blockers(problems: readonly Problem[], subject: string): string | null {
  const own = problems.filter((each) => each.severity === 'problem' && (each.subject === undefined || each.subject === subject)), [first] = own;
  if (first === undefined) return null;
  const file = first.file.split(/[\\/]/).at(-1) ?? first.file;
  return `${file} is missing or damaged${own.length === 1 ? '' : ` (and ${own.length - 1} more)`}: a run that needs it will stop. The Data screen says what to do.`;
}
