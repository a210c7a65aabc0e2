/** The description of a model folder, from `pack.json` or from a plain export's own files. */
import { UserError } from '../../common/errors.ts';
import { describeExport } from './export-description.ts';
import { readFacts } from './facts.ts';
import { PREDICTIONS, resampleOf } from './pack-description.ts';
import type { PackDescription } from './pack-description.ts';
import { whatIsThere } from './pack-place.ts';

/** `pack.json` as written by `build/modelpack`. */
async function fromPackJson(dir: string): Promise<PackDescription> {
  const pack = await readFacts(dir, 'pack.json', 'the pack'), roles = pack.object('roles');
  const preprocessor = await readFacts(dir, 'preprocessor_config.json', 'imageEncoder');
  const text = roles.object('textEncoder'), image = roles.object('imageEncoder'), encoder = roles.object('vaeEncoder'), decoder = roles.object('vaeDecoder'), unet = roles.object('unet');
  return {
    name: pack.text('name'), version: pack.text('version'), licence: pack.text('licence'), synthetic: pack.flag('synthetic'), pixels: pack.object('image').count('pixels'),
    contextLength: pack.count('contextLength'), latentShape: pack.numbers('latentShape'), tokenizer: pack.text('tokenizer'), scheduler: pack.text('scheduler'),
    roles: {
      textEncoder: { file: text.text('file'), ids: text.object('inputs').text('ids'), states: text.object('outputs').text('states'), embedding: text.object('outputs').has('embedding') ? text.object('outputs').text('embedding') : null, width: text.count('width') },
      imageEncoder: {
        file: image.text('file'), input: image.object('inputs').text('pixels'), pixels: image.count('pixels'), mean: image.numbers('mean'), std: image.numbers('std'), resample: resampleOf(preprocessor),
        taps: image.texts('taps'), tapShape: image.has('tapShape') ? image.numbers('tapShape') : null, embedding: image.text('embedding'),
      },
      vaeEncoder: { file: encoder.text('file'), picture: encoder.object('inputs').text('picture'), parameters: encoder.object('outputs').text('parameters'), scalingFactor: encoder.number('scalingFactor') },
      vaeDecoder: { file: decoder.text('file'), latent: decoder.object('inputs').text('latent'), picture: decoder.object('outputs').text('picture'), scalingFactor: decoder.number('scalingFactor') },
      unet: {
        file: unet.text('file'), sample: unet.object('inputs').text('sample'), timestep: unet.object('inputs').text('timestep'), context: unet.object('inputs').text('context'),
        output: unet.object('outputs').text('noise'), prediction: unet.oneOf('prediction', PREDICTIONS),
      },
    },
    sha256: pack.has('sha256') ? pack.textTable('sha256') : {}, assumptions: [],
  };
}

/** The description of a pack folder. Throws `UserError` (`model-missing`) naming what is absent. `has` tells whether a file is in the folder. */
export async function describePack(dir: string, has: (file: string) => Promise<boolean>): Promise<PackDescription> {
  if (await has('pack.json')) return fromPackJson(dir);
  if (await has('model_index.json')) return describeExport(dir, has);
  throw new UserError('model-missing', `${dir} is not a model pack`, {
    file: dir, expected: 'a folder with pack.json, or a Hugging Face export with model_index.json', ...await whatIsThere(dir),
  });
}
