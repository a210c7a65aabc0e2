import { describe, expect, it } from 'vitest';
import { random } from '../../../common/random.ts';
import { CAPTIONS_PER_SCENE, captionsOf } from '../../../main/demo/caption.ts';
import { renderScene, renderSurfaces, SURFACES } from '../../../main/demo/render.ts';
import { sampleScene } from '../../../main/demo/scene.ts';
import type { Colour, Scene } from '../../../main/demo/scene.ts';

const SEED = 42;

const scenes = (count: number): Scene[] => Array.from({ length: count }, (_, i) => sampleScene(random(SEED).fork(i)));

/** Mean RGB (0 .. 255) of the pixels that show a surface. */
function meanColour(image: Uint8Array, surfaces: Uint8Array, wanted: number): readonly [number, number, number] {
  const sum: [number, number, number] = [0, 0, 0];
  let count = 0;
  surfaces.forEach((surface, at) => {
    if (surface !== wanted) return;
    count++;
    for (const c of [0, 1, 2] as const) sum[c] += image[at * 3 + c] ?? 0;
  });
  return [sum[0] / count, sum[1] / count, sum[2] / count];
}

describe('renderScene', () => {
  it('is a pure function of the scene', () => {
    const [scene] = scenes(1);
    if (scene === undefined) throw new Error('no scene');
    expect(renderScene(scene, 32)).toEqual(renderScene(scene, 32));
  });

  it('gives matte objects in daylight the order of channels of their colour', () => {
    const expected: { readonly [C in Colour]?: (rgb: readonly [number, number, number]) => boolean } = {
      red: ([r, g, b]) => r > 2 * g && r > 2 * b, green: ([r, g, b]) => g > 1.3 * r && g > b, blue: ([r, g, b]) => b > 1.5 * r && b > g,
      yellow: ([r, g, b]) => g > 0.7 * r && r > 1.5 * b, black: (rgb) => Math.max(...rgb) < 90, white: (rgb) => Math.min(...rgb) > 130,
    };
    const [base] = scenes(1);
    if (base === undefined) throw new Error('no scene');
    for (const [colour, holds] of Object.entries(expected)) {
      const scene: Scene = {
        ground: 'sand', light: 'day', sun: base.sun, texture: 1,
        main: { ...base.main, category: 'ball', colour: colour as Colour, material: 'matte', x: 0, z: 5, scale: 1 },
      };
      const mean = meanColour(renderScene(scene, 64), renderSurfaces(scene, 64), SURFACES.main);
      expect(holds(mean), `${colour}: ${mean.map(Math.round).join(' ')}`).toBe(true);
    }
  });

  it('is anti-aliased: a picture of half the size is near the means of 2 x 2 pixels of the whole', () => {
    for (const scene of scenes(6)) {
      const fine = renderScene(scene, 128), coarse = renderScene(scene, 64);
      let squares = 0;
      for (let at = 0; at < 64 * 64; at++) {
        const row = 2 * Math.floor(at / 64), column = 2 * (at % 64);
        for (let c = 0; c < 3; c++) {
          let mean = 0;
          for (const [dr, dc] of [[0, 0], [0, 1], [1, 0], [1, 1]] as const) mean += (fine[((row + dr) * 128 + column + dc) * 3 + c] ?? 0) / 4;
          squares += (mean - (coarse[at * 3 + c] ?? 0)) ** 2;
        }
      }
      // Four rays against sixteen at the edges: a few levels over the picture.
      expect(Math.sqrt(squares / (64 * 64 * 3)), `seed ${SEED}`).toBeLessThan(4);
    }
  });

  it('shades the ground behind the object, away from the sun', () => {
    const [base] = scenes(1);
    if (base === undefined) throw new Error('no scene');
    const main = { ...base.main, category: 'ball' as const, x: 0, z: 5, scale: 1 };
    const scene: Scene = { ground: 'snow', light: 'day', sun: { azimuth: -1.6, elevation: 0.8 }, texture: 3, main };
    const image = renderScene(scene, 128);
    const brightness = (column: number, row: number): number => image[(row * 128 + column) * 3] ?? 0;
    // The sun stands at the left, so that the shadow falls to the right of the foot (row of the foot: about 90).
    expect(brightness(64 + 26, 90)).toBeLessThan(0.8 * brightness(64 - 40, 90));
  });
});

describe('captionsOf', () => {
  const all = scenes(1500).map((scene, i) => ({ scene, captions: captionsOf(scene, random(SEED).fork(`captions ${i}`)) }));

  it('writes five lower-case ASCII captions of at most 22 words', () => {
    for (const { captions } of all) {
      expect(captions).toHaveLength(CAPTIONS_PER_SCENE);
      for (const caption of captions) {
        expect(caption).toMatch(/^[a-z]+( [a-z]+)*$/);
        expect(caption.split(' ').length).toBeLessThanOrEqual(22);
      }
    }
  });

  it('uses fewer than 120 words', () => {
    expect(new Set(all.flatMap(({ captions }) => captions.flatMap((caption) => caption.split(' ')))).size).toBeLessThan(120);
  });

  it('names the main object\'s colour in every caption, and each other fact among the five nearly always', () => {
    let ground = 0, light = 0, second = 0, seconds = 0;
    for (const { scene, captions } of all) {
      for (const caption of captions) expect(caption).toContain(` ${scene.main.colour} `);
      const joined = captions.join(' | ');
      const groundWords = { grass: /grass|meadow/, sand: /sand|desert/, snow: /snow/, water: /water|lake/ }[scene.ground];
      const lightWords = { day: /sun(ny|light)/, dusk: /dusk|sunset/, overcast: /grey|cloudy/ }[scene.light];
      if (groundWords.test(joined)) ground++;
      if (lightWords.test(joined)) light++;
      if (scene.second !== undefined) {
        seconds++;
        if (joined.includes(` and ${/^[aeiou]/.test(scene.second.colour) ? 'an' : 'a'} ${scene.second.colour}`) || joined.includes(`${scene.second.colour} `)) second++;
      }
    }
    for (const share of [ground / all.length, light / all.length, second / seconds]) expect(share, `seed ${SEED}`).toBeGreaterThan(0.98);
  });
});
