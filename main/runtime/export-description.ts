/**
 * The description of a plain Hugging Face export, from its configuration files where they are there and from its graphs where they are not.
 *
 * Read are: diffusers' conversion script (half precision, `weights.pb`, no config.json beside the networks, the encoder's latent sampled inside the
 * graph), optimum's exporter (one `model.onnx_data` per network, CLIP as one model of text and pictures), and folders made by hand with the same names.
 * What no file says is a stated assumption, never a silent one.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../common/errors.ts';
import { feedsOf } from '../onnx/graph.ts';
import type { Graph, Initializer } from '../onnx/graph.ts';
import { readModel } from '../onnx/protobuf/read.ts';
import { readFacts } from './facts.ts';
import type { Facts } from './facts.ts';
import { PREDICTIONS, resampleOf } from './pack-description.ts';
import type { PackDescription, Role } from './pack-description.ts';

type Has = (file: string) => Promise<boolean>;

const FILES: { readonly [R in Role]: string } = {
  textEncoder: 'text_encoder/model.onnx', imageEncoder: 'image_encoder/model.onnx', vaeEncoder: 'vae_encoder/model.onnx', vaeDecoder: 'vae_decoder/model.onnx', unet: 'unet/model.onnx',
};
/** Stable Diffusion v1's, where neither a configuration nor a graph says otherwise. */
const SDV1 = { side: 64, scalingFactor: 0.18215, tokens: 77 } as const;
/** Where the settings of CLIP's preprocessing lie, nearest to the network first. */
const PREPROCESSORS = ['image_encoder/preprocessor_config.json', 'preprocessor_config.json', 'feature_extractor/preprocessor_config.json'];

interface Found { readonly graph: Graph; readonly file: string }

function lacks({ graph, file }: Found, what: string, names: readonly string[], found: readonly string[]): UserError {
  return new UserError('model-missing', `${file}: no ${what} of ${graph.name} is called ${names.join(' or ')}`, { file, expected: `${what} ${names.join(' or ')}`, found: found.join(', '), fix: 'Export the network with the names that diffusers or optimum give it.' });
}

/** The first of the names that is an input. */
function inputOf(found: Found, ...names: readonly string[]): string {
  const given = feedsOf(found.graph).map((input) => input.name), name = names.find((each) => given.includes(each));
  if (name === undefined) throw lacks(found, 'input', names, given);
  return name;
}

function outputOf(found: Found, ...names: readonly string[]): string {
  const given = found.graph.outputs.map((output) => output.name), name = names.find((each) => given.includes(each));
  if (name === undefined) throw lacks(found, 'output', names, given);
  return name;
}

/** A weight by the end of its name: exporters put the module's path before it. */
const weightOf = (graph: Graph, end: string): Initializer | undefined => graph.initializers.find(({ name }) => name === end || name.endsWith(`.${end}`));

/** Mean and log variance: an output, or, where the export samples the latent itself, the tensor that it samples from. */
function parametersOf(found: Found): string {
  const { graph } = found, names = graph.outputs.map((output) => output.name);
  if (names.includes('latent_parameters')) return 'latent_parameters';
  const weight = graph.initializers.find(({ name }) => /(^|\.)quant_conv\.weight$/.test(name) && !/post_quant_conv/.test(name));
  const node = graph.nodes.find((each) => each.op === 'Conv' && weight !== undefined && each.inputs[1] === weight.name), made = node?.outputs[0];
  if (made === undefined) throw lacks(found, 'output', ['latent_parameters'], names);
  return made;
}

async function optional(dir: string, file: string, has: Has, role: string): Promise<Facts | null> {
  return await has(file) ? readFacts(dir, file, role) : null;
}

/** Throws `UserError` (`model-missing`) for the first file or name that is absent. */
export async function describeExport(dir: string, has: Has): Promise<PackDescription> {
  const assumptions: string[] = [];
  const load = async (role: Role): Promise<Found> => {
    const file = path.join(dir, FILES[role]);
    if (!(await has(FILES[role]))) throw new UserError('model-missing', `${role}: expected a model at ${FILES[role]}, found no such file (${file})`, { file, expected: `a model at ${FILES[role]}`, found: 'no such file', fix: 'Export that network into the folder, or choose another pack.' });
    return { file, graph: readModel(await readFile(file), file) };
  };
  const assume = <T>(value: T | null | undefined, fallback: T, what: string): T => {
    if (value !== null && value !== undefined) return value;
    assumptions.push(`${what}: ${String(fallback)}, as Stable Diffusion v1 has it; no file says`);
    return fallback;
  };
  // 1. What the configuration files say.
  const preprocessorFile = (await Promise.all(PREPROCESSORS.map(async (file) => (await has(file) ? file : null)))).find((file) => file !== null) ?? 'preprocessor_config.json';
  const [unetFacts, vaeFacts, textFacts, scheduler, preprocessor] = await Promise.all([
    optional(dir, 'unet/config.json', has, 'unet'), optional(dir, 'vae_decoder/config.json', has, 'vaeDecoder'), optional(dir, 'text_encoder/config.json', has, 'textEncoder'),
    readFacts(dir, 'scheduler/scheduler_config.json', 'the scheduler'), readFacts(dir, preprocessorFile, 'imageEncoder'),
  ]);
  // 2. What the graphs say.
  const text = await load('textEncoder'), image = await load('imageEncoder'), encoder = await load('vaeEncoder'), decoder = await load('vaeDecoder'), unet = await load('unet');
  const sample = inputOf(unet, 'sample'), channels = weightOf(unet.graph, 'conv_in.weight')?.shape[1] ?? unetFacts?.count('in_channels');
  const declared = feedsOf(unet.graph).find((input) => input.name === sample)?.shape?.[2];
  const side = assume(unetFacts?.has('sample_size') === true ? unetFacts.count('sample_size') : typeof declared === 'number' ? declared : null, SDV1.side, 'places on a side of the latent');
  // Each enlargement of the decoder doubles the side.
  const factor = 2 ** decoder.graph.nodes.filter((node) => node.op === 'Resize' || node.op === 'Upsample').length;
  const states = outputOf(text, 'last_hidden_state'), table = weightOf(text.graph, 'token_embedding.weight'), places = weightOf(text.graph, 'position_embedding.weight');
  const width = textFacts?.count('hidden_size') ?? table?.shape[1];
  if (channels === undefined || width === undefined) throw lacks(channels === undefined ? unet : text, 'weight', [channels === undefined ? 'conv_in.weight' : 'token_embedding.weight'], ['other names']);
  const crop = preprocessor.object('crop_size');
  return {
    name: path.basename(path.resolve(dir)), version: 'unversioned', licence: 'as its source says', synthetic: false, pixels: side * factor,
    contextLength: assume(textFacts?.count('max_position_embeddings') ?? places?.shape[0], SDV1.tokens, 'tokens of a text'), latentShape: [channels, side, side], tokenizer: 'tokenizer', scheduler: 'scheduler/scheduler_config.json',
    roles: {
      textEncoder: { file: FILES.textEncoder, ids: inputOf(text, 'input_ids'), states, embedding: text.graph.outputs.some((output) => output.name === 'text_embeds') ? 'text_embeds' : null, width },
      imageEncoder: {
        file: FILES.imageEncoder, input: inputOf(image, 'pixel_values'), pixels: crop.count('height'), mean: preprocessor.numbers('image_mean'), std: preprocessor.numbers('image_std'),
        resample: resampleOf(preprocessor), taps: [], tapShape: null, embedding: outputOf(image, 'image_embeds'),
      },
      vaeEncoder: { file: FILES.vaeEncoder, picture: inputOf(encoder, 'sample'), parameters: parametersOf(encoder), scalingFactor: scaling() },
      vaeDecoder: { file: FILES.vaeDecoder, latent: inputOf(decoder, 'latent_sample', 'latent'), picture: outputOf(decoder, 'sample'), scalingFactor: scaling() },
      unet: {
        file: FILES.unet, sample, timestep: inputOf(unet, 'timestep'), context: inputOf(unet, 'encoder_hidden_states'), output: outputOf(unet, 'out_sample', 'noise_pred'),
        prediction: scheduler.has('prediction_type') ? scheduler.oneOf('prediction_type', PREDICTIONS) : 'epsilon',
      },
    },
    sha256: {}, assumptions: [...new Set(assumptions)],
  };

  function scaling(): number {
    return assume(vaeFacts?.has('scaling_factor') === true ? vaeFacts.number('scaling_factor') : null, SDV1.scalingFactor, 'scaling factor of the latent');
  }
}
