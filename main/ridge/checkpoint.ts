/**
 * What a long fit has found so far, so that one that was killed goes on where it stopped and ends with the same numbers.
 *
 * Kept: column sums of every piece of cross-validation (one penalty or fold, one block of targets), some hundred kilobytes each, and which
 * parts of the weights are written. A checkpoint belongs to one fit: a fingerprint of data statistics and options is its first entry, and
 * a checkpoint of another fit is cleared.
 */
import { createHash } from 'node:crypto';
import { ndarray } from '../../common/ndarray.ts';
import type { F64, NdArray } from '../../common/ndarray.ts';
import { isDType } from '../../common/ndarray.ts';

/** Where a checkpoint lies. A write that returns is whole and survives a kill; names are file names without a folder. */
export interface CheckpointStore {
  /** Null if it is not there. */
  read(name: string): Promise<NdArray | null>;
  write(name: string, array: NdArray): Promise<void>;
  /** Removes every entry. */
  clear(): Promise<void>;
}

/** In memory, for fits that need not survive. */
export function memoryCheckpoint(): CheckpointStore {
  const entries = new Map<string, NdArray>();
  return {
    read: (name) => Promise.resolve(entries.get(name) ?? null),
    write: (name, array) => { entries.set(name, array); return Promise.resolve(); },
    clear: () => { entries.clear(); return Promise.resolve(); },
  };
}

const FINGERPRINT = 'fingerprint.npy';

/** SHA-256 of numbers and texts that identify a fit. */
export function fingerprint(parts: readonly (string | Float64Array | Int32Array)[]): Uint8Array {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(typeof part === 'string' ? `${part}\n` : new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  return new Uint8Array(hash.digest());
}

/** Results by name: computed once, remembered by the store if there is one. */
export interface Checkpoint {
  /** The kept numbers of this name and length, or null. */
  kept(name: string, length: number): Promise<Float64Array | null>;
  keep(name: string, values: Float64Array): Promise<void>;
}

/** Opens a checkpoint for the fit with this fingerprint; entries of another fit are cleared. Without a store nothing is kept. */
export async function openCheckpoint(store: CheckpointStore | undefined, own: Uint8Array): Promise<Checkpoint> {
  if (store === undefined) return { kept: () => Promise.resolve(null), keep: () => Promise.resolve() };
  const found = await store.read(FINGERPRINT);
  if (found === null || !isDType(found, 'uint8') || !own.every((byte, i) => found.data[i] === byte)) {
    await store.clear();
    await store.write(FINGERPRINT, ndarray('uint8', [own.length], own));
  }
  return {
    kept: async (name, length) => {
      const array = await store.read(`${name}.npy`);
      return array !== null && isDType(array, 'float64') && array.data.length === length ? array.data : null;
    },
    keep: (name, values) => store.write(`${name}.npy`, f64(values)),
  };
}

function f64(values: Float64Array): F64 {
  return ndarray('float64', [values.length], values);
}
