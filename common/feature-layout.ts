/** Where a target of a feature space is: its group (channel, token, layer) and its place in the picture. A table, one entry per space. */
import type { SpaceName } from './recipe.ts';
import { quantile } from './colour/scale.ts';

export interface FeatureLayout {
  /** What a group is called: `Channel`. */
  readonly groupTitle: string;
  readonly groups: readonly string[];
  /** Null for a space without a picture. */
  readonly picture: { readonly height: number; readonly width: number; readonly title: string; readonly cell: string } | null;
  /** What targets outside the picture are, where there are any. */
  readonly outside: string | null;
  groupOf(unit: number): number;
  /** Row-major cell of the picture, or -1. */
  cellOf(unit: number): number;
}

const numbered = (count: number, from: number): string[] => Array.from({ length: count }, (_, i) => String(i + from));

const LAYOUTS: { readonly [Name in SpaceName]: (shape: readonly number[]) => FeatureLayout } = {
  // [channels, height, width]
  z: ([channels = 1, height = 1, width = 1]) => ({
    groupTitle: 'Channel', groups: numbered(channels, 1), outside: null, picture: { height, width, title: 'Place in the latent', cell: 'Latent cell' },
    groupOf: (unit) => Math.floor(unit / (height * width)), cellOf: (unit) => unit % (height * width),
  }),
  // [tokens, width]; token 0 begins the text and is the same for every caption.
  c: ([tokens = 1, width = 1]) => ({ groupTitle: 'Token', groups: numbered(tokens, 0), outside: null, picture: null, groupOf: (unit) => Math.floor(unit / width), cellOf: () => -1 }),
  // [layers, 1 + patches, width]; the class token is first.
  clip: ([layers = 1, tokens = 1, width = 1]) => {
    const side = Math.round(Math.sqrt(tokens - 1)), square = side > 0 && side * side === tokens - 1;
    return {
      groupTitle: 'Layer', groups: numbered(layers, 1), outside: square ? 'class token' : null, picture: square ? { height: side, width: side, title: 'Patch of the picture', cell: 'Patch' } : null,
      groupOf: (unit) => Math.floor(unit / (tokens * width)), cellOf: (unit) => (square ? (Math.floor(unit / width) % tokens) - 1 : -1),
    };
  },
  // [height, width] or [height, width, channels]
  pixels: ([height = 1, width = 1, channels = 1]) => ({
    groupTitle: 'Colour channel', groups: channels === 3 ? ['Red', 'Green', 'Blue'] : channels === 1 ? ['Grey'] : numbered(channels, 1), outside: null,
    picture: { height, width, title: 'Place in the picture', cell: 'Pixel' }, groupOf: (unit) => unit % channels, cellOf: (unit) => Math.floor(unit / channels),
  }),
};

export function layoutOf(space: SpaceName, shape: readonly number[]): FeatureLayout {
  return LAYOUTS[space](shape);
}

export interface GroupSummary {
  readonly label: string;
  /** Targets with a value. */
  readonly units: number;
  readonly q1: number;
  readonly median: number;
  readonly q3: number;
}

/** Quartiles of the known values of every group; NaN where there are none. */
export function groupSummaries(layout: FeatureLayout, values: Float32Array): GroupSummary[] {
  const lists = layout.groups.map<number[]>(() => []);
  values.forEach((value, unit) => { if (Number.isFinite(value)) lists[layout.groupOf(unit)]?.push(value); });
  return lists.map((list, group) => {
    const known = Float32Array.from(list);
    return { label: layout.groups[group] ?? '', units: known.length, q1: quantile(known, 0.25), median: quantile(known, 0.5), q3: quantile(known, 0.75) };
  });
}

export interface CellMeans {
  /** Row-major, NaN where no target is known. */
  readonly values: Float32Array;
  readonly units: Int32Array;
  /** Mean of the known targets outside the picture, NaN without any. */
  readonly outside: number;
}

/** Mean of the known values of every cell of the picture, over one group or all (null). */
export function cellMeans(layout: FeatureLayout, values: Float32Array, group: number | null): CellMeans {
  const cells = (layout.picture?.height ?? 0) * (layout.picture?.width ?? 0), sums = new Float64Array(cells), units = new Int32Array(cells);
  let outside = 0, others = 0;
  values.forEach((value, unit) => {
    if (!Number.isFinite(value) || (group !== null && layout.groupOf(unit) !== group)) return;
    const cell = layout.cellOf(unit);
    if (cell < 0) { outside += value; others++; return; }
    sums[cell] = (sums[cell] ?? 0) + value;
    units[cell] = (units[cell] ?? 0) + 1;
  });
  return { values: Float32Array.from(sums, (sum, cell) => ((units[cell] ?? 0) > 0 ? sum / (units[cell] ?? 1) : Number.NaN)), units, outside: others > 0 ? outside / others : Number.NaN };
}
