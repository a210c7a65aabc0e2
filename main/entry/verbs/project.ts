import path from 'node:path';
import type { Hemisphere } from '../../../common/dataset.ts';
import { UserError } from '../../../common/errors.ts';
import { f32, ndarray } from '../../../common/ndarray.ts';
import { toFloat64 } from '../../formats/elements.ts';
import { folderAt } from '../../formats/folder.ts';
import type { Folder } from '../../formats/folder.ts';
import { readCurv, writeCurv } from '../../formats/freesurfer-curv.ts';
import { readGifti, writeGifti } from '../../formats/gifti.ts';
import { readMgh, surfaceValues, writeMgh } from '../../formats/mgh.ts';
import { readNifti, writeNifti } from '../../formats/nifti.ts';
import { readNpy, writeNpy } from '../../formats/npy.ts';
import { acrossSurfaces, PROJECTION_METHODS, spaceOfVolume, surfaceToAnatomy, volumeToSurface } from '../../nsd/projection.ts';
import type { ProjectionMethod } from '../../nsd/projection.ts';
import { gridOf } from '../../nsd/regions.ts';
import { RELEASE_ANATOMY } from '../../nsd/release.ts';
import { readInput, writeOutput } from './files.ts';
import type { Verb } from './verb.ts';
import { choice, required } from './verb.ts';

const USAGE = 'project FILE --data DIR --subject S --hemisphere lh|rh --to native|fsaverage|anat [--from native|fsaverage] [--method cubic|linear|nearest|wta|angle] --out FILE';
const VOLUME = /\.nii(\.gz)?$/i;

export const PROJECT: Verb = {
  usage: USAGE,
  does: 'carries a map between the functional volume, the native surface, fsaverage and the 0.8 mm anatomy by NSD\'s transform files; FILE and --out are .nii.gz, .mgz, .mgh, .gii, .curv or .npy',
  options: ['data', 'subject', 'hemisphere', 'to', 'from', 'method', 'out'],
  words: [1, 1],
  async run(context) {
    const file = path.resolve(context.words[0] ?? '');
    const folder = folderAt(path.resolve(required(context, 'data', USAGE)));
    const subject = required(context, 'subject', USAGE);
    const hemisphere = choice(context, 'hemisphere', ['lh', 'rh'], 'lh');
    const to = choice(context, 'to', ['native', 'fsaverage', 'anat'], 'native');
    const method = choice(context, 'method', PROJECTION_METHODS, 'cubic');
    const out = path.resolve(required(context, 'out', USAGE));
    const native = VOLUME.test(file)
      ? await fromVolume(folder, file, subject, hemisphere, method)
      : await fromSurface(folder, file, subject, hemisphere, choice(context, 'from', ['native', 'fsaverage'], 'native'));
    if (to === 'anat') {
      const { shape, data } = await surfaceToAnatomy(folder, subject, hemisphere, native, method === 'wta' ? 'wta' : 'mean');
      const { voxelMm: mm, firstVoxelMm: first } = RELEASE_ANATOMY;
      if (!VOLUME.test(out)) throw wrongType(out, '.nii.gz');
      await writeOutput(out, writeNifti({ shape, affine: Float64Array.of(mm, 0, 0, -first, 0, mm, 0, -first, 0, 0, mm, -first, 0, 0, 0, 1), data: ndarray('float32', [...shape].reverse(), data) }, { compress: out.endsWith('.gz') }));
    } else {
      await writeOutput(out, encoded(out, to === 'native' ? native : await acrossSurfaces(folder, subject, hemisphere, native, 'fsaverage')));
    }
    context.out({ out, to, method, hemisphere, subject }, `Carried ${path.basename(file)} to ${to} (${hemisphere}, ${method}) in ${out}.`);
  },
};

function wrongType(file: string, expected: string): UserError {
  return new UserError('usage', `${path.basename(file)} is of no type for this`, { file, expected, found: path.basename(file), fix: 'Name the file by what it should hold.' });
}

async function fromVolume(folder: Folder, file: string, subject: string, hemisphere: Hemisphere, method: ProjectionMethod): Promise<Float64Array> {
  const image = readNifti(await readInput(file, 'a NIfTI volume on the functional grid'), file);
  const shape = gridOf(image.shape, file);
  return volumeToSurface(folder, subject, await spaceOfVolume(folder, subject, shape, file), hemisphere, { shape, data: image.scaled().data }, method);
}

async function fromSurface(folder: Folder, file: string, subject: string, hemisphere: Hemisphere, from: 'native' | 'fsaverage'): Promise<Float64Array> {
  const values = decoded(await readInput(file, 'a map of a surface'), file);
  return from === 'native' ? values : acrossSurfaces(folder, subject, hemisphere, values, 'native');
}

type Form = { readonly name: RegExp; readonly read: (bytes: Uint8Array, file: string) => Float64Array; readonly write: (values: Float32Array, file: string) => Uint8Array };
const FORMS: readonly Form[] = [
  { name: /\.mg[hz]$/i, read: (bytes, file) => Float64Array.from(surfaceValues(readMgh(bytes, file), file).data), write: (values, file) => writeMgh({ data: f32([values.length], values) }, { compress: /z$/i.test(file) }) },
  {
    name: /\.gii(\.gz)?$/i, read: (bytes, file) => toFloat64(readGifti(bytes, file).arrays[0]?.data ?? f32([0], new Float32Array())),
    write: (values, file) => writeGifti({ metadata: new Map(), labels: [], arrays: [{ intent: 'NIFTI_INTENT_SHAPE', data: f32([values.length], values), metadata: new Map(), coordinateSystems: [] }] }, { compress: /\.gz$/i.test(file) }),
  },
  { name: /\.npy$/i, read: (bytes, file) => toFloat64(readNpy(bytes, file)), write: (values) => writeNpy(f32([values.length], values)) },
  { name: /\.curv$/i, read: (bytes, file) => Float64Array.from(readCurv(bytes, file).values.data), write: (values) => writeCurv({ values: f32([values.length], values), faces: 2 * values.length - 4 }) },
];

function formOf(file: string): Form {
  const found = FORMS.find(({ name }) => name.test(file));
  if (found === undefined) throw wrongType(file, '.mgz, .mgh, .gii, .curv or .npy');
  return found;
}
const decoded = (bytes: Uint8Array, file: string): Float64Array => formOf(file).read(bytes, file);
const encoded = (file: string, values: Float64Array): Uint8Array => formOf(file).write(Float32Array.from(values), file);
