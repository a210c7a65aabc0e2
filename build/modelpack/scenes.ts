/**
 * Writes demo scenes for the training of the demo model pack: `node build/modelpack/scenes.ts OUT TRAIN HELD_OUT`.
 *
 * `OUT/<split>-images.npy` uint8 [n, 128, 128, 3]; `OUT/<split>-surfaces.npy` uint8 [n, 32, 32] (renderSurfaces);
 * `OUT/<split>-scenes.jsonl`, one `{captions, facts, scene}` a line. Streams are named `pack/...`, a name the demo dataset
 * never uses, so that no demo picture is a training picture.
 */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { random } from '../../common/random.ts';
import { captionsOf } from '../../main/demo/caption.ts';
import { renderScene, renderSurfaces } from '../../main/demo/render.ts';
import { sampleScene, sceneFacts } from '../../main/demo/scene.ts';

const SEED = 2026;
const PIXELS = 128;
const SURFACE_PIXELS = 32;

/** Header of a version 1.0 .npy file, padded to 64 bytes as the format asks. */
function npyHeader(shape: readonly number[]): Buffer {
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`;
  const padded = text.padEnd(Math.ceil((10 + text.length + 1) / 64) * 64 - 11) + '\n';
  const head = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length & 255, padded.length >> 8]);
  return Buffer.concat([head, Buffer.from(padded, 'latin1')]);
}

function writeSplit(folder: string, split: string, count: number): void {
  const images = openSync(join(folder, `${split}-images.npy`), 'w');
  const surfaces = openSync(join(folder, `${split}-surfaces.npy`), 'w');
  const lines = openSync(join(folder, `${split}-scenes.jsonl`), 'w');
  writeSync(images, npyHeader([count, PIXELS, PIXELS, 3]));
  writeSync(surfaces, npyHeader([count, SURFACE_PIXELS, SURFACE_PIXELS]));
  for (let i = 0; i < count; i++) {
    const source = random(SEED).fork(`pack/${split}/${i}`);
    const scene = sampleScene(source.fork('scene'));
    const captions = captionsOf(scene, source.fork('captions'));
    writeSync(images, renderScene(scene, PIXELS));
    writeSync(surfaces, renderSurfaces(scene, SURFACE_PIXELS));
    writeSync(lines, `${JSON.stringify({ captions, facts: sceneFacts(scene), scene })}\n`);
  }
  for (const file of [images, surfaces, lines]) closeSync(file);
}

const [folder, train, heldOut] = process.argv.slice(2);
if (folder === undefined || train === undefined || heldOut === undefined) {
  process.stderr.write('usage: node build/modelpack/scenes.ts OUT TRAIN HELD_OUT\n');
  process.exit(2);
}
mkdirSync(folder, { recursive: true });
writeSplit(folder, 'held-out', Number(heldOut));
writeSplit(folder, 'train', Number(train));
