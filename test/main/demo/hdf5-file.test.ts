import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pictureFile, writeBetas } from '../../../main/demo/hdf5-file.ts';
import { openHdf5 } from '../../../main/formats/hdf5.ts';

const TRIALS = 6;
const value = (voxel: number, trial: number): number => ((voxel * 31 + trial * 7) % 60000) - 30000;

describe('the demo\'s HDF5 files, read by the HDF5 library', () => {
  let folder = '';
  beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'optogram-hdf5-')); });
  afterAll(async () => { await rm(folder, { recursive: true, force: true }); });

  // One node, two levels and three levels of the chunk index (64 entries a node).
  for (const [what, grid, step] of [['one chunk', [2, 3, 2], 100], ['one node', [3, 4, 3], 2], ['two levels', [9, 8, 7], 2], ['three levels', [20, 19, 18], 1]] as const) {
    it(`hold betas where they were written and zeros elsewhere: ${what}`, async () => {
      const [I, J, K] = grid, all = I * J * K, voxels = Int32Array.from({ length: Math.ceil(all / step) }, (_, v) => v * step);
      const values = new Int16Array(voxels.length * TRIALS);
      voxels.forEach((voxel, v) => { for (let t = 0; t < TRIALS; t++) values[v * TRIALS + t] = value(voxel, t); });
      const path = join(folder, `${what}.hdf5`);
      await writeBetas(path, grid, TRIALS, voxels, values);
      const file = await openHdf5(path);
      try {
        const read = file.read('betas');
        expect(read.shape).toEqual([TRIALS, K, J, I]);
        expect(read.dtype).toBe('int16');
        const written = new Set(voxels);
        for (let t = 0; t < TRIALS; t++) for (let voxel = 0; voxel < all; voxel++) {
          if (read.data[t * all + voxel] !== (written.has(voxel) ? value(voxel, t) : 0)) throw new Error(`trial ${t} voxel ${voxel}: ${read.data[t * all + voxel]}`);
        }
      } finally { file.close(); }
    });
  }

  it('hold pictures as one block', async () => {
    const path = join(folder, 'pictures.hdf5'), pictures = [0, 1, 2].map((n) => Uint8Array.from({ length: 4 * 4 * 3 }, (_, i) => (n * 50 + i) % 256));
    const file = await pictureFile(path, 3, 4);
    for (const picture of pictures) await file.add(picture);
    await file.close();
    const opened = await openHdf5(path);
    try {
      const read = opened.read('imgBrick');
      expect(read.shape).toEqual([3, 4, 4, 3]);
      expect(Array.from(read.data as Uint8Array)).toEqual(pictures.flatMap((picture) => [...picture]));
    } finally { opened.close(); }
  });
});
