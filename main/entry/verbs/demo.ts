import path from 'node:path';
import { writeDemo } from '../../demo/write.ts';
import { makeFolder } from '../../formats/new-folder.ts';
import type { Verb } from './verb.ts';
import { numeric } from './verb.ts';

export const DEMO: Verb = {
  usage: 'demo DIR [--subjects N] [--seed S] [--sessions N]',
  does: 'writes the synthetic demo dataset, an NSD folder',
  options: ['subjects', 'seed', 'sessions'],
  words: [1, 1],
  async run(context) {
    const folder = path.resolve(context.words[0] ?? '');
    const subjects = numeric(context, 'subjects', 2), seed = numeric(context, 'seed', 1), sessions = numeric(context, 'sessions', 3);
    const from = performance.now();
    await makeFolder(folder);
    await writeDemo(folder, { subjects, seed, sessions }, context.signal, context.progress);
    const seconds = (performance.now() - from) / 1000;
    context.out({ folder, subjects, seed, sessions, seconds, synthetic: true }, `Wrote ${subjects} synthetic subjects to ${folder} in ${seconds.toFixed(1)} s.`);
  },
};
