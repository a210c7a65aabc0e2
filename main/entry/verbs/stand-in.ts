import path from 'node:path';
import { UserError } from '../../../common/errors.ts';
import { makeFolder } from '../../formats/new-folder.ts';
import { RELEASE_SUBJECTS } from '../../nsd/release.ts';
import { writeStandIn } from '../../nsd/stand-in.ts';
import type { Verb } from './verb.ts';
import { list, numeric } from './verb.ts';

export const STAND_IN: Verb = {
  usage: 'stand-in DIR [--subjects subj01,...] [--sessions N] [--filled N] [--seed S]',
  does: 'writes sparse files with the names, shapes and storage of the whole NSD release, for measuring; only --filled sessions hold values',
  options: ['subjects', 'sessions', 'filled', 'seed'],
  words: [1, 1],
  async run(context) {
    const folder = path.resolve(context.words[0] ?? '');
    const known = Object.keys(RELEASE_SUBJECTS);
    const subjects = context.options['subjects'] === undefined ? known : list(context, 'subjects');
    const unknown = subjects.find((id) => !known.includes(id));
    if (unknown !== undefined) throw new UserError('usage', `--subjects ${unknown}`, { expected: known.join(', '), found: unknown });
    const sessions = numeric(context, 'sessions', 40);
    const from = performance.now();
    await makeFolder(folder);
    await writeStandIn(folder, { subjects, sessions, filledSessions: numeric(context, 'filled', 1), seed: numeric(context, 'seed', 1), signal: context.signal, progress: context.note });
    const seconds = (performance.now() - from) / 1000;
    context.out({ folder, subjects, sessions, seconds, synthetic: true }, `Wrote a stand-in of ${subjects.length} subjects to ${folder} in ${seconds.toFixed(1)} s; it holds nothing of NSD.`);
  },
};
