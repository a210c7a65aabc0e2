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
    if (subject.preparation !== undefined) {
      const { voxels, images, readBytes, keptBytes, seconds } = subject.preparation;
      lines.push(`  preparing ${subject.atlases[0]?.name ?? 'all regions'}: ${voxels} voxels x ${images} images, ${size(readBytes)} read, ${size(keptBytes)} kept, about ${Math.max(1, Math.round(seconds))} s`);
    }
    for (const group of subject.files) lines.push(`  ${group.state.padEnd(8)} ${group.kind.padEnd(14)} ${group.summary}`);
  }
  for (const problem of inspection.problems) {
    lines.push('', `${problem.severity}: ${problem.file}`, `  expected ${problem.expected}`, `  found ${problem.found}`, `  ${problem.fix}`);
    if (problem.costs !== undefined) lines.push(`  costs: ${problem.costs}`);
  }
  if (inspection.terms !== undefined) lines.push('', inspection.terms.text, inspection.terms.link);
  return lines.join('\n');
}

const size = (bytes: number): string => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.ceil(bytes / 1e6)} MB`);
