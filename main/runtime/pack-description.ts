/**
 * What a model pack says about itself: `pack.json`, or, for a plain Hugging Face export without one, the same facts collected from the
 * configuration files that such exports carry (`model_index.json`, `unet/config.json`, `scheduler/scheduler_config.json`, ...).
 */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../common/errors.ts';

export const ROLES = ['textEncoder', 'imageEncoder', 'vaeEncoder', 'vaeDecoder', 'unet'] as const;
export type Role = (typeof ROLES)[number];

export interface TextEncoderRole {
  readonly file: string;
  readonly ids: string;
  /** Output with the last hidden states `[n, tokens, width]`. */
  readonly states: string;
  /** Output with the projected embedding, if the export has one. */
  readonly embedding: string | null;
  readonly width: number;
}

export interface ImageEncoderRole {
  readonly file: string;
  readonly input: string;
  /** Side of the square input. */
  readonly pixels: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly resample: 'bilinear' | 'bicubic';
  /** Inner tensors that make the Z_CLIP space, each `[n, tokens, width]`. */
  readonly taps: readonly string[];
  /** Tokens and width of a tap, if the pack says so. */
  readonly tapShape: readonly number[] | null;
  readonly embedding: string;
}

export interface VaeEncoderRole { readonly file: string; readonly picture: string; readonly parameters: string; readonly scalingFactor: number }
export interface VaeDecoderRole { readonly file: string; readonly latent: string; readonly picture: string; readonly scalingFactor: number }
export interface UnetRole {
  readonly file: string;
  readonly sample: string;
  readonly timestep: string;
  readonly context: string;
  readonly output: string;
  readonly prediction: 'epsilon' | 'v_prediction' | 'sample';
}

export interface RoleTable {
  readonly textEncoder: TextEncoderRole;
  readonly imageEncoder: ImageEncoderRole;
  readonly vaeEncoder: VaeEncoderRole;
  readonly vaeDecoder: VaeDecoderRole;
  readonly unet: UnetRole;
}

export interface PackDescription {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  /** True for networks trained on rendered scenes. */
  readonly synthetic: boolean;
  /** Side of the square pictures that the autoencoder reads and writes. */
  readonly pixels: number;
  /** Tokens of a text, start, end and padding included. */
  readonly contextLength: number;
  /** `[channels, height, width]` */
  readonly latentShape: readonly number[];
  /** Folder with vocab.json and merges.txt, relative to the pack. */
  readonly tokenizer: string;
  /** Relative path of the scheduler's configuration. */
  readonly scheduler: string;
  readonly roles: RoleTable;
  /** Relative path -> sha256 of the files, as the pack declares; empty if it does not. */
  readonly sha256: Readonly<Record<string, string>>;
}

/** A JSON object from a file, with reads that say what they miss. */
export class Facts {
  readonly file: string;
  readonly #value: Readonly<Record<string, unknown>>;
  readonly #path: string;

  constructor(value: unknown, file: string, at = '') {
    this.file = file;
    this.#path = at;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.#wrong(at === '' ? 'the file' : at, 'an object', value);
    this.#value = value as Readonly<Record<string, unknown>>;
  }

  #wrong(key: string, expected: string, found: unknown): UserError {
    const text = found === undefined ? 'nothing' : JSON.stringify(found).slice(0, 80);
    return new UserError('model-missing', `${this.file}: "${key}" should be ${expected}, found ${text}`, { file: this.file, expected: `"${key}": ${expected}`, found: text, fix: 'Correct the file, or take the pack from its source again.' });
  }

  has(key: string): boolean { return this.#value[key] !== undefined && this.#value[key] !== null; }
  text(key: string): string { const value = this.#value[key]; if (typeof value !== 'string' || value === '') throw this.#wrong(this.#path + key, 'a text', value); return value; }
  number(key: string): number { const value = this.#value[key]; if (typeof value !== 'number' || !Number.isFinite(value)) throw this.#wrong(this.#path + key, 'a number', value); return value; }
  count(key: string): number { const value = this.number(key); if (!Number.isInteger(value) || value < 1) throw this.#wrong(this.#path + key, 'a whole number above 0', value); return value; }
  flag(key: string): boolean { const value = this.#value[key]; if (typeof value !== 'boolean') throw this.#wrong(this.#path + key, 'true or false', value); return value; }
  object(key: string): Facts { return new Facts(this.#value[key], this.file, `${this.#path}${key}.`); }
  numbers(key: string): readonly number[] {
    const value = this.#value[key];
    if (!Array.isArray(value) || !value.every((item): item is number => typeof item === 'number' && Number.isFinite(item))) throw this.#wrong(this.#path + key, 'a list of numbers', value);
    return value;
  }
  texts(key: string): readonly string[] {
    const value = this.#value[key];
    if (!Array.isArray(value) || !value.every((item): item is string => typeof item === 'string')) throw this.#wrong(this.#path + key, 'a list of texts', value);
    return value;
  }
  textTable(key: string): Readonly<Record<string, string>> {
    const inner = this.object(key);
    return Object.fromEntries(Object.keys(inner.#value).map((name) => [name, inner.text(name)]));
  }
  oneOf<T extends string>(key: string, choices: readonly T[]): T {
    const value = this.text(key), found = choices.find((choice) => choice === value);
    if (found === undefined) throw this.#wrong(this.#path + key, `one of ${choices.join(', ')}`, value);
    return found;
  }
  /** Everything, for a reader that knows the fields. */
  get raw(): Readonly<Record<string, unknown>> { return this.#value; }
}

/** Reads a JSON file of a pack. A missing or broken file is `model-missing`. */
export async function readFacts(dir: string, file: string, role: string): Promise<Facts> {
  let text: string;
  try { text = await readFile(path.join(dir, file), 'utf8'); } catch (cause) {
    throw new UserError('model-missing', `the model pack has no ${file} (${role})`, {
      file: path.join(dir, file), expected: `${file} for ${role}`, found: cause instanceof Error && 'code' in cause ? String(cause.code) : 'no file', fix: 'Add the file, or choose another pack; `optogram models check` lists what is missing.',
    });
  }
  try { return new Facts(JSON.parse(text), path.join(dir, file)); } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError('model-missing', `${path.join(dir, file)} is not valid JSON`, { file: path.join(dir, file), expected: 'JSON', found: cause instanceof Error ? cause.message : 'other text', fix: 'Take the file from its source again.' });
  }
}

/** Pillow's numbers for resampling, as `preprocessor_config.json` uses them. */
const RESAMPLE = new Map<number, 'bilinear' | 'bicubic'>([[2, 'bilinear'], [3, 'bicubic']]);
const PREDICTIONS = ['epsilon', 'v_prediction', 'sample'] as const;

function resampleOf(preprocessor: Facts): 'bilinear' | 'bicubic' {
  const code = preprocessor.number('resample'), found = RESAMPLE.get(code);
  if (found === undefined) throw new UserError('model-missing', `${preprocessor.file}: resampling ${code} is not supported`, { file: preprocessor.file, expected: '2 (bilinear) or 3 (bicubic)', found: `${code}` });
  return found;
}

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
    sha256: pack.has('sha256') ? pack.textTable('sha256') : {},
  };
}

/**
 * A Hugging Face export: names of files and tensors as diffusers and optimum write them. Taps are left empty here: they depend on how
 * the exporter named the inner tensors and are found in the graph when the pack is opened.
 */
async function fromHuggingFace(dir: string): Promise<PackDescription> {
  const [unet, vae, text, scheduler, preprocessor] = await Promise.all([
    readFacts(dir, 'unet/config.json', 'unet'), readFacts(dir, 'vae_decoder/config.json', 'vaeDecoder'), readFacts(dir, 'text_encoder/config.json', 'textEncoder'),
    readFacts(dir, 'scheduler/scheduler_config.json', 'the scheduler'), readFacts(dir, 'preprocessor_config.json', 'imageEncoder'),
  ]);
  const side = unet.count('sample_size'), pixels = vae.has('sample_size') ? vae.count('sample_size') : side * 8, crop = preprocessor.object('crop_size');
  // Stable Diffusion v1 exports made before the field existed mean 0.18215 (diffusers, AutoencoderKL).
  const scalingFactor = vae.has('scaling_factor') ? vae.number('scaling_factor') : 0.18215;
  return {
    name: path.basename(path.resolve(dir)), version: 'unversioned', licence: 'as its source says', synthetic: false, pixels,
    contextLength: text.count('max_position_embeddings'), latentShape: [unet.count('in_channels'), side, side], tokenizer: 'tokenizer', scheduler: 'scheduler/scheduler_config.json',
    roles: {
      textEncoder: { file: 'text_encoder/model.onnx', ids: 'input_ids', states: 'last_hidden_state', embedding: null, width: text.count('hidden_size') },
      imageEncoder: {
        file: 'image_encoder/model.onnx', input: 'pixel_values', pixels: crop.count('height'), mean: preprocessor.numbers('image_mean'), std: preprocessor.numbers('image_std'),
        resample: resampleOf(preprocessor), taps: [], tapShape: null, embedding: 'image_embeds',
      },
      vaeEncoder: { file: 'vae_encoder/model.onnx', picture: 'sample', parameters: 'latent_parameters', scalingFactor },
      vaeDecoder: { file: 'vae_decoder/model.onnx', latent: 'latent_sample', picture: 'sample', scalingFactor },
      unet: {
        file: 'unet/model.onnx', sample: 'sample', timestep: 'timestep', context: 'encoder_hidden_states', output: 'out_sample',
        prediction: scheduler.has('prediction_type') ? scheduler.oneOf('prediction_type', PREDICTIONS) : 'epsilon',
      },
    },
    sha256: {},
  };
}

/** The description of a pack folder. Throws `UserError` (`model-missing`) naming what is absent. `has` tells whether a file is in the folder. */
export async function describePack(dir: string, has: (file: string) => Promise<boolean>): Promise<PackDescription> {
  if (await has('pack.json')) return fromPackJson(dir);
  if (await has('model_index.json')) return fromHuggingFace(dir);
  throw new UserError('model-missing', `${dir} is not a model pack`, {
    file: dir, expected: 'pack.json, or a Hugging Face export with model_index.json', found: await stat(dir).then(() => 'neither', () => 'no such folder'), fix: 'Choose the folder that holds unet/, vae_encoder/, vae_decoder/, text_encoder/, image_encoder/ and tokenizer/.',
  });
}
