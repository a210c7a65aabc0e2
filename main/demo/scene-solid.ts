/**
 * The eight solids of the demo scenes, each in its own frame: foot on y = 0, about two units high, upright.
 *
 * `distance` is a signed distance (or a lower bound of it) to the surface, negative inside, for sphere tracing;
 * `surface` holds points of the surface dense enough that their hull is the solid's hull to 0.01 units.
 */
export type Point = readonly [number, number, number];

export interface Solid {
  readonly distance: (x: number, y: number, z: number) => number;
  readonly surface: readonly Point[];
  /** Sphere about (0, height, 0) that holds the solid. */
  readonly bound: { readonly height: number; readonly radius: number };
  /** 1 where the solid takes its colour, 0 where it keeps its own pale one; a function of the local height. */
  readonly painted: (y: number) => boolean;
}

const STEPS = 48;
const angles = Array.from({ length: STEPS }, (_, i) => (2 * Math.PI * i) / STEPS);
const everywhere = (): boolean => true;

/** Points of a horizontal circle. */
function circle(radius: number, height: number): Point[] {
  return angles.map((a): Point => [radius * Math.cos(a), height, radius * Math.sin(a)]);
}

/** Points of an upright torus (axis z). */
function torusPoints(cx: number, cy: number, major: number, minor: number): Point[] {
  return angles.flatMap((a) => angles.filter((_, i) => i % 3 === 0).map((b): Point => {
    const radius = major + minor * Math.cos(b);
    return [cx + radius * Math.cos(a), cy + radius * Math.sin(a), minor * Math.sin(b)];
  }));
}

function torus(x: number, y: number, z: number, major: number, minor: number): number {
  const ringward = Math.sqrt(x * x + y * y) - major;
  return Math.sqrt(ringward * ringward + z * z) - minor;
}

/** Distance of a vertical cylinder between two heights, with rounded rims. */
function cylinder(x: number, y: number, z: number, radius: number, low: number, high: number, rim: number): number {
  const side = Math.sqrt(x * x + z * z) - radius + rim;
  const cap = Math.abs(y - (low + high) / 2) - (high - low) / 2 + rim;
  const outsideSide = Math.max(side, 0), outsideCap = Math.max(cap, 0);
  return Math.min(Math.max(side, cap), 0) + Math.sqrt(outsideSide * outsideSide + outsideCap * outsideCap) - rim;
}

const CUBE = { half: 0.86, rim: 0.05 };
const CONE = { radius: 1, height: 2.1 };
const PILLAR = { radius: 0.5, height: 2.3, rim: 0.05 };
const RING = { major: 0.76, minor: 0.27 };
const STAR = { outer: 1.1, inner: 0.5, half: 0.24, rim: 0.03 };
const MUG = { radius: 0.78, height: 1.55, wall: 0.1, floor: 0.15, rim: 0.04, handle: { x: 0.74, y: 0.78, major: 0.38, minor: 0.11 } };
const MUSHROOM = { stem: 0.34, brim: 0.92, cap: 1.08, dome: 0.95, rim: 0.05 };

const STAR_HEIGHT = STAR.outer * Math.cos(Math.PI / 5);
const FIFTH = (2 * Math.PI) / 5;
// Within one tenth of the star its outline is the line from the tip to the inner corner.
const STAR_CORNER = [STAR.inner * Math.sin(Math.PI / 5), STAR.inner * Math.cos(Math.PI / 5)] as const;
const STAR_EDGE = [STAR_CORNER[0], STAR_CORNER[1] - STAR.outer] as const;
const STAR_EDGE_SQUARED = STAR_EDGE[0] ** 2 + STAR_EDGE[1] ** 2;

function starOutline(x: number, y: number): number {
  const radius = Math.sqrt(x * x + y * y);
  const turn = Math.atan2(x, y) / FIFTH;
  const folded = Math.abs(turn - Math.round(turn)) * FIFTH;
  const px = radius * Math.sin(folded), py = radius * Math.cos(folded) - STAR.outer;
  const along = Math.min(1, Math.max(0, (px * STAR_EDGE[0] + py * STAR_EDGE[1]) / STAR_EDGE_SQUARED));
  const dx = px - STAR_EDGE[0] * along, dy = py - STAR_EDGE[1] * along;
  const inside = px * STAR_EDGE[1] - py * STAR_EDGE[0] > 0;
  return Math.sqrt(dx * dx + dy * dy) * (inside ? -1 : 1);
}

const CONE_SLANT = Math.sqrt(CONE.radius ** 2 + CONE.height ** 2);

export const SOLIDS: { readonly [C in 'ball' | 'cube' | 'cone' | 'pillar' | 'ring' | 'star' | 'mug' | 'mushroom']: Solid } = {
  ball: {
    distance: (x, y, z) => Math.sqrt(x * x + (y - 1) * (y - 1) + z * z) - 1,
    surface: Array.from({ length: 25 }, (_, i) => -1 + i / 12).flatMap((h) => circle(Math.sqrt(Math.max(0, 1 - h * h)), 1 + h)),
    bound: { height: 1, radius: 1 }, painted: everywhere,
  },
  cube: {
    distance: (x, y, z) => {
      const inner = CUBE.half - CUBE.rim;
      const dx = Math.abs(x) - inner, dy = Math.abs(y - CUBE.half) - inner, dz = Math.abs(z) - inner;
      const ox = Math.max(dx, 0), oy = Math.max(dy, 0), oz = Math.max(dz, 0);
      return Math.sqrt(ox * ox + oy * oy + oz * oz) + Math.min(Math.max(dx, dy, dz), 0) - CUBE.rim;
    },
    surface: [-1, 1].flatMap((sx) => [-1, 1].flatMap((sz) => [-1, 1].map((sy): Point => {
      const corner = CUBE.half - CUBE.rim * (1 - 1 / Math.sqrt(3));
      return [sx * corner, CUBE.half + sy * corner, sz * corner];
    }))),
    bound: { height: CUBE.half, radius: 1.46 }, painted: everywhere,
  },
  cone: {
    // The larger of the distances to the slanted side and to the floor: a lower bound outside, exact near either face.
    distance: (x, y, z) => {
      const radius = Math.sqrt(x * x + z * z);
      return Math.max((radius * CONE.height + (y - CONE.height) * CONE.radius) / CONE_SLANT, -y);
    },
    surface: [...circle(CONE.radius, 0), [0, CONE.height, 0]],
    bound: { height: 0.82, radius: 1.3 }, painted: everywhere,
  },
  pillar: {
    distance: (x, y, z) => cylinder(x, y, z, PILLAR.radius, 0, PILLAR.height, PILLAR.rim),
    surface: [...circle(PILLAR.radius, PILLAR.rim), ...circle(PILLAR.radius - PILLAR.rim, 0),
      ...circle(PILLAR.radius, PILLAR.height - PILLAR.rim), ...circle(PILLAR.radius - PILLAR.rim, PILLAR.height)],
    bound: { height: PILLAR.height / 2, radius: 1.27 }, painted: everywhere,
  },
  ring: {
    distance: (x, y, z) => torus(x, y - RING.major - RING.minor, z, RING.major, RING.minor),
    surface: torusPoints(0, RING.major + RING.minor, RING.major, RING.minor),
    bound: { height: RING.major + RING.minor, radius: RING.major + RING.minor }, painted: everywhere,
  },
  star: {
    distance: (x, y, z) => {
      const face = starOutline(x, y - STAR_HEIGHT) + STAR.rim, slab = Math.abs(z) - STAR.half + STAR.rim;
      const outFace = Math.max(face, 0), outSlab = Math.max(slab, 0);
      return Math.min(Math.max(face, slab), 0) + Math.sqrt(outFace * outFace + outSlab * outSlab) - STAR.rim;
    },
    surface: Array.from({ length: 5 }, (_, i) => i * FIFTH).flatMap((a) => [-1, 1].map((side): Point =>
      [(STAR.outer - STAR.rim) * Math.sin(a), STAR_HEIGHT + (STAR.outer - STAR.rim) * Math.cos(a), side * (STAR.half - STAR.rim / 2)])),
    bound: { height: STAR_HEIGHT, radius: 1.2 }, painted: everywhere,
  },
  mug: {
    distance: (x, y, z) => {
      const body = cylinder(x, y, z, MUG.radius, 0, MUG.height, MUG.rim);
      const hollow = cylinder(x, y, z, MUG.radius - MUG.wall, MUG.floor, MUG.height + 1, MUG.rim);
      const handle = torus(x - MUG.handle.x, y - MUG.handle.y, z, MUG.handle.major, MUG.handle.minor);
      return Math.max(Math.min(body, handle), -hollow);
    },
    surface: [...circle(MUG.radius, MUG.rim), ...circle(MUG.radius - MUG.rim, 0), ...circle(MUG.radius, MUG.height - MUG.rim),
      ...circle(MUG.radius - MUG.rim, MUG.height), ...torusPoints(MUG.handle.x, MUG.handle.y, MUG.handle.major, MUG.handle.minor).filter((p) => p[0] > MUG.radius)],
    bound: { height: 0.78, radius: 1.38 }, painted: everywhere,
  },
  mushroom: {
    distance: (x, y, z) => {
      const stem = cylinder(x, y, z, MUSHROOM.stem, 0, MUSHROOM.brim + 0.2, MUSHROOM.rim);
      // A flattened ball cut at the brim; the division keeps the bound below the true distance.
      const dy = (y - MUSHROOM.brim) / MUSHROOM.dome, dx = x / MUSHROOM.cap, dz = z / MUSHROOM.cap;
      const dome = (Math.sqrt(dx * dx + dy * dy + dz * dz) - 1) * Math.min(MUSHROOM.cap, MUSHROOM.dome);
      return Math.min(stem, Math.max(dome, MUSHROOM.brim - y));
    },
    surface: [...circle(MUSHROOM.stem, MUSHROOM.rim), ...circle(MUSHROOM.stem - MUSHROOM.rim, 0),
      ...Array.from({ length: 13 }, (_, i) => i / 12).flatMap((h) => circle(MUSHROOM.cap * Math.sqrt(Math.max(0, 1 - h * h)), MUSHROOM.brim + h * MUSHROOM.dome))],
    bound: { height: 0.95, radius: 1.2 }, painted: (y) => y > MUSHROOM.brim - 0.01,
  },
};
