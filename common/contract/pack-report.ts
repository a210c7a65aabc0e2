/** What is known of a model pack before a network is opened: what it provides, what it will take, where it will run. */
import type { ErrorReport } from '../errors.ts';

export interface NetworkMemory {
  readonly role: string;
  readonly weightBytes: number;
  /** True if the weights are mapped from their file, which the system may take back, instead of copied. */
  readonly mapped: boolean;
  /** What the runtime makes of graph and weights: its objects, folded constants, weights in other layouts. */
  readonly copyBytes: number;
  /** Most bytes of values at once in the batches that runs use; null where a graph does not say its shapes. */
  readonly valueBytes: number | null;
}

export interface PackMemory {
  /** Networks of stage 1 and of the features. */
  readonly networks: readonly NetworkMemory[];
  /** Networks with their gradients, which stage 2 opens beside the others; empty without stage 2. */
  readonly gradients: readonly NetworkMemory[];
  /** Of both, estimated: weights, copies, values and the process itself. */
  readonly needBytes: number;
  /** What this computer could give now. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export interface ProviderChoice {
  readonly used: string;
  /** In the order of preference; `reason` says why one is not used. */
  readonly tried: readonly { readonly provider: string; readonly works: boolean; readonly reason: string }[];
}

/** What a pack's files say about it. */
export interface PackFacts {
  readonly version: string;
  readonly licence: string;
  /** True for networks trained on rendered scenes. */
  readonly synthetic: boolean;
  /** Side of the square pictures that its autoencoder writes. */
  readonly pixels: number;
  /** `[channels, height, width]` */
  readonly latentShape: readonly number[];
  /** Most tokens of a text, start and end included. */
  readonly contextLength: number;
  /** Id of the tokenizer's end-of-text token. */
  readonly endToken: number;
  /** Layers of the image encoder that make Z_CLIP, and the side of the pictures it looks at. */
  readonly taps: number;
  readonly clipPixels: number;
  /** Class of the scheduler's configuration, as the file has it; null if it does not say. */
  readonly scheduler: string | null;
  readonly prediction: string;
}

export interface PackReport {
  readonly name: string;
  readonly folder: string;
  readonly ok: boolean;
  readonly roles: readonly { readonly role: string; readonly file: string; readonly ok: boolean; readonly inputs: readonly string[]; readonly outputs: readonly string[]; readonly weightBytes?: number; readonly weightTypes?: readonly string[]; readonly problem?: ErrorReport }[];
  readonly weightBytes: number;
  /** What no file of the pack says and is taken to be Stable Diffusion v1's. */
  readonly assumptions: readonly string[];
  /** Null where the pack is not whole. */
  readonly facts: PackFacts | null;
  /** Null where the pack is not whole. */
  readonly memory: PackMemory | null;
  readonly provider: ProviderChoice;
}
