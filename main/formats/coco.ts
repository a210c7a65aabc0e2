/**
 * COCO 2017 annotation files (`captions_*.json`, `instances_*.json`). Definition: cocodataset.org, "Data format".
 *
 * Read from chunks by a JSON tokenizer that keeps one array item at a time, so a 470 MB file needs a few MB. Sections other
 * than the wanted ones are tokenised (and so checked) but not kept. Refused: anything that is not JSON (RFC 8259), items
 * that lack a field or have another type, nesting deeper than 64, strings or items longer than 16 MB.
 */
import { FormatError } from '../../common/errors.ts';
import { readJsonItems } from './json-stream.ts';
import type { Json } from './json-stream.ts';

export interface Caption {
  readonly id: number;
  readonly imageId: number;
  readonly caption: string;
}

export interface Instance {
  readonly id: number;
  readonly imageId: number;
  readonly categoryId: number;
  /** Left, top, width, height in pixels of the original image. */
  readonly bbox: readonly [number, number, number, number];
  /** Pixels. */
  readonly area: number;
  readonly isCrowd: boolean;
  /** Polygons `[x0, y0, x1, y1, ...]`, or the run lengths of a crowd region. */
  readonly segmentation: readonly (readonly number[])[] | { readonly size: readonly [number, number]; readonly counts: readonly number[] };
}

export interface CocoImage {
  readonly id: number;
  readonly width: number;
  readonly height: number;
  readonly fileName: string;
}

export interface CocoCategory {
  readonly id: number;
  readonly name: string;
  readonly supercategory: string;
}

export type CocoItem =
  | { readonly section: 'images'; readonly value: CocoImage }
  | { readonly section: 'categories'; readonly value: CocoCategory };
export type CaptionItem = CocoItem | { readonly section: 'annotations'; readonly value: Caption };
export type InstanceItem = CocoItem | { readonly section: 'annotations'; readonly value: Instance };

class Fields {
  readonly #file: string;
  readonly #offset: number;
  readonly #value: Readonly<Record<string, Json>>;
  constructor(file: string, offset: number, value: Json) {
    this.#file = file;
    this.#offset = offset;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.#error('an object', value);
    this.#value = value;
  }
  #error(expected: string, found: Json | undefined): FormatError {
    return new FormatError({ file: this.#file, offset: this.#offset, expected, found: found === undefined ? 'nothing' : JSON.stringify(found).slice(0, 80) });
  }
  get(key: string): Json | undefined {
    return Object.hasOwn(this.#value, key) ? this.#value[key] : undefined;
  }
  number(key: string): number {
    const value = this.get(key);
    if (typeof value !== 'number') throw this.#error(`a number "${key}"`, value);
    return value;
  }
  integer(key: string): number {
    const value = this.number(key);
    if (!Number.isSafeInteger(value)) throw this.#error(`a whole number "${key}"`, value);
    return value;
  }
  text(key: string): string {
    const value = this.get(key);
    if (typeof value !== 'string') throw this.#error(`a text "${key}"`, value);
    return value;
  }
  segmentation(key: string): Instance['segmentation'] {
    const value = this.get(key);
    if (Array.isArray(value)) return value.map((polygon) => this.#list(key, polygon));
    if (typeof value !== 'object' || value === null) throw this.#error(`polygons or run lengths "${key}"`, value);
    const run = new Fields(this.#file, this.#offset, value);
    const [height = NaN, width = NaN] = run.numbers('size', 2);
    return { size: [height, width], counts: run.numbers('counts') };
  }
  numbers(key: string, length?: number): number[] {
    const list = this.#list(key, this.get(key));
    if (length !== undefined && list.length !== length) throw this.#error(`${length} numbers "${key}"`, list);
    return list;
  }
  #list(key: string, value: Json | undefined): number[] {
    if (!Array.isArray(value)) throw this.#error(`a list of numbers "${key}"`, value);
    return value.map((entry) => {
      if (typeof entry !== 'number') throw this.#error(`a list of numbers "${key}"`, entry);
      return entry;
    });
  }
}

async function* items<A>(chunks: AsyncIterable<Uint8Array>, name: string, annotation: (fields: Fields) => A): AsyncGenerator<CocoItem | { readonly section: 'annotations'; readonly value: A }> {
  const seen = new Set<string>();
  for await (const { section, value, offset } of readJsonItems(chunks, name, ['images', 'annotations', 'categories'])) {
    seen.add(section);
    if (value === undefined) continue;
    const fields = new Fields(name, offset, value);
    if (section === 'images') {
      yield { section, value: { id: fields.integer('id'), width: fields.integer('width'), height: fields.integer('height'), fileName: fields.text('file_name') } };
    } else if (section === 'categories') {
      yield { section, value: { id: fields.integer('id'), name: fields.text('name'), supercategory: fields.text('supercategory') } };
    } else {
      yield { section: 'annotations', value: annotation(fields) };
    }
  }
  if (!seen.has('annotations')) throw new FormatError({ file: name, offset: 0, expected: 'a list "annotations"', found: 'none', fix: 'Use a COCO captions_*.json or instances_*.json file.' });
}

/** Images and captions in file order. Throws `FormatError`. */
export function readCaptions(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<CaptionItem> {
  return items(chunks, name, (fields): Caption => ({ id: fields.integer('id'), imageId: fields.integer('image_id'), caption: fields.text('caption') }));
}

/** Images, objects and categories in file order. Throws `FormatError`. */
export function readInstances(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<InstanceItem> {
  return items(chunks, name, (fields): Instance => {
    const [x = NaN, y = NaN, width = NaN, height = NaN] = fields.numbers('bbox', 4);
    return {
      id: fields.integer('id'), imageId: fields.integer('image_id'), categoryId: fields.integer('category_id'), bbox: [x, y, width, height],
      area: fields.number('area'), isCrowd: fields.integer('iscrowd') === 1, segmentation: fields.segmentation('segmentation'),
    };
  });
}

const imageJson = ({ id, width, height, fileName }: CocoImage): Json => ({ id, width, height, file_name: fileName });
const toBytes = (value: Json): Uint8Array => new Uint8Array(Buffer.from(JSON.stringify(value), 'utf8'));

/** A small captions file. */
export function writeCaptions({ images, captions }: { readonly images: readonly CocoImage[]; readonly captions: readonly Caption[] }): Uint8Array {
  return toBytes({ info: {}, licenses: [], images: images.map(imageJson), annotations: captions.map(({ id, imageId, caption }) => ({ id, image_id: imageId, caption })) });
}

/** A small instances file. */
export function writeInstances({ images, instances, categories }: {
  readonly images: readonly CocoImage[]; readonly instances: readonly Instance[]; readonly categories: readonly CocoCategory[];
}): Uint8Array {
  const shape = (value: Instance['segmentation']): Json => ('counts' in value ? { size: [...value.size], counts: [...value.counts] } : value.map((polygon) => [...polygon]));
  return toBytes({
    info: {}, licenses: [], images: images.map(imageJson),
    annotations: instances.map((item) => ({
      id: item.id, image_id: item.imageId, category_id: item.categoryId, bbox: [...item.bbox], area: item.area, iscrowd: item.isCrowd ? 1 : 0, segmentation: shape(item.segmentation),
    })),
    categories: categories.map(({ id, name, supercategory }) => ({ id, name, supercategory })),
  });
}
