/**
 * HDF5 files through the HDF5 C library compiled to WebAssembly (h5wasm); this file is its only importer.
 * Files are read from disk by path, part by part; MAT v7.3 files (HDF5 behind a user block) open the same way.
 *
 * Refused by name: not HDF5, cut off, missing datasets, dtypes other than integers, floats of 2, 4 and 8 bytes and
 * h5py booleans, reads above 1 GiB in one piece. Calls are synchronous inside: keep them off the window's process.
 * The library's memory grows to the largest read and never shrinks, so read in parts. After an error inside a damaged file
 * h5wasm leaves objects open, so the same file, if repaired in place, reads as before until the process restarts.
 */
import { rm } from 'node:fs/promises';
import { Attribute, File as LibraryFile, ready } from 'h5wasm/node';
import type { Metadata } from 'h5wasm/node';
import { FormatError, UserError } from '../../common/errors.ts';
import { BYTES, describe, ndarray, sizeOf } from '../../common/ndarray.ts';
import type { DType, NdArray } from '../../common/ndarray.ts';
import { fileSource } from './byte-source.ts';
import { decodeElements } from './elements.ts';
import { inflationLimit } from './gzip.ts';
import { readSuperblock } from './hdf5-superblock.ts';

type Library = Awaited<typeof ready>;

/** Inside Electron one native allocation above this is fatal. */
const MAX_READ_BYTES = 2 ** 30;
const FLOATS: ReadonlyMap<number, DType> = new Map([[2, 'float16'], [4, 'float32'], [8, 'float64']]);
const SIGNED: ReadonlyMap<number, DType> = new Map([[1, 'int8'], [2, 'int16'], [4, 'int32'], [8, 'int64']]);
const UNSIGNED: ReadonlyMap<number, DType> = new Map([[1, 'uint8'], [2, 'uint16'], [4, 'uint32'], [8, 'uint64']]);
/** h5wasm's dtype letters, for writing. */
const LETTER: { readonly [D in DType]?: string } = {
  float64: '<d', float32: '<f', int64: '<q', uint64: '<Q', int32: '<i', uint32: '<I', int16: '<h', uint16: '<H', int8: '<b', uint8: '<B',
};
const CLASS_NAMES: readonly string[] = ['integer', 'float', 'time', 'text', 'bit field', 'opaque', 'compound', 'reference', 'enumeration', 'variable length', 'array'];

export interface Hdf5Dataset {
  /** Path without a leading slash. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Absent if this version cannot read it; `storedAs` then says what it is. */
  readonly dtype?: DType;
  readonly storedAs: string;
  readonly chunks: readonly number[] | null;
  readonly filters: readonly string[];
}

/** `[from, to)` per axis; `null` for the whole axis. */
export type Hdf5Range = readonly [number, number] | null;
export type Hdf5Attribute = string | readonly string[] | NdArray | number | bigint;

export interface Hdf5File {
  readonly path: string;
  datasets(): readonly Hdf5Dataset[];
  /** The dataset or a part of it, C order, native byte order. Throws `FormatError` or `UserError`. */
  read(name: string, ranges?: readonly Hdf5Range[]): NdArray;
  /** Attributes of a dataset or group (`/` for the root) that are text or numbers; others are left out. */
  attributes(name: string): ReadonlyMap<string, Hdf5Attribute>;
  /** Safe to call twice. */
  close(): void;
}

async function library(): Promise<Library> {
  const module = await ready;
  // Otherwise the library prints its error stack to stderr and returns negative numbers that h5wasm does not check.
  module.activate_throwing_error_handler();
  return module;
}

/** The library's own words: the last line of its error stack that says what went wrong. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const steps = [...text.matchAll(/#\d+:.*?\(\): (.*)/g)].map((match) => match[1] ?? '');
  return (steps.at(-1) ?? text).slice(0, 200);
}

/** Runs a library call; whatever it throws means that the file is not as it should be. */
function guarded<T>(path: string, expected: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new FormatError({ file: path, offset: 0, expected, found: `an error of the HDF5 library: ${reasonOf(error)}`, fix: 'The file looks damaged; copy or download it again.' });
  }
}

function dtypeOf(library_: Library, metadata: Metadata): DType | undefined {
  const { H5T_INTEGER, H5T_FLOAT, H5T_ENUM } = library_.H5T_class_t;
  if (metadata.vlen) return undefined;
  if (metadata.type === H5T_INTEGER.value) return (metadata.signed ? SIGNED : UNSIGNED).get(metadata.size);
  if (metadata.type === H5T_FLOAT.value) return FLOATS.get(metadata.size);
  if (metadata.type !== H5T_ENUM.value || metadata.size !== 1) return undefined;
  return Object.keys(metadata.enum_type?.members ?? {}).sort().join() === 'FALSE,TRUE' ? 'bool' : undefined;
}

const storedAs = (metadata: Metadata): string => `${metadata.littleEndian ? 'little' : 'big'}-endian ${CLASS_NAMES[metadata.type] ?? `class ${metadata.type}`} of ${metadata.size} bytes`;
const plainName = (name: string): string => name.replace(/^\/+|\/+$/g, '');

/** Opens a file for reading. Throws `FormatError` if it is not HDF5 or is cut off; nothing stays open then. */
export async function openHdf5(path: string): Promise<Hdf5File> {
  const source = await fileSource(path);
  const most = inflationLimit(source.size, MAX_READ_BYTES);
  try {
    await readSuperblock(source, path);
  } finally {
    await source.close();
  }
  const library_ = await library();
  const file = guarded(path, 'an HDF5 file', () => new LibraryFile(path, 'r'));
  if (file.file_id < 0n) throw new FormatError({ file: path, offset: 0, expected: 'an HDF5 file', found: 'a file that the HDF5 library does not open' });
  let isOpen = true;

  const isDataset = (name: string): boolean => library_.get_type(file.file_id, `/${name}`) === library_.H5G_DATASET;
  const names = (): string[] => guarded(path, 'a list of datasets', () => file.paths().filter(isDataset));
  const metadataOf = (name: string): Metadata => {
    if (!isOpen) throw new RangeError(`${path} was closed`);
    const all = names();
    if (!all.includes(name)) {
      throw new FormatError({ file: path, offset: 0, expected: `a dataset "${name}"`, found: all.length === 0 ? 'no datasets' : `datasets ${all.slice(0, 20).join(', ')}` });
    }
    return guarded(path, `a description of "${name}"`, () => library_.get_dataset_metadata(file.file_id, `/${name}`));
  };

  const readPart = (name: string, ranges: readonly Hdf5Range[] | undefined): NdArray => {
    const metadata = metadataOf(name);
    const dtype = dtypeOf(library_, metadata);
    const { shape } = metadata;
    if (dtype === undefined || shape === null) {
      throw new UserError('unsupported', `${path}: dataset "${name}" is ${storedAs(metadata)}, which cannot be read as numbers`, { file: path, expected: 'integers, or floats of 2, 4 or 8 bytes', found: storedAs(metadata) });
    }
    if (ranges !== undefined && ranges.length !== shape.length) throw new RangeError(`${ranges.length} ranges for the ${shape.length} axes of "${name}"`);
    const spans = shape.map((extent, axis): readonly [number, number] => ranges?.[axis] ?? [0, extent]);
    spans.forEach(([from, to], axis) => {
      if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && to >= from && to <= (shape[axis] ?? 0))) throw new RangeError(`range [${from}, ${to}) outside axis ${axis} of "${name}" [${shape.join(', ')}]`);
    });
    const outShape = spans.map(([from, to]) => to - from);
    const bytes = sizeOf(outShape) * BYTES[dtype];
    if (!(bytes <= most)) throw new UserError('unsupported', `${path}: ${bytes} bytes of "${name}" in one read`, { file: path, expected: `at most ${most} bytes`, found: `${bytes}`, fix: 'Read it in parts.' });
    // The library inflates whole chunks, however little of them is wanted.
    const chunkBytes = sizeOf(metadata.chunks ?? []) * BYTES[dtype];
    if (!(chunkBytes <= most)) throw new UserError('unsupported', `${path}: chunks of ${chunkBytes} bytes in "${name}"`, { file: path, expected: `chunks of at most ${most} bytes`, found: `${chunkBytes}`, fix: 'Write the file again with smaller chunks.' });
    if (bytes === 0) return ndarray(dtype, outShape, decodeElements(dtype, new Uint8Array(), true));
    return guarded(path, `the data of "${name}"`, () => {
      const whole = shape.length === 0;
      const pointer = library_._malloc(bytes);
      if (pointer === 0) throw new UserError('unsupported', `${path}: no memory for ${bytes} bytes of "${name}"`, { file: path, fix: 'Read it in parts.' });
      try {
        const status = library_.get_dataset_data(
          file.file_id, `/${name}`, whole ? null : outShape.map(BigInt), whole ? null : spans.map(([from]) => BigInt(from)), whole ? null : outShape.map(() => 1n), BigInt(pointer));
        if (status < 0) throw new Error(`status ${status}`);
        // h5wasm asks the library for little-endian memory, whatever the file has.
        return ndarray(dtype, outShape, decodeElements(dtype, library_.HEAPU8.subarray(pointer, pointer + bytes), true));
      } finally {
        library_._free(pointer);
      }
    });
  };

  return {
    path,
    datasets: () => names().map((name) => {
      const metadata = metadataOf(name);
      const dtype = dtypeOf(library_, metadata);
      const filters = guarded(path, `the filters of "${name}"`, () => library_.get_dataset_filters(file.file_id, `/${name}`));
      return { name, shape: metadata.shape ?? [], ...(dtype === undefined ? {} : { dtype }), storedAs: storedAs(metadata), chunks: metadata.chunks, filters: filters.map((filter) => filter.name || `filter ${filter.id}`) };
    }),
    read: (name, ranges) => readPart(plainName(name), ranges),
    attributes: (name) => {
      if (!isOpen) throw new RangeError(`${path} was closed`);
      const target = plainName(name) === '' ? '/' : `/${plainName(name)}`;
      if (target !== '/' && !guarded(path, 'a list of objects', () => file.paths()).includes(plainName(name))) throw new FormatError({ file: path, offset: 0, expected: `an object "${plainName(name)}"`, found: 'none of that name' });
      return guarded(path, `the attributes of "${target}"`, () => {
        const found = library_.get_attribute_names(file.file_id, target).map((key) => [key, attributeValue(new Attribute(file.file_id, target, key).value)] as const);
        return new Map(found.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])));
      });
    },
    close: () => {
      if (isOpen) file.close();
      isOpen = false;
    },
  };
}

function attributeValue(value: unknown): Hdf5Attribute | undefined {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') return value;
  if (Array.isArray(value) && value.every((entry): entry is string => typeof entry === 'string')) return value;
  if (value instanceof Float64Array) return ndarray('float64', [value.length], value);
  if (value instanceof Float32Array) return ndarray('float32', [value.length], value);
  if (value instanceof Int32Array) return ndarray('int32', [value.length], value);
  if (value instanceof Uint8Array) return ndarray('uint8', [value.length], value);
  return undefined;
}

export interface Hdf5Entry {
  /** One name, or a path whose groups are made. */
  readonly name: string;
  readonly data: NdArray;
  readonly chunks?: readonly number[];
  /** gzip level 1 to 9; needs chunks. */
  readonly compression?: number;
  readonly attributes?: ReadonlyMap<string, string>;
}

/**
 * Writes a new file (an old one is replaced). `earliest` gives superblock 0, object headers 1 and B-trees 1, the layout of
 * NSD's betas; `latest` the newest. Throws `UserError` for float16 and bool, which h5wasm cannot write. On failure nothing is left.
 */
export async function writeHdf5(path: string, entries: readonly Hdf5Entry[], { layout = 'earliest' }: { readonly layout?: 'earliest' | 'latest' } = {}): Promise<void> {
  await library();
  for (const { name, data, chunks, compression } of entries) {
    if (LETTER[data.dtype] === undefined) throw new UserError('unsupported', `HDF5 writing of ${describe(data)} (${name})`, { fix: 'Convert it to float32 or uint8.' });
    if (chunks !== undefined && chunks.length !== data.shape.length) throw new RangeError(`${chunks.length} chunk extents for ${describe(data)}`);
    if (compression !== undefined && chunks === undefined) throw new RangeError('compression needs chunks');
  }
  const file = new LibraryFile(path, 'w', { libver: layout === 'earliest' ? ['earliest', 'v108'] : 'latest' });
  if (file.file_id < 0n) throw new UserError('bad-input', `cannot write ${path}`, { file: path });
  try {
    for (const { name, data, chunks, compression, attributes } of entries) {
      const parts = plainName(name).split('/');
      parts.slice(0, -1).reduce((parent, part) => {
        const group = parent === '' ? part : `${parent}/${part}`;
        if (!file.paths().includes(group)) file.create_group(group);
        return group;
      }, '');
      const dataset = file.create_dataset({
        name: parts.join('/'), data: data.data, shape: [...data.shape], dtype: LETTER[data.dtype] ?? '<f',
        ...(chunks === undefined ? {} : { chunks: [...chunks] }), ...(compression === undefined ? {} : { compression }),
      });
      for (const [key, value] of attributes ?? []) dataset.create_attribute(key, value);
    }
  } catch (error) {
    file.close();
    await rm(path, { force: true });
    throw error;
  }
  file.close();
}
