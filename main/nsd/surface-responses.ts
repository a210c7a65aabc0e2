/**
 * Responses of vertices: betas on the subject's own surfaces or on fsaverage, chosen by surface regions.
 *
 * Columns are the vertices of the left hemisphere, then those of the right, ascending. On fsaverage a collection without a file there (the
 * hand-drawn ones) is gathered from the subject's own labels by `hh.white-to-fsaverage`. Source: nsd-data-format 1.1, 2.2, 6.2.
 */
import type { Hemisphere, Progress, Responses, ResponsesRequest, SessionKeep } from '../../common/dataset.ts';
import { UserError } from '../../common/errors.ts';
import { f32 } from '../../common/ndarray.ts';
import type { Folder } from '../formats/folder.ts';
import { readMgh, surfaceValues } from '../formats/mgh.ts';
import { splitOf, trialsInSession, trialsOf } from './design.ts';
import type { Design } from './design.ts';
import { gather } from './interpolation.ts';
import { FSAVERAGE, HEMISPHERES, labelFolder, surfaceCeilingFile, toFsaverage } from './layout.ts';
import { assembleResponses, keptOrRead, labelsOf } from './responses.ts';
import type { RawBetas } from './responses.ts';
import { readSurfaceHeader, readSurfaceVertices } from './surface-betas.ts';
import type { SurfaceBetaSet } from './surface-betas.ts';
import type { SubjectFiles } from './subject-files.ts';
import { readSurfaceLabels } from './surfaces.ts';

interface Chosen {
  /** 0-based vertices, ascending. */
  readonly index: Int32Array;
  readonly regions: readonly string[];
}

/** Vertices of the wanted regions of one hemisphere. */
async function chooseVertices(folder: Folder, subject: SubjectFiles, set: SurfaceBetaSet, hemisphere: Hemisphere, vertices: number, { atlas, rois }: ResponsesRequest): Promise<Chosen & { readonly known: readonly string[] }> {
  const own = (of: string): ReturnType<typeof readSurfaceLabels> => readSurfaceLabels(folder, of, subject.space, hemisphere, atlas);
  let found = await own(set.space === 'fsaverage' ? FSAVERAGE : subject.id);
  if (found === null && set.space === 'fsaverage') {
    const native = await own(subject.id);
    const file = toFsaverage(subject.id, hemisphere);
    if (native !== null && await folder.facts(file) !== null) {
      const way = surfaceValues(readMgh(await folder.inflated(file), file), file).data;
      found = { ...native, labels: Int32Array.from(gather(native.labels, way)) };
    }
  }
  if (found === null) {
    const place = labelFolder(set.space === 'fsaverage' ? FSAVERAGE : subject.id);
    throw new UserError('bad-input', `there are no surface regions "${atlas}" of ${hemisphere}`, { file: place, expected: `${hemisphere}.${atlas}.mgz`, found: 'no such file', fix: 'Download the label files of the surfaces, or choose another atlas.' });
  }
  if (found.labels.length !== vertices) {
    throw new UserError('bad-input', `${hemisphere}.${atlas} has ${found.labels.length} vertices, the betas ${vertices}`, { file: `${hemisphere}.${atlas}.mgz`, expected: `${vertices} vertices, as the betas`, found: `${found.labels.length}`, fix: 'Use the label files of the same surfaces.' });
  }
  const { labels, names } = found;
  const wanted = new Set(rois);
  const index: number[] = [];
  labels.forEach((label, v) => { if (label >= 0 && (wanted.size === 0 || wanted.has(names[label] ?? ''))) index.push(v); });
  return { index: Int32Array.from(index), regions: index.map((v) => names[labels[v] ?? 0] ?? ''), known: names };
}

/** Responses as `Dataset.responses` gives them, `voxels` null. Throws `UserError` naming what is missing or unknown. */
export async function readSurfaceResponses(folder: Folder, design: Design, subject: SubjectFiles, set: SurfaceBetaSet, request: ResponsesRequest, signal?: AbortSignal, progress?: Progress, keep?: SessionKeep): Promise<Responses> {
  const [first] = set.sessions;
  if (first === undefined) throw new RangeError(`${set.name} has no sessions`);
  const { vertices } = await readSurfaceHeader(folder, first);
  const [lh, rh] = await Promise.all(HEMISPHERES.map((hemisphere) => chooseVertices(folder, subject, set, hemisphere, vertices[hemisphere], request)));
  if (lh === undefined || rh === undefined) throw new RangeError('two hemispheres');
  const known = [...new Set([...lh.known, ...rh.known])];
  const unknown = request.rois.find((name) => !known.includes(name));
  const count = lh.index.length + rh.index.length;
  if (unknown !== undefined || count === 0) {
    throw new UserError('bad-input', unknown === undefined ? `${request.rois.join(', ') || request.atlas} has no vertices in ${subject.id}` : `${request.atlas} has no region "${unknown}"`, {
      file: labelFolder(subject.id), expected: `one of ${known.join(', ')}`, found: unknown ?? 'no vertices', fix: 'Choose other regions.',
    });
  }
  const trials = trialsOf(design, subject.number, set.sessions.map((each) => each.session));
  const split = splitOf(trials);
  const readSession = async (position: number): Promise<RawBetas> => {
    const session = set.sessions[position];
    if (session === undefined) throw new RangeError(`no session at ${position}`);
    const T = trialsInSession(design, session.session);
    const header = await readSurfaceHeader(folder, session);
    if (header.trials !== T || HEMISPHERES.some((hemisphere) => header.vertices[hemisphere] !== vertices[hemisphere])) {
      throw new UserError('bad-input', `${session.files.lh} does not fit the other sessions`, {
        file: session.files.lh, expected: `${vertices.lh} and ${vertices.rh} vertices, ${T} trials`, found: `${header.vertices.lh} and ${header.vertices.rh} vertices, ${header.trials} trials`, fix: 'It belongs to another subject or session; copy the right files.',
      });
    }
    return keptOrRead(keep, session.session, count * T, async () => {
      const left = await readSurfaceVertices(folder, session.files.lh, lh.index, T, signal);
      const right = await readSurfaceVertices(folder, session.files.rh, rh.index, T, signal);
      const out = left instanceof Int16Array && right instanceof Int16Array ? new Int16Array(count * T) : new Float32Array(count * T);
      out.set(left, 0);
      out.set(right, left.length);
      return out;
    });
  };
  const { values, kept, partial } = await assembleResponses({ voxels: count, trials, split, zscore: request.zscore, average: request.average, only: request.only, readSession }, signal, progress);
  if (kept.length === 0) throw new UserError('bad-input', `no chosen vertex of ${subject.id} has data`, { file: first.files.lh, expected: 'betas that are not all empty', found: `${count} empty vertices`, fix: 'Download the session files again.' });
  const regions = [...lh.regions, ...rh.regions];
  const notes = [
    `columns are vertices: ${kept.reduce((sum, v) => sum + (v < lh.index.length ? 1 : 0), 0)} of the left hemisphere, then those of the right`,
    ...(kept.length < count ? [`${count - kept.length} vertices without data in any session were dropped`] : []),
    ...(partial > 0 ? [`${partial} vertices lack data in some sessions; those trials were left out of their averages`] : []),
  ];
  return {
    values, ...labelsOf(trials, split, request), voxels: null, regions: Array.from(kept, (v) => regions[v] ?? ''),
    ncsnr: await readCeilings(folder, subject.id, set, [lh.index, rh.index], kept), beta: set.name, notes,
  };
}

async function readCeilings(folder: Folder, subject: string, set: SurfaceBetaSet, index: readonly Int32Array[], kept: Int32Array): Promise<Responses['ncsnr']> {
  const all: number[] = [];
  for (const [side, hemisphere] of HEMISPHERES.entries()) {
    const file = surfaceCeilingFile(subject, set.space, set.beta, hemisphere);
    if (await folder.facts(file) === null) return null;
    const { data } = surfaceValues(readMgh(await folder.inflated(file), file), file);
    for (const vertex of index[side] ?? []) all.push(data[vertex] ?? NaN);
  }
  return f32([kept.length], Float32Array.from(kept, (v) => all[v] ?? NaN));
}
