import { rm } from 'node:fs/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { writeInstances } from '../../../main/formats/coco.ts';
import { openNsd } from '../../../main/nsd/dataset.ts';
import { boxInCrop, cropBoxOf } from '../../../main/nsd/objects.ts';
import { put, tinyNsd } from '../../support/tiny-nsd.ts';

const roots: string[] = [];
afterAll(async () => { for (const root of roots) await rm(root, { recursive: true, force: true }); });

describe('objects in NSD\'s crop', () => {
  it('move with the crop: the worked example of a landscape picture', () => {
    // 640 x 480, 80 pixels cut left and right: a 480-pixel square shown at 425.
    const crop = cropBoxOf('(0.0, 0.0, 0.125, 0.125)');
    expect(crop).toEqual({ top: 0, bottom: 0, left: 0.125, right: 0.125 });
    if (crop === null) throw new Error('no crop');
    const size = { width: 640, height: 480 };
    expect(boxInCrop([80, 0, 480, 480], size, crop, 425)).toEqual([0, 0, 425, 425]);
    expect(boxInCrop([320, 240, 48, 96], size, crop, 425)?.map((value) => Math.round(1000 * value) / 1000)).toEqual([212.5, 212.5, 42.5, 85]);
    expect(boxInCrop([0, 0, 128, 48], size, crop, 425)?.map((value) => Math.round(1000 * value) / 1000)).toEqual([0, 0, 42.5, 42.5]);
    expect(boxInCrop([10, 10, 60, 60], size, crop, 425)).toBeNull();
  });

  it.each(['', '(0, 0, 0.1)', '(0, 0, 0.6, 0.5)', '(0, -0.1, 0, 0)', 'x'])('a crop box %j is refused', (text) => { expect(cropBoxOf(text)).toBeNull(); });

  it('come from the instance file of the picture\'s split, in file order, crowds marked', async () => {
    const { root } = await tinyNsd();
    roots.push(root);
    const dataset = await openNsd(root);
    await expect(dataset.objects?.(Int32Array.of(2))).rejects.toMatchObject({ detail: { file: 'nsddata_stimuli/stimuli/nsd/annotations/instances_train2017.json', found: 'no such file' } });
    // Tiny pictures are 10 x 10 in COCO, cut by a tenth left and right, and 8 pixels wide when shown.
    await put(root, 'nsddata_stimuli/stimuli/nsd/annotations/instances_train2017.json', writeInstances({
      images: [2, 4].map((id) => ({ id: 900 + id, width: 10, height: 10, fileName: 'x.jpg' })), categories: [{ id: 18, name: 'dog', supercategory: 'animal' }],
      instances: [[902, 18, [1, 0, 4, 5], false], [902, 99, [5, 5, 4, 5], true], [902, 18, [0, 0, 0.5, 10], false], [904, 18, [1, 0, 8, 10], false]].map(([imageId, categoryId, bbox, isCrowd], id) => ({
        id, imageId: Number(imageId), categoryId: Number(categoryId), bbox: bbox as [number, number, number, number], area: 1, isCrowd: isCrowd === true, segmentation: [],
      })),
    }));
    const [two, four] = await dataset.objects?.(Int32Array.of(2, 4)) ?? [];
    expect(two).toEqual([
      { category: 'dog', supercategory: 'animal', box: [0, 0, 4, 4], isCrowd: false }, { category: 'category 99', supercategory: '', box: [4, 4, 4, 4], isCrowd: true },
    ]);
    expect(four).toEqual([{ category: 'dog', supercategory: 'animal', box: [0, 0, 8, 8], isCrowd: false }]);
  });
});
