/**
 * Captions of demo scenes: five ways to say what a viewer sees, lower-case ASCII, under 120 different words.
 *
 * Every caption names the main object with its colour; material, size, place, ground, light and the second object
 * appear in most, so that each fact is said several times among the five.
 */
import type { Random } from '../../common/random.ts';
import type { Category, Depth, Ground, Light, Material, Place, Scene, SceneObject, Size } from './scene.ts';

export const CAPTIONS_PER_SCENE = 5;

type Words<K extends string> = { readonly [key in K]: readonly string[] };

const CATEGORY_WORDS: Words<Category> = {
  ball: ['ball', 'sphere'], cube: ['cube', 'box'], cone: ['cone'], pillar: ['pillar', 'column'],
  ring: ['ring', 'hoop'], star: ['star'], mug: ['mug', 'cup'], mushroom: ['mushroom'],
};
const MATERIAL_WORDS: Words<Material> = { matte: ['matte', 'dull'], shiny: ['shiny', 'glossy'], striped: ['striped'] };
const SIZE_WORDS: Words<Size> = { small: ['small', 'little'], large: ['large', 'big'] };
const PLACE_WORDS: Words<Place> = {
  left: ['on the left', 'at the left'], centre: ['in the middle', 'in the centre'], right: ['on the right', 'at the right'],
};
const DEPTH_WORDS: Words<Depth> = { near: ['nearby', 'close up'], far: ['far away', 'in the distance'] };
const GROUND_WORDS: Words<Ground> = {
  grass: ['on the grass', 'on a green meadow'], sand: ['on the sand', 'in the desert'],
  snow: ['in the snow', 'on white snow'], water: ['on the water', 'on a calm lake'],
};
const LIGHT_WORDS: Words<Light> = {
  day: ['on a sunny day', 'in bright sunlight'], dusk: ['at dusk', 'at sunset'], overcast: ['under a grey sky', 'on a cloudy day'],
};

interface Phrases {
  /** "large shiny red ball", without an article. */
  readonly full: string;
  readonly plain: string;
  readonly sized: string;
  readonly made: string;
  readonly place: string;
  readonly depth: string;
  readonly ground: string;
  readonly light: string;
  /** " and a green cube", or nothing. */
  readonly and: string;
}

const article = (words: string): string => (/^[aeiou]/.test(words) ? `an ${words}` : `a ${words}`);

function nameOf(object: SceneObject, source: Random): { full: string; plain: string; sized: string; made: string } {
  const noun = source.pick(CATEGORY_WORDS[object.category]);
  const material = source.pick(MATERIAL_WORDS[object.material]), size = source.pick(SIZE_WORDS[object.size]);
  return {
    full: `${size} ${material} ${object.colour} ${noun}`, plain: `${object.colour} ${noun}`,
    sized: `${size} ${object.colour} ${noun}`, made: `${material} ${object.colour} ${noun}`,
  };
}

function phrasesOf(scene: Scene, source: Random): Phrases {
  const second = scene.second === undefined ? undefined : nameOf(scene.second, source);
  return {
    ...nameOf(scene.main, source),
    place: source.pick(PLACE_WORDS[scene.main.place]), depth: source.pick(DEPTH_WORDS[scene.main.depth]),
    ground: source.pick(GROUND_WORDS[scene.ground]), light: source.pick(LIGHT_WORDS[scene.light]),
    and: second === undefined ? '' : ` and ${article(source.uniform() < 0.5 ? second.plain : second.made)}`,
  };
}

/** One entry per wording; the longest has 22 words, a context of 24 tokens with start and end. */
const WORDINGS: readonly ((p: Phrases) => string)[] = [
  (p) => `${article(p.full)}${p.and} ${p.ground} ${p.light}`,
  (p) => `${article(p.full)} ${p.place}${p.and} ${p.ground}`,
  (p) => `${article(p.made)} ${p.depth} ${p.place}${p.and} ${p.light}`,
  (p) => `a picture of ${article(p.sized)}${p.and} ${p.ground} ${p.light}`,
  (p) => `${article(p.full)} ${p.depth}${p.and} ${p.ground}`,
  (p) => `there is ${article(p.made)} ${p.place}${p.and} ${p.ground} ${p.light}`,
  (p) => `we see ${article(p.full)} ${p.place} ${p.ground} ${p.light}`,
  (p) => `${article(p.sized)} standing ${p.ground} ${p.place}${p.and}`,
];

/** Five captions in different wordings; a pure function of the scene and the stream's seed. */
export function captionsOf(scene: Scene, source: Random): string[] {
  const rest = [...WORDINGS];
  const captions: string[] = [];
  for (let i = 0; i < CAPTIONS_PER_SCENE; i++) {
    const [wording] = rest.splice(source.integer(rest.length), 1);
    if (wording !== undefined) captions.push(wording(phrasesOf(scene, source)));
  }
  return captions;
}
