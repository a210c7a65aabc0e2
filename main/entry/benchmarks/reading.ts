/**
 * Reading NSD of its real size: a session's masked voxels and pictures of the big file against h5py in the same invocation, then all
 * sessions of a subject in one pass, and the inspection. Run it on a stand-in (`optogram stand-in DIR`) or on the real data.
 */
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { ndarray } from '../../../common/ndarray.ts';
import { random } from '../../../common/random.ts';
import { folderAt } from '../../formats/folder.ts';
import { writeNpy } from '../../formats/npy.ts';
import { readBetaHeader, readBetaVoxels } from '../../nsd/betas.ts';
import { openNsd } from '../../nsd/dataset.ts';
import { STIMULI_FILE } from '../../nsd/layout.ts';
import { maskOf, readAtlas } from '../../nsd/regions.ts';
import { openStimuli } from '../../nsd/stimuli.ts';
import { chooseBetas, findSubject } from '../../nsd/subject-files.ts';
import type { Benchmark, Timing } from './benchmark.ts';
import { median, RUNS, timed } from './benchmark.ts';
import { runPeer } from './peer.ts';

const PICTURES = 64;
const SEED = 1;

export const READING: Benchmark = {
  does: 'masked session, pictures, all sessions, inspection; --root DIR [--subject subj01] [--atlas nsdgeneral] [--all false]',
  async run(options) {
    const root = options['root'];
    if (root === undefined) throw new RangeError('--root DIR names an NSD folder; `optogram stand-in DIR` writes one of the real size');
    const [id, atlasName] = [options['subject'] ?? 'subj01', options['atlas'] ?? 'nsdgeneral'];
    const folder = folderAt(path.resolve(root));
    const subject = await findSubject(folder, id);
    const beta = chooseBetas(subject, null).sessions[0];
    if (beta === undefined) throw new RangeError(`${id} has no session`);
    const header = await readBetaHeader(folder, beta);
    const { index } = maskOf(await readAtlas(folder, id, subject.space, subject.collections, atlasName, header.grid), []);

    const checks: Record<string, number> = {};
    let values: Int16Array = new Int16Array();
    const used = await cpuOf(() => timed('session, read and masked', async () => { values = await readBetaVoxels(folder, beta, index, header); }));
    checks['voxels'] = index.length;
    checks['our CPU seconds, session'] = used.cpuSeconds / RUNS;
    const pictures = await timedPictures(folder, checks);
    const ours: Timing[] = [used.value, ...pictures.timings];

    const scratch = await fs.mkdtemp(path.join(os.tmpdir(), 'optogram-bench-'));
    try {
      await fs.writeFile(path.join(scratch, 'index.npy'), writeNpy(ndarray('int32', [index.length], index)));
      await fs.writeFile(path.join(scratch, 'ours.npy'), writeNpy(ndarray('int16', [index.length, header.trials], Int16Array.from(values))));
      if (pictures.values !== null) await fs.writeFile(path.join(scratch, 'pictures.npy'), writeNpy(pictures.values));
      await fs.writeFile(path.join(scratch, 'request.json'), JSON.stringify({ session: folder.path(beta.file), stimuli: pictures.values === null ? null : folder.path(STIMULI_FILE), ids: pictures.ids }));
      const peer = await runPeer('reading.py', [scratch, String(RUNS)]);
      ours.push(...await timedSubject(root, options['all'] === 'false' ? null : id, atlasName, checks));
      const title = `reading ${id} of ${root}: ${index.length} voxels of ${header.grid.join(' x ')}, ${header.trials} trials a session`;
      if ('missing' in peer) return { title, ours, peer, ratios: {}, checks };
      const ratio = (timing: Timing): number => timing.median / (ours.find((each) => each.name === timing.name)?.median ?? Number.NaN);
      return { title, ours, peer: peer.timings, ratios: Object.fromEntries(peer.timings.map((timing) => [timing.name, ratio(timing)])), checks: { ...checks, ...peer.checks } };
    } finally { await fs.rm(scratch, { recursive: true, force: true }); }
  },
};

/** Pictures anywhere in the file, one call each, as the gallery asks for them; the first pass warms the cache. */
async function timedPictures(folder: ReturnType<typeof folderAt>, checks: Record<string, number>): Promise<{ readonly timings: readonly Timing[]; readonly ids: readonly number[]; readonly values: ReturnType<typeof ndarray<'uint8'>> | null }> {
  const stimuli = await openStimuli(folder);
  if (stimuli?.file !== STIMULI_FILE) return { timings: [], ids: [], values: null };
  const source = random(SEED);
  const ids = Array.from({ length: PICTURES }, () => source.integer(stimuli.images));
  const size = stimuli.shape.reduce((product, extent) => product * extent, 1);
  const out = new Uint8Array(PICTURES * size);
  const each: number[] = [];
  const timing = await timed('pictures', async () => {
    each.length = 0;
    for (const [n, id] of ids.entries()) {
      const from = performance.now();
      out.set((await stimuli.read(Int32Array.of(id))).data, n * size);
      each.push(performance.now() - from);
    }
  });
  stimuli.close();
  checks['milliseconds a picture, median'] = median(each);
  checks['milliseconds a picture, slowest'] = Math.max(...each);
  return { timings: [timing], ids, values: ndarray('uint8', [PICTURES, ...stimuli.shape], out) };
}

/** All sessions of a subject in one pass, averaged (once; null = left out); then the inspection of the whole folder. */
async function timedSubject(root: string, subject: string | null, atlas: string, checks: Record<string, number>): Promise<readonly Timing[]> {
  const dataset = await openNsd(path.resolve(root));
  try {
    const timings: Timing[] = [];
    if (subject !== null) {
      const pass = await cpuOf(() => timed('all sessions, averaged', async () => {
        const { values } = await dataset.responses({ subject, atlas, rois: [], beta: null, zscore: 'session', average: true });
        checks['images'] = values.shape[0] ?? 0;
      }, 1));
      checks['our CPU seconds, all sessions'] = pass.cpuSeconds;
      timings.push(pass.value);
    }
    const inspection = await cpuOf(() => timed('inspection', () => dataset.inspect(), RUNS));
    checks['our CPU seconds, inspection'] = inspection.cpuSeconds / RUNS;
    return [...timings, inspection.value];
  } finally { dataset.close(); }
}

/** CPU time of all threads of this process beside the result: on a shared machine the honest number. */
async function cpuOf<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly cpuSeconds: number }> {
  const before = process.cpuUsage();
  const value = await work();
  const { user, system } = process.cpuUsage(before);
  return { value, cpuSeconds: (user + system) / 1e6 };
}
