/**
 * A demo scene: one solid object, sometimes a second smaller one, on a ground under a light. Plain JSON.
 *
 * World axes: x right, y up, z away from the camera; the ground is y = 0; one unit is about the radius of a large
 * ball. The camera is fixed (`CAMERA`), so that a scene's numbers alone say where each object falls in the picture.
 */
import type { Random } from '../../common/random.ts';
import { SOLIDS } from './scene-solid.ts';

export const CATEGORIES = ['ball', 'cube', 'cone', 'pillar', 'ring', 'star', 'mug', 'mushroom'] as const;
export const COLOURS = ['red', 'orange', 'yellow', 'green', 'blue', 'purple', 'white', 'black'] as const;
export const MATERIALS = ['matte', 'shiny', 'striped'] as const;
export const GROUNDS = ['grass', 'sand', 'snow', 'water'] as const;
export const LIGHTS = ['day', 'dusk', 'overcast'] as const;
export const SIZES = ['small', 'large'] as const;
export const PLACES = ['left', 'centre', 'right'] as const;
export const DEPTHS = ['near', 'far'] as const;

export type Category = (typeof CATEGORIES)[number];
export type Colour = (typeof COLOURS)[number];
export type Material = (typeof MATERIALS)[number];
export type Ground = (typeof GROUNDS)[number];
export type Light = (typeof LIGHTS)[number];
export type Size = (typeof SIZES)[number];
export type Place = (typeof PLACES)[number];
export type Depth = (typeof DEPTHS)[number];

export interface SceneObject {
  readonly category: Category;
  readonly colour: Colour;
  readonly material: Material;
  readonly size: Size;
  readonly place: Place;
  readonly depth: Depth;
  /** Position of the object's foot on the ground, world units. */
  readonly x: number;
  readonly z: number;
  /** World units per unit of the solid's own frame (`SOLIDS`). */
  readonly scale: number;
  /** Turn about the vertical, radians. */
  readonly yaw: number;
}

export interface Scene {
  readonly ground: Ground;
  readonly light: Light;
  /** Direction to the sun: azimuth from straight ahead (positive to the right) and elevation, radians. */
  readonly sun: { readonly azimuth: number; readonly elevation: number };
  /** Seed of the ground's texture, 0 .. 65535. */
  readonly texture: number;
  readonly main: SceneObject;
  readonly second?: SceneObject;
}

/** The camera of every demo picture; `focal` in units of half the picture's side. */
export const CAMERA = { height: 1.9, pitch: 0.17, focal: 1.75 } as const;

/** Linear RGB albedo of each named colour, 0 .. 1. */
export const ALBEDO: { readonly [C in Colour]: readonly [number, number, number] } = {
  red: [0.74, 0.035, 0.04],
  orange: [0.92, 0.25, 0.02],
  yellow: [0.93, 0.68, 0.04],
  green: [0.03, 0.36, 0.09],
  blue: [0.03, 0.12, 0.68],
  purple: [0.3, 0.05, 0.48],
  white: [0.86, 0.86, 0.86],
  black: [0.02, 0.02, 0.023],
};

/** Ranges that the sampler draws from; picture places are in [-1, 1] from the left edge to the right one. */
const RANGES = {
  scale: { small: [0.66, 0.78], large: [0.96, 1.1] },
  secondScale: [0.54, 0.62],
  distance: { near: [4.5, 5], far: [6, 6.8] },
  picturePlace: { left: [-0.5, -0.4], centre: [-0.1, 0.1], right: [0.4, 0.5] },
  secondApart: [0.48, 0.58],
  sunAzimuth: [-2.5, -1.9],
} as const;

const SUN_ELEVATION: { readonly [L in Light]: readonly [number, number] } = {
  day: [0.75, 0.95], dusk: [0.36, 0.46], overcast: [1.1, 1.3],
};

/** Turns that keep each solid's silhouette telling; the mug's handle must show at one side. */
const YAW: { readonly [C in Category]: readonly [number, number] } = {
  ball: [0, 6.28], cube: [0.25, 1.32], cone: [0, 6.28], pillar: [0, 6.28],
  ring: [-0.5, 0.5], star: [-0.45, 0.45], mug: [-0.45, 0.45], mushroom: [0, 6.28],
};

const SECOND_SHARE = 0.4;

function within(range: readonly [number, number], source: Random): number {
  return source.between(range[0], range[1]);
}

/** Another item of the list than the given ones. */
function pickOther<T>(items: readonly T[], taken: readonly T[], source: Random): T {
  return source.pick(items.filter((item) => !taken.includes(item)));
}

/** A scene drawn from the demo's distribution; a pure function of the stream's seed. */
export function sampleScene(source: Random): Scene {
  const light = source.pick(LIGHTS);
  const size = source.pick(SIZES);
  const depth = source.pick(DEPTHS);
  const withSecond = source.uniform() < SECOND_SHARE;
  // A second object needs room, so that the main one then stands at a side.
  const place = withSecond ? source.pick(['left', 'right'] as const) : source.pick(PLACES);
  const z = within(RANGES.distance[depth], source);
  const spot = within(RANGES.picturePlace[place], source);
  const category = source.pick(CATEGORIES);
  const main: SceneObject = {
    category, colour: source.pick(COLOURS), material: source.pick(MATERIALS), size, place, depth,
    x: (spot * z) / CAMERA.focal, z, scale: within(RANGES.scale[size], source), yaw: within(YAW[category], source),
  };
  const scene = {
    ground: source.pick(GROUNDS), light,
    sun: { azimuth: within(RANGES.sunAzimuth, source), elevation: within(SUN_ELEVATION[light], source) },
    texture: source.integer(65536), main,
  };
  return withSecond ? { ...scene, second: sampleSecond(main, source) } : scene;
}

function sampleSecond(main: SceneObject, source: Random): SceneObject {
  const category = pickOther(CATEGORIES, [main.category], source);
  const side = main.place === 'left' ? 'right' : 'left';
  const depth = source.pick(DEPTHS);
  const z = within(RANGES.distance[depth], source);
  const apart = within(RANGES.secondApart, source);
  return {
    category, colour: pickOther(COLOURS, [main.colour], source), material: source.pick(MATERIALS),
    size: 'small', place: side, depth,
    x: ((side === 'left' ? -apart : apart) * z) / CAMERA.focal, z,
    scale: within(RANGES.secondScale, source), yaw: within(YAW[category], source),
  };
}

/** A box in picture coordinates: [0, 1] from the left and from the top, not clipped to the picture. */
export interface PictureBox {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface ObjectFacts {
  readonly category: number;
  /** Linear RGB, 0 .. 1. */
  readonly colour: readonly [number, number, number];
  readonly colourIndex: number;
  readonly material: number;
  /** World units (`SceneObject.scale`). */
  readonly size: number;
  readonly sizeIndex: number;
  /** Distance along the ground from the camera, world units. */
  readonly depth: number;
  readonly depthIndex: number;
  readonly place: number;
  readonly box: PictureBox;
  /** Centre of the box. */
  readonly centre: readonly [number, number];
}

export interface SceneFacts {
  readonly ground: number;
  readonly light: number;
  readonly main: ObjectFacts;
  readonly second?: ObjectFacts;
}

/** Picture coordinates in [0, 1] (from the left, from the top) of a world point in front of the camera. */
export function project(x: number, y: number, z: number): readonly [number, number] {
  const cos = Math.cos(CAMERA.pitch), sin = Math.sin(CAMERA.pitch);
  const up = y - CAMERA.height;
  const ahead = z * cos - up * sin;
  const right = (CAMERA.focal * x) / ahead;
  const above = (CAMERA.focal * (z * sin + up * cos)) / ahead;
  return [(1 + right) / 2, (1 - above) / 2];
}

/** The smallest upright box that holds the object's outline in the picture, from points of its surface. */
export function objectBox(object: SceneObject): PictureBox {
  const cos = Math.cos(object.yaw) * object.scale, sin = Math.sin(object.yaw) * object.scale;
  let left = Infinity, top = Infinity, right = -Infinity, bottom = -Infinity;
  for (const [px, py, pz] of SOLIDS[object.category].surface) {
    const [u, v] = project(object.x + px * cos + pz * sin, py * object.scale, object.z - px * sin + pz * cos);
    left = Math.min(left, u); right = Math.max(right, u);
    top = Math.min(top, v); bottom = Math.max(bottom, v);
  }
  return { left, top, right, bottom };
}

function factsOf(object: SceneObject): ObjectFacts {
  const box = objectBox(object);
  return {
    category: CATEGORIES.indexOf(object.category),
    colour: ALBEDO[object.colour], colourIndex: COLOURS.indexOf(object.colour),
    material: MATERIALS.indexOf(object.material),
    size: object.scale, sizeIndex: SIZES.indexOf(object.size),
    depth: object.z, depthIndex: DEPTHS.indexOf(object.depth),
    place: PLACES.indexOf(object.place),
    box, centre: [(box.left + box.right) / 2, (box.top + box.bottom) / 2],
  };
}

/** What a viewer of the picture could know, as numbers; indices refer to the lists of this file. */
export function sceneFacts(scene: Scene): SceneFacts {
  const facts = {
    ground: GROUNDS.indexOf(scene.ground), light: LIGHTS.indexOf(scene.light), main: factsOf(scene.main),
  };
  return scene.second === undefined ? facts : { ...facts, second: factsOf(scene.second) };
}
