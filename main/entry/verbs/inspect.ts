import path from 'node:path';
import type { Inspection } from '../../../common/dataset.ts';
import { openDataset } from '../../experiments/open-dataset.ts';
import type { Verb } from './verb.ts';

export const INSPECT: Verb = {
  usage: 'inspect DIR',
  does: 'says what a data folder holds, what is missing and what that costs',
  options: [],
  words: [1, 1],
  async run(context) {
    const dataset = await openDataset(path.resolve(context.words[0] ?? ''));
    try {
      const inspection = await dataset.inspect(context.signal, context.progress);
      context.out(inspection, readable(inspection));
    } finally { dataset.close(); }
  },
};

function readable(inspection: Inspection): string {
  const lines = [`${inspection.label}${inspection.synthetic ? ' (synthetic)' : ''}: ${inspection.root}`];
  if (inspection.stimuli !== null) lines.push(`stimuli: ${inspection.stimuli.images} images of ${inspection.stimuli.shape.join(' x ')}`);
  for (const subject of inspection.subjects) {
    lines.push('', `${subject.id}: ${subject.sessions} sessions, ${subject.trials} trials, ${subject.trainImages} training and ${subject.testImages} test images`);
    for (const group of subject.files) lines.push(`  ${group.state.padEnd(8)} ${group.kind.padEnd(14)} ${group.summary}`);
  }
  for (const problem of inspection.problems) {
    lines.push('', `${problem.severity}: ${problem.file}`, `  expected ${problem.expected}`, `  found ${problem.found}`, `  ${problem.fix}`);
    if (problem.costs !== undefined) lines.push(`  costs: ${problem.costs}`);
  }
  return lines.join('\n');
}
