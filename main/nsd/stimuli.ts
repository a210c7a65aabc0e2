/**
 * The pictures that were shown: `nsd_stimuli.hdf5` (all of them), or the shared pictures as PNG files where that is absent.
 *
 * Source: nsd-data-format 4.1: dataset `imgBrick`, uint8 `[images, rows, columns, 3]` in C order, indexed by the 0-based nsdId.
 */
import { throwIfAborted, UserError } from '../../common/errors.ts';
import { ndarray } from '../../common/ndarray.ts';
import type { U8 } from '../../common/ndarray.ts';
import type { Folder } from '../formats/folder.ts';
import { chunkedDataset } from '../formats/hdf5-structure.ts';
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

/** How one picture is fetched; `data` is row, column, channel. */
interface Brick {
  readonly shape: readonly number[];
  readonly storedAs: string;
  read(id: number): Promise<Uint8Array>;
  close(): void;
}

/** Contiguous data are read at their offset, which does not block the thread; any other layout goes through the HDF5 library. */
async function brickOf(folder: Folder): Promise<Brick> {
  const source = await folder.source(STIMULI_FILE);
  const stored = await chunkedDataset(source, STIMULI_FILE, STIMULI_DATASET).catch(async (error: unknown) => { await source.close(); throw error; });
  if (stored.kind === 'contiguous' && stored.dtype === 'uint8') {
    const size = stored.shape.slice(1).reduce((product, extent) => product * extent, 1);
    const end = stored.dataOffset + (stored.shape[0] ?? 0) * size;
    if (end > source.size) {
      await source.close();
      throw new UserError('bad-input', `${STIMULI_FILE} is cut off`, { file: STIMULI_FILE, expected: `${end} bytes`, found: `${source.size}`, fix: 'Resume or repeat the download.' });
    }
    return { shape: stored.shape, storedAs: 'uint8', read: (id) => source.read(stored.dataOffset + id * size, size), close: () => { void source.close(); } };
  }
  await source.close();
  const library = await openHdf5(folder.path(STIMULI_FILE));
  const dataset = library.datasets().find((entry) => entry.name === STIMULI_DATASET);
  return {
    shape: dataset?.shape ?? [], storedAs: dataset?.dtype ?? dataset?.storedAs ?? `datasets ${library.datasets().map((entry) => entry.name).join(', ')}`,
    read: (id) => {
      const { data } = library.read(STIMULI_DATASET, [[id, id + 1], null, null, null]);
      // Library calls are synchronous; the timer lets messages (a cancel among them) through.
      return new Promise((resolve, reject) => { setImmediate(() => { if (data instanceof Uint8Array) resolve(data); else reject(new RangeError(`${STIMULI_DATASET} changed its type`)); }); });
    },
    close: () => { library.close(); },
  };
}

async function openBrick(folder: Folder): Promise<Stimuli> {
  const brick = await brickOf(folder);
  const [images = 0, height = 0, width = 0, channels] = brick.shape;
  if (brick.storedAs !== 'uint8' || brick.shape.length !== 4 || channels !== 3) {
    brick.close();
    throw new UserError('bad-input', `${STIMULI_FILE} has no pictures`, {
      file: STIMULI_FILE, expected: `dataset ${STIMULI_DATASET}, uint8 [images, rows, columns, 3]`, found: `${brick.storedAs} [${brick.shape.join(', ')}]`, fix: 'Download nsd_stimuli.hdf5 again.',
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
        out.set(await brick.read(id), n * size);
      }
      return ndarray('uint8', [imageIds.length, height, width, channels], out);
    },
    close: () => { brick.close(); },
  };
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
