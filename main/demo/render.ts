/**
 * Ray-traced pictures of demo scenes: soft sun and sky light, soft shadows, sky and water reflections, haze at the
 * horizon, and extra rays only where the picture has an edge.
 *
 * A pixel's colour is a pure function of the scene: nothing is random here.
 */
import { hashText } from '../../common/random.ts';
import { ALBEDO, CAMERA } from './scene.ts';
import type { Ground, Light, Scene, SceneObject } from './scene.ts';
import { SOLIDS } from './scene-solid.ts';

/** What a pixel shows, in `renderSurfaces`. */
export const SURFACES = { sky: 0, ground: 1, main: 2, second: 3 } as const;

type Rgb = readonly [number, number, number];

interface LightLook {
  readonly horizon: Rgb;
  readonly zenith: Rgb;
  readonly sun: Rgb;
  readonly ambient: Rgb;
  /** Sharpness of shadows (larger is sharper) and how dark they are, 0 .. 1. */
  readonly sharpness: number;
  readonly shade: number;
}

const LIGHT_LOOKS: { readonly [L in Light]: LightLook } = {
  day: { horizon: [0.66, 0.82, 0.96], zenith: [0.13, 0.34, 0.78], sun: [1.42, 1.34, 1.16], ambient: [0.34, 0.42, 0.54], sharpness: 9, shade: 1 },
  dusk: { horizon: [1.0, 0.47, 0.2], zenith: [0.2, 0.13, 0.38], sun: [1.5, 0.83, 0.46], ambient: [0.36, 0.29, 0.4], sharpness: 7, shade: 1 },
  overcast: { horizon: [0.7, 0.71, 0.73], zenith: [0.4, 0.42, 0.46], sun: [0.42, 0.42, 0.42], ambient: [0.6, 0.62, 0.66], sharpness: 2.5, shade: 0.9 },
};

interface GroundLook {
  readonly low: Rgb;
  readonly high: Rgb;
  /** Texture cells per world unit, across and along. */
  readonly grain: readonly [number, number];
}

const GROUND_LOOKS: { readonly [G in Ground]: GroundLook } = {
  grass: { low: [0.09, 0.2, 0.035], high: [0.17, 0.31, 0.06], grain: [1.1, 0.8] },
  sand: { low: [0.54, 0.37, 0.19], high: [0.66, 0.48, 0.27], grain: [0.5, 1.6] },
  snow: { low: [0.76, 0.79, 0.84], high: [0.86, 0.88, 0.9], grain: [0.5, 0.5] },
  water: { low: [0.015, 0.13, 0.19], high: [0.025, 0.17, 0.24], grain: [0.5, 1.4] },
};

/** Colour of a mushroom's stem and of the second stripe. */
const PALE: Rgb = [0.8, 0.74, 0.62];
const STRIPE: Rgb = [0.85, 0.85, 0.83];
const GREY_STRIPE: Rgb = [0.36, 0.36, 0.38];
const STRIPES_PER_UNIT = 1.7;

const HAZE_DISTANCE = 26;
const HIT = 0.002;
const MARCH_STEPS = 72;
const SHADOW_STEPS = 28;
const NORMAL_STEP = 0.004;
/** A pixel gets extra rays when a neighbour's surface differs or a channel differs by more than this (0 .. 1, display values). */
const EDGE = 0.05;
/** Places of the extra rays inside a pixel, a rotated square. */
const EXTRA: readonly (readonly [number, number])[] = [[-0.125, -0.375], [0.375, -0.125], [0.125, 0.375], [-0.375, 0.125]];

/** An object ready for tracing: world to local is a shift, a turn and a division by the scale. */
interface Placed {
  readonly object: SceneObject;
  readonly distance: (x: number, y: number, z: number) => number;
  readonly cos: number;
  readonly sin: number;
  readonly boundHeight: number;
  readonly boundRadius: number;
  readonly albedo: Rgb;
  readonly stripe: Rgb;
  readonly painted: (y: number) => boolean;
}

function place(object: SceneObject): Placed {
  const solid = SOLIDS[object.category];
  const cos = Math.cos(object.yaw), sin = Math.sin(object.yaw), scale = object.scale;
  return {
    object, cos, sin,
    distance: (x, y, z) => {
      const dx = x - object.x, dz = z - object.z;
      return solid.distance((dx * cos - dz * sin) / scale, y / scale, (dx * sin + dz * cos) / scale) * scale;
    },
    boundHeight: solid.bound.height * scale, boundRadius: (solid.bound.radius + 0.02) * scale,
    albedo: ALBEDO[object.colour], stripe: object.colour === 'white' ? GREY_STRIPE : STRIPE, painted: solid.painted,
  };
}

/** Smooth value noise in [0, 1] on a unit lattice. */
function noise(x: number, y: number, seed: number): number {
  const ix = Math.floor(x), iy = Math.floor(y);
  const fx = x - ix, fy = y - iy;
  const sx = fx * fx * (3 - 2 * fx), sy = fy * fy * (3 - 2 * fy);
  const top = lattice(ix, iy, seed) * (1 - sx) + lattice(ix + 1, iy, seed) * sx;
  const low = lattice(ix, iy + 1, seed) * (1 - sx) + lattice(ix + 1, iy + 1, seed) * sx;
  return top * (1 - sy) + low * sy;
}

function lattice(x: number, y: number, seed: number): number {
  let h = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1) ^ seed;
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 4294967296;
}

/** Follows rays through one scene. `trace` writes linear RGB into `out` and returns the surface that was hit. */
interface Tracer {
  readonly trace: (u: number, v: number, out: Float64Array) => number;
  readonly surface: (u: number, v: number) => number;
}

function tracerOf(scene: Scene): Tracer {
  const placed = (scene.second === undefined ? [scene.main] : [scene.main, scene.second]).map(place);
  const look = LIGHT_LOOKS[scene.light], groundLook = GROUND_LOOKS[scene.ground];
  const textureSeed = hashText(`ground/${scene.texture}`);
  const flat = Math.cos(scene.sun.elevation);
  const sx = Math.sin(scene.sun.azimuth) * flat, sy = Math.sin(scene.sun.elevation), sz = Math.cos(scene.sun.azimuth) * flat;
  const cosPitch = Math.cos(CAMERA.pitch), sinPitch = Math.sin(CAMERA.pitch);
  const normal = new Float64Array(3), sky = new Float64Array(3), direction = new Float64Array(3), mirrored = new Float64Array(3);

  // Kept in an array: numbers that closures share would be allocated anew at every write.
  const found = new Float64Array(2);
  const EXIT = 0, DISTANCE = 1;
  /** Where a ray enters an object's bounding sphere (>= 0), or -1; where it leaves is left in `found[EXIT]`. */
  const enter = (p: Placed, ox: number, oy: number, oz: number, dx: number, dy: number, dz: number, grow: number): number => {
    const cx = ox - p.object.x, cy = oy - p.boundHeight, cz = oz - p.object.z;
    const b = cx * dx + cy * dy + cz * dz;
    const radius = p.boundRadius + grow;
    const inside = b * b - (cx * cx + cy * cy + cz * cz - radius * radius);
    if (inside <= 0) return -1;
    const half = Math.sqrt(inside);
    const exit = -b + half;
    found[EXIT] = exit;
    return exit <= 0 ? -1 : Math.max(0, -b - half);
  };

  /** Index of the nearest object along a ray, or -1; the distance is left in `found[DISTANCE]`. */
  const nearest = (ox: number, oy: number, oz: number, dx: number, dy: number, dz: number): number => {
    let index = -1, best = Infinity;
    for (let i = 0; i < placed.length; i++) {
      const p = placed[i];
      if (p === undefined) continue;
      let t = enter(p, ox, oy, oz, dx, dy, dz, 0);
      if (t < 0) continue;
      const end = Math.min(found[EXIT] ?? 0, best);
      for (let step = 0; step < MARCH_STEPS && t < end; step++) {
        const d = p.distance(ox + dx * t, oy + dy * t, oz + dz * t);
        if (d < HIT) { best = t; index = i; break; }
        t += d;
      }
    }
    found[DISTANCE] = best;
    return index;
  };

  /** Share of the sun that reaches a point, 0 .. 1. */
  const sunlight = (x: number, y: number, z: number): number => {
    let share = 1;
    for (const p of placed) {
      let t = enter(p, x, y, z, sx, sy, sz, 0.35 * p.object.scale);
      if (t < 0) continue;
      t = Math.max(t, 0.03);
      const end = found[EXIT] ?? 0;
      for (let step = 0; step < SHADOW_STEPS && t < end; step++) {
        const d = p.distance(x + sx * t, y + sy * t, z + sz * t);
        if (d < HIT) { share = 0; break; }
        share = Math.min(share, (look.sharpness * d) / t);
        t += Math.max(d, 0.03);
      }
      if (share === 0) break;
    }
    const soft = share * share * (3 - 2 * share);
    return 1 - look.shade * (1 - soft);
  };

  const paintSky = (up: number, out: Float64Array): void => {
    const share = Math.pow(Math.min(1, Math.max(0, up) * 2.1), 0.75);
    for (let c = 0; c < 3; c++) out[c] = (look.horizon[c] ?? 0) * (1 - share) + (look.zenith[c] ?? 0) * share;
  };

  const paintObject = (p: Placed, x: number, y: number, z: number, d: Float64Array, out: Float64Array): void => {
    const e = NORMAL_STEP;
    // Gradient from the four corners of a tetrahedron.
    const a = p.distance(x + e, y - e, z - e), b = p.distance(x - e, y - e, z + e);
    const c0 = p.distance(x - e, y + e, z - e), c1 = p.distance(x + e, y + e, z + e);
    let nx = a - b - c0 + c1, ny = -a - b + c0 + c1, nz = -a + b - c0 + c1;
    const length = Math.sqrt(nx * nx + ny * ny + nz * nz) || 1;
    nx /= length; ny /= length; nz /= length;
    normal[0] = nx; normal[1] = ny; normal[2] = nz;
    const { material } = p.object;
    const height = y / p.object.scale;
    const band = material === 'striped' && Math.floor(height * STRIPES_PER_UNIT * 2 + 0.5) % 2 !== 0;
    const albedo = !p.painted(height) ? PALE : band ? p.stripe : p.albedo;
    const facing = nx * sx + ny * sy + nz * sz;
    const lit = facing > 0 ? facing * sunlight(x + nx * 0.02, y + ny * 0.02, z + nz * 0.02) : 0;
    const skyward = 0.5 + 0.5 * ny;
    const contact = Math.min(1, 0.45 + 0.55 * height + 0.25 * Math.max(0, ny));
    const dx = d[0] ?? 0, dy = d[1] ?? 0, dz = d[2] ?? 0;
    const cosine = -(dx * nx + dy * ny + dz * nz);
    let gloss = 0, mirror = 0;
    if (material === 'shiny') {
      const hx = sx - dx, hy = sy - dy, hz = sz - dz;
      const half = Math.max(0, (hx * nx + hy * ny + hz * nz) / Math.sqrt(hx * hx + hy * hy + hz * hz));
      gloss = lit > 0 ? 1.5 * Math.pow(half, 48) * Math.min(1, lit * 3) : 0.15 * Math.pow(half, 48);
      mirror = 0.07 + 0.5 * Math.pow(1 - Math.max(0, cosine), 4);
      const up = dy + 2 * cosine * ny;
      if (up > 0) paintSky(up, sky);
      else for (let c = 0; c < 3; c++) sky[c] = (groundLook.high[c] ?? 0) * (look.ambient[c] ?? 0);
    }
    for (let c = 0; c < 3; c++) {
      const ambient = (look.ambient[c] ?? 0) * contact * (skyward + (1 - skyward) * 0.9 * (groundLook.high[c] ?? 0));
      const diffuse = (albedo[c] ?? 0) * (ambient + (look.sun[c] ?? 0) * lit);
      out[c] = diffuse * (1 - mirror) + mirror * (sky[c] ?? 0) * contact + gloss * (look.sun[c] ?? 0);
    }
  };

  const haze = (distance: number, out: Float64Array): void => {
    const share = 1 - Math.exp(-((distance / HAZE_DISTANCE) ** 2));
    for (let c = 0; c < 3; c++) out[c] = (out[c] ?? 0) * (1 - share) + (look.horizon[c] ?? 0) * share;
  };

  const paintGround = (x: number, z: number, t: number, d: Float64Array, out: Float64Array): void => {
    const [across, along] = groundLook.grain;
    const share = 0.65 * noise(x * across, z * along, textureSeed) + 0.35 * noise(x * across * 3, z * along * 3, textureSeed ^ 0x5bd1);
    let open = 1;
    for (const p of placed) {
      const ox = x - p.object.x, oz = z - p.object.z, reach = p.boundRadius + 0.8 * p.object.scale;
      if (ox * ox + oz * oz > reach * reach) continue;
      const away = p.distance(x, 0, z) / p.object.scale;
      open *= away < 0.8 ? 0.45 + 0.55 * Math.max(0, away) / 0.8 : 1;
    }
    const lit = Math.max(0, sy) * sunlight(x, 0.005, z);
    const dy = d[1] ?? 0;
    let mirror = 0;
    if (scene.ground === 'water') {
      mirror = 0.16 + 0.84 * Math.pow(1 + dy, 5);
      const ripple = 0.05 * (noise(x * 2.2, z * 5, textureSeed ^ 0x77) - 0.5);
      const mx = (d[0] ?? 0) + ripple, my = -dy + ripple, mz = d[2] ?? 0;
      const norm = 1 / Math.sqrt(mx * mx + my * my + mz * mz);
      mirrored[0] = mx * norm; mirrored[1] = my * norm; mirrored[2] = mz * norm;
      const hit = nearest(x, 0, z, mirrored[0], mirrored[1], mirrored[2]);
      const p = hit < 0 ? undefined : placed[hit];
      if (p === undefined) paintSky(mirrored[1], sky);
      else {
        const far = found[DISTANCE] ?? 0;
        paintObject(p, x + mirrored[0] * far, mirrored[1] * far, z + mirrored[2] * far, mirrored, direction);
        sky.set(direction);
        mirror = Math.min(1, mirror + 0.22);
      }
    }
    for (let c = 0; c < 3; c++) {
      const albedo = (groundLook.low[c] ?? 0) * (1 - share) + (groundLook.high[c] ?? 0) * share;
      const diffuse = albedo * ((look.ambient[c] ?? 0) * open + (look.sun[c] ?? 0) * lit);
      out[c] = diffuse * (1 - mirror) + mirror * (mirror > 0 ? sky[c] ?? 0 : 0);
    }
    haze(t, out);
  };

  const ray = new Float64Array(3);
  const aim = (u: number, v: number): void => {
    const rx = u / CAMERA.focal, rv = v / CAMERA.focal;
    const ry = rv * cosPitch - sinPitch, rz = rv * sinPitch + cosPitch;
    const norm = 1 / Math.sqrt(rx * rx + ry * ry + rz * rz);
    ray[0] = rx * norm; ray[1] = ry * norm; ray[2] = rz * norm;
  };

  return {
    surface: (u, v) => {
      aim(u, v);
      const hit = nearest(0, CAMERA.height, 0, ray[0] ?? 0, ray[1] ?? 0, ray[2] ?? 0);
      return hit >= 0 ? SURFACES.main + hit : (ray[1] ?? 0) < 0 ? SURFACES.ground : SURFACES.sky;
    },
    trace: (u, v, out) => {
      aim(u, v);
      const dx = ray[0] ?? 0, dy = ray[1] ?? 0, dz = ray[2] ?? 0;
      const hit = nearest(0, CAMERA.height, 0, dx, dy, dz);
      const p = hit < 0 ? undefined : placed[hit];
      if (p !== undefined) {
        const t = found[DISTANCE] ?? 0;
        paintObject(p, dx * t, CAMERA.height + dy * t, dz * t, ray, out);
        return SURFACES.main + hit;
      }
      if (dy >= 0) { paintSky(dy, out); return SURFACES.sky; }
      const t = -CAMERA.height / dy;
      paintGround(dx * t, dz * t, t, ray, out);
      return SURFACES.ground;
    },
  };
}

/** Linear light to a display value in [0, 1]: a soft shoulder above 0.8, then the sRGB curve. */
function display(linear: number): number {
  const x = linear <= 0 ? 0 : linear < 0.7 ? linear : 0.7 + 0.3 * (1 - Math.exp(-(linear - 0.7) / 0.3));
  return x <= 0.0031308 ? 12.92 * x : 1.055 * Math.pow(x, 1 / 2.4) - 0.055;
}

const DISPLAY_STEPS = 2048;
const DISPLAY_TOP = 2;
/** `display` at the ends of equal steps of linear light; between them the renderer interpolates (error below 1/1000). */
const DISPLAY = Float32Array.from({ length: DISPLAY_STEPS + 2 }, (_, i) => display((i * DISPLAY_TOP) / DISPLAY_STEPS));

function displayed(linear: number): number {
  const x = Math.min(DISPLAY_TOP, Math.max(0, linear)) * (DISPLAY_STEPS / DISPLAY_TOP);
  const i = x | 0, share = x - i;
  return (DISPLAY[i] ?? 0) * (1 - share) + (DISPLAY[i + 1] ?? 0) * share;
}

/** The scene's picture: RGB bytes, row-major from the top left, `[pixels, pixels, 3]`. */
export function renderScene(scene: Scene, pixels = 128): Uint8Array {
  const tracer = tracerOf(scene);
  const shown = new Float32Array(pixels * pixels * 3);
  const surface = new Uint8Array(pixels * pixels);
  const colour = new Float64Array(3);
  const place = (index: number, shift: number): number => ((index + 0.5 + shift) / pixels) * 2 - 1;
  for (let row = 0, at = 0; row < pixels; row++) {
    for (let column = 0; column < pixels; column++, at++) {
      surface[at] = tracer.trace(place(column, 0), -place(row, 0), colour);
      for (let c = 0; c < 3; c++) {
        shown[at * 3 + c] = displayed(colour[c] ?? 0);
      }
    }
  }
  const differs = (one: number, other: number): boolean => surface[one] !== surface[other]
    || Math.abs((shown[one * 3] ?? 0) - (shown[other * 3] ?? 0)) > EDGE
    || Math.abs((shown[one * 3 + 1] ?? 0) - (shown[other * 3 + 1] ?? 0)) > EDGE
    || Math.abs((shown[one * 3 + 2] ?? 0) - (shown[other * 3 + 2] ?? 0)) > EDGE;
  const bytes = new Uint8Array(pixels * pixels * 3);
  for (let row = 0, at = 0; row < pixels; row++) {
    for (let column = 0; column < pixels; column++, at++) {
      const edge = (column > 0 && differs(at, at - 1)) || (column + 1 < pixels && differs(at, at + 1))
        || (row > 0 && differs(at, at - pixels)) || (row + 1 < pixels && differs(at, at + pixels));
      let r = shown[at * 3] ?? 0, g = shown[at * 3 + 1] ?? 0, b = shown[at * 3 + 2] ?? 0;
      if (edge) {
        r = 0; g = 0; b = 0;
        for (const [right, down] of EXTRA) {
          tracer.trace(place(column, right), -place(row, down), colour);
          r += displayed(colour[0] ?? 0) / EXTRA.length;
          g += displayed(colour[1] ?? 0) / EXTRA.length;
          b += displayed(colour[2] ?? 0) / EXTRA.length;
        }
      }
      bytes[at * 3] = Math.round(255 * r);
      bytes[at * 3 + 1] = Math.round(255 * g);
      bytes[at * 3 + 2] = Math.round(255 * b);
    }
  }
  return bytes;
}

/** Which of `SURFACES` each pixel's centre shows, `[pixels, pixels]` row-major from the top left. */
export function renderSurfaces(scene: Scene, pixels = 128): Uint8Array {
  const tracer = tracerOf(scene);
  const out = new Uint8Array(pixels * pixels);
  for (let at = 0; at < out.length; at++) {
    const column = at % pixels, row = Math.floor(at / pixels);
    out[at] = tracer.surface(((column + 0.5) / pixels) * 2 - 1, 1 - ((row + 0.5) / pixels) * 2);
  }
  return out;
}
