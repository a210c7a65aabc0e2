import { describe, expect, it } from 'vitest';
import { readCaptions, readInstances, writeCaptions, writeInstances } from '../../../main/formats/coco.ts';
import { goldenBytes, goldenSection } from './golden.ts';

/** The file in chunks of a given size, so that every token is cut somewhere. */
async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = [];
  for await (const item of items) out.push(item);
  return out;
}

interface Golden { images: { id: number; width: number; height: number; file_name: string }[]; annotations: Record<string, unknown>[] }

describe('coco', () => {
  it.each([1, 2, 3, 7, 1000])('reads captions from chunks of %i bytes', async (size) => {
    const golden = goldenSection<Golden>('captions');
    for (const name of ['captions.json', 'captions-utf8.json']) {
      const items = await all(readCaptions(chunked(goldenBytes(name), size), name));
      expect(items.filter((item) => item.section === 'annotations').map((item) => item.value)).toEqual(golden.annotations.map((a) => ({ id: a['id'], imageId: a['image_id'], caption: a['caption'] })));
      expect(items.filter((item) => item.section === 'images').map((item) => item.value)).toEqual(golden.images.map((i) => ({ id: i.id, width: i.width, height: i.height, fileName: i.file_name })));
    }
  });

  it('reads polygons, run lengths and categories', async () => {
    const items = await all(readInstances(chunked(goldenBytes('instances.json'), 50), 'instances.json'));
    expect(items.filter((item) => item.section === 'annotations').map((item) => item.value)).toEqual([
      { id: 7, imageId: 9, categoryId: 18, bbox: [1.5, 2, 3.5, 4], area: 12.5, isCrowd: false, segmentation: [[1.5, 2, 3, 4.25, 5, 6]] },
      { id: 8, imageId: 25, categoryId: 1, bbox: [0, 0, 3, 4], area: 4, isCrowd: true, segmentation: { size: [3, 4], counts: [3, 4, 5] } },
    ]);
    expect(items.filter((item) => item.section === 'categories').map((item) => item.value)).toEqual([{ id: 1, name: 'person', supercategory: 'person' }, { id: 18, name: 'dog', supercategory: 'animal' }]);
  });

  it('reads back what it writes', async () => {
    const images = [{ id: 1, width: 2, height: 3, fileName: 'x.png' }];
    const captions = [{ id: 5, imageId: 1, caption: 'a "red" cube, \\ and é' }];
    const instance = { id: 7, imageId: 1, categoryId: 3, bbox: [0, 1, 2, 3] as const, area: 6, isCrowd: false, segmentation: [[0, 1, 2, 1, 2, 4]] };
    const categories = [{ id: 3, name: 'cube', supercategory: 'solid' }];
    expect(await all(readCaptions(chunked(writeCaptions({ images, captions }), 10), 'x'))).toEqual([{ section: 'images', value: images[0] }, { section: 'annotations', value: captions[0] }]);
    expect((await all(readInstances(chunked(writeInstances({ images, instances: [instance], categories }), 10), 'x'))).map((item) => item.value)).toEqual([images[0], instance, categories[0]]);
  });

  it.each([
    ['{"annotations": [{"id": 1, "image_id": 2}]}', 'a text "caption"'], ['{"annotations": [{"id": 1.5}]}', 'a whole number "id"'], ['{"annotations": [{]}', 'JSON'],
    ['{"annotations": [', 'the end of the file'], ['{"annotations": {}}', 'a list "annotations"'], ['{}', 'a list "annotations"'], ['{} x', 'the end of the file'],
    ['[]', 'a JSON object'], ['{"a" 1}', '":" after a key'], ['{"a": tru}', 'JSON'], [`{"a": ${'['.repeat(100)}`, 'nesting'], ['{"annotations": [1,]}', 'an object'],
  ])('refuses %s', async (text, message) => {
    await expect(all(readCaptions(chunked(Buffer.from(text), 4), 'x.json'))).rejects.toThrow(message);
  });
});
