/** Inspection of a whole folder: what is there, what is wrong, what each missing file costs. Header reads, in parallel. */
import type { Inspection, Progress } from '../../common/dataset.ts';
import type { Folder } from '../formats/folder.ts';
import { attempt, inParallel } from './findings.ts';
import type { Findings } from './findings.ts';
import { fingerprintOf } from './fingerprint.ts';
import { inspectExperiment } from './inspect-experiment.ts';
import { inspectSubject } from './inspect-subject.ts';
import { SUBJECT_FOLDERS } from './layout.ts';
import { partsOfName, subjectNames } from './subject-files.ts';
import { NSD_TERMS } from './terms.ts';
import { syntheticLabel } from './truth.ts';

const SUBJECTS_AT_ONCE = 4;
export const RELEASE_LABEL = 'Natural Scenes Dataset';

/** Everything the Data screen and the command line show. Damaged files are findings; only the root itself can throw. */
export async function inspectNsd(folder: Folder, signal?: AbortSignal, progress?: Progress): Promise<Inspection> {
  const findings: Findings = { problems: [], files: [] };
  const label = await syntheticLabel(folder);
  const experiment = await inspectExperiment(folder, findings, signal);
  const names = await subjectNames(folder);
  if (names.length === 0) {
    findings.problems.push({ severity: 'problem', file: SUBJECT_FOLDERS[0] ?? '', expected: 'folders subj01, subj02, ...', found: 'no subject', fix: 'Download at least one subject, or choose the folder that contains nsddata.' });
  }
  let done = 0;
  const subjects = await inParallel(names, SUBJECTS_AT_ONCE, signal, async (name) => {
    const own: Findings = { problems: [], files: findings.files }, { id } = partsOfName(name);
    const summary = await attempt(own, { file: `${SUBJECT_FOLDERS[0] ?? ''}/${id}`, subject: id }, () => inspectSubject({ folder, findings: own, experiment, signal }, name));
    findings.problems.push(...own.problems.map((problem) => (problem.subject === id ? { ...problem, subject: name } : problem)));
    progress?.(++done, names.length, name);
    return summary;
  });
  return {
    kind: 'nsd', root: folder.root, label: label ?? RELEASE_LABEL, synthetic: label !== null, fingerprint: await fingerprintOf(folder, findings.files),
    subjects: subjects.filter((subject) => subject !== null), stimuli: experiment.stimuli, captions: experiment.captions,
    ...(label === null ? { terms: NSD_TERMS } : {}),
    problems: findings.problems.toSorted((a, b) => Number(a.severity === 'note') - Number(b.severity === 'note') || (a.file < b.file ? -1 : a.file > b.file ? 1 : 0)),
  };
}
