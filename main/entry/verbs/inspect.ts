import path from 'node:path';
import type { Dataset, Inspection } from '../../../common/dataset.ts';
import { UserError } from '../../../common/errors.ts';
import { openDataset } from '../../experiments/open-dataset.ts';
import type { Verb, VerbContext } from './verb.ts';
import { numeric } from './verb.ts';

export const INSPECT: Verb = {
  usage: 'inspect DIR [--picture N]',
  does: 'says what a data folder holds, what is missing and what that costs; or what is known of one picture (0-based id)',
  options: ['picture'],
  words: [1, 1],
  async run(context) {
    const dataset = await openDataset(path.resolve(context.words[0] ?? ''));
    try {
      if (context.options['picture'] !== undefined) { await describePicture(context, dataset, numeric(context, 'picture', 0)); return; }
      const inspection = await dataset.inspect(context.signal, context.progress);
      context.out(inspection, readable(inspection));
    } finally { dataset.close(); }
  },
};

/** Captions and marked objects of one picture; what the folder does not have is said, not guessed. */
async function describePicture(context: VerbContext, dataset: Dataset, id: number): Promise<void> {
  const ids = Int32Array.of(id);
  const [captions] = await dataset.captions(ids, context.signal);
  const absent: string[] = [];
  const objects = dataset.objects === undefined ? [] : await dataset.objects(ids, context.signal).then((all) => all[0] ?? [], (error: unknown) => {
    if (!(error instanceof UserError)) throw error;
    absent.push(error.message);
    return [];
  });
  const lines = [...captions ?? [], ...objects.map(({ category, box }) => `  ${category} at ${box.map((value) => value.toFixed(0)).join(', ')}`), ...absent];
  context.out({ picture: id, captions: captions ?? [], objects, absent }, lines.join('\n'));
}

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
