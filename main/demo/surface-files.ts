/** Files of one FreeSurfer subject folder and of the transforms that belong to it, as (path below the root, bytes). */
import { f32, ndarray } from '../../common/ndarray.ts';
import { writeColorTable } from '../formats/color-table.ts';
import { writeCurv } from '../formats/freesurfer-curv.ts';
import { writePatch } from '../formats/freesurfer-patch.ts';
import { writeSurface } from '../formats/freesurfer-surface.ts';
import { writeMgh } from '../formats/mgh.ts';
import { KASTNER, PRF_ECCROIS, PRF_VISUALROIS, STREAMS } from './areas.ts';
import type { HemisphereAreas } from './areas.ts';
import type { FlatMap } from './flatten.ts';
import { coordinatesOf } from './volume.ts';
import type { Grid, Side } from './volume.ts';

export interface DemoFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface Collection {
  readonly name: string;
  readonly labels: readonly string[];
  readonly of: (areas: HemisphereAreas) => Uint8Array;
  /** Drawn on fsaverage, so that the template has it too. */
  readonly onTemplate: boolean;
}

export const COLLECTIONS: readonly Collection[] = [
  { name: 'nsdgeneral', labels: ['nsdgeneral'], of: (areas) => areas.nsdgeneral, onTemplate: true },
  { name: 'prf-visualrois', labels: PRF_VISUALROIS, of: (areas) => areas.prfVisualrois, onTemplate: false },
  { name: 'prf-eccrois', labels: PRF_ECCROIS, of: (areas) => areas.prfEccrois, onTemplate: false },
  { name: 'streams', labels: STREAMS, of: (areas) => areas.streams, onTemplate: true },
  { name: 'Kastner2015', labels: KASTNER, of: (areas) => areas.kastner, onTemplate: true },
];

const SURFACES = ['white', 'pial', 'inflated', 'sphere', 'layerB1', 'layerB2', 'layerB3'] as const;
const CREATED = 'created by Optogram (synthetic demo data)';

/** MGZ of a vector per vertex, or of several one after the other. */
export function mgz(values: Float32Array, frames = 1): Uint8Array {
  return writeMgh({ data: f32(frames === 1 ? [values.length] : [frames, values.length / frames], values) }, { compress: true });
}

function flatFile(flat: FlatMap, sign: number): Uint8Array {
  const vertices = Int32Array.from(flat.inside.keys()).filter((v) => flat.inside[v] === 1);
  const coordinates = new Float32Array(3 * vertices.length);
  vertices.forEach((v, i) => {
    coordinates[3 * i] = sign * (flat.points[2 * v] ?? 0);
    coordinates[3 * i + 1] = flat.points[2 * v + 1] ?? 0;
  });
  return writePatch({
    vertices: ndarray('int32', [vertices.length], vertices), border: ndarray('bool', [vertices.length], Uint8Array.from(vertices, (v) => flat.border[v] ?? 0)),
    coordinates: f32([vertices.length, 3], coordinates),
  });
}

/** `surf/` and `label/` of a subject or of fsaverage. */
export function freesurferFiles(subject: string, sides: readonly Side[], flats: readonly FlatMap[], registered: readonly Float64Array[]): DemoFile[] {
  const root = `nsddata/freesurfer/${subject}`, template = subject === 'fsaverage';
  const files: DemoFile[] = [];
  sides.forEach(({ surfaces, areas }, side) => {
    const hh = surfaces.hemisphere, faces = ndarray('int32', [surfaces.triangles.length / 3, 3], surfaces.triangles);
    const vertices = surfaces.area.length, surf = (name: string): string => `${root}/surf/${hh}.${name}`, label = (name: string): string => `${root}/label/${hh}.${name}.mgz`;
    const mesh = (name: string, points: Float64Array): void => {
      files.push({ path: surf(name), bytes: writeSurface({ created: CREATED, coordinates: f32([vertices, 3], Float32Array.from(points)), faces }) });
    };
    for (const name of SURFACES) mesh(name, surfaces[name]);
    mesh('sphere.reg', registered[side] ?? surfaces.sphere);
    for (const [name, values] of [['curv', surfaces.curvature], ['sulc', surfaces.sulc], ['thickness', surfaces.thickness], ['area', surfaces.area]] as const) {
      files.push({ path: surf(name), bytes: writeCurv({ values: f32([vertices], Float32Array.from(values)), faces: surfaces.triangles.length / 3 }) });
    }
    files.push({ path: surf('curvature.mgz'), bytes: mgz(Float32Array.from(surfaces.curvature)) });
    const flat = flats[side];
    if (flat !== undefined) files.push({ path: surf('full.flat.patch.3d'), bytes: flatFile(flat, hh === 'lh' ? -1 : 1) });
    for (const collection of COLLECTIONS) {
      if (!template || collection.onTemplate) files.push({ path: label(collection.name), bytes: mgz(Float32Array.from(collection.of(areas))) });
    }
    if (!template) files.push({ path: label('prfangle'), bytes: mgz(areas.angle) }, { path: label('prfeccentricity'), bytes: mgz(areas.eccentricity) }, { path: label('prfsize'), bytes: mgz(areas.size) });
  });
  for (const { name, labels, onTemplate } of COLLECTIONS) {
    if (template && !onTemplate) continue;
    files.push({ path: `${root}/label/${name}.mgz.ctab`, bytes: writeColorTable(['Unknown', ...labels].map((text, index) => ({ index, name: text }))) });
  }
  return files;
}

/** `transforms/` of a subject; `toTemplate[side]` = 0-based nearest subject vertex of each template vertex, `fromTemplate` the reverse. */
export function transformFiles(subject: string, grid: Grid, sides: readonly Side[], toTemplate: readonly Int32Array[], fromTemplate: readonly Int32Array[]): DemoFile[] {
  const root = `nsddata/ppdata/${subject}/transforms`;
  return sides.flatMap(({ surfaces }, side) => {
    const hh = surfaces.hemisphere;
    const oneBased = (indices: Int32Array | undefined): Uint8Array => mgz(Float32Array.from(indices ?? [], (index) => index + 1));
    return [
      ...(['layerB1', 'layerB2', 'layerB3', 'white', 'pial'] as const).map((name) => ({ path: `${root}/${hh}.func1pt8-to-${name}.mgz`, bytes: mgz(coordinatesOf(grid, surfaces[name]), 3) })),
      { path: `${root}/${hh}.white-to-fsaverage.mgz`, bytes: oneBased(toTemplate[side]) },
      { path: `${root}/${hh}.fsaverage-to-white.mgz`, bytes: oneBased(fromTemplate[side]) },
    ];
  });
}
