/** Real fMRI: voxels of V1-V3 to pixels of handwritten digits (van Gerven et al. 2010). Skipped, saying so, where the data is absent. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { f32 } from '../../../common/ndarray.ts';
import { readMat5 } from '../../../main/formats/mat5.ts';
import { sessionProducts } from '../../../main/linalg/session-products.ts';
import { patternCorrelation } from '../../../main/metrics/correlation.ts';
import { memoryStore } from '../../../main/ridge/artefact.ts';
import { predict } from '../../../main/ridge/decoder.ts';
import { fitDecoder } from '../../../main/ridge/fit.ts';
import { arrayTargets } from '../../../main/ridge/targets.ts';
import { expectClose } from '../../support/close.ts';
import type { F32 } from '../../../common/ndarray.ts';

const FILE = fileURLToPath(new URL('../../../../shared/data/fmri-digits69/digit69_28x28.mat', import.meta.url));
const present = existsSync(FILE);
/** The data's own note gives three decimals. */
const PUBLISHED = { absolute: 0.0006 };

function load(): (name: string) => F32 {
  const bytes = readFileSync(FILE);
  const { arrays } = readMat5(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), 'digit69_28x28.mat');
  return (name) => {
    const array = arrays.get(name);
    if (array === undefined) throw new Error(`no ${name}`);
    return f32(array.shape, Float32Array.from(array.data as Float64Array | Uint8Array));
  };
}

/** Real sizes (3092 voxels) on a busy machine. */
const TIMEOUT = 180_000;

describe.skipIf(!present)(`handwritten digits from fMRI${present ? '' : ' (skipped: ../shared/data is absent)'}`, () => {
  const products = sessionProducts();
  afterAll(() => products.release());

  async function scores(alphas: readonly number[]): Promise<Float32Array> {
    const array = load();
    const folds = alphas.length > 1 ? ({ kind: 'k-fold', folds: 5 } as const) : null;
    const decoder = await fitDecoder({ x: array('fmriTrn'), y: arrayTargets(array('stimTrn')), alphas, folds, standardise: 'zscore' }, { products, store: memoryStore() });
    return patternCorrelation(array('stimTest'), await predict(decoder, array('fmriTest'), products));
  }
  const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

  it('penalty 1000 gives the published correlations of the ten held-out trials', async () => {
    const found = await scores([1000]);
    expectClose([mean(found), Math.min(...found), Math.max(...found)], [0.787, 0.728, 0.848], PUBLISHED);
  }, TIMEOUT);
  it('a cross-validated penalty per pixel does not do worse than 0.77', async () => {
    expect(mean(await scores([10, 100, 300, 1000, 3000, 10000, 30000]))).toBeGreaterThan(0.77);
  }, TIMEOUT);
});
