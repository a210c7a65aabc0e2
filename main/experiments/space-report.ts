/** Reads what the predict steps reported of each feature space. */
import type { SpaceReport } from '../../common/contract/payloads.ts';
import { artefactFolder, exists, readJson } from './artefacts.ts';
import path from 'node:path';

/** `keys`: label -> artefact key, as in RunRef. Spaces whose predict step is not done are left out. */
export async function readSpaceReports(workspace: string, keys: Readonly<Record<string, string>>): Promise<SpaceReport[]> {
  const reports: SpaceReport[] = [];
  for (const [label, key] of Object.entries(keys)) {
    if (!label.startsWith('predict:')) continue;
    const folder = artefactFolder(workspace, key);
    if (await exists(path.join(folder, 'report.json'))) reports.push(await readJson<SpaceReport>(folder, 'report'));
  }
  return reports;
}
