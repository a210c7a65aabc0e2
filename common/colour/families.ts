/** Fixed colours of things that mean the same everywhere in the app (Okabe and Ito 2008; families as in the interface reference). */
import type { SpaceName } from '../recipe.ts';

export interface Family {
  /** How the space is called in the window. */
  readonly title: string;
  readonly short: string;
  readonly detail: string;
  readonly colour: string;
}

export const FAMILIES: { readonly [Space in SpaceName]: Family } = {
  c: { title: 'Semantic', short: 'c', detail: 'Text-encoder states of the captions: what is in the picture.', colour: '#CC79A7' },
  clip: { title: 'Structural', short: 'Z_CLIP', detail: 'Layers of the CLIP image encoder: how the picture is composed.', colour: '#3E8FC9' },
  z: { title: 'Detail', short: 'z', detail: 'First-stage latent of the autoencoder: layout, colour and texture.', colour: '#E69F00' },
  pixels: { title: 'Pixels', short: 'px', detail: 'The picture itself, decoded without a generative model.', colour: '#2FA37C' },
};

/** Okabe-Ito order without black, for pins and categories. */
export const CATEGORY_COLOURS = ['#56B4E9', '#E69F00', '#2FA37C', '#F0E442', '#3E8FC9', '#D55E00', '#CC79A7', '#A9B0BB'] as const;
