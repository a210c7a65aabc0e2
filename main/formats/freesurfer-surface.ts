/**
 * FreeSurfer triangle surfaces (`lh.white`, `lh.pial`, ...). Big-endian, magic FF FF FE.
 * Definition: FreeSurfer's "FileFormats" wiki; cross-checked against nibabel's writer.
 *
 * Coordinates are surface ("tkr") RAS in mm; scanner RAS = coordinates + `cras` of the footer.
 * Refused by name: the two quadrangle formats. Tags after the volume footer are ignored.
 */
import { ndarray } from '../../common/ndarray.ts';
import type { F32, I32 } from '../../common/ndarray.ts';
import { ByteReader } from './byte-reader.ts';
import { decodeElements, encodeElements } from './elements.ts';

const TRIANGLE = 0xfffffe;
const REFUSED: ReadonlyMap<number, string> = new Map([[0xffffff, 'an old quadrangle surface, or a curv file'], [0xfffffd, 'a new quadrangle surface']]);
/** Tag of the volume geometry, and the older tag "use real RAS" that may stand before it. */
const GEOMETRY_TAG = 20;
const REAL_RAS_TAG = 2;
const FOOTER_KEYS = ['valid', 'filename', 'volume', 'voxelsize', 'xras', 'yras', 'zras', 'cras'] as const;
/** No creation line is longer; more means that this is not a surface. */
const MAX_LINE = 4096;

export interface SurfaceFooter {
  readonly valid: boolean;
  readonly filename: string;
  readonly volume: readonly number[];
  readonly voxelSizeMm: readonly number[];
  readonly xras: readonly number[];
  readonly yras: readonly number[];
  readonly zras: readonly number[];
  /** Scanner RAS of the origin of surface RAS, mm. */
  readonly cras: readonly number[];
}

export interface Surface {
  readonly created: string;
  /** `[vertices, 3]`, x y z in mm, surface RAS. */
  readonly coordinates: F32;
  /** `[faces, 3]`, 0-based vertex numbers, counter-clockwise seen from outside. */
  readonly faces: I32;
  readonly footer?: SurfaceFooter;
}

/** A triangle surface. Throws `FormatError`; every vertex number is checked. */
export function readSurface(bytes: Uint8Array, name: string): Surface {
  const reader = new ByteReader(bytes, name, false);
  const magic = reader.u24('magic');
  if (magic !== TRIANGLE) throw reader.error('a triangle surface (first bytes FF FF FE)', REFUSED.get(magic) ?? `first bytes ${magic.toString(16).padStart(6, '0')}`, 'Convert it with mris_convert.', 0);
  const created = reader.line('creation text', MAX_LINE);
  reader.line('second creation line', MAX_LINE);
  const countsAt = reader.offset;
  const vertices = reader.i32('vertex count');
  const faceCount = reader.i32('face count');
  if (vertices < 0 || faceCount < 0) throw reader.error('vertex and face counts', `${vertices} and ${faceCount}`, undefined, countsAt);
  const coordinates = ndarray('float32', [vertices, 3], decodeElements('float32', reader.take(12 * vertices, `${vertices} vertices`), false));
  const facesAt = reader.offset;
  const faces = ndarray('int32', [faceCount, 3], decodeElements('int32', reader.take(12 * faceCount, `${faceCount} faces`), false));
  checkFaces(reader, faces, vertices, facesAt);
  const footer = readFooter(reader);
  return { created, coordinates, faces, ...(footer === undefined ? {} : { footer }) };
}

function checkFaces(reader: ByteReader, faces: I32, vertices: number, at: number): void {
  const bad = faces.data.findIndex((vertex) => vertex < 0 || vertex >= vertices);
  if (bad >= 0) throw reader.error(`vertex numbers from 0 to ${vertices - 1}`, `${faces.data[bad] ?? ''}`, undefined, at + 4 * bad);
}

function readFooter(reader: ByteReader): SurfaceFooter | undefined {
  if (reader.left === 0) return undefined;
  let tag = reader.i32('tag');
  if (tag === REAL_RAS_TAG) {
    reader.i32('real-RAS flag');
    if (reader.left === 0) return undefined;
    tag = reader.i32('tag');
  }
  if (tag !== GEOMETRY_TAG) return undefined;
  const text = new Map<string, string>();
  for (const key of FOOTER_KEYS) {
    const at = reader.offset;
    const line = reader.line(`footer line "${key}"`, MAX_LINE);
    const [found = '', value = ''] = line.split('=', 2).map((part) => part.trim());
    if (found !== key) throw reader.error(`a footer line "${key} = ..."`, JSON.stringify(line.slice(0, 60)), undefined, at);
    text.set(key, value);
  }
  const numbers = (key: (typeof FOOTER_KEYS)[number]): number[] => {
    const values = (text.get(key) ?? '').split(/\s+/).map(Number);
    if (values.length !== 3 || !values.every(Number.isFinite)) throw reader.error(`three numbers after "${key} ="`, JSON.stringify(text.get(key)));
    return values;
  };
  return {
    valid: (text.get('valid') ?? '').startsWith('1'), filename: text.get('filename') ?? '', volume: numbers('volume'),
    voxelSizeMm: numbers('voxelsize'), xras: numbers('xras'), yras: numbers('yras'), zras: numbers('zras'), cras: numbers('cras'),
  };
}

/** A triangle surface file. Throws `RangeError` for faces that name no vertex. */
export function writeSurface(surface: Surface): Uint8Array {
  const { coordinates, faces, footer } = surface;
  const vertices = coordinates.shape[0] ?? 0;
  if (coordinates.shape[1] !== 3 || faces.shape[1] !== 3) throw new RangeError('coordinates and faces must be [n, 3]');
  if (faces.data.some((vertex) => vertex < 0 || vertex >= vertices)) throw new RangeError('a face names a vertex that does not exist');
  if (/[\n]/.test(surface.created)) throw new RangeError('the creation text must be one line');
  const counts = Buffer.alloc(8);
  counts.writeInt32BE(vertices, 0);
  counts.writeInt32BE(faces.shape[0] ?? 0, 4);
  const parts = [Buffer.from([0xff, 0xff, 0xfe]), Buffer.from(`${surface.created}\n\n`, 'utf8'), counts, encodeElements(coordinates, false), encodeElements(faces, false)];
  if (footer !== undefined) parts.push(Buffer.from([0, 0, 0, REAL_RAS_TAG, 0, 0, 0, 0, 0, 0, 0, GEOMETRY_TAG]), Buffer.from(footerText(footer), 'utf8'));
  return new Uint8Array(Buffer.concat(parts));
}

function footerText(footer: SurfaceFooter): string {
  const real = (values: readonly number[]): string => values.map((value) => value.toExponential(15)).join(' ');
  return [
    `valid = ${footer.valid ? '1  # volume info valid' : '0  # volume info invalid'}`, `filename = ${footer.filename}`,
    `volume = ${footer.volume.join(' ')}`, `voxelsize = ${real(footer.voxelSizeMm)}`, `xras   = ${real(footer.xras)}`,
    `yras   = ${real(footer.yras)}`, `zras   = ${real(footer.zras)}`, `cras   = ${real(footer.cras)}`,
  ].join('\n') + '\n';
}
