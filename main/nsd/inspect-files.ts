/** Header-only checks of the anatomical files of a subject: surfaces, patches, label and transform files. */
import type { Hemisphere, SurfaceSummary } from '../../common/dataset.ts';
import { UserError } from '../../common/errors.ts';
import { ByteReader } from '../formats/byte-reader.ts';
import type { FileFacts, Folder } from '../formats/folder.ts';
import { readMghHeader } from '../formats/mgh.ts';
import { attempt } from './findings.ts';
import type { Findings } from './findings.ts';
import { DEPTHS, FLAT_PATCH, HEMISPHERES, layerTransform, surfaceFile, SURFACES } from './layout.ts';
import type { Space } from './layout.ts';

const PREFIX_BYTES = 4096;
const MAX_LINE = 2048;

/** Vertices and faces of a triangle surface from its first bytes; throws `FormatError` for anything else. */
export function surfaceCounts(prefix: Uint8Array, file: string): { readonly vertices: number; readonly faces: number; readonly bytes: number } {
  const reader = new ByteReader(prefix, file, false);
  if (reader.u24('magic') !== 0xfffffe) throw reader.error('a triangle surface (first bytes FF FF FE)', 'other bytes', undefined, 0);
  reader.line('creation text', MAX_LINE);
  reader.line('second line', MAX_LINE);
  const vertices = reader.i32('vertex count');
  const faces = reader.i32('face count');
  return { vertices, faces, bytes: reader.offset + 12 * (vertices + faces) };
}

export interface Anatomy {
  readonly surfaces: readonly SurfaceSummary[];
  readonly surfaceFiles: readonly FileFacts[];
  readonly transformFiles: readonly FileFacts[];
}

/** Surfaces and transforms that exist, with the vertex count that all files of a hemisphere must share. */
export async function inspectAnatomy(folder: Folder, subject: string, space: Space, findings: Findings): Promise<Anatomy> {
  const surfaces: SurfaceSummary[] = [];
  const surfaceFiles: FileFacts[] = [];
  const transformFiles: FileFacts[] = [];
  for (const hemisphere of HEMISPHERES) {
    const names: string[] = [];
    let vertices = 0;
    for (const [name, candidates] of Object.entries(SURFACES)) {
      for (const candidate of candidates) {
        const facts = await folder.facts(surfaceFile(subject, hemisphere, candidate));
        if (facts === null) continue;
        surfaceFiles.push(facts);
        const counts = await attempt(findings, { file: facts.file, subject, severity: 'note', costs: `no ${name} surface of ${hemisphere}` }, () => checkSurface(folder, facts, vertices));
        if (counts !== null) { names.push(name); vertices = counts; }
        break;
      }
    }
    const patch = await folder.facts(surfaceFile(subject, hemisphere, FLAT_PATCH));
    if (patch !== null) { surfaceFiles.push(patch); names.push('flat'); }
    if (names.length > 0) surfaces.push({ hemisphere, names, vertices });
    transformFiles.push(...await inspectTransforms(folder, subject, hemisphere, space, vertices, findings));
  }
  return { surfaces, surfaceFiles, transformFiles };
}

/** Vertex count. Throws if the file is cut, or if its mesh is not closed or not the one of the other surfaces. */
async function checkSurface(folder: Folder, facts: FileFacts, expectedVertices: number): Promise<number> {
  const { vertices, faces, bytes } = surfaceCounts(await folder.prefix(facts.file, PREFIX_BYTES), facts.file);
  const wrong = (expected: string, found: string, fix: string): UserError => new UserError('bad-input', `${facts.file}: expected ${expected}, found ${found}`, { file: facts.file, expected, found, fix });
  if (facts.bytes < bytes) throw wrong(`${bytes} bytes for ${vertices} vertices and ${faces} faces`, `${facts.bytes} bytes`, 'The file is cut off; copy or download it again.');
  if (expectedVertices !== 0 && vertices !== expectedVertices) throw wrong(`${expectedVertices} vertices, as the other surfaces`, `${vertices}`, 'It belongs to another subject; copy the matching file.');
  if (faces !== 2 * vertices - 4) throw wrong(`${2 * vertices - 4} faces, as a closed surface of ${vertices} vertices has`, `${faces}`, 'It is not a whole hemisphere; copy the original file.');
  return vertices;
}

async function inspectTransforms(folder: Folder, subject: string, hemisphere: Hemisphere, space: Space, vertices: number, findings: Findings): Promise<readonly FileFacts[]> {
  const found: FileFacts[] = [];
  for (const depth of DEPTHS) {
    const facts = await folder.facts(layerTransform(subject, hemisphere, space, depth));
    if (facts === null) continue;
    found.push(facts);
    await attempt(findings, { file: facts.file, subject, severity: 'note', costs: `maps cannot be drawn on the ${hemisphere} surfaces` }, async () => {
      const { shape } = readMghHeader(await folder.prefix(facts.file, PREFIX_BYTES), facts.file);
      if (shape[3] !== 3 || (vertices !== 0 && shape[0] !== vertices)) {
        const expected = `[${vertices === 0 ? 'vertices' : vertices}, 1, 1, 3]`;
        throw new UserError('bad-input', `${facts.file}: expected ${expected}`, { file: facts.file, expected, found: `[${shape.join(', ')}]`, fix: 'It belongs to another subject; copy the matching file.' });
      }
    });
  }
  return found;
}
