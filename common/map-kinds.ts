/** The kinds of voxel map, as a table: title, unit, sign and the one-line caveat that is always on screen. */
import type { MapKind } from './contract/payloads.ts';

export interface MapKindEntry {
  readonly title: string;
  readonly unit: string;
  readonly signed: boolean;
  readonly perImage: boolean;
  readonly perSpace: boolean;
  readonly caveat: string;
}

export const MAP_KINDS: { readonly [Kind in MapKind]: MapKindEntry } = {
  pattern: {
    title: 'Pattern', unit: 'signal per decoded SD', signed: false, perImage: false, perSpace: true,
    caveat: 'Where decodable content is expressed (Haufe et al. 2014, out-of-fold predictions); not proof that the region is needed.',
  },
  weight: {
    title: 'Weights', unit: 'norm', signed: false, perImage: false, perSpace: true,
    caveat: 'What the decoder reads. Weights are not localisation: correlated noise gets weight too.',
  },
  accuracy: {
    title: 'Accuracy-weighted weights', unit: 'norm', signed: false, perImage: false, perSpace: true,
    caveat: 'Weights of well decoded targets only; inherits the caveat of weights.',
  },
  contribution: {
    title: 'Contribution', unit: 'share of the decoded vector', signed: true, perImage: true, perSpace: true,
    caveat: 'Shares of this image sum to one over voxels; signed; inherits the caveat of weights.',
  },
  'noise-ceiling': {
    title: 'Noise ceiling', unit: '% of variance', signed: false, perImage: false, perSpace: false,
    caveat: 'The most that any model could explain of the averaged response.',
  },
  truth: {
    title: 'Planted sensitivity', unit: 'a.u.', signed: false, perImage: false, perSpace: true,
    caveat: 'Synthetic data: the sensitivity that the demo planted, to compare the maps with.',
  },
  'repeat-mean': {
    title: 'Mean response', unit: '% signal change', signed: true, perImage: false, perSpace: false,
    caveat: 'Mean over training images of the response before standardising.',
  },
};
