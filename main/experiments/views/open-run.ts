/** Artefacts of a run as the views read them, opened once and kept for the run that is on screen. */
import path from 'node:path';
import type { RunRef } from '../../../common/contract/payloads.ts';
import { UserError } from '../../../common/errors.ts';
import type { F32 } from '../../../common/ndarray.ts';
import type { SpaceName } from '../../../common/recipe.ts';
import type { Products } from '../../linalg/products.ts';
import type { Decoder } from '../../ridge/decoder.ts';
import { openDecoder, projectWeights } from '../../ridge/decoder.ts';
import { applyStandard } from '../../ridge/standardise.ts';
import { arrayFolder } from '../array-folder.ts';
import { artefactFolder, exists, readArray, readJson } from '../artefacts.ts';
import type { StoredResponses } from '../stages/responses.ts';
import { loadResponses, rowsWhere, takeRows } from '../stages/responses.ts';
import { SPACES } from '../spaces.ts';

export interface OpenedSpace {
  readonly decoder: Decoder;
  /** Standardised responses of the test images, `[test, voxels]`. */
  readonly test: F32;
  /** Decoded vectors minus the mean vector, unmatched, `[test, targets]`. */
  readonly decoded: F32;
  /** Shape of one image's features. */
  readonly shape: readonly number[];
  /** <W_v, d_n> for every test image and voxel, `[test, voxels]`. */
  readonly projected: F32;
}

export interface OpenedRun {
  readonly ref: RunRef;
  readonly responses: StoredResponses;
  /** Ids of the test images, in the order of the rows of `OpenedSpace`. */
  readonly testIds: Int32Array;
  readonly spaces: readonly SpaceName[];
  space(name: SpaceName): Promise<OpenedSpace>;
  /** Folder of a finished step, or a named error. */
  folder(label: string): string;
  has(label: string): boolean;
  readonly products: Products;
}

/** Returns the opener; it keeps the last run. */
export function openRun(workspace: string, products: Products): (ref: RunRef) => Promise<OpenedRun> {
  let held: { readonly id: string; readonly run: Promise<OpenedRun> } | null = null;
  return (ref) => {
    const id = `${ref.runId} ${Object.entries(ref.keys).map((entry) => entry.join('=')).sort().join(' ')}`;
    if (held?.id !== id) {
      const run = open(workspace, products, ref);
      held = { id, run };
      run.catch(() => { if (held?.run === run) held = null; });
    }
    return held.run;
  };
}

async function open(workspace: string, products: Products, ref: RunRef): Promise<OpenedRun> {
  const folder = (label: string): string => {
    const key = ref.keys[label];
    if (key === undefined) {
      throw new UserError('bad-input', `this run has no finished step "${label}" yet`, { expected: label, found: Object.keys(ref.keys).join(', ') || 'no finished step', fix: 'Wait for the run, or resume it.' });
    }
    return artefactFolder(workspace, key);
  };
  const responses = await loadResponses(folder('responses'));
  const rows = rowsWhere(responses, true);
  const spaces = (Object.keys(SPACES) as SpaceName[]).filter((name) => ref.keys[`predict:${name}`] !== undefined);
  const opened = new Map<SpaceName, Promise<OpenedSpace>>();
  return {
    ref, responses, spaces, folder, products,
    testIds: rows.map((row) => responses.imageIds[row] ?? -1),
    has: (label) => ref.keys[label] !== undefined,
    space: (name) => {
      const known = opened.get(name) ?? openSpace(name, folder, responses, rows, products);
      opened.set(name, known);
      known.catch(() => { opened.delete(name); });
      return known;
    },
  };
}

async function openSpace(name: SpaceName, folder: (label: string) => string, responses: StoredResponses, rows: Int32Array, products: Products): Promise<OpenedSpace> {
  const decoder = await openDecoder(arrayFolder(folder(`fit:${name}`)));
  const test = applyStandard(takeRows(responses.values, rows), decoder.xMean, decoder.xScale);
  const raw = await readArray(folder(`predict:${name}`), 'raw', 'float32');
  const { targets } = decoder.record;
  const decoded: F32 = { ...raw, data: raw.data.map((value, i) => value - (decoder.yMean[i % targets] ?? 0)) };
  const { shape } = await readJson<{ shape: readonly number[] }>(folder(`features:${name}`), 'about');
  return { decoder, test, decoded, shape, projected: await projectWeights(decoder, decoded, products) };
}

export async function hasMap(run: OpenedRun, name: string): Promise<boolean> {
  return run.has('maps') && exists(path.join(run.folder('maps'), `${name}.npy`));
}
