/**
 * What a model pack says about itself: `pack.json`, or, for a plain Hugging Face export without one, the same facts collected from the
 * files and graphs of the export (`export-description.ts`).
 */
import { UserError } from '../../common/errors.ts';
import type { Facts } from './facts.ts';

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
  /** What no file of an export says and is taken to be as Stable Diffusion v1 has it, in words. */
  readonly assumptions: readonly string[];
}

/** Pillow's numbers for resampling, as `preprocessor_config.json` uses them. */
const RESAMPLE = new Map<number, 'bilinear' | 'bicubic'>([[2, 'bilinear'], [3, 'bicubic']]);
export const PREDICTIONS = ['epsilon', 'v_prediction', 'sample'] as const;

export function resampleOf(preprocessor: Facts): 'bilinear' | 'bicubic' {
  const code = preprocessor.number('resample'), found = RESAMPLE.get(code);
  if (found === undefined) throw new UserError('model-missing', `${preprocessor.file}: resampling ${code} is not supported`, { file: preprocessor.file, expected: '2 (bilinear) or 3 (bicubic)', found: `${code}` });
  return found;
}
