import { describe, expect, it } from 'vitest';
import { random } from '../../../common/random.ts';
import { CAMERA, CATEGORIES, objectBox, project, sampleScene, sceneFacts } from '../../../main/demo/scene.ts';
import type { Scene } from '../../../main/demo/scene.ts';
import { SOLIDS } from '../../../main/demo/scene-solid.ts';
import { renderSurfaces, SURFACES } from '../../../main/demo/render.ts';

const SEED = 41;
/** Pixel centres sample the outline to half a pixel; traced surfaces stop 0.002 units early. */
const BOX_PIXELS = 1.2;
/** A large object at a side may lose this share of the picture's width beyond the edge: the widest cube turned by 45 degrees. */
const OUTSIDE = 0.04;
/** Rounding of float64 sums of a few terms. */
const ROUNDING = 1e-9;

const scenes = (count: number): Scene[] => Array.from({ length: count }, (_, i) => sampleScene(random(SEED).fork(i)));

describe('sampleScene', () => {
  it('is a pure function of the seed and plain JSON', () => {
    const [one] = scenes(1), [again] = scenes(1);
    expect(one).toEqual(again);
    expect(JSON.parse(JSON.stringify(one))).toEqual(one);
  });

  it('draws every category equally often', () => {
    const counts = new Map<string, number>();
    for (const scene of scenes(1600)) counts.set(scene.main.category, (counts.get(scene.main.category) ?? 0) + 1);
    // 1600 draws of 1/8: mean 200, deviation 13.2; five deviations.
    for (const category of CATEGORIES) expect(Math.abs((counts.get(category) ?? 0) - 200), `${category}, seed ${SEED}`).toBeLessThan(66);
  });

  it('keeps every object inside the picture but for a sliver, and two objects apart', () => {
    for (const scene of scenes(400)) {
      const { main, second } = sceneFacts(scene);
      for (const facts of second === undefined ? [main] : [main, second]) {
        expect(Math.min(facts.box.left, facts.box.top), JSON.stringify(scene)).toBeGreaterThan(-OUTSIDE);
        expect(Math.max(facts.box.right, facts.box.bottom), JSON.stringify(scene)).toBeLessThan(1 + OUTSIDE);
      }
      if (second !== undefined) expect(Math.abs(second.centre[0] - main.centre[0]), JSON.stringify(scene)).toBeGreaterThan(0.3);
    }
  });
});

describe('project', () => {
  it('puts the horizon where the pitch says', () => {
    const [, row] = project(0, CAMERA.height, 1e9);
    expect(row).toBeCloseTo((1 - CAMERA.focal * Math.tan(CAMERA.pitch)) / 2, 6);
  });

  it('puts what lies on the optical axis at the centre', () => {
    const [u, v] = project(0, CAMERA.height - 5 * Math.sin(CAMERA.pitch), 5 * Math.cos(CAMERA.pitch));
    expect(u).toBeCloseTo(0.5, 12);
    expect(v).toBeCloseTo(0.5, 12);
  });
});

describe('objectBox', () => {
  it('agrees with the traced silhouette of every category', () => {
    const pixels = 128;
    const single = scenes(120).filter((scene) => scene.second === undefined);
    expect(new Set(single.map((scene) => scene.main.category)).size).toBe(CATEGORIES.length);
    for (const scene of single) {
      const seen = renderSurfaces(scene, pixels);
      let left = pixels, top = pixels, right = 0, bottom = 0;
      seen.forEach((surface, at) => {
        if (surface !== SURFACES.main) return;
        const column = at % pixels, row = Math.floor(at / pixels);
        left = Math.min(left, column); right = Math.max(right, column + 1);
        top = Math.min(top, row); bottom = Math.max(bottom, row + 1);
      });
      const box = objectBox(scene.main);
      const errors = [box.left * pixels - left, box.right * pixels - right, box.top * pixels - top, box.bottom * pixels - bottom];
      expect(Math.max(...errors.map(Math.abs)), `${scene.main.category} ${errors.join(' ')}, seed ${SEED}`).toBeLessThan(BOX_PIXELS);
    }
  });
});

describe('SOLIDS', () => {
  for (const category of CATEGORIES) {
    const solid = SOLIDS[category];

    it(`${category}: no distance grows faster than the way, so that sphere tracing cannot pass through`, () => {
      const source = random(SEED).fork(category);
      for (let i = 0; i < 3000; i++) {
        const p = [source.between(-2, 2), source.between(-0.5, 3), source.between(-2, 2)] as const;
        const step = [0.2 * source.normal(), 0.2 * source.normal(), 0.2 * source.normal()] as const;
        const way = Math.hypot(...step);
        const change = Math.abs(solid.distance(p[0] + step[0], p[1] + step[1], p[2] + step[2]) - solid.distance(...p));
        expect(change, `${p.join()} ${step.join()}, seed ${SEED}`).toBeLessThanOrEqual(way + ROUNDING);
      }
    });

    it(`${category}: its surface points lie on it, above the ground and inside its bound`, () => {
      for (const [x, y, z] of solid.surface) {
        // Corners of rounded solids are given at the hull that the rounding leaves.
        expect(Math.abs(solid.distance(x, y, z))).toBeLessThan(0.03);
        expect(y).toBeGreaterThan(-0.03);
        expect(Math.hypot(x, y - solid.bound.height, z)).toBeLessThan(solid.bound.radius + 0.02);
      }
    });

    it(`${category}: nothing of it is outside its bound`, () => {
      const source = random(SEED).fork(`bound ${category}`);
      for (let i = 0; i < 2000; i++) {
        const d = [source.normal(), source.normal(), source.normal()] as const;
        const r = (solid.bound.radius + 0.021) / Math.hypot(...d);
        expect(solid.distance(d[0] * r, solid.bound.height + d[1] * r, d[2] * r), `seed ${SEED}`).toBeGreaterThan(0);
      }
    });
  }
});
