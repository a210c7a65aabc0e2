/** Headers and sizes of the surface betas of a subject. */
import { UserError } from '../../common/errors.ts';
import type { FileFacts, Folder } from '../formats/folder.ts';
import type { Design } from './design.ts';
import { trialsInSession } from './design.ts';
import { attempt, inParallel } from './findings.ts';
import type { Findings } from './findings.ts';
import { HEMISPHERES } from './layout.ts';
import { readSurfaceHeader, surfaceBetaSets } from './surface-betas.ts';
import type { SurfaceBetaSet } from './surface-betas.ts';

const OPEN_AT_ONCE = 8;
/** Bytes before the values of an `.mgh` file. */
const MGH_HEAD = 284;

function wrong(file: string, expected: string, found: string, fix: string): UserError {
  return new UserError('bad-input', `${file}: expected ${expected}, found ${found}`, { file, expected, found, fix });
}

/** The sets, after their headers were looked at. `native` are the vertices of the subject's own surfaces, 0 = unknown. */
export async function inspectSurfaceBetas(folder: Folder, subject: string, findings: Findings, design: Design | null, native: readonly [number, number], signal?: AbortSignal): Promise<readonly SurfaceBetaSet[]> {
  const sets = await surfaceBetaSets(folder, subject);
  for (const set of sets) {
    await inParallel(set.sessions, OPEN_AT_ONCE, signal, (session) => attempt(findings, { file: session.files.lh, subject, severity: 'note', costs: 'this session cannot be read on the surface' }, async () => {
      const facts = (await Promise.all(HEMISPHERES.map((hemisphere) => folder.facts(session.files[hemisphere])))).filter((entry): entry is FileFacts => entry !== null);
      findings.files.push(...facts);
      const { vertices, trials } = await readSurfaceHeader(folder, session);
      const expected = design === null ? trials : trialsInSession(design, session.session);
      if (trials !== expected) throw wrong(session.files.lh, `${expected} trials, as the design has in session ${session.session}`, `${trials} trials`, 'Copy the original session file.');
      for (const [side, hemisphere] of HEMISPHERES.entries()) {
        const file = session.files[hemisphere];
        const count = vertices[hemisphere];
        const surface = native[side] ?? 0;
        if (set.space === 'nativesurface' && surface !== 0 && count !== surface) throw wrong(file, `${surface} vertices, as the surfaces`, `${count}`, 'It belongs to another subject; copy the right file.');
        const bytes = facts[side]?.bytes ?? 0;
        const least = file.endsWith('.mgh') ? MGH_HEAD + 4 * count * trials : 0;
        if (bytes < least) throw wrong(file, `at least ${least} bytes for ${count} vertices and ${trials} trials`, `${bytes}`, 'The file was cut off; copy or download it again.');
      }
    }));
  }
  return sets;
}
