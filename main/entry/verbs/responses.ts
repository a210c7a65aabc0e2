import path from 'node:path';
import type { ResponsesRequest } from '../../../common/dataset.ts';
import { openDataset } from '../../experiments/open-dataset.ts';
import { sessionKeep } from '../../experiments/session-keep.ts';
import { npyParts } from '../../formats/npy.ts';
import { NSD_TERMS } from '../../nsd/terms.ts';
import { writeOutput } from './files.ts';
import type { Verb } from './verb.ts';
import { choice, list, required } from './verb.ts';

const USAGE = 'responses DIR --subject S [--atlas A] [--rois R,...] [--beta B] [--zscore session|train|none] [--average true|false] --out X.npy';

export const RESPONSES: Verb = {
  usage: USAGE,
  does: 'writes masked responses, float32 [images or trials, voxels], with what each row and column is beside it',
  options: ['subject', 'atlas', 'rois', 'beta', 'zscore', 'average', 'out'],
  words: [1, 1],
  async run(context) {
    const out = path.resolve(required(context, 'out', USAGE));
    const request: ResponsesRequest = {
      subject: required(context, 'subject', USAGE), atlas: context.options['atlas'] ?? 'minddiffuser', rois: list(context, 'rois'),
      beta: context.options['beta'] ?? null, zscore: choice(context, 'zscore', ['session', 'train', 'none'], 'none'),
      average: choice(context, 'average', ['true', 'false'], 'true') === 'true',
    };
    const dataset = await openDataset(path.resolve(context.words[0] ?? ''));
    try {
      if (dataset.kind === 'nsd' && !dataset.synthetic) context.note(`${NSD_TERMS.text} ${NSD_TERMS.link}`);
      const beside = out.replace(/\.npy$/i, '') + '.json';
      // Killed and started again with the same words on the same files, it goes on at the session where it was.
      const keep = await sessionKeep(`${beside}.sessions`, { request, root: dataset.root, fingerprint: (await dataset.inspect(context.signal)).fingerprint });
      const responses = await dataset.responses(request, context.signal, context.progress, keep);
      await writeOutput(out, npyParts(responses.values));
      const voxels: number[][] = [];
      for (let v = 0; responses.voxels !== null && v < (responses.voxels.shape[0] ?? 0); v++) voxels.push([...responses.voxels.data.subarray(3 * v, 3 * v + 3)]);
      const about = {
        imageIds: [...responses.imageIds], repeats: [...responses.repeats], isTest: [...responses.isTest], voxels, regions: responses.regions,
        atlas: request.atlas, rois: request.rois, beta: responses.beta, scaling: request.zscore === 'none' ? 'percent signal change' : `z (${request.zscore})`,
        averaged: request.average, subject: request.subject, synthetic: dataset.synthetic, dataset: dataset.label, notes: responses.notes ?? [],
      };
      await writeOutput(beside, JSON.stringify(about));
      await keep.clear();
      context.out({ out, about: beside, shape: responses.values.shape }, `Wrote ${responses.values.shape.join(' x ')} (rows x voxels) to ${out}; ${path.basename(beside)} says what they are.`);
    } finally { dataset.close(); }
  },
};
