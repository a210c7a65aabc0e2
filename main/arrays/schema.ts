/**
 * `dataset.json`: names the arrays of a data set that is not NSD. The format is documented in this package's README.
 *
 * Every field is checked; unknown ones are refused by name.
 */
import { UserError } from '../../common/errors.ts';
import { HEMISPHERES, SURFACE_FIELDS } from './surfaces.ts';
import type { SurfaceFiles } from './surfaces.ts';

export const SCHEMA_FILE = 'dataset.json';

/** `file.npy`, `file.npz#name`, `file.mat#name`, `file.h5#path`, or (pictures only) a folder. */
export type ArrayReference = string;

export interface Part {
  /** `[rows, voxels]` */
  readonly responses: ArrayReference;
  /** `[rows, pixels]` or `[rows, height, width(, channels)]`, one picture a row, or a folder of PNG files in name order. */
  readonly stimuli: ArrayReference | null;
  /** `[rows]` image id of each row; rows with the same id are repeats. */
  readonly ids: ArrayReference | null;
  /** `[rows]` scan session of each row. */
  readonly sessions: ArrayReference | null;
}

export type PixelOrder = 'row-major' | 'column-major' | 'channels-first';

export interface ImageLayout {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  /** How a flat picture is laid out: `row-major` = row, column, channel (channel fastest); `column-major` = MATLAB's `image(:)`. */
  readonly order: PixelOrder;
  /** Stored values of black and white. */
  readonly range: readonly [number, number];
}

export interface ArraysSchema {
  readonly label: string;
  readonly subject: string;
  readonly synthetic: boolean;
  readonly train: Part;
  readonly test: Part;
  readonly image: ImageLayout | null;
  /** `[voxels, 3]` grid indices, 0-based. */
  readonly voxels: ArrayReference | null;
  /** `[voxels]` labels; 0 = none. */
  readonly regions: ArrayReference | null;
  /** Name of label 1, 2, ... */
  readonly regionNames: readonly string[];
  /** JSON file: `{ "image id": ["caption", ...] }`, or a list whose position is the id. */
  readonly captions: string | null;
  /** Surface files of each hemisphere; empty if the data set has none. */
  readonly surfaces: SurfaceFiles;
}

type Json = Readonly<Record<string, unknown>>;

class Reader {
  readonly #file: string;
  constructor(file: string) { this.#file = file; }

  wrong(path: string, expected: string, value: unknown): UserError {
    const found = value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 120);
    return new UserError('bad-input', `${this.#file}: ${path} must be ${expected}, found ${found}`, {
      file: this.#file, expected: `${path}: ${expected}`, found, fix: 'Correct that field; main/arrays/README.md lists them all.',
    });
  }
  object(value: unknown, path: string, known: readonly string[]): Json {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.wrong(path, 'an object', value);
    for (const key of Object.keys(value)) {
      if (!known.includes(key)) throw this.wrong(`${path}.${key}`, `absent (known fields: ${known.join(', ')})`, Reflect.get(value, key));
    }
    return value as Json;
  }
  text(value: unknown, path: string): string {
    if (typeof value !== 'string' || value === '') throw this.wrong(path, 'a non-empty text', value);
    return value;
  }
  optional(value: unknown, path: string): string | null {
    return value === undefined || value === null ? null : this.text(value, path);
  }
  extent(value: unknown, path: string): number {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > 65536) throw this.wrong(path, 'a whole number from 1 to 65536', value);
    return value;
  }
  part(value: unknown, path: string): Part {
    const given = this.object(value, path, ['responses', 'stimuli', 'ids', 'sessions']);
    return {
      responses: this.text(given['responses'], `${path}.responses`), stimuli: this.optional(given['stimuli'], `${path}.stimuli`),
      ids: this.optional(given['ids'], `${path}.ids`), sessions: this.optional(given['sessions'], `${path}.sessions`),
    };
  }
  image(value: unknown): ImageLayout {
    const given = this.object(value, 'image', ['height', 'width', 'channels', 'order', 'range']);
    const channels = given['channels'] ?? 1;
    if (channels !== 1 && channels !== 3) throw this.wrong('image.channels', '1 or 3', channels);
    const order = given['order'] ?? 'row-major';
    if (order !== 'row-major' && order !== 'column-major' && order !== 'channels-first') throw this.wrong('image.order', '"row-major", "column-major" or "channels-first"', order);
    const range: unknown = given['range'] ?? [0, 255];
    const [black, white, more] = Array.isArray(range) ? (range as readonly unknown[]) : [];
    if (typeof black !== 'number' || typeof white !== 'number' || more !== undefined || !Number.isFinite(black) || !(white > black)) throw this.wrong('image.range', '[black, white] with white above black', range);
    return { height: this.extent(given['height'], 'image.height'), width: this.extent(given['width'], 'image.width'), channels, order, range: [black, white] };
  }
  surfaces(value: unknown): SurfaceFiles {
    const given = value === undefined || value === null ? {} : this.object(value, 'surfaces', HEMISPHERES);
    return Object.fromEntries(Object.entries(given).map(([hemisphere, files]) => {
      const fields = this.object(files, `surfaces.${hemisphere}`, SURFACE_FIELDS);
      return [hemisphere, Object.fromEntries(Object.entries(fields).map(([field, file]) => [field, this.text(file, `surfaces.${hemisphere}.${field}`)]))];
    }));
  }
  names(value: unknown): readonly string[] {
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) throw this.wrong('regionNames', 'a list of texts', value);
    return value.map((name, i) => this.text(name, `regionNames[${i}]`));
  }
}

/** A schema from the text of `dataset.json`. Throws `UserError` naming the field. */
export function parseSchema(text: string, file: string): ArraysSchema {
  const reader = new Reader(file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw new UserError('bad-input', `${file} is not JSON: ${found}`, { file, expected: 'a JSON object', found, fix: 'Repair the file; main/arrays/README.md has an example.' });
  }
  const given = reader.object(value, 'dataset', ['label', 'subject', 'synthetic', 'train', 'test', 'image', 'voxels', 'regions', 'regionNames', 'captions', 'surfaces']);
  const synthetic = given['synthetic'] ?? false;
  if (typeof synthetic !== 'boolean') throw reader.wrong('synthetic', 'true or false', synthetic);
  return {
    label: reader.text(given['label'], 'label'), subject: reader.optional(given['subject'], 'subject') ?? 'subject', synthetic,
    train: reader.part(given['train'], 'train'), test: reader.part(given['test'], 'test'),
    image: given['image'] === undefined ? null : reader.image(given['image']),
    voxels: reader.optional(given['voxels'], 'voxels'), regions: reader.optional(given['regions'], 'regions'),
    regionNames: reader.names(given['regionNames']), captions: reader.optional(given['captions'], 'captions'), surfaces: reader.surfaces(given['surfaces']),
  };
}
