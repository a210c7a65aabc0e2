/** A folder with `dataset.json` (or the published digits .mat) as a `Dataset`. Read-only; arrays are kept after their first use. */
import { createHash } from 'node:crypto';
import type { AtlasSummary, Dataset, FileGroup, Inspection, Problem, Responses, ResponsesRequest, SurfaceSummary } from '../../common/dataset.ts';
import { CancelledError, throwIfAborted, UserError } from '../../common/errors.ts';
import { ndarray, rows as rowsOf, sizeOf } from '../../common/ndarray.ts';
import type { NdArray, U8 } from '../../common/ndarray.ts';
import { folderAt } from '../formats/folder.ts';
import type { FileFacts, Folder } from '../formats/folder.ts';
import { parseReference } from './array-file.ts';
import { digitsSchema } from './digits.ts';
import { loadCaptions, loadPictures, loadRegions, loadRows, loadSampling, loadVoxels } from './parts.ts';
import { prepareRows } from './rows.ts';
import type { Rows } from './rows.ts';
import { parseSchema, SCHEMA_FILE } from './schema.ts';
import type { ArraysSchema } from './schema.ts';
import { readCurvature, readFlat, readMesh, summariseSurfaces } from './surfaces.ts';

/** Name of the one atlas that an arrays data set can have. */
export const ARRAYS_ATLAS = 'regions';

/** True for a folder with `dataset.json`, or with a lone .mat file that has the digit data set's variables. */
export async function looksLikeArrays(root: string): Promise<boolean> {
  const folder = folderAt(root);
  return await folder.facts(SCHEMA_FILE) !== null || await digitsSchema(folder) !== null;
}

interface Contents {
  readonly rows: Rows;
  readonly pictures: U8 | null;
  readonly regions: Awaited<ReturnType<typeof loadRegions>>;
  readonly voxels: NdArray<'int32'> | null;
  readonly captions: Awaited<ReturnType<typeof loadCaptions>>;
}

async function load(folder: Folder, schema: ArraysSchema): Promise<Contents> {
  const rows = await loadRows(folder, schema);
  const voxels = rows.values.shape[1] ?? 0;
  const tests = rows.isTest.reduce((sum, flag) => sum + flag, 0);
  return {
    rows, pictures: await loadPictures(folder, schema, rows.ids.length - tests, tests), regions: await loadRegions(folder, schema, voxels),
    voxels: await loadVoxels(folder, schema, voxels), captions: await loadCaptions(folder, schema),
  };
}

/** The folder as a dataset. Throws `UserError` for a folder that is none or a schema that is wrong. */
export async function openArrays(root: string): Promise<Dataset> {
  const folder = folderAt(root);
  const described = await folder.facts(SCHEMA_FILE) !== null;
  const schema = described ? parseSchema(Buffer.from(await folder.bytes(SCHEMA_FILE)).toString('utf8'), SCHEMA_FILE) : await digitsSchema(folder);
  if (schema === null) {
    throw new UserError('bad-input', `no ${SCHEMA_FILE} in ${root}`, { file: root, expected: `a folder with ${SCHEMA_FILE}`, found: 'none', fix: 'Write one; main/arrays/README.md shows how.' });
  }
  let held: Promise<Contents> | null = null;
  const contents = (): Promise<Contents> => (held ??= load(folder, schema).catch((error: unknown) => { held = null; throw error; }));
  const known = (subject: string): void => {
    if (subject !== schema.subject) {
      throw new UserError('bad-input', `there is no subject ${subject} in ${root}`, { file: root, expected: schema.subject, found: subject, fix: `Choose ${schema.subject}.` });
    }
  };
  return {
    kind: 'arrays', root, label: schema.label, synthetic: schema.synthetic,
    inspect: (signal) => inspectArrays(folder, schema, described, contents, signal),
    responses: async (request, signal) => {
      known(request.subject);
      throwIfAborted(signal);
      return respond(await contents(), request);
    },
    stimuli: async (imageIds, signal) => {
      throwIfAborted(signal);
      const { pictures, rows } = await contents();
      if (pictures === null) throw new UserError('bad-input', 'this data set has no pictures', { file: SCHEMA_FILE, expected: 'train.stimuli and test.stimuli', found: 'neither', fix: 'Add them.' });
      return choosePictures(pictures, rows, imageIds);
    },
    captions: async (imageIds, signal) => {
      throwIfAborted(signal);
      const { captions } = await contents();
      return Array.from(imageIds, (id) => captions?.get(id) ?? noCaptions(id));
    },
    surface: (_, hemisphere, name) => readMesh(folder, schema.surfaces, hemisphere, name),
    flat: (_, hemisphere) => readFlat(folder, schema.surfaces, hemisphere),
    curvature: (_, hemisphere) => readCurvature(folder, schema.surfaces, hemisphere),
    surfaceLabels: () => Promise.resolve(null),
    sampling: async (_, hemisphere, voxels) => loadSampling(folder, schema, hemisphere, (await contents()).voxels, voxels),
    affine: () => Promise.resolve(null), plantedSensitivity: () => Promise.resolve(null),
    close: () => { held = null; },
  };
}

function noCaptions(id: number): never {
  throw new UserError('bad-input', `picture ${id} has no captions`, { file: SCHEMA_FILE, expected: `captions of picture ${id}`, found: 'none', fix: 'Add them to the captions file.' });
}

/** The first row of each id is its picture. */
function choosePictures(pictures: U8, rows: Rows, imageIds: Int32Array): U8 {
  const size = sizeOf(pictures.shape.slice(1));
  const out = new Uint8Array(imageIds.length * size);
  imageIds.forEach((id, n) => {
    const row = rows.ids.indexOf(id);
    if (row < 0) throw new UserError('bad-input', `there is no picture ${id}`, { file: SCHEMA_FILE, expected: 'an id of the data set', found: `${id}`, fix: 'Choose an id that the responses have.' });
    out.set(rowsOf(pictures, row, row + 1).data, n * size);
  });
  return ndarray('uint8', [imageIds.length, ...pictures.shape.slice(1)], out);
}

/** Columns of the asked-for regions; all if the data set has none. */
function chosenColumns({ regions, rows }: Contents, { rois }: ResponsesRequest): readonly number[] {
  const all = Array.from({ length: rows.values.shape[1] ?? 0 }, (_, v) => v);
  if (regions === null || rois.length === 0) return regions === null ? all : all.filter((v) => (regions.labels[v] ?? 0) > 0);
  const names = [...regions.names.values()];
  const unknown = rois.find((name) => !names.includes(name));
  const kept = all.filter((v) => rois.includes(regions.names.get(regions.labels[v] ?? 0) ?? ''));
  if (unknown === undefined && kept.length > 0) return kept;
  throw new UserError('bad-input', unknown === undefined ? `${rois.join(', ')} has no voxels` : `there is no region "${unknown}"`, { file: SCHEMA_FILE, expected: `one of ${names.join(', ')}`, found: rois.join(', '), fix: 'Choose regions that are there.' });
}

function respond(contents: Contents, request: ResponsesRequest): Responses {
  const columns = chosenColumns(contents, request);
  const { rows, regions, voxels } = contents;
  const V = rows.values.shape[1] ?? 0;
  const all = columns.length === V;
  const picked = new Float32Array(all ? 0 : rows.ids.length * columns.length);
  if (!all) rows.ids.forEach((_, r) => { columns.forEach((v, c) => { picked[r * columns.length + c] = rows.values.data[r * V + v] ?? NaN; }); });
  const own: Rows = all ? rows : { ...rows, values: ndarray('float32', [rows.ids.length, columns.length], picked) };
  const { values, ids, isTest, repeats } = prepareRows(own, request.zscore, request.average);
  return {
    values, imageIds: ids, isTest, repeats, ncsnr: null, beta: 'arrays',
    voxels: voxels === null ? null : ndarray('int32', [columns.length, 3], Int32Array.from(columns.flatMap((v) => [...voxels.data.subarray(3 * v, 3 * v + 3)]))),
    regions: columns.map((v) => (regions === null ? 'all' : regions.names.get(regions.labels[v] ?? 0) ?? 'none')),
  };
}

async function inspectArrays(folder: Folder, schema: ArraysSchema, described: boolean, contents: () => Promise<Contents>, signal?: AbortSignal): Promise<Inspection> {
  throwIfAborted(signal);
  const references = [schema.train.responses, schema.test.responses, schema.train.stimuli, schema.test.stimuli, schema.train.ids, schema.test.ids, schema.voxels, schema.regions, schema.captions, ...surfaceReferences(schema)];
  const names = [...new Set([...(described ? [SCHEMA_FILE] : []), ...references.filter((text) => text !== null).map((text) => parseReference(text).file)])];
  const facts = (await Promise.all(names.map((name) => folder.facts(name)))).filter((entry): entry is FileFacts => entry !== null);
  const problems: Problem[] = described ? [] : [{
    severity: 'note', file: schema.train.responses.split('#')[0] ?? '', expected: SCHEMA_FILE, found: 'a lone .mat file with fmriTrn, fmriTest, stimTrn and stimTest',
    fix: `Nothing to do; write ${SCHEMA_FILE} to describe it otherwise.`, costs: 'read as training and test rows of square pictures stored column by column',
  }];
  const found = await contents().catch((error: unknown) => {
    if (!(error instanceof UserError) || error instanceof CancelledError) throw error;
    const { file = SCHEMA_FILE, expected = 'arrays that can be read', found: seen = error.message, fix = 'Correct dataset.json.' } = error.detail;
    problems.push({ severity: 'problem', file, expected, found: seen, fix, subject: schema.subject });
    return null;
  });
  const surfaces = await summariseSurfaces(folder, schema.surfaces).catch((error: unknown) => {
    if (!(error instanceof UserError) || error instanceof CancelledError) throw error;
    const { file = SCHEMA_FILE, expected = 'surfaces that can be read', found: seen = error.message, fix = 'Correct dataset.json.' } = error.detail;
    problems.push({ severity: 'note', file, expected, found: seen, fix, subject: schema.subject, costs: 'no cortex view' });
    return [];
  });
  const hash = createHash('sha256').update(JSON.stringify(schema));
  for (const { file, bytes, modified } of facts) hash.update(`${file}\0${bytes}\0${Math.round(modified)}\0`);
  const images = found === null ? { train: 0, test: 0 } : countImages(found.rows);
  const pictures = found?.pictures ?? null;
  const captions = found?.captions ?? null;
  const [, height = 0, width = 0, channels = 0] = pictures?.shape ?? [];
  const perImage = captions === null || captions.size === 0 ? 0 : Math.round([...captions.values()].reduce((sum, list) => sum + list.length, 0) / captions.size);
  return {
    kind: 'arrays', root: folder.root, label: schema.label, synthetic: schema.synthetic, fingerprint: hash.digest('hex'),
    subjects: [{
      id: schema.subject, sessions: found === null ? 0 : new Set(found.rows.sessions).size, trials: found?.rows.ids.length ?? 0, trainImages: images.train, testImages: images.test,
      volume: null, voxelSizeMm: null, betas: found === null ? [] : ['arrays'], atlases: found === null ? [] : [atlasOf(found)], surfaces, files: groups(schema, found, facts, surfaces),
    }],
    stimuli: pictures === null ? null : { images: images.train + images.test, shape: [height, width, channels] },
    captions: captions === null ? null : { images: captions.size, perImage }, problems,
  };
}

const surfaceReferences = ({ surfaces }: ArraysSchema): readonly string[] => Object.values(surfaces).flatMap((files) => Object.values(files));

function countImages({ ids, isTest }: Rows): { readonly train: number; readonly test: number } {
  return { train: new Set(ids.filter((_, r) => isTest[r] === 0)).size, test: new Set(ids.filter((_, r) => isTest[r] === 1)).size };
}

function atlasOf({ regions, rows }: Contents): AtlasSummary {
  const count = rows.values.shape[1] ?? 0;
  if (regions === null) return { name: ARRAYS_ATLAS, regions: [{ label: 1, name: 'all', voxels: count }] };
  return { name: ARRAYS_ATLAS, regions: [...regions.names].map(([label, name]) => ({ label, name, voxels: regions.labels.filter((value) => value === label).length })) };
}

function groups(schema: ArraysSchema, found: Contents | null, facts: readonly FileFacts[], surfaces: readonly SurfaceSummary[]): readonly FileGroup[] {
  const group = (kind: FileGroup['kind'], references: readonly (string | null)[], summary: string | null, unlocks: string): FileGroup => {
    const files = facts.filter((entry) => references.some((text) => text !== null && parseReference(text).file === entry.file));
    return { kind, state: summary !== null ? 'ok' : kind === 'responses' ? 'problem' : 'note', summary: summary ?? 'missing', examples: files.map((entry) => entry.file), files: files.length, bytes: files.reduce((sum, entry) => sum + entry.bytes, 0), unlocks };
  };
  const [pictures, regions, captions] = [found?.pictures ?? null, found?.regions ?? null, found?.captions ?? null];
  return [
    group('responses', [schema.train.responses, schema.test.responses], found === null ? null : `${found.rows.ids.length} rows of ${found.rows.values.shape[1] ?? 0} voxels`, 'responses to decode from'),
    group('stimuli', [schema.train.stimuli, schema.test.stimuli], pictures === null ? null : pictures.shape.join(' x '), 'features to train on'),
    group('rois', [schema.regions], regions === null ? null : [...regions.names.values()].join(', '), 'a choice of voxels'),
    group('captions', [schema.captions], captions === null ? null : `${captions.size} pictures`, 'decoding of the meaning (c)'),
    ...(surfaceReferences(schema).length === 0 ? [] : [group('surfaces', surfaceReferences(schema), surfaces.length === 0 ? null : [...new Set(surfaces.flatMap((surface) => surface.names))].join(', '), 'cortex view')]),
  ];
}
