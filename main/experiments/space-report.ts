/** Reads what was reported of each feature space: by the accuracy step, or by the predict steps of versions that had none. */
import type { SpaceReport } from '../../common/contract/payloads.ts';
import type { SpaceName } from '../../common/recipe.ts';
import { artefactFolder, exists } from './artefacts.ts';
import { SPACES } from './spaces.ts';
import fs from 'node:fs/promises';
import path from 'node:path';

/** Numbers that may be unknown; JSON writes them as null. */
const NUMBERS: ReadonlySet<string> = new Set(['q1', 'median', 'q3', 'patternR', 'identification']);

async function readReportFile(folder: string, name: string): Promise<SpaceReport> {
  const revive = (key: string, value: unknown): unknown => (value === null && NUMBERS.has(key) ? Number.NaN : value);
  const report = JSON.parse(await fs.readFile(path.join(folder, `${name}.json`), 'utf8'), revive) as Omit<SpaceReport, 'accuracy'> & Partial<Pick<SpaceReport, 'accuracy'>>;
  return { ...report, accuracy: report.accuracy ?? null };
}

/** The report of a space in the folder of a finished accuracy step. */
export function readReport(folder: string, space: SpaceName): Promise<SpaceReport> {
  return readReportFile(folder, `report-${space}`);
}

/** `keys`: label -> artefact key, as in RunRef. Spaces that nothing is reported of yet are left out. */
export async function readSpaceReports(workspace: string, keys: Readonly<Record<string, string>>): Promise<SpaceReport[]> {
  const reports: SpaceReport[] = [], measured = keys['accuracy'];
  for (const space of Object.keys(SPACES) as SpaceName[]) {
    const predicted = keys[`predict:${space}`];
    if (predicted === undefined) continue;
    const places = [...(measured === undefined ? [] : [[artefactFolder(workspace, measured), `report-${space}`] as const]), [artefactFolder(workspace, predicted), 'report'] as const];
    for (const [folder, name] of places) {
      if (!await exists(path.join(folder, `${name}.json`))) continue;
      reports.push(await readReportFile(folder, name));
      break;
    }
  }
  return reports;
}
