/**
 * The pictures that were shown: `nsd_stimuli.hdf5` (all of them), or the shared pictures as PNG files where that is absent.
 *
 * Source: nsd-data-format 4.1: dataset `imgBrick`, uint8 `[images, rows, columns, 3]` in C order, indexed by the 0-based nsdId.
 */
import { throwIfAborted, UserError } from '../../common/errors.ts';
import { ndarray } from '../../common/ndarray.ts';
import type { U8 } from '../../common/ndarray.ts';
import type { Folder } from '../formats/folder.ts';
import { openHdf5 } from '../formats/hdf5.ts';
import { readPng } from '../formats/png.ts';
import { SHARED_FOLDER, sharedPicture, STIMULI_DATASET, STIMULI_FILE } from './layout.ts';

export interface Stimuli {
  readonly file: string;
  readonly images: number;
  /** `[height, width, channels]` */
  readonly shape: readonly [number, number, number];
  /** Uint8 `[ids, height, width, channels]` in the order asked. Throws `UserError` for an id that the folder lacks. */
  read(imageIds: Int32Array, signal?: AbortSignal): Promise<U8>;
  close(): void;
}

/** Opens the pictures; null if the folder has none. Throws `FormatError` or `UserError` for a damaged file. */
export async function openStimuli(folder: Folder): Promise<Stimuli | null> {
  if (await folder.facts(STIMULI_FILE) !== null) return openBrick(folder);
  const pictures = new Map<number, string>();
  for (const name of await folder.names(SHARED_FOLDER)) {
    const id = sharedPicture(name);
    if (id !== null) pictures.set(id, `${SHARED_FOLDER}/${name}`);
  }
  return pictures.size === 0 ? null : openPictures(folder, pictures);
}

function absent(file: string, id: number, expected: string, fix: string): UserError {
  return new UserError('bad-input', `${file} has no picture ${id}`, { file, expected, found: `picture ${id}`, fix });
}

async function openBrick(folder: Folder): Promise<Stimuli> {
  const source = await openHdf5(folder.path(STIMULI_FILE));
  try {
    const dataset = source.datasets().find((entry) => entry.name === STIMULI_DATASET);
    const [images, height, width, channels, more] = dataset?.shape ?? [];
    if (dataset?.dtype !== 'uint8' || images === undefined || height === undefined || width === undefined || channels !== 3 || more !== undefined) {
      const found = dataset === undefined ? `datasets ${source.datasets().map((entry) => entry.name).join(', ')}` : `${dataset.storedAs} [${dataset.shape.join(', ')}]`;
      throw new UserError('bad-input', `${STIMULI_FILE} has no pictures`, {
        file: STIMULI_FILE, expected: `dataset ${STIMULI_DATASET}, uint8 [images, rows, columns, 3]`, found, fix: 'Download nsd_stimuli.hdf5 again.',
      });
    }
    const size = height * width * channels;
    return {
      file: STIMULI_FILE, images, shape: [height, width, channels],
      read: async (imageIds, signal) => {
        const out = new Uint8Array(imageIds.length * size);
        for (const [n, id] of imageIds.entries()) {
          throwIfAborted(signal);
          if (id < 0 || id >= images) throw absent(STIMULI_FILE, id, `0 to ${images - 1}`, 'Use the pictures that belong to this design.');
          const { data } = source.read(STIMULI_DATASET, [[id, id + 1], null, null, null]);
          if (!(data instanceof Uint8Array)) throw new RangeError(`${STIMULI_DATASET} changed its type`);
          out.set(data, n * size);
          // Library calls are synchronous; let messages (a cancel among them) through now and then.
          if (n % 64 === 63) await new Promise((resolve) => { setImmediate(resolve); });
        }
        return ndarray('uint8', [imageIds.length, height, width, channels], out);
      },
      close: () => { source.close(); },
    };
  } catch (error) {
    source.close();
    throw error;
  }
}

async function openPictures(folder: Folder, pictures: ReadonlyMap<number, string>): Promise<Stimuli> {
  const [first = ''] = pictures.values();
  const read = async (file: string): Promise<U8> => readPng(await folder.bytes(file), file);
  const [height = 0, width = 0, channels = 0] = (await read(first)).shape;
  const size = height * width * channels;
  return {
    file: SHARED_FOLDER, images: pictures.size, shape: [height, width, channels],
    read: async (imageIds, signal) => {
      const out = new Uint8Array(imageIds.length * size);
      for (const [n, id] of imageIds.entries()) {
        throwIfAborted(signal);
        const file = pictures.get(id);
        if (file === undefined) throw absent(SHARED_FOLDER, id, 'one of the shared pictures', `Download ${STIMULI_FILE}, which has all pictures.`);
        const picture = await read(file);
        if (picture.shape.join() !== [height, width, channels].join()) {
          throw new UserError('bad-input', `${file} has another size than the others`, { file, expected: `[${height}, ${width}, ${channels}]`, found: `[${picture.shape.join(', ')}]`, fix: 'Download it again.' });
        }
        out.set(picture.data, n * size);
      }
      return ndarray('uint8', [imageIds.length, height, width, channels], out);
    },
    close: () => undefined,
  };
}
