/** Folders as the array store of a decoder and as the checkpoint of a fit. */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../common/errors.ts';
import { whatHappened } from '../../common/file-error.ts';
import { readNpyRows } from '../formats/npy-rows.ts';
import { readNpy, writeNpy } from '../formats/npy.ts';
import type { ArrayStore } from '../ridge/artefact.ts';
import type { CheckpointStore } from '../ridge/checkpoint.ts';

export function arrayFolder(folder: string): ArrayStore {
  const read = async (name: string): Promise<Uint8Array> => fs.readFile(path.join(folder, name)).catch((error: unknown) => {
    throw new UserError('bad-input', `${path.join(folder, name)} cannot be read`, {
      file: path.join(folder, name), expected: 'a file of a decoder', found: whatHappened(error), fix: 'Name a folder that `fit` wrote.',
    });
  });
  return {
    place: folder,
    writeArray: (name, array) => writeWhole(folder, name, writeNpy(array)),
    has: (name) => fs.access(path.join(folder, name)).then(() => true, () => false),
    readArray: async (name) => readNpy(await read(name), path.join(folder, name)),
    readRows: (name, from, to) => readNpyRows(path.join(folder, name), from, to),
    writeText: (name, text) => fs.writeFile(path.join(folder, name), text),
    readText: async (name) => new TextDecoder().decode(await read(name)),
  };
}

/** A file that is there is whole, whenever the process ends. */
async function writeWhole(folder: string, name: string, bytes: Uint8Array): Promise<void> {
  const temporary = path.join(folder, `.${name}.${randomUUID().slice(0, 8)}.tmp`);
  await fs.writeFile(temporary, bytes);
  await fs.rename(temporary, path.join(folder, name));
}

/** A folder of its own for the checkpoint of a fit, made on the first write. `clear` removes the folder. */
export function checkpointFolder(folder: string): CheckpointStore {
  return {
    read: async (name) => {
      const file = path.join(folder, name);
      const bytes = await fs.readFile(file).catch(() => null);
      return bytes === null ? null : readNpy(bytes, file);
    },
    write: async (name, array) => {
      await fs.mkdir(folder, { recursive: true });
      await writeWhole(folder, name, writeNpy(array));
    },
    clear: () => fs.rm(folder, { recursive: true, force: true }),
  };
}
