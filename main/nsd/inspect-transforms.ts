/**
 * Checks of the transform files that need their values: coordinates inside the grid, vertex numbers inside the surface, and the one
 * file that can be computed again. Each costs one inflated vector of about 3 MB.
 *
 * Source: nsd-data-format 5.2, 6.1 and 12. Coordinates are 1-based voxel coordinates, 9999 = none; `white-to-fsaverage` holds 1-based
 * vertex numbers. World = surface coordinate + 0.4 mm; the 0.8 mm anatomical grid has its first voxel centre at -127.6 mm.
 */
import type { Hemisphere } from '../../common/dataset.ts';
import { UserError } from '../../common/errors.ts';
import type { Folder } from '../formats/folder.ts';
import { readMgh, surfaceValues } from '../formats/mgh.ts';
import { surfaceCounts } from './inspect-files.ts';
import { NO_COORDINATE } from './interpolation.ts';
import { anatomyTransform, layerTransform, surfaceFile, toFsaverage } from './layout.ts';
import type { Space } from './layout.ts';
import type { Grid } from './regions.ts';
import { RELEASE_ANATOMY } from './release.ts';

/** Vertices that are computed again, spread over the surface. */
const SAMPLED_VERTICES = 500;
/** Voxels; the files hold float32 computed by another route. */
const COORDINATE_TOLERANCE = 2e-3;

/** A check of one file of a hemisphere; nothing to do if the file is absent. Throws `UserError` for what is wrong. */
export type TransformCheck = (folder: Folder, subject: string, hemisphere: Hemisphere, about: { readonly space: Space; readonly grid: Grid | null; readonly vertices: number; readonly isRelease: boolean }) => Promise<string | null>;

function wrong(file: string, expected: string, found: string): UserError {
  return new UserError('bad-input', `${file}: expected ${expected}, found ${found}`, { file, expected, found, fix: 'It belongs to another subject, or is damaged; copy or download it again.' });
}

async function vectorOf(folder: Folder, file: string): Promise<ArrayLike<number> | null> {
  return await folder.facts(file) === null ? null : surfaceValues(readMgh(await folder.inflated(file), file), file).data;
}

const coordinatesInside: TransformCheck = async (folder, subject, hemisphere, { space, grid }) => {
  const file = layerTransform(subject, hemisphere, space, 'layerB2');
  const values = grid === null ? null : await vectorOf(folder, file);
  if (values === null || grid === null) return null;
  const vertices = values.length / 3;
  grid.forEach((extent, axis) => {
    for (let v = 0, at = axis * vertices; v < vertices; v++, at++) {
      const value = values[at] ?? NaN;
      if (!(value >= 1 && value <= extent) && value !== NO_COORDINATE) throw wrong(file, `coordinates from 1 to ${extent} on axis ${axis + 1}, or ${NO_COORDINATE}`, `${value} at vertex ${v}`);
    }
  });
  return file;
};

const verticesInside: TransformCheck = async (folder, subject, hemisphere, { vertices }) => {
  const file = toFsaverage(subject, hemisphere);
  const values = vertices === 0 ? null : await vectorOf(folder, file);
  if (values === null) return null;
  for (let v = 0; v < values.length; v++) {
    const value = values[v] ?? NaN;
    if (!(Number.isInteger(value) && value >= 1 && value <= vertices)) throw wrong(file, `whole numbers from 1 to ${vertices}, the vertices of the white surface`, `${value} at fsaverage vertex ${v}`);
  }
  return file;
};

/** `anat0pt8-to-white` is the white surface in voxels of the 0.8 mm grid. */
const whiteInAnatomy: TransformCheck = async (folder, subject, hemisphere, { isRelease }) => {
  const file = anatomyTransform(subject, hemisphere, 'white');
  const surface = surfaceFile(subject, hemisphere, 'white');
  if (!isRelease || await folder.facts(surface) === null) return null;
  const values = await vectorOf(folder, file);
  if (values === null) return null;
  const counts = surfaceCounts(await folder.prefix(surface, 4096), surface);
  const { vertices } = counts;
  if (values.length !== 3 * vertices) throw wrong(file, `3 x ${vertices} coordinates, as the white surface has vertices`, `${values.length}`);
  const source = await folder.source(surface);
  try {
    const start = counts.bytes - 12 * (vertices + counts.faces);
    for (let n = 0; n < SAMPLED_VERTICES; n++) {
      const vertex = Math.floor((n * vertices) / SAMPLED_VERTICES);
      const point = Buffer.from(await source.read(start + 12 * vertex, 12));
      for (let axis = 0; axis < 3; axis++) {
        const expected = (point.readFloatBE(4 * axis) + RELEASE_ANATOMY.centreMm + RELEASE_ANATOMY.firstVoxelMm) / RELEASE_ANATOMY.voxelMm + 1;
        const found = values[axis * vertices + vertex] ?? NaN;
        if (!(Math.abs(found - expected) <= COORDINATE_TOLERANCE)) throw wrong(file, `${expected.toFixed(3)} on axis ${axis + 1} of vertex ${vertex}, as the white surface says`, found.toFixed(3));
      }
    }
  } finally {
    await source.close();
  }
  return file;
};

/** Every check, with what is lost if it fails. */
export const TRANSFORM_CHECKS: readonly { readonly check: TransformCheck; readonly costs: string; readonly file: (subject: string, hemisphere: Hemisphere, space: Space) => string }[] = [
  { check: coordinatesInside, costs: 'maps on the surfaces would be wrong', file: (subject, hemisphere, space) => layerTransform(subject, hemisphere, space, 'layerB2') },
  { check: verticesInside, costs: 'maps on fsaverage would be wrong', file: (subject, hemisphere) => toFsaverage(subject, hemisphere) },
  { check: whiteInAnatomy, costs: 'the anatomical volume and the surfaces do not fit each other', file: (subject, hemisphere) => anatomyTransform(subject, hemisphere, 'white') },
];
