/** A folder as the array store of a decoder. */
import fs from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../common/errors.ts';
import { whatHappened } from '../../common/file-error.ts';
import { readNpy, writeNpy } from '../formats/npy.ts';
import type { ArrayStore } from '../ridge/artefact.ts';

export function arrayFolder(folder: string): ArrayStore {
  const read = async (name: string): Promise<Uint8Array> => fs.readFile(path.join(folder, name)).catch((error: unknown) => {
    throw new UserError('bad-input', `${path.join(folder, name)} cannot be read`, {
      file: path.join(folder, name), expected: 'a file of a decoder', found: whatHappened(error), fix: 'Name a folder that `fit` wrote.',
    });
  });
  return {
    place: folder,
    writeArray: async (name, array) => { await fs.writeFile(path.join(folder, name), writeNpy(array)); },
    readArray: async (name) => readNpy(await read(name), path.join(folder, name)),
    writeText: (name, text) => fs.writeFile(path.join(folder, name), text),
    readText: async (name) => new TextDecoder().decode(await read(name)),
  };
}
