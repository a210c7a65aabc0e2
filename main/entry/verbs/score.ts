import fs from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../../common/errors.ts';
import { whatHappened } from '../../../common/file-error.ts';
import type { F32 } from '../../../common/ndarray.ts';
import { f32, sizeOf } from '../../../common/ndarray.ts';
import { openNetworks } from '../../experiments/networks.ts';
import { packFolder } from '../../experiments/prepare.ts';
import { readNpy } from '../../formats/npy.ts';
import { readPng } from '../../formats/png.ts';
import { bootstrapMean } from '../../metrics/bootstrap.ts';
import type { Metric } from '../../metrics/table.ts';
import { METRICS, scoreImages, shuffledBaseline } from '../../metrics/table.ts';
import type { Verb } from './verb.ts';
import { required } from './verb.ts';

const USAGE = 'score --truth T --recon R [--pack PACK]';

export const SCORE: Verb = {
  usage: USAGE,
  does: 'all metrics for two image folders (PNG, paired by sorted name) or two .npy arrays [images, height, width, 3]',
  options: ['truth', 'recon', 'pack'],
  words: [0, 0],
  async run(context) {
    const truth = await readImages(path.resolve(required(context, 'truth', USAGE)));
    const recon = await readImages(path.resolve(required(context, 'recon', USAGE)));
    if (truth.shape.join() !== recon.shape.join()) {
      throw new UserError('bad-input', `truth is [${truth.shape.join(', ')}], recon is [${recon.shape.join(', ')}]`, { expected: 'as many images of the same size', found: `[${recon.shape.join(', ')}]`, fix: 'Resize or pair the pictures first.' });
    }
    const networks = await openNetworks(packFolder(context.models, context.options['pack'] ?? 'demo'));
    try {
      const embed = async (images: F32): Promise<F32> => (await networks.encodeImages({ dtype: 'uint8', shape: images.shape, data: Uint8Array.from(images.data, (value) => Math.round(255 * value)) })).embedding;
      const features = [await embed(truth), await embed(recon)] as const;
      const images = truth.shape[0] ?? 0;
      const results = (Object.values(METRICS) as readonly Metric[]).filter((metric) => images >= metric.leastImages && Math.min(truth.shape[1] ?? 0, truth.shape[2] ?? 0) >= metric.leastPixels).map((metric) => {
        const [a, b] = metric.needs === 'pixels' ? [truth, recon] : features;
        const perImage = [...scoreImages(metric, a, b)];
        return {
          name: metric.name, version: metric.version, title: metric.title, better: metric.better, mean: perImage.reduce((sum, value) => sum + value, 0) / images,
          interval: images < 2 ? null : bootstrapMean(perImage), shuffled: images < 2 ? null : shuffledBaseline(metric, a, b), perImage,
        };
      });
      context.out({ images, pack: networks.name, metrics: results },
        results.map(({ name, mean, shuffled }) => `${name.padEnd(24)} ${mean.toFixed(4)}${shuffled === null ? '' : `  shuffled ${shuffled.toFixed(4)}`}`).join('\n'));
    } finally { await networks.release(); }
  },
};

/** A folder of PNGs or one array as float32 `[images, height, width, 3]` in [0, 1]. */
async function readImages(from: string): Promise<F32> {
  const stat = await fs.stat(from).catch((error: unknown) => {
    throw new UserError('bad-input', `${from} cannot be read`, { file: from, expected: 'a folder of PNGs or a .npy file', found: whatHappened(error), fix: 'Check the path.' });
  });
  if (!stat.isDirectory()) {
    const array = readNpy(await fs.readFile(from), from);
    const [, , , channels] = array.shape;
    if (array.shape.length !== 4 || channels !== 3 || array.dtype === 'float16') throw new UserError('bad-input', `${from} is ${array.dtype}[${array.shape.join(', ')}]`, { file: from, expected: 'uint8 or float [images, height, width, 3]', found: `${array.dtype}[${array.shape.join(', ')}]`, fix: 'Convert it.' });
    const gain = array.dtype === 'uint8' ? 1 / 255 : 1;
    return f32(array.shape, Float32Array.from(array.data as ArrayLike<number>, (value) => value * gain));
  }
  const names = (await fs.readdir(from)).filter((name) => name.toLowerCase().endsWith('.png')).sort();
  if (names.length === 0) throw new UserError('bad-input', `${from} has no PNG files`, { file: from, expected: 'PNG files', found: 'none', fix: 'Choose the folder that holds them.' });
  const first = readPng(await fs.readFile(path.join(from, names[0] ?? '')), names[0] ?? '');
  const [height = 0, width = 0] = first.shape, size = sizeOf([height, width]);
  const data = new Float32Array(names.length * size * 3);
  for (const [index, name] of names.entries()) {
    const picture = readPng(await fs.readFile(path.join(from, name)), path.join(from, name));
    if (picture.shape[0] !== height || picture.shape[1] !== width) throw new UserError('bad-input', `${name} is ${picture.shape.slice(0, 2).join(' x ')}`, { file: path.join(from, name), expected: `${height} x ${width} as the first`, found: picture.shape.slice(0, 2).join(' x '), fix: 'Resize the pictures to one size.' });
    const channels = picture.shape[2] ?? 3;
    for (let p = 0; p < size; p++) for (let c = 0; c < 3; c++) data[(index * size + p) * 3 + c] = (picture.data[p * channels + Math.min(c, channels >= 3 ? 2 : 0)] ?? 0) / 255;
  }
  return f32([names.length, height, width, 3], data);
}
