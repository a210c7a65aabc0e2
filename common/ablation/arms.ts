/**
 * The two ablation tables of the study as lists of recipes. Arms differ in one thing each and share everything else, the noise of every image included, so
 * that a step which two arms have in common is computed once.
 */
import type { AtlasSummary } from '../dataset.ts';
import { UserError } from '../errors.ts';
import type { InputChoice, Recipe } from '../recipe.ts';
import { DECODED, decoderFor } from '../recipe.ts';

export type TableNumber = 1 | 2;

export interface TableOptions {
  /** What takes the place of c and of z where they are left out (`InputChoice`). */
  readonly withoutC: Exclude<InputChoice['c'], 'decoded' | 'true'>;
  readonly withoutZ: Exclude<InputChoice['z'], 'decoded' | 'true'>;
  /** A replaced c is adjusted by stage 2 as the method's own code does, or stays as it is. */
  readonly adjustReplacedC: boolean;
  /** Every cortex with every feature space left out. */
  readonly crossed: boolean;
}

export const DEFAULT_TABLE: TableOptions = { withoutC: 'unconditional', withoutZ: 'random', adjustReplacedC: false, crossed: false };

export interface Arm {
  /** `both/complete`, `lower/complete`, `both/no-c`, ..., `mean-image`, `true-features`. */
  readonly id: string;
  readonly title: string;
  /** What was replaced by what, in words. */
  readonly note: string;
  /** Shown for orientation; not compared. */
  readonly anchor: boolean;
  readonly recipe: Recipe;
}

export type Cortex = 'lower' | 'higher' | 'both';
export type Without = 'c' | 'z' | 'clip' | null;

/** Lower visual cortex: V1, V2, V3 with their dorsal and ventral parts. */
export const LOWER_REGION = /^V[123](v|d)?$/i;

const CORTEX: { readonly [C in Cortex]: { readonly title: string; readonly note: string } } = {
  lower: { title: 'LVC only', note: 'voxels of V1, V2, V3' },
  higher: { title: 'HVC only', note: 'voxels of every region after V3' },
  both: { title: 'LVC and HVC', note: 'voxels of every region' },
};

const C_WORDS: { readonly [S in TableOptions['withoutC']]: string } = {
  unconditional: 'c is the empty text: nothing is guided', random: 'c is standard normal noise, as published', mean: 'c is the mean of the training images',
};
const Z_WORDS: { readonly [S in TableOptions['withoutZ']]: string } = { random: 'z is drawn from the mean and SD of the training latents', mean: 'z is the mean of the training latents' };

const WITHOUT: { readonly [W in Exclude<Without, null>]: string } = { c: 'w/o c', z: 'w/o z', clip: 'w/o Z_CLIP' };

const LACKING: { readonly [C in Exclude<Cortex, 'both'>]: string } = { lower: 'no lower visual cortex (LVC): none of its regions is called V1, V2 or V3', higher: 'no higher visual cortex (HVC): it has no region besides V1, V2 and V3' };

/**
 * Region names of a part of the cortex; empty for `both`, which recipes understand as every region. Throws UserError where the atlas has none, or none with a
 * voxel.
 */
export function cortexRegions(cortex: Cortex, atlas: AtlasSummary): readonly string[] {
  if (cortex === 'both') return [];
  const found = atlas.regions.filter(({ name }) => LOWER_REGION.test(name) === (cortex === 'lower'));
  if (found.every(({ voxels }) => voxels === 0)) {
    throw new UserError('bad-input', `the atlas "${atlas.name}" has ${found.length === 0 ? LACKING[cortex] : `no voxel in ${found.map(({ name }) => name).join(', ')}`}`, {
      expected: 'regions called V1, V2 or V3, and others', found: atlas.regions.map(({ name, voxels }) => `${name} (${voxels} voxels)`).join(', ') || 'no regions',
      fix: 'Choose an atlas that tells V1 to V3 from the rest. A folder of arrays names the region of each voxel in dataset.json ("regions" and "regionNames").',
    });
  }
  return found.map(({ name }) => name);
}

function armOf(base: Recipe, cortex: Cortex, without: Without, atlas: AtlasSummary, options: TableOptions): Arm {
  const inputs: InputChoice = { ...DECODED, ...(without === 'c' ? { c: options.withoutC } : {}), ...(without === 'z' ? { z: options.withoutZ } : {}) };
  const refine = without === 'clip' ? { ...base.refine, enabled: false } : without === 'c' && !options.adjustReplacedC ? { ...base.refine, c: false, z: true } : base.refine;
  const title = [...(without === null || cortex !== 'both' ? [CORTEX[cortex].title] : []), ...(without === null ? [] : [WITHOUT[without]])].join(', ');
  const note = without === null ? CORTEX[cortex].note : without === 'clip' ? 'stage 1 alone' : without === 'z' ? Z_WORDS[options.withoutZ]
    : `${C_WORDS[options.withoutC]}${options.adjustReplacedC ? ', adjusted by stage 2 with z' : '; stage 2 adjusts z only'}`;
  return {
    id: `${cortex}/${without === null ? 'complete' : `no-${without}`}`, title: without === null && cortex === 'both' ? 'complete' : title, note, anchor: false,
    recipe: { ...base, name: `${base.name}: ${without === null && cortex === 'both' ? 'complete' : title}`, pipeline: 'diffusion', inputs, refine, data: { ...base.data, rois: cortexRegions(cortex, atlas) } },
  };
}

/** Id of the arm that the others are compared with. */
export const REFERENCE_ARM = 'both/complete';

/** The arms of a table, the reference last but for the anchors. `base` gives everything that the arms share; its refinement is switched on. */
export function armsOf(table: TableNumber, given: Recipe, atlas: AtlasSummary, options: TableOptions = DEFAULT_TABLE): readonly Arm[] {
  const base: Recipe = { ...given, pipeline: 'diffusion', decoder: given.pipeline === 'diffusion' ? given.decoder : decoderFor('diffusion'), refine: { ...given.refine, enabled: true }, inputs: DECODED };
  const cortices: readonly Cortex[] = table === 1 || options.crossed ? ['lower', 'higher', 'both'] : ['both'];
  const spaces: readonly Without[] = table === 2 || options.crossed ? ['c', 'z', 'clip', null] : [null];
  const compared = cortices.flatMap((cortex) => spaces.map((without) => armOf(base, cortex, without, atlas, options)));
  const truth: InputChoice = { z: 'true', c: 'true', clip: 'true' }, data = { ...base.data, rois: [] };
  return [...compared,
    { id: 'true-features', title: 'true features', note: 'the same generator fed with the images\' own z, c and Z_CLIP: the ceiling', anchor: true, recipe: { ...base, name: `${base.name}: true features`, inputs: truth, data } },
    { id: 'mean-image', title: 'mean image', note: 'the mean training picture, whatever was seen', anchor: true, recipe: { ...base, name: `${base.name}: mean image`, pipeline: 'mean-image', refine: { ...base.refine, enabled: false }, data } },
  ];
}
