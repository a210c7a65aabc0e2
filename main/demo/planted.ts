/**
 * The planted model: what every voxel of the visual areas answers to every picture, without noise, and how well it says so.
 *
 * A voxel's response is a sum over *families* of content. Each family's part is a fixed random combination of that
 * family's properties, scaled to unit variance over the subject's pictures and multiplied by the square root of the
 * voxel's share for it. Shares depend on the area (`PROFILES`); families are listed in `FAMILIES`. The whole is scaled to
 * unit variance, so that `snr` (signal SD / noise SD, NSD's ncsnr) alone says how reliable the voxel is.
 */
import type { Random } from '../../common/random.ts';
import { KASTNER, VISUAL_LABELS } from './areas.ts';
import type { Area } from './areas.ts';
import { CHANNELS, COLOUR_CHANNELS, FIELD_DEGREES, fieldWeights, pool } from './receptive-field.ts';
import type { ChannelBank, FieldWeights } from './receptive-field.ts';
import { CATEGORIES, COLOURS, GROUNDS, LIGHTS, MATERIALS } from './scene.ts';
import type { ObjectFacts, SceneFacts } from './scene.ts';

/** What a voxel may answer to. The first two are local (what is at its receptive field), the others are facts of the scene. */
export const FAMILIES = ['colour here', 'contrast here', 'category', 'object colour', 'material', 'ground', 'light', 'position', 'size', 'count'] as const;
export type Family = (typeof FAMILIES)[number];

type Profile = { readonly [F in Family]?: number };

const EARLY: Profile = { 'colour here': 0.6, 'contrast here': 0.4 };
const PROFILES: { readonly [A in Area]?: Profile } = {
  V1v: EARLY, V1d: EARLY, V2v: EARLY, V2d: EARLY, V3v: EARLY, V3d: EARLY,
  hV4: { 'colour here': 0.1, category: 0.4, 'object colour': 0.5 },
  LO1: { 'contrast here': 0.15, category: 0.5, 'object colour': 0.2, size: 0.15 },
  LO2: { category: 0.65, 'object colour': 0.15, material: 0.1, size: 0.1 },
  VO1: { category: 0.4, 'object colour': 0.4, material: 0.2 },
  VO2: { category: 0.45, 'object colour': 0.3, material: 0.25 },
  PHC1: { category: 0.5, material: 0.2, count: 0.3 },
  PHC2: { category: 0.5, material: 0.1, count: 0.4 },
  V3A: { 'contrast here': 0.5, position: 0.3, size: 0.2 },
  V3B: { 'contrast here': 0.4, position: 0.3, category: 0.3 },
  TO1: { 'contrast here': 0.15, position: 0.45, size: 0.4 },
  TO2: { position: 0.5, size: 0.4, count: 0.1 },
  IPS0: { position: 0.45, size: 0.25, count: 0.2, category: 0.1 },
  IPS1: { position: 0.5, size: 0.25, count: 0.25 },
  IPS2: { position: 0.5, size: 0.25, count: 0.25 },
  IPS3: { position: 0.5, size: 0.25, count: 0.25 },
  IPS4: { position: 0.5, size: 0.25, count: 0.25 },
  IPS5: { position: 0.5, size: 0.25, count: 0.25 },
};

/** Median signal SD over noise SD of one trial, per area; IPS and MST less than the early ones, as in NSD. */
const RELIABILITY: { readonly [A in Area]?: number } = {
  V1v: 0.45, V1d: 0.45, V2v: 0.43, V2d: 0.43, V3v: 0.41, V3d: 0.41, hV4: 0.54, LO1: 0.5, LO2: 0.5, VO1: 0.46, VO2: 0.44, PHC1: 0.3, PHC2: 0.3,
  V3A: 0.44, V3B: 0.44, TO1: 0.4, TO2: 0.36, IPS0: 0.38, IPS1: 0.34, IPS2: 0.32, IPS3: 0.3, IPS4: 0.28, IPS5: 0.28,
};
/** Share of voxels that answer to nothing, and the spread (log SD) of reliability among the others. */
const SILENT_SHARE = 0.12;
const SPREAD = 0.45;
const HIGHEST_SNR = 1.4;
/** A field that sees less of the picture than this has nothing to say. */
const LEAST_SEEN = 0.03;
/** Weight of the second object in categories, colours and materials. */
const SECOND = 0.6;

/** Rows of facts: one column per property, standardised over the pictures. */
interface Properties {
  readonly columns: readonly Float32Array[];
}

function standardise(values: Float32Array): Float32Array {
  let mean = 0, square = 0;
  for (const value of values) mean += value;
  mean /= values.length;
  for (const value of values) square += (value - mean) ** 2;
  const size = Math.sqrt(square / values.length);
  for (let i = 0; i < values.length; i++) values[i] = size > 1e-9 ? ((values[i] ?? 0) - mean) / size : 0;
  return values;
}

function columns(facts: readonly SceneFacts[], count: number, fill: (fact: SceneFacts, add: (column: number, value: number) => void) => void): Properties {
  const made = Array.from({ length: count }, () => new Float32Array(facts.length));
  facts.forEach((fact, n) => { fill(fact, (column, value) => { const target = made[column]; if (target !== undefined) target[n] = (target[n] ?? 0) + value; }); });
  return { columns: made };
}

/** Indicator columns of one property of the objects; `gain` says how much each object counts. */
function objectColumns(facts: readonly SceneFacts[], levels: number, levelOf: (object: ObjectFacts) => number, gain: (object: ObjectFacts) => number): Properties {
  return columns(facts, levels, (fact, add) => {
    add(levelOf(fact.main), gain(fact.main));
    if (fact.second !== undefined) add(levelOf(fact.second), SECOND * gain(fact.second));
  });
}

const SCENE_PROPERTIES: { readonly [F in Family]?: (facts: readonly SceneFacts[]) => Properties } = {
  ground: (facts) => columns(facts, GROUNDS.length, (fact, add) => { add(fact.ground, 1); }),
  light: (facts) => columns(facts, LIGHTS.length, (fact, add) => { add(fact.light, 1); }),
  position: (facts) => columns(facts, 4, (fact, add) => {
    const [x, y] = fact.main.centre;
    add(0, x); add(1, y); add(2, Math.abs(x - 0.5));
    add(3, fact.second === undefined ? x : (x + SECOND * fact.second.centre[0]) / (1 + SECOND));
  }),
  size: (facts) => columns(facts, 3, (fact, add) => {
    const { box, depth, size } = fact.main;
    add(0, Math.sqrt(Math.max(0, (box.right - box.left) * (box.bottom - box.top)))); add(1, size); add(2, depth);
  }),
  count: (facts) => columns(facts, 1, (fact, add) => { add(0, fact.second === undefined ? 0 : 1); }),
};

const OBJECT_PROPERTIES: { readonly [F in Family]?: { readonly levels: number; readonly levelOf: (object: ObjectFacts) => number } } = {
  category: { levels: CATEGORIES.length, levelOf: (object) => object.category },
  'object colour': { levels: COLOURS.length, levelOf: (object) => object.colourIndex },
  material: { levels: MATERIALS.length, levelOf: (object) => object.material },
};

const NAMES: { readonly [F in Family]: readonly string[] } = {
  'colour here': CHANNELS.slice(0, COLOUR_CHANNELS), 'contrast here': CHANNELS.slice(COLOUR_CHANNELS),
  category: CATEGORIES, 'object colour': COLOURS, material: MATERIALS, ground: GROUNDS, light: LIGHTS,
  position: ['x', 'y', 'off centre', 'x of all'], size: ['picture size', 'scale', 'distance'], count: ['two objects'],
};
/** Names of the property columns, family by family, in the order of the tuning weights. */
export const PROPERTY_NAMES: readonly string[] = FAMILIES.flatMap((family) => NAMES[family].map((name) => `${family}: ${name}`));

export interface PlantedInput {
  /** Own area label of each voxel, 1..25. */
  readonly labels: Uint8Array;
  /** Receptive fields per voxel, degrees. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly size: Float32Array;
  readonly channels: ChannelBank;
  readonly facts: readonly SceneFacts[];
}

export interface Planted {
  /** Noiseless responses `[voxels, pictures]`, mean 0 and variance 1 per voxel; all 0 for a silent voxel. */
  readonly signal: Float32Array;
  /** Signal SD over noise SD of one trial `[voxels]`; 0 = silent. */
  readonly snr: Float32Array;
  /** Share of the noiseless variance given to each family `[voxels, families]`; rows sum to 1, or 0 for a silent voxel. */
  readonly shares: Float32Array;
  /** Weight of each property (standardised as pooled), `[voxels, properties]`, in units of the response's SD. */
  readonly weights: Float32Array;
}

/** Plants responses. A pure function of the input and the stream. */
export function plant(input: PlantedInput, source: Random): Planted {
  const voxels = input.labels.length, pictures = input.facts.length;
  const planted: Planted = {
    signal: new Float32Array(voxels * pictures), snr: new Float32Array(voxels),
    shares: new Float32Array(voxels * FAMILIES.length), weights: new Float32Array(voxels * PROPERTY_NAMES.length),
  };
  // 1. Facts that do not depend on the place are the same columns for all voxels.
  const global = new Map<Family, Properties>();
  for (const family of FAMILIES) {
    const made = SCENE_PROPERTIES[family]?.(input.facts);
    if (made !== undefined) { made.columns.forEach(standardise); global.set(family, made); }
  }
  for (let v = 0; v < voxels; v++) {
    const label = input.labels[v] ?? 0, area = KASTNER[label - 1], own = source.fork(`voxel/${v}`);
    const profile = area === undefined || label > VISUAL_LABELS ? undefined : PROFILES[area];
    if (area === undefined || profile === undefined) continue;
    const silent = own.uniform() < SILENT_SHARE;
    const snr = Math.min(HIGHEST_SNR, (RELIABILITY[area] ?? 0.4) * Math.exp(SPREAD * own.normal()));
    const field = { x: input.x[v] ?? 0, y: input.y[v] ?? 0, size: input.size[v] ?? 1 };
    const weights = fieldWeights(field);
    if (silent || (weights.seen < LEAST_SEEN && ((profile['colour here'] ?? 0) + (profile['contrast here'] ?? 0)) > 0)) continue;
    // 2. Shares differ between neighbours: a Dirichlet-like jitter around the area's profile.
    const shares = FAMILIES.map((family) => (profile[family] ?? 0) * Math.exp(0.5 * own.normal()));
    const whole = shares.reduce((sum, share) => sum + share, 0);
    const response = planted.signal.subarray(v * pictures, (v + 1) * pictures);
    let property = 0;
    for (const [f, family] of FAMILIES.entries()) {
      const share = (shares[f] ?? 0) / whole;
      const properties = share > 0 ? propertiesOf(family, input, field, weights, global) : undefined;
      const count = NAMES[family].length;
      if (properties !== undefined) addFamily(properties, Math.sqrt(share), own, response, planted.weights.subarray(v * PROPERTY_NAMES.length + property, v * PROPERTY_NAMES.length + property + count));
      planted.shares[v * FAMILIES.length + f] = share;
      property += count;
    }
    // 3. The sum to unit variance; the weights follow.
    let square = 0, mean = 0;
    for (const value of response) mean += value;
    mean /= pictures;
    for (const value of response) square += (value - mean) ** 2;
    const size = Math.sqrt(square / pictures);
    if (size < 1e-6) { planted.shares.fill(0, v * FAMILIES.length, (v + 1) * FAMILIES.length); continue; }
    for (let n = 0; n < pictures; n++) response[n] = ((response[n] ?? 0) - mean) / size;
    for (let p = 0; p < PROPERTY_NAMES.length; p++) planted.weights[v * PROPERTY_NAMES.length + p] = (planted.weights[v * PROPERTY_NAMES.length + p] ?? 0) / size;
    planted.snr[v] = snr;
  }
  return planted;
}

/** How much of an object a field sees, and the wide pool of object areas sees from anywhere. */
const ANYWHERE = 0.35;

function propertiesOf(family: Family, input: PlantedInput, field: { x: number; y: number; size: number }, weights: FieldWeights, global: ReadonlyMap<Family, Properties>): Properties {
  const known = global.get(family);
  if (known !== undefined) return known;
  const pictures = input.facts.length;
  if (family === 'colour here' || family === 'contrast here') {
    const [from, to] = family === 'colour here' ? [0, COLOUR_CHANNELS] : [COLOUR_CHANNELS, CHANNELS.length];
    return {
      columns: Array.from({ length: to - from }, (_, c) => {
        const out = new Float32Array(pictures);
        pool(input.channels, from + c, weights, out);
        return standardise(out);
      }),
    };
  }
  const object = OBJECT_PROPERTIES[family];
  if (object === undefined) throw new RangeError(`no properties for ${family}`);
  const reach = 2 * (field.size + 1) ** 2;
  const made = objectColumns(input.facts, object.levels, object.levelOf, ({ centre: [x, y] }) => {
    const dx = (x - 0.5) * FIELD_DEGREES - field.x, dy = (0.5 - y) * FIELD_DEGREES - field.y;
    return ANYWHERE + (1 - ANYWHERE) * Math.exp(-(dx * dx + dy * dy) / reach);
  });
  made.columns.forEach(standardise);
  return made;
}

/** Adds `amplitude` times a random unit-variance combination of the columns. */
function addFamily({ columns: made }: Properties, amplitude: number, source: Random, response: Float32Array, weights: Float32Array): void {
  const pictures = response.length, part = new Float32Array(pictures);
  made.forEach((column, c) => {
    const weight = source.normal();
    weights[c] = weight;
    for (let n = 0; n < pictures; n++) part[n] = (part[n] ?? 0) + weight * (column[n] ?? 0);
  });
  let mean = 0, square = 0;
  for (const value of part) mean += value;
  mean /= pictures;
  for (const value of part) square += (value - mean) ** 2;
  const size = Math.sqrt(square / pictures) || 1;
  for (let c = 0; c < made.length; c++) weights[c] = ((weights[c] ?? 0) * amplitude) / size;
  for (let n = 0; n < pictures; n++) response[n] = (response[n] ?? 0) + (amplitude * ((part[n] ?? 0) - mean)) / size;
}

