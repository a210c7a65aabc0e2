/**
 * Visual areas of a demo hemisphere: which vertex belongs to which area, and what part of the visual field it sees.
 *
 * The chart is polar around the occipital pole on the hull: `reach` = degrees from the pole, `turn` = direction in degrees
 * (0 = along the calcarine sulcus on the medial face, 90 = up, 180 = lateral, -90 = down). V1 lies around the calcarine,
 * V2 and V3 as bands above (lower field) and below it (upper field), all meeting in the fovea at the pole; hV4 follows
 * V3v below, V3A and V3B follow V3d above, LO1 and LO2 lie between on the lateral face, then TO1 (MT) and TO2 (MST);
 * VO and PHC go forward below, IPS0-5 forward above. The maps mirror at each border, as known from retinotopy
 * (Wandell, Dumoulin and Brewer 2007). Names and numbers are those of the Wang et al. 2015 atlas as NSD stores it.
 */
import type { Hemisphere } from '../../common/dataset.ts';
import type { Random } from '../../common/random.ts';
import type { Hull } from './hull.ts';
import { smooth } from './mesh.ts';

/** Names by label, 1-based as in the label tables. */
export const KASTNER = ['V1v', 'V1d', 'V2v', 'V2d', 'V3v', 'V3d', 'hV4', 'VO1', 'VO2', 'PHC1', 'PHC2', 'TO2', 'TO1', 'LO2', 'LO1',
  'V3B', 'V3A', 'IPS0', 'IPS1', 'IPS2', 'IPS3', 'IPS4', 'IPS5', 'SPL1', 'FEF'] as const;
export type Area = (typeof KASTNER)[number];
export const PRF_VISUALROIS: readonly Area[] = KASTNER.slice(0, 7);
export const PRF_ECCROIS = ['ecc0pt5', 'ecc1', 'ecc2', 'ecc4', 'ecc4+'] as const;
const ECCENTRICITY_LIMITS = [0.5, 1, 2, 4, Infinity] as const;
export const STREAMS = ['early', 'midventral', 'midlateral', 'midparietal', 'ventral', 'lateral', 'parietal'] as const;

/** Stream (1-based) of each Kastner label 1..23. */
const STREAM_OF = [1, 1, 1, 1, 1, 1, 2, 5, 5, 5, 5, 6, 6, 3, 3, 4, 4, 7, 7, 7, 7, 7, 7] as const;

/** Labels that carry planted visual responses; SPL1 and FEF (24, 25) only have noise. */
export const VISUAL_LABELS = 23;

/** Centre of the chart in canonical mm, and the half lengths that make the hull about a unit sphere. */
const CHART = { centre: [26, -8, 4], half: [34, 82, 50] } as const;
/** Borders of V1, V2, V3 as `turn` at the pole and at 60 degrees of reach, and the reach of their far ends. */
const BANDS = [{ near: 32, far: 20, end: 65 }, { near: 62, far: 40, end: 63 }, { near: 90, far: 61, end: 60 }] as const;
/** Degrees of visual field = gain * (exp(reach / scale) - 1). */
const MAGNIFICATION = { gain: 0.68, scale: 29 };

interface Patch {
  readonly label: number;
  /** Centre and half size in the chart, degrees; `across` is measured along the turn at that reach. */
  readonly reach: number;
  readonly turn: number;
  readonly along: number;
  readonly across: number;
}

/** The areas beyond V3, as rounded boxes of the chart; where two overlap, the nearer wins. */
const PATCHES: readonly Patch[] = [
  { label: 7, reach: 27, turn: -98, along: 20, across: 14 },
  { label: 8, reach: 52, turn: -92, along: 10, across: 15 },
  { label: 9, reach: 67, turn: -86, along: 9, across: 17 },
  { label: 10, reach: 82, turn: -74, along: 9, across: 18 },
  { label: 11, reach: 97, turn: -72, along: 9, across: 16 },
  { label: 15, reach: 19, turn: 170, along: 11, across: 14 },
  { label: 14, reach: 38, turn: 178, along: 10, across: 18 },
  { label: 13, reach: 54, turn: 187, along: 7, across: 14 },
  { label: 12, reach: 67, turn: 191, along: 7, across: 12 },
  { label: 16, reach: 32, turn: 128, along: 13, across: 9 },
  { label: 17, reach: 38, turn: 93, along: 17, across: 11 },
  { label: 18, reach: 60, turn: 106, along: 9, across: 15 },
  { label: 19, reach: 74, turn: 114, along: 8, across: 13 },
  { label: 20, reach: 86, turn: 122, along: 7, across: 13 },
  { label: 21, reach: 96, turn: 129, along: 7, across: 12 },
  { label: 22, reach: 105, turn: 135, along: 6, across: 11 },
  { label: 23, reach: 113, turn: 140, along: 6, across: 10 },
  { label: 24, reach: 86, turn: 86, along: 9, across: 8 },
  { label: 25, reach: 140, turn: 128, along: 10, across: 10 },
];

/** Receptive field radius (Gaussian SD, degrees) = base + slope * eccentricity, per label 1..23. */
const FIELD_SIZE: readonly (readonly [base: number, slope: number])[] = [
  [0.3, 0.1], [0.3, 0.1], [0.4, 0.14], [0.4, 0.14], [0.5, 0.2], [0.5, 0.2], [0.9, 0.3], [1.4, 0.4], [1.6, 0.4], [1.9, 0.4], [2.1, 0.4],
  [2.2, 0.4], [1.8, 0.4], [1.6, 0.4], [1.3, 0.35], [1.2, 0.35], [1, 0.35], [1.6, 0.4], [1.8, 0.4], [2, 0.4], [2.1, 0.4], [2.2, 0.4], [2.3, 0.4],
];

export interface HemisphereAreas {
  readonly hemisphere: Hemisphere;
  /** The subject's own areas, 0 or 1..25; what the planted responses follow. */
  readonly own: Uint8Array;
  /** The atlas brought to the subject: as `own` but with smooth borders and centres, 0 or 1..25. */
  readonly kastner: Uint8Array;
  readonly prfVisualrois: Uint8Array;
  readonly prfEccrois: Uint8Array;
  readonly streams: Uint8Array;
  readonly nsdgeneral: Uint8Array;
  /** Degrees, 0 = right horizontal meridian, 90 = up, in [0, 360); NaN outside visual areas. */
  readonly angle: Float32Array;
  /** Degrees of visual angle; NaN outside visual areas. */
  readonly eccentricity: Float32Array;
  /** Gaussian SD in degrees; NaN outside visual areas. */
  readonly size: Float32Array;
}

const toDegrees = (radians: number): number => (radians * 180) / Math.PI;
const wrapped = (degrees: number): number => degrees - 360 * Math.round(degrees / 360);

interface Place {
  readonly label: number;
  readonly eccentricity: number;
  /** In the opposite half field: -90 = down, 0 = horizontal, 90 = up. */
  readonly angle: number;
}

const NOWHERE: Place = { label: 0, eccentricity: NaN, angle: NaN };

/** What lies at a place of the chart. */
function placeOf(reach: number, turn: number): Place {
  const side = Math.abs(turn);
  let inner = 0;
  for (const [index, band] of BANDS.entries()) {
    const outer = band.near + ((band.far - band.near) * Math.min(reach, 70)) / 60;
    if (side < outer && reach < band.end - 8 * (side / outer) ** 4) {
      // V1 from the horizontal meridian out, V2 back to it, V3 out again.
      // At its far end each band reaches a little around the one before, where it stays at that border's meridian.
      const share = Math.max(0, (side - inner) / (outer - inner));
      const up = 90 * (index === 1 ? 1 - share : share);
      const eccentricity = MAGNIFICATION.gain * (Math.exp(reach / MAGNIFICATION.scale) - 1);
      return { label: 2 * index + (turn > 0 ? 2 : 1), eccentricity, angle: turn > 0 ? -up : up };
    }
    inner = outer;
  }
  let best = 1, found = NOWHERE;
  for (const patch of PATCHES) {
    const along = (reach - patch.reach) / patch.along;
    const across = (wrapped(turn - patch.turn) * Math.sin((reach * Math.PI) / 180)) / patch.across;
    const distance = (along ** 4 + across ** 4) ** 0.25;
    if (distance >= best) continue;
    best = distance;
    // Away from the pole the field goes outwards; across, from the vertical meridian shared with V3 to the other one.
    found = { label: patch.label, eccentricity: 0.4 + 2.4 * (along + 1), angle: 85 * Math.max(-1, Math.min(1, across)) };
  }
  return found;
}

/** The areas of one hemisphere. Borders wobble from stream to stream. */
export function areasOf(hull: Hull, hemisphere: Hemisphere, wall: Uint8Array, source: Random): HemisphereAreas {
  const { points } = hull.mesh, vertices = points.length / 3;
  const made = {
    own: new Uint8Array(vertices), kastner: new Uint8Array(vertices), prfVisualrois: new Uint8Array(vertices), prfEccrois: new Uint8Array(vertices),
    streams: new Uint8Array(vertices), nsdgeneral: new Uint8Array(vertices),
  };
  const angle = new Float32Array(vertices).fill(NaN), eccentricity = new Float32Array(vertices).fill(NaN), size = new Float32Array(vertices).fill(NaN);
  // 1. Smooth displacement of the chart, about 1.5 degrees: the subject's own borders.
  const wobble = [0, 1].map(() => {
    const field = smooth(Float64Array.from({ length: vertices }, () => source.normal()), 1, hull.neighbours, 0.5, 40);
    const spread = Math.sqrt(field.reduce((sum, value) => sum + value * value, 0) / vertices);
    return field.map((value) => (1.5 * value) / spread);
  });
  const shift = [2 * source.normal(), 2 * source.normal()];
  const reaches = new Float64Array(vertices);
  for (let v = 0; v < vertices; v++) {
    const [cx, cy, cz] = CHART.centre, [hx, hy, hz] = CHART.half;
    const x = ((points[3 * v] ?? 0) - cx) / hx, y = ((points[3 * v + 1] ?? 0) - cy) / hy, z = ((points[3 * v + 2] ?? 0) - cz) / hz;
    const reach = toDegrees(Math.acos(Math.max(-1, Math.min(1, -y / Math.hypot(x, y, z))))), turn = toDegrees(Math.atan2(z, -x));
    reaches[v] = reach;
    if (wall[v] === 1) continue;
    const sine = Math.max(0.2, Math.sin((reach * Math.PI) / 180)), tilt = (shift[1] ?? 0) * Math.min(1, reach / 20);
    const ownReach = Math.max(0, reach + (shift[0] ?? 0) * Math.min(1, reach / 20) + (wobble[0]?.[v] ?? 0)), ownTurn = wrapped(turn + tilt + (wobble[1]?.[v] ?? 0) / sine);
    const own = placeOf(ownReach, ownTurn);
    made.own[v] = own.label;
    made.kastner[v] = placeOf(Math.max(0, reach + (shift[0] ?? 0) * Math.min(1, reach / 20)), wrapped(turn + tilt)).label;
    if (own.label === 0 || own.label > VISUAL_LABELS) continue;
    eccentricity[v] = own.eccentricity;
    // The left hemisphere sees the right half field.
    angle[v] = ((hemisphere === 'lh' ? own.angle : 180 - own.angle) + 360) % 360;
    const [base, slope] = FIELD_SIZE[own.label - 1] ?? [2, 0.4];
    size[v] = base + slope * own.eccentricity;
    if (own.label <= PRF_VISUALROIS.length) {
      made.prfVisualrois[v] = own.label;
      made.prfEccrois[v] = 1 + ECCENTRICITY_LIMITS.findIndex((limit) => own.eccentricity <= limit);
    }
  }
  // 2. nsdgeneral: the visual areas with what lies within a few millimetres; streams: the nearest area's stream.
  for (let v = 0; v < vertices; v++) {
    const label = made.own[v] ?? 0;
    if (label > 0 && label <= VISUAL_LABELS) { made.nsdgeneral[v] = 1; made.streams[v] = STREAM_OF[label - 1] ?? 0; }
  }
  for (let ring = 0; ring < 3; ring++) {
    const before = made.streams.slice();
    for (let v = 0; v < vertices; v++) {
      if (before[v] !== 0 || wall[v] === 1 || (reaches[v] ?? 0) > 100) continue;
      for (let n = hull.neighbours.start[v] ?? 0; n < (hull.neighbours.start[v + 1] ?? 0); n++) {
        const stream = before[hull.neighbours.list[n] ?? 0] ?? 0;
        if (stream > 0) { made.streams[v] = stream; made.nsdgeneral[v] = 1; }
      }
    }
  }
  return { hemisphere, ...made, angle, eccentricity, size };
}
