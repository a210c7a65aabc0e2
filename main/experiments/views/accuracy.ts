/** Accuracy of every target for the screen: where in the latent, which token, which layer. */
import path from 'node:path';
import type { RunRef, UnitAccuracy } from '../../../common/contract/payloads.ts';
import { UserError } from '../../../common/errors.ts';
import type { SpaceName } from '../../../common/recipe.ts';
import { openDecoder } from '../../ridge/decoder.ts';
import { arrayFolder } from '../array-folder.ts';
import { artefactFolder, exists, readArray, readJson } from '../artefacts.ts';
import { readSpaceReports } from '../space-report.ts';

/** Throws UserError (`bad-input`) if the space is not predicted yet. */
export async function unitAccuracy(workspace: string, ref: RunRef, space: SpaceName): Promise<UnitAccuracy> {
  const folder = (label: string): string => {
    const key = ref.keys[label];
    if (key === undefined) throw new UserError('bad-input', `this run has no finished step "${label}" yet`, { expected: label, found: Object.keys(ref.keys).join(', ') || 'no finished step', fix: 'Wait for the run, or resume it.' });
    return artefactFolder(workspace, key);
  };
  const { shape } = await readJson<{ readonly shape: readonly number[] }>(folder(`features:${space}`), 'about'), measured = ref.keys['accuracy'] === undefined ? null : folder('accuracy');
  const report = (await readSpaceReports(workspace, ref.keys)).find((each) => each.space === space)?.accuracy ?? null;
  const kept = async (name: string): Promise<Float32Array | null> => (measured !== null && await exists(path.join(measured, `${name}.npy`)) ? (await readArray(measured, name, 'float32')).data : null);
  return { space, shape, r: await kept(`r-${space}`) ?? await predictedR(folder, space), ceiling: await kept(`ceiling-${space}`), accuracy: report };
}

/** r of a run of before the accuracy step, NaN for targets that are constant in training. */
async function predictedR(folder: (label: string) => string, space: SpaceName): Promise<Float32Array> {
  const { data } = await readArray(folder(`predict:${space}`), 'unit-r', 'float32'), { yDeviation } = await openDecoder(arrayFolder(folder(`fit:${space}`)));
  return data.map((value, u) => ((yDeviation[u] ?? 0) > 0 ? value : Number.NaN));
}
