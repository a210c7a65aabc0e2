/**
 * An arrays dataset whose answer is known: grey pictures of 4 x 4 pixels, each test image shown three times. Region A answers to the upper half of the
 * picture, region B to the lower half, region N to nothing; every voxel has noise of its own in every trial. All values follow from the seed.
 */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { f32, ndarray } from '../../common/ndarray.ts';
import { random } from '../../common/random.ts';
import { writeNpy } from '../../main/formats/npy.ts';

export const PLANTED = { train: 160, test: 40, repeats: 3, side: 4, voxels: 24, noise: 2, regions: ['A', 'B', 'N'] } as const;

export interface PlantedOptions {
  readonly seed?: number;
  readonly test?: number;
  readonly repeats?: number;
  readonly regions?: boolean;
  /** Pixels, from the first, that are the same in every picture (`constant`), then those that are the same in every test picture. */
  readonly still?: number;
  readonly constant?: number;
}

export async function plantedArrays({ seed = 17, test = PLANTED.test, repeats = PLANTED.repeats, regions = true, still = 0, constant = 0 }: PlantedOptions = {}): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'planted-arrays-')), source = random(seed), { side, voxels, noise } = PLANTED, pixels = side * side, count = PLANTED.train + test;
  const pictures = Uint8Array.from({ length: count * pixels }, () => source.integer(256));
  for (let image = 0; image < count; image++) for (let p = 0; p < pixels; p++) if (p < constant || (p < constant + still && image >= PLANTED.train)) pictures[image * pixels + p] = 100;
  // Voxels 0-7 see pixels 0-7, voxels 8-15 pixels 8-15, the rest nothing.
  const weights = Float64Array.from({ length: voxels * pixels }, (_, i) => (Math.floor(i / pixels / 8) === Math.floor((i % pixels) / 8) ? source.normal() : 0));
  const part = async (name: string, from: number, to: number, trials: number): Promise<object> => {
    const ids = Array.from({ length: (to - from) * trials }, (_, row) => from + (row % (to - from))), values = new Float32Array(ids.length * voxels);
    ids.forEach((id, row) => {
      for (let v = 0; v < voxels; v++) {
        let sum = noise * source.normal() + 3 * v;
        for (let p = 0; p < pixels; p++) sum += ((weights[v * pixels + p] ?? 0) * ((pictures[id * pixels + p] ?? 0) - 127.5)) / 74;
        values[row * voxels + v] = (1 + v / 10) * sum;
      }
    });
    await writeFile(join(root, `${name}-responses.npy`), writeNpy(f32([ids.length, voxels], values)));
    await writeFile(join(root, `${name}-stimuli.npy`), writeNpy(ndarray('uint8', [ids.length, side, side], Uint8Array.from(ids.flatMap((id) => [...pictures.subarray(id * pixels, (id + 1) * pixels)])))));
    await writeFile(join(root, `${name}-ids.npy`), writeNpy(ndarray('int32', [ids.length], Int32Array.from(ids))));
    return { responses: `${name}-responses.npy`, stimuli: `${name}-stimuli.npy`, ids: `${name}-ids.npy` };
  };
  await writeFile(join(root, 'regions.npy'), writeNpy(ndarray('int32', [voxels], Int32Array.from({ length: voxels }, (_, v) => Math.floor(v / 8) + 1))));
  await writeFile(join(root, 'dataset.json'), JSON.stringify({
    label: 'Planted arrays', subject: 'one', synthetic: true, train: await part('train', 0, PLANTED.train, 1), test: await part('test', PLANTED.train, count, repeats),
    image: { height: side, width: side, channels: 1 }, ...(regions ? { regions: 'regions.npy', regionNames: PLANTED.regions } : {}),
  }));
  return root;
}
