/**
 * Planted sensitivity of each voxel to the content of each feature space: the truth that pattern maps are scored against.
 *
 * Independent of every decoder and network. The content of a space is a list of units u, numbers that each picture has:
 *   z     mean luminance, red-green and blue-yellow of the 8 x 8 blocks of the picture (192 units): layout;
 *   c     indicators of the facts that captions name (50 units): what, which colour, material, ground, light, size, place, distance;
 *   clip  both, each with half the weight: pictures' features of such networks hold layout and meaning.
 * With s the voxel's noiseless planted response to the subject's pictures, sensitivity = sqrt(signal variance / total
 * variance of one trial) * sqrt(mean over u of corr(s, u)^2). It lies in [0, 1]; 0 for a voxel that answers to nothing.
 */
import { CATEGORIES, COLOURS, DEPTHS, GROUNDS, LIGHTS, MATERIALS, PLACES, SIZES } from './scene.ts';
import type { SceneFacts } from './scene.ts';
import { CHANNEL_GRID, channelPlane, COLOUR_CHANNELS } from './receptive-field.ts';
import type { ChannelBank } from './receptive-field.ts';
import type { Planted } from './planted.ts';

export const SPACES = ['z', 'c', 'clip'] as const;
export type Space = (typeof SPACES)[number];

const BLOCKS = 8;

/** Mean 0 and length 1, in place; a constant column becomes zeros. */
function unit(values: Float32Array): Float32Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const length = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0));
  return values.map((value) => (length > 1e-6 ? (value - mean) / length : 0));
}

/** Units of layout: colour of the picture's blocks. */
export function layoutUnits(bank: ChannelBank): readonly Float32Array[] {
  const units: Float32Array[] = [], factor = CHANNEL_GRID / 2 / BLOCKS, side = CHANNEL_GRID / 2;
  for (let c = 0; c < COLOUR_CHANNELS; c++) {
    for (let block = 0; block < BLOCKS * BLOCKS; block++) {
      const sum = new Float32Array(bank.pictures), row = Math.floor(block / BLOCKS) * factor, column = (block % BLOCKS) * factor;
      for (let r = 0; r < factor; r++) {
        for (let k = 0; k < factor; k++) {
          const cell = channelPlane(bank, 1, c, (row + r) * side + column + k);
          for (let n = 0; n < sum.length; n++) sum[n] = (sum[n] ?? 0) + (cell[n] ?? 0);
        }
      }
      units.push(unit(sum));
    }
  }
  return units;
}

/** Units of meaning: which named facts hold. */
export function factUnits(facts: readonly SceneFacts[]): readonly Float32Array[] {
  const indicator = (levels: readonly string[], levelOf: (fact: SceneFacts) => number | undefined): Float32Array[] =>
    levels.map((_, level) => unit(Float32Array.from(facts, (fact) => (levelOf(fact) === level ? 1 : 0))));
  return [
    ...indicator(CATEGORIES, (fact) => fact.main.category), ...indicator(COLOURS, (fact) => fact.main.colourIndex),
    ...indicator(MATERIALS, (fact) => fact.main.material), ...indicator(GROUNDS, (fact) => fact.ground), ...indicator(LIGHTS, (fact) => fact.light),
    ...indicator(SIZES, (fact) => fact.main.sizeIndex), ...indicator(PLACES, (fact) => fact.main.place), ...indicator(DEPTHS, (fact) => fact.main.depthIndex),
    ...indicator(['two objects'], (fact) => (fact.second === undefined ? undefined : 0)),
    ...indicator(CATEGORIES, (fact) => fact.second?.category), ...indicator(COLOURS, (fact) => fact.second?.colourIndex),
  ];
}

/** Sensitivity `[voxels]` per space. */
export function sensitivities({ signal, snr }: Planted, bank: ChannelBank, facts: readonly SceneFacts[]): { readonly [S in Space]: Float32Array } {
  const voxels = snr.length, pictures = facts.length;
  const layout = layoutUnits(bank), named = factUnits(facts);
  const out = { z: new Float32Array(voxels), c: new Float32Array(voxels), clip: new Float32Array(voxels) };
  const meanSquare = (response: Float32Array, units: readonly Float32Array[]): number => {
    let total = 0;
    for (const values of units) {
      let dot = 0;
      for (let n = 0; n < pictures; n++) dot += (response[n] ?? 0) * (values[n] ?? 0);
      total += dot * dot;
    }
    // The response has variance 1, so its length is sqrt(pictures).
    return total / units.length / pictures;
  };
  for (let v = 0; v < voxels; v++) {
    const ratio = (snr[v] ?? 0) ** 2;
    if (ratio === 0) continue;
    const response = signal.subarray(v * pictures, (v + 1) * pictures), reliable = ratio / (1 + ratio);
    const z = meanSquare(response, layout), c = meanSquare(response, named);
    out.z[v] = Math.sqrt(reliable * z); out.c[v] = Math.sqrt(reliable * c); out.clip[v] = Math.sqrt((reliable * (z + c)) / 2);
  }
  return out;
}
