/** A tiny arrays dataset: 24 training and 12 test rows of 20 voxels, pictures of 16 x 16 pixels, captions. All values follow from `seed`. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { f32, ndarray } from '../../common/ndarray.ts';
import { random } from '../../common/random.ts';
import { writeNpy } from '../../main/formats/npy.ts';

export const TRAIN = 24, TEST = 12, COLUMNS = 20;
const SIDE = 16;

/** Writes the folder; `spoil` may change the training responses first. */
export async function tinyArrays(seed = 11, spoil: (responses: Float32Array) => void = () => undefined): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'tiny-arrays-')), source = random(seed), count = TRAIN + TEST;
  const pictures = Uint8Array.from({ length: count * SIDE * SIDE * 3 }, () => source.integer(256));
  const responses = Float32Array.from({ length: count * COLUMNS }, () => source.normal());
  spoil(responses);
  const part = async (name: string, from: number, to: number): Promise<object> => {
    await writeFile(join(root, `${name}-responses.npy`), writeNpy(f32([to - from, COLUMNS], responses.slice(from * COLUMNS, to * COLUMNS))));
    await writeFile(join(root, `${name}-stimuli.npy`), writeNpy(ndarray('uint8', [to - from, SIDE, SIDE, 3], pictures.slice(from * SIDE * SIDE * 3, to * SIDE * SIDE * 3))));
    await writeFile(join(root, `${name}-ids.npy`), writeNpy(ndarray('int32', [to - from], Int32Array.from({ length: to - from }, (_, i) => from + i))));
    return { responses: `${name}-responses.npy`, stimuli: `${name}-stimuli.npy`, ids: `${name}-ids.npy` };
  };
  await writeFile(join(root, 'captions.json'), JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, id) => [String(id), [`a red cube ${id}`, 'a ball']]))));
  await writeFile(join(root, 'dataset.json'), JSON.stringify({
    label: 'Tiny arrays', subject: 'one', synthetic: true, captions: 'captions.json',
    train: await part('train', 0, TRAIN), test: await part('test', TRAIN, count), image: { height: SIDE, width: SIDE, channels: 3 },
  }));
  return root;
}
