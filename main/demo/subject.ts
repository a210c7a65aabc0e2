/** One demo subject, from folds to betas: builds the parts in order and hands each file to `save`. */
import { f32, ndarray } from '../../common/ndarray.ts';
import { throwIfAborted } from '../../common/errors.ts';
import type { Random } from '../../common/random.ts';
import { writeNpy } from '../formats/npy.ts';
import { writeTsv } from '../formats/tsv.ts';
import { areasOf, VISUAL_LABELS } from './areas.ts';
import { hemisphereOf } from './cortex.ts';
import type { DemoDesign } from './design.ts';
import { behaviourTable, SESSION_TRIALS, trialsOfPositions } from './design.ts';
import { flatten } from './flatten.ts';
import type { FlatMap } from './flatten.ts';
import { writeBetas } from './hdf5-file.ts';
import type { Hull } from './hull.ts';
import { FAMILIES, plant, PROPERTY_NAMES } from './planted.ts';
import type { ChannelBank } from './receptive-field.ts';
import { reliabilityOf } from './reliability.ts';
import { sessionsOf } from './response.ts';
import type { SceneFacts } from './scene.ts';
import { sensitivities } from './sensitivity.ts';
import { freesurferFiles, transformFiles } from './surface-files.ts';
import type { DemoFile } from './surface-files.ts';
import { anatomyOf, depthBelowHull, fieldsOf, gridOf, nearestOnSphere, voteLabels } from './volume.ts';
import type { Side } from './volume.ts';
import { anatomyFiles, BETA, reliabilityFiles, roiFiles, truthVolumes } from './volume-files.ts';

export const HEMISPHERES = ['lh', 'rh'] as const;
const VOXEL_MM = 4.4;
/** Rounds of flattening on the subject's own folded surface, from the template's layout. */
const OWN_ROUNDS = 6;
/** SD of the turn between a subject's sphere and the template's, radians. */
const REGISTRATION = 0.015;

/** Both hemispheres of a head. */
export function sidesOf(hull: Hull, scale: readonly [number, number, number], source: Random): readonly Side[] {
  return HEMISPHERES.map((hemisphere) => {
    const surfaces = hemisphereOf(hull, { hemisphere, scale }, source.fork(`cortex/${hemisphere}`));
    return { surfaces, areas: areasOf(hull, hemisphere, surfaces.wall, source.fork(`areas/${hemisphere}`)) };
  });
}

/** Flat maps of both sides, in canonical axes, on the folded middle layer. */
export function flatsOf(hull: Hull, sides: readonly Side[], template: FlatMap): readonly FlatMap[] {
  return sides.map(({ surfaces }) => {
    const sign = surfaces.hemisphere === 'lh' ? -1 : 1;
    const points = surfaces.layerB2.map((value, i) => (i % 3 === 0 ? sign * value : value));
    return flatten(hull, { points, triangles: hull.mesh.triangles }, surfaces.wall, { from: template, rounds: OWN_ROUNDS });
  });
}

/** The sphere turned a little about all three axes. */
function turned(points: Float64Array, source: Random): Float64Array {
  const [a, b, c] = [REGISTRATION * source.normal(), REGISTRATION * source.normal(), REGISTRATION * source.normal()] as const;
  const out = points.slice();
  const turn = (one: number, two: number, angle: number): void => {
    const cos = Math.cos(angle), sin = Math.sin(angle);
    for (let p = 0; p < out.length; p += 3) {
      const x = out[p + one] ?? 0, y = out[p + two] ?? 0;
      out[p + one] = cos * x - sin * y; out[p + two] = sin * x + cos * y;
    }
  };
  turn(0, 1, a); turn(1, 2, b); turn(2, 0, c);
  return out;
}

export interface SubjectInput {
  readonly root: string;
  /** 0-based. */
  readonly index: number;
  readonly design: DemoDesign;
  readonly hull: Hull;
  readonly template: readonly Side[];
  readonly flat: FlatMap;
  readonly channels: ChannelBank;
  readonly facts: readonly SceneFacts[];
}

export interface SubjectSteps {
  readonly save: (file: DemoFile) => Promise<void>;
  readonly signal: AbortSignal | undefined;
  /** Share of the subject done, 0 to 1. */
  readonly report: (share: number, what: string) => void;
}

export function subjectName(index: number): string {
  return `subj${String(index + 1).padStart(2, '0')}`;
}

/** Builds and writes subject `index`. The folder of its betas must exist. */
export async function writeSubject(input: SubjectInput, source: Random, { save, signal, report }: SubjectSteps): Promise<void> {
  const { design, hull, index } = input, subject = subjectName(index);
  const step = async (share: number, what: string): Promise<void> => {
    await new Promise((resolve) => { setImmediate(resolve); });
    throwIfAborted(signal);
    report(share, `${subject}: ${what}`);
  };
  const saveAll = async (files: readonly DemoFile[]): Promise<void> => { for (const file of files) await save(file); };
  // 1. Cortex.
  await step(0, 'cortex');
  const size = source.fork('head'), stretch = (): number => 1 + 0.03 * Math.max(-2, Math.min(2, size.normal()));
  const scale = [stretch(), stretch(), stretch()] as const;
  const sides = sidesOf(hull, scale, source);
  const spheres = sides.map(({ surfaces }) => turned(surfaces.sphere, source.fork(`register/${surfaces.hemisphere}`)));
  await step(0.08, 'flat maps');
  const flats = flatsOf(hull, sides, input.flat);
  await saveAll(freesurferFiles(subject, sides, flats, spheres));
  // 2. Grid, labels, fields, anatomy.
  await step(0.2, 'volumes');
  const grid = gridOf(sides, VOXEL_MM);
  const toTemplate = input.template.map(({ surfaces }, side) => nearestOnSphere(surfaces.sphere, hull.neighbours, spheres[side] ?? surfaces.sphere));
  const fromTemplate = input.template.map(({ surfaces }, side) => nearestOnSphere(spheres[side] ?? surfaces.sphere, hull.neighbours, surfaces.sphere));
  await saveAll(transformFiles(subject, grid, sides, toTemplate, fromTemplate));
  const own = voteLabels(grid, sides, (areas) => areas.own).both, fields = fieldsOf(grid, sides, own);
  const anatomy = anatomyOf(grid, sides, depthBelowHull(grid, scale), source.fork('anatomy'));
  await saveAll([...roiFiles(subject, grid, sides), ...anatomyFiles(subject, grid, anatomy, fields, design.sessions)]);
  // 3. Planted responses of the visual voxels.
  await step(0.3, 'planted responses');
  const visual = Int32Array.from(own.keys()).filter((voxel) => (own[voxel] ?? 0) > 0 && (own[voxel] ?? 0) <= VISUAL_LABELS);
  const at = (values: Float32Array): Float32Array => Float32Array.from(visual, (voxel) => values[voxel] ?? 0);
  const labels = Uint8Array.from(visual, (voxel) => own[voxel] ?? 0), x = at(fields.x), y = at(fields.y), fieldSize = at(fields.size);
  const planted = plant({ labels, x, y, size: fieldSize, channels: input.channels, facts: input.facts }, source.fork('planted'));
  await step(0.5, 'planted truth');
  const truth = sensitivities(planted, input.channels, input.facts), count = visual.length;
  const [I, J] = grid.shape;
  const npy = (name: string, bytes: Uint8Array): DemoFile => ({ path: `truth/${subject}/${name}`, bytes });
  await saveAll([
    ...truthVolumes(subject, grid, visual, truth),
    npy('voxels.npy', writeNpy(ndarray('int32', [count, 3], Int32Array.from({ length: 3 * count }, (_, i) => {
      const voxel = visual[Math.floor(i / 3)] ?? 0;
      return [voxel % I, Math.floor(voxel / I) % J, Math.floor(voxel / (I * J))][i % 3] ?? 0;
    })))),
    npy('areas.npy', writeNpy(ndarray('uint8', [count], labels))), npy('snr.npy', writeNpy(f32([count], planted.snr))),
    npy('family-shares.npy', writeNpy(f32([count, FAMILIES.length], planted.shares))), npy('tuning.npy', writeNpy(f32([count, PROPERTY_NAMES.length], planted.weights))),
    npy('receptive-fields.npy', writeNpy(f32([count, 3], Float32Array.from({ length: 3 * count }, (_, i) => [x, y, fieldSize][i % 3]?.[Math.floor(i / 3)] ?? 0)))),
    npy('columns.json', new Uint8Array(Buffer.from(`${JSON.stringify({ families: FAMILIES, properties: PROPERTY_NAMES, receptiveFields: ['x', 'y', 'size'], unit: 'degrees of visual angle' }, null, 1)}\n`))),
  ]);
  // 4. Trials.
  const voxels = Int32Array.from(anatomy.brainmask.keys()).filter((voxel) => anatomy.brainmask[voxel] === 1);
  const rowOf = new Map(Array.from(visual, (voxel, row) => [voxel, row] as const));
  const plantedRow = voxels.map((voxel) => rowOf.get(voxel) ?? -1);
  const sessions = await sessionsOf({ grid, voxels, plantedRow, planted, masterordering: design.masterordering, pictures: design.perSubject }, source.fork('trials'), signal,
    (done, total) => { report(0.5 + (0.4 * done) / total, `${subject}: trials`); });
  await step(0.9, 'betas');
  for (const [s, values] of sessions.entries()) {
    throwIfAborted(signal);
    await writeBetas(`${input.root}/nsddata_betas/ppdata/${subject}/func1pt8mm/${BETA}/betas_session${String(s + 1).padStart(2, '0')}.hdf5`, grid.shape, SESSION_TRIALS, voxels, values);
  }
  await step(0.95, 'noise ceilings');
  await saveAll(reliabilityFiles(subject, grid, voxels, reliabilityOf(sessions, voxels.length, trialsOfPositions(design))));
  const behaviour = behaviourTable(design, index, source.fork('behaviour'));
  await save({ path: `nsddata/ppdata/${subject}/behav/responses.tsv`, bytes: writeTsv(behaviour.header, behaviour.rows) });
}
