/**
 * The demo dataset: a synthetic NSD folder (to the byte layout of NSD's files) with a planted answer in `truth/`.
 *
 * A pure function of the options. Everything in it is labelled synthetic: `nsddata/information/synthetic.txt`, the
 * creation text of surfaces and the description of volumes.
 */
import { access, mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Progress } from '../../common/dataset.ts';
import { throwIfAborted, UserError } from '../../common/errors.ts';
import { ndarray } from '../../common/ndarray.ts';
import type { F64 } from '../../common/ndarray.ts';
import { random } from '../../common/random.ts';
import type { Random } from '../../common/random.ts';
import { writeCaptions, writeInstances } from '../formats/coco.ts';
import type { Caption, Instance } from '../formats/coco.ts';
import { writeCsv } from '../formats/csv.ts';
import { writeMat5 } from '../formats/mat5.ts';
import { makeFolder } from '../formats/new-folder.ts';
import { writePng } from '../formats/png.ts';
import { catalogue, COCO_CATEGORIES, cocoCaptions, cocoImage, cocoInstances, pictureTable, SPLITS } from './annotation.ts';
import { captionsOf } from './caption.ts';
import { designOf, REPEATS, RUNS, SLOTS } from './design.ts';
import type { DemoDesign } from './design.ts';
import { flatten } from './flatten.ts';
import { pictureFile } from './hdf5-file.ts';
import { hullMesh } from './hull.ts';
import { addPicture, emptyBank } from './receptive-field.ts';
import type { ChannelBank } from './receptive-field.ts';
import { renderScene } from './render.ts';
import { sampleScene, sceneFacts } from './scene.ts';
import type { SceneFacts } from './scene.ts';
import { flatsOf, sidesOf, subjectName, writeSubject } from './subject.ts';
import { freesurferFiles } from './surface-files.ts';
import type { DemoFile } from './surface-files.ts';
import { BETA } from './volume-files.ts';

export interface DemoOptions {
  /** 1 to 8. */
  readonly subjects?: number;
  readonly seed?: number;
  /** Sessions of 750 trials (250 pictures) per subject, 1 to 8; fewer make a smaller dataset for tests. */
  readonly sessions?: number;
  /** Side of the pictures, 64 or 128; the networks of the demo pack were made for 128. */
  readonly pixels?: number;
}

const PIXELS = 128;
export const SYNTHETIC_FILE = 'nsddata/information/synthetic.txt';
const ICOSPHERE_ORDER = 5;
const TEMPLATE_ROUNDS = 14;

function syntheticText({ subjects, seed, sessions, pixels }: Required<DemoOptions>): string {
  return [
    'SYNTHETIC DATA', '',
    'Optogram demo dataset. Nobody was scanned: pictures, cortex, areas and responses are computed from a seed.',
    'It has the layout of the Natural Scenes Dataset so that the same programs read both, and contains none of it.', '',
    `subjects ${subjects}`, `sessions ${sessions}`, `seed ${seed}`, `pixels ${pixels}`, 'generator optogram-demo-1', 'truth truth/', '',
  ].join('\n');
}

async function checkTarget(root: string): Promise<void> {
  await makeFolder(root);
  const names = (await readdir(root)).filter((name) => !name.startsWith('.'));
  const exists = await access(join(root, SYNTHETIC_FILE)).then(() => true, () => false);
  if (names.length > 0 && !exists) {
    throw new UserError('bad-input', `${root} is not empty and holds no demo dataset, so the demo is not written over it`, {
      file: root, expected: 'an empty or new folder, or an earlier demo', found: names.slice(0, 5).join(', '), fix: 'Choose another folder.',
    });
  }
}

function matrix(rows: number, columns: number, at: (row: number, column: number) => number): F64 {
  return ndarray('float64', [rows, columns], Float64Array.from({ length: rows * columns }, (_, i) => at(Math.floor(i / columns), i % columns)));
}

/** `nsd_expdesign.mat` as NSD's: class double, compact storage, zlib-compressed. */
function designFile(design: DemoDesign): DemoFile {
  const { sessions, perSubject, shared, subjects } = design;
  const variables = new Map([
    ['masterordering', matrix(1, design.masterordering.length, (_, t) => design.masterordering[t] ?? 0)],
    ['basiccnt', matrix(REPEATS, sessions, (times, s) => design.basiccnt[times * sessions + s] ?? 0)],
    ['sharedix', matrix(1, shared, (_, i) => design.subjectim[i] ?? 0)],
    ['stimpattern', ndarray('float64', [sessions, RUNS, SLOTS], Float64Array.from(design.stimpattern))],
    ['subjectim', matrix(subjects, perSubject, (s, i) => design.subjectim[s * perSubject + i] ?? 0)],
  ]);
  return { path: 'nsddata/experiments/nsd/nsd_expdesign.mat', bytes: writeMat5(variables, { compress: true, compact: true, description: 'MATLAB 5.0 MAT-file, Optogram demo (synthetic)' }) };
}

interface Pictures {
  /** Per subject, in the order of its positions. */
  readonly channels: readonly ChannelBank[];
  readonly facts: readonly (readonly SceneFacts[])[];
}

interface Run {
  readonly root: string;
  readonly source: Random;
  readonly pixels: number;
  readonly signal: AbortSignal | undefined;
  readonly save: (file: DemoFile) => Promise<void>;
}

/** Renders every picture once: into `imgBrick`, the shared PNGs, the COCO files, and the channels of those who see it. */
async function writePictures({ root, source, pixels, signal, save }: Run, design: DemoDesign, report: (share: number, what: string) => void): Promise<Pictures> {
  const entries = catalogue(design.pictures, source.fork('catalogue'));
  const channels = Array.from({ length: design.subjects }, () => emptyBank(design.perSubject));
  const facts: SceneFacts[] = [], captions: Caption[] = [], instances: Instance[] = [];
  const positions = channels.map((_, s) => new Map(Array.from(design.subjectim.subarray(s * design.perSubject, (s + 1) * design.perSubject), (picture, i) => [picture - 1, i] as const)));
  const file = await pictureFile(join(root, 'nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5'), design.pictures, pixels);
  try {
    for (const [n, entry] of entries.entries()) {
      throwIfAborted(signal);
      const own = source.fork(`picture/${n}`), scene = sampleScene(own.fork('scene')), picture = renderScene(scene, pixels);
      await file.add(picture);
      facts.push(sceneFacts(scene));
      captions.push(...cocoCaptions(entry, captionsOf(scene, own.fork('captions'))));
      instances.push(...cocoInstances(entry, scene));
      channels.forEach((bank, s) => { const at = positions[s]?.get(n); if (at !== undefined) addPicture(bank, at, picture, pixels); });
      const place = positions[0]?.get(n) ?? design.shared;
      if (place < design.shared) {
        const name = `shared${String(place + 1).padStart(4, '0')}_nsd${String(n + 1).padStart(5, '0')}.png`;
        await save({ path: `nsddata/stimuli/nsd/shared1000/${name}`, bytes: writePng(ndarray('uint8', [pixels, pixels, 3], picture)) });
      }
      if (n % 20 === 0) report(n / design.pictures, 'pictures');
    }
  } finally {
    await file.close();
  }
  for (const split of SPLITS) {
    const images = entries.filter((entry) => entry.split === split), ids = new Set(images.map((entry) => entry.cocoId)), cocoImages = images.map(cocoImage);
    const folder = 'nsddata_stimuli/stimuli/nsd/annotations';
    await save({ path: `${folder}/captions_${split}.json`, bytes: writeCaptions({ images: cocoImages, captions: captions.filter((item) => ids.has(item.imageId)) }) });
    await save({ path: `${folder}/instances_${split}.json`, bytes: writeInstances({ images: cocoImages, instances: instances.filter((item) => ids.has(item.imageId)), categories: COCO_CATEGORIES }) });
  }
  const table = pictureTable(design, entries);
  await save({ path: 'nsddata/experiments/nsd/nsd_stim_info_merged.csv', bytes: writeCsv(table.header, table.rows) });
  const factsOf = positions.map((map) => { const list: SceneFacts[] = []; map.forEach((at, n) => { const fact = facts[n]; if (fact !== undefined) list[at] = fact; }); return list; });
  return { channels, facts: factsOf };
}

function whole(name: string, value: number, low: number, high: number): number {
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw new UserError('usage', `${name} must be a whole number from ${low} to ${high}, not ${value}`, { expected: `${low} to ${high}`, found: String(value) });
}

/**
 * Writes the demo dataset into `dir` (new, empty, or an earlier demo). Throws `UserError` for wrong options or a folder
 * with other content, `CancelledError` when `signal` fires; what is then there is an incomplete demo, written over next time.
 */
export async function writeDemo(dir: string, options: DemoOptions = {}, signal?: AbortSignal, progress?: Progress): Promise<void> {
  const chosen = { subjects: whole('subjects', options.subjects ?? 2, 1, 8), seed: whole('seed', options.seed ?? 1, 0, 4294967295), sessions: whole('sessions', options.sessions ?? 3, 1, 8), pixels: options.pixels ?? PIXELS };
  if (chosen.pixels !== 64 && chosen.pixels !== 128) throw new UserError('usage', `pixels must be 64 or 128, not ${chosen.pixels}`, { expected: '64 or 128', found: String(chosen.pixels) });
  throwIfAborted(signal);
  await checkTarget(dir);
  const folders = new Set<string>();
  const folder = async (path: string): Promise<void> => {
    if (folders.has(path)) return;
    await mkdir(path, { recursive: true });
    folders.add(path);
  };
  const save = async ({ path, bytes }: DemoFile): Promise<void> => {
    const full = join(dir, path);
    await folder(dirname(full));
    await writeFile(full, bytes);
  };
  const text = (path: string, content: string): Promise<void> => save({ path, bytes: new Uint8Array(Buffer.from(content, 'utf8')) });
  const total = 1000, pictureShare = 0.45, templateShare = 0.05;
  const say = (share: number, what: string): void => { progress?.(Math.round(total * share), total, what); };
  const source = random(chosen.seed).fork('demo');
  const run: Run = { root: dir, source, pixels: chosen.pixels, signal, save };

  // 1. What says what this is comes first.
  await text(SYNTHETIC_FILE, syntheticText(chosen));
  const design = designOf(chosen, source.fork('design'));
  await save(designFile(design));
  // 2. Pictures.
  await folder(join(dir, 'nsddata_stimuli/stimuli/nsd'));
  const pictures = await writePictures(run, design, (share, what) => { say(pictureShare * share, what); });
  // 3. The template cortex.
  say(pictureShare, 'template cortex');
  const hull = hullMesh(ICOSPHERE_ORDER);
  const template = sidesOf(hull, [1, 1, 1], source.fork('fsaverage'));
  const smoothed = template[1];
  if (smoothed === undefined) throw new RangeError('a head has two sides');
  const flat = flatten(hull, { points: smoothed.surfaces.inflated, triangles: hull.mesh.triangles }, smoothed.surfaces.wall, { rounds: TEMPLATE_ROUNDS });
  for (const file of freesurferFiles('fsaverage', template, flatsOf(hull, template, flat), template.map(({ surfaces }) => surfaces.sphere))) await save(file);
  // 4. Subjects.
  const subjectShare = (1 - pictureShare - templateShare) / chosen.subjects;
  for (let index = 0; index < chosen.subjects; index++) {
    const channels = pictures.channels[index], facts = pictures.facts[index];
    if (channels === undefined || facts === undefined) throw new RangeError(`no pictures for subject ${index}`);
    await folder(join(dir, `nsddata_betas/ppdata/${subjectName(index)}/func1pt8mm/${BETA}`));
    await writeSubject({ root: dir, index, design, hull, template, flat, channels, facts }, source.fork(subjectName(index)), {
      save, signal, report: (share, what) => { say(pictureShare + templateShare + subjectShare * (index + share), what); },
    });
  }
  say(1, 'done');
}
