/**
 * A folder of nothing but a cortex, as nilearn and FreeSurfer users keep templates: `white_left.gii.gz`, `infl_left.gii.gz`, `flat_left.gii.gz`,
 * `curv_left.gii.gz`, ... It opens as a data set without responses: the cortex can be looked at, nothing can be decoded.
 */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { Dataset, Inspection, Problem } from '../../common/dataset.ts';
import { CancelledError, throwIfAborted, UserError } from '../../common/errors.ts';
import { folderAt } from '../formats/folder.ts';
import type { FileFacts, Folder } from '../formats/folder.ts';
import { HEMISPHERES, readCurvature, readFlat, readMesh, summariseSurfaces } from './surfaces.ts';
import type { SurfaceFiles } from './surfaces.ts';

/** Stems of the file names of each field, best first. */
const STEMS: Readonly<Record<string, readonly string[]>> = {
  white: ['white'], pial: ['pial'], inflated: ['infl', 'inflated'], sphere: ['sphere'], flat: ['flat'], curvature: ['curv', 'curvature'],
};
const SIDES = { lh: ['left', 'lh', 'L'], rh: ['right', 'rh', 'R'] } as const;
export const SURFACE_SUBJECT = 'template';

/** The surfaces of such a folder by their names; null if it has none. */
export async function surfaceFiles(folder: Folder): Promise<SurfaceFiles | null> {
  const names = new Set((await folder.names('')).filter((name) => /\.gii(\.gz)?$/i.test(name)));
  const found: { lh?: Record<string, string>; rh?: Record<string, string> } = {};
  for (const hemisphere of HEMISPHERES) {
    for (const [field, stems] of Object.entries(STEMS)) {
      const name = stems.flatMap((stem) => SIDES[hemisphere].flatMap((side) => [`${stem}_${side}`, `${side}.${stem}`, `${side}.${stem}.surf`])).flatMap((stem) => [`${stem}.gii`, `${stem}.gii.gz`]).find((candidate) => names.has(candidate));
      if (name !== undefined) (found[hemisphere] ??= {})[field] = name;
    }
  }
  return found.lh?.['white'] === undefined && found.rh?.['white'] === undefined && found.lh?.['pial'] === undefined && found.rh?.['pial'] === undefined ? null : found;
}

function nothingToDecode(root: string): UserError {
  return new UserError('bad-input', `${root} holds surfaces only`, { file: root, expected: 'responses to decode from', found: 'surfaces only', fix: 'Write a dataset.json that names responses, stimuli and these surfaces (main/arrays/README.md).' });
}

/** The folder as a data set. Throws `UserError` if it holds no surfaces by these names. */
export async function openSurfaces(root: string): Promise<Dataset> {
  const folder = folderAt(root);
  const surfaces = await surfaceFiles(folder);
  if (surfaces === null) throw new UserError('bad-input', `no surfaces in ${root}`, { file: root, expected: 'white_left.gii.gz, pial_left.gii.gz and so on', found: 'none', fix: 'Choose the folder that holds the surface files.' });
  const none = (): Promise<null> => Promise.resolve(null);
  const refuse = (): Promise<never> => Promise.reject(nothingToDecode(root));
  return {
    kind: 'arrays', root, label: basename(root), synthetic: false,
    inspect: (signal) => inspectSurfaces(folder, surfaces, signal),
    responses: refuse, stimuli: refuse, captions: refuse,
    surface: (_, hemisphere, name) => readMesh(folder, surfaces, hemisphere, name),
    flat: (_, hemisphere) => readFlat(folder, surfaces, hemisphere),
    curvature: (_, hemisphere) => readCurvature(folder, surfaces, hemisphere),
    surfaceLabels: none, sampling: none, affine: none, plantedSensitivity: none,
    close: () => undefined,
  };
}

async function inspectSurfaces(folder: Folder, surfaces: SurfaceFiles, signal?: AbortSignal): Promise<Inspection> {
  throwIfAborted(signal);
  const names = HEMISPHERES.flatMap((hemisphere) => Object.values(surfaces[hemisphere] ?? {}));
  const facts = (await Promise.all(names.map((name) => folder.facts(name)))).filter((entry): entry is FileFacts => entry !== null);
  const problems: Problem[] = [{
    severity: 'problem', subject: SURFACE_SUBJECT, file: 'dataset.json', expected: 'responses to decode from', found: 'surfaces only', costs: 'nothing can be decoded; the cortex can be looked at',
    fix: 'Write a dataset.json that names responses, stimuli and these surfaces (main/arrays/README.md).',
  }];
  const found = await summariseSurfaces(folder, surfaces).catch((error: unknown) => {
    if (!(error instanceof UserError) || error instanceof CancelledError) throw error;
    const { file = folder.root, expected = 'surfaces that can be read', found: seen = error.message, fix = 'Copy the file again.' } = error.detail;
    problems.push({ severity: 'problem', subject: SURFACE_SUBJECT, file, expected, found: seen, fix });
    return [];
  });
  const hash = createHash('sha256');
  for (const { file, bytes, modified } of facts) hash.update(`${file}\0${bytes}\0${Math.round(modified)}\0`);
  const shapes = [...new Set(found.flatMap((surface) => surface.names))];
  return {
    kind: 'arrays', root: folder.root, label: basename(folder.root), synthetic: false, fingerprint: hash.digest('hex'), stimuli: null, captions: null, problems,
    subjects: [{
      id: SURFACE_SUBJECT, sessions: 0, trials: 0, trainImages: 0, testImages: 0, volume: null, voxelSizeMm: null, betas: [], atlases: [], surfaces: found,
      files: [{
        kind: 'surfaces', state: found.length === 0 ? 'problem' : shapes.includes('flat') ? 'ok' : 'note', summary: shapes.join(', ') || 'missing', examples: names.slice(0, 3), files: facts.length,
        bytes: facts.reduce((sum, entry) => sum + entry.bytes, 0), unlocks: shapes.includes('flat') ? 'cortex and flat view' : 'cortex view',
      }],
    }],
  };
}
